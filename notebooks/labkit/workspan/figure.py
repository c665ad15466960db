"""Work and span of several implementations, side by side, on logarithmic axes.

Comes in: a `Growth` for each implementation. Goes out: a Matplotlib figure and its alt text.
Matplotlib is imported when the first figure is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .laws import Growth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, dark colours first; markers and dashes tell the lines apart in grey too.
_STYLES = (
    ("#0072B2", "o", "-"),
    ("#D55E00", "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
    ("#000000", "v", (0, (5, 1))),
    ("#E69F00", "P", (0, (3, 1, 1, 1))),
    ("#56B4E9", "X", (0, (1, 1))),
)


def plot(
    growths: Mapping[str, Growth], *, size: str = "length T (steps)", symbol: str = "T"
) -> tuple[Figure, str]:
    """The figure and its alt text: work on the left, span on the right, a line for each entry.

    growths   from the name of an implementation to its growth
    size      what the sizes are, with symbol and unit, for the axis
    symbol    what stands for a size in the laws, as in "T log T"

    >>> figure, alt = plot({"prefix sum": growth(...)}, size="length n", symbol="n")
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import ScalarFormatter

    figure = Figure(figsize=(9.5, 5.2), layout="constrained")
    figure.suptitle("What it costs: all operations, and the longest chain of them")
    work, span = figure.subplots(1, 2)
    _draw(work, {name: (g, g.work, _in(symbol, g.work_law)) for name, g in growths.items()})
    _draw(span, {name: (g, g.span, _in(symbol, g.span_law)) for name, g in growths.items()})
    work.set(title="Work", ylabel="arithmetic operations")
    span.set(title="Span", ylabel="steps that must follow one another")
    sizes = sorted({n for growth in growths.values() for n in growth.sizes})
    for axes in (work, span):
        axes.set_xlabel(size)
        axes.set_xscale("log", base=2)
        if axes.dataLim.y1 > 0:  # not all of them are free
            axes.set_yscale("log")
        axes.set_xticks(sizes)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.grid(visible=True, alpha=0.3)
        axes.legend(title="grows like", loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    return figure, alt_text(growths, size=size, symbol=symbol)


def alt_text(
    growths: Mapping[str, Growth], *, size: str = "length T (steps)", symbol: str = "T"
) -> str:
    """What the figure shows, for those who do not see it: laws, and the counts at both ends."""
    sentences = [f"Two line charts on logarithmic axes: work, and span, against {size}."]
    for name, growth in growths.items():
        first, last = growth.sizes[0], growth.sizes[-1]
        work_law, span_law = _in(symbol, growth.work_law), _in(symbol, growth.span_law)
        sentences.append(
            f"{name}: from {first} to {last}, work goes from {growth.work[0]:,} to "
            f"{growth.work[-1]:,} ({work_law}) and span from {growth.span[0]:,} to "
            f"{growth.span[-1]:,} ({span_law})."
        )
    return " ".join(sentences)


def _in(symbol: str, law: str) -> str:
    """A law of n, written in `symbol`; "unclear" stays."""
    return re.sub(r"\bn\b", symbol, law)


def _draw(axes: Axes, lines: Mapping[str, tuple[Growth, tuple[int, ...], str]]) -> None:
    for index, (name, (growth, counts, law)) in enumerate(lines.items()):
        colour, marker, dashes = _STYLES[index % len(_STYLES)]
        (line,) = axes.plot(growth.sizes, counts, label=f"{name}: {law}")
        line.set(color=colour, marker=marker, linestyle=dashes, markersize=5)
