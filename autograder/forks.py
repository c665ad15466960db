"""Forks of a notebook's process, one a question, each asked for while the one before still works.

Nothing happens in that process between two forks, so a fork made early is the same fork.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from autograder.channel import Channel
from autograder.sandbox.child import Child, check_fork

_FORK_SECONDS = 5.0
_REAP_SECONDS = 2.0


@dataclass(frozen=True)
class Fork:
    """A process that answers on `channel`. `number` tells it from its siblings; None is the
    notebook's own process, which cannot be asked for anything else meanwhile."""

    channel: Channel
    number: int | None

    @property
    def alone(self) -> bool:
        return self.number is None


class Forks:
    """Forks of `child`. As many as `expected` are asked for ahead; more can be had.

    Requests go to the child one after another, and answers are read when they are needed. All
    methods raise what `Child.ask` raises; then the child is of no more use. `take` raises
    ForkForbiddenError too, where the child has begun to use CUDA.
    """

    def __init__(self, child: Child, expected: int):
        self._child = child
        self._left = expected
        self._numbers = itertools.count()
        self._asked: deque[str] = deque()  # nonces of answers that are still to come, in order
        self._answers: dict[str, dict[str, Any]] = {}
        self._next: tuple[str, Fork] | None = None

    @property
    def more(self) -> bool:
        """Whether some that are expected have not been taken."""
        return self._left > 0

    def take(self) -> Fork:
        """A fresh fork."""
        deadline = time.monotonic() + _FORK_SECONDS
        if self._next is None:
            self._next = self._start(deadline)
        (nonce, fork), self._next = self._next, None
        try:
            check_fork(self._answer(nonce, deadline))
        except BaseException:
            fork.channel.close()
            raise
        self._left -= 1
        if self._left > 0:
            self._next = self._start(deadline)
        return fork

    def reap(self, fork: Fork, wait: bool) -> int | None:
        """End a fork; where waited for, how it ended: an exit code, or -signal, if it is told."""
        deadline = time.monotonic() + _REAP_SECONDS
        nonce = self._child.start({"op": "reap", "number": fork.number}, deadline)
        self._asked.append(nonce)
        status = self._answer(nonce, deadline).get("status") if wait else None
        return status if isinstance(status, int) else None

    def _start(self, deadline: float) -> tuple[str, Fork]:
        number = next(self._numbers)
        nonce, channel = self._child.start_fork(number, deadline)
        self._asked.append(nonce)
        return nonce, Fork(channel, number)

    def _answer(self, nonce: str, deadline: float) -> dict[str, Any]:
        """The answer to one request. Of those that come before it only that about the fork made
        ahead is kept: nobody waits for the others."""
        ahead = self._next[0] if self._next else ""
        while nonce not in self._answers:
            first = self._asked.popleft()
            answer = self._child.finish(first, deadline)
            if first in (nonce, ahead):
                self._answers[first] = answer
        return self._answers.pop(nonce)

    def close(self) -> None:
        """Let go of a fork that was made ahead and is not needed."""
        if self._next is not None:
            self._next[1].channel.close()
            self._next = None
