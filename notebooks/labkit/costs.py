"""Checks of cost: does the work or span of a function grow as asked? Counts decide, not clocks.

Comes in: a function and its arguments at two sizes. Goes out: nothing, or a `Mismatch` that says
how the count grows. A clock is read beside the count. Where the two disagree, or where a part could
not be counted, nobody loses points: the check passes with a `remark`, which asks a person to look.
A clock can only speak where many more operations are started: on small tensors the start of one
takes longer than its arithmetic, so that no clock sees how much work is in it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Literal

import torch

from labkit.checks import Mismatch, cost_of, generator, remark

_REPEATS = 5  # of each size, in turns
_MOST_REPEATS, _MOST_SECONDS = 40, 2.0  # while no growth has been seen yet
_NO_GROWTH = 1.5  # a clock that sees less than this between the sizes has seen none
_VISIBLE = 4.0  # times as many launches: growth that no clock can miss
_SLACK = 4.0  # how much faster than its counts a function's time may grow: caches, Python


def size_from(low: int, high: int) -> int:
    """A size from low to high (both included), drawn from the release's seed in grading."""
    return int(torch.randint(low, high + 1, (), generator=generator("size", low, high)))


def grows_at_most(
    function: Callable[..., Any],
    make_args: Callable[[int], tuple[Any, ...]],
    sizes: tuple[int, int],
    *,
    factor: float,
    quantity: Literal["span", "work"] = "span",
    advice: str = "",
) -> None:
    """Pass if the count grows at most by `factor` from the first size to the second.

    make_args  size -> the function's arguments
    factor     the most that the law asked for allows between these sizes; leave room below what
               the next worse law gives (from 16 to 256: log n 2, log^2 n 4, n 16)
    advice     what to try, for the message

    Raises Mismatch of kind "cost".
    """
    short, long = (make_args(size) for size in sizes)
    small, large = cost_of(function, *short), cost_of(function, *long)
    if large.unknown or large.escapes:
        named = ", ".join((*large.unknown, *large.escapes))
        remark(f"the {quantity} could not be counted ({named}); its points were given")
        return
    counted = getattr(large, quantity) / max(1, getattr(small, quantity))
    launched = large.launches / max(1, small.launches)
    clocked = _clocked_growth(function, short, long, counted > factor)
    told = (
        f"its {quantity} grows from {getattr(small, quantity):,} to "
        f"{getattr(large, quantity):,} between the sizes {sizes[0]} and {sizes[1]}"
    )
    if counted > factor:
        if launched >= _VISIBLE and clocked < _NO_GROWTH:
            remark(f"{told}, but its time by {clocked:.1f} only; its points were given")
            return
        raise Mismatch(f"{told}: {counted:.0f} times as much, where about {factor:.0f} times is "
                       f"the most. {advice}".rstrip(), kind="cost")  # fmt: skip
    most = max(large.work / max(1, small.work), launched, counted)
    if clocked > _SLACK * most:
        remark(f"{told}, but its time by {clocked:.0f} times: is something out of the count?")


def _clocked_growth(
    function: Callable[..., Any], short: tuple[Any, ...], long: tuple[Any, ...], expected: bool
) -> float:
    """How many times longer the second call takes, by this side's clock: a ratio of the fastest.

    Neighbours on a busy machine only ever add time, so the fastest of several calls is the one to
    trust. Where growth is `expected` and none shows, more calls decide whether it was hidden.
    """
    fastest, began = [math.inf, math.inf], time.perf_counter()
    for repeat in range(1, _MOST_REPEATS + 1):
        for i, args in enumerate((short, long)):
            started = time.perf_counter()
            function(*args)
            fastest[i] = min(fastest[i], time.perf_counter() - started)
        growth = fastest[1] / fastest[0]
        seen = not expected or growth >= _NO_GROWTH or time.perf_counter() - began > _MOST_SECONDS
        if repeat >= _REPEATS and seen:
            break
    return growth
