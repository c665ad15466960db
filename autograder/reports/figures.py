"""Figures as inline SVG: each has a name and a description for those who hear it, says by length,
place and pattern what it says by shade, and needs no colour.

Comes in: numbers and plain words. Goes out: Markup; every text in it is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

_ROW = 26  # height of a row, in the figure's own units
_WIDTH = 700
_LEFT, _RIGHT, _NUMBER = 356, 24, 60  # room for names and numbers; and that for numbers alone


def stacked(full: int, some: int, none: int) -> Markup:
    """A bar of how many got all, some and nothing: solid, striped, empty."""
    total = max(1, full + some + none)
    name = f"{full} in full, {some} in part, {none} with nothing"
    solid, striped = 100 * full / total, 100 * some / total
    return Markup(
        '<svg class="bar" role="img" viewBox="0 0 100 10" preserveAspectRatio="none">'
        "<title>{}</title>"
        '<rect class="track" width="100" height="10"/>'
        '<rect class="fill" width="{:.1f}" height="10"/>'
        '<rect fill="url(#stripes)" x="{:.1f}" width="{:.1f}" height="10"/></svg>'
    ).format(name, solid, solid, striped)


def stripes() -> Markup:
    """The pattern of `stacked`; stands once in a page that has such bars."""
    return Markup(
        '<svg class="spoken" aria-hidden="true" width="0" height="0"><defs>'
        '<pattern id="stripes" width="3" height="10" patternUnits="userSpaceOnUse">'
        '<rect class="fill" width="1.4" height="10"/></pattern></defs></svg>'
    )


def dots(rows: Sequence[tuple[str, float]], name: str) -> Markup:
    """A row for each (name, share from 0 to 1): the share in percent, beside its name so that a
    narrow screen has both, and a dot on a line from 0% to 100%."""
    height = _ROW * len(rows) + 2 * _ROW
    told = "; ".join(f"{label} {100 * share:.0f}%" for label, share in rows)
    drawn = Markup("").join(_dot(i, label, share) for i, (label, share) in enumerate(rows))
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} {}"><title>{}</title>'
        "<desc>{}</desc>{}{}</svg>"
    ).format(_WIDTH, height, name, told, drawn, _scale(_ROW * len(rows) + 4))


def _dot(row: int, label: str, share: float) -> Markup:
    y = _ROW * row + _ROW / 2
    return Markup(
        '<text x="{}" y="{}" text-anchor="end">{}</text>'
        '<text x="{}" y="{}" text-anchor="end">{:.0f}%</text>'
        '<line class="rule" x1="{}" x2="{}" y1="{}" y2="{}"/>'
        '<circle class="fill" cx="{:.1f}" cy="{}" r="6"/>'
    ).format(
        _LEFT - _NUMBER, y + 5, label, _LEFT - 14, y + 5, 100 * share,
        _LEFT, _WIDTH - _RIGHT, y, y, _x(share), y,
    )  # fmt: skip


def _scale(y: float) -> Markup:
    marks = ((share, f"{100 * share:.0f}%") for share in (0, 0.25, 0.5, 0.75, 1))
    return Markup("").join(
        Markup(
            '<line class="rule" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>'
            '<text x="{0:.1f}" y="{3}" text-anchor="middle">{4}</text>'
        ).format(_x(share), y, y + 6, y + 22, text)
        for share, text in marks
    )


def _x(share: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * min(1.0, max(0.0, share))


def columns(counts: Sequence[tuple[str, int]], name: str, unit: str) -> Markup:
    """A column for each (name, count), with its number above."""
    most = max([1, *(count for _, count in counts)])
    wide = _WIDTH / max(1, len(counts))
    told = "; ".join(f"{label}: {count}" for label, count in counts)
    drawn = Markup("").join(
        _column(i * wide, wide, label, count, most) for i, (label, count) in enumerate(counts)
    )
    return Markup(
        '<svg class="chart" role="img" viewBox="0 0 {} 190"><title>{}</title>'
        "<desc>{}: {}</desc>{}</svg>"
    ).format(_WIDTH, name, unit, told, drawn)


def _column(x: float, wide: float, label: str, count: int, most: int) -> Markup:
    tall = 120 * count / most
    middle = x + wide / 2
    return Markup(
        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>'
        '<text x="{:.1f}" y="{:.1f}" text-anchor="middle">{}</text>'
        '<text x="{:.1f}" y="170" text-anchor="middle">{}</text>'
    ).format(
        "fill" if count else "track", x + 0.08 * wide, 146 - max(tall, 1.5), 0.84 * wide,
        max(tall, 1.5), middle, 138 - tall, count or "", middle, label,
    )  # fmt: skip


def binned(values: Iterable[float], width: float, least: int = 5) -> list[tuple[str, int]]:
    """How many values lie in [0, width), [width, 2 width), ...: named "0-2", at least so many."""
    bins: dict[int, int] = {}
    for value in values:
        place = int(value // width)
        bins[place] = bins.get(place, 0) + 1
    last = max([least - 1, *bins])
    return [(f"{i * width:g}-{(i + 1) * width:g}", bins.get(i, 0)) for i in range(last + 1)]
