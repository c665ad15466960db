"""State-space models: which form of the forward pass is fastest on a CPU, by size of the state.

Seconds are those of this thread on a processor: float32, one thread, N = 32 sequences, D = 32
inputs. `plain` is the loop of the notebook, `tuned` the same with U x_t + b computed beforehand
and states written in place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from autograder.bench import Row, bench, race, ratio
from labkit.checks import generator
from labkit.inputs import diagonal_ssm_inputs, ssm_inputs
from solutions.reference import ssm, ssm_diagonal

Form = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
CLOCK = time.thread_time  # what other processes take of the machine is not counted
N = D = 32
T = (128, 512)
DENSE_H, DIAGONAL_H = (4, 16, 64), (4, 16, 64, 256)

CLAIMED = {  # plain / form at T = 512, at least
    ("dense", "chunked", 4): 7,
    ("dense", "chunked", 16): 3,
    ("diagonal", "chunked", 4): 9,
    ("diagonal", "chunked", 16): 4,
    ("diagonal", "chunked", 64): 2,
}
MOST_TAPS = 1 << 31  # products of a convolution, N T^2 H^2: some seconds


def plain(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """h_t = W h_{t-1} + U x_t + b, as a student writes it."""
    h, states = x.new_zeros(len(x), len(b)), []  # (N, H)
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


def tuned(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The same with all U x_t + b in one product, and h_t added in place."""
    h = ssm.drive(U, b, x).transpose(0, 1).contiguous()  # (T, N, H)
    for before, now in zip(h[:-1].unbind(), h[1:].unbind(), strict=True):
        now.addmm_(before, W.T)
    return h.transpose(0, 1)


def plain_diagonal(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """h_t = a * h_{t-1} + U x_t + b for a = diag(W), as a student writes it."""
    a = W.diagonal()
    h, states = x.new_zeros(len(x), len(b)), []
    for t in range(x.shape[1]):
        h = a * h + x[:, t] @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


def tuned_diagonal(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The same with all U x_t + b in one product, and h_t added in place."""
    a, h = W.diagonal(), ssm.drive(U, b, x).transpose(0, 1).contiguous()  # (T, N, H)
    for before, now in zip(h[:-1].unbind(), h[1:].unbind(), strict=True):
        now.addcmul_(before, a)
    return h.transpose(0, 1)


FORMS: dict[str, dict[str, Form]] = {
    "dense": {"plain": plain, "tuned": tuned, **ssm.FORMS},
    "diagonal": {"plain": plain_diagonal, "tuned": tuned_diagonal, **ssm_diagonal.FORMS},
}


@bench("ssm", "the forward pass of a state-space model. Times: first / second.")
def forms(full: bool) -> Iterator[Row | str]:
    for kind, sizes, make in (
        ("dense", DENSE_H, ssm_inputs),
        ("diagonal", DIAGONAL_H, diagonal_ssm_inputs),
    ):
        for steps in T:
            for H in sizes:
                racing = dict(FORMS[kind])
                where = f"{kind} T={steps} H={H}"
                if kind == "dense" and N * steps**2 * H**2 > (16 if full else 1) * MOST_TAPS:
                    del racing["convolution"]
                    yield f"left out: convolution at {where}, which takes seconds a call"
                source = generator("bench ssm", where)
                turns = race(
                    racing,
                    lambda make=make, steps=steps, H=H, source=source: make(
                        N, steps, D, H, generator=source
                    ),
                    clock=CLOCK,
                )
                for name in racing:
                    if name != "plain":
                        claimed = CLAIMED.get((kind, name, H)) if steps == 512 else None
                        row = f"plain/{name} {where} N={N} D={D}"
                        yield ratio(row, turns["plain"], turns[name], at_least=claimed)
