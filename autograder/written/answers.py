"""Which of a notebook's cells answer which written question.

Comes in: a submission's cells and the cells that students were given. Goes out: for each question
that people read, what its author wrote: the given text is left out, everything else is kept, in
order, pictures and code among it. It works by the given text and the questions' headings, not by
cell ids, which Colab and others rewrite; so a Markdown file answers as well as a notebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from autograder.course import Course
from autograder.intake import Cell
from autograder.notebook import Notebook, Question

_MARK = re.compile(r"<!-- (?:BEGIN|END) QUESTION -->")
_HEADING = re.compile(r"^#{1,6}[ \t]+([^ \t\n].*)$", re.MULTILINE)
_BREAK = re.compile(r"\n[ \t]*\n")


def written_questions(course: Course) -> list[tuple[Notebook, Question]]:
    """The questions that people read and give points for, in the course's order."""
    return [(n, q) for n in course.notebooks for q in n.questions if q.manual and q.points > 0]


def answer_cells(cells: Iterable[Cell], notebook: Notebook) -> dict[str, tuple[Cell, ...]]:
    """By a question's name ("q2c_1") the cells that its author wrote for it; every question of
    the notebook that people read is there."""
    given = _Given(notebook)
    found: dict[str, list[Cell]] = {q.name: [] for q in notebook.questions if q.manual}
    question = ""
    for cell in cells:
        for name, piece in given.pieces(cell, question):
            question = name
            if name in found and piece.source.strip():
                found[name].append(piece)
    return {name: tuple(cells) for name, cells in found.items()}


class _Given:
    """What students were given in a notebook, to be told from what they wrote."""

    def __init__(self, notebook: Notebook):
        places: dict[str, set[str]] = {}
        self._headings: dict[str, str] = {}
        self._paragraphs: set[str] = set()
        for cell in notebook.given:
            places.setdefault(squeezed(cell.source), set()).add(cell.question)
            if cell.kind == "markdown":
                text = _MARK.sub("", cell.source)
                below = _HEADING.sub("\n", text)  # a heading and its lines, and the lines alone
                self._paragraphs |= {squeezed(p) for t in (text, below) for p in _BREAK.split(t)}
                if cell.question and (heading := _HEADING.search(text)):
                    self._headings.setdefault(squeezed(heading[1]), cell.question)
        self._places = {text: names.pop() for text, names in places.items() if len(names) == 1}
        self._sources = set(places)

    def pieces(self, cell: Cell, question: str) -> Iterator[tuple[str, Cell]]:
        """The cell, cut where another question begins, without what was given. `question` is the
        one that the cells before it belong to."""
        text = squeezed(cell.source)
        if text in self._sources:
            yield self._places.get(text, question), replace(cell, source="", pictures=())
        elif cell.kind == "code":
            yield question, cell
        else:
            for name, piece in self._cut(_MARK.sub("", cell.source), question):
                question = name
                yield question, replace(cell, source=self._own(piece))

    def _cut(self, text: str, question: str) -> Iterator[tuple[str, str]]:
        start = 0
        for heading in _HEADING.finditer(text):
            name = self._headings.get(squeezed(heading[1]))
            if name is not None:
                yield question, text[start : heading.start()]
                question, start = name, heading.end()
        yield question, text[start:]

    def _own(self, text: str) -> str:
        """The paragraphs that were not given."""
        parts = re.split(rf"({_BREAK.pattern})", text)
        own = "".join("\n\n" if i % 2 == 0 and squeezed(p) in self._paragraphs else p
                      for i, p in enumerate(parts))  # fmt: skip
        return own.strip("\n")


def squeezed(text: str) -> str:
    """For telling what was handed out: the text without marks, white space apart."""
    return " ".join(_MARK.sub("", text).split())
