"""How fast a class is graded: seconds a submission, against stock Otter, a cold process, the floor.

All contestants grade the same notebook of the bundle, solved, and take turns in one run:

  stock_otter_run  `otter run` with the zip of `otter assign`, as Otter makes it
  cold_process     a new Python process: the imports, the cells and the checks, no sandbox
  ours             a warm grader, one job: reads the file, grades it in a sandbox, writes reports
  floor            the same cells and checks in one warm process: no fork, sandbox or message
  forked_floor     the floor, in a fork of its own for each submission and nothing more

The checks are the same Otter test files everywhere. What is the same for a whole class (compiled
test files, reference outputs) is done once, in `ours` and in `floor`.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from autograder import bench, intake, masters, reports
from autograder import course as courses
from autograder.bench import Row, ratio
from autograder.benches import samples, stock
from autograder.bundle_in_use import public_files
from autograder.course import Course
from autograder.grading import engine_version
from autograder.intake import Submission
from autograder.jobs import Grading, Job
from autograder.notebook import IGNORED, Notebook
from autograder.results import Result
from autograder.sandbox import watch
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from autograder.stages import stage, watched
from autograder.work import Machine

CHILD_BYTES = 60 << 20
BATCH = 12  # submissions in a row; the first one is not counted
STAGES = {  # of ours, in the order they come in; of the floor, those it has
    "reading": "reading the file",
    "sandbox": "waiting for a sealed process",
    "cells": "the notebook's cells",
    "forks": "waiting for forks, one a question",
    "calls": "calls of the student's functions",
    "tests": "drawing inputs, references, comparing",
    "ending": "ending forks and sandbox",
    "reports": "writing results and pages",
}

Stages = dict[str, float]


class FloorProcess:
    """A process that runs cells and checks with nothing in between: see `benches.floor`."""

    def __init__(self, root: Path):
        command = [sys.executable, "-m", "autograder.benches.floor", str(root)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> FloorProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()

    def run(self, job: Mapping[str, Any], fork: bool = False) -> Stages:
        """Run one job, in a fork of the process or not: its seconds."""
        answer = self._ask({**job, "fork": fork})
        return {**answer["stages"], "all": answer["seconds"]}

    def scores(self, job: Mapping[str, Any]) -> dict[str, float]:
        given: dict[str, float] = self._ask(job)["scores"]
        return given

    def _ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(job), file=self._process.stdin, flush=True)
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Ours:
    """A warm grader, and where its results go."""

    def __init__(self, course: Course, machine: Machine, out: Path):
        self._course = course
        self._machine = machine
        names = tuple(n.name for n in course.notebooks)
        self._grading = Grading(course.seed, names, course.version, engine_version())
        self._out = out

    def run(self, file: Path) -> Stages:
        """Grade one submission: its seconds."""
        started = time.perf_counter()
        with watched() as seconds:
            with stage("reading"):
                submission = read(self._course, file)
            result = self._grade(submission)
            with stage("reports"):
                reports.write(result, self._course, self._out)
                reports.keep(result, self._out)
        return {**seconds, "all": time.perf_counter() - started}

    def scores(self, file: Path) -> dict[str, float]:
        result = self._grade(read(self._course, file))
        return {q.name: q.score for n in result.notebooks for q in n.questions}

    def _grade(self, submission: Submission) -> Result:
        outcome = self._machine.do(Job(submission.id, "grade", self._grading, submission))
        if outcome.result is None:
            raise RuntimeError(outcome.error)
        return outcome.result


@bench.bench("throughput", "seconds a submission of one notebook, one job. Times: first / second.")
def throughput(full: bool) -> Iterator[Row | str]:
    course = courses.load(bench.bundle_in_use())
    notebook = chosen_notebook(course)
    master = masters.read(notebook.master)
    made = samples.read(master)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        zipped = folder / "stock.zip"
        zipped.write_bytes(stock.stock_zip(master))
        machine = stack.enter_context(Machine(course, 1))
        floor = stack.enter_context(FloorProcess(course.root))
        ours = Ours(course, machine, folder / "grades")
        job_of = partial(floor_job, course, notebook)
        yield f"{notebook.name}, solved"
        solved = hand_in(folder, "solved", made.notebook(made.questions))
        job = job_of(solved)
        stocks, colds = list[float](), list[float]()
        warm, bare, forked = list[Stages](), list[Stages](), list[Stages]()
        for _ in range(bench.FEWEST * (3 if full else 1)):
            stocks.append(stock.otter_run(zipped, solved, course.root, folder)[0])
            colds.append(cold(course.root, job))
            warm.append(batch(lambda: ours.run(solved)))
            bare.append(batch(lambda: floor.run(job)))
            forked.append(batch(lambda: floor.run(job, fork=True)))
        mine, lowest, fresh = ([one["all"] for one in way] for way in (warm, bare, forked))
        yield ratio("stock_otter_run/ours", stocks, mine, at_least=40)
        yield ratio("cold_process/ours", colds, mine)
        yield ratio("ours/floor", mine, lowest, at_most=4)
        yield ratio("forked_floor/floor", fresh, lowest)
        yield ratio("ours/forked_floor", mine, fresh, at_most=2)
        yield from overhead(warm, bare)

        equal = []
        for count in range(len(made.questions) + 1):
            file = hand_in(folder, f"first{count}", made.notebook(made.questions[:count]))
            theirs = stock.otter_run(zipped, file, course.root, folder)[1]
            equal.append(ours.scores(file) == theirs == floor.scores(job_of(file)))
            yield f"{count} of {len(made.questions)} answered: stock Otter gives {theirs}"
        share = sum(equal) / len(equal)
        yield Row("equal_scores", share, share, share, len(equal), at_least=1)
    yield from child_memory(course)


def child_memory(course: Course) -> Iterator[Row | str]:
    """The memory that a sealed process has for itself before any code of a student's runs."""
    level, _ = choose([course.root / "solutions"])
    with Pool(level, public_files(course.root), course.limits) as pool, pool.child():
        _, sealed = watch.descendants(pool.process_id)  # below its supervisor
        try:
            memory = Path(f"/proc/{sealed}/smaps_rollup").read_text()
        except OSError as error:
            yield f"left out: a child's memory, which cannot be read here ({error.strerror})"
            return
    private = sum(int(kb) for kb in re.findall(r"^Private_\w+: +(\d+) kB", memory, re.M)) * 1024
    share = private / CHILD_BYTES
    yield Row("child_memory/60MB", share, share, share, 1, at_most=1)


def chosen_notebook(course: Course) -> Notebook:
    """The notebook that the bundle names in `solutions/benches`, else its first with checks."""
    named = getattr(sys.modules.get("solutions.benches"), "THROUGHPUT_NOTEBOOK", None)
    return next(n for n in course.notebooks if (n.name == named if named else n.possible))


def hand_in(folder: Path, name: str, content: bytes) -> Path:
    file = folder / f"{name}.ipynb"
    file.write_bytes(content)
    return file


def read(course: Course, file: Path) -> Submission:
    return intake.read_one([file], course, name=file.stem, whole=False)


def floor_job(course: Course, notebook: Notebook, file: Path) -> dict[str, Any]:
    """What the floor runs: the cells and checks that grading would."""
    cells = read(course, file).notebooks[notebook.name].cells
    return {
        "notebook": notebook.name,
        "seed": course.seed,
        "cells": [c.source for c in cells if c.kind == "code" and IGNORED not in c.tags],
        "tests": notebook.test_files,
    }


def cold(root: Path, job: Mapping[str, Any]) -> float:
    """Seconds from starting a process to the end of its only job."""
    started = time.perf_counter()
    with FloorProcess(root) as floor:
        floor.run(job)
    return time.perf_counter() - started


def batch(run: Callable[[], Stages]) -> Stages:
    """Seconds of a submission among several in a row: of all of it, and of its stages."""
    run()
    rounds = [run() for _ in range(BATCH - 1)]
    return {name: statistics.mean(one.get(name, 0.0) for one in rounds) for name in rounds[0]}


def overhead(ours: Sequence[Stages], floor: Sequence[Stages]) -> Iterator[str]:
    """What stands between ours and the floor: a line a stage, the medians of the rounds."""

    def typical(rounds: Sequence[Stages], name: str) -> float:
        return 1000 * statistics.median(one.get(name, 0.0) for one in rounds)

    base = typical(floor, "all")
    yield f"{'milliseconds a submission':<40} {'ours':>7} {'floor':>7} {'more':>7}   of the floor"
    for name, says in {**STAGES, "all": "all"}.items():
        mine, theirs = typical(ours, name), typical(floor, name)
        more = mine - theirs
        yield f"{says:<40} {mine:>7.1f} {theirs:>7.1f} {more:>+7.1f}   {more / base:+.2f}"
    between = typical(ours, "all") - 1.3 * base
    yield f"between this and 1.3 times the floor stand {between:.1f} ms"
