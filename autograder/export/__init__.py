"""Grades on their way out: results in OUT, as they count -> the files that other places read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from autograder import decisions, reports
from autograder.course import Course
from autograder.reports.table import cell
from autograder.results import Result


class ExportError(Exception):
    """An export that cannot be made. Says what to do."""


def results(out: Path, course: Course) -> list[Result]:
    """All results in OUT with what people decided since. Raises ExportError, OverridesError."""
    found = []
    for folder in sorted(path.parent for path in out.glob("*/result.json")):
        result = reports.read(out, folder.name)
        if result is None:
            raise ExportError(f"{folder / 'result.json'} cannot be read: grade it again")
        found.append(result)
    if not found:
        raise ExportError(f"{out}: there are no results here; is it the --out of a grading?")
    names = sorted({n.name for result in found for n in result.notebooks})
    if names and not {n.name for n in course.notebooks} & set(names):
        raise ExportError(
            f"{out}: these results are of {', '.join(names)}, and this homework is {course.name}: "
            "say which one is meant with --bundle"
        )
    handed_in = {r.submission: [n.name for n in r.notebooks if n.file] for r in found}
    decided = decisions.read(out, course, handed_in)
    return [decided.apply(result) for result in found]


def earlier(out: Path, graded: Sequence[Result]) -> list[str]:
    """Of these, the submissions that grades.csv does not have: they were graded earlier, and were
    not there when the class was graded last. Raises ExportError."""
    try:
        with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as table:
            there = {row["submission"] for row in csv.DictReader(table)}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError):
        raise ExportError(f"{out / 'grades.csv'} cannot be read: grade the class again") from None
    return [r.submission for r in graded if cell(r.submission) not in there]
