"""Submissions made from a master: right, untouched, half done, broken, hostile.

Comes in: a master. Goes out: notebooks as students would hand them in, as many as wanted, the same
ones for the same seed.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from autograder import otter_build
from autograder.masters import Master

BREAKS = {  # what people leave in a cell, and what a few of them try
    "raises": "raise ValueError('left over')",
    "no syntax": "def f(:",
    "exits": "import os\nos._exit(3)",
    "endless": "while True:\n    pass",
    "eats memory": "eaten = [bytearray(1 << 26) for _ in range(1 << 10)]",
    "leaves files": "for i in range(50):\n    open(f'/tmp/left{i}', 'w').write('x' * 9999)",
    "leaves descriptors": "left = [open('/dev/null') for _ in range(200)]",
    "leaves processes": "import subprocess\n"
    "left = [subprocess.Popen(['sleep', '1000'], start_new_session=True) for _ in range(5)]",
    "leaves threads": "import threading, time\n"
    "left = [threading.Thread(target=time.sleep, args=(1000,)) for _ in range(5)]\n"
    "for thread in left:\n    thread.start()",
}


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

    def a_class(
        self, count: int, seed: int, breaks: Collection[str] = tuple(BREAKS)
    ) -> Iterator[tuple[str, bytes]]:
        """`count` file names and contents of mixed quality. Half answer everything, most of the
        others a part; one in five has something of `breaks` in it; one in twenty is no notebook."""
        draw = random.Random(seed)
        for number in range(count):
            share = draw.choice((1.0, 1.0, 0.6, 0.2))
            answered = [q for q in self.questions if draw.random() < share]
            extra = BREAKS[draw.choice(sorted(breaks))] if draw.random() < 0.2 else ""
            content = self.notebook(answered, extra)
            if draw.random() < 0.05:
                content = b"%PDF-1.7 not a notebook"
            yield f"student{number:04}.ipynb", content


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
