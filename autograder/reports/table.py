"""Results -> the class as a table: grades.csv, and lines or a table for the terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from autograder.course import Course
from autograder.reports.wording import first_word, plain, points, question_labels, questions
from autograder.results import Result

# What a spreadsheet takes for the beginning of a formula, the wide forms of = + - @ among it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MANY = 8  # parts that fit beside each other on a terminal


def grades_csv(results: Sequence[Result], course: Course) -> bytes:
    """A row a submission and member; an empty cell is a question that was not graded.

    In UTF-8 with a byte order mark: without it Excel, which most people open this with, takes
    names for another encoding and spoils them for good. Programs read it as "utf-8-sig".
    """
    labels = question_labels(course, results)
    head = ["submission", "student", "score", "possible", "status", "level", "seconds", *labels]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(map(cell, head))
    for result in results:
        scores = {name: question.score for name, question in questions(result).items()}
        for student in result.members or ("",):
            writer.writerow(
                [
                    cell(result.submission),
                    cell(student),
                    number(result.score),
                    number(result.possible),
                    result.status,
                    cell(result.level),
                    number(result.seconds),
                    *(number(scores[name]) if name in scores else "" for name in labels),
                ]
            )
    return text.getvalue().encode("utf-8-sig")


def cell(text: str) -> str:
    """Text that no spreadsheet runs: on one line, no other separator, no formula's beginning."""
    line = " ".join(plain(text, 500).replace(";", ",").split())
    return f"'{line}" if text.startswith(_FORMULA) or line.startswith(_FORMULA) else line


def number(value: float) -> float:
    """A score as a table has it: at most four digits after the point, none for a whole number."""
    rounded = round(value, 4)
    return int(rounded) if rounded == int(rounded) else rounded


def show(results: Sequence[Result], course: Course, console: Console) -> None:
    """The class on a terminal as a table, in a pipe as a line a submission."""
    if console.is_terminal:
        console.print(table(results, course))
    else:
        for line in lines(results, course):
            console.file.write(f"{line}\n")  # the console itself would spread the tabs


def table(results: Sequence[Result], course: Course) -> Table:
    """Submission, score, status, scores by part, and the first thing to know. Where the course has
    many parts, those that lost points stand above what to know. What is worth nothing is left out.
    """
    asked = {name for r in results for name, q in questions(r).items() if q.possible}
    labels = [name for name in question_labels(course, results) if name in asked]
    few = len(labels) <= _MANY
    view = Table(pad_edge=False, box=SIMPLE_HEAD)
    view.add_column("submission", overflow="fold", max_width=32, min_width=20)
    view.add_column("score", justify="right", no_wrap=True)
    view.add_column("status", no_wrap=True)
    for name in labels if few else []:
        view.add_column(Text(name.rpartition(" ")[2]), justify="right")
    view.add_column("to know first" if few else "points lost, and what to know first", ratio=1)
    for result in results:
        lost = Columns([] if few else [Text(part) for part in _lost(result)], padding=(0, 2))
        known = Text(_first_word(result), overflow="fold")
        view.add_row(
            Text(plain(result.submission, 120), style="bold"),
            f"{points(result.score)}/{points(result.possible)}",
            Text(result.status, style="" if result.status == "ok" else "bold yellow"),
            *(Text(_part(result, name)) for name in labels if few),
            Group(lost, *[known] * bool(known)),
        )
    return view


def _first_word(result: Result) -> str:
    """What to know first, on few lines; where all ran, the likely cause of the first failure."""
    causes = (t.cause for q in questions(result).values() for t in q.tests if not t.passed)
    text = plain(" ".join((first_word(result) or next(filter(None, causes), "")).split()))
    return text if len(text) <= 120 else f"{text[:119].rpartition(' ')[0] or text[:119]} …"


def _part(result: Result, name: str) -> str:
    question = questions(result).get(name)
    return f"{points(question.score)}/{points(question.possible)}" if question else ""


def _lost(result: Result) -> list[str]:
    """The parts that lost points, and a whole notebook without any as "1a-1f 0/13"."""
    lost = []
    for notebook in result.notebooks:
        parts = [(q.part, q.score, q.possible) for q in notebook.questions]
        if len(parts) > 1 and notebook.score == 0:
            parts = [(f"{parts[0][0]}-{parts[-1][0]}", 0.0, notebook.possible)]
        lost += [f"{part} {points(score)}/{points(most)}" for part, score, most in parts
                 if score < most]  # fmt: skip
    return lost


def lines(results: Sequence[Result], course: Course) -> Iterator[str]:
    """One line a submission, for pipes: id, score, status, parts that are worth something, first
    thing to know."""
    for result in results:
        asked = [q for q in questions(result).values() if q.possible]
        parts = " ".join(f"{q.part}={points(q.score)}" for q in asked)
        score = f"{points(result.score)}/{points(result.possible)}"
        name = " ".join(plain(result.submission, 120).split())
        yield "\t".join([name, score, result.status, parts, _first_word(result)]).rstrip()
