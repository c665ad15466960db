"""Two functions raced over sizes H and T: the figure, and tables of what it shows.

Comes in: the rows that `timing.sweep` measured of two functions, "first" and "second" in their
order. Goes out: figures and tables in the notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labkit.checks import as_tensor
from labkit.plots import BLACK, GREEN, STYLES, label, show, table
from labkit.timing import Row

Count = Callable[[int, int, int, int], float]  # operations by N, T, D, H


def counted(
    first: Count, second: Count, N: int, D: int, H: Sequence[int], T: Sequence[int]
) -> None:
    """A table of second / first, two counts of operations by (N, T, D, H)."""

    def ratio(T: int, H: int) -> str:
        over, under = (float(as_tensor(count(N, T, D, H))) for count in (second, first))
        return f"{over / under:.3g}"

    table(["T", *(f"H = {h}" for h in H)], [(t, *(ratio(t, h) for h in H)) for t in T])


def draw(rows: Sequence[Row], crossing: Mapping[int, object]) -> None:
    """Time and peak memory against T, a column for each H, with the crossing that was predicted.

    rows      of `timing.sweep`, with sizes H and T and two functions
    crossing  for each H the T from which the second function was expected to be faster, or None
    """
    faster = {row.sizes["H"]: faster_lengths(rows, row.sizes["H"]) for row in rows}
    show(*drawn(rows, crossing, faster))


def drawn(
    rows: Sequence[Row],
    crossing: Mapping[int, object],
    faster: Mapping[int, Sequence[int]],
    panel: str = "H",
    axis: str = "T",
) -> tuple[Figure, str]:
    """The figure of `draw`, and what it shows in words. Of more than two functions, all are drawn,
    and the first two are compared.

    faster       for each panel where on the axis the second function was faster
    panel, axis  the names of the two sizes
    """
    sizes = sorted({row.sizes[panel] for row in rows})
    names = list(dict.fromkeys(row.name for row in rows))
    figure, panels = plt.subplots(
        2,
        len(sizes),
        figsize=(max(6.5, 2.6 * len(sizes)), 5.4),
        sharex=True,
        sharey="row",
        squeeze=False,
    )
    for column, size in enumerate(sizes):
        clock, memory = panels[:, column]
        for name, (colour, marker, line) in zip(names, STYLES, strict=False):
            mine = [row for row in rows if row.sizes[panel] == size and row.name == name]
            T = [row.sizes[axis] for row in mine]
            style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 4}
            clock.plot(T, [1e3 * row.time.median for row in mine], label=name, **style)
            low, high = [1e3 * r.time.low for r in mine], [1e3 * r.time.high for r in mine]
            clock.fill_between(T, low, high, color=colour, alpha=0.25)
            memory.plot(T, [row.peak_bytes / 2**20 for row in mine], label=name, **style)
        above = clock.get_xaxis_transform()
        won = faster.get(size, ())
        clock.plot(won, [0.95] * len(won), "v", color=GREEN, transform=above)
        _predicted(clock, crossing.get(size, ...))
        for ax, ylabel in ((clock, "time per call (ms)"), (memory, "peak memory (MiB)")):
            ax.set_xscale("log", base=2)
            ax.set_yscale("log")
            first = column == 0
            title = f"{panel} = {size}" if ax is clock else ""
            label(figure, ax, title, "", ylabel if first else "")
        memory.set_xlabel(f"{axis} (steps)" if axis == "T" else axis)
        ticks = sorted({row.sizes[axis] for row in rows})
        memory.set_xticks(ticks, [str(tick) for tick in ticks])
    panels[0, 0].plot([], [], "v", color=GREEN, label=f"{names[1]} faster")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3 if len(names) == 2 else 2)
    figure.suptitle("Time (median; band: quartiles) and peak memory of your two functions")
    won_at = "; ".join(
        f"{panel} = {size}: {', '.join(map(str, faster.get(size, ()))) or 'none'}" for size in sizes
    )
    return figure, (
        f"Small plots for {panel} = {', '.join(map(str, sizes))}: time per call above and peak "
        f"memory below, against {axis}, on log axes, for {' and '.join(names[:2])}. Lengths {axis} "
        f"at which {names[1]} is faster: {won_at}."
    )


def _predicted(ax: Axes, crossing: object) -> None:
    if isinstance(crossing, int | float):
        ax.axvline(crossing, color=BLACK, lw=1.2, ls=":")
        ax.text(crossing, 0.03, " you: here", transform=ax.get_xaxis_transform(), fontsize=8)
    elif crossing is None:
        ax.text(0.95, 0.03, "you: never", ha="right", transform=ax.transAxes, fontsize=8)


def faster_lengths(rows: Sequence[Row], H: int) -> list[int]:
    """The T at which the second function was measurably faster than the first: its upper quartile
    lies below the other's lower one."""
    names = list(dict.fromkeys(row.name for row in rows))
    times = {(row.name, row.sizes["T"]): row.time for row in rows if row.sizes["H"] == H}
    lengths = sorted({T for _, T in times})
    return [T for T in lengths if times[names[1], T].high < times[names[0], T].low]


def findings(
    rows: Sequence[Row],
    crossing: Mapping[int, object],
    flops: Mapping[str, Count],
    N: int,
    D: int,
) -> None:
    """A table of the race: for each H where the second function won, where that was expected, and
    at the longest T how work, time, speed and memory compare. `flops` counts each by (N, T, D, H).
    """
    names = list(dict.fromkeys(row.name for row in rows))
    longest = max(row.sizes["T"] for row in rows)
    quantities: dict[str, list[str]] = {}

    def note(quantity: str, value: object) -> None:
        text = f"{value:.3g}" if isinstance(value, float) else str(value)
        quantities.setdefault(quantity, []).append("..." if value is ... else text)

    sizes = sorted({row.sizes["H"] for row in rows})
    for H in sizes:
        here = {row.name: row for row in rows if row.sizes == {"H": H, "T": longest}}
        work = {name: float(as_tensor(flops[name](N, longest, D, H))) for name in names}
        first, second = (here[name] for name in names)
        wins = ", ".join(map(str, faster_lengths(rows, H)))
        note(f"{second.name} faster at T =", wins or "none")
        said = crossing.get(H, ...)
        note("you said: from T =", "never" if said is None else said)
        note(
            f"T = {longest}: {second.name} / {first.name}, operations",
            work[second.name] / work[first.name],
        )
        note("the same, time", second.time.median / first.time.median)
        note("the same, peak memory", second.peak_bytes / first.peak_bytes)
        for row in (first, second):
            note(f"{row.name}: 10⁹ operations a second", work[row.name] / row.time.median / 1e9)
    table(["", *(f"H = {H}" for H in sizes)], [(name, *line) for name, line in quantities.items()])


def growth(
    rows: Sequence[Row], steps: Sequence[tuple[Mapping[str, int], Mapping[str, int]]]
) -> None:
    """A table of the factors by which time and peak memory of each function grow over `steps`,
    pairs of sizes like ({"H": 8, "T": 128}, {"H": 8, "T": 512})."""
    names = list(dict.fromkeys(row.name for row in rows))
    lines = []
    for old, new in steps:
        line = [f"{_said(old)} → {_said(new)}"]
        for name in names:
            before, after = (
                next(row for row in rows if row.name == name and row.sizes == dict(sizes))
                for sizes in (old, new)
            )
            line.append(f"x {after.time.median / before.time.median:.2g}")
            line.append(f"x {after.peak_bytes / before.peak_bytes:.2g}")
        lines.append(line)
    table(["", *(f"{name}: {what}" for name in names for what in ("time", "peak memory"))], lines)


def _said(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} = {size}" for name, size in sizes.items())
