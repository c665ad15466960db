"""Scores of written answers, as people gave them: OUT/written.csv, one row an answer.

    submission,question,score,comment
    KTFLQXB,q_coding_ssm_forward_cpu 2c Q1,0.5,the size is right; say why it is not zero

Comes in: that file (and any other OUT/written*.csv, one for each person who reads), and a Result as
it was graded. Goes out: the Result with the written questions that have a score. A submission is
called by its alias, which is all that its readers see, or by its id. A row without a score waits.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path

from autograder.course import Course, secret
from autograder.near import meant
from autograder.notebook import Notebook, Question
from autograder.overrides import OverridesError
from autograder.reports.wording import label
from autograder.results import NOT_HANDED_IN, NotebookResult, QuestionResult, Result
from autograder.separators import separator
from autograder.written.answers import written_questions

FILE = "written.csv"
FILES = "written*.csv"
HEAD = ("submission", "question", "score", "comment")
_MOST_ERRORS = 12
_LONGEST = 10_000  # characters of a comment
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_ALIAS = 7


class WrittenError(OverridesError):
    """Scores that cannot be used. Every line names a file and a row, and says what to do."""


@dataclass(frozen=True)
class Given:
    """What one answer got, and from whom it was read: `where` is a file and a line."""

    score: float
    comment: str
    where: str


@dataclass(frozen=True)
class Scores:
    """By a submission's id and a question's label ("q_x 2c Q1") what its answer got. In a notebook
    that was not handed in, a question that anybody has a score for counts 0 of its points."""

    course: Course
    given: Mapping[tuple[str, str], Given] = field(default_factory=dict)

    def apply(self, result: Result) -> Result:
        """The result with its written questions; `possible` grows by those that have a score."""
        notebooks = tuple(self._notebook(result.submission, n) for n in result.notebooks)
        more = [(n.score - before.score, n.possible - before.possible)
                for before, n in zip(result.notebooks, notebooks, strict=True)]  # fmt: skip
        return replace(
            result,
            notebooks=notebooks,
            score=result.score + sum(score for score, _ in more),
            possible=result.possible + sum(possible for _, possible in more),
        )

    def _answer(self, submission: str, notebook: NotebookResult, question: str) -> Given | None:
        given = self.given.get((submission, question))
        if given is None and notebook.problem == NOT_HANDED_IN:
            counts = any(name == question for _, name in self.given)
            return Given(0.0, "its notebook was not handed in", "") if counts else None
        return given

    def _notebook(self, submission: str, notebook: NotebookResult) -> NotebookResult:
        read = tuple(
            QuestionResult(q.name, q.part, q.title, given.score, q.points, (),
                           written=True, comment=given.comment)
            for n, q in written_questions(self.course)
            if n.name == notebook.name
            and (given := self._answer(submission, notebook, label(n, q))) is not None
        )  # fmt: skip
        return replace(
            notebook,
            questions=(*notebook.questions, *read),
            score=notebook.score + sum(q.score for q in read),
            possible=notebook.possible + sum(q.possible for q in read),
        )


def aliases(course: Course, ids: Collection[str], purpose: str = "written") -> dict[str, str]:
    """What readers see in place of an id (seven consonants, the same as long as the course's secret
    is) -> the id. Another purpose gives others, so that nobody can join the two. Digits are left
    out because spreadsheets take 2222E2 for a number, vowels because of what they would spell.

    Raises WrittenError where two submissions would share one (a pair in 10^9)."""
    key = secret(course.root).encode()
    found = {}
    for name in ids:
        digest = hmac.new(
            key, f"{purpose}\0{course.name}\0{name}".encode(), hashlib.sha256
        ).digest()
        found["".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_ALIAS])] = name
    if len(found) < len(set(ids)):
        raise WrittenError("two submissions have one alias: rename one of their files or folders")
    return found


def read(out: Path, course: Course, handed_in: Mapping[str, Collection[str]]) -> Scores:
    """The scores in OUT; none where there is no file. Raises WrittenError with a line for
    everything that is wrong.

    handed_in  for each submission of this run, the names of the notebooks it is graded on
    """
    files = sorted(path for path in out.glob(FILES) if path.is_file())
    if not files:
        return Scores(course)
    known = {path.parent.name for path in out.glob("*/result.json")} | set(handed_in)
    reader = _Reader(course, aliases(course, known), handed_in)
    for file in files:
        reader.read(file)
    if reader.errors:
        more = len(reader.errors) - _MOST_ERRORS
        rest = [f"... and {more} more"] if more > 0 else []
        raise WrittenError("\n".join([*reader.errors[:_MOST_ERRORS], *rest]))
    return Scores(course, reader.given)


class _Reader:
    """Reads files of scores, and notes what is wrong with them."""

    def __init__(
        self, course: Course, names: Mapping[str, str], handed_in: Mapping[str, Collection[str]]
    ):
        self.errors: list[str] = []
        self.given: dict[tuple[str, str], Given] = {}
        self._names = names
        self._ids = {name.casefold(): name for name in names.values()}
        self._handed_in = handed_in
        self._questions = {label(n, q): (n, q) for n, q in written_questions(course)}

    def read(self, file: Path) -> None:
        for line, row in self._rows(file):
            where = f"{file}, line {line}"
            if row["score"] or row["comment"]:
                try:
                    self._take(row, where)
                except ValueError as error:
                    self.errors.append(f"{where}: {error}")

    def _rows(self, file: Path) -> Iterator[tuple[int, dict[str, str]]]:
        try:
            text = file.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError):
            self.errors.append(f"{file}: it cannot be read; save it as CSV in UTF-8")
            return
        mark = separator(text)
        table = csv.reader(io.StringIO(text), delimiter=mark)
        try:
            head = [name.strip().lower() for name in next(table, [])]
            if missing := [name for name in HEAD[:3] if name not in head]:
                self.errors.append(f"{file}: its first row is to name the column '{missing[0]}'")
                return
            for cells in table:
                if len(cells) > len(head):
                    self.errors.append(
                        f"{file}, line {table.line_num}: it has {len(cells)} cells, and the first "
                        f"row {len(head)}; put a score or comment with '{mark}' in it in quotes"
                    )
                    continue
                row = dict(zip(head, map(str.strip, cells), strict=False))
                yield table.line_num, {name: row.get(name, "") for name in HEAD}
        except csv.Error as error:
            self.errors.append(f"{file}: it is no CSV ({error})")

    def _take(self, row: Mapping[str, str], where: str) -> None:
        submission = self._submission(row["submission"])
        notebook, question = self._question(row["question"])
        if not row["score"]:
            raise ValueError("a comment without a score: give one, 0 if need be")
        key = submission, label(notebook, question)
        if notebook.name not in self._handed_in.get(submission, [notebook.name]):
            raise ValueError(f"{submission} did not hand in {notebook.name}")
        if key in self.given:
            raise ValueError(f"this answer has a score already, in {self.given[key].where}")
        score = _points(row["score"], question)
        self.given[key] = Given(score, row["comment"][:_LONGEST], where)

    def _submission(self, name: str) -> str:
        found = self._names.get(name.upper()) or self._ids.get(name.casefold())
        if found is None:
            raise ValueError(
                f"no submission is called '{name}'{meant(name, [*self._names, *self._ids])}"
            )
        return found

    def _question(self, name: str) -> tuple[Notebook, Question]:
        wanted = " ".join(name.split())
        if wanted in self._questions:
            return self._questions[wanted]
        raise ValueError(f"no written question is called '{name}'{meant(wanted, self._questions)}")


def _points(text: str, question: Question) -> float:
    try:
        score = float(text.replace(",", "."))
    except ValueError:
        raise ValueError(f"the score '{text}' is no number") from None
    if not isfinite(score) or score < 0:
        raise ValueError(f"the score '{text}' is to be 0 or more")
    if score > question.points:
        raise ValueError(f"{text} points, and {question.part} gives {question.points:g} at most")
    return score


def blank(course: Course, handed_in: Mapping[str, Collection[str]], before: str = "") -> str:
    """A file to fill in: a row for each answer, question by question. Rows of `before` stay as they
    are, and what it lacks comes after them, in the same columns. Raises WrittenError."""
    before = before or ",".join(HEAD)
    text, mark = io.StringIO(), separator(before)
    text.write(before if before.endswith("\n") else f"{before}\n")
    table = csv.reader(io.StringIO(before.lstrip("\ufeff")), delimiter=mark)
    head = [name.strip().lower() for name in next(table, [])]
    if missing := [name for name in HEAD[:3] if name not in head]:
        raise WrittenError(f"{FILE}: its first row is to name the column '{missing[0]}'")
    rows = (dict(zip(head, map(str.strip, cells), strict=False)) for cells in table)
    there = {(row.get("submission", ""), row.get("question", "")) for row in rows}
    writer = csv.DictWriter(text, head, delimiter=mark, lineterminator="\n")
    names = aliases(course, handed_in)
    for notebook, question in written_questions(course):
        for name, submission in sorted(names.items()):
            row = name, label(notebook, question)
            if notebook.name in handed_in[submission] and row not in there:
                writer.writerow(dict(zip(HEAD, row, strict=False)))
    return text.getvalue()
