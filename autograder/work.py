"""Does a job, on whatever machine it came to.

A `Machine` holds what is warm there: the course, the sandbox's level, the pool, the grader. It is
made by a local run, or by a fleet's worker at its first job.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from autograder.course import Course
from autograder.doctor import report
from autograder.grading import Grader, engine_version, public_files
from autograder.jobs import Grading, Job, Outcome
from autograder.sandbox import processors
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import Level


class Machine:
    """A place to work: `slots` jobs at once. Thread-safe. Use as a context manager.

    private  files and folders that student code must not be able to read
    """

    def __init__(self, course: Course, slots: int, private: Sequence[Path] = (), where: str = ""):
        self.course = course
        self._slots = slots
        self._private = [course.root / "solutions", *private]
        self._where = where
        self._processors = _one_each(slots)
        self._graders: dict[Grading, Grader] = {}
        self._pools: dict[Level, Pool] = {}
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

    def do(self, job: Job) -> Outcome:
        """Do one job; whatever goes wrong is told in the outcome."""
        outcome = Outcome(job.id, where=self._where, began=time.time())
        try:
            outcome = KINDS[job.kind](self, job, outcome)
        except Exception as error:  # ours, not the student's: the others go on
            outcome = replace(outcome, error=f"{type(error).__name__}: {error}")
        return replace(outcome, ended=time.time())

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
                level, missing = choose(self._private, grading.required, grading.trust_input)
                notebooks = [n for n in self.course.notebooks if n.name in grading.notebooks]
                course = replace(self.course, seed=grading.seed, notebooks=tuple(notebooks))
                self._graders[grading] = Grader(course, self._pool(level), missing)
            return self._graders[grading]

    def _pool(self, level: Level) -> Pool:
        if level not in self._pools:
            public, limits = public_files(self.course.root), self.course.limits
            self._pools[level] = Pool(level, public, limits, self._slots, ahead=True)
        return self._pools[level]

    def refuse_others(self, grading: Grading) -> None:
        """Raises ValueError where this machine would grade by another book."""
        here = (self.course.version, engine_version())
        if here != (grading.version, grading.engine):
            raise ValueError(
                f"this worker ({self._where}) has another bundle or version of the grader: give "
                "it the same files, and start it again"
            )


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


def _doctor(machine: Machine, job: Job, outcome: Outcome) -> Outcome:
    """What the machine offers, measured with nothing beside it."""
    del job
    return replace(outcome, text=report([machine.course.root / "solutions"]))


KINDS: dict[str, Callable[[Machine, Job, Outcome], Outcome]] = {"grade": _grade, "doctor": _doctor}
