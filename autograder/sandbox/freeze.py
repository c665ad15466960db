"""Stops and continues everything in a sandbox, and reads how the kernel accounts for its time.

Runs in the supervisor, the parent of all that a sandbox holds. What is stopped can neither work
ahead nor take the processor from whoever is measured meanwhile. Processes are held by descriptors
(pidfd), so that a number which the kernel has given to somebody else is never signalled.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.sandbox.watch import descendants

_TICKS = os.sysconf("SC_CLK_TCK")
_PATIENCE = 2.0  # seconds until every process must have come to rest
_ALONE = 2  # processes: the notebook's, and the fork that is asked
_LOOKS = 2  # in a row, that must find all of them at rest


@dataclass(frozen=True)
class Account:
    """Seconds: `cpu` of the processors' time, used by all threads of all processes, and `waited`,
    in which their main threads could have run and something else did; `asked`, the same of the one
    that answers, where nobody but the notebook's process and its fork is there, else None."""

    cpu: float
    waited: float
    asked: float | None = None


class Freezer:
    """All descendants of this process."""

    def __init__(self) -> None:
        self._held: dict[int, int] = {}  # process -> its descriptor, of those that are stopped

    def stop(self) -> dict[str, float | None]:
        """Stop them all, wait until they rest, and return their `Account` so far. Raises
        TimeoutError where they do not come to rest.

        One look is not enough: a process whose parent ends meanwhile has just left the one's list
        of children, and is not in the other's yet."""
        deadline, at_rest = time.monotonic() + _PATIENCE, 0
        while True:
            found = list(descendants(os.getpid()))
            new = [pid for pid in found if pid not in self._held]
            at_rest = at_rest + 1 if not new and all(map(_rests, found)) else 0
            if at_rest == _LOOKS:
                return account(found)
            if time.monotonic() > deadline:
                raise TimeoutError("the processes of the sandbox do not come to rest")
            for pid in new:
                self._hold(pid)

    def go_on(self) -> None:
        """Let all of them go on."""
        for descriptor in self._held.values():
            _signal(descriptor, signal.SIGCONT)
            os.close(descriptor)
        self._held.clear()

    def _hold(self, pid: int) -> None:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        if pid in descendants(os.getpid()):  # the number is still theirs
            _signal(descriptor, signal.SIGSTOP)
            self._held[pid] = descriptor
        else:
            os.close(descriptor)


def account(found: Sequence[int]) -> dict[str, float | None]:
    """The `Account` of these processes, which are all descendants of this one, parents first."""
    cpu = sum(map(_cpu_seconds, found)) + _of_children(os.getpid())
    waits = [waited(process) for process in found]
    return asdict(Account(cpu, sum(waits), waits[-1] if 0 < len(waits) <= _ALONE else None))


def waited(pid: int | str = "thread-self") -> float:
    """Seconds in which a process's main thread, or the thread that asks, waited for a processor;
    0 where the kernel does not tell."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def _cpu_seconds(pid: int) -> float:
    """Processor seconds of a process, with all its threads, and of its children that have ended
    (these in steps of the kernel's tick)."""
    try:
        return time.clock_gettime((~pid << 3) | 2) + _of_children(pid)  # CPUCLOCK_SCHED of `pid`
    except OSError:
        return 0.0


def _of_children(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / _TICKS if fields else 0.0


def _rests(pid: int) -> bool:
    """Whether a process is stopped or has ended."""
    fields = _stat(pid)
    return not fields or fields[0] in "TtZX"


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold anything; [] if it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _signal(descriptor: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it has ended
        signal.pidfd_send_signal(descriptor, number)
