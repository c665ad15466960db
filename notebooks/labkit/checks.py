"""Generic comparisons for tests: what came, what was asked for, and the first place they differ.

Comes in: a value from somebody's code and the value it should equal. Goes out: nothing, or a
`Mismatch` whose text is fit for a student to read. A test written with this module runs unchanged
on plain functions (in a notebook) and on remote ones (in grading, where a function's arguments
and results cross a process boundary and random inputs come from the release's seed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
import torch

_stream: ContextVar[tuple[str, ...]] = ContextVar("stream", default=("public",))


@contextmanager
def seeded(*key: object) -> Iterator[None]:
    """Draw all random inputs inside this block from `key` (grading: seed, notebook, question,
    test). Outside any block the key is public, so a student's own checks repeat exactly."""
    token = _stream.set(tuple(str(part) for part in key))
    try:
        yield
    finally:
        _stream.reset(token)


def stream() -> tuple[str, ...]:
    """What random inputs are drawn from here, besides their own key."""
    return _stream.get()


def generator(*key: object) -> torch.Generator:
    """A torch generator that depends on the current stream and on `key`, and on nothing else."""
    text = "\x1f".join((*_stream.get(), *(str(part) for part in key)))
    digest = hashlib.sha256(text.encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


_MOST_AXES = 6  # of a shape that is told

_remarks: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


@contextmanager
def collecting_remarks() -> Iterator[list[str]]:
    """Collect what checks inside this block ask a person to look at."""
    collected: list[str] = []
    token = _remarks.set(collected)
    try:
        yield collected
    finally:
        _remarks.reset(token)


def remark(text: str) -> None:
    """Ask a person to look: a check passed, but something about it is odd."""
    collected = _remarks.get()
    if collected is not None:
        collected.append(text)


class Mismatch(AssertionError):
    """A result that is not what was asked for.

    str() is fit for a student: it tells shapes, the first place that differs and a rounded
    relative error, and never an expected value unless the check was told to `show` it.
    `kind` is one of "missing", "unanswered", "type", "shape", "not finite", "value", "inputs",
    "cost", "agreement"; of a call in grading also "raised", "too long", "died".
    `actual` and `expected` serve diagnosis, on the trusted side only, and so does `name`: the value
    it is about, where a test asks for several.
    """

    def __init__(
        self, message: str, *, kind: str, actual: Any = None, expected: Any = None, name: str = ""
    ):
        super().__init__(message)
        self.kind = kind
        self.name = name
        self.actual = actual
        self.expected = expected


def as_tensor(value: object) -> torch.Tensor:
    """`value` (a tensor, array, number or nested list) as a detached CPU tensor in float64 (or
    complex128). Raises Mismatch where it is nothing of the sort, in words for its author."""
    if value is None:
        raise Mismatch(
            "nothing came back (None): is it still to be answered, or is a `return` missing?",
            kind="unanswered",
        )
    if value is Ellipsis:
        raise Mismatch("this is still to be answered (it is `...`)", kind="unanswered")
    if (
        getattr(value, "type_name", "") == "nothing"
    ):  # what grading has for a name that is not there
        raise missing(getattr(value, "__name__", "this"))
    if isinstance(value, str | bytes | dict):
        raise Mismatch(
            f"a {type(value).__name__} came back where numbers were asked for",
            kind="type",
            actual=value,
        )
    try:
        tensor = _tensor(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        raise Mismatch(_not_numbers(value), kind="type", actual=value) from None
    return tensor.to("cpu", torch.complex128 if tensor.is_complex() else torch.float64)


def missing(name: str) -> Mismatch:
    """What to say of a name that the notebook does not define."""
    text = f"`{name}` is not defined: was its cell removed, or did it not run?"
    return Mismatch(text, kind="missing")


def _tensor(value: object) -> torch.Tensor:
    plain = _plain_numbers(value)
    if isinstance(plain, torch.Tensor):
        return plain.detach()
    try:
        return torch.as_tensor(plain, dtype=torch.float64)  # as Python's numbers are
    except (TypeError, RuntimeError):  # complex ones, or none
        return torch.as_tensor(plain, dtype=torch.complex128)


def _plain_numbers(value: object) -> Any:
    """The same as tensors and Python's numbers, also inside lists and tuples. Raises TypeError for
    what is none, also where PyTorch could read it: what does not cross into grading."""
    if isinstance(value, list | tuple):
        return [_plain_numbers(item) for item in value]
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiubc":
        kind = complex if value.dtype.kind == "c" else float
        return torch.from_numpy(np.array(value, dtype=kind))
    if isinstance(value, torch.Tensor | int | float | complex):
        return value
    if isinstance(value, Real | Decimal):
        return float(value)
    raise TypeError


def _not_numbers(value: object) -> str:
    """What is wrong with a value that cannot be made a tensor."""
    if _type(value) == "ndarray":
        return "an array came back that does not hold numbers: make it with dtype=float"
    if not isinstance(value, list | tuple):
        return f"a value of type {_type(value)} came back where numbers were asked for"
    items = list(value)
    while items and isinstance(items[0], list | tuple):  # look at its rows
        items = [item for row in items if isinstance(row, list | tuple) for item in row]
    if items and all(isinstance(item, torch.Tensor | np.ndarray) for item in items):
        return _many_tensors(items)
    for item in items:
        if item is Ellipsis:
            return "one of the numbers is still to be answered (it is `...`)"
        if not isinstance(item, Real | Decimal | complex) and not hasattr(item, "dtype"):
            said = f"a list that holds a value of type {_type(item)}"
            return f"{said} came back where numbers were asked for"
    return "a list of rows that differ in length came back"


def _many_tensors(items: Sequence[object]) -> str:
    many = f"a list of {len(items)} tensors or arrays"
    return f"{many} came back: torch.stack, or np.stack, makes one of it"


def _type(value: object) -> str:
    """What to call the type of a value of the student's."""
    if callable(value):
        return "function"
    return str(getattr(value, "type_name", type(value).__name__))


def same(
    actual: object,
    expected: object,
    *,
    rtol: float,
    axes: Sequence[str] = (),
    about: str = "",
    show: bool = False,
) -> None:
    """Pass if `actual` equals `expected` up to `rtol` times the largest expected magnitude.

    The error is taken against the largest magnitude of the whole result, so that entries that
    are nearly zero by cancellation ask for no more than the arithmetic can give.

    rtol   largest |actual - expected| allowed, relative to max |expected| (to 1 if that is 0)
    axes   names for the axes, for the message: ("sequence", "step", "unit")
    about  what the input was, for the message: "T = 7, H = 4"
    show   tell the values too (only where anyone may see them)

    Raises Mismatch.

    >>> same([1.0, 2.0], torch.tensor([1.0, 2.0]), rtol=1e-6)
    """
    prefix = f"{about}: " if about else ""
    wanted = as_tensor(expected)
    try:
        got = as_tensor(actual)
    except Mismatch as mismatch:
        about_input = "" if mismatch.kind == "unanswered" else prefix
        raise Mismatch(
            f"{about_input}{mismatch}", kind=mismatch.kind, actual=actual, expected=wanted
        ) from None

    def fail(kind: str, text: str) -> Mismatch:
        return Mismatch(f"{prefix}{text}", kind=kind, actual=actual, expected=wanted)

    if got.shape != wanted.shape:
        if isinstance(actual, list | tuple) and any(getattr(item, "ndim", 0) for item in actual):
            raise fail("shape", _many_tensors(actual))  # each with a single entry
        raise fail("shape", f"the shape is {_shape(got)}, and {_shape(wanted, axes)} was asked for")
    if wanted.numel() == 0:
        return
    if not bool(torch.isfinite(got).all()):
        first = _first(~torch.isfinite(got))
        raise fail("not finite", f"there is a NaN or an infinity, first {_place(first, axes)}")
    scale = float(wanted.abs().max()) or 1.0
    error = (got - wanted).abs() / scale
    wrong = error > rtol
    if bool(wrong.any()):
        first = _first(wrong)
        largest, allowed = _shares(float(error.max()), rtol)
        text = (
            f"{_percent(wrong)} of the entries differ, first {_place(first, axes)}; the largest "
            f"error is {largest} of the largest entry (allowed: {allowed})"
        )
        if wanted.ndim == 0:
            text = f"the relative error is {largest} (allowed: {allowed})"
        if show:
            where = "there " if wanted.ndim else ""
            text += f"; {where}you have {_number(got[first])}, expected {_number(wanted[first])}"
        raise fail("value", text)


def of_shape(value: object, *shape: int, axes: Sequence[str] = (), about: str = "") -> torch.Tensor:
    """`value` as `as_tensor` has it, where it is of this shape: before a test takes a part of it.
    Raises Mismatch."""
    tensor, wanted = as_tensor(value), torch.empty(shape)
    if tensor.shape != wanted.shape:
        prefix = f"{about}: " if about else ""
        text = f"the shape is {_shape(tensor)}, and {_shape(wanted, axes)} was asked for"
        raise Mismatch(f"{prefix}{text}", kind="shape", actual=value)
    return tensor


def agree(
    one: object,
    other: object,
    names: tuple[str, str],
    *,
    rtol: float,
    axes: Sequence[str] = (),
) -> None:
    """Pass if results of two functions of the same person agree, as `same` has it.

    names  what gave the one and the other, for the message

    Raises Mismatch; of kind "agreement" where either could be wrong.
    """
    try:
        same(one, other, rtol=rtol, axes=axes)
    except Mismatch as mismatch:
        if mismatch.kind not in ("value", "shape", "not finite"):
            raise
        text = f"{names[0]} and {names[1]} do not agree, and either may be wrong: {mismatch}"
        raise Mismatch(text, kind="agreement") from None


@dataclass(frozen=True)
class Case:
    """One input for a function under test, and how closely its output must agree.

    args   the arguments, in order
    rtol   the tolerance of `same`; the generator that makes the case derives it
    about  sizes, for the message ("N = 2, T = 7, D = 3, H = 4"); never values
    axes   names for the axes of the output
    """

    args: tuple[Any, ...]
    rtol: float
    about: str
    axes: tuple[str, ...] = ()

    def same(self, actual: object, expected: object) -> None:
        """Pass if `actual` equals `expected` to this case's tolerance; raises Mismatch."""
        same(actual, expected, rtol=self.rtol, axes=self.axes, about=self.about)


def how_many(actual: object, count: int, *, about: str) -> None:
    """Pass if `actual`, which is called `about`, holds `count` numbers, whatever they are."""
    try:
        given = as_tensor(actual).numel()
    except Mismatch as mismatch:
        text = f"{about}: {mismatch}"
        raise Mismatch(text, kind=mismatch.kind, actual=actual) from None
    if given != count:
        text = f"{about} is to hold {count} number{'s' * (count != 1)}, and holds {given}"
        raise Mismatch(text, kind="shape", actual=actual)


def choice(actual: object, expected: str, options: Sequence[str], *, about: str = "") -> None:
    """Pass if the option chosen is the right one, whatever its spaces and capitals; the message
    never tells which that is. `about` names the choice, where a test asks for several."""
    prefix = f"{about}: " if about else ""
    if actual is None or actual is Ellipsis:
        raise Mismatch(f"{prefix}this is still to be answered", kind="unanswered")
    chosen = _option(actual, options)
    if chosen is None:
        listed = ", ".join(f'"{option}"' for option in options)
        alone = isinstance(actual, str)
        yours = "" if alone else f", the text alone and in quotes (this is a {_type(actual)})"
        raise Mismatch(f"{prefix}choose one of: {listed}{yours}", kind="type", actual=actual)
    if chosen != _option(expected, options):
        raise Mismatch(f"{prefix}this is not the right choice", kind="value", actual=actual)


def choices(actual: object, expected: Sequence[str], options: Sequence[str]) -> None:
    """Pass if exactly the right options are listed, in any order; the message never tells which
    those are. (A set does not cross into grading, so it is no list here either.)"""
    if actual is None or actual is Ellipsis:
        raise Mismatch("this is still to be answered", kind="unanswered")
    given = list(actual) if isinstance(actual, list | tuple) else [None]
    listed = {_option(one, options) for one in given}
    if None in listed:
        named = ", ".join(f'"{option}"' for option in options)
        text = f"write some of these in a list, [{named}], each in quotes of its own"
        raise Mismatch(text, kind="type", actual=actual)
    if listed != {_option(one, options) for one in expected}:
        raise Mismatch("these are not the right choices", kind="value", actual=actual)


def _option(actual: object, options: Sequence[str]) -> str | None:
    """Which of the options somebody has written."""

    def letters(text: str) -> str:
        return "".join(text.split()).casefold()

    if not isinstance(actual, str):
        return None
    return next((o for o in options if o == actual), None) or next(
        (o for o in options if letters(o) == letters(actual)), None
    )


def leaves_inputs_alone(
    function: Callable[..., Any], *args: Any, names: Sequence[str] = ()
) -> None:
    """Pass if calling `function` does not change the tensors among its arguments. `names` are what
    the arguments are called, for the message: "WUbx"."""
    if hasattr(function, "call_with_arguments"):
        _, after = function.call_with_arguments(*args)
    else:
        after = tuple(a.clone() if isinstance(a, torch.Tensor) else a for a in args)
        function(*after)
    for position, (before, argument) in enumerate(zip(args, after, strict=True)):
        if isinstance(before, torch.Tensor) and not torch.equal(
            before, torch.as_tensor(argument, device=before.device)
        ):
            named = f"`{names[position]}`" if names else f"its argument number {position + 1}"
            raise Mismatch(
                f"the call changed {named}: work on a copy, or avoid operations in place on inputs",
                kind="inputs",
            )


def gradients(
    function: Callable[..., Any], args: Sequence[Any], wrt: Sequence[int], cotangent: torch.Tensor
) -> list[torch.Tensor]:
    """d<cotangent, function(*args)> / d args[i] for i in `wrt`, each of the shape of args[i].

    Where no gradient reaches an argument, because the output was made without it or outside of
    autograd, that is what comes back: zeros.
    """
    if hasattr(function, "gradients"):
        return list(function.gradients(args, wrt, cotangent))
    inputs = [
        torch.as_tensor(a).detach().clone().requires_grad_(i in wrt)
        if isinstance(a, torch.Tensor) or i in wrt
        else a
        for i, a in enumerate(args)
    ]
    wanted = [inputs[i] for i in wrt]
    output = function(*inputs)
    if not isinstance(output, torch.Tensor):
        output = as_tensor(output)
    if not output.requires_grad:
        return [torch.zeros_like(argument) for argument in wanted]
    if output.shape != cotangent.shape:
        raise ValueError(f"the output is {tuple(output.shape)}, not {tuple(cotangent.shape)}")
    # Of this number, and not of the output with a cotangent: that would load sympy, 35 MB.
    paired = (output * cotangent.to(output.dtype).conj()).real.sum()
    return list(torch.autograd.grad(paired, wanted, materialize_grads=True))


def cost_of(function: Callable[..., Any], *args: Any) -> Any:
    """Work, span and the like of `function(*args)`: see `labkit.workspan.Cost`."""
    if hasattr(function, "cost"):
        return function.cost(*args)
    from labkit.workspan import measure

    return measure(function, *args)


def _first(mask: torch.Tensor) -> tuple[int, ...]:
    return tuple(int(i) for i in mask.nonzero()[0])


def _place(index: tuple[int, ...], axes: Sequence[str]) -> str:
    if len(axes) == len(index) > 0:
        return "at " + ", ".join(f"{axis} {i}" for axis, i in zip(axes, index, strict=True))
    return f"at [{', '.join(map(str, index))}]"


def _shape(tensor: torch.Tensor, axes: Sequence[str] = ()) -> str:
    if tensor.ndim > _MOST_AXES:
        return f"one of {tensor.ndim} axes"
    shape = str(tuple(tensor.shape))
    return f"{shape} = ({', '.join(axes)})" if axes and len(axes) == tensor.ndim else shape


def _percent(mask: torch.Tensor) -> str:
    share = 100 * float(mask.double().mean())
    return f"{share:.0f}%" if share >= 1 else "less than 1%"


def _share(error: float) -> str:
    """A relative error, rounded: 19%, or 2e-06 where percent would be mostly zeros."""
    if error > 10:
        return "over 1000%"
    return f"{error:.0%}" if error >= 0.01 else f"{error:.0e}"


def _shares(error: float, allowed: float) -> tuple[str, str]:
    """A relative error that is too large, and what is allowed, rounded so that it shows."""
    told = _share(error), _share(allowed)
    return told if told[0] != told[1] else (f"{error:.4g}", f"{allowed:.4g}")


def _number(value: torch.Tensor) -> str:
    return f"{value.item():.6g}"
