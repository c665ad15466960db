"""The processors of this machine, and which of them a process runs on.

Those who wait for one another share one, and others keep off it: waking a process on another
processor takes longer than most calls of a notebook's functions.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path


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


def count() -> int:
    """How many this thread may run on."""
    return len(available()) or os.cpu_count() or 1


@cache
def model() -> str:
    """What they are called."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
