"""A submitted notebook with what is to be said about it, in the order of its cells.

Comes in: a notebook's result and its cells. Goes out: blocks for the feedback page. A question
stands below the last cell that defines what it asks for, a written one below its answer, a cell
that did not run to its end with what happened; cells about which nothing is to be said are folded,
and those that are as they were handed out are not repeated.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autograder.intake import Cell, Submission
from autograder.intake.identify import definitions
from autograder.notebook import Notebook
from autograder.reports.cells import Room, code
from autograder.results import CellProblem, NotebookResult, QuestionResult
from autograder.written.answers import answer_cells, squeezed

LONGEST_CELL = 10_000  # characters of one cell of Markdown that are shown
LONGEST_PAGE = 600_000  # characters of all cells of a notebook
MOST_PICTURES = 1_000_000  # characters of all pictures of a notebook, as data
MOST_HTML = 3_000_000  # characters that are made of all cells of a notebook


@dataclass(frozen=True)
class Shown:
    """A cell as the page shows it."""

    number: int
    html: Markup


@dataclass(frozen=True)
class Block:
    """One of: a cell with what happened to it, questions that stand below a cell, cells folded
    (`handed_out` counts those not repeated)."""

    cell: Shown | None = None
    problem: CellProblem | None = None
    questions: tuple[QuestionResult, ...] = ()
    folded: tuple[Shown, ...] = ()
    handed_out: int = 0


def blocks(
    result: NotebookResult, notebook: Notebook | None, submission: Submission | None
) -> list[Block]:
    """The notebook in the order of its cells; where they are not at hand or private, what is to be
    said."""
    submitted = submission.notebooks.get(result.name) if submission else None
    if notebook is None or submission is None or submitted is None or notebook.private:
        return [
            *(Block(problem=problem) for problem in result.cells),
            Block(questions=result.questions),
        ]
    room = Room(LONGEST_PAGE, MOST_PICTURES, MOST_HTML, longest=LONGEST_CELL)
    homes, concerned = _homes(result, notebook, submitted.cells)
    problems = {problem.cell: problem for problem in result.cells}
    given = {squeezed(cell.source) for cell in notebook.given}
    found = [Block(questions=tuple(homes.pop(0, ())))]
    quiet: list[Cell] = []
    for cell in submitted.cells:
        if cell.number in concerned or cell.number in problems:
            shown = Shown(cell.number, room.show(cell, submission))
            found += [_folded(quiet, given), Block(shown, problems.get(cell.number))]
            found += [Block(questions=tuple(homes.get(cell.number, ())))]
            quiet = []
        else:
            quiet.append(cell)
    found.append(_folded(quiet, given))
    return [block for block in found if block != Block()]


def _homes(
    result: NotebookResult, notebook: Notebook, cells: Sequence[Cell]
) -> tuple[dict[int, list[QuestionResult]], set[int]]:
    """The cell (by number, 0 for none) below which each question stands, and the cells that a
    question is about."""
    defined = {name: cell.number for cell in cells for name in definitions((cell,))}
    asked = {question.name: question for question in notebook.questions}
    answers = answer_cells(cells, notebook)
    homes = defaultdict(list)
    concerned: set[int] = set()
    for question in result.questions:
        asks = asked[question.name].asks if question.name in asked else ()
        about = {defined[name] for name in asks if name in defined}
        about |= {cell.number for cell in answers.get(question.name, ())}
        homes[max(about, default=0)].append(question)
        concerned |= about
    return homes, concerned


def _folded(cells: Sequence[Cell], given: set[str]) -> Block:
    own = [cell for cell in cells if cell.source.strip() and squeezed(cell.source) not in given]
    shown = tuple(Shown(cell.number, code(cell.source)) for cell in own)
    return Block(folded=shown, handed_out=len(cells) - len(own))
