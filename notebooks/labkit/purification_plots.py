"""Figures of Problem 3: losses, gradient descent, denoising, and windows of lam.

Comes in: a student's functions and numbers, right or wrong. Goes out: a figure or a table in the
notebook. Each raises Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from labkit.checks import Mismatch, as_tensor
from labkit.plots import (
    BLACK,
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    STYLES,
    VERMILLION,
    label,
    shaped,
    show,
    table,
)
from labkit.purification import SHEET, descend, with_singular_values

Function = Callable[..., Any]
Window = tuple[float, float] | None

_X = torch.tensor([[-2.17, 1.98, 2.41, -2.03], [0.02, -0.01, 0.01, -0.02]])
_ENCODERS = {"alpha": torch.eye(2), "beta": torch.diag(torch.tensor([1.0, 0.0]))}
_ALLOWED, _LEFT = 0.8, 0.5  # shares of strength in 3(c)


def _pair(losses: Function, W: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
    """The two losses, (2,)."""
    return shaped(losses(W, X), 2)


def encoders(
    purification_losses: Function,
    alpha_losses: object,
    beta_losses: object,
    lambda_threshold: object,
) -> None:
    """3a: L2 of two encoders against lam, by the function and by hand, and where they cross."""
    by_hand = {"alpha": shaped(alpha_losses, 2), "beta": shaped(beta_losses, 2)}
    threshold = float(shaped(as_tensor(lambda_threshold).flatten(), 1)[0])
    lams = torch.linspace(0, 0.003, 13, dtype=torch.float64)
    figure, ax = plt.subplots(figsize=(8, 3.6))
    ends = []
    for (name, W), (colour, marker, line) in zip(_ENCODERS.items(), STYLES, strict=False):
        first, second = _pair(purification_losses, W, _X)
        ax.plot(lams, first + lams * second, color=colour, ls=line, label=f"{name}, your function")
        a, b = by_hand[name]
        style: dict[str, Any] = {"color": colour, "marker": marker, "mfc": "none", "ls": ""}
        ax.plot(lams, a + lams * b, label=f"{name}, by hand", **style)
        ends.append(
            f"{name}: {float(first):.3g} + {float(second):.3g} lam by the function, "
            f"{float(a):.3g} + {float(b):.3g} lam by hand"
        )
    ax.axvline(threshold, color=BLACK, ls=":", label="your lambda_threshold")
    label(figure, ax, "Two encoders: who is cheaper?", "λ (price of weights)", "loss L₂")
    ax.legend(fontsize=8)
    show(
        figure,
        f"The loss L2 against lam, from 0 to 0.003, as straight lines. {'; '.join(ends)}. Your "
        f"threshold, where the lines should cross, is {threshold:.3g}.",
    )


def descent(purification_losses: Function, purifier: Function) -> None:
    """3b: gradient descent on the losses, beside the closed form.

    Data with singular values 3, 1.5, 0.8 and 0.3. On the left the distance of its loss to the
    closed form's; a loss below that of the closed form is drawn hollow. On the right the diagonal
    of U^T W U, step by step.
    """
    steps, lams, s = 400, (0.01, 0.1, 1.0), (3.0, 1.5, 0.8, 0.3)
    X = with_singular_values(s, 12, torch.Generator().manual_seed(3)).double()
    U = torch.linalg.svd(X)[0]
    closed = [shaped(purifier(X, lam), 4, 4).double() for lam in lams]
    least = [_pair(purification_losses, W, X) @ torch.tensor([1, lam], dtype=torch.float64)
             for W, lam in zip(closed, lams, strict=True)]  # fmt: skip
    descents = [descend(purification_losses, X, lam, steps) for lam in lams]

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    told = []
    for i, (lam, (colour, _, line)) in enumerate(zip(lams, STYLES, strict=False)):
        path, values = descents[i]
        gap = values.double() - least[i]
        floor = 1e-13 * float(values[0])
        above = gap.clamp(min=floor).where(gap > -floor, math.nan)
        left.plot(above, color=colour, ls=line, label=f"λ = {lam:g}")
        below = torch.nonzero(gap < -floor).flatten()[::20]
        if len(below):
            style: dict[str, Any] = {"color": colour, "marker": "v", "mfc": "none", "ls": ""}
            left.plot(below, -gap[below], label=f"λ = {lam:g}: below yours", **style)
        end, off = float(gap[-1]), float((path[-1] - closed[i]).abs().max())
        told.append(
            f"lam = {lam:g}: its last loss is {abs(end):.2g} {'above' if end >= 0 else 'BELOW'} "
            f"that of your closed form, and the two matrices differ by {off:.2g}"
        )
    _arrivals(right, U, descents[1][0], closed[1])
    left.set_yscale("log")
    label(figure, left, "Loss of descent, minus that of your W", "step", "difference in L₂")
    label(figure, right, f"What is kept of each direction (λ = {lams[1]:g})", "step", "uᵢᵀ W uᵢ")
    right.set_xscale("symlog", linthresh=1)
    right.set_ylim(-0.03, 1.4)
    left.legend(fontsize=8)
    right.legend(fontsize=8, ncols=2, loc="upper left")
    show(
        figure,
        "Left: how far the loss of gradient descent lies above that of your closed form, on a log "
        f"axis, over {steps} steps. {'; '.join(told)}. Right: what descent keeps of each of four "
        "directions, large ones arriving first, and dashed what your closed form keeps.",
    )


def _arrivals(ax: Axes, U: torch.Tensor, path: torch.Tensor, closed: torch.Tensor) -> None:
    kept, final = ((U.T @ W @ U).diagonal(dim1=-2, dim2=-1) for W in (path, closed))
    marked = [0, *(2**power for power in range(9) if 2**power < len(path))]
    for i, (colour, marker, _) in enumerate(STYLES):
        style: dict[str, Any] = {"color": colour, "marker": marker, "ms": 4, "markevery": marked}
        ax.plot(kept[:, i], label=f"direction {i + 1}", **style)
        ax.axhline(float(final[i]), color=colour, ls="--", lw=1)
    ax.plot([], [], color=BLACK, ls="--", lw=1, label="your closed form")


def denoising(purification_losses: Function, purifier: Function, purify: Function) -> None:
    """3b: the denoising error against lam, measured and added up from the two losses; and what a
    purifier does to points of the plane."""
    n, sigma, draws = 200, 0.1, 40
    source = torch.Generator().manual_seed(1)
    X, right_lam = with_singular_values(SHEET, n, source), n * sigma**2
    lams = [right_lam * 2.0**power for power in range(-8, 5)]
    measured, parts = [], []
    for lam in lams:
        W = shaped(purifier(X, lam), 8, 8).float()
        errors = [
            (X - shaped(purify(W, X + sigma * torch.randn(X.shape, generator=source)), 8, n))
            for _ in range(draws)
        ]
        measured.append(float(torch.stack(errors).square().sum((1, 2)).mean()))
        parts.append(_pair(purification_losses, W, X) * torch.tensor([1, right_lam]))
    known = torch.stack(parts)  # (lams, 2)
    cloud = _cloud(purifier, purify)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    left.plot(lams, known.sum(1), color=BLACK, label="sum: your two losses")
    left.plot(lams, known[:, 0], color=GREEN, ls="-.", label="‖X - WX‖²: signal lost")
    left.plot(lams, known[:, 1], color=VERMILLION, ls="--", label="nσ²‖W‖²: noise let through")
    left.plot(lams, measured, color=BLUE, marker="o", ls="", label="measured with noise")
    left.axvline(right_lam, color=BLACK, ls=":", lw=1, label="λ = nσ²")
    left.set_xscale("log", base=2)
    left.set_xticks(lams[::2], [f"{lam:.3g}" for lam in lams[::2]])
    left.set_ylim(0, None)
    label(
        figure, left, f"Denoising error (n = {n}, σ = {sigma})", "λ", "‖X - W(X + G)‖², mean over G"
    )
    left.legend(fontsize=8)
    shrunk = _draw_cloud(right, *cloud)
    label(figure, right, f"A cloud, noise and what is left ({shrunk})", "feature 1", "feature 2")
    right.legend(fontsize=8)
    lowest = lams[min(range(len(lams)), key=measured.__getitem__)]
    apart = max(abs(m / float(k) - 1) for m, k in zip(measured, known.sum(1), strict=True))
    show(
        figure,
        f"Left: denoising error against lam on a log axis. The measured one is lowest at lam = "
        f"{lowest:.3g}; n sigma squared is {right_lam:.3g}. It lies within {apart:.1%} of the sum "
        "of your two losses, of which one rises with lam and the other falls. Right: points along "
        f"a line with noise, and purified: {shrunk}.",
    )


def _cloud(purifier: Function, purify: Function) -> tuple[torch.Tensor, ...]:
    """Points on a line, with noise, and purified, (2, n) each."""
    n, sigma = 60, 0.35
    source = torch.Generator().manual_seed(5)
    along = torch.randn(n, generator=source)
    clean = torch.stack([along, 0.6 * along])
    noisy = clean + sigma * torch.randn(clean.shape, generator=source)
    W = shaped(purifier(clean, n * sigma**2), 2, 2).float()
    return clean, noisy, shaped(purify(W, noisy), 2, n)


def _draw_cloud(ax: Axes, clean: torch.Tensor, noisy: torch.Tensor, pure: torch.Tensor) -> str:
    """How far points are from the clean ones, before and after, in words."""
    for a, b in zip(noisy.T, pure.T, strict=True):
        ax.plot([float(a[0]), float(b[0])], [float(a[1]), float(b[1])], color=SKY, lw=0.7)
    for points, colour, marker, name in (
        (clean, BLACK, ".", "clean"),
        (noisy, ORANGE, "s", "with noise"),
        (pure, BLUE, "o", "purified"),
    ):
        ax.plot(*points, color=colour, marker=marker, ls="", ms=4, mfc="none", label=name)
    ax.set_aspect("equal", "datalim")
    before, after = (float((p - clean).square().mean().sqrt()) for p in (noisy, pure))
    return f"error {before:.2f} before, {after:.2f} after"


# ---- 3c: windows


def windows(lambda_window: Function) -> None:
    """3c: filter factors of the sheet's data, and a student's windows for keep = 3 and keep = 2."""
    s = torch.tensor(SHEET, dtype=torch.float64)
    if lambda_window(s, 0) is None:
        text = (
            "for keep = 0 every large lam will do, and None came back: is 3c still to be answered?"
        )
        raise Mismatch(text, kind="unanswered")
    found = {keep: _window(lambda_window(s, keep)) for keep in (3, 2)}
    figure, (first, *panels) = plt.subplots(1, 3, figsize=(13, 4))
    lams = torch.logspace(-2, 3, 101, dtype=torch.float64)
    for i, value in enumerate(s.square()):
        colour = BLUE if i < 3 else PURPLE
        width = 2.0 if i in (1, 2, 3) else 1.0
        name = {0: "directions 1 to 3", 3: "directions 4 to 8"}.get(i)
        line = "-" if i < 3 else "--"
        first.plot(lams, value / (value + lams), color=colour, lw=width, ls=line, label=name)
    for keep, (colour, hatch) in {3: (GREEN, ""), 2: (ORANGE, "//")}.items():
        _shade(first, found[keep], colour, hatch, f"your window, keep = {keep}")
    for share in (_ALLOWED, _LEFT):
        first.axhline(share, color=BLACK, ls=":", lw=1)
    first.set_xscale("log")
    first.set_ylim(0, 1.02)
    label(figure, first, "Filter factors against λ", "λ", "share kept, σ² / (σ² + λ)")
    first.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    told = [_against_pca(ax, s, k, found[k]) for ax, k in zip(panels, found, strict=True)]
    for ax, keep in zip(panels, found, strict=True):
        label(figure, ax, f"keep = {keep}: λ {_words(found[keep])}", "direction i", "share kept")
        ax.legend(fontsize=8, loc="upper right")
    show(
        figure,
        "Left: the filter factors of eight directions fall as lam grows, each from 1 to 0, with "
        "your windows shaded. Middle and right: factors of each direction at the ends of your "
        f"window, beside PCA's step from 1 to 0. {' '.join(told)}",
    )


def _window(value: object) -> Window:
    """What lambda_window returned; raises Mismatch where it is neither a pair nor None."""
    if value is None:
        return None
    low, high = (float(end) for end in shaped(value, 2))
    if math.isnan(low) or math.isnan(high):
        raise Mismatch("an end of the window is not a number", kind="not finite", actual=value)
    return low, high


def _words(window: Window) -> str:
    if window is None:
        return "does not exist"
    low, high = window
    return f"= {low:.4g} alone" if math.isclose(low, high) else f"from {low:.4g} to {high:.4g}"


def _shade(ax: Axes, window: Window, colour: str, hatch: str, name: str) -> None:
    if window is None:
        ax.plot([], [], color=colour, lw=6, alpha=0.3, label=f"{name}: none")
    elif math.isclose(*window):
        ax.axvline(window[0], color=colour, lw=2, ls="-.", label=f"{name}: one point")
    else:
        low, high = (min(max(end, 1e-2), 1e3) for end in window)
        ax.axvspan(low, high, color=colour, alpha=0.3, hatch=hatch, label=name)


def _against_pca(ax: Axes, s: torch.Tensor, keep: int, window: Window) -> str:
    """Factors at both ends of a window, beside PCA's step; how many break a condition, in words."""
    i = torch.arange(1, len(s) + 1)
    pca = [1.0] * keep + [0.0] * (len(s) - keep)
    ax.step(i, pca, where="mid", color=BLACK, lw=1, label=f"PCA, {keep} components")
    ax.fill_between([0.5, keep + 0.5], 0, _ALLOWED, color=VERMILLION, alpha=0.15, lw=0)
    ax.fill_between([keep + 0.5, len(s) + 0.5], _LEFT, 1.02, color=VERMILLION, alpha=0.15, lw=0)
    ax.set_ylim(0, 1.02)
    ax.set_xlim(0.5, len(s) + 0.5)
    if window is None:
        return f"For keep = {keep} your window does not exist."
    broken = []
    styles = ((BLUE, "o", "-", 8), (GREEN, "^", "--", 5))
    for name, lam, (colour, marker, line, size) in zip(
        ("low", "high"), window, styles, strict=True
    ):
        kept = s.square() / (s.square() + lam)
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "mfc": "none"}
        ax.plot(i, kept, ms=size, label=f"λ = {lam:.4g} ({name})", **style)
        slack = 1e-6  # Python's floats come as float32
        wrong = (kept[:keep] < _ALLOWED - slack).sum() + (kept[keep:] > _LEFT + slack).sum()
        broken.append(int(wrong))
    return (
        f"For keep = {keep} your window is lam {_words(window)}; at its low end {broken[0]} and at "
        f"its high end {broken[1]} of {len(s)} directions break a condition."
    )


def findings(purification_losses: Function, purifier: Function) -> None:
    """A table of the sheet's data under the purifier, for lam from 1/4 to 64."""
    X = with_singular_values(SHEET, 24, torch.Generator().manual_seed(2)).double()
    U = torch.linalg.svd(X)[0]
    rows: list[Sequence[object]] = []
    for lam in (0.25, 1.0, 2.0, 4.0, 16.0, 64.0):
        W = shaped(purifier(X, lam), 8, 8)
        first, second = _pair(purification_losses, W, X)
        kept, slack = (U.T @ W @ U).diagonal(), 1e-4  # the digits of float32
        rows.append(
            (
                f"{lam:g}",
                f"{float(first):.3g}",
                f"{float(second):.3g}",
                f"{float(first + lam * second):.3g}",
                f"{float(W.trace()):.2f}",
                int((kept >= _ALLOWED - slack).sum()),
                int((kept <= _LEFT + slack).sum()),
            )
        )
    header = ("reconstruction", "regularization", "L₂", "directions kept", "80% or more")
    table(["λ", *header, "50% or less"], rows)
