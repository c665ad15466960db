"""Limits of time that do not count what a sandbox waited for a processor, which others had.

Limits are by the clock, since what sleeps or hangs uses no processor. On a busy machine the clock
goes on while a submission could run and does not; that much longer it may take.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from autograder.sandbox.freeze import Account
from autograder.wire import TimedOut, WireError

_LONGEST = 3  # times a limit: whose own processes wait for one another gains no more than that
_WORTH_WAITING = 0.01  # seconds

Answer = TypeVar("Answer")


class Patience:
    """For one sandbox at a time. `account` asks for its `Account` so far, or raises WireError."""

    def __init__(self, account: Callable[[], Account]):
        self._account = account
        self._waited = self._granted = 0.0

    def new_sandbox(self) -> None:
        """From now on `account` tells of another sandbox, which has waited for nothing yet."""
        self._waited = 0.0

    def clock(self) -> float:
        """Seconds of `time.monotonic()`, less those by which limits were put off."""
        return time.monotonic() - self._granted

    def within(self, seconds: float, answer: Callable[[float], Answer]) -> Answer:
        """What `answer` gives, which takes a deadline and can be called again after TimedOut.
        Raises what it raises, TimedOut too once the limit is passed."""
        deadline = time.monotonic() + seconds
        last = deadline + (_LONGEST - 1) * seconds
        while True:
            try:
                return answer(deadline)
            except TimedOut:
                later = min(deadline + self._more(), last)
                if later - deadline < _WORTH_WAITING:
                    raise
                self._granted += later - deadline
                deadline = later

    def _more(self) -> float:
        """Seconds that it has waited for a processor since this was last asked, or ever."""
        try:
            waited = self._account().waited
        except WireError:
            return 0.0
        before, self._waited = self._waited, waited
        return max(0.0, waited - before)
