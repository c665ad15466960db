"""labkit.handin: what the last cell says of a folder of notebooks, and the zip it writes."""

from __future__ import annotations

import json
import os
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder import course, intake
from labkit import handin
from labkit.grader import Grader

ROOT = Path(__file__).resolve().parents[1]
NAMES = ["q_one", "q_two"]
Save = Callable[..., Path]


def cell(kind: str, source: str, answer: bool = False) -> dict[str, Any]:
    tags = {"tags": [handin.ANSWER]} if answer else {}
    return {"cell_type": kind, "metadata": tags, "source": source.splitlines(keepends=True)}


@pytest.fixture
def save(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Save:
    """Saves a notebook of a homework of two, with answers to 1a, 1b and 1b Q1."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)

    def write(name: str, one: str, two: str, words: str, file: str = "") -> Path:
        cells = [
            cell("markdown", "# Title\n\nof · it"),
            cell("markdown", "## 1a · First\ntext"),
            cell("code", one, answer=True),
            cell("code", "x[...] = 1  # no answer cell"),
            cell("markdown", "<!-- BEGIN -->\n## 1b · Second"),
            cell("code", two, answer=True),
            cell("markdown", "## 1b Q1 · Why?"),
            cell("markdown", words, answer=True),
        ]
        metadata = {
            "otter": {"assignment_name": name},
            "homework": {"name": "hw", "notebooks": NAMES},
        }
        path = tmp_path / (file or f"{name}.ipynb")
        path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))
        return path

    return write


def untouched(save: Save, name: str, file: str = "") -> Path:
    code = 'def f(x):\n    """f(...) is a number."""\n    ...'
    return save(name, code, "a = ...\nb[2] = ...  # a number", handin.PLACEHOLDER, file)


def answered(save: Save, name: str, file: str = "") -> Path:
    code = 'def f(x):\n    """f(...) is a number."""\n    return x[..., 0]'
    return save(name, code, "a = 1\nb[2] = None  # ...", "Because.", file)


def test_unanswered_parts_and_missing_notebooks_are_named(save: Save, tmp_path: Path) -> None:
    own = save("q_one", "f = 1", "a = 1\nb = ...", handin.PLACEHOLDER)
    said = handin.pack(own)
    assert "hw-submission.zip is written, with 1 of 2 notebooks" in said
    assert "q_one: unanswered: 1b, 1b Q1" in said
    assert "q_two: MISSING" in said
    assert zipfile.ZipFile(tmp_path / "hw-submission.zip").namelist() == ["q_one.ipynb"]


def test_all_and_nothing_are_told_apart(save: Save) -> None:
    own = answered(save, "q_one")
    untouched(save, "q_two")
    said = handin.pack(own)
    assert "q_one: everything is answered" in said
    assert "q_two: nothing is answered yet" in said
    assert "2 of 2 notebooks. Hand it in, or first answer what is open:" in said
    answered(save, "q_two")
    assert "2 of 2 notebooks. Hand it in.\n" in handin.pack(own)


def test_a_renamed_notebook_is_packed_under_its_own_name(save: Save, tmp_path: Path) -> None:
    renamed = answered(save, "q_one", "mine (1).ipynb")
    (tmp_path / "diary.ipynb").write_text("{")
    assert handin.own_file("q_one", tmp_path) == renamed
    assert "(from mine (1).ipynb)" in handin.pack(renamed)
    assert zipfile.ZipFile(tmp_path / "hw-submission.zip").namelist() == ["q_one.ipynb"]


def test_a_notebook_that_is_dated_before_zips_were_is_packed(save: Save, tmp_path: Path) -> None:
    own = answered(save, "q_one")
    os.utime(own, (0, 0))
    assert "hw-submission.zip is written" in handin.pack(own)
    assert not list(tmp_path.glob("*.part"))


def test_the_open_notebook_is_taken_where_a_copy_lies_beside_it(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched(save, "q_one")
    answered(save, "q_one", "q_one-Copy1.ipynb")
    assert handin.own_file("q_one", tmp_path).name == "q_one.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/hw/q_one-Copy1.ipynb")
    assert handin.own_file("q_one", tmp_path).name == "q_one-Copy1.ipynb"
    main = types.SimpleNamespace(__vsc_ipynb_file__=r"c:\hw\q_one.ipynb")
    monkeypatch.setitem(sys.modules, "__main__", main)  # type: ignore[arg-type]
    assert handin.own_file("q_one", tmp_path).name == "q_one.ipynb"


def test_a_cell_that_did_not_run_as_saved_is_named(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = save("q_one", "def f():\n    return 1", "a = 1\n", "Because.")
    monkeypatch.setattr(handin, "_ran", lambda: [("def f():", "    return 2"), ("a = 1",)])
    said = handin.pack(own)
    assert "    1a: what is saved is not what was run.\n    Save" in said
    assert max(map(len, said.splitlines())) < 90, "a notebook breaks longer lines anywhere"
    assert "Do not hand it in yet" in said


def test_an_answer_that_was_run_and_not_saved_is_named(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = save("q_one", "def f():\n    ...", "a = {}\na[2] = ...", handin.PLACEHOLDER)
    ran = [("def f():", "    ..."), ("a = {}", "a[2] = ...")]
    monkeypatch.setattr(handin, "_ran", lambda: ran)
    said = handin.pack(own)
    assert "nothing is answered yet" in said
    assert "Hand it in, or first answer what is open:" in said
    ran += [("%time f(1)",), ("def f():", "    return 1"), ("b = f() + a",), ("a[2] = 7",)]
    said = handin.pack(own)
    assert "    1a, 1b: what is saved is not what was run" in said
    assert "Hand it in" not in said


def test_an_answer_that_another_saved_cell_replaces_was_run_as_saved(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = save("q_one", "def f():\n    return 1", "def f():\n    return 2", "Because.")
    ran = [("def f():", "    return 1"), ("def f():", "    return 2")]
    monkeypatch.setattr(handin, "_ran", lambda: ran)
    assert "Hand it in, or" in handin.pack(own), "q_two is missing"
    answered(save, "q_two")
    assert "Hand it in.\n" in handin.pack(own)


def test_what_is_packed_is_graded_as_a_whole_homework(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "q_tiny.ipynb"
    answered(save, "q_tiny", own.name)
    handin.pack(own)
    tiny = course.load(ROOT / "tests" / "bundles" / "tiny")
    (submission,) = intake.read([tmp_path / "hw-submission.zip"], tiny).submissions or [None]
    assert submission is not None
    assert submission.whole


def test_a_zip_that_another_program_holds_open_is_told_in_one_line(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*args: object) -> None:  # as on Windows
        raise PermissionError(13, "The process cannot access the file")

    own = answered(save, "q_one")
    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(handin.Problem, match=r"hw-submission\.zip cannot be written: is it open"):
        handin.pack(own)


def test_on_colab_no_zip_of_another_copy_is_written(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    untouched(save, "q_one")
    monkeypatch.setitem(os.environ, "COLAB_RELEASE_TAG", "x")
    Grader("q_one").hand_in()
    assert "File > Download" in capsys.readouterr().out
    assert not (tmp_path / "hw-submission.zip").exists()


def test_a_zip_that_cannot_be_finished_leaves_nothing_behind(
    save: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    own = answered(save, "q_one")
    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(OSError, match="No space left"):
        handin.pack(own)
    assert [path.name for path in tmp_path.iterdir()] == ["q_one.ipynb"]
