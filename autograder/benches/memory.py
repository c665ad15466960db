"""Memory of grading: what all processes of it hold at once, for each notebook and way."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder import course as courses
from autograder.bench import Row, bench
from autograder.benches.ways import WAYS

MOST = 700e6  # bytes: what a container of 1 GB leaves


@bench("memory", "peak memory of grading, all processes together (PSS) / 700 MB.")
def memory(full: bool) -> Iterator[Row | str]:
    """Three turns each with `full`, one without; a peak is sampled fifty times a second."""
    root = Path(__file__).resolve().parents[2]
    course = courses.load(root)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        release = folder / "dist"
        script = str(Path(sys.executable).with_name("autograder"))
        command = [script, "assign", "--out", str(release)]
        subprocess.run(command, check=True, capture_output=True, cwd=root)
        for notebook in course.notebooks:
            solved = release / "instructor" / f"{notebook.name}.ipynb"
            for way, grade in WAYS.items():
                turns = []
                for turn in range(3 if full else 1):
                    place = folder / f"{notebook.name}-{way.replace(' ', '-')}-{turn}"
                    place.mkdir()
                    turns.append(grade(notebook, solved, release, place).peak_bytes / MOST)
                middle = sorted(turns)[len(turns) // 2]
                said = f"{way}, {notebook.name} / 700 MB"
                yield Row(said, middle, min(turns), max(turns), len(turns), at_most=1)
