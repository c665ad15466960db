"""Figures of Problem 4, 4g: attention weights as a map, between their limits, and on a slider.

Comes in: a student's `ridge_attention_weights`, right or wrong. Goes out: a figure in the notebook.
Each raises Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython import get_ipython
from IPython.display import display
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure

from labkit.plots import BLACK, BLUE, GREEN, STYLES, VERMILLION, label, shaped, show
from labkit.ridge_plots import Function, softmax_attention


def circle(n: int = 32) -> torch.Tensor:
    """Keys (n, 8) of positions on a circle: sines and cosines of 1 to 4 turns, of length 1."""
    angles = torch.arange(n)[:, None] * torch.arange(1, 5) * (2 * math.pi / n)
    return torch.cat([angles.cos(), angles.sin()], 1) / 2


def heat(ridge_attention_weights: Function) -> None:
    """4g: the weights of every query over all positions, beside those of softmax attention."""
    K, lam = circle(), 0.5
    n = len(K)
    ridge = torch.stack([shaped(ridge_attention_weights(q, K, lam), n) for q in K])
    softmax = softmax_attention(8 * K, K)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), sharey=True, layout="constrained")
    furthest = float(torch.maximum(ridge.abs().max(), softmax.max())) or 1.0
    titles = (f"Ridge attention, yours (lam = {lam:g})", "Softmax attention (queries times 8)")
    for ax, weights, title in zip(axes, (ridge, softmax), titles, strict=True):
        norm = TwoSlopeNorm(0, -furthest, furthest)
        image = ax.imshow(weights.numpy(), cmap="PuOr_r", norm=norm)
        label(figure, ax, title, "pair i", "query" if ax is axes[0] else "")
        ax.grid(visible=False)
    figure.colorbar(image, ax=axes, label="weight of value i", shrink=0.8)
    low, high = (round(float(total), 2) + 0.0 for total in ridge.sum(1).aminmax())
    negative = int((ridge < -1e-6).sum())
    show(
        figure,
        f"Two maps of attention weights, {n} queries by {n} pairs; softmax's are largest on the "
        f"diagonal, positive, and add up to 1. Of yours, {negative} of {n * n} are negative, and "
        f"rows add up to between {low:.2f} and {high:.2f}.",
    )


def _one_query() -> tuple[torch.Tensor, torch.Tensor]:
    """A query (8,) on the circle, and 24 of its 32 keys: a quarter of the circle is missing."""
    return circle()[12], torch.cat([circle()[:20], circle()[28:]])


def _extremes(q: torch.Tensor, K: torch.Tensor, lam: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The weights of linear attention, and those of least squares, the shortest that there are."""
    return (K @ q).double() / lam, torch.linalg.pinv(K.double().mT) @ q.double()


def limits(ridge_attention_weights: Function) -> None:
    """4g: how far the weights are from both limits as lam goes from small to large."""
    q, K = _one_query()
    lams = torch.logspace(-5, 5, 41).tolist()
    apart: tuple[list[float], list[float]] = ([], [])
    for lam in lams:
        a = shaped(ridge_attention_weights(q, K, lam), len(K))
        for distances, limit in zip(apart, _extremes(q, K, lam), strict=True):
            distances.append(float((a - limit).norm() / limit.norm()))
    chosen = {lam: shaped(ridge_attention_weights(q, K, lam), len(K)) for lam in (1e-3, 0.3, 100.0)}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    names = ("linear attention, <q, k> / lam", "least squares")
    for distances, name, (colour, marker, line) in zip(apart, names, STYLES, strict=False):
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 3}
        left.loglog(lams, [max(x, 1e-7) for x in distances], label=f"to {name}", **style)
    label(figure, left, "How far your weights are from two limits", "lam", "relative distance")
    left.legend(fontsize=8)
    for (lam, a), (colour, marker, line) in zip(chosen.items(), STYLES, strict=False):
        style = {"color": colour, "marker": marker, "ls": line, "ms": 3}
        right.plot(a / float(a.abs().max() or 1), label=f"lam = {lam:g}", **style)
    right.axhline(0, color=BLACK, lw=0.8, alpha=0.5)
    title = "One query's weights, over the largest"
    label(figure, right, title, "pair i", "weight / largest |weight|")
    right.legend(fontsize=8)
    show(
        figure,
        f"Left: the distance of your weights from linear attention is {apart[0][0]:.2g} at "
        f"lam = 1e-5 and {apart[0][-1]:.2g} at 1e5; from least squares {apart[1][0]:.2g} and "
        f"{apart[1][-1]:.2g}. Right: the weights of one query for a small, a middle, a large lam.",
    )


def dial(ridge_attention_weights: Function) -> None:
    """4g: a slider for lam. Only where a notebook is running; `limits` stays when it is printed."""
    if getattr(get_ipython(), "kernel", None) is None:
        return
    from ipywidgets import FloatLogSlider, interactive

    slider = FloatLogSlider(
        value=0.3, base=10, min=-4, max=4, step=0.1, description="lam", continuous_update=False
    )
    display(interactive(lambda lam: show(*at(ridge_attention_weights, lam)), lam=slider))


def at(ridge_attention_weights: Function, lam: float) -> tuple[Figure, str]:
    """One query's weights at one place of the dial, between both limits; and that in words."""
    q, K = _one_query()
    a = shaped(ridge_attention_weights(q, K, lam), len(K))
    linear, least_squares = _extremes(q, K, lam)
    figure, ax = plt.subplots(figsize=(9, 3.4))
    ax.plot(linear, color=VERMILLION, ls="--", lw=1, label="linear attention, <q, k> / lam")
    ax.plot(least_squares, color=GREEN, ls="-.", lw=1, label="least squares")
    ax.plot(a, color=BLUE, marker="o", ms=4, label="yours")
    ax.axhline(0, color=BLACK, lw=0.8, alpha=0.5)
    reach = 1.5 * float(torch.maximum(a.abs().max(), 0.02 * least_squares.abs().max()))
    ax.set_ylim(-reach, reach)
    label(figure, ax, f"One query's weights, lam = {lam:.3g}", "pair i", "weight")
    ax.legend(fontsize=8)
    negative, total = int((a < 0).sum()), float(a.sum())
    return figure, f"{negative} of {len(a)} weights are negative; they add up to {total:.2g}."
