"""The zip that stock Otter grades one notebook with: `otter run`, or Gradescope.

Comes in: a checked master and the bundle as one zip. Goes out: what `otter assign` writes for
it, with the plugin that seals the grading and with the bundle in `source/files`.
"""

from __future__ import annotations

import copy
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode
from otter import assign
from otter.assign.blocks import get_cell_config, is_assignment_config_cell

from autograder.archives import unzipped, zipped
from autograder.masters import Master
from autograder.notebook import CourseError

PLUGIN = "autograder.otter_plugin.SealedGrading"
BUNDLE = "bundle.zip"  # its name in the zip's files/
_SCRIPTS = ("run_autograder", "setup.sh")
_TORCH = "--extra-index-url https://download.pytorch.org/whl/cpu"


def otter_zip(master: Master, bundle: bytes, pins: list[str], plugin: str = PLUGIN) -> bytes:
    """Run `otter assign` on a master and return the autograder zip it makes, to the byte the same
    every time.

    bundle  the engine and the bundle, zipped; the plugin unpacks and grades with it
    pins    what the engine needs, as `name==version`
    plugin  the plugin's importable name; Otter hands it {"notebook": ..., "bundle": ...}

    Raises CourseError.
    """
    config = {
        "run_tests": False,  # they are run by the plugin, and need the sandbox
        "plugins": [{plugin: {"notebook": master.name, "bundle": BUNDLE}}],
        "autograder_files": [BUNDLE],
        "requirements": [_TORCH, *pins, f"/autograder/source/files/{BUNDLE}"],
        "python_version": "3.11",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        notebook = folder / f"{master.name}.ipynb"
        nbformat.write(with_config(master.content, config), notebook)
        (folder / BUNDLE).write_bytes(bundle)
        try:
            with _naming(master.file):
                assign.main(str(notebook), str(folder / "out"), no_pdfs=True, no_run_tests=True)
        except Exception as error:
            raise CourseError(f"{master.file}: otter assign failed: {error}") from error
        (made,) = (folder / "out" / "autograder").glob(f"{master.name}-autograder_*.zip")
        return zipped(unzipped(made.read_bytes()), executable=_SCRIPTS)


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Within, what Otter warns of begins with the file that it is about."""

    def name(record: logging.LogRecord) -> bool:
        record.msg = f"{file}: {record.msg}"
        return True

    log = logging.getLogger("otter.assign")
    log.addFilter(name)
    try:
        yield
    finally:
        log.removeFilter(name)


def with_config(content: NotebookNode, extra: dict[str, Any]) -> NotebookNode:
    """The master with more in its ASSIGNMENT CONFIG, and without a name that Otter would demand
    of every submission."""
    content = copy.deepcopy(content)
    for cell in content.cells:
        if is_assignment_config_cell(cell):
            config = get_cell_config(cell) | extra
            config.pop("name", None)
            cell.source = "# ASSIGNMENT CONFIG\n" + yaml.safe_dump(config)
    return content
