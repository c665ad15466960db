"""Timing for a class: which jobs there are, and what their outcomes make of its results.

Comes in: results as they were graded. Goes out: the same results with their `timings`. A timing
that an earlier run has made is kept; one for a GPU is made where a GPU runner sees the results.
Each job has a machine, or a fleet's worker, to itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Literal

from autograder.course import Course
from autograder.intake import Submission
from autograder.jobs import Grading, Job, Outcome
from autograder.results import Result, Timing, devices
from autograder.stopwatch import blank
from autograder.work import asked

Gpu = Literal["auto", "require", "skip"]
NEEDS_GPU = "not run here: needs a GPU runner"


class NoGpuError(RuntimeError):
    """A GPU was required and there is none. The text says what to do."""


def gpu_here(wanted: Gpu) -> bool:
    """Whether this machine's GPU is to be used. Raises NoGpuError."""
    import torch

    there = wanted != "skip" and torch.cuda.is_available()
    if wanted == "require" and not there:
        raise NoGpuError(
            "--gpu require: torch finds no GPU here; run on a machine with one, or leave it to "
            "--gpu auto, which times what can be timed here"
        )
    return there


def time_class(
    course: Course,
    submissions: Sequence[Submission],
    graded: Mapping[str, Result],
    before: Mapping[str, Result | None],
    *,
    grading: Grading,
    timing: bool,
    gpu: bool,
    run: Callable[[Sequence[Job]], Generator[Outcome]],
    expect: Callable[[int], None] = lambda jobs: None,
) -> Iterator[Result]:
    """Results with another set of timings than `graded` has, each again after every job of its.

    graded  results as they were graded, by id; `before` are those of an earlier run, whose timings
            are kept where nothing has changed
    timing  whether to run what is missing; `gpu` whether on a GPU too
    run     does the jobs, each alone on its machine, and is not called where there are none
    expect  is told how many jobs there are; each gives one result from then on
    """
    results, jobs = dict(graded), dict[str, Job]()
    for submission in submissions:
        if submission.id not in results:
            continue
        result = results[submission.id]
        found, missing = _known(course, submission, result, before.get(submission.id), grading, gpu)
        if timing:
            jobs |= {job.id: job for job in missing}
        else:
            found = [t for t in found if t.status != "not run here"]
        if found != list(result.timings):
            results[submission.id] = with_timings(course, result, found)
            yield results[submission.id]
    if not jobs:
        return
    expect(len(jobs))
    with closing(run(list(jobs.values()))) as outcomes:
        for outcome in outcomes:
            job = jobs[outcome.id]
            assert job.submission is not None
            result = results[job.submission.id]
            timed = with_timings(course, result, [*result.timings, _timing(job, outcome)])
            results[job.submission.id] = timed
            yield timed


def _known(
    course: Course,
    submission: Submission,
    result: Result,
    before: Result | None,
    grading: Grading,
    gpu: bool,
) -> tuple[list[Timing], list[Job]]:
    """The timings of a result that need no run, and the jobs for those that do."""
    known, jobs = [], []
    notebooks = {n.name: n for n in result.notebooks if n.file}
    for number, comparison in enumerate(course.comparisons):
        graded = notebooks.get(comparison.notebook)
        if graded is None:
            continue
        new, on_gpu = blank(comparison, graded), comparison.device == "cuda"
        kept = _kept(new.key, result, before)
        if kept is not None:
            known.append(kept)
        elif on_gpu and not gpu:
            known.append(replace(new, status="not run here", problem=NEEDS_GPU))
        else:
            job = Job(f"{submission.id}/{number}", "time", grading, submission, result)
            alone = replace(job, needs="a whole worker", gpu=on_gpu, comparison=comparison)
            jobs.append(alone)
    return known, jobs


def _kept(key: str, *results: Result | None) -> Timing | None:
    """The timing with this key that a runner has made."""
    for result in results:
        for timing in result.timings if result else ():
            if timing.key == key and timing.status in ("measured", "not correct"):
                return timing
    return None


def _timing(job: Job, outcome: Outcome) -> Timing:
    """What a job's outcome is for its submission."""
    if outcome.timing is not None:
        return outcome.timing
    timing = untimed(job)
    said = f"timing failed on {job.id}, {timing.title}"
    print(f"autograder: {said}: {outcome.error}", file=sys.stderr)
    problem = "the grader itself failed here; this is not your code's doing"
    return replace(timing, status="failed", problem=problem)


def untimed(job: Job) -> Timing:
    """A job's timing before anything was measured."""
    comparison, graded = asked(job)
    return replace(blank(comparison, graded), status="not run here")


def with_timings(course: Course, result: Result, timings: Sequence[Timing]) -> Result:
    """The result with these timings, in the course's order, and what they score."""
    order = {(c.notebook, c.title): place for place, c in enumerate(course.comparisons)}
    ordered = sorted(timings, key=lambda t: order.get((t.notebook, t.title), len(order)))
    score, possible = (
        sum(getattr(t, name) for t in ordered) - sum(getattr(t, name) for t in result.timings)
        for name in ("score", "possible")
    )
    return replace(
        result,
        timings=tuple(ordered),
        device=devices(result.notebooks, ordered),
        score=result.score + score,
        possible=result.possible + possible,
    )
