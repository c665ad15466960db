"""Does a job, on whatever machine it came to.

A `Machine` holds what is warm there: the course, the sandbox's level, pools, graders, stopwatches.
It is made by a local run, or by a fleet's worker at its first job.
"""

from __future__ import annotations

import queue
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from autograder.bundle_in_use import public_files, use_bundle
from autograder.comparisons import Comparison
from autograder.course import Course
from autograder.doctor import report
from autograder.grading import Grader, engine_version
from autograder.jobs import Grading, Job, Outcome
from autograder.results import NotebookResult, Timing
from autograder.sandbox import processors
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import Level
from autograder.stopwatch import SLOTS, Stopwatch


class Machine:
    """A place to work: `slots` jobs at once. Thread-safe. Use as a context manager.

    private  files and folders that student code must not be able to read
    """

    def __init__(self, course: Course, slots: int, private: Sequence[Path] = (), where: str = ""):
        allow_open_files()
        self.course = course
        self._slots = slots
        self._private = [course.root / "solutions", *private]
        self._where = where
        self._processors = _one_each(slots)
        self._room = _Room()
        self._graders: dict[Grading, Grader] = {}
        self._stopwatches: dict[tuple[Grading, bool], Stopwatch] = {}
        self._pools: dict[tuple[Level, tuple[str, ...], bool], Pool] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the warm processes, and all that runs in them."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()
            self._graders.clear()
            self._stopwatches.clear()

    def do(self, job: Job) -> Outcome:
        """Do one job, alone where it needs that; whatever goes wrong is told in the outcome."""
        with self._room.taken(alone=job.needs == "a whole worker"):
            outcome = Outcome(job.id, where=self._where, began=time.time())
            try:
                outcome = KINDS[job.kind](self, job, outcome)
            except Exception as error:  # ours, not the student's: the others go on
                outcome = replace(outcome, error=f"{type(error).__name__}: {error}")
            return replace(outcome, ended=time.time())

    def warm(self, job: Job) -> None:
        """Make what jobs like this one need. Raises NoSandboxError, SandboxError."""
        if job.kind == "time":
            self.stopwatch(job.grading, job.gpu)
        else:
            self.grader(job.grading)

    @contextmanager
    def on_one_processor(self) -> Iterator[None]:
        """Keep this thread, and the forks that it talks to, on a processor of their own, where
        there are enough: they take turns, and waking somebody elsewhere takes longer than most
        calls."""
        if self._processors is None:
            yield
            return
        before, mine = processors.available(), self._processors.get()
        processors.run_on([mine])
        try:
            yield
        finally:
            processors.run_on(before)
            self._processors.put(mine)

    def grader(self, grading: Grading) -> Grader:
        """The grader of a class; made at its first job. Raises NoSandboxError, SandboxError."""
        with self._lock:
            if grading not in self._graders:
                level, missing = self._level(grading)
                pool = self._pool(level, self._slots, ahead=True)
                self._graders[grading] = Grader(self._course(grading), pool, missing)
            return self._graders[grading]

    def stopwatch(self, grading: Grading, gpu: bool) -> Stopwatch:
        """What times a class, on the GPU or not; made at its first job. It has a pool of its own,
        in which nothing is made ahead. Raises NoSandboxError, SandboxError."""
        with self._lock:
            if (grading, gpu) not in self._stopwatches:
                use_bundle(self.course.root)
                devices = gpu_devices() if gpu else ()
                pool = self._pool(self._level(grading)[0], SLOTS, devices)
                self._stopwatches[grading, gpu] = Stopwatch(self._course(grading), pool)
            return self._stopwatches[grading, gpu]

    def _level(self, grading: Grading) -> tuple[Level, tuple[str, ...]]:
        return choose(self._private, grading.required, grading.trust_input)

    def _course(self, grading: Grading) -> Course:
        """The course as this class is graded."""
        notebooks = tuple(n for n in self.course.notebooks if n.name in grading.notebooks)
        return replace(self.course, seed=grading.seed, notebooks=notebooks)

    def _pool(
        self, level: Level, slots: int, devices: tuple[str, ...] = (), ahead: bool = False
    ) -> Pool:
        key = level, devices, ahead
        if key not in self._pools:
            public, limits = public_files(self.course.root), self.course.limits
            self._pools[key] = Pool(level, public, limits, slots, devices, ahead)
        return self._pools[key]

    def refuse_others(self, grading: Grading) -> None:
        """Raises ValueError where this machine would grade by another book."""
        here = (self.course.version, engine_version())
        if here != (grading.version, grading.engine):
            raise ValueError(
                f"this worker ({self._where}) has another bundle or version of the grader: give "
                "it the same files, and start it again"
            )


def allow_open_files() -> None:
    """Let this process have as many files open as it may: each sandbox takes some. What a student's
    may have is a setting of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # a system that says more than it allows
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Room:
    """Who works here: several at once, or one alone."""

    def __init__(self) -> None:
        self._inside, self._alone = 0, False
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, alone: bool) -> Iterator[None]:
        """Wait for a place, or for all of them."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone and not (alone and self._inside))
            self._inside, self._alone = self._inside + 1, alone
        try:
            yield
        finally:
            with self._changed:
                self._inside, self._alone = self._inside - 1, False
                self._changed.notify_all()


def _one_each(slots: int) -> queue.SimpleQueue[int] | None:
    """A processor for each slot; None where there are too few."""
    there = processors.available()
    if slots > len(there):
        return None
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for processor in there[:slots]:
        free.put(processor)
    return free


def _grade(machine: Machine, job: Job, outcome: Outcome) -> Outcome:
    assert job.submission is not None
    machine.refuse_others(job.grading)
    grader = machine.grader(job.grading)
    with machine.on_one_processor():
        return replace(outcome, result=grader.grade(job.submission, job.before))


def _time(machine: Machine, job: Job, outcome: Outcome) -> Outcome:
    machine.refuse_others(job.grading)
    return replace(outcome, timing=timed(machine.stopwatch(job.grading, job.gpu), job))


def timed(stopwatch: Stopwatch, job: Job) -> Timing:
    """What came of a timing job."""
    assert job.submission is not None
    comparison, graded = asked(job)
    return stopwatch.run(comparison, job.submission.notebooks[comparison.notebook], graded)


def asked(job: Job) -> tuple[Comparison, NotebookResult]:
    """Of a timing job: what is to be compared, and what the grading made of its notebook."""
    assert job.before is not None
    assert job.comparison is not None
    (graded,) = (n for n in job.before.notebooks if n.name == job.comparison.notebook)
    return job.comparison, graded


def gpu_devices() -> tuple[str, ...]:
    """The device files that CUDA needs and a sandbox must show."""
    return tuple(sorted(str(path) for path in Path("/dev").glob("nvidia*") if not path.is_dir()))


def _doctor(machine: Machine, job: Job, outcome: Outcome) -> Outcome:
    """What the machine offers, measured with nothing beside it."""
    del job
    return replace(outcome, text=report([machine.course.root / "solutions"]))


KINDS: dict[str, Callable[[Machine, Job, Outcome], Outcome]] = {
    "grade": _grade,
    "time": _time,
    "doctor": _doctor,
}
