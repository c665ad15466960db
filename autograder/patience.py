"""Limits of time that do not count what a sandbox waited for a processor, which others had.

Limits are by the clock, since what sleeps or hangs uses no processor. On a busy machine the clock
goes on while a submission could run and does not; that much longer it may take, up to `_LONGEST`
times its limit: whose own processes wait for one another gains no more than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from autograder.sandbox.freeze import Account
from autograder.wire import TimedOut, WireError

_LONGEST = 3
_WORTH_WAITING = 0.01  # seconds

Answer = TypeVar("Answer")


@dataclass
class Allowance:
    """Seconds that something may take in all its parts together, as a function in all its calls.

    granted  of the seconds `spent` by the clock, those for which its sandbox had waited
    """

    seconds: float
    spent: float = 0.0
    granted: float = 0.0

    @property
    def left(self) -> float:
        """Seconds until it has had its time."""
        return min(self.seconds - self.spent + self.granted, self.longest)

    @property
    def longest(self) -> float:
        """Seconds until it has had its time, whatever it waits for."""
        return _LONGEST * self.seconds - self.spent

    @contextmanager
    def spending(self) -> Iterator[None]:
        """What this block takes is spent."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.spent += time.monotonic() - started


class Patience:
    """For one sandbox at a time. `account` asks for its `Account` so far, or raises WireError."""

    def __init__(self, account: Callable[[], Account]):
        self._account = account
        self._waited = 0.0

    def new_sandbox(self) -> None:
        """From now on `account` tells of another sandbox, which has waited for nothing yet."""
        self._waited = 0.0

    def within(self, answer: Callable[[float], Answer], *limits: Allowance) -> Answer:
        """What `answer` gives, which takes a deadline and can be called again after TimedOut; each
        of the limits is charged with the time that it takes. Raises what it raises, TimedOut too
        once one of them is used up."""
        started = time.monotonic()
        deadline = started + min(limit.left for limit in limits)
        last = started + min(limit.longest for limit in limits)
        try:
            while True:
                try:
                    return answer(deadline)
                except TimedOut:
                    later = min(deadline + self._more(), last)
                    if later - deadline < _WORTH_WAITING:
                        raise
                    for limit in limits:
                        limit.granted += later - deadline
                    deadline = later
        finally:
            for limit in limits:
                limit.spent += time.monotonic() - started

    def _more(self) -> float:
        """Seconds that it has waited for a processor since this was last asked, or ever."""
        try:
            waited = self._account().waited
        except WireError:
            return 0.0
        before, self._waited = self._waited, waited
        return max(0.0, waited - before)
