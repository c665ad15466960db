"""Lines of counted costs against a size, as figures of several problems draw them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from matplotlib.axes import Axes

from labkit.plots import STYLES
from labkit.workspan import Cost

Counts = Mapping[str, Sequence[Cost]]  # by name, one cost for each size


def told(name: str, costs: Sequence[Cost]) -> str:
    """What a line is called: its name, and whether something in it could not be counted."""
    return name if all(cost.complete for cost in costs) else f"{name} (not all can be counted)"


def against_size(
    ax: Axes, size: str, sizes: Sequence[int], counts: Counts, count: Callable[[Cost], int]
) -> str:
    """One line for each entry of `counts`, on log axes; both ends of each, in words."""
    ends = []
    for (name, costs), (colour, marker, line) in zip(counts.items(), STYLES, strict=False):
        called, numbers = told(name, costs), [count(cost) for cost in costs]
        ax.plot(sizes, numbers, color=colour, marker=marker, ls=line, ms=5, label=called)
        ends.append(
            f"{called}: {numbers[0]:,} at {size} = {sizes[0]}, {numbers[-1]:,} at "
            f"{size} = {sizes[-1]}."
        )
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.set_xticks(sizes, [str(number) for number in sizes])
    ax.legend(fontsize=8)
    return " ".join(ends)
