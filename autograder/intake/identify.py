"""Which of the course's notebooks a file is, and how much of it is answered.

Code is read by its lines, not parsed: names must be found in a cell with a syntax error or a
magic too, and a stranger's source can exhaust a parser.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.course import Course
from autograder.intake.model import Cell
from autograder.intake.notebooks import Parsed
from autograder.notebook import Notebook

# No group is possessive: Python before 3.11.5 matches those wrongly.
_DEFINED = re.compile(
    r"(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)"
    r"|((?:\w++[ \t]*+,[ \t]*+)*\w++)[ \t]*+(?::[^=\n]*+)?=(?!=)"
)
_UNANSWERED = re.compile(r"(?:^|[=:\s])(?:\.\.\.|pass|None|raise NotImplementedError\b.*)$")


@dataclass(frozen=True)
class Match:
    """The notebook a file is, in words how that is known, and how sure (3 by its id, 2 by its
    name, 1 by what it defines)."""

    notebook: Notebook
    identified_by: str
    strength: int


def identify(name: str, parsed: Parsed, course: Course) -> Match | None:
    """By the embedded id, then the file's name, then the names it defines: the notebook that
    asks for most of them, the course's earlier one where two ask for equally many. What a file
    defines says nothing where its id is that of another homework's notebook."""
    for notebook in course.notebooks:
        if parsed.embedded_id == notebook.name:
            return Match(notebook, "its embedded id", 3)
    stem = _words(os.path.basename(name).partition(".")[0])
    named = [n for n in course.notebooks if _words(n.name) in stem]
    if named:
        return Match(max(named, key=lambda n: len(n.name)), "its name", 2)
    if parsed.embedded_id:
        return None
    defined = set(definitions(parsed.cells))
    best = max(course.notebooks, key=lambda n: len(n.defines & defined), default=None)
    if best and best.defines & defined:
        return Match(best, "the functions it defines", 1)
    return None


def answered(cells: tuple[Cell, ...], notebook: Notebook) -> int:
    """How many of the names that the notebook asks for are defined and not left as `...`."""
    filled = definitions(cells)
    return sum(filled.get(name, False) for name in notebook.defines)


def definitions(cells: tuple[Cell, ...]) -> dict[str, bool]:
    """Names that the code cells define at top level, with whether more stands there than the
    placeholder. The last definition counts, as it does when the notebook runs."""
    found = {}
    for cell in cells:
        if cell.kind == "code":
            for names, last_line in _statements(cell.source):
                found.update(dict.fromkeys(names, not _UNANSWERED.search(last_line)))
    return found


def _statements(source: str) -> Iterator[tuple[list[str], str]]:
    """(names, last line) of each definition that starts at the left edge."""
    names: list[str] = []
    last = ""
    for line in source.split("\n"):
        code = line.split("#")[0].rstrip()
        if not code:
            continue
        if code[0] not in " \t)]}\"'":
            if names:
                yield names, last
            match = _DEFINED.match(code)
            names = re.findall(r"\w+", match[1] or match[2]) if match else []
        last = code
    if names:
        yield names, last


def _words(name: str) -> str:
    """For comparing names: lower case, one underscore for whatever separates words."""
    return re.sub(r"[\W_]+", "_", name.casefold()).strip("_")
