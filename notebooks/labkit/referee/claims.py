"""A claim, evaluated on a counterexample: does it hold there, and what do its two sides give?

Comes in: a claim's number and a counterexample as plain values. Goes out: an `Evaluation`. Every
claim says that something is so *for all* values of a kind; on the values given, what it says and
what is so are both computed, exactly, from their definitions. Whether a claim is true in general
is written nowhere here: nobody can compute that by trying.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from labkit.checks import Mismatch
from labkit.referee.plain import Kind, read


@dataclass(frozen=True)
class Evaluation:
    """Whether a claim holds on the values given, and the two sides of it in a sentence."""

    holds: bool
    said: str


@dataclass(frozen=True)
class Claim:
    """What a counterexample to it consists of, and how it is evaluated there."""

    wanted: dict[str, Kind]
    run: Callable[..., Evaluation]


CLAIMS: dict[int, Claim] = {}


def claim(
    number: int, **wanted: Kind
) -> Callable[[Callable[..., Evaluation]], Callable[..., Evaluation]]:
    """Enter a function as the evaluation of a claim; it gets the values named in `wanted`."""

    def enter(run: Callable[..., Evaluation]) -> Callable[..., Evaluation]:
        CLAIMS[number] = Claim(wanted, run)
        return run

    return enter


def evaluate(number: int, counterexample: object) -> Evaluation:
    """Claim `number` on these values. Raises Mismatch where they are not of the kind it asks for.

    >>> evaluate(2, {"A": [[1, 0], [0, 1]], "L": 4}).holds
    True
    """
    known = CLAIMS[number]
    values: dict[str, Any] = read(counterexample, known.wanted)
    return known.run(**values)


def fits(condition: bool, wanted: str) -> None:
    """Raise Mismatch unless the values go together, or are what the claim speaks of."""
    if not condition:
        raise Mismatch(f"the claim does not speak of this: {wanted}", kind="type")
