"""A Result -> Gradescope's results.json.

Format: https://gradescope-autograders.readthedocs.io/en/latest/specs/ ("Output Format").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autograder.course import Course
from autograder.reports import timing
from autograder.reports.wording import cell_sentence, label, plain, score_sentence
from autograder.results import NotebookResult, QuestionResult, Result, TestResult

Row = dict[str, Any]


def results_json(result: Result, course: Course) -> dict[str, Any]:
    """What Gradescope shows: a row a test case, and for instructors alone `extra_data`.

    A hidden test's name and message are shown, its source and inputs are in no Result. Where the
    course tells the cause of a mistake after the due date, it stands in a row of its own. The
    rows' scores add up to the total, which is given too, so rounding cannot change it.
    """
    rows = [row for notebook in result.notebooks for row in _notebook_rows(notebook, course)]
    rows += [
        _row("", f"Adjusted: {more.reason}", more.points, 0.0, True, "")
        for more in result.adjustments
    ]
    rows += [
        _row(t.part, f"{t.notebook} {t.part}: {t.title}, time", t.score, t.possible,
             t.score >= t.possible, t.problem)
        for t in result.timings
        if t.possible
    ]  # fmt: skip
    return {
        "score": result.score,
        "output": _output(result),
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "execution_time": round(result.seconds),  # whole: finer, it is a clock for students
        "tests": rows or [_nothing_graded(result)],
        "extra_data": _extra_data(result),
    }


def _notebook_rows(notebook: NotebookResult, course: Course) -> Iterator[Row]:
    for question in notebook.questions:
        yield from _question_rows(notebook, question, course)
    left = notebook.possible - sum(q.possible for q in notebook.questions)
    if not notebook.questions or left > 1e-9:
        earned = notebook.score - sum(q.score for q in notebook.questions)
        yield _row("", notebook.name, earned, left, earned >= left, notebook.problem)


def _question_rows(
    notebook: NotebookResult, question: QuestionResult, course: Course
) -> Iterator[Row]:
    name = label(notebook, question)
    if question.written:
        title, comment = f"{name}: {question.title}", plain(question.comment, 20_000)
        row = _row(question.part, title, question.score, question.possible, True, comment)
        yield {key: value for key, value in row.items() if key != "status"}  # the score colours it
        return
    earned = sum(test.points for test in question.tests if test.passed)
    offered = sum(test.points for test in question.tests)
    if abs(earned - question.score) > 1e-9 or abs(offered - question.possible) > 1e-9:
        # The question's points are not its tests' points (all or nothing): one row for all.
        said = "\n".join(f"{t.name}: {_said(t, course)}" for t in question.tests if not t.passed)
        said = said or question.problem
        full = question.score >= question.possible
        title = f"{name}: {question.title}"
        yield _row(question.part, title, question.score, question.possible, full, said)
        return
    for count, test in enumerate(question.tests, start=1):
        number = f"{question.part}.{count}"
        title = f"{name}: {test.name}"
        score = test.points if test.passed else 0.0
        said = "\n".join(filter(None, (plain(test.note), _said(test, course))))
        yield _row(number, title, score, test.points, test.passed, said)
        if test.cause and not test.passed and course.tell_cause == "after due":
            yield {
                "number": number,
                "name": f"{title} (the likely cause)",
                "output": plain(test.cause),
                "output_format": "text",
                "visibility": "after_due_date",
            }


def _said(test: TestResult, course: Course) -> str:
    """What a failed test's row says: where it differs always, the cause if everybody is told."""
    if test.passed:
        return ""
    told = test.cause if course.tell_cause == "always" else ""
    return "\n".join(plain(text) for text in (test.message, told) if text)


def _row(number: str, name: str, score: float, possible: float, passed: bool, output: str) -> Row:
    return {
        "number": number,
        "name": plain(name, 200),
        "score": score,
        "max_score": possible,
        "status": "passed" if passed else "failed",
        "output": output,
        "output_format": "text",
        "visibility": "visible",
    }


def _nothing_graded(result: Result) -> Row:
    """Gradescope wants a row even where there was nothing to run a test on."""
    said = "\n".join(plain(problem) for problem in result.problems)
    return _row("", "The submission could not be read", 0.0, result.possible, False, said)


def _output(result: Result) -> str:
    """The text above the rows: the score in words, and what its author should know first."""
    lines = [f"{score_sentence(result)}.", *result.problems]
    for notebook in result.notebooks:
        if notebook.file:
            lines.append(
                f"{notebook.name}: graded from {notebook.file}, known by {notebook.identified_by}."
            )
        lines += [f"{notebook.name}: {cell_sentence(problem)}" for problem in notebook.cells]
    lines += timing.lines(result)
    return plain("\n".join(map(plain, lines)), 20_000)


def _extra_data(result: Result) -> dict[str, Any]:
    return {
        "bundle": result.bundle,
        "seed": result.seed,
        "level": result.level,
        "missing_layers": list(result.missing_layers),
        "device": result.device,
        "notebooks": {
            n.name: {
                "score": n.score,
                "possible": n.possible,
                "status": n.status,
                "seconds": n.seconds,
            }
            for n in result.notebooks
        },
        "causes": [
            {"name": f"{label(n, q)}: {t.name}", "cause": t.cause}
            for n in result.notebooks
            for q in n.questions
            for t in q.tests
            if t.cause
        ],
        "remarks": [
            {"name": f"{label(n, q)}: {t.name}", "remark": t.remark}
            for n in result.notebooks
            for q in n.questions
            for t in q.tests
            if t.remark
        ],
        "timing": timing.rows(result),
    }
