"""The floor: a notebook's cells and its checks in one process, with no fork, sandbox or message.

Run as `python -m autograder.benches.floor ROOT`, for bundles and submissions of our own only. Each
line in is a job {"notebook", "seed", "cells": [...], "tests": {question: Otter's test file}, and
"fork": whether it gets a fork of its own, the least that keeps one submission from the next}; each
line out its {"scores": {question: points}, "seconds", "stages": {stage: seconds}}.
"""

from __future__ import annotations

import functools
import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from autograder.bundle_in_use import use_bundle
from autograder.diagnosis import Call
from autograder.sandbox.forked import forked
from autograder.sealed_tests import compiled
from autograder.stages import stage, watched


class Floor:
    """One warm process. Test files are compiled once for a class, as in grading."""

    def __init__(self) -> None:
        from autograder.worker.cells import make_shell

        self._shell = make_shell()

    def run(self, job: Mapping[str, Any]) -> dict[str, Any]:
        """Grade one submission as if nobody could do any harm."""
        from autograder.worker.calls import reseed
        from autograder.worker.cells import run_cell

        self._shell.user_ns.clear()
        self._shell.init_user_ns()
        started = time.perf_counter()
        with watched() as seconds:
            with stage("cells"):
                reseed()
                for source in job["cells"]:
                    run_cell(self._shell, source)
            names = Names(self._shell.user_ns)
            scores = {}
            for question, text in job["tests"].items():
                key = (job["seed"], job["notebook"], question)
                with stage("tests"):
                    tests = compiled(text, question)
                    for hidden in (False, True):
                        tests.run_sealed(names, key, hidden)
                    scores[question] = tests.score
        spent = time.perf_counter() - started
        return {"scores": scores, "seconds": spent, "stages": seconds}


class Names:
    """The notebook's own names; the time inside its functions is of stage "calls"."""

    def __init__(self, names: Mapping[str, Any]):
        self._names = names
        self.calls: list[Call] = []
        self.quotes = True

    def get(self, name: str, default: object = None) -> object:
        value = self._names.get(name, default)
        return _timed(value) if callable(value) else value

    def rest(self) -> None:
        """There is no fork to let go of."""


def _timed(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        with stage("calls"):
            return function(*args, **kwargs)

    return call


def in_a_fork(floor: Floor, job: Mapping[str, Any]) -> dict[str, Any]:
    """Run a job in a fork; its seconds are those until the fork is gone."""
    gc.freeze()  # else a collection there would touch, and so copy, all that is here
    started = time.perf_counter()
    answer = forked(lambda: floor.run(job))
    return {**answer, "seconds": time.perf_counter() - started}


def jobs() -> Iterator[dict[str, Any]]:
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    root = Path(sys.argv[1]).resolve()
    use_bundle(root)
    torch.set_num_threads(1)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what cells print goes nowhere
    floor = Floor()
    for job in jobs():
        answer = in_a_fork(floor, job) if job.get("fork") else floor.run(job)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
