"""Figures of Problem 1: kernels, outputs, and how many digits are right.

Comes in: a student's functions, right or wrong. Goes out: a figure in the notebook. Each raises
Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from labkit.checks import Mismatch, as_tensor
from labkit.inputs import rotation
from labkit.plots import BLACK, BLUE, GREEN, VERMILLION, label, show

Function = Callable[..., Any]
System = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]


def one_to_one(A: torch.Tensor, D: float = 0.0) -> System:
    """(A, B, C, D) with one input, into the first state, and one output, from the first state."""
    B = torch.eye(len(A))[:, :1]
    return A, B, B.T, torch.tensor([[D]])


def as_line(value: object, length: int) -> torch.Tensor:
    """A kernel (length, 1, 1) or an output (length, 1) as (length,); raises Mismatch where it has
    another shape."""
    tensor = as_tensor(value)
    if tensor.shape[:1] != (length,) or tensor.numel() != length:
        text = f"the shape is {tuple(tensor.shape)}, and {length} lags or steps were asked for"
        raise Mismatch(text, kind="shape", actual=value)
    return tensor.flatten()


def dots(ax: Axes, values: torch.Tensor, known: Sequence[float]) -> float:
    """Values as dots, and the line they belong on; the largest distance between the two."""
    ax.plot(range(len(known)), known, color=BLACK, lw=1, ls="--", label="known")
    ax.plot(range(len(known)), values, color=BLUE, marker="o", ms=4, ls="", label="yours")
    return float((values - torch.tensor(known)).abs().max())


def outputs(ssm_kernel: Function, kernel_output: Function) -> None:
    """1a: the kernel of a damped swing with feedthrough, and its output for two pulses."""
    L, first, second = 60, 5, 30
    swing = [0.5, *(0.92**lag * math.cos(0.4 * lag) for lag in range(L))]
    u = torch.zeros(L + 1, 1)
    u[first], u[second] = 1.0, -0.5
    K = ssm_kernel(*one_to_one(rotation(0.4, 0.92), D=0.5), L)
    taps = as_line(K, L + 1)
    y = as_line(kernel_output(taps.float().reshape(-1, 1, 1), u), L + 1)
    early, late = ([0.0] * start + swing[: L + 1 - start] for start in (first, second))
    known = [a - 0.5 * b for a, b in zip(early, late, strict=True)]

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    off = dots(left, taps, swing), dots(right, y, known)
    for start, text in ((first, "1 "), (second, "-0.5 ")):
        right.axvline(start, color=VERMILLION, lw=1, ls=":")
        right.text(start, 0.95, text, color=VERMILLION, ha="right")
    label(figure, left, "The kernel", "lag l (steps)", "K_l, y_k")
    label(figure, right, f"The output for pulses at {first} and {second}", "step k", "")
    left.legend(fontsize=8)
    show(
        figure,
        "Left: your kernel as dots against the lag, and a dashed line where it is known to lie, "
        "0.5 at lag 0 and then a swing that dies out. Right: your output for two pulses, and the "
        f"known one. The largest distances are {off[0]:.2g} and {off[1]:.2g}.",
    )


def impulse_responses(ssm_kernel: Function, scalar_kernel: object, matrix_kernel: object) -> None:
    """1b: three kernels. One decays (with the results by hand), one rings, one explodes."""
    L = 40
    one = torch.ones(1, 1)
    panels: list[tuple[str, System, list[float]]] = [
        (
            "decays: A = 0.8",
            (0.8 * one, one, 1.5 * one, 0 * one),
            [1.5 * 0.8**lag for lag in range(L)],
        ),
        (
            "rings: A turns by 0.5, shrinks by 0.95",
            one_to_one(rotation(0.5, 0.95)),
            [0.95**lag * math.cos(0.5 * lag) for lag in range(L)],
        ),
        (
            "explodes: A = I + p pᵀ, ‖p‖² = 0.25",
            one_to_one(torch.eye(2) + 0.125),
            [(1 + 1.25**lag) / 2 for lag in range(L)],
        ),
    ]
    by_hand = {
        "scalar, by hand": (as_tensor(scalar_kernel).flatten(), VERMILLION, "s"),
        "2 x 2, by hand": (as_tensor(matrix_kernel).flatten(), GREEN, "^"),
    }
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4))
    off = []
    for ax, (title, system, known) in zip(axes, panels, strict=True):
        off.append(dots(ax, as_line(ssm_kernel(*system, L), L + 1), [0.0, *known]))
        label(figure, ax, title, "lag l (steps)", "K_l" if ax is axes[0] else "")
    for name, (values, colour, marker) in by_hand.items():
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "", "mfc": "none"}
        axes[0].plot(range(len(values)), values, label=name, ms=9, **style)
    axes[0].legend(fontsize=8)
    told = ", ".join(f"{distance:.2g}" for distance in off)
    show(
        figure,
        "Three impulse responses from your kernel, against the lag. One decays from 1.5, and your "
        "results by hand are marked beside it; one swings between positive and negative values "
        f"and dies out; one grows without end. Largest distances from the known ones: {told}.",
    )


def accuracy(kernel_identity_plus_rank_one: Function) -> None:
    """1f: the relative error of a tap in float32, over sixteen decades of v = ||p||^2.

    Unit 1 takes the input and unit 0 gives the output, so that K_l is s_{l-1} p_0 p_1. Exact values
    come from fractions.
    """
    lag, rounding = 10, torch.finfo(torch.float32).eps
    B, C, D = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0, 0.0]]), torch.zeros(1, 1)
    squared, yours, typed = [], [], []
    for exponent in range(-14, 3):
        p = torch.full((2,), math.sqrt(3 * 10.0**exponent / 2))
        v, v_rounded = 2 * Fraction(p[0].item()) ** 2, p @ p
        exact = float(((1 + v) ** (lag - 1) - 1) / 2)
        K = as_line(kernel_identity_plus_rank_one(p, B, C, D, lag), lag + 1)
        as_it_stands = ((1 + v_rounded) ** (lag - 1) - 1) / v_rounded * p[0] * p[1]
        squared.append(float(v))
        yours.append(abs(float(K[lag]) / exact - 1))
        typed.append(abs(float(as_it_stands) / exact - 1))
    figure, ax = plt.subplots(figsize=(9, 3.6))
    least = rounding / 30  # where an error of 0 is drawn
    for name, errors, colour, marker, line in (
        ("((1 + v)^l - 1) / v, typed in as it stands", typed, VERMILLION, "s", "--"),
        ("yours", yours, BLUE, "o", "-"),
    ):
        shown = [max(error, least) for error in errors]
        ax.loglog(squared, shown, color=colour, marker=marker, ms=5, ls=line, label=name)
    ax.axhline(rounding, color=BLACK, ls=":", lw=1, label="float32: distance of 1 from the next")
    label(figure, ax, f"Error of K_{lag} in float32", "v = ‖p‖²", "relative error")
    ax.legend(fontsize=8)
    finite = [error for error in yours if math.isfinite(error)]
    show(
        figure,
        "Relative error against v on log axes. The closed form typed in as it stands loses digit "
        "after digit as v shrinks, and below 1e-7 all of them. The largest error of yours is "
        f"{max(finite, default=math.nan):.2g}, with {len(yours) - len(finite)} of {len(yours)} "
        f"values not finite; one rounding is about {rounding:.2g}.",
    )
