"""Words and numbers that all reports share: points, sentences, and strangers' text made plain."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from autograder.course import Course
from autograder.notebook import Notebook, Question
from autograder.results import CellProblem, NotebookResult, QuestionResult, Result, Status

LONGEST = 2000  # characters of any one message

STATUS = {
    "ok": "all of it ran",
    "partly": "some of it did not run",
    "unreadable": "could not be read",
}


def plain(text: str, most: int = LONGEST) -> str:
    """A stranger's text, fit to show: what steers a terminal or turns the direction of writing is
    replaced by a visible mark, and what is too long is cut with a note."""
    shown = "".join(map(_visible, text[:most]))
    return shown if len(text) <= most else f"{shown}… ({len(text) - most:,} more characters)"


def _visible(character: str) -> str:
    if character in "\n\t\u200c\u200d":  # the last two join letters in several scripts
        return character
    return "\ufffd" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character


def points(number: float) -> str:
    """A number of points without needless digits.

    >>> points(3.0), points(2.5), points(2 / 3)
    ('3', '2.5', '0.67')
    """
    return f"{round(number, 2):.10g}"


def score_sentence(result: Result) -> str:
    """The score in words. Written answers are scored by people, later: hence "so far"."""
    if result.possible:
        return f"{points(result.score)} of the {points(result.possible)} points graded so far"
    if result.status == "unreadable":
        return "Nothing could be graded"
    return "What was handed in has no points that are graded automatically"


def label(notebook: Notebook | NotebookResult, question: Question | QuestionResult) -> str:
    """A question's name among those of all notebooks: "q_ridge_attention 4f"."""
    return f"{notebook.name} {question.part}"


def questions(result: Result) -> dict[str, QuestionResult]:
    """The graded questions of a result by their label."""
    return {label(n, q): q for n in result.notebooks for q in n.questions}


def question_labels(course: Course, results: Iterable[Result] = ()) -> list[str]:
    """Labels of all automatically graded questions, and of the written ones that somebody got a
    score for, in the course's order."""
    read = {name for r in results for name, q in questions(r).items() if q.written}
    labels = [(label(n, q), q.manual) for n in course.notebooks for q in n.questions]
    return [name for name, manual in labels if not manual or name in read]


def cell_sentence(problem: CellProblem) -> str:
    """What happened to a cell: "Cell 4 raised ValueError: ..."."""
    return f"Cell {problem.cell} {plain(problem.message)}"


def first_word(result: Result) -> str:
    """What a person should know of a result before all else; empty where all went well. Which
    notebook is meant is said where there is more than one."""
    if result.problems:
        return plain(result.problems[0], 300)
    for notebook in result.notebooks:
        where = f"{notebook.name}: " if len(result.notebooks) > 1 else ""
        for text in (notebook.problem, *map(cell_sentence, notebook.cells)):
            if text:
                return plain(f"{where}{text}", 300)
    for question in questions(result).values():
        for text in (question.problem, *(test.remark for test in question.tests)):
            if text:
                return plain(f"{question.part}: {text}", 300)
    return ""


def needs_a_person(result: Result) -> bool:
    """Whether somebody should look: it could not be read or run, something was left out, or a
    check that passed found something odd."""
    status: Status = result.status
    remarks = (t.remark for q in questions(result).values() for t in q.tests)
    return status != "ok" or bool(result.problems) or any(remarks)
