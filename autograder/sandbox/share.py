"""One sandbox, one share of the processors, however many processes and threads it runs.

The kernel shares processors among threads. With n that want to run, a sandbox would get n shares
beside one whose code has a single thread; so each of them is made nicer, to about an nth of its
weight. Runs in the supervisor, below which all of them are.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_STEP = 1.25  # a thread's weight over that of one which is nicer by one
_NICEST = 19
_SUPERVISORS = -10


def even_out(processes: Iterable[int]) -> None:
    """Make the threads of these processes, together, weigh as much as one."""
    threads = [int(thread) for process in processes for thread in _threads(process)]
    running = sum(map(_runs, threads))
    nice = min(_NICEST, round(math.log(max(1, running), _STEP)))
    for thread in threads:
        with suppress(OSError):  # it has ended; or is to be less nice, which takes root
            if os.getpriority(os.PRIO_PROCESS, thread) != nice:
                os.setpriority(os.PRIO_PROCESS, thread, nice)


def go_first() -> None:
    """Have this process, where it may, run before what it looks after: that is not to keep it from
    doing so."""
    with suppress(OSError):  # it takes root
        os.setpriority(os.PRIO_PROCESS, 0, _SUPERVISORS)


def _threads(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")
    except OSError:
        return []


def _runs(thread: int) -> bool:
    """Whether it has a processor, or waits for one."""
    try:
        return Path(f"/proc/{thread}/stat").read_bytes().rpartition(b")")[2].split()[0] == b"R"
    except (OSError, IndexError):
        return False
