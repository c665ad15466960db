"""One sandboxed process, as the trusted side holds it: a channel to it, and the power to stop it.

A request carries a nonce, and an answer that does not echo it is refused.
"""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from autograder.channel import Channel
from autograder.sandbox import processors
from autograder.sandbox.freeze import Account
from autograder.wire import Closed, WireError

_STOP_SECONDS = 10.0


class SandboxError(RuntimeError):
    """The sandbox itself failed: never the student's doing."""


class ForkForbiddenError(Exception):
    """The child uses CUDA, which a fork of it could not."""


class Child:
    """One sandboxed process: a channel to talk on, and the power to interrupt or end it. End or
    close it (or use it as a context manager): its slot is taken until then.

    release  gives its place back; told whether all that ran there is known to be gone
    ending   takes the child that is told to end, and sees to the rest
    """

    def __init__(
        self,
        channel: Channel,
        control: Channel,
        release: Callable[[bool], None],
        ending: Callable[[Child], None],
    ):
        self.channel = channel
        self._control = control
        self._release = release
        self._ending = ending
        self.on_end: Callable[[], None] = lambda: None
        self._open = True
        self._report: Any = None  # how the child ended, once that was learnt
        self._closed = False
        self._closing = threading.Lock()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def wait_until_sealed(self, deadline: float) -> None:
        """Raises SandboxError if the sandbox could not be made, and is closed then."""
        try:
            answer = self.channel.receive(deadline)
        except WireError:
            answer = {"sealed": False}
        if answer.get("sealed") is not True:
            report = self.close()
            reason = answer.get("error") or report.get("error") or "it ended at once"
            raise SandboxError(f"the sandbox could not be made: {reason}")

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send a request and return its answer. Raises Closed, TimedOut, or WireError for an
        answer that does not echo this request's nonce."""
        return ask(self.channel, request, deadline)

    def start(self, request: dict[str, Any], deadline: float) -> str:
        """Send a request and return the nonce that `finish` wants."""
        return post(self.channel, request, deadline)

    def finish(self, nonce: str, deadline: float) -> dict[str, Any]:
        """The answer to a request that was started; may be tried again after TimedOut."""
        return expect(self.channel.receive(deadline), nonce)

    def start_fork(self, number: int, deadline: float) -> tuple[str, Channel]:
        """Ask for a fork of the child as it is now, to be known by this number: the nonce of the
        answer that `check_fork` wants before the channel may be used. It runs on the processors
        that this thread runs on: they will wait for one another."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                request = {"op": "fork", "number": number, "processors": processors.available()}
                nonce = self.start(request, deadline)
                socket.send_fds(self.channel.sock, [b"F"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise Closed("the other side is gone") from None
        except BaseException:
            ours.close()
            raise
        return nonce, self.channel.like_this(ours)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the child, as Jupyter's stop button does."""
        self._tell(b"I")

    def end(self) -> None:
        """End the child; with `ahead`, without waiting until all is gone."""
        if self._kill():
            self._ending(self)

    def freeze(self) -> Account:
        """Stop everything in the sandbox, until `thaw`; how its time was spent so far. Raises
        Closed where the sandbox has ended, TimedOut."""
        return Account(**self._order(b"S", "stopped"))

    def thaw(self) -> None:
        """Let everything that `freeze` stopped go on. Raises as it does."""
        self._order(b"C", "going")

    def account(self) -> Account:
        """How the time of everything in the sandbox was spent so far. Raises as `freeze` does."""
        return Account(**self._order(b"A", "account"))

    def _order(self, letter: bytes, done: str) -> Any:
        """Tell the supervisor something, and wait until it says that it is done."""
        self._tell(letter)
        answer = self._control.receive(time.monotonic() + _STOP_SECONDS)
        if not isinstance(answer, dict) or done not in answer:
            self._report = answer
            raise Closed("the sandbox has ended")
        return answer[done]

    def close(self) -> dict[str, Any]:
        """End the child, wait until all it started is gone, and return how it ended:
        {"status", "over", "cpu_seconds", "peak_bytes"}, or {"error"}; and whether all is "gone"."""
        self._kill()
        with self._closing:
            if not self._closed:
                self._closed = True
                self._report = self._report or self._last_words()
                self.channel.close()
                self._control.close()
                self._release(isinstance(self._report, dict) and self._report.get("gone") is True)
        return self._report if isinstance(self._report, dict) else {}

    def gone(self) -> bool:
        """Whether all is over, so that `close` does not wait."""
        if self._report is not None:
            return True
        told = select.poll()
        told.register(self._control.sock, select.POLLIN)
        return bool(told.poll(0))

    def _kill(self) -> bool:
        """Tell the child to end, and give its slot back; False if that was done before."""
        was_open, self._open = self._open, False
        if was_open:
            self._tell(b"K")
            self.on_end()
        return was_open

    def _last_words(self) -> dict[str, Any]:
        try:
            report = self._control.receive(time.monotonic() + _STOP_SECONDS)
        except WireError:
            report = {"error": "the supervisor did not answer", "gone": False}
        return report if isinstance(report, dict) else {}

    def _tell(self, letter: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended: its report waits to be read
            self._control.sock.sendall(letter)


def check_fork(answer: dict[str, Any]) -> None:
    """Raise ForkForbiddenError where the answer to a fork says so."""
    if answer.get("forbidden"):
        raise ForkForbiddenError


def ask(channel: Channel, request: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Send a request with a fresh nonce and return the answer that echoes it."""
    nonce = post(channel, request, deadline)
    return expect(channel.receive(deadline), nonce)


def post(channel: Channel, request: dict[str, Any], deadline: float) -> str:
    """Send a request and return the nonce that its answer must echo."""
    nonce = secrets.token_hex(8)
    channel.send({**request, "nonce": nonce}, deadline)
    return nonce


def expect(answer: object, nonce: str) -> dict[str, Any]:
    """The answer, if it echoes the nonce. Raises WireError."""
    if not isinstance(answer, dict) or answer.get("nonce") != nonce:
        raise WireError("an answer to a question that was not asked")
    return answer
