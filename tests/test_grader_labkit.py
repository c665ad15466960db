"""labkit.grader: what a student reads after a check, in a notebook of the tiny homework."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
import torch

from autograder import course, release
from labkit.grader import Grader, Outcome, Verdict
from labkit.handin import Problem
from tests import accessibility

ROOT = Path(__file__).resolve().parents[1]
Check = Callable[..., Verdict]


@pytest.fixture(scope="module")
def student_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("homework")
    shutil.copytree(ROOT / "tests" / "bundles" / "tiny" / "solutions", folder / "solutions")
    return release.assign(course.load(folder), folder / "dist").student


@pytest.fixture
def unpacked(student_zip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with zipfile.ZipFile(student_zip) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def check(unpacked: Path) -> Check:
    """`grader.check("q1a")` in a notebook where some names are defined."""
    return lambda **names: Grader("q_tiny").check("q1a", names)


def raising(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(5)


def test_a_right_answer_passes_and_is_told_that_hidden_checks_follow(check: Check) -> None:
    verdict = check(mean_square=lambda x: (x**2).mean())
    assert verdict.passed
    assert "1a: the public check passed" in repr(verdict)
    assert "✓ two numbers" in repr(verdict)
    for shown in (repr(verdict), verdict._repr_html_()):
        assert "Hidden checks" in shown
        assert "decide the score" in shown
    assert "#009E73" in verdict._repr_html_(), "green"


def test_a_wrong_answer_is_told_the_part_the_input_what_came_and_what_was_wanted(
    check: Check,
) -> None:
    verdict = check(mean_square=torch.mean)
    assert not verdict.passed
    for shown in (repr(verdict), verdict._repr_html_()):
        assert "1a: 1 of 1 public check failed" in shown
        assert "mean_square(torch.tensor([1.0, 3.0]))" in shown, "the input"
        assert "show=True" not in shown, "what a student need not decode"
        assert "you have 2, expected 5" in shown
        assert "Hidden checks" in shown
    assert "#D55E00" in verdict._repr_html_()


def test_where_no_hidden_checks_follow_none_are_promised(check: Check, unpacked: Path) -> None:
    file = unpacked / "q_tiny.ipynb"
    notebook = nbformat.read(file, as_version=4)
    assert notebook.metadata.homework.hidden == ["q1a"]
    notebook.metadata.homework.hidden = []
    nbformat.write(notebook, file)
    for answer, said in ((torch.mean, "1 of 1 check failed"), (lambda x: 5.0, "the check passed")):
        assert repr(check(mean_square=answer)).startswith(f"1a: {said}")
        assert "idden" not in repr(check(mean_square=answer))


def test_a_check_that_stumbles_over_what_came_says_that_it_was_the_check(
    unpacked: Path,
) -> None:
    file = unpacked / "q_tiny.ipynb"
    notebook = nbformat.read(file, as_version=4)
    tests = notebook.metadata.otter.tests
    call = "mean_square(torch.tensor([1.0, 3.0]))"
    assert call in tests.q1a
    tests.q1a = tests.q1a.replace(call, f"torch.cat([torch.zeros(2, 2), {call}])")
    nbformat.write(notebook, file)
    said = repr(Grader("q_tiny").check("q1a", {"mean_square": lambda x: torch.zeros(3, 3)}))
    assert "RuntimeError: Sizes of tensors must match" in said
    assert "in the check itself, which goes on with what came back" in said


def test_a_check_never_holds_what_is_hidden(check: Check, unpacked: Path) -> None:
    assert len(check(mean_square=torch.mean).outcomes) == 1, "the public one"
    assert "right for any shape" not in (unpacked / "q_tiny.ipynb").read_text("utf-8")


@pytest.mark.parametrize("answer", [{"mean_square": lambda x: None}, {}])
def test_an_answer_still_to_come_is_not_called_wrong(check: Check, answer: dict[str, Any]) -> None:
    verdict = check(**answer)
    assert verdict.headline.startswith("1a: not answered yet")
    assert "✗" not in repr(verdict)
    assert "#D55E00" not in verdict._repr_html_()


def test_an_exception_names_the_line_of_the_students_own_function(check: Check) -> None:
    verdict = check(mean_square=raising)
    assert "RuntimeError: shape '[5]' is invalid" in repr(verdict)
    assert "in raising: return x.reshape(5)" in repr(verdict)


def too_early(x: torch.Tensor) -> torch.Tensor:
    for step in x:
        total = total + step  # noqa: F821
    return total


def misspelt(x: torch.Tensor) -> torch.Tensor:
    return torch.mean(squres(x))  # type: ignore[name-defined]  # noqa: F821


def test_a_name_that_is_not_there_is_told_from_one_that_is_used_too_early(check: Check) -> None:
    early = repr(check(mean_square=too_early))
    assert "in too_early: total = total + step" in early
    assert "run the cell" not in early
    wrong = repr(check(mean_square=misspelt))
    assert "name 'squres' is not defined: run the cell that makes it, or mend its" in wrong
    assert "in misspelt: return torch.mean(squres(x))" in wrong


def test_what_is_wrong_in_the_same_way_is_told_once() -> None:
    outcomes = (
        Outcome("one", "f(1)", "TypeError: no"),
        Outcome("two", "f(2)", "TypeError: no"),
        Outcome("three", "f(3)"),
        Outcome("four", "f(4)", "TypeError: no"),
    )
    for shown in (repr(Verdict("1a", outcomes)), Verdict("1a", outcomes)._repr_html_()):
        assert shown.count("TypeError: no") == 2
        assert shown.count("the same as above") == 1
        assert "f(2)" not in shown
        assert "f(4)" in shown
    assert accessibility.of_fragment(Verdict("1a", outcomes)._repr_html_()) == []


def test_a_verdict_can_be_read_by_everyone(check: Check) -> None:
    for answer in (torch.mean, raising, lambda x: None, lambda x: (x**2).mean()):
        assert accessibility.of_fragment(check(mean_square=answer)._repr_html_()) == []


def test_what_a_student_made_is_escaped(check: Check) -> None:
    def angry(x: torch.Tensor) -> torch.Tensor:
        raise ValueError("<script>alert(1)</script>")

    page = check(mean_square=angry)._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_question_that_is_not_there_is_told_in_one_line(unpacked: Path) -> None:
    with pytest.raises(Problem, match="there is no q9z here, only q1a") as raised:
        Grader("q_tiny").check("q9z", {})
    assert raised.value._render_traceback_() == ["there is no q9z here, only q1a"]


def test_a_renamed_notebook_still_has_its_checks(unpacked: Path) -> None:
    (unpacked / "q_tiny.ipynb").rename(unpacked / "my homework (final).ipynb")
    assert Grader("q_tiny").check("q1a", {"mean_square": lambda x: (x**2).mean()}).passed
    (unpacked / "my homework (final).ipynb").unlink()
    with pytest.raises(Problem, match=r"q_tiny\.ipynb is not in this folder"):
        Grader("q_tiny").check("q1a", {})


def test_on_colab_otter_is_installed_in_the_version_that_was_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setenv("COLAB_RELEASE_TAG", "x")
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    Grader("q_tiny")
    assert [command[1:4] for command in ran] == [["-m", "pip", "install"]]
    constraints = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert ran[0][-1] in constraints
    monkeypatch.delenv("COLAB_RELEASE_TAG")
    Grader("q_tiny")
    assert len(ran) == 1, "nothing is installed on a machine of one's own"


# ---- The first cell, where there is no labkit

WITHOUT_LABKIT = f"""
import sys
sys.meta_path = [finder for finder in sys.meta_path if "editable" not in repr(finder)]
sys.path = [""] + [path for path in sys.path if path not in {[str(ROOT), str(ROOT / "notebooks")]}]
"""


def first_cell(folder: Path, notebook: Path) -> subprocess.CompletedProcess[str]:
    """Run a notebook's first cell in `folder`, in a Python that has no labkit of its own."""
    cells = nbformat.read(notebook, as_version=4).cells
    source = next(cell.source for cell in cells if cell.cell_type == "code")
    script = f"{WITHOUT_LABKIT}\n{source}\nimport labkit; print(labkit.__file__)"
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_a_notebook_uploaded_alone_says_in_one_line_what_to_do(
    unpacked: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = tmp_path_factory.mktemp("alone")
    ran = first_cell(alone, unpacked / "q_tiny.ipynb")
    assert ran.returncode == 1
    text = f"LabkitIsMissing: labkit is not here, in {alone}. Put the homework's zip into"
    assert text in ran.stderr


def test_a_notebook_beside_the_zip_unpacks_what_is_missing_and_nothing_else(
    unpacked: Path, student_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alone = tmp_path_factory.mktemp("colab")
    shutil.copy(student_zip, alone / "tiny (1).zip")
    (alone / "README.md").write_text("mine")
    (alone / "notes.zip").write_text("no zip at all")
    with zipfile.ZipFile(alone / "photos.zip", "w") as other:
        other.writestr("photo.png", b"")
    ran = first_cell(alone, unpacked / "q_tiny.ipynb")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == str(alone / "labkit" / "__init__.py")
    assert (alone / "README.md").read_text() == "mine", "files that are there stay as they are"
    assert not (alone / "photo.png").exists()
