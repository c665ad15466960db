"""The docs are true: their example is added, built and graded; their commands and files exist."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from autograder import course
from autograder.cli import main
from autograder.comparisons import Comparison
from tests.test_release import TINY, copy_bundle

ROOT = Path(__file__).resolve().parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTRUCTOR = (ROOT / "docs" / "instructor.md").read_text("utf-8")


def code(begins: str) -> str:
    """The Python block of docs/instructor.md that begins so."""
    blocks = re.findall(r"```python\n(.*?)```", INSTRUCTOR, re.DOTALL)
    (found,) = (block for block in blocks if block.startswith(begins))
    return str(found)


def commands(text: str) -> list[str]:
    """The commands of a page: what stands indented by four, alone, and begins as commands do."""
    return re.findall(r"^    ((?:make|\.venv/bin/)\S.*?)(?:  +#.*)?$", text, re.MULTILINE)


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny homework, copied and given another question as the docs say."""
    folder = copy_bundle(TINY, tmp_path / "my_homework")
    with (folder / "solutions" / "q_tiny.py").open("a", encoding="utf-8") as master:
        master.write("\n" + code("# %% [raw]\n# # BEGIN QUESTION\n# name: q1c"))
    (folder / "wrong.py").write_text(code("import torch\n"), "utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def run(command: str) -> str:
    ran = CliRunner().invoke(main, shlex.split(command)[1:], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    return ran.output


def results(folder: Path, submission: str = "wrong") -> dict[str, dict[str, object]]:
    text = (folder / "grades" / submission / "results.json").read_text("utf-8")
    return {test["name"]: test for test in json.loads(text)["tests"]}


def test_the_docs_question_is_added_built_graded_and_its_mistake_named(mine: Path) -> None:
    check, assign, grade = (c for c in commands(INSTRUCTOR) if "my_homework" in c)
    assert "Nothing is wrong" in run(check)
    assert "my_homework/dist/student/tiny.zip" in run(assign)
    student = (mine / "notebooks" / "q_tiny.ipynb").read_text("utf-8")
    assert "1c · The largest magnitude" in student
    assert "the larger one is negative" in student
    assert "x.abs().max()" not in student
    assert "the largest of many" not in student

    run(grade)
    name = "q_tiny 1c: the largest of many"
    assert (results(mine)[name]["score"], results(mine)[name]["max_score"]) == (0, 2)
    assert "magnitude of the largest entry" not in str(results(mine)[name])

    (mine / "solutions" / "mistakes").mkdir()
    (mine / "solutions" / "mistakes" / "__init__.py").touch()
    said = code("from autograder.diagnosis")
    (mine / "solutions" / "mistakes" / "largest.py").write_text(said, "utf-8")
    right = (mine / "wrong.py").read_text().replace("x.max().abs()", "x.abs().max()")
    (mine / "right.py").write_text(right)
    installed = Path(sys.executable).with_name("autograder")  # anew: it has read `solutions`
    for command in (shlex.split(check), [*shlex.split(grade), str(mine / "right.py")]):
        subprocess.run([installed, *command[1:]], check=True, stdout=subprocess.DEVNULL)
    assert "your result is the magnitude of the largest entry" in str(results(mine)[name])
    assert results(mine, "right")[name]["score"] == 2


def test_the_docs_other_kinds_of_questions_are_sound(mine: Path) -> None:
    with (mine / "solutions" / "q_tiny.py").open("a", encoding="utf-8") as master:
        master.write("\n" + code("# %% [raw]\n# # BEGIN QUESTION\n# name: q1d"))
    (mine / "data").mkdir()
    (mine / "data" / "table.csv").write_text("1,2\n3,4\n")
    assert "Nothing is wrong" in run("autograder check --bundle my_homework")
    told = set(re.findall(r"`(\w+)`", INSTRUCTOR))
    keys = {key.name for key in fields(Comparison)}
    assert keys <= told, f"docs/instructor.md says nothing of {keys - told}"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_commands_on_a_page_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for command in commands(page.read_text("utf-8")):
        words = shlex.split(command)
        if words[0] == "make":
            assert set(words[1:]) <= set(targets), f"`{command}`: no such target"
        elif words[0].endswith("autograder"):
            known = main.commands.get(words[1])
            assert isinstance(known, click.Command), f"`{command}`: no such command"
            options = {option for parameter in known.params for option in parameter.opts}
            assert {w for w in words if w.startswith("--")} <= options, f"`{command}`"


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_links_on_a_page_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for words, target in re.findall(r"!?\[((?:[^\]]|\n)*)\]\(([^)\s]+)\)", text):
        assert words.strip(), f"a link or picture without words: {target}"
        file, _, anchor = target.partition("#")
        if not target.startswith("http"):
            there = page.parent / file if file else page
            assert there.exists(), f"{page.name} links to {file}, which is not there"
            headings = re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.M) if anchor else []
            slugs = [re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings]
            assert not anchor or anchor in slugs, f"{file} has no heading {anchor}"


def test_every_policy_of_the_table_is_told() -> None:
    told = set(re.findall(r"`\[*(\w+)\]*`", INSTRUCTOR))
    keys = set(course._REQUIRED | course._OPTIONAL)
    assert keys <= told, f"docs/instructor.md says nothing of {keys - told}"
    limits = [limit.name for limit in fields(course.Limits)]
    assert [name for name in limits if f"`{name}`" not in INSTRUCTOR] == []


def test_pictures_are_small() -> None:
    large = {p.name: p.stat().st_size for p in (ROOT / "docs").glob("*.png")}
    assert large
    assert max(large.values()) < 300_000, large
