"""The figure of Problem 4 on rounding: a recursion for an inverse, against sums, in float32.

Comes in: a student's `causal_ridge_attention` and `ridge_attention`, right or wrong. Goes out: a
figure in the notebook. It raises Mismatch where there is nothing to draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from labkit.checks import as_tensor
from labkit.plots import BLACK, STYLES, label, shaped, show
from labkit.ridge_plots import Function
from labkit.workspan import measure

LAM, LENGTHS = 0.01, tuple(1 << j for j in range(2, 15))

# The errors in this context of the three forms of 4f, at each of LENGTHS: float32, torch 2.13, one
# thread of an x86 CPU. Elsewhere sums round in another order: digits differ.
RECORDED: dict[str, tuple[float, ...]] = {
    name: tuple(float(error) for error in errors.split())
    for name, errors in (
        ("M⁻¹ and J", "1e-5 9e-6 2e-5 1e-5 2e-4 3e-4 2e-3 .03 .1 .9 3 6 10"),
        ("W multiplied out", "5e-6 3e-6 4e-6 5e-6 7e-5 2e-4 5e-4 6e-3 .04 .5 4 20 100"),
        ("gain form", "1e-6 1e-6 3e-6 1e-7 5e-6 1e-5 3e-5 3e-4 6e-4 2e-3 2e-3 7e-3 8e-3"),
    )
}


def drift(causal_ridge_attention: Function, ridge_attention: Function) -> None:
    """The error of the recursion, and of sums, against the length; two keys take turns."""
    K, V, known = context()
    n = len(K)
    recursion = shaped(causal_ridge_attention(K, K, V, LAM), n, 2)
    yours = errors([recursion[t - 1] for t in LENGTHS], known)
    reach = [t for t in LENGTHS if t <= _reach(ridge_attention, K, V)]
    outputs = [ridge_attention(K[t - 1 : t], K[:t], V[:t], LAM) for t in reach]
    added = errors([shaped(o, 1, 2)[0] for o in outputs], known)

    figure, ax = plt.subplots(figsize=(9, 4.2))
    for name, recorded in RECORDED.items():
        ax.plot(LENGTHS, recorded, color=BLACK, lw=1, ls=":")
        ax.text(1.15 * n, recorded[-1], name, fontsize=8, va="center")
    _line(ax, LENGTHS, yours, f"your recursion: {yours[-1]:.1g} at n = {n:,}", 0)
    _line(ax, reach, added, f"added up, one solve: {added[-1]:.1g} at n = {reach[-1]:,}", 1)
    ax.axhline(1, color=BLACK, lw=0.8, ls="--")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xlim(right=8 * n)
    title = f"Two keys in turn, lam = {LAM:g}, float32 (dotted: three forms, as recorded)"
    label(figure, ax, title, "length n of the context", "relative error of output n")
    ax.legend(fontsize=8)
    show(
        figure,
        "The relative error of the output against the length of the context, on log axes. Your "
        f"recursion: {yours[0]:.1g} at n = {LENGTHS[0]}, {yours[-1]:.1g} at n = {n}. Your "
        f"ridge_attention, which adds up: {added[0]:.1g} and {added[-1]:.1g} at n = {reach[-1]}. "
        + " ".join(f"On record, {name}: {found[-1]:.1g}." for name, found in RECORDED.items()),
    )


def context() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """K (n, 4), V (n, 2), and the right outputs (n, 2) in float64 where the queries are the keys.

    The two keys are orthogonal, and all sums of products of their entries, and of the values', are
    exact in float32. So the right output is known: the mean of the values which that key had so
    far, shrunk by c |k|^2 / (lam + c |k|^2) for a key that came c times.
    """
    n = LENGTHS[-1]
    K = torch.tensor([[1.0, 0.5, -0.5, 0.25], [0.5, -1.0, 0.25, 0.5]]).repeat(n // 2, 1)
    source = torch.Generator().manual_seed(0)
    V = 1 + torch.randint(-4, 5, (n, 2), generator=source) / 8
    of_own_key = V.double().reshape(-1, 2, 2).cumsum(0).reshape(n, 2)
    times = torch.arange(n)[:, None] // 2 + 1
    squared = K.double().square().sum(1, keepdim=True)
    return K, V, squared * of_own_key / (LAM + times * squared)


def errors(outputs: Sequence[torch.Tensor], known: torch.Tensor) -> list[float]:
    """Relative errors of outputs at the first of LENGTHS, as many as there are."""
    pairs = ((as_tensor(o), known[t - 1]) for o, t in zip(outputs, LENGTHS, strict=False))
    return [float((o - right).norm() / right.norm()) for o, right in pairs]


def _reach(ridge_attention: Function, K: torch.Tensor, V: torch.Tensor) -> int:
    """How long a context it can be given: a solver of n x n systems would take minutes."""
    short, long = (measure(ridge_attention, K[:1], K[:n], V[:n], LAM).work for n in (128, 256))
    return len(K) if long < 3 * short else 512


def _line(ax: Axes, x: Sequence[int], y: Sequence[float], name: str, style: int) -> None:
    colour, marker, line = STYLES[style]
    shown = [min(max(value, 1e-9), 1e6) if math.isfinite(value) else 1e6 for value in y]
    ax.plot(x, shown, color=colour, marker=marker, ls=line, ms=5, label=name)
