"""Timings -> a section of a page, with a table and a figure; and rows for results.json.

The figure is the notebooks' own, drawn by the bundle's labkit, as SVG within the page.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from markupsafe import Markup, escape

from autograder.reports.render import environment
from autograder.reports.wording import plain, points
from autograder.results import Result, TimedPair, TimedSize, Timing

DEVICES = {"cpu": "CPU", "cuda": "GPU"}
Told = tuple[str, str, str]  # a ratio, the verdict on it, and its interval


def rows(result: Result) -> list[dict[str, Any]]:
    """Everything that was measured, for instructors."""
    return [{k: v for k, v in asdict(t).items() if k != "key"} for t in result.timings]


def lines(result: Result) -> Iterator[str]:
    """What a submission's authors are told where there is no page, line by line."""
    for shown in map(Shown, result.timings):
        about = f"{shown.timing.notebook} {shown.timing.part}: {shown.timing.title}"
        yield f"{about}, time on {shown.where}. {shown.problem}".rstrip()
        for size, pairs in shown.lines:
            told = zip(shown.columns, pairs, strict=False)
            yield "; ".join([size, *(f"{pair}: {' '.join(cells)}" for pair, cells in told)])
        yield from shown.problems
        yield from shown.timing.notes


def section(result: Result) -> Markup:
    """What a submission's authors are shown; nothing where nothing is timed."""
    shown = [Shown(timing) for timing in result.timings]
    return _rendered("section", timings=shown) if shown else Markup()


def class_section(results: Sequence[Result]) -> Markup:
    """What instructors are shown of a class: each comparison with a line a submission."""
    titles = dict.fromkeys((t.notebook, t.title) for r in results for t in r.timings)
    compared = [Compared(_entries(results, *key)) for key in titles]
    return _rendered("class_section", comparisons=compared) if compared else Markup()


@dataclass(frozen=True)
class Shown:
    """A timing as a page shows it."""

    timing: Timing

    @property
    def where(self) -> str:
        """The device and its name: "CPU, AMD EPYC"."""
        device = DEVICES[self.timing.device]
        return f"{device}, {plain(self.timing.machine, 100)}" if self.timing.machine else device

    @property
    def problem(self) -> str:
        """Why there is nothing to see; "" where there is something."""
        problem = plain(self.timing.problem, 500)
        if self.timing.status == "not correct":
            return f"Not timed: {problem}."
        return f"{problem[:1].upper()}{problem[1:]}." if problem else ""

    @property
    def score(self) -> str:
        if not self.timing.possible:
            return "shown, not scored"
        return f"{points(self.timing.score)} of {points(self.timing.possible)} points"

    @property
    def lines(self) -> list[tuple[str, list[Told]]]:
        """The table: for each size its name, and what is told of each pair."""
        return [(_size(size), [_told(pair) for pair in size.pairs])
                for size in self.timing.sizes]  # fmt: skip

    @property
    def columns(self) -> list[str]:
        """Heads of the table's columns: who is divided by whom."""
        pairs = next((size.pairs for size in self.timing.sizes if size.pairs), ())
        return [f"{pair.over} / {pair.under}" for pair in pairs]

    @property
    def problems(self) -> list[str]:
        """Sizes at which nothing could be measured, and why."""
        return [f"{_size(s)}: {plain(s.problem, 500)}" for s in self.timing.sizes if s.problem]

    @property
    def figure(self) -> Markup:
        """Time and memory against the second size, as in the notebook, where all are known."""
        names = set(_contestants(self.timing))
        sizes = [s for s in self.timing.sizes if names <= s.seconds.keys() & s.peak_bytes.keys()]
        return _drawn(self.timing, sizes) if sizes else Markup()


@dataclass(frozen=True)
class Compared:
    """One comparison over a class."""

    entries: Sequence[tuple[str, Timing]]

    @property
    def timing(self) -> Timing:
        return self.entries[0][1]

    @property
    def where(self) -> str:
        """Every machine that measured it."""
        shown = dict.fromkeys(Shown(t).where for _, t in self.entries if t.machine)
        return "; ".join(shown) or DEVICES[self.timing.device]

    @property
    def sizes(self) -> list[str]:
        measured = (t.sizes for _, t in self.entries if t.status == "measured")
        return [_size(size) for size in next(measured, ())]

    @property
    def lines(self) -> Iterator[tuple[str, list[Told], list[str]]]:
        """For each submission that was measured: its id, what is told of its two functions at each
        size, and what a reader should know."""
        for submission, timing in self.entries:
            if timing.status == "measured":
                cells = [_told(s.pairs[0]) if s.pairs else ("", s.problem, "")
                         for s in timing.sizes]  # fmt: skip
                yield submission, cells, [plain(note, 500) for note in timing.notes]

    @property
    def figure(self) -> Markup:
        """The ratio of every submission's two functions with its interval, size by size."""
        measured = [t for _, t in self.entries if t.status == "measured"]
        return _spread(measured, self.sizes) if measured else Markup()

    @property
    def others(self) -> list[tuple[str, int]]:
        """Why others were not measured, and how many."""
        told: dict[str, int] = {}
        for _, timing in self.entries:
            if timing.status != "measured":
                problem = Shown(timing).problem
                told[problem] = told.get(problem, 0) + 1
        return list(told.items())


def _entries(results: Sequence[Result], notebook: str, title: str) -> list[tuple[str, Timing]]:
    return [
        (result.submission, timing)
        for result in results
        for timing in result.timings
        if (timing.notebook, timing.title) == (notebook, title)
    ]


def _size(size: TimedSize) -> str:
    return ", ".join(f"{name} = {value}" for name, value in size.sizes.items())


def _contestants(timing: Timing) -> list[str]:
    return [f"{whose} {n}" for whose in ("your", "the reference's")
            for n in (timing.first, timing.second)]  # fmt: skip


def _told(pair: TimedPair) -> Told:
    return f"{pair.ratio:.2g}", pair.verdict, f"({pair.low:.2g} to {pair.high:.2g})"


def _drawn(timing: Timing, sizes: Sequence[TimedSize]) -> Markup:
    """The figure as SVG with its text as its label."""
    from labkit import race  # the bundle's
    from labkit.timing import Row
    from labkit.timing import Timing as Seconds

    panel, axis = sizes[0].sizes
    measured = [
        Row(name, size.sizes, Seconds(median, low, high, size.pairs[0].n), size.peak_bytes[name])
        for name in _contestants(timing)
        for size in sizes
        for low, median, high in [size.seconds[name]]
    ]
    faster: dict[int, list[int]] = {}
    for size in sizes:
        if size.pairs[0].verdict == "faster":
            faster.setdefault(size.sizes[panel], []).append(size.sizes[axis])
    crossing = {int(key): at or None for key, at in timing.crossing.items()}
    figure, alt = race.drawn(measured, crossing, faster, panel, axis)
    return _svg(figure, alt, f"{timing.notebook} {timing.title}")


def _spread(timings: Sequence[Timing], sizes: Sequence[str]) -> Markup:
    """Ratios of second / first over a class, on a log axis."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import LogLocator, NullFormatter

    from labkit.plots import BLACK, BLUE, label

    figure, ax = plt.subplots(figsize=(6.5, 3.2))
    measured = [
        (column + 0.6 * ((place + 1) / (len(timings) + 1) - 0.5), pair)
        for place, timing in enumerate(timings)
        for column, size in enumerate(timing.sizes)
        for pair in size.pairs[:1]
    ]
    if measured:  # all at once: a class is many
        x, pairs = zip(*measured, strict=True)
        off = [[p.ratio - p.low for p in pairs], [p.high - p.ratio for p in pairs]]
        ax.errorbar(x, [p.ratio for p in pairs], off, fmt="o", color=BLUE, ms=4, lw=1)
    ax.axhline(1, color=BLACK, ls="--", lw=1)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter("{x:g}")  # 0.5 and 10, not powers of ten
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(range(len(sizes)), sizes)
    first, second = timings[0].first, timings[0].second
    count = f"{len(timings)} submission{'s' * (len(timings) != 1)}"
    title = f"{count}: below the line the {second} is faster"
    label(figure, ax, title, "", f"{second} / {first}")
    told = [[size.pairs[0].ratio for t in timings for size in t.sizes[i : i + 1] if size.pairs]
            for i in range(len(sizes))]  # fmt: skip
    said = "; ".join(
        f"{name}: {min(ratios):.2g} to {max(ratios):.2g}"
        for name, ratios in zip(sizes, told, strict=True)
        if ratios
    )
    alt = f"Time of the {second} over time of the {first}, by submission. {said}."
    return _svg(figure, alt, f"{timings[0].notebook} {timings[0].title}")


def _svg(figure: Any, alt: str, key: str) -> Markup:
    """A figure as SVG that can stand in a page: no prolog, no metadata, text as text, and its parts
    named after `key`, since a name may stand only once in a page."""
    import matplotlib as mpl
    import matplotlib.pyplot as plt

    stream = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": key}):
        figure.savefig(stream, format="svg", facecolor="white", metadata={"Date": None})
    plt.close(figure)
    text = stream.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.S)
    prefix = f"f{hashlib.sha256(key.encode('utf-8', 'replace')).hexdigest()[:8]}-"
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{prefix}", text)
    label = f'<svg role="img" aria-label="{escape(alt)}" class="figure" '
    return Markup(text.replace("<svg ", label, 1))


def _rendered(macro: str, **values: Any) -> Markup:
    os.environ["MPLBACKEND"] = "Agg"  # before matplotlib is imported: no window, and no other name
    return Markup(getattr(environment().get_template("timing.html.j2").module, macro)(**values))
