"""Stock Otter, to compare with: `otter assign`'s zip as Otter makes it, and `otter run` on it.

For submissions of our own only: Otter runs them in one process with the hidden tests.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from autograder.archives import unzipped, zipped
from autograder.bundle_files import LABKIT
from autograder.masters import Master
from autograder.otter_zip import otter_zip


def stock_zip(master: Master) -> bytes:
    """The zip that `otter assign` makes of a master, without our plugin. Raises CourseError."""
    files = unzipped(otter_zip(master, b"", []))
    config = json.loads(files["otter_config.json"])
    del config["plugins"]
    return zipped(files | {"otter_config.json": json.dumps(config).encode()})


def otter_run(
    archive: Path, file: Path, root: Path, folder: Path
) -> tuple[float, dict[str, float]]:
    """`otter run` in a folder of its own, as for one submission: its seconds, and the score of
    each question. `root` is the bundle's, whose references the hidden tests import."""
    path = os.pathsep.join([str(LABKIT.parent), str(root)])
    command = [str(Path(sys.executable).with_name("otter")), "run", "--no-logo", "-a"]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, str(archive), str(file)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    written = folder / "results.json"
    if done.returncode or not written.is_file():
        raise RuntimeError(f"otter run failed on {file.name}:\n{done.stderr[-2000:]}")
    tests = json.loads(written.read_text("utf-8"))["tests"]
    written.unlink()
    return seconds, {test["name"]: test["score"] for test in tests if "score" in test}
