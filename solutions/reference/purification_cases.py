"""Inputs of Problem 3's hidden tests, each with a tolerance that is derived.

Goes out: a `Case` for each lam or size asked for, drawn from the stream of the test (see
`labkit.checks.seeded`). Tensors are float32 unless another type is asked for.

**Spectra are chosen beside sqrt(lam)**, from a few times above it to a few times below: there the
factors s^2 / (s^2 + lam) lie well between 0 and 1, and an error in lam, in s or in the side of W
shows in every entry. lam = 1 is left out: it is its own square, and its own root.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.once import once
from labkit.checks import Case, Mismatch, as_tensor, generator, same
from labkit.inputs import scaled_orthogonal
from solutions.reference import purification

LAMBDAS = (1e-3, 0.02, 0.4, 7.0, 100.0)
SHEET = (10.0, 8.0, 4.0, 1.0, 0.5, 0.36, 0.16, 0.01)  # the singular values of 3(c)
AXES = ("row", "column")
ENDS = ("end (low, high)",)


def _rounding(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps / 2


def _int(low: int, high: int, source: torch.Generator) -> int:
    return int(torch.randint(low, high + 1, (), generator=source))


def _between(low: float, high: float, source: torch.Generator) -> float:
    """A number between the two, even on a log scale."""
    return float(low * (high / low) ** torch.rand((), generator=source, dtype=torch.float64))


def _data(m: int, n: int, s: Tensor, source: torch.Generator) -> Tensor:
    """X (m, n) in float64 with these singular values (k,), in directions drawn at random."""
    U, V = (scaled_orthogonal(size, 1.0, source).double() for size in (m, n))
    return U[:, : len(s)] * s @ V[:, : len(s)].T


def _spread(count: int, largest: float, smallest: float, source: torch.Generator) -> Tensor:
    """Singular values (count,): both ends, and others drawn between them, largest first."""
    inner = [_between(smallest, largest, source) for _ in range(count - 2)]
    return torch.tensor([largest, *sorted(inner, reverse=True), smallest], dtype=torch.float64)


# ---- 3a: losses


@once
def losses(count: int, dtype: torch.dtype = torch.float32) -> Iterator[Case]:
    """Arguments (W, X) for `purification_losses`; one of the two losses is twice the other, so
    that neither hides in the other's tolerance, and which comes first shows. The last X is square:
    a product in the wrong order fits there.

    rtol: an entry of W X rounds m products, and is subtracted from one of X, which is smaller than
    the terms by `condition` at most. A sum of k squares rounds by 8 sqrt(k) units at most, but for
    once in 10^12 sums (Higham and Mary 2019). The smaller loss is half the scale.
    """
    for number in range(count):
        source = generator("losses", number, str(dtype))
        m = _int(3, 6, source)
        n = m + (_int(2, 5, source) if number < count - 1 else 0)
        W = torch.randn(m, m, generator=source, dtype=torch.float64)
        X = torch.randn(m, n, generator=source, dtype=torch.float64)
        reconstruction, regularization = purification.losses(W, X)
        X *= (2.0 ** (1 - 2 * (number % 2)) * regularization / reconstruction).sqrt()
        terms = X.abs() + W.abs() @ X.abs()
        condition = float(terms.norm() / (X - W @ X).norm())
        rounded = 2 * (m + 2) * condition + 8 * math.sqrt(m * n)
        yield Case(
            args=(W.to(dtype), X.to(dtype)),
            rtol=2 * rounded * _rounding(dtype),
            about=f"m = {m}, n = {n}",
            axes=("loss",),
        )


# ---- 3b: the purifier


def _case(X: Tensor, lam: float, rtol: float, about: str, dtype: torch.dtype) -> Case:
    return Case((X.to(dtype), lam), rtol, f"m = {len(X)}, n = {X.shape[1]}, {about}", AXES)


def _squares_tolerance(X: Tensor, lam: float, dtype: torch.dtype) -> float:
    """What any road may lose, those through X X^T included.

    W (G + lam I) = G with G = X X^T. G rounds n products, relative to s_1^2 (its norm); a stable
    solver or eigensolver of size m answers for a matrix that is m units of s_1^2 + lam away. Each
    is divided by the least eigenvalue of G + lam I, which is lam or more. `same` measures
    against the largest entry of W. Four times that, since the constants of solvers are near 1 and
    not 1.
    """
    m, n = X.shape
    largest = float(torch.linalg.matrix_norm(X, 2)) ** 2
    entry = float(purification.purifier(X, lam).abs().max())
    return 4 * (m + n) * _rounding(dtype) * (largest + lam) / lam / entry


def _data_tolerance(X: Tensor, lam: float, dtype: torch.dtype) -> float:
    """What a road may lose that never forms X X^T.

    A stable SVD or QR answers for X + E, with ||E|| about (m + n) units of s_1. W moves by
    lam (G + lam I)^{-1} (E X^T + X E^T) (G + lam I)^{-1} then; (G + lam I)^{-1} X has the norm
    max s / (s^2 + lam), 1 / (2 sqrt(lam)) at most, and lam (G + lam I)^{-1} has 1 at most. That
    makes s_1 / sqrt(lam) where X X^T has its square.
    """
    m, n = X.shape
    largest = float(torch.linalg.matrix_norm(X, 2))
    entry = float(purification.purifier(X, lam).abs().max())
    return (m + n) * _rounding(dtype) * largest / math.sqrt(lam) / entry


@once
def wide(
    lams: Sequence[float], dtype: torch.dtype = torch.float32, square: Sequence[float] = ()
) -> Iterator[Case]:
    """Arguments (X, lam) for each lam: more points than features, X of full rank; as many points
    as features where lam is one of `square`."""
    for lam in lams:
        source = generator("wide", lam, str(dtype))
        m = _int(4, 6, source)
        n = m + (_int(3, 8, source) if lam not in square else 0)
        X = _data(m, n, math.sqrt(lam) * _spread(m, 4.0, 0.25, source), source)
        yield _case(X, lam, _squares_tolerance(X, lam, dtype), f"lam = {lam:g}", dtype)


@once
def deficient(lams: Sequence[float]) -> Iterator[Case]:
    """Arguments (X, lam): fewer points than features, or features that repeat others, in turns.
    Half of the directions hold no data."""
    for number, lam in enumerate(lams):
        source = generator("deficient", lam)
        k = _int(2, 4, source)
        m = 2 * k
        if number % 2 == 0:
            X = _data(m, k, math.sqrt(lam) * _spread(k, 4.0, 0.5, source), source)
            about = f"lam = {lam:g}"
        else:
            half = _data(k, m + 3, math.sqrt(lam) * _spread(k, 3.0, 0.4, source), source)
            X = torch.cat([half, half.flip(0)])
            about = f"lam = {lam:g}, features repeated"
        yield _case(X, lam, _squares_tolerance(X, lam, torch.float32), about, torch.float32)


@once
def small_lam(lams: Sequence[float], dtype: torch.dtype = torch.float32) -> Iterator[Case]:
    """Arguments (X, lam) with s_1 several thousand times sqrt(lam), and some s beside it:
    squared, the ratio is beyond the digits of float32. The tolerance is that of roads on X."""
    for lam in lams:
        source = generator("small", lam, str(dtype))
        m = _int(5, 7, source)
        n = m + _int(3, 6, source)
        s = torch.cat([_spread(m - 3, 8e3, 2e3, source), _spread(3, 1.5, 0.4, source)])
        X = _data(m, n, math.sqrt(lam) * s, source)
        about = f"lam = {lam:g}, singular values from 8000 to 0.4 times its root"
        yield _case(X, lam, _data_tolerance(X, lam, dtype), about, dtype)


def applied() -> Iterator[Case]:
    """Arguments (W, x) for `purify`: one point (m,), and k points in columns (m, k), also k = m
    and k = 1. W is far from symmetric, as no purifier is, so that its transpose shows.

    rtol: m products are rounded, whose terms are larger than the result by `condition` at most.
    """
    for columns in (3, 0, 1, -1):  # 0: a vector; -1: as many as features
        source = generator("applied", columns)
        m = _int(4, 7, source)
        shape = {0: (m,), -1: (m, m)}.get(columns, (m, columns))
        W = torch.randn(m, m, generator=source)
        x = torch.randn(shape, generator=source)
        condition = float((W.abs() @ x.abs()).max() / (W @ x).abs().max())
        yield Case(
            args=(W, x),
            rtol=2 * m * _rounding(torch.float32) * condition,
            about=f"m = {m}, x of shape {shape}",
            axes=("feature",) if columns == 0 else ("feature", "point"),
        )


# ---- 3c: windows


@once
def windows(
    keeps: Sequence[int], open_: bool = True, shares: Sequence[float] = ()
) -> Iterator[Case]:
    """Arguments (singular_values, keep) or (.., keep_at_least, rest_at_most), six singular values
    in float64; -1 keeps all. `open_` says whether there is a window: it is then at least 1.3 times
    as high as low, and where there is none, it would have to be.

    rtol: a square, a product and a quotient round three times, and 1 - a doubles the rounding
    of a few times; 1e-6 allows for float32 and for ends that are found by bisection.
    """
    a, b = shares or (0.8, 0.5)
    apart = a * (1 - b) / (b * (1 - a))  # low = high where the squares differ by this factor
    for number, keep in enumerate(keeps):
        source = generator("window", number, keep, open_, *shares)
        kept = 6 if keep < 0 else keep
        steps = [_between(1.1, 1.6, source) for _ in range(5)]  # each value over the next
        if 0 < kept < 6:
            gap = _between(1.3, 3, source) if open_ else 1 / _between(1.3, apart**0.6, source)
            steps[kept - 1] = math.sqrt(apart * gap)
        s = [_between(0.2, 0.9, source)]
        for step in reversed(steps):
            s.insert(0, s[0] * step)
        values = torch.tensor(s, dtype=torch.float64)
        yield Case((values, kept, *shares), 1e-6, _about_window(kept, shares), ENDS)


@once
def single_points() -> Iterator[Case]:
    """Arguments (singular_values, keep) whose window is one point, which plain rounding loses: the
    sheet's spectrum at keep = 2, and others with s_keep twice the next, times numbers for which
    s^2 (1 - 0.8) / 0.8 comes out too small."""
    yield Case((torch.tensor(SHEET, dtype=torch.float64), 2), 1e-6, _about_window(2), ENDS)
    source = generator("single point")
    for keep in (1, 3):
        scale, s = 0.0, []
        while not s or s[keep - 1] ** 2 * (1 - 0.8) / 0.8 >= s[keep] ** 2 * (1 - 0.5) / 0.5:
            scale = _int(3, 99, source) / 8
            s = [*(scale * (6 - i) for i in range(keep - 1)), 2 * scale, scale, scale / 3]
        yield Case((torch.tensor(s, dtype=torch.float64), keep), 1e-6, _about_window(keep), ENDS)


def _about_window(keep: int, shares: Sequence[float] = ()) -> str:
    told = f", {shares[0]:g} kept and {shares[1]:g} at most" if shares else ""
    return f"keep = {keep}{told}"


def same_window(case: Case, actual: object, expected: tuple[float, float] | None) -> None:
    """Pass if `actual` is the window `expected`, up to the case's tolerance; raises Mismatch.

    Ends are compared one by one, each against its own size, and an infinite one is to be infinite.
    """
    if expected is None:
        if actual is None:
            return
        text = f"{case.about}: no lam does both here, so None was asked for"
        as_tensor(actual)  # `...` says that nothing was answered yet
        raise Mismatch(text, kind="value", actual=actual)
    if actual is None:
        text = "None came back, and there is a window (is it still to be answered?)"
        raise Mismatch(f"{case.about}: {text}", kind="value")
    ends = as_tensor(actual)
    wanted = torch.tensor(expected, dtype=torch.float64)
    if ends.shape != wanted.shape:
        same(actual, wanted, rtol=case.rtol, about=case.about, axes=case.axes)
    for place, end, want in zip(("low", "high"), ends, wanted, strict=True):
        _same_end(case, place, end, want, actual, wanted)


def _same_end(
    case: Case, place: str, end: Tensor, want: Tensor, actual: Any, expected: Tensor
) -> None:
    def fail(text: str) -> Mismatch:
        said = f"{case.about}: the {place} end {text}"
        kind = "value" if torch.isfinite(expected).all() else "not finite"
        finite = expected if kind == "value" else None
        return Mismatch(said, kind=kind, actual=actual, expected=finite)

    if torch.isinf(want):
        if not (torch.isinf(end) and end > 0):
            raise fail("is to be infinite (float('inf')): nothing has to be kept")
        return
    if not torch.isfinite(end):
        raise fail("is not a finite number, and there is one")
    off = abs(float(end - want)) / (abs(float(want)) or 1.0)
    if off > case.rtol:
        by = f"{off:.0%}" if off >= 0.01 else f"{off:.0e}"
        raise fail(f"differs, by {by} of its size" if want else "is to be 0")
