"""A solved notebook, run from the top, as an HTML page.

Comes in: a solved notebook and the files that lie beside it. Goes out: the page. A notebook that
raises, takes too long, loses its kernel or fails a check of its own is a CourseError, which names
the notebook and the cell.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from autograder import archives, otter_build
from autograder.notebook import CourseError

_CELL_SECONDS = 600  # measurements take their time


class PatientClient(NotebookClient):
    """A client that cannot sleep through its kernel's reply.

    Where a cell draws into a widget, nbclient sends messages on the socket on which it waits for
    that cell's reply. ZeroMQ wakes a waiter once for what has come, and such a send can use that
    up: then client and kernel wait for each other. So look at the socket again every second."""

    async def _async_check_alive(self) -> None:
        await super()._async_check_alive()
        if self.kc is not None:
            await self.kc.shell_channel.socket.poll(1)  # wakes whoever waits for what is there


def page(
    name: str, solved: NotebookNode, beside: Mapping[str, bytes], path: Sequence[Path]
) -> bytes:
    """The solved notebook `name`, run in a folder that holds `beside`, as HTML.

    path  where hidden tests find what they import
    Raises CourseError.
    """
    notebook: NotebookNode = nbformat.from_dict(solved)
    with tempfile.TemporaryDirectory() as folder:
        for file, content in {**beside, f"{name}.ipynb": otter_build.to_bytes(solved)}.items():
            archives.write(Path(folder) / file, content)
        run(name, notebook, Path(folder), [Path(folder), *path])
    _check_passed(name, notebook)
    html: str = HTMLExporter().from_notebook_node(notebook)[0]
    return html.encode()


def run(
    name: str,
    notebook: NotebookNode,
    folder: Path,
    path: Sequence[Path] = (),
    seconds: int = _CELL_SECONDS,
) -> None:
    """Run every cell in `folder`, each for so many seconds at most. Raises CourseError."""
    begun = ["the start of its kernel"]
    client = PatientClient(
        notebook,
        timeout=seconds,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        on_cell_start=lambda cell, cell_index: begun.append(f"cell {cell_index + 1}"),
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    try:
        client.execute(env=environment, stderr=subprocess.DEVNULL)
    except (CellExecutionError, TimeoutError, RuntimeError) as error:
        text = f"the solved {name} does not run to its end, but to {begun[-1]}: {error}"
        raise CourseError(text) from error
    finally:
        atexit.unregister(client._cleanup_kernel)  # nbclient leaves it where no kernel started


def _check_passed(name: str, notebook: NotebookNode) -> None:
    """Every `grader.check` of the solved notebook passes all its tests. Raises CourseError."""
    for cell in notebook.cells:
        if cell.source.startswith("grader.check("):
            shown = "".join(str(o.get("data", {}).get("text/plain", "")) for o in cell.outputs)
            if "failed" in shown or "passed" not in shown:
                raise CourseError(f"the solved {name} fails at {cell.source}:\n{shown}")
