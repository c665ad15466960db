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
from labkit.timing import using_threads

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
    pure = _purified(purifier, purify, X, n * sigma**2, noisy)
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
            ax.imshow(image.reshape(digits.SIDE, -1).numpy(), cmap="gray_r", vmin=0, vmax=16)
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
    powers, sigmas = [0.5 * step for step in range(-8, 9)], (1.0, 2.0, 4.0, 8.0)
    with using_threads(1):  # small products wait for a second thread longer than they take
        errors = _dial(purifier, purify, 900, (1.0, 4.0, 8.0), powers)
        ratios = {n: _ratios(purifier, purify, n, sigmas) for n in (100, 300, 900)}

    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    lowest = _draw_dial(left, errors, powers)
    told = _draw_ratios(right, ratios, sigmas)
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


def _purified(
    purifier: Function, purify: Function, X: torch.Tensor, lam: float, noisy: torch.Tensor
) -> torch.Tensor:
    W = shaped(purifier(X, lam), _PIXELS, _PIXELS).float()
    return shaped(purify(W, noisy), *noisy.shape).float()


def _dial(
    purifier: Function, purify: Function, n: int, sigmas: Sequence[float], powers: Sequence[float]
) -> dict[float, list[float]]:
    """By sigma, the test error over sigma^2 at lam = n sigma^2 times 2 to each of the powers."""
    source = torch.Generator().manual_seed(9)
    X, clean, _ = digits.split(n, source)
    errors = {}
    for sigma in sigmas:
        noisy = clean + sigma * torch.randn(clean.shape, generator=source)
        lams = [n * sigma**2 * 2.0**power for power in powers]
        found = [_error(clean, _purified(purifier, purify, X, lam, noisy)) for lam in lams]
        errors[sigma] = [error / sigma**2 for error in found]
    return errors


def _ratios(
    purifier: Function, purify: Function, n: int, sigmas: Sequence[float]
) -> list[list[float]]:
    """By sigma, error of the purifier at lam = n sigma^2 over the oracle's, for 20 splits."""
    ratios: list[list[float]] = [[] for _ in sigmas]
    for seed in range(20):
        source = torch.Generator().manual_seed(seed)
        X, clean, _ = digits.split(n, source)
        noise = torch.randn(clean.shape, generator=source)
        for sigma, of_sigma in zip(sigmas, ratios, strict=True):
            noisy = clean + sigma * noise
            pure = _purified(purifier, purify, X, n * sigma**2, noisy)
            of_sigma.append(
                _error(clean, pure) / _error(clean, best_projection(X, clean, noisy)[1])
            )
    return ratios


def _draw_dial(ax: Axes, errors: dict[float, list[float]], powers: Sequence[float]) -> str:
    """Where each line is lowest, in words."""
    lowest = []
    for (sigma, line_of), (colour, marker, line) in zip(errors.items(), STYLES, strict=False):
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 4}
        ax.plot([2.0**power for power in powers], line_of, label=f"σ = {sigma:g}", **style)
        least = 2.0 ** powers[line_of.index(min(line_of))]
        lowest.append(f"{least:.2g} (sigma = {sigma:g})")
    ax.axvline(1, color=BLACK, ls=":", lw=1, label="λ = nσ²")
    ax.set_xscale("log", base=2)
    ax.set_ylim(0, None)
    return ", ".join(lowest)


def _draw_ratios(ax: Axes, ratios: dict[int, list[list[float]]], sigmas: Sequence[float]) -> str:
    """How many splits are won, in words."""
    told = []
    styles = ((VERMILLION, "s"), (ORANGE, "^"), (BLUE, "o"))
    for place, ((n, by_sigma), (colour, marker)) in enumerate(
        zip(ratios.items(), styles, strict=True)
    ):
        shift = 1.06 ** (place - 1)  # side by side
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": "", "mfc": "none"}
        for sigma, values in zip(sigmas, by_sigma, strict=True):
            name = f"{n} to train" if sigma == sigmas[0] else None
            ax.plot([sigma * shift] * len(values), values, ms=4, alpha=0.7, label=name, **style)
        wins = [sum(ratio < 1 for ratio in values) for values in by_sigma]
        told.append(
            f"With {n} training digits yours is better in {sum(wins)} of {sum(map(len, by_sigma))} "
            f"splits ({wins[0]} of {len(by_sigma[0])} with sigma = {sigmas[0]:g})."
        )
    ax.axhline(1, color=BLACK, lw=1, ls="--", label="as good as the oracle")
    ax.set_xscale("log", base=2)
    ax.set_xticks(sigmas, [f"{sigma:g}" for sigma in sigmas])
    return " ".join(told)
