"""Paired comparisons: which of two is faster, how surely, and when that is known well enough.

Comes in: contestants, each a function that takes one turn and returns its seconds. Goes out: the
median ratio of a pair, an interval that encloses the true one, and a verdict: faster, slower, or
undecided. Contestants take turns in random order, so that a busy minute hits all of them, and what
disturbs a single turn does not move a median. How a turn is taken is `autograder.turns`' business.
"""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autograder.bench import interval

Verdict = Literal["faster", "slower", "undecided"]
Pair = tuple[str, str]

CONFIDENCE = 0.99
FEWEST = 8  # rounds: of fewer no two ratios enclose the median with this confidence
MOST = 60
PRECISE = 0.05  # the relative error at which measuring stops


@dataclass(frozen=True)
class Ratio:
    """Time of the first / time of the second: the median of `n` paired ratios, and two of them
    that enclose the true median with `CONFIDENCE`."""

    ratio: float
    low: float
    high: float
    n: int

    @property
    def verdict(self) -> Verdict:
        """Whether the first is faster than the second or slower; undecided where 1 lies inside the
        interval, or where there are too few ratios to be sure of anything."""
        if self.n < FEWEST:
            return "undecided"
        return "faster" if self.high < 1 else "slower" if self.low > 1 else "undecided"

    @property
    def precise(self) -> bool:
        """Whether each end of the interval is within `PRECISE` of the ratio."""
        near = 1 + PRECISE
        return self.n >= FEWEST and self.high <= near * self.ratio and self.ratio <= near * self.low


def paired(over: Sequence[float], under: Sequence[float]) -> Ratio:
    """The ratio of two contestants' seconds, whose entries of one index belong together."""
    logs = [math.log(a / b) for a, b in zip(over, under, strict=True)]
    low, high = interval(logs, CONFIDENCE)
    return Ratio(math.exp(statistics.median(logs)), math.exp(low), math.exp(high), len(logs))


def take_turns(
    contestants: Mapping[str, Callable[[], float]],
    pairs: Sequence[Pair],
    *,
    cap: float,
    order: random.Random,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, list[float]]:
    """Seconds of each contestant in each round, until every pair's ratio is precise, or `cap`
    seconds have passed and there are rounds enough for a verdict.

    order  draws who goes first; not to be known to contestants
    """
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    end = clock() + cap
    for done in range(MOST):
        if done >= FEWEST:
            if clock() >= end:
                break
            if all(paired(seconds[over], seconds[under]).precise for over, under in pairs):
                break
        for name in order.sample(list(contestants), len(contestants)):
            seconds[name].append(contestants[name]())
    return seconds


def share_of_points(ratio: Ratio) -> float:
    """The share of its points that a function earns for a time of `ratio` times the reference's:
    all of them up to 1.2 times, the reference's time over its own up to 10 times, nothing above
    (Stanford CS149's rule). The interval's lower end counts, so that doubt never costs."""
    if ratio.verdict == "undecided" or ratio.low <= 1.2:
        return 1.0
    return 1 / ratio.low if ratio.low < 10 else 0.0
