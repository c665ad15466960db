"""A submission scores the same by `autograder grade`, by stock `otter run`, and on Gradescope,
played by the zip's own run_autograder with what a container leaves a process; and none of them
takes more than 700 MB with torch for CPUs, which the zip's own set-up chooses."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import torch

from autograder import course as courses
from autograder.archives import unzipped
from autograder.archives import write as write_file
from autograder.benches import ways
from autograder.benches.memory import MOST, zipped
from autograder.sandbox.levels import probe
from tests.played import PLACE

ROOT = Path(__file__).resolve().parents[1]
COURSE = courses.load(ROOT)
IN_TEST = "q_purification"
NAMES = [
    pytest.param(n.name, marks=() if n.name == IN_TEST else pytest.mark.verify)
    for n in COURSE.notebooks
]


@pytest.fixture
def place() -> Iterator[None]:
    """/autograder, to mount on."""
    if os.getuid() != 0 or PLACE.exists():
        pytest.skip(f"only root can play Gradescope, and only where there is no {PLACE} yet")
    if "no Landlock" in probe("landlock").problem:
        pytest.skip("this kernel has no Landlock")
    PLACE.mkdir()
    yield
    PLACE.rmdir()


def half_right(name: str, release: Path, folder: Path) -> Path:
    """The solved notebook, with one of the names that are asked for broken at its end."""
    solved = nbformat.read(release / "instructor" / f"{name}.ipynb", 4)
    (notebook,) = [n for n in COURSE.notebooks if n.name == name]
    broken = sorted(notebook.defines)[-1]
    solved.cells.append(nbformat.v4.new_code_cell(f"{broken} = None"))
    path = folder / "half_right.ipynb"
    nbformat.write(solved, path)
    return path


def check_memory(taken: int, what: str) -> None:
    said = f"{what} took {taken / 1e6:.0f} MB"
    print(said)  # pytest -rP shows it
    libraries = 500e6 if torch.version.cuda else 0  # CUDA's, as far as they lie in memory
    assert taken <= MOST + libraries, said


@pytest.mark.parametrize("name", NAMES)
def test_three_ways_to_the_same_score(name: str, release: Path, tmp_path: Path, place):
    (notebook,) = [n for n in COURSE.notebooks if n.name == name]
    submission = half_right(name, release, tmp_path)

    def play(root: Path) -> list[str | Path]:
        whole = release / "gradescope" / f"{COURSE.name}-autograder.zip"
        for member, content in unzipped(whole.read_bytes()).items():
            write_file(root / "source" / member, content)
        (root / "source").chmod(0o700)
        (root / "venv").symlink_to(sys.prefix)
        return ["env", f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.played", root]

    graded = {}
    for way, grade in ways.WAYS.items():
        folder = tmp_path / way.replace(" ", "-")
        folder.mkdir()
        if grade is ways.by_gradescope:
            graded[way] = ways.by_gradescope(notebook, submission, release, folder, play)
        else:
            graded[way] = grade(notebook, submission, release, folder)
    scores = [graded[way].scores for way in graded]
    assert scores[0] == scores[1] == scores[2]
    if notebook.possible:
        assert 0 < sum(scores[0].values()) < notebook.possible
    for way, taken in graded.items():
        check_memory(taken.peak_bytes, f"{name}, {way}")


@pytest.mark.verify
@pytest.mark.parametrize("way", ways.WHOLE)
def test_the_whole_homework_takes_no_more(way: str, release: Path, tmp_path: Path):
    solved = sorted((release / "instructor").glob("*.ipynb"))
    assert len(solved) == len(COURSE.notebooks)
    check_memory(ways.WHOLE[way](ROOT, zipped(solved, tmp_path), tmp_path), way)
