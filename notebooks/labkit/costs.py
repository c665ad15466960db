"""Checks of cost: does the work or span of a function grow as asked? Counts decide, not clocks.

Comes in: a function and its arguments at two sizes. Goes out: nothing, or a `Mismatch` that says
how the count grows. A clock is read beside the count. Where it contradicts the count, or where a
part could not be counted, nobody loses points: the check passes with a `remark`, which asks a
person to look. A busy machine only ever adds time. So what contradicts a count that is too large is
one thing alone: a call that is over sooner than that many operations can be started.
"""

from __future__ import annotations

import math
import time
import timeit
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import torch

from labkit.checks import Mismatch, cost_of, generator, remark

_REPEATS = 5  # of each size, in turns
_QUICKEST = 0.5  # what starting an operation takes at least, in smallest operations from Python
_SLACK = 4.0  # how much faster than its counts a function's time may grow: caches, Python


def size_from(low: int, high: int) -> int:
    """A size from low to high (both included), drawn from the release's seed in grading."""
    source = generator("size", low, high)
    return int(torch.randint(low, high + 1, (), generator=source, device="cpu"))


def grows_at_most(
    function: Callable[..., Any],
    make_args: Callable[[int], tuple[Any, ...]],
    sizes: tuple[int, int],
    *,
    factor: float,
    size: str,
    quantity: Literal["span", "work"] = "span",
    advice: str = "",
) -> None:
    """Pass if the count grows at most by `factor` from the first size to the second.

    make_args  size -> the function's arguments
    factor     the most that the law asked for allows between these sizes; leave room below what
               the next worse law gives (from 16 to 256: log n 2, log^2 n 4, n 16)
    size       what grows, for the message: "T"
    advice     what to try, for the message

    First hold the function's value at the second size to what it should be: a count says nothing of
    that. Raises Mismatch of kind "cost".
    """
    short, long = map(make_args, sizes)
    small, large = cost_of(function, *short), cost_of(function, *long)
    if large.unknown or large.escapes:
        named = ", ".join((*large.unknown, *large.escapes))
        remark(f"the {quantity} could not be counted ({named}); its points were given")
        return
    if not large.launches:
        said = "does nothing that can be counted: is it still to be answered?"
        raise Mismatch(f"{function.__name__} {said}", kind="cost")
    counted = getattr(large, quantity) / max(1, getattr(small, quantity))
    launched = large.launches / max(1, small.launches)
    clocked = _clocked(function, short, long)
    told = (
        f"{function.__name__}: its {quantity} grows from {getattr(small, quantity):,} to "
        f"{getattr(large, quantity):,} as {size} grows from {sizes[0]} to {sizes[1]}"
    )
    if counted > factor:
        if clocked[1] < large.launches * _QUICKEST * _start_seconds():
            remark(f"{told}, but it is over sooner than {large.launches:,} operations can be "
                   "started; its points were given")  # fmt: skip
            return
        raise Mismatch(f"{told}: {counted:.3g} times as much, where {factor:.3g} times is the "
                       f"most. {advice}".rstrip(), kind="cost")  # fmt: skip
    most = max(large.work / max(1, small.work), launched, counted)
    if clocked[1] > _SLACK * most * clocked[0]:
        grown = clocked[1] / clocked[0]
        remark(f"{told}, but its time by {grown:.0f} times: is something out of the count?")


def _clocked(function: Callable[..., Any], *arguments: tuple[Any, ...]) -> list[float]:
    """The seconds of a call with each of these arguments, by this side's clock: the fastest of
    several, since neighbours on a busy machine only ever add time."""
    fastest = [math.inf] * len(arguments)
    for _ in range(_REPEATS):
        for i, args in enumerate(arguments):
            started = time.perf_counter()
            function(*args)
            fastest[i] = min(fastest[i], time.perf_counter() - started)
    return fastest


@cache
def _start_seconds() -> float:
    """What it takes to start the smallest of operations here: the fastest of many short runs, which
    no neighbour has held up."""
    one = torch.zeros(())
    timer = timeit.Timer(lambda: torch.add(one, one, out=one))
    return min(timer.repeat(50, 20)) / 20
