"""Memory of grading: what all processes of it hold at once, for each notebook and way.

The bound is for torch's build for CPUs. With CUDA, its libraries take some 300 MB themselves.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from autograder import course as courses
from autograder.bench import Row, bench, bundle_in_use
from autograder.benches import ways
from autograder.course import Course
from autograder.notebook import Notebook

MOST = 700e6  # bytes: what a container of 1 GB leaves
ALL = "the whole homework"

Peak = Callable[[Path], int]  # from an empty folder to bytes


@bench("memory", "peak memory of grading, all processes together (PSS) / 700 MB.")
def memory(full: bool) -> Iterator[Row | str]:
    """Three turns each with `full`, one without; a peak is sampled fifty times a second."""
    course = courses.load(bundle_in_use())
    with tempfile.TemporaryDirectory() as name:
        release = Path(name) / "dist"
        script = str(Path(sys.executable).with_name("autograder"))
        command = [script, "assign", "--bundle", str(course.root), "--out", str(release)]
        subprocess.run(command, check=True, capture_output=True)
        for number, (said, peak) in enumerate(contestants(course, release).items()):
            turns = []
            for turn in range(3 if full else 1):
                place = Path(name) / f"{number}-{turn}"
                place.mkdir()
                turns.append(peak(place) / MOST)
            middle = sorted(turns)[len(turns) // 2]
            yield Row(f"{said} / 700 MB", middle, min(turns), max(turns), len(turns), at_most=1.0)


def contestants(course: Course, release: Path) -> dict[str, Peak]:
    """Each notebook, solved, by each way; then all of them in one submission."""
    solved = [release / "instructor" / f"{notebook.name}.ipynb" for notebook in course.notebooks]
    found: dict[str, Peak] = {}
    for notebook, file in zip(course.notebooks, solved, strict=True):
        for way, grade in ways.WAYS.items():
            found[f"{way}, {notebook.name}"] = partial(_peak, grade, notebook, file, release)
    for way, whole in ways.WHOLE.items():
        found[f"{way}, {ALL}"] = partial(_peak_of_all, whole, course.root, solved)
    return found


def _peak(grade: ways.Way, notebook: Notebook, file: Path, release: Path, place: Path) -> int:
    return grade(notebook, file, release, place).peak_bytes


def _peak_of_all(
    whole: Callable[[Path, Path, Path], int], bundle: Path, files: list[Path], place: Path
) -> int:
    return whole(bundle, zipped(files, place), place)


def zipped(files: list[Path], place: Path) -> Path:
    """A zip of these files, as students hand one in."""
    path = place / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return path
