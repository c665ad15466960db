"""How often a verdict of `autograder.timing` is right on a busy machine, and how often that of the
homework's original benchmark is.

Two neighbours keep the processors busy throughout. Each verdict is on two functions that do the
same work a different number of times, so that the true ratio is known: from 1.5 on, either way.
Both ways of measuring are given the same pairs: the fair one as grading uses it, in sandboxes, with
fresh inputs and every result verified; the original's as a student's notebook has it, with one call
to warm up and the mean of ten, one function after the other, by the clock of that process.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from autograder.bench import Row, bench, bundle_in_use
from autograder.bundle_files import LABKIT
from autograder.course import Limits
from autograder.intake import Cell
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from autograder.session import Session
from autograder.timing import paired, take_turns
from autograder.turns import Contestant, Side, Task, calibrated
from labkit.timing import using_threads

COUNT = 300
NEIGHBOURS = 2
CAP = 0.5  # seconds of a verdict
TIMES = ((6, 9), (6, 10), (6, 12), (6, 18))  # how often the two functions do their work

SOURCE = """
import time
import torch

def product(x, y):
    return x @ y

def steps(x, y):
    h = x[0]
    for x_t in x[1:]:
        h = 0.5 * h + x_t
    return h[None] + 0 * y

def entries(x, y):
    return torch.tanh(x + y)

def repeated(unit, times):
    def run(x, y):
        for _ in range(times):
            result = unit(x, y)
        return result
    return run

for unit in (product, steps, entries):
    for times in range(1, 19):
        globals()[f"{unit.__name__}_{times}"] = repeated(unit, times)

def original(name, x, y):
    function = globals()[name]
    function(x, y)
    start = time.perf_counter()
    for _ in range(10):
        function(x, y)
    return (time.perf_counter() - start) / 10
"""


def _product(x: Tensor, y: Tensor) -> Tensor:
    return x.double() @ y.double()


def _steps(x: Tensor, y: Tensor) -> Tensor:
    h = x[0].double()
    for x_t in x[1:].double():
        h = 0.5 * h + x_t
    return h[None] + 0 * y.double()


def _entries(x: Tensor, y: Tensor) -> Tensor:
    return torch.tanh(x.double() + y.double())


def _fresh(rows: int, columns: int) -> tuple[Tensor, Tensor]:
    return torch.randn(rows, columns), torch.randn(rows, columns)


TASKS = {
    "product": Task(lambda: _fresh(96, 96), _product, 1e-4),
    "steps": Task(lambda: _fresh(24, 16), _steps, 1e-4),
    "entries": Task(lambda: _fresh(64, 256), _entries, 1e-4),
}


@dataclass(frozen=True)
class Verdict:
    """What two ways of measuring made of one pair, whose first function takes `true` times the
    second's time: "faster", "slower" or "undecided"."""

    true: float
    fair: str
    original: str

    def right(self, verdict: str) -> bool:
        return verdict == ("slower" if self.true > 1 else "faster")


@bench("verdicts", "how often a verdict is wrong, or not given, under two busy neighbours.")
def verdicts(full: bool) -> Iterator[Row | str]:
    del full
    with neighbours(NEIGHBOURS):
        yield from summary(list(itertools.islice(measured(), COUNT)))


def summary(found: list[Verdict]) -> Iterator[Row | str]:
    """The shares of verdicts that are wrong or missing, with 95% intervals, and the counts."""
    for way, most in (("fair", 0.02), ("original", None)):
        told = [getattr(verdict, way) for verdict in found]
        undecided = told.count("undecided")
        wrong = sum(not v.right(t) for v, t in zip(found, told, strict=True)) - undecided
        yield f"{way} way: of {len(found)} verdicts {wrong} wrong, {undecided} undecided"
        yield _share(f"wrong/verdicts {way} way", wrong, len(found), most)
        if way == "fair":
            yield _share("undecided/verdicts fair way", undecided, len(found), 0.1)
    by_ratio = Counter(v.true for v in found if v.fair == "undecided")
    if by_ratio:
        told_by = ", ".join(f"{n} at {true:.2g}" for true, n in sorted(by_ratio.items()))
        yield f"undecided by true ratio: {told_by}"


def _share(name: str, count: int, n: int, most: float | None) -> Row:
    """A share with its exact interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    interval = binomtest(count, n).proportion_ci(0.95, "exact")
    return Row(name, count / n, float(interval.low), float(interval.high), n, at_most=most)


def measured() -> Iterator[Verdict]:
    """Verdicts on pairs, without end."""
    files = {"labkit": LABKIT}
    level, _ = choose([bundle_in_use() / "solutions"])
    cells, paces = [Cell(1, "code", SOURCE)], dict[str, Contestant]()
    limits = Limits()
    with (
        using_threads(1),
        Pool(level, files, limits, 2) as pool,
        Session(pool, cells, limits) as one,
        Session(pool, cells, limits) as other,
    ):
        for unit, (fewer, more) in itertools.cycle(itertools.product(TASKS, TIMES)):
            for first, second in ((fewer, more), (more, fewer)):
                names = f"{unit}_{first}", f"{unit}_{second}"
                fair = _fair(one, other, TASKS[unit], names, paces)
                yield Verdict(first / second, fair, _original(one, TASKS[unit], names))


def _fair(
    one: Session,
    other: Session,
    task: Task,
    names: tuple[str, str],
    paces: dict[str, Contestant],
) -> str:
    """The verdict on the first function as grading gives it. `paces` are those found before."""
    with Side(other, task) as reference, Side(one, task) as side:
        for name in names:
            paces[name] = paces.get(name) or calibrated(reference, name)
        contestants = {
            name: replace(paces[name], side=where)
            for name, where in zip(names, (side, reference), strict=True)
        }
        turns = take_turns(contestants, [names], cap=CAP, order=random.SystemRandom())
    return paired(*(turns[name] for name in names)).verdict


def _original(session: Session, task: Task, functions: tuple[str, str]) -> str:
    """The verdict on the first by the homework's original benchmark, which is never in doubt."""
    names = session.names()
    clock = names.get("original")
    assert callable(clock)
    seconds = [float(clock(name, *task.fresh())) for name in functions]
    names.close()
    return "faster" if seconds[0] < seconds[1] else "slower"


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """That many processes which never rest."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()
