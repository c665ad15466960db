"""Timed turns of functions in a sandbox, by this side's clock, with every result verified.

Comes in: a session that has run a notebook, and arguments. Goes out: the seconds of a call, or a
`Mismatch`. A turn goes so: everything in the sandbox is stopped; fresh inputs are written into
shared memory, and the request is sent; the clock starts, and the sandbox goes on; when it has
answered it is stopped again; the clock stops; the results are read and verified.

The seconds of a turn are what the clock says, less what other programs took meanwhile: the time in
which the kernel had the function wait for a processor (which is not known where a submission has
processes besides). They are at least the processor time that
the sandbox used, so that threads, or work put off until the answer is out, gain nothing. On a GPU
the clock alone counts. What messages take, measured with the same messages in the reference's
sandbox, is taken off.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autograder.channel import Channel
from autograder.remote import say
from autograder.sandbox.child import expect, post
from autograder.sandbox.freeze import Account, waited
from autograder.session import Session
from autograder.wire import Closed, TimedOut, WireError
from autograder.worker.timed import at, link
from labkit.checks import Mismatch, same

Args = tuple[Tensor, ...]
Fresh = Callable[[], Args]

TURN_SECONDS = 0.01  # short calls are repeated to fill a turn, so that messages are a small part
MOST_CALLS = 64
_ALIGNED = 64  # bytes
_ASK_SECONDS = 20.0
_SHORTEST = 1e-7  # seconds of a call: what is left where messages took all of a turn
_BLANKS = 5


@dataclass(frozen=True)
class Task:
    """What is timed: calls with arguments that `fresh` draws anew each time.

    oracle  gives the right result, which `rtol` times its largest entry may be missed by
    """

    fresh: Fresh
    oracle: Callable[..., Tensor]
    rtol: float

    def shapes(self) -> tuple[list[torch.Size], torch.Size]:
        """The shapes of the arguments and of the result."""
        args = self.fresh()
        return [a.shape for a in args], self.oracle(*args).shape


@dataclass(frozen=True)
class Layout:
    """Where arrays lie in the shared memory: `calls` times the arguments, then the result."""

    arguments: list[torch.Size]
    result: torch.Size

    @property
    def stride(self) -> int:
        """Bytes of one call's arrays."""
        return sum(map(_padded, (*self.arguments, self.result)))

    def places(self, call: int) -> tuple[list[tuple[int, list[int]]], tuple[int, list[int]]]:
        """Where call number `call` finds its arguments, and where its result goes."""
        start, found = call * self.stride, []
        for shape in (*self.arguments, self.result):
            found.append((start, list(shape)))
            start += _padded(shape)
        return found[:-1], found[-1]


class Side:
    """A fork of a session's process and the memory it shares with us, for one task. Use as a
    context manager. Outside of its turns everything in its sandbox is stopped."""

    def __init__(self, session: Session, task: Task, device: str = "cpu"):
        self._session, self._task, self._device = session, task, device
        self._layout = Layout(*task.shapes())
        self.cpu_seconds = self.wall_seconds = 0.0

    def __enter__(self) -> Side:
        """Raises Mismatch: "died" where the notebook's process, or its fork, does."""
        try:
            self._fork = self._session.fork()
            with ExitStack() as undo:
                undo.callback(self._session.reap, self._fork)
                self._share_memory()
                self._account = self._session.freeze()
                undo.pop_all()
        except WireError as error:
            raise Mismatch(f"the notebook's process was lost ({error})", kind="died") from None
        return self

    def _share_memory(self) -> None:
        self._channel = self._fork.channel
        size = MOST_CALLS * self._layout.stride
        descriptor = _memory(size)
        try:
            self._shared = mmap.mmap(descriptor, size)
            _share(self._channel, descriptor, size)
        finally:
            os.close(descriptor)

    def __exit__(self, *exception: object) -> None:
        with suppress(WireError):  # it has ended
            self._session.thaw()
        self._session.reap(self._fork)

    @property
    def processors(self) -> float:
        """How many processors were busy on average in its turns so far."""
        return self.cpu_seconds / self.wall_seconds if self.wall_seconds else 0.0

    def turn(self, function: str, calls: int, seconds: float = _ASK_SECONDS) -> float:
        """Seconds of a turn of `calls` calls, all verified; without a function, of the messages.
        Raises Mismatch: "too long" after `seconds`, "died", "raised", or a wrong result."""
        given = [self._task.fresh() for _ in range(calls)]
        numbers = [int(torch.randint(math.prod(self._layout.result), ())) for _ in given]
        for call, args in enumerate(given):
            for place, value in zip(self._layout.places(call)[0], args, strict=True):
                at(self._shared, place).copy_(value)
            at(self._shared, self._layout.places(call)[1]).zero_()
        places = [(*self._layout.places(i), number) for i, number in enumerate(numbers)]
        request = {"op": "turn", "name": function, "device": self._device, "calls": places}
        try:
            taken = self._timed(request, seconds)
        except TimedOut:
            said = f"did not finish within {seconds:.3g} seconds"
            raise Mismatch(f"{function} {said}", kind="too long") from None
        except WireError as error:
            raise Mismatch(f"{function}: its process was lost ({error})", kind="died") from None
        if function:
            self._verify(function, given, numbers)
        return taken

    def _timed(self, request: dict[str, Any], seconds: float) -> float:
        """Send a request and let the sandbox work until it has answered."""
        self._session.thaw()
        deadline = time.monotonic() + seconds
        ours, start = waited(), time.perf_counter()
        try:
            nonce = post(self._channel, request, deadline)
            answer = self._channel.receive(deadline)
        finally:
            wall = time.perf_counter() - start  # before the stop, which others may hold up
            ours = waited() - ours
            before, self._account = self._account, self._session.freeze()
        raised = expect(answer, nonce).get("raised")
        if raised is not None:
            said = say(raised if isinstance(raised, dict) else {}, quotes=False)
            raise Mismatch(f"{request['name']} raised {said}", kind="raised")
        cpu = max(0.0, self._account.cpu - before.cpu)
        self.cpu_seconds += cpu
        self.wall_seconds += wall
        if self._device == "cpu":
            wall = cpu if throttled() else wall - ours - _waited(before, self._account)
        return max(wall, cpu, _SHORTEST)

    def _verify(self, function: str, given: Sequence[Args], numbers: Sequence[int]) -> None:
        factor = 1.0
        for call, (args, number) in enumerate(zip(given, numbers, strict=True)):
            made = at(self._shared, self._layout.places(call)[1]).clone()
            expected = self._task.oracle(args[0] * factor, *args[1:])
            same(made, expected, rtol=self._task.rtol, about=f"{function}, a timed result")
            factor = link(float(made.flatten()[number]))


@dataclass
class Contestant:
    """A function of a side.

    calls         in a turn
    messages      seconds of a turn that messages take
    turn_seconds  of a turn, about
    deadline      seconds after which a turn is given up
    """

    side: Side
    function: str
    calls: int
    messages: float
    turn_seconds: float
    deadline: float = _ASK_SECONDS

    def __call__(self) -> float:
        """Seconds of a call, in one turn. Raises Mismatch."""
        turn = self.side.turn(self.function, self.calls, self.deadline)
        return max(turn - self.messages, 0.1 * turn) / self.calls


def calibrated(reference: Side, function: str) -> Contestant:
    """The reference's contestant: as many calls a turn as fill it, and the time of messages."""
    once = min(reference.turn("", 1) for _ in range(_BLANKS))
    call = min(reference.turn(function, 1) for _ in range(3)) - once
    calls = min(MOST_CALLS, max(1, math.ceil(TURN_SECONDS / max(call, _SHORTEST))))
    messages = min(reference.turn("", calls) for _ in range(_BLANKS))
    turn = messages + calls * max(call, _SHORTEST)
    return Contestant(reference, function, calls, messages, turn)


def _waited(before: Account, after: Account) -> float:
    """Seconds in which the function waited for a processor that other programs had. Nothing, where
    there are processes that could have had it on its behalf."""
    if before.asked is None or after.asked is None:
        return 0.0
    return max(0.0, after.asked - before.asked)


@cache
def throttled(root: Path = Path("/sys/fs/cgroup")) -> bool:
    """Whether this control group may use less than all of the processors' time: then what the
    clock says depends on how much of it is left. An older kernel tells it in another file."""
    for name, unlimited in (("cpu.max", "max"), ("cpu/cpu.cfs_quota_us", "-1")):
        with suppress(OSError):
            return not (root / name).read_text().startswith(unlimited)
    return False


def _padded(shape: torch.Size) -> int:
    return -(-4 * math.prod(shape) // _ALIGNED) * _ALIGNED


def _memory(size: int) -> int:
    """A descriptor of `size` bytes of memory that nobody can make shorter or longer."""
    descriptor = os.memfd_create("turns", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _share(channel: Channel, descriptor: int, size: int) -> None:
    """Give the other side the memory."""
    deadline = time.monotonic() + _ASK_SECONDS
    nonce = post(channel, {"op": "share", "bytes": size}, deadline)
    try:
        socket.send_fds(channel.sock, [b"M"], [descriptor])
    except OSError:
        raise Closed("the other side is gone") from None
    expect(channel.receive(deadline), nonce)
