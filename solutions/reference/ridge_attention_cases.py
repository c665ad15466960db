"""Inputs of Problem 4's hidden tests, each with a tolerance that is derived.

Goes out: a `Case` for each size and lam asked for, drawn from the stream of the test (see
`labkit.checks.seeded`). Keys have a norm near `norm` whatever d is. Tensors are float32 unless
another type is asked for. What the tolerances allow for stands at `_rounding`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from autograder.once import once
from labkit.checks import Case, generator
from solutions.reference import ridge_attention

DEVIATIONS = 8  # see `_rounding`
LARGEST = 5e-3  # no context is drawn for which more than that would have to be allowed
AXES = ("position", "entry")
SQUARE = (5, 9)  # the lengths at which, without heads, d and dv are n if they are not given
HEADS = (2, 3)  # two sequences, three heads
ADVICE = "Nothing from scratch; and the query meets the inverse first, and that vector the rest."


@once
def contexts(
    n: Sequence[int],
    lam: Sequence[float],
    *,
    causal: bool,
    d: int | None = None,
    dv: int | None = None,
    norm: float = 1.0,
    distinct: int | None = None,
    lead: tuple[int, ...] = (),
    dtype: torch.dtype = torch.float32,
) -> Iterator[Case]:
    """Arguments (Q, K, V, lam) for each length and each lam.

    causal    whether the query at t meets the pairs up to t, or all of them: for the tolerance
    d, dv     the sizes of a key and a value; where they are not given n, at a length of SQUARE, and
              else drawn from 3 to 7
    distinct  how many different keys there are; each is repeated, with new values
    lead      batch and head dimensions
    """
    for length, ridge in itertools.product(n, lam):
        source = generator("context", length, ridge, causal, d, norm, distinct, lead, str(dtype))
        square = length in SQUARE and not lead
        size, entries = _sizes(length, d, dv, source) if not square else (d or length, dv or length)
        rows = (*lead, length)
        Q, K, V, rtol = _context(rows, size, entries, norm, distinct, ridge, causal, dtype, source)
        yield Case(
            args=(Q.to(dtype), K.to(dtype), V.to(dtype), ridge),
            rtol=rtol,
            about=_told(length, size, ridge, lead, distinct),
            axes=("batch", "head", *AXES)[2 - len(lead) :],
        )


@once
def regressions(
    n: Sequence[int],
    lam: Sequence[float],
    *,
    d: int | None = None,
    norm: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Case]:
    """Arguments (X, y, lam) of `ridge_weights`. The weights are what the queries I get: so is the
    tolerance."""
    for case in contexts(n, lam, causal=False, d=d, norm=norm, dtype=dtype):
        _, X, V, ridge = case.args
        y, queries = V[:, 0], torch.eye(X.shape[1])
        yield Case(
            args=(X, y, ridge),
            rtol=_eps(dtype) * _tolerance(queries, X, y[:, None], ridge, causal=False),
            about=case.about,
            axes=("entry",),
        )


@once
def lookups(
    n: Sequence[int],
    lam: Sequence[float],
    *,
    d: int | None = None,
    norm: float = 1.0,
    dtype: torch.dtype = torch.float32,
) -> Iterator[Case]:
    """Arguments (q, K, lam) of `ridge_attention_weights`. The weights are the output where the
    values are the rows of I: so is the tolerance. Those who invert G = lam I + K K^T before K q
    meets it round by ||G|| ||G^{-1}||^2 |K q| EPS.
    """
    for case in contexts(n, lam, causal=False, d=d, norm=norm, dtype=dtype):
        Q, K, _, ridge = case.args
        exact = K.double()
        G = ridge * torch.eye(len(K), dtype=torch.float64) + exact @ exact.T
        inverted = _norm(G) * _norm(torch.linalg.inv(G)) ** 2 * (exact @ Q[0].double()).norm()
        largest = ridge_attention.attention_weights(Q[0], K, ridge).abs().max()
        solved = _tolerance(Q[:1], K, torch.eye(len(K)), ridge, causal=False)
        yield Case(
            args=(Q[0], K, ridge),
            rtol=_eps(dtype) * (solved + DEVIATIONS * float(inverted / largest)),
            about=case.about,
            axes=("pair",),
        )


@once
def pulls(n: Sequence[int], lam: Sequence[float]) -> Iterator[tuple[Case, Tensor, list[Case]]]:
    """A causal context with lam as a tensor; a cotangent (n, dv); and for the gradient of
    <cotangent, outputs> with respect to each argument, a Case that compares it.

    rtol: each of n steps rounds sums of d products, in P and in W, forwards and backwards: four
    times; and an error in lam I + K^T K grows by the condition of that matrix at most. The gradient
    for lam is one number: `_seeing_lam` keeps its terms from cancelling.
    """
    for case in contexts(n, lam, causal=True):
        Q, K, V, ridge = case.args
        condition = (ridge + float(torch.linalg.matrix_norm(K.double(), 2)) ** 2) / ridge
        rtol = 4 * DEVIATIONS * _eps(K.dtype) * (len(K) + K.shape[1]) * condition
        args = (Q, K, V, torch.tensor(ridge, dtype=K.dtype))
        cotangent = _seeing_lam(args, generator("cotangent", len(K), ridge))
        named = [
            Case((), rtol, f"{case.about}, the gradient for {name}", axes)
            for name, axes in (("Q", AXES), ("K", AXES), ("V", AXES), ("lam", ()))
        ]
        yield Case(args, case.rtol, case.about, case.axes), cotangent, named


@once
def grown(
    n: tuple[int, int], d: tuple[int, int]
) -> Iterator[tuple[str, tuple[int, int], float, dict[int, Case]]]:
    """ "n", the two lengths, how much the work may grow between them, and a case for each, with
    a small d; then "d" and the same for the two d, with dv = d, at a short length.

    The laws asked for are n and d^2, the next worse ones n^2 and d^3: something between. (In chunks
    of C the work is n (d^2 + C d + C^2), so the shorter length is not to be far below a usual C.)
    """
    yield "n", n, (n[1] / n[0]) ** 1.6, {size: _square(size, 4) for size in n}
    yield "d", d, (d[1] / d[0]) ** 2.4, {size: _square(8, size) for size in d}


def _square(n: int, d: int) -> Case:
    """A context in which values are as long as keys."""
    return next(contexts((n,), (0.3,), causal=True, d=d, dv=d))


def _seeing_lam(args: tuple[Tensor, ...], source: torch.Generator) -> Tensor:
    """A cotangent (n, dv) with which the outputs' slopes in lam do not cancel."""
    Q, K, V, lam = args
    slopes = ridge_attention.causal(Q, K, V, 1.001 * lam) - ridge_attention.causal(Q, K, V, lam)
    while True:
        cotangent = torch.randn(V.shape, generator=source)
        terms = cotangent * slopes
        if abs(float(terms.sum())) > float(terms.norm()):
            return cotangent


@once
def updates(d: Sequence[int], dtype: torch.dtype = torch.float32) -> Iterator[Case]:
    """Arguments (M_inv, u, v) of `sherman_morrison`: an M far from symmetric, and u unlike v.

    rtol: an entry of the result rounds sums of d products, of sizes up to ||M^-1|| and
    ||M^-1 u|| ||v^T M^-1|| / |1 + v^T M^-1 u|; an error in that denominator counts 1/|..| times.
    Those who invert M (d^3, but right) lose the condition of M, and of M + u v^T, on top.
    """
    for size in d:
        source = generator("update", size, str(dtype))
        M, u, v = _unlike(size, source)
        M_inv = torch.linalg.inv(M)
        left, right = M_inv @ u, v @ M_inv
        bottom = abs(float(1 + v @ left))
        terms = float(torch.linalg.matrix_norm(M_inv, 2) + left.norm() * right.norm() / bottom)
        shaken = 1 + float(left.norm() * v.norm()) / bottom
        inverted = float(torch.linalg.cond(M) + torch.linalg.cond(M + torch.outer(u, v)))
        result = float(torch.linalg.inv(M + torch.outer(u, v)).abs().max())
        yield Case(
            args=(M_inv.to(dtype), u.to(dtype), v.to(dtype)),
            rtol=DEVIATIONS * _eps(dtype) * math.sqrt(size) * terms * (shaken + inverted) / result,
            about=f"d = {size}",
            axes=("row", "column"),
        )


def _unlike(size: int, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """M, u, v in float64, with M well conditioned and a denominator between 0.5 and 4 that is not
    near 1: what forgets it is far off."""
    while True:
        noise = torch.randn(size, size, generator=source, dtype=torch.float64)
        M = 1.5 * torch.eye(size, dtype=torch.float64) + 0.6 * noise / math.sqrt(size)
        u, v = (torch.randn(size, generator=source, dtype=torch.float64) for _ in range(2))
        bottom = float(1 + v @ torch.linalg.solve(M, u))
        if torch.linalg.cond(M) < 10 and 0.5 < bottom < 4 and abs(bottom - 1) > 0.3:
            return M, u, v


def _sizes(n: int, d: int | None, dv: int | None, source: torch.Generator) -> tuple[int, int]:
    """d and dv from 3 to 7, unlike each other and n, so that no transpose goes unseen."""
    free = [size for size in range(3, 8) if size not in (n, d, dv)]
    drawn = [free[i] for i in torch.randperm(len(free), generator=source)[:2].tolist()]
    return (d or drawn[0]), (dv or drawn[1])


def _context(
    rows: tuple[int, ...],
    d: int,
    dv: int,
    norm: float,
    distinct: int | None,
    lam: float,
    causal: bool,
    dtype: torch.dtype,
    source: torch.Generator,
) -> tuple[Tensor, Tensor, Tensor, float]:
    """Q, K, V in float32, and the tolerance. Drawn again where a query happens to be
    nearly orthogonal to all keys, so that the outputs are small beside what is rounded."""
    while True:
        Q = torch.randn(*rows, d, generator=source)
        K = torch.randn(*rows, d, generator=source) * norm / math.sqrt(d)
        V = torch.randn(*rows, dv, generator=source)
        if distinct is not None:
            K = K[..., torch.arange(rows[-1]) % distinct, :]
        rtol = _eps(dtype) * _tolerance(Q, K, V, lam, causal=causal)
        if rtol < LARGEST:
            return Q, K, V, rtol


def _told(n: int, d: int, lam: float, lead: tuple[int, ...], distinct: int | None) -> str:
    heads = f"batch and heads {lead}, " if lead else ""
    repeated = f", {distinct} keys in turn" if distinct else ""
    return f"{heads}n = {n}, d = {d}, lam = {lam:g}{repeated}"


# ---- Tolerances


def _eps(dtype: torch.dtype) -> float:
    """One rounding."""
    return torch.finfo(dtype).eps / 2


def _tolerance(Q: Tensor, K: Tensor, V: Tensor, lam: float, *, causal: bool) -> float:
    """The largest of all heads' roundings, relative to the largest output, in roundings."""
    output = ridge_attention.causal if causal else ridge_attention.attention
    largest = float(output(Q, K, V, lam).abs().max())
    heads = zip(*(a.double().reshape(-1, *a.shape[-2:]) for a in (Q, K, V)), strict=True)
    rounding = max(_rounding(*head, lam, causal=causal) for head in heads)
    return DEVIATIONS * rounding / largest


def _rounding(Q: Tensor, K: Tensor, V: Tensor, lam: float, *, causal: bool) -> float:
    """How many EPS an output of one head may be off, one standard deviation, at the worst query.

    M_t = lam I + sum of k k^T, P_t its inverse, J_t = sum of k v^T, W_t = P_t J_t. To first order:

    A recursion rounds P_s at step s by EPS ||P_{s-1}||, which is 1 / lam at the start: later keys
    cancel it down, and what was rounded then stays large. It reaches t as P_t M_s E M_s P_t, and
    moves the output by W_t^T M_s E M_s P_t q: ||W_t^T M_s|| ||P_{s-1}|| ||M_s P_t q|| EPS, for
    every s up to t. Small lam and repeated keys make this large: P_{s-1} stays near 1 / lam.
    In J_t there are |k| |v| EPS for every pair, which P_t q meets.
    One solve in the end rounds M_t by ||M_t|| EPS, between P_t q and W_t. (An inverse is worse, up
    to all of these together.)
    A W that is updated by differences of large terms, as the source's (19), keeps the rounding of
    each for good: ||P_{s-1} k_s|| |v_s| EPS, which is |v| |k| / lam at the start.
    All pairs at once may also go through the n x n matrix of the dual form, G = lam I + K K^T:
    output V^T a, with a = G^{-1} K q. What of V no key explains is G^{-1} V = V / lam there, and
    cancels only in the end: G rounds by ||G|| EPS between a and G^{-1} V, K q by |K q| EPS.

    Roundings have both signs and add up as squares. DEVIATIONS of them is what sums of them stay
    below, but for once in 10^12 (Higham and Mary 2019, "A new approach to probabilistic rounding
    error analysis"); it leaves room for the few roundings that one step is.
    """
    start = lam * torch.eye(K.shape[1], dtype=torch.float64)
    M = start + torch.cumsum(K[:, :, None] * K[:, None], 0)  # (n, d, d)
    P = torch.linalg.inv(M)
    before = torch.cat([torch.linalg.inv(start)[None], P[:-1]])  # P_{s-1}
    J = torch.cumsum(K[:, :, None] * V[:, None], 0)  # (n, d, dv)
    at = torch.arange(len(K)) if causal else torch.full((len(Q),), len(K) - 1)  # t of each query
    W, Pq = (P @ J)[at], (P[at] @ Q[:, :, None])[:, :, 0]  # (queries, d, dv), (queries, d)

    past = torch.arange(len(K)) <= at[:, None]  # (queries, n): s <= t
    reach_W = torch.einsum("tij,sik->tsjk", W, M).flatten(2).norm(dim=2)  # W_t^T M_s
    reach_q = torch.einsum("sij,tj->tsi", M, Pq).norm(dim=-1)
    recursion = (past * (reach_W * _norm(before) * reach_q) ** 2).sum(1).sqrt()
    sums = Pq.norm(dim=1) * torch.cumsum(K.norm(dim=1) * V.norm(dim=1), 0)[at]
    solve = Pq.norm(dim=1) * _norm(M)[at] * _norm(W)
    steps = ((before @ K[:, :, None])[:, :, 0].norm(dim=1) * V.norm(dim=1)) ** 2
    stays = Q.norm(dim=1) * torch.cumsum(steps, 0)[at].sqrt()
    rounding = recursion + sums + solve + stays
    if not causal:
        met = K @ Q.T  # (n, queries)
        G = lam * torch.eye(len(K), dtype=torch.float64) + K @ K.T
        a = torch.linalg.solve(G, met).norm(dim=0)
        rounding = rounding + (a * _norm(G) + met.norm(dim=0)) * _norm(torch.linalg.solve(G, V))
    return float(rounding.max())


def _norm(matrices: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(matrices, 2)
