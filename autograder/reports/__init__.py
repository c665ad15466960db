"""Reports: functions of Results. Nothing here grades, and nothing here trusts what it shows.

For each submission a folder of its id: results.json (Gradescope's), feedback.html (for its
author) and result.json (the whole Result as it was graded, read by later runs). For the class
grades.csv and report.html. Every file is written whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from autograder.archives import write as write_file
from autograder.course import Course
from autograder.intake import Submission
from autograder.reports.gradescope import results_json
from autograder.reports.pages import feedback_page, report_page, unmade_page
from autograder.reports.store import DamagedResultError, from_json, to_json
from autograder.reports.table import grades_csv, lines, show, table
from autograder.results import Result

__all__ = [
    "DamagedResultError",
    "feedback_page",
    "from_json",
    "grades_csv",
    "keep",
    "lines",
    "read",
    "report_page",
    "results_json",
    "score_shown",
    "show",
    "table",
    "to_json",
    "write",
    "write_class",
]


def write(result: Result, course: Course, out: Path, submission: Submission | None = None) -> str:
    """What is shown of one submission, in a folder of its id, with its own cells where they are at
    hand. Where the page cannot be made there is a plain one, and the reason is returned; else "".
    Raises ValueError for an id that is no folder's name."""
    folder = _folder(out, result.submission)
    gradescope = json.dumps(results_json(result, course), indent=1, ensure_ascii=False)
    write_file(folder / "results.json", gradescope.encode("utf-8", "replace"))
    problem = ""
    try:
        page = feedback_page(result, course, submission)
    except Exception as error:  # whatever a stranger's text led to, it costs this page alone
        problem = f"{type(error).__name__}: {error}"
        page = unmade_page(result, course)
    write_file(folder / "feedback.html", page.encode("utf-8", "replace"))
    return problem


def score_shown(out: Path, submission: str) -> float | None:
    """The score in the results.json that `write` left for this id; None where there is none."""
    try:
        shown = json.loads((_folder(out, submission) / "results.json").read_text("utf-8"))
        return float(shown["score"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def keep(result: Result, out: Path) -> None:
    """Keep a result for later runs. Raises ValueError for an id that is no folder's name."""
    write_file(_folder(out, result.submission) / "result.json", to_json(result).encode("ascii"))


def read(out: Path, submission: str) -> Result | None:
    """The result that `keep` left for this id; None where there is none that can be used."""
    try:
        return from_json((_folder(out, submission) / "result.json").read_text("ascii"))
    except (OSError, UnicodeDecodeError, DamagedResultError):
        return None


def write_class(
    results: Sequence[Result], course: Course, out: Path, again: Sequence[str] = ()
) -> None:
    """grades.csv and report.html of the class, in the order given. `again` is the command that
    graded it."""
    write_file(out / "grades.csv", grades_csv(results, course))
    write_file(out / "report.html", report_page(results, course, again).encode("utf-8", "replace"))


def _folder(out: Path, submission: str) -> Path:
    if submission in ("", ".", "..") or Path(submission).name != submission:
        raise ValueError(f"{submission!r} is not an id: it names no folder here")
    return out / submission
