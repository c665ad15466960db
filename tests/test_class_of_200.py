"""A class of 200 with everything wrong that can be: its pages stay small enough to open at once."""

from __future__ import annotations

import json
from html import unescape
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import intake, leaks, masters, release, reports
from autograder.course import Course
from autograder.intake import Submission
from autograder.results import (
    CellProblem,
    NotebookResult,
    QuestionResult,
    Result,
    TimedPair,
    TimedSize,
    Timing,
)
from autograder.results import TestResult as CaseResult
from autograder.written import pages
from tests import accessibility

ROOT = Path(__file__).resolve().parent.parent
LARGEST = 5_000_000  # bytes of a page
PHOTO = (
    "data:image/png;base64,iVBORw0KGgoA" + "A" * 400_000
)  # as large as a phone's are when pasted
MESSAGE = (
    "N = 5, T = 7, D = 3, H = 4: 100% of the entries differ, first at sequence 0, step 0. " * 3
)
CAUSE = (
    "your output equals the right one for W transposed: on which side of W do rows of states go?"
)


@pytest.fixture(scope="module")
def course() -> Course:
    return courses.load(ROOT)


def handed_in(folder: Path, course: Course) -> Submission:
    """Every notebook of the homework, each written answer long, with a formula and a photograph."""
    answer = (
        "Because $h_t = W h_{t-1}$, " + "the state has to wait. " * 200 + f"\n\n![photo]({PHOTO})"
    )
    (folder / "student").mkdir()
    for notebook in course.notebooks:
        name = f"{notebook.name}.ipynb"
        text = (ROOT / "notebooks" / name).read_text("utf-8")
        content = json.loads(text)
        for cell in content["cells"]:
            if cell["cell_type"] == "markdown" and "".join(cell["source"]).startswith("_Type your"):
                cell["source"] = answer
        (folder / "student" / name).write_text(json.dumps(content), "utf-8")
    [submission] = intake.read([folder], course).submissions
    return submission


def timed(course: Course) -> tuple[Timing, ...]:
    """Every comparison of the course, measured at all its sizes."""
    contestants = ("your a", "your b", "the reference's a", "the reference's b")
    pairs = tuple(TimedPair(c, "your a", 1.2, 0.9, 1.5, 30, "undecided") for c in contestants[1:])
    sizes = tuple(
        TimedSize({"H": H, "T": T}, dict.fromkeys(contestants, (1e-3, 2e-3, 3e-3)),
                  dict.fromkeys(contestants, 1e6), pairs)
        for H in (4, 16) for T in (8, 64, 512)
    )  # fmt: skip
    return tuple(
        Timing(n.name, "2c", f"Timing of {n.name}", "a", "b", "cpu", "measured", "a processor",
               sizes=sizes, notes=("A note that its reader should know.",))
        for n in course.notebooks[1:3]
    )  # fmt: skip


def all_wrong(course: Course, name: str) -> Result:
    """A result in which every test failed with much to say, and every written answer has a long
    comment."""
    notebooks = tuple(
        NotebookResult(
            n.name, n.title, 0.0, n.possible, "partly", f"{n.name}.ipynb", "its embedded id",
            tuple(
                QuestionResult(
                    q.name, q.part, q.title, 0.0, q.points,
                    tuple(CaseResult(t.name, t.points, False, t.hidden, MESSAGE, CAUSE, "odd")
                          for t in q.tests),
                    written=q.manual, comment="Say why. " * 200 if q.manual else "",
                )
                for q in n.questions
            ),
            tuple(CellProblem(cell, "raised", f"raised ValueError: {MESSAGE}") for cell in (3, 5)),
            values={"hours": float(len(name))},
        )
        for n in course.notebooks
    )  # fmt: skip
    possible = sum(n.possible for n in notebooks)
    return Result(
        name, 0.0, possible, "partly", notebooks, members=(f"Student {name}", "A partner"),
        problems=("A sentence for its authors. " * 5,) * 3, level="namespaces", seed=course.seed,
        metadata={"submitted": "2026-11-25 10:00:00 -0800"}, timings=timed(course),
    )  # fmt: skip


def test_the_report_of_a_class_of_200_is_small_and_without_a_finding(course) -> None:
    results = [all_wrong(course, f"student_{number}") for number in range(200)]
    html = reports.report_page(results, course, ["autograder", "grade", "class", "--out", "x"])
    assert "student_199" in html
    assert len(html.encode()) < LARGEST
    assert accessibility.of_page(html) == []


def test_the_largest_feedback_is_small_and_without_a_finding(tmp_path, course) -> None:
    submission = handed_in(tmp_path, course)
    assert set(submission.notebooks) == {n.name for n in course.notebooks}
    html = reports.feedback_page(all_wrong(course, "student"), course, submission)
    assert html.count("the state has to wait") > 1000
    assert "data:image/png" in html
    assert len(html.encode()) < LARGEST
    assert accessibility.of_page(html) == []


def test_no_page_that_students_see_holds_what_is_hidden(course) -> None:
    [untouched] = intake.read(
        [ROOT / "data" / "submissions" / "val_all_untouched.zip"], course
    ).submissions
    secrets = release._other_secrets(course, [masters.read(n.master) for n in course.notebooks])
    secrets += [
        leaks.Secret(leaks.squeezed(line), q.name)
        for n in course.notebooks
        for q in n.questions
        for line in q.rubric.splitlines()
        if len(line) >= leaks.SHORTEST
    ]
    result = all_wrong(course, untouched.id)
    names = {untouched.id: "ALIAS"}
    for_readers = [
        pages.question_page(q, course, [untouched], names)[0] for q in pages.asked(course)
    ]

    def found(*html: str) -> list[leaks.Leak]:
        return leaks.find({f"{i}.html": unescape(h).encode() for i, h in enumerate(html)}, secrets)

    assert len(found(*for_readers)) > 100, "the search does not find what readers are shown"
    for_students = (
        reports.feedback_page(result, course, untouched),
        pages.document(untouched, course),
        json.dumps(reports.results_json(result, course)["tests"]),
    )
    assert found(*for_students) == []
