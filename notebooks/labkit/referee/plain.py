"""Counterexamples as they are written, read: plain numbers and lists in, exact fractions out.

Everything is capped before anything is computed, so that whatever is handed in takes no time to
speak of. What is not as it should be raises `Mismatch`, in a line that says what is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeGuard

from labkit.checks import Mismatch
from labkit.referee.exact import Matrix

SMALLEST, LARGEST = Fraction(1e-6), 1000  # the size of a number that is not 0
_SAY = "a plain number that is 0, or from a millionth to 1000 in size"


class Unfit(ValueError):
    """A value that is not what was wanted; str() completes "`A` is to be ..."."""


Kind = Callable[[object], Any]


def read(given: object, wanted: Mapping[str, Kind]) -> dict[str, Any]:
    """The values of a counterexample, each as its kind makes it.

    >>> read({"p": [1, 0.5], "k": 2}, {"p": row(1, 4), "k": whole(0, 8)})
    {'p': [Fraction(1, 1), Fraction(1, 2)], 'k': 2}
    """
    names = ", ".join(f'"{name}": ...' for name in wanted)
    if not isinstance(given, dict):
        raise Mismatch(f"write the counterexample as {{{names}}}", kind="type")
    for name in wanted:
        if name not in given:
            raise Mismatch(f'its counterexample has no "{name}": write {{{names}}}', kind="type")
    if len(given) > len(wanted):
        raise Mismatch(
            f"its counterexample has more than {{{names}}}: take the rest out", kind="type"
        )
    values = {}
    for name, kind in wanted.items():
        try:
            values[name] = kind(given[name])
        except Unfit as unfit:
            raise Mismatch(f'"{name}" is to be {unfit}', kind="type") from None
    return values


def whole(low: int, high: int) -> Kind:
    """A whole number from low to high."""

    def kind(value: object) -> int:
        plain = item(value)
        if not is_number(plain) or not low <= plain <= high or plain != int(plain):
            raise Unfit(f"a whole number from {low} to {high}")
        return int(plain)

    return kind


def number(above: int | None = None) -> Kind:
    """A number; above a bound if one is given."""

    def kind(value: object) -> Fraction:
        bound = "" if above is None else f", above {above}"
        exact = _number(value)
        if exact is None or (above is not None and exact <= above):
            raise Unfit(_SAY + bound)
        return exact

    return kind


def row(shortest: int, longest: int) -> Kind:
    """A list of numbers, as a list of fractions."""

    def kind(value: object) -> list[Fraction]:
        entries = _listed(value, shortest, longest)
        numbers = [_number(entry) for entry in entries or ()]
        if entries is None or None in numbers:
            count = f"{shortest} to {longest}" if shortest < longest else f"{shortest}"
            raise Unfit(f"a list of {count} numbers, each {_SAY}")
        return [exact for exact in numbers if exact is not None]

    return kind


def table(rows: int, columns: int, square: bool = False) -> Kind:
    """A list of rows of one length, at most this many and this long; square if that is asked."""

    def kind(value: object) -> Matrix:
        shape = f"a matrix of up to {rows} x {columns}, as a list of rows of one length"
        shape = f"a square matrix of up to {rows} x {rows}, as a list of rows" if square else shape
        lines = _listed(value, 1, rows)
        if lines is None:
            raise Unfit(shape)
        try:
            read_rows: Matrix = [row(1, columns)(line) for line in lines]
        except Unfit:
            raise Unfit(f"{shape}, each entry {_SAY}") from None
        width = len(read_rows[0])
        if any(len(line) != width for line in read_rows) or (square and width != len(read_rows)):
            raise Unfit(shape)
        return read_rows

    return kind


def _listed(value: object, shortest: int, longest: int) -> list[Any] | None:
    """`value` as a list, if it is one (or an array) of a length that will do."""
    if not isinstance(value, list | tuple) and hasattr(value, "tolist"):
        shape = getattr(value, "shape", ())
        if len(shape) > 2 or any(size > longest + 8 for size in shape):
            return None
        value = value.tolist()
    if not isinstance(value, list | tuple) or not shortest <= len(value) <= longest:
        return None
    return list(value)


def _number(value: object) -> Fraction | None:
    """A number exactly, or None where it is none, or too large or too small."""
    plain = item(value)
    if not is_number(plain) or not abs(plain) <= LARGEST:  # nor NaN
        return None
    exact = Fraction(plain)
    return exact if not exact or abs(exact) >= SMALLEST else None


def item(value: object) -> Any:
    """What a NumPy number or a tensor of one number holds; a fraction or decimal as a float."""
    if isinstance(value, Fraction | Decimal):
        return float(value)
    if hasattr(value, "tolist") and getattr(value, "shape", None) in ((), (1,)):
        value = value.tolist()
        return value[0] if isinstance(value, list) else value
    return value


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is one, as Python has them, and no True or False."""
    return isinstance(value, int | float) and not isinstance(value, bool)
