"""A referee's answers: a verdict, a confidence in it, and for "false" a counterexample.

In a notebook the answer to claim 2 is three plain values: `verdict_2`, `confidence_2` and
`counterexample_2`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.checks import Mismatch
from labkit.plots import table
from labkit.referee.claims import CLAIMS, Evaluation, evaluate
from labkit.referee.plain import is_number, item


@dataclass(frozen=True)
class Answer:
    """The answer to one claim. `evaluation` is that of its counterexample, if it has one."""

    number: int
    verdict: bool
    confidence: float
    evaluation: Evaluation | None = None

    @property
    def refuted(self) -> bool:
        """Whether the claim is false, whoever says so: there are values on which it fails."""
        return self.evaluation is not None and not self.evaluation.holds

    @property
    def probability(self) -> float:
        """How probable the author holds it that the claim is true."""
        return self.confidence if self.verdict else 1 - self.confidence


def judge(number: int, verdict: object, confidence: object, counterexample: object) -> Answer:
    """The answer, checked: well formed, and for the verdict False with a counterexample on which
    the claim fails. Raises Mismatch, whose `name` is the value that it is about."""
    answer = read(number, verdict, confidence, counterexample)
    if not answer.verdict and answer.evaluation is None:
        raise _mismatch("counterexample", number, "the verdict False needs a counterexample")
    if answer.evaluation and answer.evaluation.holds and not answer.verdict:
        said = f"no counterexample, the claim holds there: {answer.evaluation.said}"
        raise _mismatch("counterexample", number, said, "value")
    if answer.refuted and answer.verdict:
        said = "the verdict is True, and on your own counterexample the claim fails"
        raise _mismatch("verdict", number, f"{said}: {_said(answer)}", "value")
    return answer


def read(number: int, verdict: object, confidence: object, counterexample: object) -> Answer:
    """The answer as it was given, well formed. A true claim has no counterexample, so beside the
    verdict True anything may stand in its place. Raises Mismatch."""
    if _absent(verdict):
        raise _mismatch("verdict", number, "this is still to be answered", "unanswered")
    verdict, confidence = item(verdict), item(confidence)
    if not isinstance(verdict, bool):
        raise _mismatch("verdict", number, f"write True or False for verdict_{number}")
    if not is_number(confidence) or not 0.5 <= confidence <= 1:
        said = f"write a number from 0.5 (a coin) to 1 (certain) for confidence_{number}"
        raise _mismatch("confidence", number, said)
    evaluation = None
    if not _absent(counterexample):
        try:
            evaluation = evaluate(number, counterexample)
        except Mismatch as wrong:
            if not verdict:
                raise _mismatch("counterexample", number, str(wrong)) from None
    return Answer(number, verdict, float(confidence), evaluation)


def collect(names: Mapping[str, Any], *numbers: int) -> list[Answer]:
    """The answers among a notebook's names that can be read: to some claims, or to all."""
    answers = []
    for number in numbers or sorted(CLAIMS):
        try:
            verdict, confidence, counterexample = (
                names.get(f"{value}_{number}")
                for value in ("verdict", "confidence", "counterexample")
            )
            answers.append(read(number, verdict, confidence, counterexample))
        except Mismatch:
            continue
    return answers


def try_on(number: int, counterexample: object) -> None:
    """Print what a claim gives on these values, or what is wrong with them."""
    try:
        evaluation = evaluate(number, counterexample)
    except Mismatch as wrong:
        print(f"Claim {number}: {wrong}.")
        return
    verb = "holds" if evaluation.holds else "FAILS"
    print(f"Claim {number} {verb} on this: {evaluation.said}.")


def overview(names: Mapping[str, Any], *numbers: int) -> None:
    """A table of the answers to these claims, with what their counterexamples show.

    Raises Mismatch where there is none yet.
    """
    answers = collect(names, *numbers)
    if not answers:
        raise Mismatch("no claim is answered in full yet", kind="unanswered")
    rows = [(a.number, a.verdict, f"{a.confidence:.0%}", _said(a)) for a in answers]
    missing = sorted(set(numbers) - {a.number for a in answers})
    table(["claim", "verdict", "confidence", "on your counterexample"], rows)
    if missing:
        print(f"Still to come, or not well formed: {', '.join(map(str, missing))}.")


def _absent(value: object) -> bool:
    """Not given: None, `...`, or in grading what stands for a name that is not defined."""
    return value is None or value is Ellipsis or getattr(value, "type_name", "") == "nothing"


def _said(answer: Answer) -> str:
    if answer.evaluation is None:
        return "(none given)"
    return f"{'holds' if answer.evaluation.holds else 'fails'}: {answer.evaluation.said}"


def _mismatch(value: str, number: int, text: str, kind: str = "type") -> Mismatch:
    return Mismatch(f"claim {number}: {text}", kind=kind, name=f"{value}_{number}")
