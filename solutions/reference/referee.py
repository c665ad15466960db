"""Which claims are false, and the check of an answer. Source: the report; each claim of it worked
through by hand, as the master's solutions have it."""

from __future__ import annotations

from labkit.checks import Mismatch
from labkit.referee import judge
from labkit.referee.plain import item

FALSE = frozenset({2, 3, 5, 6, 7, 9, 11, 12, 16, 17})


def right(number: int, verdict: object, counterexample: object) -> None:
    """Pass if the verdict is right, and for a false claim the counterexample holds; with whatever
    confidence. The message tells what both sides give on the counterexample, and not which verdict
    is the right one.

    Raises Mismatch, whose `name` is the value that is wrong.
    """
    believed, verdict = number not in FALSE, item(verdict)
    try:
        judge(number, verdict, 1.0, counterexample)
    except Mismatch as wrong:
        if verdict is False and believed:  # there is no better counterexample to look for
            name = f"verdict_{number}"
            raise Mismatch(str(wrong), kind="value", actual=verdict, name=name) from None
        raise
    if verdict is not believed:
        text = f"claim {number}: this verdict is not the right one"
        raise Mismatch(text, kind="value", actual=verdict, name=f"verdict_{number}")
