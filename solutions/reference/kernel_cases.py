"""Inputs of Problem 1's hidden tests, each with a tolerance that is derived.

Goes out: a `Case` for each length or size asked for, drawn from the stream of the test (see
`labkit.checks.seeded`). Tensors are float32 unless another type is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from autograder.once import once
from labkit.checks import Case, generator
from labkit.inputs import scaled_orthogonal
from solutions.reference.kernel import kernel, output

EPS = torch.finfo(torch.float32).eps / 2  # one rounding
KERNEL_AXES = ("lag", "output", "input")
SQUARE = (7, 9)  # the lengths at which n, m and r are the same


def _sizes(
    source: torch.Generator, L: int, n: int | None = None, more: int = 0
) -> tuple[int, int, int]:
    """n, m, r from 3 to 7, no two of them equal, so that no transpose goes unseen, and then `more`
    for n; at a length of SQUARE, where a transpose fits too, all three are the same. Where n is
    given, m and r are the same for every n and L: costs are compared over those."""
    if n is not None:
        return n, 3, 2
    n, m, r = (torch.randperm(5, generator=source)[:3] + 3).tolist()
    return (n + more,) * 3 if L in SQUARE else (n + more, m, r)


def _ends(n: int, m: int, r: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """B (n, m), C (r, n), D (r, m), normal, C scaled so that C x has entries near those of x."""
    B = torch.randn(n, m, generator=source)
    C = torch.randn(r, n, generator=source) / math.sqrt(n)
    return B, C, torch.randn(r, m, generator=source)


def _condition(B: Tensor, C: Tensor, D: Tensor) -> float:
    """How much larger than the kernel's largest entry the terms of its sums can be."""
    terms = float(C.norm(dim=1).max() * B.norm(dim=0).max())
    return max(terms / max(float((C @ B).abs().max()), float(D.abs().max())), 1.0)


def _memory(L: int, radius: float) -> float:
    """How many steps' worth of rounding a power of A holds: l radius^l is never larger."""
    return 1 + sum(radius**lag for lag in range(L))


def _turning(n: int, radius: float, source: torch.Generator) -> Tensor:
    """radius times an orthogonal matrix that is far from symmetric, so that A^T differs."""
    while True:
        A = scaled_orthogonal(n, radius, source)
        if float((A - A.T).norm()) > 0.5:
            return A


@once
def systems(L: Sequence[int], radius: float, n: int | None = None) -> Iterator[Case]:
    """Arguments (A, B, C, D, L) for each length, float32; spectral radius of A is `radius`, and
    its size is drawn where no n is given.

    rtol: each power of A rounds n products of entries at most 1 to EPS each, and `_memory` of them
    live on; `_condition` sets that against the largest entry of K. Four times that is for forms
    which take A apart and put it together again.
    """
    for length in L:
        source = generator("system", length, radius, n)
        states, m, r = _sizes(source, length, n)
        B, C, D = _ends(states, m, r, source)
        yield Case(
            args=(_turning(states, radius, source), B, C, D, length),
            rtol=4 * states * EPS * _memory(length, radius) * _condition(B, C, D),
            about=f"n = {states}, m = {m}, r = {r}, L = {length}",
            axes=KERNEL_AXES,
        )


@once
def grown(
    L: tuple[int, int], n: tuple[int, int]
) -> Iterator[tuple[str, tuple[int, int], dict[int, Case]]]:
    """ "L", the two lengths, and a case for each at the smaller n; then "n", the two n, and a case
    for each at the shorter length."""
    yield "L", L, {length: next(systems([length], 0.98, n[0])) for length in L}
    yield "n", n, {states: next(systems([L[0]], 0.98, states)) for states in n}


@once
def forgetful(L: Sequence[int]) -> Iterator[Case]:
    """Arguments (A, B, C, D, L) with A a shift register: x_i moves on to x_{i+1}, and A^n = 0.

    A has no basis of eigenvectors. Nothing is added up but n products: rtol has no memory in it.
    """
    for length in L:
        source = generator("forgetful", length)
        n, m, r = _sizes(source, length, more=1)
        B, C, D = _ends(n, m, r, source)
        yield Case(
            args=(torch.diag(torch.ones(n - 1), -1), B, C, D, length),
            rtol=2 * n * EPS * _condition(B, C, D),
            about=f"A shifts, n = {n}, L = {length}",
            axes=KERNEL_AXES,
        )


@once
def driven(L: Sequence[int], radius: float) -> Iterator[tuple[tuple[Tensor, ...], Case]]:
    """A system (A, B, C, D) and arguments (K, u) for `kernel_output`, for each length, float32.

    rtol: an output is a sum of (L + 1) m products, each rounded. Roundings of a sum of k terms add
    up to 8 sqrt(k) EPS of the terms' magnitudes at most, but for once in 10^12 sums (Higham and
    Mary 2019, "A new approach to probabilistic rounding error analysis"); K is rounded once.
    """
    for case in systems(L, radius):
        *system, length = case.args
        u = torch.randn(length + 1, system[1].shape[1], generator=generator("input", length))
        K = kernel(*case.args).float()
        condition = float(output(K.abs(), u.abs()).max() / output(K, u).abs().max())
        rounded = 8 * math.sqrt(u.numel()) + 1
        axes = ("step", "output")
        yield tuple(system), Case((K, u), rounded * EPS * condition, case.about, axes)


@once
def diagonals(L: Sequence[int], n: int | None = None) -> Iterator[Case]:
    """Arguments (a, B, C, D, L) for each length, float32: entries of `a` between -0.98 and 0.98,
    of both signs, one of them 0.

    rtol: a power rounds at every step, and n products are added up; four times, as above.
    """
    for length in L:
        source = generator("diagonal", length, n)
        states, m, r = _sizes(source, length, n, more=3)
        B, C, D = _ends(states, m, r, source)
        a = 0.98 * (1 - 2 * torch.rand(states, generator=source))
        a[:3] = torch.tensor([0.9, -0.95, 0.0])
        yield Case(
            args=(a, B, C, D, length),
            rtol=4 * EPS * (states + _memory(length, 0.98)) * _condition(B, C, D),
            about=f"n = {states}, m = {m}, r = {r}, L = {length}",
            axes=KERNEL_AXES,
        )


@once
def rank_ones(
    squared_norms: Sequence[float],
    L: Sequence[int],
    *,
    apart: bool = False,
    dtype: torch.dtype = torch.float32,
    n: int | None = None,
) -> Iterator[Case]:
    """Arguments (p, B, C, D, L) for each squared norm v of p and each length; the size of p is
    drawn where no n is given.

    apart  B writes to some units, C reads others, and D is 0: then C B = 0, and all of K but its
           zeros is the rank-one term, however small p is

    rtol: v rounds n products, which s_l feels l times; the exponent l log(1 + v) is rounded three
    times, or each step of a recursion for s_l is; C p and p^T B round n products each, and
    `_joined` keeps their terms from cancelling.
    """
    for v in squared_norms:
        for length in L:
            source = generator("rank one", v, length, apart, str(dtype), *([n] if n else []))
            direction, B, C, D = _joined(apart, source, length, n)
            states = len(direction)
            if apart:
                D = torch.zeros_like(D)
            p = math.sqrt(v) * direction.double()
            steps = 2 * states + length * (states + 4 + 3 * math.log1p(v))
            yield Case(
                args=(p.to(dtype), B.to(dtype), C.to(dtype), D.to(dtype), length),
                rtol=torch.finfo(dtype).eps / 2 * steps * (4 if apart else 4 + _condition(B, C, D)),
                about=f"||p||^2 = {v:g}, n = {states}, L = {length}",
                axes=KERNEL_AXES,
            )


def _joined(
    apart: bool, source: torch.Generator, L: int, n: int | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """A direction (n,) of length 1, and B, C, D; the largest entry of the rank-one term is at least
    a quarter of what the terms of its sums could add up to, where n is not given."""
    while True:
        states, m, r = _sizes(source, L, n, more=3)
        B, C, D = _ends(states, m, r, source)
        if apart:
            B[: states // 2], C[:, states // 2 :] = 0, 0
        direction = torch.randn(states, generator=source)
        direction /= direction.norm()
        largest = torch.outer(C @ direction, direction @ B).abs().max()
        terms = torch.outer(C.abs() @ direction.abs(), direction.abs() @ B.abs()).max()
        if n or float(largest) > float(terms) / 4:
            return direction, B, C, D
