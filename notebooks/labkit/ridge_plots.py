"""Figures of Problem 4, 4a to 4f: averages, fits, slopes, surprise, and what depends on what.

Comes in: a student's functions, right or wrong. Goes out: a figure in the notebook. Each raises
Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.colors import LogNorm

from labkit.checks import as_tensor, gradients
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
)

Function = Callable[..., Any]


def softmax_attention(Q: torch.Tensor, K: torch.Tensor) -> torch.Tensor:
    """The weights of the other attention, a row for each query: softmax of Q K^T / sqrt(d)."""
    return torch.softmax(Q @ K.mT / math.sqrt(K.shape[-1]), -1)


def averages(running_mean: Function) -> None:
    """4a: 60 noisy points and their running mean, each new one from the one before."""
    count = 60
    points = 2 + torch.randn(count, generator=torch.Generator().manual_seed(4)).double()
    known = points.cumsum(0) / torch.arange(1, count + 1)
    means: list[float] = []  # after each point
    for n, point in enumerate(points.tolist()):
        means.append(float(shaped(running_mean(means[-1] if n else 0.0, point, n))))
    figure, ax = plt.subplots(figsize=(9, 3.2))
    steps = range(1, count + 1)
    ax.plot(steps, points, color=ORANGE, marker=".", ls="", label="points")
    ax.plot(steps, known, color=BLACK, lw=1, ls="--", label="average of all so far")
    ax.plot(steps, means, color=BLUE, marker="o", ms=4, ls="", label="yours")
    label(figure, ax, "A running mean", "number of points", "value")
    ax.legend(fontsize=8)
    show(
        figure,
        f"{count} noisy points, your running mean as dots, and the average of all points so far "
        "as a dashed line, which settles near 2. Largest distance: "
        f"{_off(torch.tensor(means, dtype=torch.float64), known)}.",
    )


def shrinkage(ridge_weights: Function) -> None:
    """4b: weights against lam where X has orthogonal columns of lengths 4, 1 and 0.25."""
    lengths = torch.tensor([4.0, 1.0, 0.25])
    corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 2
    X, least_squares = corners * lengths, torch.tensor([1.0, -0.8, 0.6])
    lams = torch.logspace(-4, 4, 33).tolist()
    w = torch.stack([shaped(ridge_weights(X, X @ least_squares, lam), 3) for lam in lams])
    known = least_squares * lengths**2 / (lengths**2 + torch.tensor(lams)[:, None])
    figure, ax = plt.subplots(figsize=(9, 3.4))
    for i, (colour, marker, _) in enumerate(STYLES[:3]):
        ax.plot(lams, known[:, i], color=BLACK, lw=1, ls="--", label="" if i else "known")
        text = f"column of length {lengths[i]:g}"
        ax.plot(lams, w[:, i], color=colour, marker=marker, ms=4, ls="", label=text)
    ax.axhline(0, color=BLACK, lw=0.8, alpha=0.5)
    ax.set_xscale("log")
    label(figure, ax, "Ridge weights: shorter columns give way first", "lam", "entries of w")
    ax.legend(fontsize=8)
    show(
        figure,
        "Three entries of your w against lam on a log axis. Dashed lines show where they belong: "
        "each keeps its least-squares value until lam comes near the square of its column's "
        f"length, and then goes to zero. Largest distance: {_off(w, known)}.",
    )


def lines(ridge_attention: Function) -> None:
    """4c: a line through noisy points, for three lam; and softmax attention over the same pairs."""
    source, count = torch.Generator().manual_seed(2), 15
    x = 2 * torch.rand(count, generator=source) - 1
    y = 0.5 + x + 0.15 * torch.randn(count, generator=source)
    grid = torch.linspace(-2, 2, 81)
    K, Q = (torch.stack([a, torch.ones_like(a)], 1) for a in (x, grid))
    lams = (0.01, 5.0, 100.0)
    outputs = [shaped(ridge_attention(Q, K, y[:, None], lam), len(grid), 1)[:, 0] for lam in lams]
    figure, ax = plt.subplots(figsize=(9, 3.8))
    ax.plot(x, y, color=BLACK, marker="x", ls="", label="pairs: key (x, 1), value y")
    slopes = []
    for lam, o, (colour, _, line) in zip(lams, outputs, STYLES, strict=False):
        ax.plot(grid, o, color=colour, ls=line, lw=2, label=f"ridge attention, lam = {lam:g}")
        slopes.append(f"{float(o[-1] - o[0]) / 4:.2f} for lam = {lam:g}")
    ax.plot(
        grid,
        softmax_attention(8 * Q, K) @ y,
        color=PURPLE,
        ls=":",
        lw=2,
        label="softmax attention, queries times 8",
    )
    ax.axvspan(float(x.min()), float(x.max()), color=SKY, alpha=0.2, label="where the keys are")
    label(figure, ax, "Predicting, and averaging", "x of the query", "output")
    ax.legend(fontsize=8)
    show(
        figure,
        "Noisy points on a line of slope 1, and the outputs of your layer for queries in and "
        f"beyond their range: the slopes are {'; '.join(slopes)}. Softmax attention bends to flat "
        "ends, within the range of the values.",
    )


def slopes(ridge_attention: Function) -> None:
    """4d: the size of the gradient of ||O||^2 / 2 for each input, by autograd, for three lam."""
    source = torch.Generator().manual_seed(0)
    Q, K, V = (torch.randn(12, 4, generator=source) for _ in range(3))
    names, found = ("lam", "keys", "values", "queries"), {}
    for lam in (0.1, 1.0, 10.0):
        args = (Q, K, V, torch.tensor(lam))
        outputs = shaped(ridge_attention(*args), 12, 4)
        pulled = gradients(ridge_attention, args, (3, 1, 2, 0), outputs)
        found[lam] = [float(as_tensor(gradient).norm()) for gradient in pulled]
    figure, ax = plt.subplots(figsize=(9, 3.2))
    looks = ((BLUE, ""), (ORANGE, "//"), (GREEN, ".."))
    for place, ((lam, sizes), (colour, hatch)) in enumerate(zip(found.items(), looks, strict=True)):
        where = [i + 0.27 * (place - 1) for i in range(4)]
        ax.bar(where, sizes, 0.25, color=colour, hatch=hatch, label=f"lam = {lam:g}")
    ax.set_xticks(range(4), names)
    ax.set_yscale("symlog", linthresh=0.01)
    ax.set_ylim(0, 1000)
    label(figure, ax, "Gradients of a loss, through your layer", "with respect to", "norm")
    ax.legend(fontsize=8)
    told = "; ".join(
        f"for lam = {lam:g}: " + ", ".join(f"{s:.2g}" for s in sizes)
        for lam, sizes in found.items()
    )
    show(figure, f"Bars: norms of the gradients for {', '.join(names)}. In this order, {told}.")


# ---- 4f


def surprise(causal_ridge_attention: Function) -> None:
    """4f: what each pair surprises the layer by, how far W moves, and the ratio of the two.

    W_t is found by asking with unit vectors for queries. Keys A and B are orthogonal, of length 1.
    """
    lam, d = 0.1, 3
    A, B = torch.tensor([0.6, 0.8, 0.0]), torch.tensor([0.8, -0.6, 0.0])
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    shrunk = [count / (lam + count) for count in (6, 1)]  # what has been learned of a key by then
    between = (A + B) / math.sqrt(2)
    mean = (5 * a - a) / 6
    expected = (shrunk[0] * mean + shrunk[1] * b) / math.sqrt(2)
    script = [("A", A, a)] * 3 + [("B", B, b)] + [("A", A, a)] * 2
    script += [("A, other\nvalue", A, -a), ("C", between, expected)]
    names = [name for name, _, _ in script]
    K, V = torch.stack([k for _, k, _ in script]), torch.stack([v for _, _, v in script])
    n = len(script)
    rows = [causal_ridge_attention(unit.expand(n, d), K, V, lam) for unit in torch.eye(d)]
    W = torch.stack([shaped(row, n, 2) for row in rows], 1)  # (n, d, 2)
    before = torch.cat([torch.zeros_like(W[:1]), W[:-1]])
    predicted = torch.einsum("ti,tij->tj", K.double(), before)
    surprises = (V - predicted).norm(dim=1)
    moved = (W - before).flatten(1).norm(dim=1)

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), width_ratios=(3, 2))
    bars = (("surprise |v_t - W_{t-1}ᵀ k_t|", surprises, ORANGE, ""),
            ("how far W moved", moved, BLUE, "//"))  # fmt: skip
    for shift, (name, heights, colour, hatch) in zip((-0.2, 0.2), bars, strict=True):
        where = [t + shift for t in range(n)]
        left.bar(where, heights.tolist(), 0.4, color=colour, hatch=hatch, label=name)
    left.set_xticks(range(n), [f"{i + 1}\n{name}" for i, name in enumerate(names)])
    label(figure, left, "What each pair teaches", "position t and key", "norm")
    left.legend(fontsize=8)
    seen = [names[:i].count(name[0]) for i, name in enumerate(names[:-1])]
    known = [1 / (lam + r + 1) for r in range(6)]
    rates = (moved / surprises.clamp(min=1e-9))[:-1]
    right.plot(range(6), known, color=BLACK, lw=1, ls="--", label="1 / (lam + r + 1)")
    right.plot(seen, rates, color=BLUE, marker="o", ls="", ms=7, mfc="none", label="yours")
    right.set_ylim(0, max(1.5, min(20.0, 1.1 * float(rates.max()))))
    label(figure, right, "Rate: moved / surprise", "r, how often the key came before", "ratio")
    right.legend(fontsize=8)
    off = max(abs(float(rate) - known[r]) for rate, r in zip(rates, seen, strict=True))
    told = ", ".join(f"{float(s):.2f}" for s in surprises)
    show(
        figure,
        f"Left: bars for {n} pairs. The surprises are {told}; they should be large for a new key "
        "and for a changed value, small for a repeated pair, and next to nothing for the last key, "
        "whose value was predicted. Right: how far W moves for each unit of surprise, against how "
        f"often the key came before. Largest distance from the known curve: {off:.2g}.",
    )


def causality(causal_ridge_attention: Function) -> None:
    """4f: the size of d output_t / d k_j for all t and j, by autograd."""
    n, d, source = 16, 4, torch.Generator().manual_seed(0)
    Q, K, V = (torch.randn(n, d, generator=source) for _ in range(3))
    sizes = torch.zeros(n, n)
    for t in range(n):
        cotangent = torch.zeros(n, d)
        cotangent[t] = torch.randn(d, generator=source)
        (gradient,) = gradients(causal_ridge_attention, (Q, K, V, 0.5), (1,), cotangent)
        sizes[t] = shaped(gradient, n, d).norm(dim=1)
    early = int((sizes.triu(1) > 0).sum())
    own = int((sizes.diagonal() > 0).sum())
    figure, ax = plt.subplots(figsize=(5.6, 4.6), layout="constrained")
    largest = float(sizes.max()) or 1.0
    grey = plt.get_cmap("viridis").with_extremes(bad="white")
    shown = sizes.masked_fill(sizes == 0, math.nan)
    image = ax.imshow(shown.numpy(), cmap=grey, norm=LogNorm(1e-3 * largest, largest))
    for t, j in (sizes.triu(1) > 0).nonzero().tolist():
        ax.plot(j, t, marker="x", color=VERMILLION, ms=6)
    figure.colorbar(image, label="‖∂ output_t / ∂ k_j‖")
    verdict = "nothing above the diagonal" if not early else f"{early} entries from the future (x)"
    label(figure, ax, f"What depends on what: {verdict}", "key j", "output t")
    ax.grid(visible=False)
    show(
        figure,
        f"A map of how strongly output t depends on key j, for {n} positions. White is zero. "
        f"{early} of {n * (n - 1) // 2} entries above the diagonal are not zero; all of "
        f"them must be zero. {own} of {n} on the diagonal are not zero; none of them may be zero.",
    )


def _off(values: torch.Tensor, known: torch.Tensor) -> str:
    return f"{float((values - known).abs().max()):.2g}"
