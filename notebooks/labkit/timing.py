"""Fair clocks for notebooks: time and memory of functions, side by side.

Comes in: functions and their arguments. Goes out: medians with quartiles, and peak bytes. Fair
means: the device has finished before the clock is read, everything is warmed up, contestants take
turns (so that a busy minute hits all of them), one thread, and the median, which a few disturbed
rounds do not move. At the end, clocks that are not fair, to see what they say.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.profiler import profile  # torch.profiler's takes a second to load, and 70 MB
from tqdm import tqdm

from labkit.checks import as_tensor

Call = Callable[[], object]
Args = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Timing:
    """Seconds that one call takes: the median over `rounds` rounds, and their quartiles."""

    median: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class Row:
    """One function at one size, as `sweep` measures it. `sizes` as given: {"H": 4, "T": 32}."""

    name: str
    sizes: dict[str, int]
    time: Timing
    peak_bytes: int


def timer() -> float:
    """The clock's seconds, once a GPU that is in use has finished."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def compare(
    calls: Mapping[str, Call],
    *,
    rounds: int = 7,
    at_least: float = 0.004,
    budget: float = 3.0,
    threads: int = 1,
) -> dict[str, Timing]:
    """Time contestants against each other.

    calls     what to time, by name; each is called without arguments
    rounds    in each round every contestant has one turn
    at_least  seconds of a turn: short calls are repeated to fill it
    budget    seconds after which no further round begins, once there were five
    threads   how many torch may use

    >>> times = compare({"short": lambda: sum(range(9)), "long": lambda: sum(range(9999))})
    >>> times["short"].median < times["long"].median
    True
    """
    turns: dict[str, list[float]] = {name: [] for name in calls}
    with using_threads(threads):
        repeats = {name: _repeats(call, at_least) for name, call in calls.items()}
        start = timer()
        for done in range(rounds):
            if done >= 5 and timer() - start > budget:
                break
            for name, call in calls.items():
                turns[name].append(_seconds(call, repeats[name]))
    return {name: _summary(seconds) for name, seconds in turns.items()}


def peak_bytes(call: Call, device: str | torch.device = "cpu") -> int:
    """The most memory that tensors made during `call` take up at one time, in bytes.

    On the CPU it is read from the allocator's own record, so scratch space inside an operation
    counts too; on CUDA from the caching allocator, in a second call, since libraries set memory
    aside for themselves at their first use.
    """
    if torch.device(device).type == "cuda":
        call()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        call()
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler writes to stderr otherwise
    with profile(profile_memory=True) as recorded:
        result = call()  # kept until the record is closed
    events: Any = recorded.kineto_results.events()
    steps = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    held = peak = 0
    for _, size in steps:
        held += size
        peak = max(peak, held)
    del result
    return peak


def sweep(
    functions: Mapping[str, Callable[..., Any]],
    make_args: Callable[..., tuple[Any, ...]],
    sizes: Iterable[Mapping[str, int]],
    *,
    rounds: int = 7,
    budget: float = 0.5,
    progress: bool = True,
) -> list[Row]:
    """Time and peak memory of each function at each of `sizes`, on the same arguments.

    make_args  called with a size's entries as keywords, returns the arguments of all functions
    budget     seconds for one size, see `compare`

    Raises Mismatch where a function returns nothing that can be measured.

    >>> rows = sweep({"sum": torch.sum}, lambda n: (torch.ones(n),), [{"n": 2}], progress=False)
    >>> [(row.name, row.sizes) for row in rows]
    [('sum', {'n': 2})]
    """
    points = [dict(point) for point in sizes]
    for function in functions.values():
        as_tensor(function(*make_args(**points[0])))
    rows = []
    bar = tqdm(
        points,
        "measuring",
        disable=not progress,
        file=sys.stdout,
        ncols=72,
        mininterval=1,
        ascii=True,
    )
    for point in bar:
        args = make_args(**point)
        calls = {name: _bound(function, args) for name, function in functions.items()}
        times = compare(calls, rounds=rounds, budget=budget)
        device = next((a.device for a in args if isinstance(a, torch.Tensor)), "cpu")
        rows += [
            Row(name, point, times[name], peak_bytes(call, device)) for name, call in calls.items()
        ]
    return rows


# ---- Four clocks on one question: how much longer does `second` take than `first`?

FAIR = "fair: waits, warmed up, taking turns, median"
DOES_NOT_WAIT = "does not wait for the work to finish"
SMALL_W = "waits, but W = 0.05 randn: the kernel underflows"
WARM_ELSEWHERE = "waits, but warmed up once at another size, mean of three"


def four_clocks(
    first: Callable[..., Any],
    second: Callable[..., Any],
    args: Args,
    small_args: Args,
    fresh_args: Sequence[Args],
) -> dict[str, list[float]]:
    """What four clocks say of time(second) / time(first): as many ratios each as `fresh_args`.

    args, small_args   the same arguments, with W well scaled and with W = 0.05 randn
    fresh_args         arguments of sizes near by, none of which has been used before

    The clock that does not wait is the one that forgets to synchronise a GPU. Where `args` are on
    the CPU, whose operations always finish before they return, it is simulated: the call runs in
    another thread, and the clock is read as soon as it is handed over.
    """
    pair, small = _pair(first, second, args), _pair(first, second, small_args)
    as_tensor(pair[0]()), as_tensor(pair[1]())
    cuda = args[0].is_cuda
    with using_threads(1), ThreadPoolExecutor(1) as queue:
        queue.submit(int).result()  # starts the thread
        cold = [_ratio(_pair(first, second, fresh), _mean_of_three) for fresh in fresh_args]
        times = range(len(cold))
        return {
            DOES_NOT_WAIT: [_ratio(pair, lambda c: _launch(c, cuda, queue)) for _ in times],
            SMALL_W: [_fair(small) for _ in times],
            WARM_ELSEWHERE: cold,
            FAIR: [_fair(pair) for _ in times],
        }


def _pair(first: Callable[..., Any], second: Callable[..., Any], args: Args) -> tuple[Call, Call]:
    return _bound(first, args), _bound(second, args)


def _ratio(pair: tuple[Call, Call], clock: Callable[[Call], float]) -> float:
    first = clock(pair[0])
    return clock(pair[1]) / first


def _fair(pair: tuple[Call, Call]) -> float:
    """The median of the ratios of 15 pairs of turns, so that what hits both cancels out."""
    repeats = [_repeats(call, 0.004) for call in pair]
    turns = [[_seconds(*turn) for turn in zip(pair, repeats, strict=True)] for _ in range(15)]
    return statistics.median(second / first for first, second in turns)


def _mean_of_three(call: Call) -> float:
    return _seconds(call, 3)


def _launch(call: Call, cuda: bool, queue: ThreadPoolExecutor) -> float:
    """Seconds until the work is handed over, not until it is done."""
    timer()
    start = time.perf_counter()
    pending = None if cuda else queue.submit(call)
    if cuda:
        call()
    seconds = time.perf_counter() - start
    if pending:
        pending.result()
    return seconds


# ---- Small parts


def _bound(function: Callable[..., Any], args: tuple[Any, ...]) -> Call:
    return lambda: function(*args)


def _seconds(call: Call, repeats: int) -> float:
    start = timer()
    for _ in range(repeats):
        call()
    return (timer() - start) / repeats


def _repeats(call: Call, at_least: float) -> int:
    """Calls that fill `at_least` seconds; finding out warms up (first call: libraries, caches)."""
    call()
    return max(1, round(at_least / max(_seconds(call, 1), 1e-7)))


def _summary(seconds: list[float]) -> Timing:
    low, _, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Timing(statistics.median(seconds), low, high, len(seconds))


@contextmanager
def using_threads(count: int) -> Iterator[None]:
    """Let torch use `count` threads inside this block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
