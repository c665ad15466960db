"""The measured claims: how a ratio is measured, where benches are found, and how rows are shown.

Comes in: names of benches. Goes out: rows, each a ratio with an interval. A bench is a function,
marked with `bench`, in a module of `solutions/benches` (about a homework) or `autograder/benches`
(about the grader). It yields rows, and a sentence for whatever it leaves out:

    @bench("powers", "squaring against multiplying")
    def powers(full):
        turns = race({"loop": loop, "squaring": squaring}, lambda: (torch.randn(9, 9),))
        yield ratio("loop/squaring n=9", turns["loop"], turns["squaring"], at_least=2)

A ratio is the median of paired ratios: contestants take turns on the same fresh inputs, so that a
busy minute hits all of them. `low` and `high` enclose the true median with 95% confidence.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import pkgutil
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from labkit.timing import timer, using_threads

PACKAGES = ("autograder.benches", "solutions.benches")
FEWEST = 6  # rounds: of fewer than six values no two enclose the median with 95%
_TURN = 0.02  # seconds: shorter calls are repeated to fill a turn


@dataclass(frozen=True)
class Row:
    """One measured claim. `name` says what is divided by what, and at which sizes; `n` is how many
    ratios went in. `at_least` or `at_most` is what was claimed, if anything was."""

    name: str
    ratio: float
    low: float
    high: float
    n: int
    at_least: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the claim "holds" or "fails"; "undecided" where its bound lies inside the
        interval; "" where nothing was claimed."""
        if self.at_least is not None:
            holds, fails = self.low >= self.at_least, self.high < self.at_least
        elif self.at_most is not None:
            holds, fails = self.high <= self.at_most, self.low > self.at_most
        else:
            return ""
        return "holds" if holds else "fails" if fails else "undecided"


F = TypeVar("F", bound=Callable[[bool], Iterator[Row | str]])


@dataclass(frozen=True)
class Bench:
    """`run(full)` yields rows, and sentences about what is left out; `says` is its headline."""

    name: str
    says: str
    run: Callable[[bool], Iterator[Row | str]]


class UnknownBench(Exception):
    """A name that no bench has. The text names those there are."""


# ---- Finding benches


def bench(name: str, says: str) -> Callable[[F], F]:
    """Mark a function as the bench `name`."""

    def mark(run: F) -> F:
        run.bench = Bench(name, says, run)  # type: ignore[attr-defined]
        return run

    return mark


def known() -> dict[str, Bench]:
    """Every bench of the grader and of the bundle in use, by name."""
    found: dict[str, Bench] = {}
    for package in PACKAGES:
        try:
            root = importlib.import_module(package)
        except ModuleNotFoundError as error:
            if error.name not in (package, package.partition(".")[0]):
                raise
            continue
        for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda info: info.name):
            module = importlib.import_module(f"{package}.{info.name}")
            marked = (getattr(value, "bench", None) for value in vars(module).values())
            found |= {one.name: one for one in marked if isinstance(one, Bench)}
    return found


def bundle_in_use() -> Path:
    """The folder of the bundle that `autograder bench --bundle` has made importable."""
    found = importlib.util.find_spec("solutions")
    assert found is not None
    assert found.submodule_search_locations
    return Path(next(iter(found.submodule_search_locations))).parent


def choose(names: Sequence[str]) -> list[Bench]:
    """The benches of these names, or all where none is given. Raises UnknownBench."""
    benches = known()
    for name in names:
        if name not in benches:
            there = f"there is {', '.join(benches)}" if benches else "this bundle has none"
            raise UnknownBench(f"no bench is called '{name}'; {there}")
    return [benches[name] for name in names or benches]


# ---- Measuring


def race(
    contestants: Mapping[str, Callable[..., object]],
    fresh: Callable[[], Sequence[Any]],
    *,
    rounds: int = 15,
    budget: float = 20.0,
    clock: Callable[[], float] = timer,
) -> dict[str, list[float]]:
    """Seconds of a call of each contestant, in each round: entries of one index belong together.

    fresh    makes the arguments of a round, new ones each time; all contestants get the same
    budget   seconds after which no further round begins, once there were six
    clock    reads seconds; the default waits for an accelerator. `time.thread_time` leaves out what
             other processes take, and is for contestants that stay in this thread
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    with using_threads(1):
        args = fresh()
        repeats = {name: _repeats(call, args, clock) for name, call in contestants.items()}
        start = timer()
        for done in range(rounds):
            if done >= FEWEST and timer() - start > budget:
                break
            args = fresh()
            order = list(contestants)[:: -1 if done % 2 else 1]
            for name in order:
                seconds[name].append(_turn(contestants[name], args, repeats[name], clock))
    return seconds


def ratio(
    name: str,
    over: Sequence[float],
    under: Sequence[float],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """The row of paired measurements: `over` / `under`, pair by pair."""
    ratios = [a / b for a, b in zip(over, under, strict=True)]
    low, high = interval(ratios)
    return Row(name, statistics.median(ratios), low, high, len(ratios), at_least, at_most)


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The two of `values` that enclose the median of what they are drawn from with at least this
    confidence, whatever its distribution; their range, which says less, where they are too few (for
    95%: fewer than six). (Below the true median lie as many of n values as heads in n throws of a
    coin.)"""
    ordered, n, cut = sorted(values), len(values), 0
    outside = (1 - confidence) / 2
    while sum(math.comb(n, heads) for heads in range(cut + 2)) / 2**n <= outside:
        cut += 1
    return ordered[cut], ordered[n - 1 - cut]


def _turn(
    call: Callable[..., object], args: Sequence[Any], repeats: int, clock: Callable[[], float]
) -> float:
    start = clock()
    for _ in range(repeats):
        call(*args)
    return (clock() - start) / repeats


def _repeats(call: Callable[..., object], args: Sequence[Any], clock: Callable[[], float]) -> int:
    """Calls that fill a turn. The first call warms up: libraries, caches, memory."""
    first = _turn(call, args, 1, clock)
    if first > 10 * _TURN:  # too long for what a warm-up costs to matter
        return 1
    return max(1, round(_TURN / max(_turn(call, args, 1, clock), 1e-7)))


# ---- Showing


def lines(row: Row) -> str:
    """A row as a line for the terminal."""
    claim = ""
    if row.verdict:
        bound = f"≥ {row.at_least:g}" if row.at_least is not None else f"≤ {row.at_most:g}"
        claim = f"  claimed {bound}: {row.verdict}"
    numbers = f"{_short(row.ratio):>8}  [{_short(row.low)}, {_short(row.high)}]"
    return f"  {row.name:<72} {numbers:<30} n={row.n}{claim}".rstrip()


def _short(value: float) -> str:
    return f"{value:#.3g}".rstrip(".") if 0.01 <= abs(value) < 1000 else f"{value:.2g}"


def as_json(rows: Sequence[tuple[str, Row]]) -> str:
    """Rows with the name of their bench: [{bench, name, ratio, low, high, n}, ...]."""
    keys = ("name", "ratio", "low", "high", "n")
    entries = [{"bench": name, **{key: getattr(row, key) for key in keys}} for name, row in rows]
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"


def run(benches: Sequence[Bench], full: bool, say: Callable[[str], None]) -> list[tuple[str, Row]]:
    """Run the benches, say each row and remark as it comes, and give back all rows."""
    rows: list[tuple[str, Row]] = []
    for one in benches:
        say(f"{one.name}: {one.says}")
        for made in one.run(full):
            if isinstance(made, Row):
                rows.append((one.name, made))
                say(lines(made))
            else:
                say(f"  {made}")
    return rows


def can_write(file: Path) -> str:
    """Why `file` cannot be written, or "": asked before minutes are spent."""
    try:
        with file.open("a", encoding="utf-8"):
            return ""
    except OSError as error:
        return str(error.strerror)
