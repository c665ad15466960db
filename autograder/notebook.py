"""What a notebook of a homework holds: its questions, and their tests and points.

These are plain values, read once from a master (see `autograder.masters`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

IGNORED = "otter_ignore"  # Otter's tag for cells that grading leaves out: measurements


@dataclass(frozen=True)
class Test:
    """One test case, as its author named it."""

    name: str
    points: float
    hidden: bool


@dataclass(frozen=True)
class Question:
    """A question: `name` is Otter's ("q2a"), `part` what a person says ("2a"). `asks` are the names
    its tests ask the notebook for; `rubric` is what its master answers, for instructors only."""

    name: str
    part: str
    title: str
    points: float
    manual: bool
    tests: tuple[Test, ...] = ()
    asks: tuple[str, ...] = ()
    rubric: str = ""


@dataclass(frozen=True)
class Given:
    """A cell as students get it, and the question ("q2a") that it belongs to, if any."""

    question: str
    kind: Literal["code", "markdown"]
    source: str


@dataclass(frozen=True)
class Notebook:
    """A notebook of the homework. `test_files` maps an automatic question's name to the text of
    its Otter test file; `defines` are the names its tests ask for; `version` is a hash of
    everything that decides its scores; `reported` are the numbers that its results keep; `given`
    are the cells that students get; `solved` are the code cells that make its own answers: set-up
    and solutions."""

    name: str
    title: str
    master: Path
    questions: tuple[Question, ...]
    test_files: dict[str, str]
    defines: frozenset[str]
    version: str = ""
    reported: tuple[str, ...] = ()
    private: bool = False
    given: tuple[Given, ...] = ()
    solved: tuple[str, ...] = ()

    @property
    def possible(self) -> float:
        """The automatic points."""
        return sum(q.points for q in self.questions if not q.manual)


class CourseError(Exception):
    """A bundle that cannot be used as it is. The text names the file, the question if there is
    one, and what to do."""
