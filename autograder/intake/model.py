"""The shapes that intake makes: what was handed in, by whom, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autograder.intake.pictures import Pictures


class IntakeError(Exception):
    """A path or option that cannot be used at all; str() is one line for the grader."""


class Unreadable(Exception):
    """A file that holds no cells; str() is a sentence or two for the file's author."""


@dataclass(frozen=True)
class Cell:
    """A cell as its author wrote it. `number` counts all cells of the file from 1; `pictures` are
    those pasted into it, by name, as data URIs: no part of what decides an automatic score."""

    number: int
    kind: Literal["code", "markdown"]
    source: str
    tags: frozenset[str] = frozenset()
    pictures: Pictures = field(default=(), repr=False)


@dataclass(frozen=True)
class SubmittedNotebook:
    """One file, recognised as the course's notebook `name`; `identified_by` says by what, in
    words that follow "recognised by": "its embedded id"."""

    name: str
    file: str
    identified_by: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Submission:
    """What one student or group handed in. Nothing here has been run.

    id         fit for a folder's name, and unlike every other id of the same intake
    members    the students' names, where the place it came from tells them
    notebooks  by the course's name for them
    problems   sentences for its authors: what is missing, what could not be read and why
    whole      it stands for the whole homework: a notebook that is missing scores 0
               (a single file is graded by itself)
    metadata   where it came from: source, submitted, late, emails and sids (a line a member)
    digest     sha256 of everything above and of every byte read: equal means nothing changed
    pictures   those that lie beside the notebooks, by path, as data URIs
    """

    id: str
    members: tuple[str, ...]
    notebooks: dict[str, SubmittedNotebook]
    problems: tuple[str, ...]
    whole: bool
    metadata: dict[str, str]
    digest: str
    pictures: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Intake:
    """All submissions found, and one line for each path that could not be used."""

    submissions: list[Submission]
    errors: list[str]


@dataclass(frozen=True)
class Entry:
    """One submission's files before they are read: files, zips or folders on disk."""

    name: str
    paths: tuple[str, ...]
    whole: bool
    members: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
