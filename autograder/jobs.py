"""What a fleet works on: jobs, and what comes of them, as plain data and as JSON.

A job names its kind and what it needs of a machine. What crosses between machines is text: ids,
the cells that a student handed in, results. No object of anyone's is pickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from autograder.comparisons import Comparison
from autograder.intake import Cell, Submission, SubmittedNotebook
from autograder.reports.store import from_json, timing_from_plain, to_json
from autograder.results import Result, Timing
from autograder.sandbox.seal import Level

Needs = Literal["a slot", "a whole worker"]


class FleetError(Exception):
    """Machines that cannot be given jobs. The text says what to do."""


@dataclass(frozen=True)
class Grading:
    """How a class is graded: what every job of it has in common.

    seed, notebooks  the course's seed, and the names of the notebooks that count
    version, engine  of the bundle and of this program: a worker that has others is refused
    """

    seed: str
    notebooks: tuple[str, ...]
    version: str
    engine: str
    required: Level | None = None
    trust_input: bool = False


@dataclass(frozen=True)
class Job:
    """One piece of work. `before` is an earlier result: for "grade", of which what still holds is
    taken over; for "time", the submission's own, and a `comparison` of its functions is made."""

    id: str
    kind: str  # a key of `work.KINDS`
    grading: Grading
    submission: Submission | None = None
    before: Result | None = None
    needs: Needs = "a slot"
    gpu: bool = False
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a job: a result, a timing, or text, as its kind has it, or why there is none.
    `lost` counts the workers that ended while they had it; `where` and the times (seconds since
    1970) say which worker did it, and when."""

    id: str
    result: Result | None = None
    timing: Timing | None = None
    text: str = ""
    error: str = ""
    lost: int = 0
    where: str = ""
    began: float = 0.0
    ended: float = 0.0


def job_to_json(job: Job) -> str:
    plain = {
        "id": job.id,
        "kind": job.kind,
        "grading": asdict(job.grading),
        "submission": None if job.submission is None else _submission(job.submission),
        "before": None if job.before is None else to_json(job.before),
        "comparison": None if job.comparison is None else asdict(job.comparison),
        "needs": job.needs,
        "gpu": job.gpu,
    }
    return json.dumps(plain)


def job_from_json(text: str) -> Job:
    plain = json.loads(text)
    grading = plain["grading"] | {"notebooks": tuple(plain["grading"]["notebooks"])}
    handed_in, before, comparison = (plain[k] for k in ("submission", "before", "comparison"))
    return Job(
        id=plain["id"],
        kind=plain["kind"],
        grading=Grading(**grading),
        submission=None if handed_in is None else _to_submission(handed_in),
        before=None if before is None else from_json(before),
        comparison=None if comparison is None else Comparison(**comparison),
        needs=plain["needs"],
        gpu=plain["gpu"],
    )


def outcome_to_json(outcome: Outcome) -> str:
    plain = {name: getattr(outcome, name) for name in Outcome.__dataclass_fields__}
    if outcome.result is not None:
        plain["result"] = to_json(outcome.result)
    if outcome.timing is not None:
        plain["timing"] = asdict(outcome.timing)
    return json.dumps(plain)


def outcome_from_json(text: str) -> Outcome:
    plain = json.loads(text)
    if plain["result"] is not None:
        plain["result"] = from_json(plain["result"])
    if plain["timing"] is not None:
        plain["timing"] = timing_from_plain(plain["timing"])
    return Outcome(**plain)


def notebook_to_plain(notebook: SubmittedNotebook) -> dict[str, Any]:
    """A submitted notebook as JSON's own types, the same for equal notebooks in every process."""
    cells = [[c.number, c.kind, c.source, sorted(c.tags)] for c in notebook.cells]
    return {
        "name": notebook.name,
        "file": notebook.file,
        "identified_by": notebook.identified_by,
        "cells": cells,
    }


def _submission(submission: Submission) -> dict[str, Any]:
    """All but its pictures, which no job looks at."""
    notebooks = {name: notebook_to_plain(nb) for name, nb in submission.notebooks.items()}
    plain = {name: getattr(submission, name) for name in Submission.__dataclass_fields__}
    del plain["pictures"]
    return {**plain, "notebooks": notebooks}


def _to_submission(plain: dict[str, Any]) -> Submission:
    notebooks = {
        name: SubmittedNotebook(
            name=notebook["name"],
            file=notebook["file"],
            identified_by=notebook["identified_by"],
            cells=tuple(Cell(n, kind, source, frozenset(tags))
                        for n, kind, source, tags in notebook["cells"]),
        )
        for name, notebook in plain["notebooks"].items()
    }  # fmt: skip
    tuples = {name: tuple(plain[name]) for name in ("members", "problems")}
    return Submission(**{**plain, **tuples, "notebooks": notebooks})
