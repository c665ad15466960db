"""Play Gradescope: `python -m tests.played ROOT` runs ROOT/source/run_autograder as /autograder.

ROOT is shown at /autograder to this process and its children only; then the process gives up what
a container with Docker's default profile does not have (see tests/confined.py).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from autograder.sandbox import kernel
from tests import confined

PLACE = Path("/autograder")


def play(root: Path) -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount(str(root), str(PLACE), flags=kernel.MS_BIND)
    confined.confine("container")
    os.environ["PYTHONPATH"] = str(PLACE / "source")  # the zip's own engine
    os.execv("/bin/bash", ["bash", str(PLACE / "source" / "run_autograder")])


if __name__ == "__main__":
    play(Path(sys.argv[1]).resolve())
