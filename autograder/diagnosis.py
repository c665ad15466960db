"""Which known mistake explains what a student's function returned.

A bundle's `solutions/mistakes/*.py` hold wrong implementations, each with one sentence for its
author. A mistake explains a function's outputs if, run on the very inputs of this submission's
calls, it gives the student's results, all of them, and not the right one where that was asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import torch

from autograder.notebook import CourseError
from labkit.checks import Mismatch, as_tensor, gradients

F = TypeVar("F", bound=Callable[..., Any])

# How near a mistake must come to the student's result, relative to how far that result is from
# the right one: rounding differs between two programs of one formula, a second mistake does more.
_NEAR = 0.02
_SAME = 1e-3  # for a result that should have been and was right: relative to its largest entry


@dataclass(frozen=True)
class Mistake:
    """A wrong implementation of `function`; `says` completes a message to its author; `fails`
    names the checks that it loses ("q2a: right at any length"), and no others."""

    function: str
    name: str
    says: str
    fails: tuple[str, ...]
    run: Callable[..., Any]


@dataclass(frozen=True)
class Call:
    """One call of a student's function: what went in, and what came out or was raised. A plain
    value of the student's counts as a call without arguments.

    pullback  where gradients were asked for: with respect to which arguments, and the cotangent.
              Then the value is all of them in a row, as `in_a_row` makes it
    """

    function: str
    args: tuple[Any, ...]
    value: Any = None
    raised: str = ""  # the exception's type name
    pullback: tuple[tuple[int, ...], torch.Tensor] | None = None


def in_a_row(grads: Sequence[object]) -> torch.Tensor:
    """Several gradients as one vector."""
    return torch.cat([as_tensor(grad).flatten() for grad in grads])


def mistake(function: str, says: str, fails: Sequence[str] = ()) -> Callable[[F], F]:
    """Mark a function as a known mistake in `function`."""

    def mark(wrong: F) -> F:
        known = Mistake(function, wrong.__name__, says, tuple(fails), wrong)
        wrong.mistake = known  # type: ignore[attr-defined]
        return wrong

    return mark


def known_mistakes(package: str = "solutions.mistakes") -> tuple[Mistake, ...]:
    """Every mistake of the bundle in use, in the order of its modules and of their lines. Raises
    CourseError where a module cannot be imported."""
    try:
        root = importlib.import_module(package)
    except ModuleNotFoundError as error:
        if f"{package}.".startswith(f"{error.name}."):
            return ()
        raise
    found: list[Mistake] = []
    for info in sorted(pkgutil.iter_modules(root.__path__), key=lambda info: info.name):
        module = _imported(f"{package}.{info.name}", list(root.__path__))
        vars(module)["print"] = _silent
        found += [v.mistake for v in vars(module).values() if hasattr(v, "mistake")]
    return tuple(found)


def _imported(name: str, folders: list[str]) -> ModuleType:
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        where = f"{error.filename}, line {error.lineno}"
        raise CourseError(f"{where}: {error.msg}") from None
    except Exception as error:
        places = [
            (frame.f_code.co_filename, line)
            for frame, line in traceback.walk_tb(error.__traceback__)
        ]
        ours = [place for place in places if place[0].startswith(tuple(folders))]
        file, line = (ours or places)[-1]
        text = f"{file}, line {line}: {type(error).__name__}: {error}"
        raise CourseError(text) from error


def _silent(*values: object, **options: object) -> None:
    """`print`, for mistakes that print where they should return."""


# Kinds of mismatch that a mistake may explain. Of two results that do not agree either may be
# wrong; that nothing came back, or not what was asked for, is said by the test.
_EXPLAINED = ("value", "shape", "not finite", "inputs", "raised")


def cause(
    wrong: Mismatch | None,
    made: Sequence[Call],
    calls: Sequence[Call],
    mistakes: Iterable[Mistake],
) -> str:
    """The sentence of the known mistake that explains why a test went `wrong`, "" if none does.

    made   the calls that the test made; the last, or the last of what it says it is about, is the
           one that failed
    calls  all calls that its question made; those of the same function are to be explained too
    """
    if wrong is None or wrong.kind not in _EXPLAINED or not made:
        return ""
    named = [call for call in made if call.function == wrong.name]
    failed = (named or made)[-1]
    before = [call for call in calls if call is not failed]
    return explain([*before, failed], wrong, mistakes) or _precision_lost(failed, wrong)


def explain(calls: Sequence[Call], wrong: Mismatch, mistakes: Iterable[Mistake]) -> str:
    """The sentence of the first mistake that explains all `calls` of one function, of which the
    last is the one that went `wrong`; "" if none does. Calls before it that raised tell of
    something else, which is wrong too.

    Where inputs were changed, only mistakes that change them are asked; elsewhere none of those
    is: what they return is right. A backward pass that raised is left to torch's own words: two
    programs that cannot be differentiated need not have the same mistake.
    """
    if not calls:
        return ""
    last = calls[-1]
    if last.raised and last.pullback:
        return ""
    same_function = [call for call in calls if call.function == last.function]
    if all(call.raised for call in same_function):
        return ""  # the exception says more than a mistake that happens to raise one like it
    expected = None if wrong.expected is None else as_tensor(wrong.expected)
    changes = wrong.kind == "inputs"
    for known in mistakes:
        if known.function != last.function:
            continue
        if _matches(known, last, expected, changes) and all(
            _matches(known, call) for call in same_function[:-1] if not call.raised
        ):
            return known.says
    return ""


_FLOAT32 = (1e-9, 1e-5)  # errors that rounding to float32 leaves, relative to the largest entry
_MAKES_FLOAT32 = "(torch.zeros, torch.eye or torch.tensor without a dtype, or .float())"


def _precision_lost(call: Call, wrong: Mismatch) -> str:
    """Whether inputs in double precision were answered in float32, by the result's own type or by
    how far it is off; "" where not."""
    double = any(getattr(arg, "dtype", None) == torch.float64 for arg in call.args)
    asked = wrong.kind == "value" and wrong.expected is not None
    if not (asked and double and isinstance(call.value, torch.Tensor)):
        return ""
    actual, expected = as_tensor(call.value), as_tensor(wrong.expected)
    if actual.shape != expected.shape:
        return ""
    error = float((actual - expected).abs().max() / expected.abs().max().clamp(min=1e-300))
    if not _FLOAT32[0] < error < _FLOAT32[1]:
        return ""
    if call.value.dtype == torch.float32:
        return (
            "your result is float32, where the inputs are float64: something in it makes that "
            f"{_MAKES_FLOAT32}"
        )
    return (
        "the error is of the size that float32 leaves, where the inputs are float64: does "
        f"something in between make a float32 {_MAKES_FLOAT32}?"
    )


def _matches(
    known: Mistake,
    call: Call,
    expected: torch.Tensor | None = None,
    changes: bool | None = None,
) -> bool:
    """Does the mistake do what the student's function did in this call? And does it change its
    inputs, or not, as `changes` has it?"""
    args = [a.clone() if isinstance(a, torch.Tensor) else a for a in call.args]
    try:
        if call.pullback:
            value: Any = in_a_row(gradients(known.run, args, *call.pullback))
        else:
            value = known.run(*args)
    except Exception as error:
        return type(error).__name__ == call.raised
    if changes is not None and changes != _differ(args, call.args):
        return False
    if call.raised or _shapes_differ(value, call.value):
        return False
    if value is None or call.value is None:
        return value is None and call.value is None
    try:
        theirs, ours = as_tensor(call.value), as_tensor(value)
    except Mismatch:
        return False
    if theirs.shape != ours.shape:
        return False
    if not theirs.numel():
        return True
    finite = torch.isfinite(theirs)
    if not torch.equal(finite, torch.isfinite(ours)):
        return False
    if not finite.any():
        return True
    near = _SAME * float(theirs[finite].abs().max())
    if expected is not None and expected.shape == theirs.shape:
        near = _NEAR * float((theirs - expected)[finite].abs().max())
    return bool(((theirs - ours).abs()[finite] <= near).all())


def _shapes_differ(one: object, other: object) -> bool:
    """Of two tensors: quickly told, where converting a large one once for each mistake is not."""
    if isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor):
        return one.shape != other.shape
    return False


def _differ(args: Sequence[Any], before: Sequence[Any]) -> bool:
    return any(
        isinstance(a, torch.Tensor) and not torch.equal(a, b)
        for a, b in zip(args, before, strict=True)
    )
