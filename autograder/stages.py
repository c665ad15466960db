"""Where the seconds of a submission go, stage by stage: for benches, and free where nobody looks.

    with stages.watched() as seconds:
        grader.grade(submission)
    seconds["calls"]  # spent waiting for the student's functions

A stage inside another is not counted in both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_watch: ContextVar[dict[str, float] | None] = ContextVar("watch", default=None)


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Collect the seconds of every stage entered inside this block, in this thread."""
    seconds: dict[str, float] = {}
    token = _watch.set(seconds)
    try:
        yield seconds
    finally:
        _watch.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What happens inside this block is of stage `name`, but for the stages inside it."""
    seconds = _watch.get()
    if seconds is None:
        yield
        return
    inside = dict[str, float]()
    token = _watch.set(inside)
    started = time.perf_counter()
    try:
        yield
    finally:
        spent = time.perf_counter() - started
        _watch.reset(token)
        inside[name] = inside.get(name, 0.0) + spent - sum(inside.values())
        for which, more in inside.items():
            seconds[which] = seconds.get(which, 0.0) + more
