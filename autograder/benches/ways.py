"""The three ways to grade one notebook, as a person would start them, and what they take.

Comes in: a submission, and the release that `autograder assign` wrote. Goes out: a `Graded`: the
score of each question, and the most memory that all processes of it held at once.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.notebook import Notebook
from autograder.sandbox import watch

_BIN = Path(sys.executable).parent
_SAMPLES = 0.02  # seconds between two looks at the memory


class WayError(RuntimeError):
    """A way that did not come to a result. The text is what it said."""


@dataclass(frozen=True)
class Graded:
    """`scores` by the question's part ("2a"); `peak_bytes` is the largest sum of proportional set
    sizes seen."""

    scores: dict[str, float]
    peak_bytes: int


def by_command(notebook: Notebook, submission: Path, release: Path, folder: Path) -> Graded:
    """`autograder grade`."""
    del release
    out = folder / "grades"
    options: list[str | Path] = [
        "--bundle",
        _bundle(notebook),
        "--only",
        notebook.name,
        "--out",
        out,
    ]
    peak = run([_BIN / "autograder", "grade", submission, *options], folder)
    (results,) = out.glob("*/results.json")
    return Graded(_ours(results, notebook), peak)


def by_gradescope(
    notebook: Notebook,
    submission: Path,
    release: Path,
    folder: Path,
    command: Callable[[Path], Sequence[str | Path]] | None = None,
) -> Graded:
    """What Gradescope's container does with the whole homework's zip. `command` makes what is run
    from the root that stands for /autograder; `autograder gradescope --root` if none is given."""
    del release
    root = folder / "autograder"
    (root / "submission").mkdir(parents=True)
    (root / "results").mkdir()
    shutil.copy(submission, root / "submission" / f"{notebook.name}.ipynb")
    (root / "submission_metadata.json").write_text('{"users": [{"name": "Ada"}]}')
    bundle = _bundle(notebook)
    default: list[str | Path] = [
        _BIN / "autograder",
        "gradescope",
        "--bundle",
        bundle,
        "--root",
        root,
    ]
    peak = run(command(root) if command else default, folder)
    return Graded(_ours(root / "results" / "results.json", notebook), peak)


def by_otter(notebook: Notebook, submission: Path, release: Path, folder: Path) -> Graded:
    """Stock `otter run` with the notebook's own zip."""
    zipped = release / "gradescope" / f"{notebook.name}-autograder.zip"
    handed_in = folder / f"{notebook.name}.ipynb"
    shutil.copy(submission, handed_in)
    peak = run([_BIN / "otter", "run", "--no-logo", "-a", zipped, handed_in], folder)
    tests = json.loads((folder / "results.json").read_text())["tests"]
    parts = {question.name: question.part for question in notebook.questions}
    return Graded({parts[t["name"]]: t["score"] for t in tests if t["name"] in parts}, peak)


def whole_by_command(bundle: Path, submission: Path, folder: Path) -> int:
    """The most memory, in bytes, that `autograder grade` takes for a zip of all notebooks."""
    options: list[str | Path] = ["--bundle", bundle, "--out", folder / "grades"]
    return run([_BIN / "autograder", "grade", submission, *options], folder)


def whole_by_gradescope(bundle: Path, submission: Path, folder: Path) -> int:
    """The same for `autograder gradescope`."""
    root = folder / "autograder"
    (root / "submission").mkdir(parents=True)
    shutil.copy(submission, root / "submission")
    return run([_BIN / "autograder", "gradescope", "--bundle", bundle, "--root", root], folder)


def _bundle(notebook: Notebook) -> Path:
    """The folder of the bundle that a notebook is of."""
    return notebook.master.parents[1]


def _ours(results: Path, notebook: Notebook) -> dict[str, float]:
    """The scores in a results.json of ours, by part."""
    scores = {q.part: 0.0 for q in notebook.questions if not q.manual}
    for test in json.loads(results.read_text())["tests"]:
        name, _, rest = test["name"].partition(" ")
        if name == notebook.name:
            scores[rest.partition(":")[0]] += test["score"]
    return scores


def run(command: Sequence[str | Path], folder: Path, seconds: float = 400) -> int:
    """Run a command to its end in `folder`; the most memory that it and all below it held, in
    bytes. Raises WayError."""
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        env=os.environ | {"TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    peak, ends = 0, time.monotonic() + seconds
    said = _read_in_the_background(process)
    while process.poll() is None:
        alive = [process.pid, *watch.descendants(process.pid)]
        peak = max(peak, sum(map(watch.share, alive)))
        if time.monotonic() > ends:
            process.kill()
            break
        time.sleep(_SAMPLES)
    process.wait()
    if process.returncode:
        raise WayError(f"{command[0]} ended with {process.returncode}:\n{said()[-2000:]}")
    return peak


def _read_in_the_background(process: subprocess.Popen[bytes]) -> Callable[[], str]:
    """Keep the pipe from filling up; the function returned gives all of the text at the end."""
    parts: list[bytes] = []
    pipe: Any = process.stdout

    def read() -> None:
        with pipe:
            parts.extend(pipe)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()

    def text() -> str:
        thread.join(10)
        return b"".join(parts).decode(errors="replace")

    return text


Way = Callable[[Notebook, Path, Path, Path], Graded]
WAYS: dict[str, Way] = {"grade": by_command, "gradescope": by_gradescope, "otter run": by_otter}
WHOLE = {"grade": whole_by_command, "gradescope": whole_by_gradescope}
