"""Problem text that pastes intact: nothing of a notebook's questions is lost in its Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from autograder import course as courses
from autograder import intake
from autograder.problems import minutes, problem_text

ROOT = Path(__file__).resolve().parents[1]
COURSE = courses.load(ROOT)
NAMES = [notebook.name for notebook in COURSE.notebooks]
DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
# What a formula must not lose on its way into a plain line: LaTeX -> what stands for it there.
KEPT = {
    r"\\lambda": r"lam",
    r"\\sigma": r"sigma|s_|s\^",
    r"\\top": r"\^T",
    r"\\sum": r"sum|\.\.\.",
    r"\\frac": r"/",
    r"\^2(?!\d)|\^\{2\}": r"\^2|squared",
    r"\^\{-1\}": r"\^\(-1\)|\^-1|inv|/",
    r"2\^[Nk]": r"2\^[Nk]",
    r"[^{(,=]-": r"-",
    r"\+": r"\+",
}


@pytest.fixture(params=NAMES)
def notebook(request):
    return nbformat.read(ROOT / "notebooks" / f"{request.param}.ipynb", as_version=4)


def test_every_question_and_every_cell_to_fill_in_is_there_word_for_word_and_in_order(notebook):
    text, place = problem_text(notebook), 0
    questions = [c for c in notebook.cells if c.id.startswith("q")]
    asked = 0
    for cell in questions:
        answer = "otter_answer_cell" in cell.metadata.get("tags", [])
        if (cell.cell_type == "code") != answer:
            continue  # a check, a measurement, or where words are typed
        source = re.sub(r"<!-- (BEGIN|END) QUESTION -->\s*", "", cell.source).strip()
        found = text.find(source, place)
        assert found >= 0, f"{cell.id} is not there, or not in its place"
        place, asked = found + len(source), asked + 1
    assert asked >= len({c.id.rpartition("-")[0] for c in questions})


def check_formulas(text):
    """Every displayed formula is followed by a plain line that has lost nothing of it."""
    for formula in DISPLAYED.finditer(text):
        rest = text[formula.end() :].lstrip()
        assert rest.startswith("```text\n"), f"no plain line follows {formula[0]}"
        plain = rest.removeprefix("```text\n").partition("```")[0]
        assert plain.strip().isascii(), f"not plain: {plain}"
        for latex, line in KEPT.items():
            if re.search(latex, formula[1]):
                assert re.search(line, plain), f"{latex} of {formula[0]} is lost in {plain}"


def test_every_displayed_formula_has_a_plain_line_that_keeps_all_of_it(notebook):
    check_formulas(problem_text(notebook))


def test_no_formula_hides_between_single_dollars(notebook):
    prose = re.sub(r"```.*?```|\$\$.+?\$\$|`[^`\n]*`", "", problem_text(notebook), flags=re.DOTALL)
    assert "$" not in prose


def test_code_fences_are_balanced_and_hold_what_the_notebook_holds(notebook):
    fenced = re.findall(
        r"^```python\n(.*?)\n```$", problem_text(notebook), re.DOTALL | re.MULTILINE
    )
    tagged = [c for c in notebook.cells if "otter_answer_cell" in c.metadata.get("tags", [])]
    assert fenced == [c.source for c in tagged if c.cell_type == "code"]


@pytest.mark.parametrize("plain", ["a b", "a \u2212 b", ""])
def test_a_plain_line_that_lost_a_sign_is_seen(plain):
    with pytest.raises(AssertionError):
        check_formulas(f"$$a - b$$\n\n```text\n{plain}\n```\n")
    check_formulas("$$a - b$$\n\n```text\na - b\n```\n")


def test_the_file_is_a_submission_of_its_notebook(notebook, tmp_path):
    file = tmp_path / "my answers.md"
    file.write_text(problem_text(notebook), encoding="utf-8")
    (submission,) = intake.read([file], COURSE).submissions
    name = notebook.metadata["otter"]["assignment_name"]
    (asked,) = (n for n in COURSE.notebooks if n.name == name)
    automatic = any(not question.manual for question in asked.questions)
    assert list(submission.notebooks) == ([name] if automatic else [])


def test_the_minutes_of_a_text_are_those_of_its_questions():
    text = (
        "about three hours\n## 1a\n4 points · about 20 minutes\n\n## 1b\n1 point · about 1 minute\n"
    )
    assert minutes(text) == 21
