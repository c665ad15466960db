"""How work and span grow with a size: counted at several sizes, and the law read from the counts.

Comes in: a function, and a way to make its arguments for a size. Goes out: a `Growth`, which
shows the sizes and the counts it was read from, and says "unclear" where they do not decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .cost import Cost, measure
from .table import lg

# The terms a count may be a sum of, slowest first. Logarithms count whole steps, as spans do.
TERMS: dict[str, Callable[[int], float]] = {
    "1": lambda n: 1,
    "log n": lg,
    "log^2 n": lambda n: lg(n) ** 2,
    "sqrt n": math.sqrt,
    "n": lambda n: n,
    "n log n": lambda n: n * lg(n),
    "n log^2 n": lambda n: n * lg(n) ** 2,
    "n^2": lambda n: n**2,
    "n^2 log n": lambda n: n**2 * lg(n),
    "n^3": lambda n: n**3,
}
UNCLEAR = "unclear"


@dataclass(frozen=True)
class Growth:
    """Costs at several sizes, and how work and span grow.

    sizes                         as given, increasing
    costs                         one `Cost` a size, without outputs
    work_law, span_law            a key of `TERMS` ("n log n"), or "unclear"
    work_exponent, span_exponent  p where the count grows like n^p, from the differences between
                                  sizes (0 for a constant and for log n; nan: no telling)
    """

    sizes: tuple[int, ...]
    costs: tuple[Cost, ...]
    work_law: str
    span_law: str
    work_exponent: float
    span_exponent: float

    @property
    def work(self) -> tuple[int, ...]:
        """Arithmetic operations at each size."""
        return tuple(cost.work for cost in self.costs)

    @property
    def span(self) -> tuple[int, ...]:
        """Steps on the longest chain at each size."""
        return tuple(cost.span for cost in self.costs)

    @property
    def complete(self) -> bool:
        """Is everything the function did in the counts, at every size?"""
        return all(cost.complete for cost in self.costs)

    def __str__(self) -> str:
        lines = [f"{'n':>8} {'work':>16} {'span':>10}"]
        lines += [
            f"{size:>8,} {cost.work:>16,} {cost.span:>10,}"
            for size, cost in zip(self.sizes, self.costs, strict=True)
        ]
        for name, law, exponent in (
            ("work", self.work_law, self.work_exponent),
            ("span", self.span_law, self.span_exponent),
        ):
            how = "growth is unclear" if law == UNCLEAR else f"grows like {law}"
            lines.append(f"{name} {how} (exponent {exponent:.2f})")
        missing = sorted({name for cost in self.costs for name in cost.unknown + cost.escapes})
        if missing:
            lines.append(f"and more that is not counted: {', '.join(missing)}")
        return "\n".join(lines)


def growth(
    function: Callable[..., Any],
    make_args: Callable[[int], tuple[Any, ...]],
    sizes: Sequence[int],
    *,
    limit: int | None = None,
) -> Growth:
    """The growth of `function(*make_args(size))` over `sizes`, at least three and increasing;
    doubling sizes, five or more of them, are read best.

    limit   most launches at each size; as in `measure`

    Raises ValueError on too few sizes or sizes out of order, and what `measure` raises.

    >>> growth(torch.cumsum, lambda n: (torch.ones(n), 0), (8, 16, 32, 64)).span_law
    'log n'
    """
    if len(sizes) < 3 or any(a >= b for a, b in pairwise(sizes)):
        raise ValueError(f"sizes should be three or more, each larger than the last; got {sizes}")
    costs = []
    for size in sizes:
        cost = measure(function, *make_args(size), limit=limit)
        costs.append(replace(cost, output=None))
    works, spans = [cost.work for cost in costs], [cost.span for cost in costs]
    return Growth(
        sizes=tuple(sizes),
        costs=tuple(costs),
        work_law=law(sizes, works),
        span_law=law(sizes, spans),
        work_exponent=exponent(sizes, works),
        span_exponent=exponent(sizes, spans),
    )


def exponent(sizes: Sequence[int], counts: Sequence[int]) -> float:
    """p where `counts` grow like n^p, from the slopes between the last size and those nearest its
    half and its quarter. Differences leave a constant out of it: 100 + 3 n has exponent 1."""
    if len(set(counts)) == 1:
        return 0.0
    last = len(sizes) - 1
    quarter = min(range(last - 1), key=lambda i: abs(math.log(4 * sizes[i] / sizes[last])))
    half = min(range(quarter + 1, last), key=lambda i: abs(math.log(2 * sizes[i] / sizes[last])))
    chosen = [quarter, half, last]
    n, count = np.array(sizes, float)[chosen], np.array(counts, float)[chosen]
    slopes, middles = np.diff(count) / np.diff(n), (n[1:] + n[:-1]) / 2
    if slopes.min() <= 0:
        return math.nan
    return float(1 + np.diff(np.log(slopes))[0] / np.diff(np.log(middles))[0])


def law(sizes: Sequence[int], counts: Sequence[int]) -> str:
    """The term of `TERMS` that leads in `counts`, or "unclear".

    Counts are exact, so their law is a short sum of terms that gives every one of them: the fewest
    terms win, and there must be more counts than terms. Where rounding (blocks that are not full)
    leaves no exact sum, one of at most two terms that is close everywhere does. Sums that fit
    equally well and have different leading terms decide nothing, nor do counts that fall.
    """
    if len(set(counts)) == 1:
        return "1"
    if counts[0] <= 0 or any(a > b for a, b in pairwise(counts)):
        return UNCLEAR
    for most, fits in ((4, _is_exact), (2, _is_close)):
        for terms in range(1, min(most, len(sizes) - 1) + 1):
            leading = {
                names[-1] for names in combinations(TERMS, terms) if fits(names, sizes, counts)
            }
            if leading:
                return leading.pop() if len(leading) == 1 else UNCLEAR
    return UNCLEAR


def _is_exact(names: tuple[str, ...], sizes: Sequence[int], counts: Sequence[int]) -> bool:
    """Is each count a sum of these terms, in which the last one has a positive factor, and none
    is there only to take away most of another?"""
    shares, error = _fit(names, sizes, counts)
    return bool(error <= 1e-9 and shares[-1] > 1e-6 and np.abs(shares).max() <= 2)


def _is_close(names: tuple[str, ...], sizes: Sequence[int], counts: Sequence[int]) -> bool:
    """Is each count nearly a sum of these terms, all positive, in which the last one matters?"""
    shares, error = _fit(names, sizes, counts)
    return bool(error <= 0.02 and shares.min() >= 0 and shares[-1] >= 0.05)


def _fit(
    names: tuple[str, ...], sizes: Sequence[int], counts: Sequence[int]
) -> tuple[npt.NDArray[np.float64], float]:
    """The share of each term in the last count, by least squares, and the worst relative error."""
    terms = np.array([[TERMS[name](size) for name in names] for size in sizes], float)
    terms /= np.array(counts, float)[:, None]
    factors, _, rank, _ = np.linalg.lstsq(terms, np.ones(len(counts)), rcond=None)
    error = float(np.abs(terms @ factors - 1).max()) if rank == len(names) else math.inf
    return factors * terms[-1], error
