"""Checks of how the homework was done: whether something was told, and never what."""

from __future__ import annotations

from collections.abc import Mapping

from labkit.checks import Mismatch
from labkit.referee.plain import is_number, item

MOST_HOURS = 200


def told(value: object) -> None:
    """Pass if `value` is a text with something in it. Raises Mismatch, which does not repeat it."""
    if value is None or value is Ellipsis:
        raise Mismatch("this is still to be answered", kind="unanswered")
    if not isinstance(value, str) or not value.strip():
        raise Mismatch(
            'write a text between quotes; "none" if there is nothing to tell', kind="type"
        )


def hours_told(value: object) -> None:
    """Pass if `value` is a number of hours that a person may have spent. Raises Mismatch."""
    if value is None or value is Ellipsis:
        raise Mismatch("this is still to be answered", kind="unanswered")
    value = item(value)
    if not is_number(value) or not 0 <= value <= MOST_HOURS:
        raise Mismatch(f"write a number of hours from 0 to {MOST_HOURS}, such as 15.5", kind="type")


def overview(names: Mapping[str, object]) -> None:
    """Print which of the three questions are answered."""
    checks = {"sources": told, "collaborators": told, "hours": hours_told}
    for name, check in checks.items():
        try:
            check(names.get(name))
        except Mismatch as mismatch:
            print(f"{name}: {mismatch}")
        else:
            print(f"{name}: told, thank you")
