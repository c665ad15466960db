"""One submission's files -> the notebook that each is, and what its authors must be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from autograder.course import Course
from autograder.intake.classes import GRADESCOPE_TABLE
from autograder.intake.files import Collector, Member, kind_of
from autograder.intake.identify import Match, answered, identify
from autograder.intake.model import SubmittedNotebook, Unreadable
from autograder.intake.names import base, listed, shown
from autograder.intake.notebooks import Parsed, parse
from autograder.notebook import Notebook


@dataclass(frozen=True)
class _Candidate:
    """A file that could be read, and the notebook it is taken for, if any."""

    member: Member
    parsed: Parsed
    match: Match | None

    @property
    def rank(self) -> tuple[int, int, tuple[int, ...], int]:
        """Orders files that are one notebook: answers more, surer, newer, shorter name."""
        if self.match is None:
            return (0, 0, (), 0)
        filled = answered(self.parsed.cells, self.match.notebook)
        return (filled, self.match.strength, self.member.modified, -len(self.member.path))


def choose(
    files: Collector, course: Course, only: str | None
) -> tuple[dict[str, SubmittedNotebook], list[str]]:
    """The submission's notebooks in the course's order, and sentences about the other files.
    Helper modules and texts that are none of the notebooks pass in silence if something was
    recognised; a notebook (.ipynb) never does."""
    if any(base(name) == GRADESCOPE_TABLE for name in files.others):
        return {}, ["This is a whole class's export. Unpack it and grade the folder."]
    read: list[_Candidate] = []
    broken: list[tuple[Member, str]] = []
    for member in files.members:
        try:
            parsed = parse(member.path, member.data)
        except Unreadable as reason:
            broken.append((member, str(reason)))
        else:
            read.append(_Candidate(member, parsed, identify(member.path, parsed, course)))
    if only is not None:
        read = _for_one(read, next(n for n in course.notebooks if n.name == only), course)

    chosen, problems = _best(read, course)
    problems += [
        f"{shown(base(member.path))}: {reason}"
        for member, reason in broken
        if not chosen or kind_of(member.path) == ".ipynb"
    ]
    unknown = [c for c in read if c.match is None]
    if chosen or broken:
        unknown = [c for c in unknown if kind_of(c.member.path) == ".ipynb"]
    if unknown:
        names = listed([base(c.member.path) for c in unknown])
        problems.append(
            f"{names}: Neither the name nor the functions defined are those of a notebook of "
            "this homework, so it was not graded."
        )
    return chosen, problems + files.problems


def _for_one(read: Sequence[_Candidate], notebook: Notebook, course: Course) -> list[_Candidate]:
    """The files that are `notebook`, where that is the one asked for; a file that lies there
    alone is it whatever it says. Files that are surely another notebook are passed over."""
    if len(read) == 1:
        return [replace(read[0], match=Match(notebook, "the option --only", 3))]
    course = replace(course, notebooks=(notebook,))
    return [
        replace(c, match=identify(c.member.path, c.parsed, course))
        for c in read
        if c.match is None or c.match.strength == 1 or c.match.notebook == notebook
    ]


def _best(
    read: Sequence[_Candidate], course: Course
) -> tuple[dict[str, SubmittedNotebook], list[str]]:
    """For each notebook the file that answers most of it, and a sentence where that left
    another out."""
    chosen: dict[str, SubmittedNotebook] = {}
    problems = []
    files = defaultdict(list)
    for candidate in read:
        if candidate.match:
            files[candidate.match.notebook.name].append(candidate)
    for name in (notebook.name for notebook in course.notebooks if notebook.name in files):
        first, *others = sorted(files[name], key=lambda c: c.rank, reverse=True)
        assert first.match
        file = shown(base(first.member.path))
        chosen[name] = SubmittedNotebook(name, file, first.match.identified_by, first.parsed.cells)
        if others:
            more = "answers more of it" if first.rank[0] > others[0].rank[0] else "came first"
            problems.append(
                f"{listed([base(c.member.path) for c in others])}: This is {name} too. "
                f"{file} was graded, which {more}. Hand in one file for each notebook."
            )
    return chosen, problems
