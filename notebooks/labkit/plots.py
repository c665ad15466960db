"""Figures that survive printing: PNG with alternative text, labelled axes with units, colours of
Okabe and Ito's palette (told apart by every kind of colour vision), and a marker for each colour.

Comes in: what a student's functions return, right or wrong. Goes out: a figure in the notebook.
Each function raises Mismatch where there is nothing to draw; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch
from IPython.display import HTML, Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.checks import Mismatch, as_tensor
from labkit.inputs import rotation
from labkit.timing import FAIR

# Okabe and Ito (2008), "Color Universal Design"
BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, BLACK = "#CC79A7", "#56B4E9", "#000000"
STYLES = ((BLUE, "o", "-"), (VERMILLION, "s", "--"), (GREEN, "^", "-."), (PURPLE, "D", ":"))

Function = Callable[..., Any]


def show(figure: Figure, alt: str) -> None:
    """Put `figure` into the notebook as a PNG with `alt` as its alternative text; close it."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    data = base64.b64encode(stream.getvalue()).decode()
    text = html.escape(alt)
    display(HTML(f'<img src="data:image/png;base64,{data}" alt="{text}" style="max-width:100%">'))


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Put a table into the notebook."""
    lines = [header, ["---:"] * len(header), *rows]
    display(Markdown("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)))


def label(figure: Figure, ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    """Title and axes of one panel."""
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(alpha=0.3)
    figure.set_layout_engine("constrained")


def shaped(value: object, *shape: int) -> torch.Tensor:
    """`value` as a tensor; raises Mismatch where it has another shape."""
    tensor = as_tensor(value)
    if tensor.shape != shape:
        text = f"the shape is {tuple(tensor.shape)}, and {shape} was asked for"
        raise Mismatch(text, kind="shape", actual=value)
    return tensor


# ---- Part a: what a system does with a knock and with a push


def responses(forward: Function) -> None:
    """Two units that turn and decay, after one knock (left) and under a constant push (right).

    Left: nothing may move before the knock, and its size shrinks by 0.95 a step. Right: with x = 0
    the states settle where h = W h + b, at (I - W)^{-1} b.
    """
    W, U, knocked_at, steps = rotation(0.4, 0.95), torch.eye(2), 10, 80
    knock = torch.zeros(1, steps, 2)
    knock[0, knocked_at - 1, 0] = 1
    b = torch.tensor([0.3, 0.1])
    left = shaped(forward(W, U, torch.zeros(2), knock), 1, steps, 2)[0]
    right = shaped(forward(W, U, b, torch.zeros(1, steps, 2)), 1, steps, 2)[0]
    limit = torch.linalg.solve(torch.eye(2) - W, b)

    figure, (ax, push) = plt.subplots(1, 2, figsize=(10, 3.6))
    t = range(1, steps + 1)
    for unit, (colour, marker, line) in enumerate(STYLES[:2]):
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 3}
        ax.plot(t, left[:, unit], label=f"unit {unit}", **style)
        push.plot(t, right[:, unit], label=f"unit {unit}", **style)
        push.axhline(float(limit[unit]), color=colour, lw=1, alpha=0.6)
    envelope = [0.95 ** (s - knocked_at) for s in t[knocked_at - 1 :]]
    for sign in (1, -1):
        ax.plot(t[knocked_at - 1 :], [sign * e for e in envelope], color=BLACK, lw=1, ls=":")
    ax.axvspan(1, knocked_at - 0.5, color=SKY, alpha=0.25, label="must be zero here")
    label(figure, ax, f"A knock at step {knocked_at} (b = 0)", "step t", "state h_t")
    label(figure, push, "A constant push (x = 0)", "step t", "state h_t")
    ax.legend(fontsize=8)
    push.legend(fontsize=8, title="line: (I - W)⁻¹ b", title_fontsize=8)
    early = float(left[: knocked_at - 1].abs().max())
    apart, expected = float((right[-1] - limit).norm()), float(limit.norm()) * 0.95**steps
    show(
        figure,
        f"Two plots of your states. Left: two units and a knock at step {knocked_at}, with the "
        f"envelope 0.95 to the power t - {knocked_at} inside which they are to swing and die out; "
        f"the largest state before the knock is {early:.2g} and must be 0. Right: a constant push; "
        f"after {steps} steps they are {apart:.2g} away from the limit, where {expected:.2g} is to "
        "be expected.",
    )


# ---- Part b: the kernel, and whether two functions agree


def kernel_taps(make_kernel: Function) -> None:
    """The kernel of a turning plane, whose powers are known: W^l turns by 0.4 l, times 0.9^l."""
    taps = 24
    K = shaped(make_kernel(rotation(0.4, 0.9), taps), 2, 2, taps)
    known = torch.stack([rotation(0.4 * lag, 0.9**lag) for lag in range(taps)], -1)
    figure, panels = plt.subplots(2, 2, figsize=(9, 5), sharex=True, sharey=True)
    for i in range(2):
        for j in range(2):
            ax = panels[i, j]
            ax.plot(range(taps), known[i, j], color=BLACK, lw=1, ls="--", label="W^l, known")
            ax.plot(range(taps), K[i, j], color=BLUE, marker="o", ms=4, ls="", label="yours")
            label(figure, ax, f"output {i}, input {j}", "lag l (steps)" if i else "", "K[i, j, l]")
    panels[0, 0].legend(fontsize=8)
    figure.suptitle("Impulse responses: what a knock does to each unit, l steps later")
    error = float((K - known).abs().max())
    show(
        figure,
        "Four plots, one for each pair of output and input unit: the entries of your kernel as "
        "dots against the lag, and the known powers of W as a dashed line, a decaying "
        f"oscillation. The largest distance between dots and line is {error:.2g}.",
    )


def differences(first: object, second: object) -> None:
    """The largest |difference| of two results (N, T, H) at each step, on a log axis."""
    a = as_tensor(first)
    b = shaped(second, *a.shape)
    apart = (a - b).abs().amax((0, 2))
    scale = float(a.abs().max())
    rounding = torch.finfo(torch.float32).eps * scale
    figure, ax = plt.subplots(figsize=(9, 3.2))
    t = range(1, len(apart) + 1)
    ax.semilogy(t, apart.clamp(min=rounding / 100), color=BLUE, marker="o", ms=3, ls="")
    ax.axhline(rounding, color=BLACK, ls="--", lw=1, label="one rounding of the largest state")
    ax.axhline(scale, color=VERMILLION, ls=":", lw=1.5, label="the largest state itself")
    label(figure, ax, "How far apart your two functions are", "step t", "largest |difference|")
    ax.legend(fontsize=8)
    first_far = next((s for s, d in zip(t, apart, strict=True) if d > 1e-3 * scale), None)
    show(
        figure,
        f"The largest difference between your two functions at each of {len(apart)} steps, on a "
        f"log axis. The largest of all is {float(apart.max()):.2g}; one rounding is "
        f"{rounding:.2g} and the largest state {scale:.2g}. "
        + (f"They part at step {first_far}." if first_far else "They agree at every step."),
    )


# ---- Four clocks


def clocks(readings: Mapping[str, Sequence[float]], first: str, second: str) -> None:
    """What several clocks say of time(second) / time(first), as `timing.four_clocks` reads them."""
    figure, ax = plt.subplots(figsize=(10, 3.2))
    names = list(readings)
    for row, name in enumerate(reversed(names)):
        ratios = sorted(readings[name])
        colour = BLUE if name == FAIR else VERMILLION
        ax.plot(ratios, [row] * len(ratios), "o", color=colour, ms=6, alpha=0.5)
        ax.plot(ratios[len(ratios) // 2], row, "|", color=BLACK, ms=22, mew=2)
    ax.axvline(1, color=BLACK, ls="--", lw=1)
    widest = max(4.0, *(max(r, 1 / r) for ratios in readings.values() for r in ratios))
    widest *= 1.3
    ax.set_xscale("log", base=2)
    ax.set_xlim(1 / widest, widest)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.set_yticks(range(len(names)), list(reversed(names)))
    ax.set_ylim(-0.6, len(names) - 0.2)
    top: dict[str, Any] = {"y": len(names) - 0.3, "va": "top", "fontsize": 8}
    ax.text(x=0.9, s=f"← {second} faster", ha="right", **top)
    ax.text(x=1.1, s=f"{first} faster →", ha="left", **top)
    title = (
        f"One benchmark, {len(names)} clocks (bar: median of {len(readings[names[0]])} readings)"
    )
    label(figure, ax, title, f"time of {second} / time of {first} (ratio)", "")
    said = "; ".join(
        f"{name}: {sorted(r)[len(r) // 2]:.2g}, between {min(r):.2g} and {max(r):.2g}"
        for name, r in readings.items()
    )
    show(figure, f"Readings of time of {second} over time of {first}, by clock. {said}.")
