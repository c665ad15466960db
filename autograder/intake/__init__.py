"""Intake: a path -> submissions. Nothing handed in is run, extracted or trusted here.

Comes in: paths as a grader types them, and the course. Goes out: an `Intake`, whose submissions
hold the cells of every notebook that could be recognised, and for the rest a sentence that its
author understands.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from autograder.course import Course
from autograder.intake.choose import choose
from autograder.intake.classes import entries
from autograder.intake.files import Collector, Member
from autograder.intake.model import (
    Cell,
    Entry,
    Intake,
    IntakeError,
    Submission,
    SubmittedNotebook,
)
from autograder.intake.names import base, listed, unique_ids

__all__ = [
    "Cell",
    "Intake",
    "IntakeError",
    "Submission",
    "SubmittedNotebook",
    "read",
    "read_one",
]

MAX_PROBLEMS = 20


def read(paths: Sequence[Path], course: Course, only: str | None = None) -> Intake:
    """All submissions at `paths`, each of which is a file, a zip or a class's folder.

    `only` names the one notebook to take from each. A path that cannot be used is a line in
    `errors`, and the others are read all the same. Raises IntakeError where `only` is no
    notebook of the course.
    """
    found: list[Entry] = []
    errors: list[str] = []
    for path in paths:
        try:
            found += entries(path)
        except IntakeError as error:
            errors.append(str(error))
    ids = unique_ids(entry.name for entry in found)
    submissions = [
        read_one(
            [Path(path) for path in entry.paths],
            course,
            name=name,
            whole=entry.whole,
            members=entry.members,
            metadata=entry.metadata,
            only=only,
        )
        for name, entry in zip(ids, found, strict=True)
    ]
    return Intake(submissions, errors)


def read_one(
    paths: Sequence[Path],
    course: Course,
    *,
    name: str,
    whole: bool = True,
    members: tuple[str, ...] = (),
    metadata: Mapping[str, str] | None = None,
    only: str | None = None,
) -> Submission:
    """The files, zips and folders at `paths` as the submission `name` (its id, as it stands).
    Whatever they hold, there is a Submission; raises IntakeError only where `only` is no
    notebook of the course."""
    if only is not None and only not in {notebook.name for notebook in course.notebooks}:
        names = ", ".join(notebook.name for notebook in course.notebooks)
        raise IntakeError(f"{only}: not a notebook of this homework, which has: {names}")
    collector = Collector(course.limits.submission_bytes)
    for path in paths:
        collector.add(path)
    notebooks, problems = choose(collector, course, only)
    if not notebooks and not problems:
        problems = [_nothing(collector)]
    if whole and notebooks:
        problems = [*_missing(notebooks, course, only), *problems]
    if len(problems) > MAX_PROBLEMS:
        problems = [*problems[:MAX_PROBLEMS], f"... and {len(problems) - MAX_PROBLEMS} more."]
    about = dict(metadata or {})
    return Submission(
        id=name,
        members=members,
        notebooks=notebooks,
        problems=tuple(problems),
        whole=whole,
        metadata=about,
        digest=_digest([name, whole, members, about, only, problems], collector.members),
        pictures=collector.pictures,
    )


def _missing(notebooks: Mapping[str, object], course: Course, only: str | None) -> list[str]:
    """Named first of all: what was not handed in."""
    wanted = [only] if only else [notebook.name for notebook in course.notebooks]
    names = ", ".join(name for name in wanted if name not in notebooks)
    return [f"Not handed in, or not readable: {names}. What is missing scores 0."] if names else []


def _nothing(collector: Collector) -> str:
    what = f", only {listed(map(base, collector.others))}" if collector.others else ""
    return f"There is no notebook here{what}. Hand in the notebooks (.ipynb), or a zip of them."


def _digest(about: object, members: Sequence[Member]) -> str:
    files = [(m.path, m.modified, hashlib.sha256(m.data).hexdigest()) for m in members]
    return hashlib.sha256(json.dumps([about, files]).encode()).hexdigest()
