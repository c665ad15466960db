"""The places that sandboxes run in: some free, some with one made ahead, some being cleared away.

A place is a uid that only its sandbox runs as (None where all run as the grader's own user).
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.sandbox.child import Child

User = int | None


class Places:
    """Places by their users. Thread-safe.

    make   starts to make a child in a place; raises where the sandbox itself failed
    ahead  how many children to keep ready
    """

    def __init__(self, users: Iterable[User], make: Callable[[User], Child], ahead: int):
        self._free: queue.SimpleQueue[User] = queue.SimpleQueue()
        for user in users:
            self._free.put(user)
        self.free = self._free.put
        self._make = make
        self._ahead = ahead
        self._ready: deque[Child] = deque()
        self._ending: deque[Child] = deque()
        self._lock = threading.Lock()

    def take(self) -> Child:
        """A child that was made ahead and is still there; else one that is being made."""
        self._look()
        with suppress(IndexError):
            while (child := self._ready.popleft()).gone():
                child.close()
            return child
        return self._start(self._wait())

    def make_ahead(self) -> None:
        """Start to make a child for later, where one is wanted and a place is free right now."""
        self._look()
        with self._lock, suppress(queue.Empty):
            if len(self._ready) < self._ahead:
                self._ready.append(self._start(self._free.get_nowait()))

    def clear_away(self, child: Child) -> None:
        """Free the place of a child that was told to end: once it has, where work goes on ahead,
        else right now."""
        if self._ahead:
            self._ending.append(child)
        else:
            child.close()

    def close(self) -> None:
        """End all that is here, and wait for it."""
        for children in (self._ready, self._ending):
            while children:
                children.popleft().close()

    def _start(self, user: User) -> Child:
        try:
            return self._make(user)
        except BaseException:
            self.free(user)
            raise

    def _look(self) -> None:
        """Free the places of the children that have come to their end."""
        for _ in range(len(self._ending)):
            with suppress(IndexError):
                child = self._ending.popleft()
                if child.gone():
                    child.close()
                else:
                    self._ending.append(child)

    def _wait(self) -> User:
        """A free place, or else the next one to be cleared."""
        while True:
            with suppress(queue.Empty):
                return self._free.get_nowait()
            try:
                self._ending.popleft().close()
            except IndexError:
                return self._free.get()
