"""What the homework claims about speed, as measured on other machines: the figure.

Comes in: the measurements in data/measurements, written by `autograder bench claims`. Goes out: for
each part a panel with the time of the second form / time of the first, over T, a line for each H;
measured fairly, and the way that the original homework measures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from labkit import recorded
from labkit.plots import BLACK, STYLES, label, show
from labkit.timing import Row

ORIGINAL = ", the original way"  # ends the name of a part that was measured so
Ratios = dict[tuple[int, int], float]  # by H and T


def show_recorded(part: str) -> None:
    """The figure for each machine that has measured this part; says so where none has."""
    fair, original = recorded.recordings(part), dict(recorded.recordings(part + ORIGINAL))
    if not fair:
        print("No measurement is on record for this part yet.")
    for machine, rows in fair:
        print(f"On record, from {machine}.")
        show(*drawn({part: (rows, original.get(machine, []))}))


def drawn(parts: Mapping[str, tuple[Sequence[Row], Sequence[Row]]]) -> tuple[Figure, str]:
    """A panel for each part, from its rows measured fairly and the original way; and what it shows
    in words."""
    figure, panels = plt.subplots(1, len(parts), figsize=(5.2 * len(parts), 4.2), squeeze=False)
    words = []
    for ax, (part, (fair, original)) in zip(panels[0], parts.items(), strict=True):
        first, second = dict.fromkeys(row.name for row in fair)
        ratios, theirs = _ratios(fair), _ratios(original)
        for place, H in enumerate(sorted({H for H, _ in ratios})):
            colour, marker, line = STYLES[place % len(STYLES)]
            style: dict[str, Any] = {"color": colour if place < len(STYLES) else BLACK}
            T = sorted(T for h, T in ratios if h == H)
            mine = [ratios[H, t] for t in T]
            ax.plot(T, mine, marker=marker, ls=line, ms=5, label=f"H = {H}", **style)
            other = [(t, theirs[H, t]) for t in T if (H, t) in theirs]
            ax.plot(*zip(*other, strict=True), "x", ms=6, **style) if other else None
        if theirs:
            ax.plot([], [], "x", color=BLACK, label="the original way")
        ax.axhline(1, color=BLACK, ls="--", lw=1)
        ax.set(xscale="log", yscale="log")
        ticks = sorted({T for _, T in ratios})
        ax.set_xticks(ticks, [str(t) for t in ticks])
        ax.minorticks_off()
        title = f"{part}: below the line the {second} is faster"
        label(figure, ax, title, "T (steps)", f"time of the {second} / the {first}")
        ax.title.set_fontsize(9)
        ax.legend(fontsize=8)
        words.append(_in_words(part, first, second, ratios, theirs))
    return figure, " ".join(words)


def _ratios(rows: Sequence[Row]) -> Ratios:
    """Time of the second form / time of the first, by H and T."""
    if not rows:
        return {}
    first, second = dict.fromkeys(row.name for row in rows)
    times = {(row.name, row.sizes["H"], row.sizes["T"]): row.time.median for row in rows}
    return {(H, T): times[second, H, T] / times[first, H, T] for _, H, T in times}


def _in_words(part: str, first: str, second: str, ratios: Ratios, theirs: Ratios) -> str:
    lines = [
        f"H = {H}: " + ", ".join(f"{ratios[h, t]:.2g} at T = {t}" for h, t in ratios if h == H)
        for H in sorted({H for H, _ in ratios})
    ]
    swapped = sum((ratios[at] < 1) != (theirs[at] < 1) for at in theirs if at in ratios)
    original = f" The original way puts {swapped} of {len(theirs)} on the other side of 1."
    return (
        f"{part}: time of the {second} over time of the {first}. {'; '.join(lines)}."
        f"{original if theirs else ''}"
    )
