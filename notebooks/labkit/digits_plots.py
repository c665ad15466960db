"""Handwritten digits, purified: pictures, and a duel with principal components.

Comes in: a student's purifier, right or wrong. Goes out: a figure in the notebook. Each raises
Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from labkit import digits
from labkit.plots import BLACK, BLUE, ORANGE, STYLES, VERMILLION, label, shaped, show

Function = Callable[..., Any]
_PIXELS = digits.SIDE**2


def _error(clean: torch.Tensor, found: torch.Tensor) -> float:
    """Mean squared error of a pixel."""
    return float((clean - found).square().mean())


def best_projection(
    X: torch.Tensor, clean: torch.Tensor, noisy: torch.Tensor
) -> tuple[int, torch.Tensor]:
    """The oracle: principal components of X, as many as bring `noisy` nearest to `clean`.

    Returns how many, and the digits that come out. In the coordinates of U, keeping a direction
    adds its noise and dropping it its signal, so all counts are one cumulative sum.
    """
    U = torch.linalg.svd(X, full_matrices=False)[0]
    signal, kept = U.T @ clean, U.T @ noisy
    gain = (signal.square() - (signal - kept).square()).sum(1)  # of keeping each direction
    count = int(torch.cat([gain.new_zeros(1), gain.cumsum(0)]).argmax())
    return count, U[:, :count] @ kept[:count]


def pictures(purifier: Function, purify: Function) -> None:
    """Ten test digits: clean, with noise, purified by ridge, and by the oracle's PCA."""
    n, sigma = 900, 4.0
    source = torch.Generator().manual_seed(8)
    X, clean, mean = digits.split(n, source)
    noisy = clean + sigma * torch.randn(clean.shape, generator=source)
    W = shaped(purifier(X, n * sigma**2), _PIXELS, _PIXELS).float()
    pure = shaped(purify(W, noisy), *clean.shape).float()
    count, projected = best_projection(X, clean, noisy)
    rows = {
        "clean": clean,
        f"with noise\nσ = {sigma:g}": noisy,
        "your purifier\nλ = nσ²": pure,
        f"PCA, oracle\nk = {count}": projected,
    }
    errors = {name.replace("\n", " "): _error(clean, images) for name, images in rows.items()}
    figure, panels = plt.subplots(len(rows), 10, figsize=(10, 4.6))
    for (name, images), line in zip(rows.items(), panels, strict=True):
        for ax, image in zip(line, (images + mean).T, strict=False):
            ax.imshow(image.reshape(digits.SIDE, -1), cmap="gray_r", vmin=0, vmax=16)
            ax.set(xticks=[], yticks=[])
        told = f"{name}\nerror {_error(clean, images):.1f}"
        line[0].set_ylabel(told, rotation=0, ha="right", va="center", fontsize=9)
    figure.suptitle("Ten test digits; error: mean squared error of a pixel (ink, 0 to 16)²")
    figure.set_layout_engine("constrained")
    show(
        figure,
        "Four rows of ten handwritten digits. Mean squared error of a pixel, over all test digits: "
        + ", ".join(f"{name}: {error:.3g}" for name, error in errors.items())
        + ".",
    )


def duel(purifier: Function, purify: Function) -> None:
    """Test error against lam, and ridge against the oracle's PCA over splits and sizes of noise."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    lowest = _dial(left, purifier, purify)
    told = _contest(right, purifier, purify)
    label(figure, left, "Error on test digits (900 to train)", "λ / (nσ²)", "error / σ²")
    title = "Your purifier against oracle PCA, 20 splits each"
    label(figure, right, title, "σ of the noise (ink, 0 to 16)", "error, ridge / PCA")
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    show(
        figure,
        f"Left: error on test digits against lam over n sigma squared; it is lowest at {lowest}. "
        f"Right: error of your purifier over that of PCA with the best number of components, a "
        f"point for each split. {told}",
    )


def _dial(ax: Axes, purifier: Function, purify: Function) -> str:
    n, source = 900, torch.Generator().manual_seed(9)
    X, clean, _ = digits.split(n, source)
    powers, lowest = [0.5 * step for step in range(-8, 9)], []
    for sigma, (colour, marker, line) in zip((1.0, 4.0, 8.0), STYLES, strict=False):
        noisy = clean + sigma * torch.randn(clean.shape, generator=source)
        errors = []
        for power in powers:
            W = shaped(purifier(X, n * sigma**2 * 2.0**power), _PIXELS, _PIXELS).float()
            errors.append(_error(clean, shaped(purify(W, noisy), *clean.shape)) / sigma**2)
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 4}
        ax.plot([2.0**p for p in powers], errors, label=f"σ = {sigma:g}", **style)
        least = 2.0 ** powers[min(range(len(powers)), key=errors.__getitem__)]
        lowest.append(f"{least:.2g} (sigma = {sigma:g})")
    ax.axvline(1, color=BLACK, ls=":", lw=1, label="λ = nσ²")
    ax.set_xscale("log", base=2)
    ax.set_ylim(0, None)
    return ", ".join(lowest)


def _contest(ax: Axes, purifier: Function, purify: Function) -> str:
    sigmas, told = (1.0, 2.0, 4.0, 8.0), []
    for place, (n, colour, marker) in enumerate(
        ((100, VERMILLION, "s"), (300, ORANGE, "^"), (900, BLUE, "o"))
    ):
        ratios = [_ratios(purifier, purify, n, sigma) for sigma in sigmas]
        shift = 1.06 ** (place - 1)  # side by side
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "", "mfc": "none"}
        for sigma, values in zip(sigmas, ratios, strict=True):
            name = f"{n} to train" if sigma == sigmas[0] else None
            ax.plot([sigma * shift] * len(values), values, ms=4, alpha=0.7, label=name, **style)
        wins = sum(ratio < 1 for values in ratios for ratio in values)
        told.append(f"With {n} training digits yours is better in {wins} of {_count(ratios)}")
        in_first = sum(ratio < 1 for ratio in ratios[0])
        told[-1] += f" splits ({in_first} of {len(ratios[0])} with sigma = 1)."
    ax.axhline(1, color=BLACK, lw=1, ls="--", label="as good as the oracle")
    ax.set_xscale("log", base=2)
    ax.set_xticks(sigmas, [f"{sigma:g}" for sigma in sigmas])
    return " ".join(told)


def _count(ratios: Sequence[Sequence[float]]) -> int:
    return sum(map(len, ratios))


def _ratios(purifier: Function, purify: Function, n: int, sigma: float) -> list[float]:
    """Error of the purifier at lam = n sigma^2 over that of the oracle, for 20 splits."""
    ratios = []
    for seed in range(20):
        source = torch.Generator().manual_seed(seed)
        X, clean, _ = digits.split(n, source)
        noisy = clean + sigma * torch.randn(clean.shape, generator=source)
        W = shaped(purifier(X, n * sigma**2), _PIXELS, _PIXELS).float()
        _, projected = best_projection(X, clean, noisy)
        pure = shaped(purify(W, noisy), *clean.shape)
        ratios.append(_error(clean, pure) / _error(clean, projected))
    return ratios
