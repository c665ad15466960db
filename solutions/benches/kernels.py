"""Causal ridge attention: how much faster the chunked forms are, and how exact each form is.

Seconds are those of this thread on a processor: float32, one thread. Errors are relative to the
largest output, against `chunked_parallel` in float64. (Of all forms it comes nearest to exact
arithmetic: 2e-9 at lam = 1e-6 with repeated keys, where `additive` in float64 is at 2e-8.)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch
from torch import Tensor

from autograder.bench import Row, bench, race, ratio
from labkit.checks import generator
from solutions.reference import ridge_attention_fast as forms

Args = tuple[Tensor, Tensor, Tensor, float]
Size = tuple[int, int, int]  # n, d, heads
CLOCK = time.thread_time  # what other processes take of the machine is not counted

# What is timed, and where: the second list of each pair with --full.
FORWARD: list[Size] = [
    (256, 64, 1),
    (1024, 64, 1),
    (4096, 64, 1),
    (4096, 64, 8),
    (16384, 64, 1),
    (4096, 16, 1),
    (4096, 128, 1),
]
FORWARD_FULL: list[Size] = [
    (n, d, heads) for heads in (1, 8) for d in (16, 64, 128) for n in (256, 1024, 4096, 16384)
]
BACKWARD: list[Size] = [(512, 32, 1), (512, 64, 8)]
BACKWARD_FULL: list[Size] = [*BACKWARD, (256, 64, 1), (2048, 64, 1), (512, 128, 8), (16384, 64, 1)]

CLAIMED = {  # time of the first / time of the second, at least
    ("", "tuned/chunked", (4096, 64, 1)): 10,
    ("", "plain/chunked", (4096, 64, 1)): 20,
    ("", "tuned/chunked", (4096, 64, 8)): 5,
    ("", "plain/chunked", (4096, 64, 8)): 10,
    ("", "tuned/double_inside", (4096, 64, 1)): 4,
    ("with gradients ", "plain/chunked", (512, 32, 1)): 50,
    ("with gradients ", "plain/chunked_parallel", (512, 32, 1)): 50,
}

# `additive` factors a matrix (d, d) for each token: it is left out where these d^3 sum up to
# minutes, or where the matrices, of which it holds four at a time, do not fit.
MOST_WORK = 1.2e9
MOST_WORK_FULL = 1e10
MOST_BYTES = 1 << 30
MOST_STEPS = 4096  # of `plain` with gradients: each step keeps about six matrices (d, d)

# ---- Time


@bench("kernels", "causal ridge attention. Times: first / second. Errors: error / bound.")
def kernels(full: bool) -> Iterator[Row | str]:
    for size in FORWARD_FULL if full else FORWARD:
        yield from forward(size, full)
    yield f"left out with gradients: {' and '.join(forms.IN_PLACE)}, which work in place"
    for size in BACKWARD_FULL if full else BACKWARD:
        yield from with_gradients(size)
    yield from errors(full)
    yield from drift()


def forward(size: Size, full: bool) -> Iterator[Row | str]:
    """Each form against `chunked`, and `double_inside` against `tuned`."""
    racing: dict[str, Callable[..., Tensor]] = dict(forms.FORMS)
    additive = {name: racing.pop(name) for name in ("additive",)}
    claimed = any(size == at for _, _, at in CLAIMED)
    turns = race(racing, lambda: normal(size), rounds=25 if claimed else 9, clock=CLOCK, budget=90)
    pairs = [(name, "chunked") for name in racing if name != "chunked"]
    yield from _ratios("", turns, [*pairs, ("tuned", "double_inside")], size)

    n, d, heads = size
    if heads * n * d**3 > (MOST_WORK_FULL if full else MOST_WORK):
        yield f"left out: additive at {_at(size)}, which would take minutes"
    elif _bytes(size) > MOST_BYTES:
        yield f"left out: additive at {_at(size)}, whose matrices take {_bytes(size) >> 30} GiB"
    else:  # by itself: it takes longer than all others together
        turns = race(
            additive | {"chunked": forms.chunked}, lambda: normal(size), rounds=6, clock=CLOCK
        )
        yield from _ratios("", turns, [("additive", "chunked")], size)


def with_gradients(size: Size) -> Iterator[Row | str]:
    """The forms that have gradients: one call, and the gradients of Q, K, V and lam."""
    racing = {
        name: partial(_with_gradients, form)
        for name, form in forms.FORMS.items()
        if name not in forms.IN_PLACE
    }
    if size[0] > MOST_STEPS:
        del racing["plain"]
        kept = 6 * _bytes(size) >> 30
        yield f"left out with gradients: plain at {_at(size)}, which keeps about {kept} GiB"
    if 4 * _bytes(size) > MOST_BYTES:
        del racing["additive"]
        kept = 8 * _bytes(size) >> 30
        yield f"left out with gradients: additive at {_at(size)}, which keeps about {kept} GiB"
    turns = race(racing, lambda: normal(size), rounds=25, budget=40, clock=CLOCK)
    pairs = [(name, "chunked") for name in racing if name != "chunked"]
    pairs += [("plain", "chunked_parallel")] if "plain" in racing else []
    yield from _ratios("with gradients ", turns, pairs, size)


def _with_gradients(
    form: Callable[..., Tensor], Q: Tensor, K: Tensor, V: Tensor, lam: float
) -> tuple[Tensor, ...]:
    wanted = [a.clone().requires_grad_() for a in (Q, K, V, torch.tensor(lam))]
    return torch.autograd.grad(form(*wanted).square().sum(), wanted)


def _ratios(
    what: str, turns: dict[str, list[float]], pairs: Sequence[tuple[str, str]], size: Size
) -> Iterator[Row]:
    for over, under in pairs:
        claimed = CLAIMED.get((what, f"{over}/{under}", size))
        name = f"{over}/{under} {what}{_at(size)}"
        yield ratio(name, turns[over], turns[under], at_least=claimed)


def _at(size: Size) -> str:
    n, d, heads = size
    return f"n={n} d={d} heads={heads}"


def _bytes(size: Size) -> int:
    """What M_t takes for all t together, in float32."""
    n, d, heads = size
    return heads * n * d * d * 4


# ---- Errors


BOUND = dict.fromkeys(forms.FORMS, 1e-6) | {"double_inside": 1e-7}
ERRORS_AT: Size = (4096, 64, 1)
DRIFT_AT = (256, 1024, 4096, 16384)  # n, at d = 16


def errors(full: bool) -> Iterator[Row | str]:
    """Errors for smaller and smaller lam, with fresh keys and with repeated ones."""
    n, d, _ = ERRORS_AT
    for keys, make in (("fresh keys", normal), ("repeated keys", repeated)):
        for lam in (1.0, 1e-2, 1e-4, 1e-6):
            claimed = {"double_inside"} | (
                {"chunked"} if (keys, lam) == ("fresh keys", 1) else set()
            )
            draws = [make(ERRORS_AT, lam) for _ in range(6 if full else 3)]
            yield from _errors(f"n={n} d={d} lam={lam:g} {keys}", draws, BOUND, claimed)


def drift() -> Iterator[Row | str]:
    """Errors of telling eight keys and their values over and over, and asking for them again."""
    for n in DRIFT_AT:
        draws = [recall((n, 16, 1)) for _ in range(6)]
        bounds = BOUND | {"plain": 1.0, "tuned": 1.0}
        yield from _errors(f"n={n} d=16 lam=0.01 recall", draws, bounds, {"additive"}, n >= 16384)


def _errors(
    where: str,
    draws: Sequence[Args],
    bounds: dict[str, float],
    claimed: set[str],
    drifted: bool = False,
) -> Iterator[Row | str]:
    """`claimed`  forms whose error is to stay below their bound; `drifted`: `plain` is above it."""
    exact = [forms.chunked_parallel(*(a.double() for a in args[:3]), args[3]) for args in draws]
    for name, bound in bounds.items():
        try:
            made = [forms.FORMS[name](*args) for args in draws]
        except torch.linalg.LinAlgError:
            yield f"left out: {name} at {where}: a matrix is not positive definite in float32"
            continue
        off = [float((a - b).abs().max() / b.abs().max()) for a, b in zip(made, exact, strict=True)]
        yield ratio(
            f"error of {name}/{bound:g} {where}",
            off,
            [bound] * len(off),
            at_most=1 if name in claimed else None,
            at_least=1 if drifted and name == "plain" else None,
        )


# ---- Inputs


def normal(size: Size, lam: float = 1.0) -> Args:
    """Q, K (heads, n, d) and V, normal, rows of Q and K of length about one."""
    n, d, heads = size
    source = _fresh()
    Q, K, V = (torch.randn(heads, n, d, generator=source) for _ in range(3))
    return Q / d**0.5, K / d**0.5, V, lam


def repeated(size: Size, lam: float) -> Args:
    """The same with d / 2 different keys, of length one: half of all directions are never told."""
    Q, K, V, lam = normal(size, lam)
    n, d, _ = size
    few = K[:, : d // 2] / K[:, : d // 2].norm(dim=-1, keepdim=True)
    return Q, few[:, torch.randint(d // 2, (n,), generator=_fresh())], V, lam


def recall(size: Size, lam: float = 1e-2, pairs: int = 8) -> Args:
    """`pairs` keys of length one with a value each, in random order; the queries are the keys."""
    n, _, _ = size
    _, K, V, lam = normal(size, lam)
    order = torch.randint(pairs, (n,), generator=_fresh())
    K = (K / K.norm(dim=-1, keepdim=True))[:, order]
    return K.clone(), K, V[:, order], lam


_drawn = iter(range(1 << 62))


def _fresh() -> torch.Generator:
    """A generator that no draw has used before in this process."""
    return generator("bench kernels", next(_drawn))
