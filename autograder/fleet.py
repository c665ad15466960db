"""A class of submissions -> their results, several at once, each written as it comes.

Results that OUT already holds for the same submission, bundle, seed and grader are kept; after a
correction, only the notebooks that use what was corrected are graded again. What an instructor
decided since, and what written answers got (autograder/decisions.py), is applied to what is shown.

Whatever ends a run (Ctrl-C, kill -9, a full disk), what was graded is in OUT, whole: each file is
written beside its place and moved there, and what counts as the result comes last. The same command
again grades the rest.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType

from rich.console import Console

from autograder import decisions, local, reports
from autograder.archives import remove_unfinished
from autograder.course import Course
from autograder.grading import engine_version, result_key
from autograder.intake import Submission
from autograder.jobs import FleetError, Grading, Job, Outcome
from autograder.progress import shown
from autograder.reports.wording import plain, points
from autograder.results import Result
from autograder.sandbox.seal import LEVELS, Level
from autograder.timing_jobs import Gpu, gpu_here, time_class
from autograder.work import Machine

Run = Callable[[Sequence[Job]], Generator[Outcome]]


class Stopped(Exception):
    """The run came to an end before the class did. The text says why, and what to do."""


@dataclass(frozen=True)
class Summary:
    """What came of a class, as it counts: `failed` names the submissions on which the grader itself
    failed."""

    results: tuple[Result, ...]
    failed: tuple[str, ...]


def grade_class(
    course: Course,
    submissions: Sequence[Submission],
    out: Path,
    *,
    private: Sequence[Path] = (),
    jobs: int = 1,
    required: Level | None = None,
    trust_input: bool = False,
    fresh: bool = False,
    timing: bool = True,
    gpu: Gpu = "auto",
    again: Sequence[str] = (),
    scheduler: str = "",
) -> Summary:
    """Grade every submission, write its reports and the class's into `out`, and say so on the
    terminal; on this machine, or on the fleet of a Dask `scheduler`. What is timed is timed
    afterwards, each job alone on its machine. `again` is the command that grades again, for the
    report. Raises NoSandboxError, SandboxError, FleetError, Stopped, and OverridesError and
    NoGpuError before anything is graded."""
    console = Console()
    with_gpu = not scheduler and gpu_here(gpu)
    decided = decisions.read(out, course, decisions.handed_in(course, submissions))
    remove_unfinished(out)
    before = {s.id: reports.score_shown(out, s.id) for s in submissions}
    keys = {s.id: result_key(course, s) for s in submissions}
    earlier = {} if fresh else _earlier(submissions, out, required)
    kept = {name: r for name, r in earlier.items() if r.key == keys[name]}
    grading = _grading(course, required, trust_input)
    todo = [
        Job(s.id, "grade", grading, s, earlier.get(s.id)) for s in submissions if s.id not in kept
    ]
    book = _Book(course, out, decided, submissions, keys)
    try:
        for result in kept.values():
            book.show(result)
        with shown(console, len(submissions), len(kept)) as bar:
            say = partial(bar.say, always=True)
            run = _runner(course, private, max(1, min(jobs, len(todo))), scheduler, say)
            with closing(run(todo)) as outcomes:
                for outcome in outcomes:
                    bar.advance(book.enter(outcome))
        book.write_class(again)
        with shown(console, 0, what="Timing") as bar:
            say = partial(bar.say, always=True)
            if scheduler and timing:
                with_gpu = _gpu_there(course, scheduler, gpu, say)
            for result in time_class(
                course,
                submissions,
                book.graded,
                earlier,
                grading=grading,
                timing=timing,
                gpu=with_gpu,
                run=_runner(course, private, 1, scheduler, say),
                expect=bar.expect,
            ):
                book.keep(result)
                bar.advance()
        ordered = book.write_class(again)
    except KeyboardInterrupt:
        raise Stopped(book.stopped("stopped")) from None
    except OSError as error:
        why = f"this machine cannot go on ({_reason(error)}); its files are in "
        raise Stopped(book.stopped(f"{why}{tempfile.gettempdir()}")) from error
    reports.show(ordered, course, console)
    for line in _changes(before, ordered):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(f"Report: {out / 'report.html'}", soft_wrap=True)
    return Summary(tuple(ordered), tuple(book.failed))


class _Book:
    """Enters results where they belong, as they come. Raises Stopped where OUT cannot be written.

    graded   results as they were graded, by id; `results` as they count
    """

    def __init__(
        self,
        course: Course,
        out: Path,
        decided: decisions.Decisions,
        submissions: Sequence[Submission],
        keys: Mapping[str, str],
    ):
        self._course = course
        self._out = out
        self._decided = decided
        self._submissions = {s.id: s for s in submissions}
        self._keys = keys
        self.graded: dict[str, Result] = {}
        self.results: dict[str, Result] = {}
        self.failed: list[str] = []

    def show(self, result: Result) -> None:
        """Write what is shown of a result, as it counts."""
        counts = self._decided.apply(result)
        with self._writing():
            submission = self._submissions[result.submission]
            problem = reports.write(counts, self._course, self._out, submission)
        if problem:
            said = f"autograder: no page for {result.submission}, graded as ever: {problem}"
            print(plain(said), file=sys.stderr)
        self.graded[result.submission] = result
        self.results[result.submission] = counts

    def keep(self, result: Result) -> None:
        """Write a result, and keep it for later runs."""
        self.show(result)
        with self._writing():
            reports.keep(result, self._out)  # last: where it is there, all are

    def enter(self, outcome: Outcome) -> Result | None:
        """Keep what came of a job, or say that there is nothing."""
        if outcome.result is None:
            self.failed.append(outcome.id)
            said = f"autograder: the grader failed on {outcome.id}: {outcome.error}"
            print(said, file=sys.stderr)
            return None
        result = outcome.result
        if not outcome.error:  # else the next run tries again
            result = replace(result, key=self._keys[outcome.id])
        self.keep(result)
        return result

    def write_class(self, again: Sequence[str]) -> list[Result]:
        """Write the class's table and report: the results so far as they count, in its order."""
        ordered = [self.results[name] for name in self._submissions if name in self.results]
        with self._writing():
            reports.write_class(ordered, self._course, self._out, again)
        return ordered

    def stopped(self, why: str) -> str:
        """What to say where the run ends now."""
        done, total = len(self.results), len(self._submissions)
        return (
            f"{why}. {done} of {total} submissions are graded and kept in {self._out}; "
            f"the same command again {'grades' if done < total else 'does'} the rest"
        )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = f"{self._out} cannot be written ({_reason(error)}): make room"
            raise Stopped(self.stopped(why)) from error


def _reason(error: OSError) -> str:
    """Why a file could not be read or written; where many could not be copied, the first."""
    if isinstance(error, shutil.Error):
        return str(error.args[0][0][-1])
    return error.strerror or str(error)


def _runner(
    course: Course,
    private: Sequence[Path],
    slots: int,
    scheduler: str,
    say: Callable[[str], None],
) -> Run:
    """Where jobs run: here, or on a fleet."""
    if scheduler:
        dask = _dask()
        return lambda jobs: dask.run(scheduler, jobs, course, say)
    return lambda jobs: local.run(Machine(course, slots, private), jobs, slots)


def _gpu_there(course: Course, scheduler: str, wanted: Gpu, say: Callable[[str], None]) -> bool:
    """Whether timings for a GPU are sent to the fleet: those that are required wait for a worker
    with one to join, others run if there is one by now."""
    if wanted != "auto" or all(comparison.device == "cpu" for comparison in course.comparisons):
        return wanted == "require"
    there: bool = _dask().offers_gpu(scheduler)
    if not there:
        say("no worker offers GPU: what is timed on one is left out (--gpu require waits for one)")
    return there


def doctors(scheduler: str, course: Course) -> Iterator[Outcome]:
    """What each machine of a fleet offers. Raises FleetError."""
    yield from _dask().doctor(scheduler, _grading(course))


def _dask() -> ModuleType:
    try:
        return import_module("autograder.dask_fleet")
    except ModuleNotFoundError as error:
        if error.name not in ("distributed", "dask"):
            raise
        text = "--scheduler needs Dask: pip install 'course-autograder[fleet]'"
        raise FleetError(text) from None


def _grading(course: Course, required: Level | None = None, trust_input: bool = False) -> Grading:
    return Grading(
        seed=course.seed,
        notebooks=tuple(n.name for n in course.notebooks),
        version=course.version,
        engine=engine_version(),
        required=required,
        trust_input=trust_input,
    )


def _earlier(
    submissions: Sequence[Submission], out: Path, required: Level | None
) -> dict[str, Result]:
    """The results that `out` holds, but for those from a weaker sandbox than is required now."""
    weakest = len(LEVELS) if required is None else LEVELS.index(required)
    found = {s.id: reports.read(out, s.id) for s in submissions}
    return {
        name: result
        for name, result in found.items()
        if result is not None
        and (result.level not in LEVELS or LEVELS.index(result.level) <= weakest)
    }


def _changes(before: Mapping[str, float | None], results: Sequence[Result]) -> Iterator[str]:
    """A line for each score that is another than what was shown before."""
    for result in results:
        shown = before[result.submission]
        if shown is not None and abs(shown - result.score) > 1e-9:
            scores = f"{points(shown)} -> {points(result.score)} of {points(result.possible)}"
            yield f"Score changed: {plain(result.submission, 120)}  {scores}"
