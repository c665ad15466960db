"""Whatever is wrong with a file, it ends in a result or in one clear line, and its neighbour is
graded as if it were not there.

Real submissions are damaged at random: in their bytes, in the notebook that they hold, in the zip
around them, in their names and in the tables of an export. `make test` tries some, `make verify` a
thousand.
"""

from __future__ import annotations

import io
import json
import random
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import course as courses
from autograder import gradescope, intake, reports
from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.grading import Grader
from autograder.intake.classes import GRADESCOPE_TABLE
from autograder.results import Result
from autograder.sandbox.pool import Pool
from tests.conftest import strongest_level

ROOT = Path(__file__).resolve().parents[1]
CLASS = ROOT / "data" / "submissions"
CPU = "q_coding_ssm_forward_cpu"
NEIGHBOUR = CLASS / "eli_bias_forgotten.ipynb"
BASES = ("eli_bias_forgotten.ipynb", "cai_untouched.ipynb", "noa_answers.md", "mia.zip")
LIMITS = Limits(cell_seconds=5, notebook_seconds=20, memory_bytes=512 << 20)

# --- The bytes


def cut(random: random.Random, data: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def scramble(random: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(random.choice((1, 3, 50)) if data else 0):
        found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found)


def repeat_a_part(random: random.Random, data: bytes) -> bytes:
    a, b = sorted(random.randrange(len(data) + 1) for _ in "ab")
    return data[:b] + data[a:]


def splice(random: random.Random, data: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    piece = random.choice([b"\0", b"\xff\xfe", b"\x1b[2J", b"\r", b'"', b"}", b"<<<<<<< HEAD\n",
                           b"\xed\xa0\x80", b"[" * 5000, b"%PDF-1.4", b"`" * 40])  # fmt: skip
    return data[:at] + piece + data[at:]


def encode_oddly(random: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return text.encode(random.choice(["utf-16", "utf-16-be", "utf-32", "cp1252", "latin-1",
                                      "utf-8-sig", "cp437", "utf-7"]), "replace")  # fmt: skip


BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (
    cut, scramble, repeat_a_part, splice, encode_oddly,
    lambda random, data: b"", lambda random, data: data[::-1], lambda random, data: data * 3,
)  # fmt: skip

# --- The notebook in them

ODD: tuple[Any, ...] = (
    None, True, -1, 10**30, 1e308, "", "x" * 100_000, [], {}, [[]], [None] * 1000, {"": {"": []}},
    "\ud800", "\u202e", ["def f(:\n"], {"a": 1}, "5", 3.5,
)  # fmt: skip


def replace_a_value(random: random.Random, notebook: Any) -> None:
    """Some place in it gets a value of another type."""
    at, key = notebook, random.choice(list(notebook))
    while isinstance(at[key], dict | list) and at[key] and random.random() < 0.8:
        at = at[key]
        key = random.choice(list(at)) if isinstance(at, dict) else random.randrange(len(at))
    at[key] = random.choice(ODD)


def remove_a_value(random: random.Random, notebook: Any) -> None:
    cell = random.choice(notebook["cells"])
    place = random.choice([notebook, notebook["metadata"], cell, cell["metadata"]])
    if place:
        del place[random.choice(list(place))]


def another_format(random: random.Random, notebook: Any) -> None:
    notebook["nbformat"] = random.choice([1, 2, 3, 5, 99, "4", None, -4, 4.5])
    if random.random() < 0.5:
        notebook["worksheets"] = [{"cells": notebook.pop("cells")}]


def one_id_for_all(random: random.Random, notebook: Any) -> None:
    for cell in notebook["cells"]:
        cell["id"] = random.choice(["same", "same", "", 3, None])


def no_kernel(random: random.Random, notebook: Any) -> None:
    notebook["metadata"] = random.choice([{}, {"kernelspec": {"name": "ir", "language": "R"}}, [],
                                          {"kernelspec": None}, {"otter": 3}, None])  # fmt: skip


def huge_outputs(random: random.Random, notebook: Any) -> None:
    for cell in notebook["cells"][:5]:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "y" * 200_000}]


def nested_deeply(random: random.Random, notebook: Any) -> None:
    depth = random.choice([50, 900, 100_000])
    notebook["metadata"]["deep"] = DEEP.format(depth)


DEEP = "deep:{}"  # becomes so many brackets in the text: json cannot write them
NOTEBOOK = (
    replace_a_value, remove_a_value, another_format, one_id_for_all, no_kernel, huge_outputs,
    nested_deeply,
)  # fmt: skip


def damage_notebook(random: random.Random, data: bytes) -> bytes:
    notebook = json.loads(data)
    for _ in range(random.choice((1, 1, 3))):
        try:
            random.choice(NOTEBOOK)(random, notebook)
        except (KeyError, TypeError, IndexError, AttributeError):
            break  # what was to be damaged is gone already
    text = json.dumps(notebook)
    before, deep, rest = text.partition('"deep:')
    if deep:
        depth, _, rest = rest.partition('"')
        text = before + "[" * int(depth) + "]" * int(depth) + rest
    return text.encode("utf-8", "surrogatepass")


# --- The zip around them, and the names

STEMS = ("hw8 final (1)", "домашка", "作业八", "=cmd()", "<script>", "a" * 200, "..", "-rf", "ünï",
         "q_coding_ssm_forward_cpu", "\u202egnp", "line\nbreak", "con", "x.ipynb", "'\"`$(id)",
         ".hidden", " ")  # fmt: skip


def in_a_zip(random: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore", category=UserWarning),  # two files of one name
        zipfile.ZipFile(buffer, "w", random.choice((zipfile.ZIP_STORED, 8))) as archive,
    ):
        for _ in range(random.choice((1, 2, 20))):
            prefix = random.choice(("", "a/", "../", "/", "C:\\", "a/../../", "__MACOSX/", "é/"))
            info = zipfile.ZipInfo(prefix + random.choice((name, random.choice(STEMS) + ".ipynb")))
            info.external_attr = random.choice((0o100644, 0o120777, 0o040755, 0, 1 << 31)) << 16 & (
                (1 << 32) - 1
            )
            archive.writestr(info, data)
    return "submission.zip", buffer.getvalue()


def make(folder: Path, random: random.Random) -> Path:
    """A damaged submission in `folder`."""
    base = random.choice(BASES)
    data, (stem, kind) = (CLASS / base).read_bytes(), base.split(".")
    if kind == "ipynb" and random.random() < 0.5:
        data = damage_notebook(random, data)
    else:
        for _ in range(random.choice((1, 1, 2))):
            data = random.choice(BYTES)(random, data)
    name = f"{random.choice((stem, *STEMS))}.{random.choice((kind, kind, 'ipynb', 'py', 'md'))}"
    if random.random() < 0.3:
        name, data = in_a_zip(random, name, data)
        if random.random() < 0.5:
            data = random.choice(BYTES)(random, data)
    path = folder / name.replace("/", "-").encode()[:240].decode(errors="ignore")
    path.write_bytes(data)
    return path


# --- What becomes of it


@pytest.fixture(scope="module")
def grade(readable_python):
    """Grade everything in a folder, as a class; the results by what they are called."""
    course = courses.load(ROOT)
    only = tuple(n for n in course.notebooks if n.name == CPU)
    course = replace(course, limits=LIMITS, notebooks=only)
    with Pool(strongest_level(), public_files(ROOT), LIMITS) as pool:
        grader = Grader(course, pool)

        def graded(folder: Path) -> tuple[dict[str, Result], list[str]]:
            taken = intake.read([folder], course)
            return {s.id: grader.grade(s) for s in taken.submissions}, taken.errors

        graded.course = course
        yield graded


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("class")


EXAMPLES = [
    pytest.param(40, id="some"),
    pytest.param(1000, id="a thousand", marks=pytest.mark.verify),
]


@pytest.mark.parametrize("examples", EXAMPLES)
def test_each_ends_in_a_result_or_one_clear_line(grade, class_folder, examples):
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        empty(class_folder)
        shutil.copy(NEIGHBOUR, class_folder / "neighbour.ipynb")
        path = make(class_folder, random.Random(seed))
        results, errors = grade(class_folder)
        assert errors == [], path
        neighbour = results.pop("neighbour")
        assert neighbour.score == 10, f"{path.name!r} changed its neighbour's score"
        for result in results.values():
            clear(result, grade.course)
        assert len(results) == (0 if path.name.startswith(".") else 1), path

    check()


def clear(result: Result, course: courses.Course) -> None:
    """It scores, or says why not in lines that a person can read; reports can be made of it."""
    assert 0 <= result.score <= result.possible or result.status == "unreadable"
    assert result.problems or result.notebooks[0].questions
    for problem in result.problems:
        assert "\n" not in problem
        assert len(problem) < 600
        assert "Traceback" not in problem
    json.dumps(reports.results_json(result, course), allow_nan=False)
    reports.feedback_page(result, course)


def empty(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


TABLE = b"""---
submission_1:
  :submitters:
  - :name: Ada
    :email: ada@example.org
  :created_at: 2026-11-01 10:00:00
submission_2:
  :submitters: [{:name: Ben}]
"""


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_damaged_table_of_an_export_loses_no_submission(class_folder, examples):
    course = courses.load(ROOT)

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        empty(class_folder)
        for number in (1, 2):
            (class_folder / f"submission_{number}").mkdir()
            shutil.copy(NEIGHBOUR, class_folder / f"submission_{number}" / "a.ipynb")
        chance = random.Random(seed)
        (class_folder / GRADESCOPE_TABLE).write_bytes(chance.choice(BYTES)(chance, TABLE))
        taken = intake.read([class_folder], course)
        if taken.errors:
            (line,) = taken.errors
            assert GRADESCOPE_TABLE in line
            assert "\n" not in line
        else:
            found = {s.id for s in taken.submissions if CPU in s.notebooks}
            assert found >= {"submission_1", "submission_2"}

    check()


@pytest.mark.parametrize("examples", EXAMPLES)
def test_damaged_metadata_of_gradescope_is_passed_over(class_folder, examples):
    good = json.dumps({"users": [{"name": "Ada"}], "created_at": "2026-11-01", "id": 1}).encode()

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        chance = random.Random(seed)
        data = chance.choice(BYTES)(chance, good)
        if chance.random() < 0.5:
            about = json.loads(good)
            replace_a_value(chance, about)
            data = json.dumps(about).encode()
        path = class_folder / "metadata.json"
        path.write_bytes(data)
        members, metadata = gradescope.who(path)
        assert all(isinstance(text, str) for text in (*members, *metadata.values()))

    check()
