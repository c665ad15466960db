"""Which processors a process runs on: those who wait for one another share one, others keep off it.

Waking a process on another processor takes longer than most calls of a notebook's functions.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress


def available() -> list[int]:
    """Those that this thread may run on; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def run_on(processors: Iterable[int], process: int = 0) -> None:
    """Run this thread, or the first one of that process, on these, if any are given and can be
    had."""
    wanted = set(processors)
    if wanted and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # taken from this machine since
            os.sched_setaffinity(process, wanted)


def keep_off(processors: Iterable[int]) -> None:
    """Run this thread on what it has besides these, if that is any."""
    run_on(set(available()) - set(processors))
