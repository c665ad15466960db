"""Submissions made from a master: right, untouched, half done.

Comes in: a master. Goes out: notebooks as students would hand them in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from autograder import otter_build
from autograder.masters import Master


@dataclass(frozen=True)
class Samples:
    """The student notebook of a master, and the solutions by the cells they belong into."""

    student: NotebookNode
    answers: dict[str, str]  # a cell's id ("q2a-2") -> the solved cell's source

    @property
    def questions(self) -> tuple[str, ...]:
        """The questions with a cell to fill in."""
        return tuple(dict.fromkeys(_question(cell) for cell in self.answers))

    def notebook(self, answered: Collection[str], extra: str = "") -> bytes:
        """The notebook with the answers to these questions, and a cell `extra` before them all."""
        cells = []
        for cell in self.student.cells:
            if cell.id in self.answers and _question(cell.id) in answered:
                cell = NotebookNode(cell | {"source": self.answers[cell.id]})  # noqa: PLW2901
            cells.append(cell)
        if extra:
            cells.insert(0, nbformat.v4.new_code_cell(extra, id="extra"))
        made = nbformat.v4.new_notebook(cells=cells, metadata=self.student.metadata)
        return otter_build.to_bytes(made)


def read(master: Master) -> Samples:
    """What a master's students could hand in. Raises CourseError."""
    built = otter_build.build(master.name, master.content, master.file)
    asked = {cell.id: cell.source for cell in built.student.cells if cell.cell_type == "code"}
    answers = {
        cell.id: cell.source
        for cell in built.solved.cells
        if cell.id in asked and cell.source != asked[cell.id]
    }
    return Samples(built.student, answers)


def _question(cell: str) -> str:
    return cell.rpartition("-")[0]
