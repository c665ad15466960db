"""Timing for a class: which jobs there are, run one after another once correctness is done.

Comes in: results as they were graded. Goes out: the same results with their `timings`. A timing
that an earlier run has made is kept; one for a GPU is made where a GPU runner sees the results.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from autograder.comparisons import Comparison
from autograder.course import Course
from autograder.grading import public_files
from autograder.intake import Submission
from autograder.results import NotebookResult, Result, Timing
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import Level
from autograder.stopwatch import Stopwatch, blank

Gpu = Literal["auto", "require", "skip"]
NEEDS_GPU = "not run here: needs a GPU runner"
_SLOTS = 2  # the submission's sandbox and the reference's


class NoGpuError(RuntimeError):
    """A GPU was required and there is none. The text says what to do."""


@dataclass(frozen=True)
class Job:
    """One comparison to be made for one submission."""

    submission: Submission
    comparison: Comparison
    graded: NotebookResult


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


def gpu_devices() -> tuple[str, ...]:
    """The device files that CUDA needs and a sandbox must show."""
    return tuple(sorted(str(path) for path in Path("/dev").glob("nvidia*") if not path.is_dir()))


def time_class(
    course: Course,
    submissions: Sequence[Submission],
    graded: Mapping[str, Result],
    before: Mapping[str, Result | None],
    *,
    timing: bool,
    gpu: bool,
    level: Callable[[], Level],
    expect: Callable[[int], None] = lambda jobs: None,
) -> Iterator[Result]:
    """Results with another set of timings than `graded` has, each again after every job of its.

    graded  results as they were graded, by id; `before` are those of an earlier run, whose timings
            are kept where nothing has changed
    timing  whether to run what is missing; jobs run one after another, with the processors free
    level   says at which level of sandbox, asked if there is anything to run
    expect  is told how many jobs there are; each gives one result from then on
    """
    results, jobs = dict(graded), []
    for submission in submissions:
        if submission.id not in results:
            continue
        found, missing = _known(course, submission, results[submission.id], before, timing, gpu)
        jobs += missing
        if found != list(results[submission.id].timings):
            results[submission.id] = with_timings(course, results[submission.id], found)
            yield results[submission.id]
    if not jobs:
        return
    expect(len(jobs))
    devices = gpu_devices() if gpu else ()
    files = public_files(course.root)
    with Pool(level(), files, course.limits, _SLOTS, devices) as pool:
        stopwatch = Stopwatch(course, pool)
        for job in jobs:
            result = results[job.submission.id]
            timed = with_timings(course, result, [*result.timings, _run(stopwatch, job)])
            results[job.submission.id] = timed
            yield timed


def _known(
    course: Course,
    submission: Submission,
    result: Result,
    before: Mapping[str, Result | None],
    timing: bool,
    gpu: bool,
) -> tuple[list[Timing], list[Job]]:
    """The timings of a result that need no run, and the jobs for those that do."""
    known, jobs = [], []
    notebooks = {n.name: n for n in result.notebooks if n.file}
    for comparison in course.comparisons:
        graded = notebooks.get(comparison.notebook)
        if graded is None:
            continue
        new = blank(comparison, graded)
        kept = _kept(new.key, result, before.get(submission.id))
        if kept is not None:
            known.append(kept)
        elif timing and comparison.device == "cuda" and not gpu:
            known.append(replace(new, status="not run here", problem=NEEDS_GPU))
        elif timing:
            jobs.append(Job(submission, comparison, graded))
    return known, jobs


def _kept(key: str, *results: Result | None) -> Timing | None:
    """The timing with this key that a runner has made."""
    for result in results:
        for timing in result.timings if result else ():
            if timing.key == key and timing.status in ("measured", "not correct"):
                return timing
    return None


def _run(stopwatch: Stopwatch, job: Job) -> Timing:
    submitted = job.submission.notebooks[job.comparison.notebook]
    try:
        return stopwatch.run(job.comparison, submitted, job.graded)
    except Exception as error:  # ours, not the student's: the others go on
        said = f"timing failed on {job.submission.id}, {job.comparison.title}"
        print(f"autograder: {said}: {error!r}", file=sys.stderr)
        told = replace(blank(job.comparison, job.graded), status="failed")
        return replace(told, problem="the grader itself failed here; this is not your code's doing")


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
        score=result.score + score,
        possible=result.possible + possible,
    )
