"""How well confidences fit: the Brier score, beside that of the student of the report.

Comes in: a referee's answers. Goes out: a figure in the notebook. The evidence alone says which
claims are false: those that a counterexample has refuted. The others stand until somebody refutes
them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt

from labkit.checks import Mismatch
from labkit.plots import BLACK, BLUE, SKY, VERMILLION, label, show
from labkit.referee.answers import Answer, collect
from labkit.referee.record import recorded


def brier(probabilities: Sequence[float], outcomes: Sequence[bool]) -> float:
    """The mean of (probability - outcome)^2: 0 is perfect, 0.25 is a coin, 1 is always wrong and
    certain of it (G. W. Brier 1950, "Verification of forecasts expressed in terms of probability").

    >>> brier([1.0, 0.5], [True, False])
    0.125
    """
    pairs = zip(probabilities, outcomes, strict=True)
    return sum((p - outcome) ** 2 for p, outcome in pairs) / len(outcomes)


def scores(answers: Sequence[Answer]) -> tuple[float, float]:
    """The Brier scores of these answers and of the report, over the claims answered."""
    stands = [not answer.refuted for answer in answers]
    thought = {claim.number: claim.probability for claim in recorded()}
    return (
        brier([answer.probability for answer in answers], stands),
        brier([thought[answer.number] for answer in answers], stands),
    )


def figure(names: Mapping[str, Any]) -> None:
    """Your probabilities and the report's, claim by claim, against what the evidence says.

    Raises Mismatch where no claim is answered.
    """
    answers = collect(names)
    if not answers:
        raise Mismatch("no claim is answered in full yet", kind="unanswered")
    yours, theirs = scores(answers)
    thought = {claim.number: claim.probability for claim in recorded()}
    chart, ax = plt.subplots(figsize=(10, 3.8))
    numbers = [answer.number for answer in answers]
    outcomes = [float(not answer.refuted) for answer in answers]
    ax.bar(numbers, outcomes, width=0.9, color=SKY, alpha=0.25, label="stands so far")
    ax.plot(
        numbers, [a.probability for a in answers], "o", color=BLUE, ms=8,
        label=f"you, against what you refuted: Brier score {yours:.2f}",
    )  # fmt: skip
    ax.plot(
        numbers, [thought[number] for number in numbers], "s", color=VERMILLION, ms=6, mfc="none",
        label=f"the report: Brier score {theirs:.2f}",
    )  # fmt: skip
    ax.axhline(0.5, color=BLACK, lw=1, ls=":", label="a coin: Brier score 0.25")
    ax.set_xticks(numbers)
    ax.set_ylim(-0.06, 1.06)
    label(chart, ax, "How sure, and how right", "claim", "probability that it is true")
    ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=4)
    refuted = [answer.number for answer in answers if answer.refuted]
    show(
        chart,
        f"Probabilities that each of {len(answers)} claims is true, yours and the report's. Your "
        f"Brier score is {yours:.2f}, the report's {theirs:.2f}; a coin has 0.25. Refuted by your "
        f"counterexamples: {', '.join(map(str, refuted)) or 'none'}.",
    )
