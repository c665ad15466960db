"""The student's names, as the trusted side sees them: an environment for Otter's test files.

`RemoteNamespace.get(name)` gives a `RemoteFunction` or a plain value. A call sends its arguments to
a fork of the student's process and returns plain data, or raises `Mismatch` with a text for the
student: it raised, it took too long, its process died, it sent what is not a message.

What a student's process says in words could carry hidden inputs out to its author. So its words are
quoted only while it has seen none (`quotes`); after that a text names what happened, and no more.
"""

from __future__ import annotations

import builtins
import copy
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.diagnosis import Call, in_a_row
from autograder.forks import Fork
from autograder.patience import Allowance, Patience
from autograder.sandbox.child import ask, expect, post
from autograder.stages import stage
from autograder.wire import Closed, TimedOut, WireError
from labkit.checks import Mismatch, as_tensor, missing

_COST_LAUNCHES = 200_000  # operations that a cost check counts before it gives up
_LARGEST_COUNT = 1000  # a larger integer among arguments is no size
_ANSWER_SECONDS = 2.0  # for a fork that rested to say that it is there
_UNSENT = {  # why a value did not come, in the worker's words, and in ours
    "too large": "its answer is larger than a grader takes",
    "too many": "its answer is larger than a grader takes: make a tensor of its lists",
    "too deep": "its answer holds lists in lists, deeper than a grader takes",
    "keys": "its answer holds a dict with a key that is neither a text nor an integer",
    "no plain form": "what it gives cannot be read: make it a plain tensor",
}

# Exceptions that may be named where words are not quoted: a name of the student's own is a text.
_KNOWN_ERRORS = frozenset(
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
) | {"LinAlgError", "_LinAlgError", "AxisError", "OutOfMemoryError", "JSONDecodeError"}


# Parts of torch's own messages, and what they mean. Which of a few sentences it is carries no more
# than the type does.
_KNOWN_TEXTS = {
    "modified by an inplace operation": "what the backward pass needs was changed in place",
    "same dtype": "tensors of two types meet, such as float32 and float64",
    "expected scalar type": "tensors of two types meet, such as float32 and float64",
    "on the same device": "tensors on two devices meet",
    "shapes cannot be multiplied": "the shapes of a product do not fit",
    "must match the size of tensor": "the shapes of two tensors do not fit",
    "must match the existing size": "the shapes of two tensors do not fit",
    "singular": "a matrix that has no inverse",
    "does not require grad": "autograd finds no way from the result to the inputs",
    "not a torch tensor": "what is timed has to return a torch tensor",
}


@dataclass
class Budget:
    """What a question may use: seconds for each of its functions, which do not wait for one
    another, and bytes in all its answers, which are kept until it is graded."""

    seconds: float
    answer_bytes: int
    allowances: dict[str, Allowance] = field(default_factory=dict)

    def of(self, name: str) -> Allowance:
        """The time of one function."""
        return self.allowances.setdefault(name, Allowance(self.seconds))


class RemoteNamespace:
    """The names of one notebook run, for one question. `make_fork` gives a fresh fork of the
    student's process; it is called at the first use, and again after a fork was lost. `reap` ends
    one, and says how it ended if it is told to wait for that.

    quotes  whether messages may repeat the student's own words
    device  where tensors go that functions are given
    wanted  names that will be asked for, looked up together
    """

    def __init__(
        self,
        make_fork: Callable[[], Fork],
        reap: Callable[[Fork, bool], int | None],
        patience: Patience,
        budget: Budget,
        device: str = "cpu",
        wanted: Sequence[str] = (),
    ):
        self.quotes = True
        self.calls: list[Call] = []
        self._make_fork = make_fork
        self._reap = reap
        self._patience = patience
        self._budget = budget
        self._device = device
        self._wanted = list(wanted)
        self._fork: Fork | None = None
        self._resting = False
        self._found: dict[str, dict[str, Any]] = {}  # in this fork, of the wanted names

    def get(self, name: str, default: object = None) -> object:
        """What the student's notebook has under `name`: a function to call, a plain value, or
        something that says it is missing when it is used: `default`, which a dict's `get` has
        too, is never given."""
        found = self._look(name)
        kind = found.get("kind")
        if kind == "function":
            return RemoteFunction(self, name)
        if kind == "value":
            value = copy.deepcopy(found.get("value"))
            self.calls.append(Call(name, (), value))
            return value
        return Missing(name)

    def _look(self, name: str) -> dict[str, Any]:
        """A name alone, where it is not wanted, or where one of those that are cannot be had."""
        if name not in self._found and name in self._wanted:
            try:
                self._found = self._looked_up(self._wanted)
            except Mismatch:
                self._wanted = []
        if name in self._found:
            return self._found[name]
        try:
            return self._looked_up([name]).get(name, {})
        except Mismatch as mismatch:
            raise Mismatch(f"{name}: {mismatch}", kind=mismatch.kind) from None

    def _looked_up(self, names: Sequence[str]) -> dict[str, dict[str, Any]]:
        answer = self.ask({"op": "look", "names": names})
        found = answer.get("found")
        if "unsent" in answer:
            raise Mismatch(_unsent(answer["unsent"]), kind="type")
        if not isinstance(found, dict):
            return {}
        return {name: of for name, of in found.items() if isinstance(of, dict)}

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Ask the student's process, within what is left of the time of the function asked for."""
        request = {"device": self._device, **request}
        allowed = self._budget.of(request.get("name", ""))
        too_long = f"it did not finish within {self._budget.seconds:g} seconds"
        if allowed.left <= 0:
            raise Mismatch(too_long, kind="too long")
        try:
            channel = self._ready().channel
            before = channel.received
            with stage("calls"):
                with allowed.spending():
                    nonce = post(channel, request, time.monotonic() + allowed.left)
                answer = self._patience.within(
                    lambda by: expect(channel.receive(by), nonce), allowed
                )
            self._budget.answer_bytes -= channel.received - before
        except TimedOut:
            self.close()
            raise Mismatch(too_long, kind="too long") from None
        except Closed:
            said = _death(self.close(wait=True), self.quotes)
            raise Mismatch(f"its process ended: {said}", kind="died") from None
        except WireError:
            self.close()
            raise Mismatch("what came back cannot be read", kind="type") from None
        if self._budget.answer_bytes < 0:
            raise Mismatch("its answers together are larger than a grader takes", kind="type")
        return answer

    def _ready(self) -> Fork:
        """The fork to ask. One that was lost while it rested is replaced: that was another
        question's doing."""
        if self._resting and self._fork is not None and not _answers(self._fork):
            self.close()
        self._resting = False
        if self._fork is None:
            with stage("forks"):
                self._fork = self._make_fork()
        return self._fork

    def rest(self) -> None:
        """Nothing is asked for a while, and others are: keep the fork for later, if it may be."""
        self._resting = True
        if self._fork is not None and self._fork.alone:
            self.close()

    def close(self, wait: bool = False) -> int | None:
        """End the fork, if there is one; where waited for, how it ended, if that can be learnt."""
        if self._fork is None:
            return None
        with stage("ending"):
            fork, self._fork, self._found = self._fork, None, {}
            return self._reap(fork, wait)


def _answers(fork: Fork) -> bool:
    """Whether it is still there."""
    try:
        ask(fork.channel, {"op": "look", "names": []}, time.monotonic() + _ANSWER_SECONDS)
    except WireError:
        return False
    return True


class RemoteFunction:
    """A student's function. Arguments and results are plain values and tensors."""

    def __init__(self, names: RemoteNamespace, name: str):
        self._names = names
        self.__name__ = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        answer = self._ask({"op": "call", "args": args, "kwargs": kwargs}, args)
        return self._record(args, answer)

    def call_with_arguments(self, *args: Any) -> tuple[Any, list[Any]]:
        """The value of a call, and the arguments as the call left them."""
        answer = self._ask({"op": "call_with_arguments", "args": args, "kwargs": {}}, args)
        after = answer.get("arguments")
        return self._record(args, answer), after if isinstance(after, list) else []

    def gradients(
        self, args: Sequence[Any], wrt: Sequence[int], cotangent: torch.Tensor
    ) -> list[Any]:
        """d<cotangent, f(*args)> / d args[i] for i in `wrt`."""
        request = {"op": "gradients", "args": args, "wrt": list(wrt), "cotangent": cotangent}
        pullback = (tuple(wrt), cotangent)
        grads = self._ask(request, args, pullback).get("value")
        if not isinstance(grads, list) or len(grads) != len(wrt):
            raise Mismatch(f"{self.__name__}: no gradients came back", kind="type")
        call = Call(self.__name__, tuple(args), in_a_row(grads), pullback=pullback)
        self._names.calls.append(call)
        return grads

    def cost(self, *args: Any) -> Counted:
        """Work and span of a call, as labkit counts them beside the student's code. What it
        returned while it was counted is to be what it returns when it is not."""
        answer = self._ask({"op": "cost", "args": args, "limit": _COST_LAUNCHES}, args)
        if not _alike(answer.get("value"), self(*args)):
            said = "returns something else while its operations are counted"
            raise Mismatch(f"{self.__name__} {said}", kind="cost")
        return Counted(
            work=_count(answer.get("work")),
            span=_count(answer.get("span")),
            launches=_count(answer.get("launches")),
            peak_bytes=_count(answer.get("peak_bytes")),
            unknown=_texts(answer.get("unknown")),
            escapes=_texts(answer.get("escapes")),
        )

    def _ask(
        self,
        request: dict[str, Any],
        args: Sequence[Any],
        pullback: tuple[tuple[int, ...], torch.Tensor] | None = None,
    ) -> dict[str, Any]:
        try:
            answer = self._names.ask({**request, "name": self.__name__})
        except Mismatch as mismatch:
            said = f"{self.__name__}: {mismatch}{_sizes(args)}"
            raise Mismatch(said, kind=mismatch.kind) from None
        unsent = answer.get("unsent")
        if unsent is not None:
            raise Mismatch(f"{self.__name__}: {_unsent(unsent)}", kind="type")
        raised = answer.get("raised")
        if raised is not None:
            described = raised if isinstance(raised, dict) else {}
            kind = _text(described.get("type"), 100)
            call = Call(self.__name__, tuple(args), raised=kind, pullback=pullback)
            self._names.calls.append(call)
            said = f"{say(described, self._names.quotes)}{_sizes(args)}"
            raise Mismatch(f"{self.__name__} raised {said}", kind="raised")
        return answer

    def _record(self, args: Sequence[Any], answer: dict[str, Any]) -> Any:
        value = answer.get("value")
        self._names.calls.append(Call(self.__name__, tuple(args), value))
        return value


@dataclass(frozen=True)
class Counted:
    """What a call cost: the fields of `labkit.workspan.Cost` that checks use."""

    work: int
    span: int
    launches: int
    peak_bytes: int
    unknown: tuple[str, ...]
    escapes: tuple[str, ...]


class Missing:
    """Stands for a name that the notebook does not define; says so when it is used."""

    def __init__(self, name: str):
        self.__name__ = name
        self.type_name = "nothing"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise missing(self.__name__)

    call_with_arguments = gradients = cost = __call__


def say(raised: dict[str, Any], quotes: bool = True) -> str:
    """An exception as a student reads it: `ValueError: text (line 3 of its cell)`; where words are
    not quoted, with what its text is known to mean in the place of it, and with its type only if
    that is one that everybody has."""
    kind = _text(raised.get("type"), 100) or "an exception"
    message = _text(raised.get("message"), 300)
    if not quotes:
        kind = kind if kind in _KNOWN_ERRORS else "an exception of its own"
        message = next((means for part, means in _KNOWN_TEXTS.items() if part in message), "")
    line = raised.get("line")
    where = f" (line {line} of its cell)" if isinstance(line, int) and 0 < line < 10**4 else ""
    return f"{kind}: {message}{where}" if message else f"{kind}{where}"


def _unsent(why: object) -> str:
    """Why a value did not come."""
    return _UNSENT.get(why if isinstance(why, str) else "", _UNSENT["no plain form"])


def _sizes(args: Sequence[object]) -> str:
    """What a function was called with, where that tells which case it is: sizes, and no values."""
    shapes = [tuple(arg.shape) for arg in args if isinstance(arg, torch.Tensor)]
    counts = [arg for arg in args if type(arg) is int and 0 <= arg < _LARGEST_COUNT]
    if not shapes:
        return ""
    return f"; the sizes of this call: {', '.join(map(str, [*shapes, *counts]))}"


def _text(value: object, limit: int) -> str:
    """A string of the student's, on one line and not too long."""
    text = " ".join(value.split()) if isinstance(value, str) else ""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _alike(one: object, other: object) -> bool:
    """Whether two results are the same but for rounding, or neither holds any numbers."""
    try:
        a, b = as_tensor(one), as_tensor(other)
    except Mismatch:
        return not _has_numbers(one) and not _has_numbers(other)
    return a.shape == b.shape and torch.allclose(a, b, rtol=1e-3, atol=1e-6, equal_nan=True)


def _has_numbers(value: object) -> bool:
    try:
        as_tensor(value)
    except Mismatch:
        return False
    return True


def _count(value: object) -> int:
    if isinstance(value, int) and value >= 0:
        return int(value)
    raise Mismatch("its cost cannot be read", kind="cost")


def _texts(value: object) -> tuple[str, ...]:
    return tuple(_text(item, 100) for item in value[:20]) if isinstance(value, list) else ()


def _death(status: int | None, quotes: bool) -> str:
    """How a process ended, by the status that its own side reports, if it does."""
    if status is None:
        return "it is not known how"
    if 0 <= status < 256:
        return f"it exited with status {status}" if quotes else "it exited"
    names = {-9: "it was killed", -11: "a segmentation fault", -6: "it aborted"}
    known = -status in {number.value for number in signal.Signals}
    return names.get(status, f"signal {-status}" if known and quotes else "by a signal")
