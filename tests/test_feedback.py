"""Feedback shows a student's own notebook with remarks at the cells they belong to."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import reports
from autograder.intake import Cell, Submission, SubmittedNotebook
from autograder.notebook import Given
from autograder.reports import remarks
from autograder.results import CellProblem, QuestionResult
from tests import accessibility
from tests.test_markdown import INJECTIONS
from tests.test_reports import COURSE, Page, graded

HANDED_OUT = "### 2c Q1 · In words\n\nSay why."
PNG = "data:image/png;base64,iVBORw0KGgo="


def course():
    """The course of the report tests, with what its questions ask for and what was handed out."""
    forward, ridge = COURSE.notebooks
    asks = replace(forward.questions[0], asks=("forward", "kernel"))
    forward = replace(
        forward,
        questions=(asks, *forward.questions[1:]),
        given=(
            Given("", "markdown", "# Welcome"),
            Given("q2c_1", "markdown", HANDED_OUT),
            Given("q2c_1", "markdown", "_Type your answer here._"),
        ),
    )
    return replace(COURSE, notebooks=(forward, ridge))


def cell(number: int, source: str, kind: str = "code", **more) -> Cell:
    return Cell(number, kind, source, **more)  # type: ignore[arg-type]


CELLS = (
    cell(1, "# Welcome", "markdown"),
    cell(2, "import torch"),
    cell(3, "def kernel(W): ...\ndef forward(x): return 'old'"),
    cell(4, "1 / 0"),
    cell(5, "def forward(x):\n    return 'mine'"),
    cell(6, HANDED_OUT, "markdown"),
    cell(7, "Because $x^2$: ![p](attachment:a.png)", "markdown", pictures=(("a.png", PNG),)),
)


def submitted(*cells: Cell) -> Submission:
    notebook = SubmittedNotebook("q_forward", "f.ipynb", "its name", cells or CELLS)
    return Submission("ada", (), {"q_forward": notebook}, (), True, {}, "")


def scored(comment: str = "Say more about the second step."):
    """The first notebook, whose cell 4 raised, and whose written answer has a score."""
    result = graded("right at any length")
    notebook = result.notebooks[0]
    read = QuestionResult("q2c_1", "2c Q1", "In words", 1.5, 3, written=True, comment=comment)
    notebook = replace(
        notebook,
        questions=(*notebook.questions, read),
        cells=(CellProblem(4, "raised", "raised ZeroDivisionError"),),
        score=notebook.score + 1.5,
        possible=notebook.possible + 3,
    )
    return replace(result, notebooks=(notebook, result.notebooks[1]), score=5.5, possible=9)


def words(html: str) -> str:
    return " ".join(Page(html).words.split())


def test_remarks_stand_below_the_cells_they_belong_to_in_the_notebook_s_order() -> None:
    text = words(reports.feedback_page(scored(), course(), submitted()))
    order = [
        "Cell 2: nothing to say (1 more as handed out)",
        "Cell 3 def kernel(W)",
        "Cell 4 1 / 0 Cell 4 raised ZeroDivisionError",
        "Cell 5 def forward(x): return 'mine'",
        "2a Forward 0 of 2 ✓ Right a worked example practice ✗ Not yet right at any length",
        "Cell 7 Because",
        "2c Q1 In words 1.5 of 3 Say more about the second step.",
    ]
    places = [text.find(part) for part in order]
    assert -1 not in places, [part for part, place in zip(order, places, strict=True) if place < 0]
    assert places == sorted(places)
    assert text.count("Say why.") == 0, "what was handed out is repeated"


def test_a_question_that_no_cell_answers_stands_first() -> None:
    text = words(reports.feedback_page(scored(), course(), submitted(cell(1, "x = 1"))))
    assert text.index("2a Forward 0 of 2") < text.index("Cell 1: nothing to say")
    assert text.index("Say more about") < text.index("Cell 1: nothing to say")


def test_without_the_cells_everything_is_still_said() -> None:
    text = words(reports.feedback_page(scored(), course()))
    for part in ("Cell 4 raised ZeroDivisionError", "✗ Not yet right at any", "Say more about"):
        assert part in text
    assert "def forward" not in text


def test_an_answer_is_shown_with_its_formulas_and_pictures() -> None:
    html = reports.feedback_page(scored(), course(), submitted())
    assert '<math display="inline" alttext="x^2">' in html
    assert f'<img src="{PNG}" alt="p">' in html


def test_what_is_still_to_be_read_is_said_until_all_has_a_score() -> None:
    assert "Written answers are read" in words(reports.feedback_page(graded(), COURSE))
    assert "Written answers are read" not in words(reports.feedback_page(scored(), COURSE))


def test_a_huge_notebook_makes_a_page_of_readable_size() -> None:
    many = [cell(n, f"def forward(x):\n    return {n}\n" + "# x\n" * 20_000) for n in range(1, 60)]
    big = "data:image/png;base64," + "A" * 900_000
    many += [
        cell(100 + n, f"![p](attachment:{n}.png)", "markdown", pictures=((f"{n}.png", big),))
        for n in range(20)
    ]
    cells = (*many, cell(200, HANDED_OUT, "markdown"), *many[59:])
    html = reports.feedback_page(scored(), course(), submitted(*cells))
    assert len(html) < 5_000_000
    assert "Say more about the second step." in html


@pytest.mark.parametrize("evil", INJECTIONS)
def test_nothing_of_a_notebook_runs_in_its_feedback(evil: str) -> None:
    text = evil.replace("\ue000", "").replace("\ue001", "")
    cells = (cell(1, f"forward = '''{text}'''"), cell(2, text), cell(3, HANDED_OUT, "markdown"),
             cell(4, text, "markdown"))  # fmt: skip
    page = Page(reports.feedback_page(scored(comment=text), course(), submitted(*cells)))
    assert not {"script", "iframe", "object", "form", "base", "link", "a"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    for name, value in page.attributes:
        assert name != "src" or re.match("data:image/", value)


@pytest.mark.parametrize("shown", [None, submitted()])
def test_feedback_can_be_read_by_ear_by_keyboard_and_in_any_light(shown) -> None:
    for result in (graded(), scored()):
        html = reports.feedback_page(result, course(), shown)
        assert accessibility.of_page(html) == []


def test_cells_that_nothing_is_said_about_are_folded_and_not_lost() -> None:
    [notebook, _] = scored().notebooks
    found = remarks.blocks(notebook, course().notebooks[0], submitted())
    shown = [block.cell.number for block in found if block.cell]
    folded = [cell.number for block in found for cell in block.folded]
    assert sorted([*shown, *folded]) == [2, 3, 4, 5, 7]
    assert sum(block.handed_out for block in found) == 2


def test_the_page_is_one_file_with_a_policy_and_no_address_outside(tmp_path: Path) -> None:
    reports.write(scored(), course(), tmp_path, submitted())
    html = (tmp_path / "ada" / "feedback.html").read_text("utf-8")
    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", html)
