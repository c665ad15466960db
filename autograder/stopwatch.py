"""A timing job: one comparison of one submission's functions, with each other and with the
reference's -> `Timing`.

The submission's notebook and the reference's, which is the homework's own solution, run in equal
sandboxes. Both have their turns in every round, and every result is verified.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial

import torch

from autograder.comparisons import Comparison, imported
from autograder.course import Course
from autograder.intake import Cell, SubmittedNotebook
from autograder.notebook import Notebook
from autograder.on_device import device_name, lost_on_device
from autograder.once import nothing_kept
from autograder.remote import RemoteNamespace
from autograder.results import NotebookResult, TimedPair, TimedSize, Timing
from autograder.sandbox import processors
from autograder.sandbox.child import SandboxError
from autograder.sandbox.pool import Pool
from autograder.session import Session
from autograder.timing import Pair, Ratio, paired, share_of_points, take_turns
from autograder.turns import Contestant, Side, Task, calibrated
from labkit.checks import Mismatch
from labkit.timing import using_threads

SLOTS = 2  # of a pool: the submission's sandbox and the reference's
HOPELESS = 20  # times the reference's time: then it is told, and waited for no longer
_LEAST_DEADLINE = 2.0  # seconds, for a machine that is busy
_SLOW_BASELINE = 2.0  # times the reference's time: then the ratio of the two says little
_MANY_PROCESSORS = 1.3
_FORM_OF_TIMING = 1  # one more than before where old measurements are not to be kept


class Stopwatch:
    """Times submissions of one course. The pool has `SLOTS` slots or more, and nobody else uses it
    or the machine's processors meanwhile."""

    def __init__(self, course: Course, pool: Pool):
        self._course, self._pool = course, pool
        self._notebooks = {notebook.name: notebook for notebook in course.notebooks}

    def run(
        self, comparison: Comparison, submitted: SubmittedNotebook, graded: NotebookResult
    ) -> Timing:
        """What came of a comparison; there is always a Timing."""
        started = time.monotonic()
        timing = blank(comparison, graded)
        wrong = [q.part for q in graded.questions
                 if q.name in comparison.needs and q.score < q.possible]  # fmt: skip
        if wrong:
            said = f"first {' and '.join(wrong)} must be right"
            return replace(timing, status="not correct", problem=said)
        try:
            # Threads of ours would wait for each other on a busy machine; inputs never come again.
            with using_threads(1), nothing_kept():
                timing = self._measure(timing, comparison, submitted)
        except (Mismatch, SandboxError) as problem:
            timing = replace(timing, status="failed", problem=str(problem))
        return replace(timing, seconds=round(time.monotonic() - started, 3))

    def _measure(
        self, timing: Timing, comparison: Comparison, submitted: SubmittedNotebook
    ) -> Timing:
        notebook, limits = self._notebooks[comparison.notebook], self._course.limits
        with (
            Session(self._pool, submitted.cells, limits) as theirs,
            Session(self._pool, reference_cells(notebook), limits) as reference,
        ):
            if comparison.device == "cpu":
                timing = replace(timing, machine=processors.model())
            else:
                name = device_name(reference, comparison.device)
                timing = replace(timing, machine=name, checked=name)
                lost = lost_on_device(theirs, notebook, comparison, self._course.seed)
                if lost:
                    return replace(timing, status="not correct", problem="; ".join(lost))
            crossing = predicted(theirs.names(), comparison)
            race = Race(comparison, theirs, reference)
            sizes = race.memory(race.at(size) for size in comparison.grid())
        return replace(
            timing,
            crossing=crossing,
            sizes=sizes,
            notes=notes(comparison, sizes, race.processors),
            score=round(comparison.points * _share(comparison, sizes), 4),
            possible=comparison.points,
        )


class Race:
    """Contestants of one comparison: a submission's two functions and the reference's."""

    def __init__(self, comparison: Comparison, theirs: Session, reference: Session):
        self._comparison, self._theirs, self._reference = comparison, theirs, reference
        self.processors = 0.0  # that the submission kept busy at once, at most

    def at(self, size: dict[str, int]) -> TimedSize:
        """The times at one size. Where a function of the submission's gives a wrong result,
        dies or takes too long, the size has that as its problem."""
        task, device = self._task(size), self._comparison.device
        with ExitStack() as sides:
            reference = sides.enter_context(Side(self._reference, task, device))
            try:
                theirs = sides.enter_context(Side(self._theirs, task, device))
                paces = {f: _calibrated(reference, f) for f in self._comparison.functions.values()}
                turns: dict[str, Callable[[], float]] = {}
                for name, function in self._comparison.functions.items():
                    pace = paces[function]
                    late = max(_LEAST_DEADLINE, HOPELESS * pace.turn_seconds)
                    turns[reference_s(name)] = partial(_reference_turn, pace)
                    turns[yours(name)] = replace(pace, side=theirs, deadline=late)
                if device != "cpu":  # its first use may take seconds; the reference has had its own
                    for function in paces:
                        theirs.turn(function, 1)
                seconds = take_turns(
                    turns,
                    pairs(self._comparison),
                    cap=self._comparison.seconds,
                    order=random.SystemRandom(),
                )
            except Mismatch as problem:
                return TimedSize(size, problem=_said(problem))
            self.processors = max(self.processors, theirs.processors)
        return TimedSize(
            sizes=size,
            seconds={name: _quartiles(turns) for name, turns in seconds.items()},
            pairs=tuple(_pair(pair, seconds) for pair in pairs(self._comparison)),
            messages=max(pace.messages / pace.turn_seconds for pace in paces.values()),
        )

    def memory(self, timed: Iterable[TimedSize]) -> tuple[TimedSize, ...]:
        """The same sizes with the peak memory of each contestant, counted in one process a side."""
        sizes = list(timed)
        peaks: list[dict[str, int]] = [{} for _ in sizes]
        for session, whose in ((self._theirs, yours), (self._reference, reference_s)):
            names = session.names()
            with suppress(Mismatch):  # then there is no more to be had from this process
                for found, size in zip(peaks, sizes, strict=True):
                    for name, function in self._comparison.functions.items():
                        if not size.problem:
                            found[whose(name)] = self._peak(names, function, size.sizes)
            names.close()
        return tuple(
            replace(size, peak_bytes=peak) for size, peak in zip(sizes, peaks, strict=True)
        )

    def _peak(self, names: RemoteNamespace, function: str, size: dict[str, int]) -> int:
        """Peak bytes of a call, as labkit counts them beside the function."""
        request = {"op": "memory", "name": function, "device": self._comparison.device}
        counted = names.ask({**request, "args": self._task(size).fresh()}).get("peak_bytes")
        if not isinstance(counted, int) or not 0 <= counted < 1 << 50:
            raise Mismatch("its memory cannot be read", kind="cost")
        return counted

    def _task(self, size: dict[str, int]) -> Task:
        source = torch.Generator().manual_seed(random.SystemRandom().getrandbits(63))
        inputs, oracle = imported(self._comparison.inputs), imported(self._comparison.oracle)
        sizes = {**self._comparison.fixed, **size}
        return Task(lambda: inputs(**sizes, generator=source), oracle, self._comparison.rtol)


def blank(comparison: Comparison, graded: NotebookResult) -> Timing:
    """A Timing without measurements."""
    return Timing(
        notebook=comparison.notebook,
        part=comparison.part,
        title=comparison.title,
        first=comparison.first["name"],
        second=comparison.second["name"],
        device=comparison.device,
        status="measured",
        key=f"{_FORM_OF_TIMING} {graded.key} {comparison}",
    )


def pairs(comparison: Comparison) -> list[Pair]:
    """Who is compared with whom: the second function with the first, each with the reference's."""
    first, second = comparison.functions
    return [
        (yours(second), yours(first)),
        (yours(first), reference_s(first)),
        (yours(second), reference_s(second)),
    ]


def yours(name: str) -> str:
    return f"your {name}"


def reference_s(name: str) -> str:
    return f"the reference's {name}"


def reference_cells(notebook: Notebook) -> list[Cell]:
    """The cells that make the homework's own answers."""
    return [Cell(number, "code", source) for number, source in enumerate(notebook.solved, 1)]


def predicted(names: RemoteNamespace, comparison: Comparison) -> dict[str, float]:
    """The crossing that a student predicted: whole numbers, or None for never (here 0), by the
    first size. Anything else in it is left out."""
    if not comparison.crossing:
        return {}
    try:
        answer = names.ask({"op": "items", "name": comparison.crossing})
    except Mismatch:
        return {}
    finally:
        names.close()
    panels = next(iter(comparison.sizes.values()))
    items = answer.get("items")
    items = items if isinstance(items, list) else []
    return {
        str(panel): 0.0 if at is None else float(at)
        for panel, at in (item for item in items if isinstance(item, list) and len(item) == 2)
        if type(panel) is int
        and panel in panels
        and (at is None or (type(at) in (int, float) and 0 < at < 1e9))
    }


def notes(comparison: Comparison, sizes: Sequence[TimedSize], processors: float) -> tuple[str, ...]:
    """What a reader should know before believing the ratios."""
    found = []
    for name in comparison.functions:
        slow = [p.ratio for size in sizes for p in size.pairs
                if (p.over, p.under) == (yours(name), reference_s(name))
                and p.low > _SLOW_BASELINE]  # fmt: skip
        if slow:
            found.append(
                f"Your {name} takes up to {max(slow):.2g} times as long as the reference's "
                f"{name}: a ratio of your two functions says as much about that as about the "
                "methods."
            )
    if processors > _MANY_PROCESSORS:
        found.append(
            f"Your code kept {processors:.1f} processors busy at once. One is what counts: the "
            "times here are the sum over all of them."
        )
    return tuple(found)


def _calibrated(reference: Side, function: str) -> Contestant:
    with _reference_s_own_work():
        return calibrated(reference, function)


def _reference_turn(contestant: Contestant) -> float:
    with _reference_s_own_work():
        return contestant()


@contextmanager
def _reference_s_own_work() -> Iterator[None]:
    """What goes wrong here is nobody's but ours."""
    try:
        yield
    except Mismatch as problem:
        raise SandboxError(f"the reference itself failed: {problem}") from None


def _quartiles(seconds: Sequence[float]) -> tuple[float, ...]:
    return tuple(statistics.quantiles(seconds, n=4, method="inclusive"))


def _pair(pair: Pair, seconds: dict[str, list[float]]) -> TimedPair:
    over, under = pair
    found = paired(seconds[over], seconds[under])
    return TimedPair(over, under, found.ratio, found.low, found.high, found.n, found.verdict)


def _share(comparison: Comparison, sizes: Sequence[TimedSize]) -> float:
    """The share of the points for time: the mean over sizes and functions; nothing at a size that
    has a problem."""
    with_reference = pairs(comparison)[1:]
    shares = [
        share_of_points(Ratio(p.ratio, p.low, p.high, p.n))
        for size in sizes
        for p in size.pairs
        if (p.over, p.under) in with_reference
    ]
    return sum(shares) / (len(with_reference) * len(sizes))


def _said(problem: Mismatch) -> str:
    if problem.kind == "too long":
        return f"took more than {HOPELESS} times as long as the reference: {problem}"
    return str(problem)
