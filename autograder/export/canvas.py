"""Scores into a gradebook exported from Canvas: one column is filled in, the rest stays.

Comes in: results, and the CSV as Canvas exported it. Goes out: the same CSV to import there, and
a line for everybody who could not be placed. Students are told apart by Canvas's id, SIS id or
login, never by name; a submission that came from nowhere that knows ids is looked up by its own id.
Students choose their names, so one that a spreadsheet would take for a formula is made text; Canvas
goes by the ids.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.export import ExportError
from autograder.reports.table import cell, number
from autograder.results import Result
from autograder.separators import separator

_ASSIGNMENT = re.compile(r"(.*\S)\s*\((\d+)\)")
_IDS = ("ID", "SIS User ID", "SIS Login ID")


@dataclass(frozen=True)
class Filled:
    """The gradebook with scores, how many rows got one, and who could not be placed."""

    content: bytes
    count: int
    left: tuple[str, ...]


def fill(gradebook: bytes, results: Sequence[Result], assignment: str) -> Filled:
    """The gradebook with the scores in the column of `assignment`, by its name or its number.
    Raises ExportError."""
    table = _Gradebook(gradebook)
    column = table.assignment(assignment)
    placed: dict[int, str] = {}
    left = []
    for result in results:
        for who, keys in _people(result):
            row = next((r for key in keys if (r := table.row(*key)) is not None), None)
            if row is None:
                left.append(f"{result.submission}: no row for {who}")
            elif row in placed:
                raise ExportError(
                    f"{placed[row]} and {result.submission} are both for {table.who(row)}: "
                    "move the results that do not count out of the folder"
                )
            else:
                placed[row] = result.submission
                table.rows[row][column] = str(number(result.score))
    return Filled(table.content(), len(placed), tuple(left))


def _people(result: Result) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Everybody whom a result is for: what to call them, and (column, value) pairs to find their
    row by, the surest first."""
    about = result.metadata
    names = list(result.members) or [result.submission]
    sids, emails = (about.get(key, "").split("\n") for key in ("sids", "emails"))
    for place, who in enumerate(names):
        sid, email = (v[place] if place < len(v) else "" for v in (sids, emails))
        keys = [("ID", about.get("user_id", "")), ("SIS User ID", sid), ("SIS Login ID", email),
                ("SIS Login ID", email.partition("@")[0])]  # fmt: skip
        if not any(value for _, value in keys):
            keys = [(column, result.submission) for column in reversed(_IDS)]
        yield who, [(column, value) for column, value in keys if value]


class _Gradebook:
    """The table, with rows found by ids. The rows above the students have none."""

    def __init__(self, content: bytes):
        try:
            text = content.decode("utf-8-sig")
            self._separator = separator(text)
            table = csv.reader(io.StringIO(text, newline=""), delimiter=self._separator)
            self.rows = list(table)
        except (UnicodeDecodeError, csv.Error) as error:
            raise ExportError(f"the gradebook is no CSV in UTF-8: {error}") from None
        self._mark = content.startswith(b"\xef\xbb\xbf")
        self._end = "\r\n" if b"\r\n" in content else "\n"
        head = self.rows[0] if self.rows else []
        self._columns = {name: place for place, name in enumerate(head)}
        if "Student" not in self._columns or "ID" not in self._columns:
            raise ExportError("this is no gradebook: its first row has no 'Student' and 'ID'")
        for row in self.rows[1:]:
            row.extend([""] * (len(head) - len(row)))
        self._places = {name: self._index(name) for name in _IDS}

    def _index(self, column: str) -> dict[str, int | None]:
        """Value -> row; None where two rows have it, so that nobody gets another's score."""
        found: dict[str, int | None] = {}
        if column in self._columns:
            for place, row in enumerate(self.rows[1:], 1):
                value = row[self._columns[column]].strip().casefold()
                found[value] = None if value in found else place
        return found

    def row(self, column: str, value: str) -> int | None:
        return self._places[column].get(value.strip().casefold())

    def who(self, row: int) -> str:
        return self.rows[row][self._columns["Student"]]

    def assignment(self, wanted: str) -> int:
        """The place of the assignment's column."""
        named = {
            place: match
            for place, head in enumerate(self.rows[0])
            if (match := _ASSIGNMENT.fullmatch(head.strip()))
        }
        found = [p for p, m in named.items() if wanted.casefold() in (m[1].casefold(), m[2])]
        if len(found) == 1:
            return found[0]
        there = ", ".join(repr(match[0]) for match in named.values()) or "none"
        said = "two columns are" if found else "no column is"
        raise ExportError(f"{said} called '{wanted}': name one with --assignment; there: {there}")

    def content(self) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._separator, lineterminator=self._end)
        student = self._columns["Student"]
        writer.writerow(self.rows[0])
        for row in self.rows[1:]:
            name = row[student]
            formula = cell(name).startswith("'") and not name.startswith("'")
            writer.writerow([*row[:student], cell(name) if formula else name, *row[student + 1 :]])
        return text.getvalue().encode("utf-8-sig" if self._mark else "utf-8")
