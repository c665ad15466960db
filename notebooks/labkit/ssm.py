"""What the GPU notebook draws, counts and checks about state-space models beyond `race`.

Comes in: a student's functions, right or wrong, and rows of `timing.sweep`. Goes out: figures and
tables in the notebook. Functions raise Mismatch where there is nothing to draw;
`labkit.answers.needs` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import torch

from labkit.answers import answered
from labkit.checks import as_tensor
from labkit.plots import BLACK, BLUE, VERMILLION, label, shaped, show, table
from labkit.race import faster_lengths
from labkit.timing import Row
from labkit.workspan import measure


def residual(
    W: torch.Tensor, U: torch.Tensor, b: torch.Tensor, x: torch.Tensor, h: object
) -> float:
    """How far h (N, T, H) is from fulfilling the model: the largest entry of
    h_t - (W h_{t-1} + U x_t + b) over all steps, relative to the largest state.

    To put a result into the equation is a check that knows no other program. Raises Mismatch where
    h has another shape.
    """
    W, U, b, x = (as_tensor(argument) for argument in (W, U, b, x))
    states = shaped(h, len(x), x.shape[1], len(b))
    before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], 1)  # h_0 .. h_{T-1}
    entering = torch.einsum("ij,ntj->nti", W, before) + torch.einsum("id,ntd->nti", U, x) + b
    return float((states - entering).abs().max() / states.abs().max())


def taps(make_kernel: Callable[..., Any]) -> None:
    """The kernel of four units of which every power is known: a line for a^l, dots for theirs."""
    entries, count = torch.tensor([0.98, 0.8, -0.95, -0.6]), 24
    K = shaped(make_kernel(entries.diag(), count), 4, 1, count)
    known = as_tensor(entries)[:, None] ** torch.arange(count, device="cpu")
    figure, panels = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True)
    for unit, ax in enumerate(panels):
        ax.plot(range(count), known[unit], color=BLACK, lw=1, ls="--", label="a^l, known")
        ax.plot(range(count), K[unit, 0], color=BLUE, marker="o", ms=4, ls="", label="yours")
        title = f"unit {unit}: a = {entries[unit]:.2g}"
        label(figure, ax, title, "lag l (steps)", "" if unit else "K[unit, 0, l]")
    panels[-1].legend(fontsize=8)
    errors = [float((order - known).abs().max()) for order in (K[:, 0], K[:, 0].flip(-1))]
    show(
        figure,
        "Four plots, one for each unit: the entries of your kernel as dots against the lag, and a "
        "dashed line where the powers of the unit's entry of W lie; two of them alternate in sign. "
        f"The largest distance between dots and line is {errors[0]:.2g}, or {errors[1]:.2g} if "
        "your kernel is read from its end.",
    )


def launches(
    functions: Mapping[str, Callable[..., Any]],
    make_args: Callable[[int], tuple[Any, ...]],
    lengths: Sequence[int],
) -> None:
    """A table of how many operations each function starts at each length T, as counted without a
    clock. On a GPU each is a launch, and waits its turn however small it is."""
    table(
        ["T", *functions],
        [
            (T, *(measure(answered(f), *make_args(T)).launches for f in functions.values()))
            for T in lengths
        ],
    )


def savings(rows: Sequence[Row]) -> None:
    """How many times faster the second function is than the first at each H, beside how many
    times less it has to do: H, where the first is a full convolution and the second a depthwise
    one. The bars reach from the least favourable quartiles to the most favourable ones."""
    first, second = dict.fromkeys(row.name for row in rows)
    times = {(row.name, row.sizes["H"]): row.time for row in rows}
    sizes = sorted({H for _, H in times})
    saved = [times[first, H].median / times[second, H].median for H in sizes]
    low = [times[first, H].low / times[second, H].high for H in sizes]
    high = [times[first, H].high / times[second, H].low for H in sizes]
    errors = [
        [max(0.0, s - edge) for s, edge in zip(saved, low, strict=True)],
        [max(0.0, edge - s) for s, edge in zip(saved, high, strict=True)],
    ]
    figure, ax = plt.subplots(figsize=(6, 3.6))
    ax.plot(sizes, sizes, color=BLACK, ls="--", lw=1, label="operations: H times fewer")
    ax.errorbar(
        sizes, saved, errors, color=VERMILLION, marker="s", ms=6, capsize=3, label="time, measured"
    )
    ax.axhline(1, color=BLACK, lw=0.8, alpha=0.5)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log", base=2)
    ax.set_xticks(sizes, [str(H) for H in sizes])
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    title = f"What a diagonal W saves: {first} / {second}"
    label(figure, ax, title, "H (units)", f"{first} / {second} (ratio)")
    ax.legend(fontsize=8)
    said = ", ".join(f"{s:.2g} at H = {H}" for H, s in zip(sizes, saved, strict=True))
    show(
        figure,
        f"The ratio of time, {first} over {second}, against H on log axes: {said}. A dashed line "
        "shows the ratio of operations, which is H.",
    )


def standings(rows: Sequence[Row]) -> None:
    """A table of times in ms, a line for each size, and how the last function compares with the
    best of the others."""
    names = list(dict.fromkeys(row.name for row in rows))
    lines = []
    for sizes in list({tuple(row.sizes.items()): row.sizes for row in rows}.values()):
        times = {row.name: row.time.median for row in rows if row.sizes == sizes}
        best = min(times[name] for name in names[:-1])
        size = ", ".join(f"{name} = {value}" for name, value in sizes.items())
        lines.append(
            (size, *(f"{1e3 * times[n]:.3g}" for n in names), f"{times[names[-1]] / best:.2g}")
        )
    table(["size", *(f"{n} (ms)" for n in names), f"{names[-1]} / best of the others"], lines)


def findings(races: Mapping[str, tuple[Sequence[Row], Mapping[int, object]]]) -> None:
    """A table of several races with two functions each, by what W was like: at which T the second
    function won, from where it was expected to, and how the times compare at the longest T.

    races  for each W, in words, the rows of `timing.sweep` and the prediction of `race.draw`
    """
    lines = []
    for W, (rows, crossing) in races.items():
        first, second = dict.fromkeys(row.name for row in rows)
        longest = max(row.sizes["T"] for row in rows)
        for H in sorted({row.sizes["H"] for row in rows}):
            last = {r.name: r.time.median for r in rows if r.sizes == {"H": H, "T": longest}}
            said = crossing.get(H, ...)
            lines.append(
                (
                    f"{W}, H = {H}",
                    ", ".join(map(str, faster_lengths(rows, H))) or "none",
                    "..." if said is ... else "never" if said is None else said,
                    f"{last[second] / last[first]:.2g}",
                )
            )
    table(
        ["W", "convolution faster at T =", "you said: from T =", "time ratio at the longest T"],
        lines,
    )
