"""What all processes of one sandbox use together, as the supervisor sees it from outside.

The kernel counts memory and descriptors by process, and files by user or not at all: a program that
spreads over many processes would get each limit many times. Comes in: a sandbox's settings. Goes
out: which limit was passed ("" if none). Runs in the supervisor, below which all of them are.
Nothing here is told by the student's side: all of it is read from /proc and from the folders that
may be written to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox import kernel
from autograder.sandbox.seal import Settings, resident_at_start

INTERVAL = 0.2  # seconds between two looks
_DEEPEST = 64  # folders within folders
# Of a process, in /proc: memory that no file holds. What libraries' files take is everybody's.
_WHOLE = (b"RssAnon:", b"RssShmem:", b"VmPTE:")
_SHARES = (b"Pss_Anon:", b"Pss_Shmem:")
_SHARED = "/dev/shm"  # where a sandbox's own user may write too, if it has no mounts of its own


def overrun(settings: Settings, work: str) -> str:
    """The limit that all processes below this one have passed together: "memory", "processes",
    "open files" or "disk"; "" if none."""
    alive = list(descendants(os.getpid()))
    if len(alive) > settings.processes:
        return "processes"
    with kernel.files_as(settings.user):
        if sum(map(_open_files, alive)) > settings.open_files:
            return "open files"
        most = settings.memory_bytes + resident_at_start()
        if sum(map(_resident, alive)) > most and sum(share(p, _SHARES) for p in alive) > most:
            return "memory"
        found = dict(item for process in alive for item in _deleted(process))
    if work:
        found |= dict(_files_below(work))
        if settings.user is not None:
            found |= dict(_files_below(_SHARED, settings.user))
        if sum(found.values()) > settings.disk_bytes:
            return "disk"
    return ""


def reap_orphans(child: int) -> None:
    """Reap what has ended below this process, but for its own `child`."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None or ended.si_pid == child:
            return
        os.waitpid(ended.si_pid, 0)


def descendants(process: int) -> Iterator[int]:
    """Every process below this one, children before their own children."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:
        return  # it has ended
    for thread in threads:
        with contextlib.suppress(OSError):
            listed = Path(f"/proc/{process}/task/{thread}/children").read_text()
            for child in map(int, listed.split()):
                yield child
                yield from descendants(child)


def _open_files(process: int) -> int:
    with contextlib.suppress(OSError):
        return len(os.listdir(f"/proc/{process}/fd"))
    return 0


def _resident(process: int) -> int:
    """Bytes of memory that a process has in use and no file holds (all of it, where the kernel does
    not tell them apart), pages it shares counted whole: quickly read."""
    return _kibibytes(process, "status", _WHOLE) or _kibibytes(process, "status", (b"VmRSS:",))


def share(process: int, kinds: tuple[bytes, ...] = (b"Pss:",)) -> int:
    """The same with a page that n processes share counted as 1/n (proportional set size), of these
    kinds of memory; of all kinds, unless told."""
    pages = _kibibytes(process, "smaps_rollup", kinds)
    tables = _kibibytes(process, "status", (b"VmPTE:",))
    return pages + tables if pages else _resident(process)


def _kibibytes(process: int, file: str, keys: tuple[bytes, ...]) -> int:
    """The sum of these lines. One of them is the process's name, which may hold any bytes: text
    would not take them all, and has more ends of lines than the kernel's."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/{file}").read_bytes().split(b"\n")
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(keys))
    return 0


def _files_below(folder: str, owner: int | None = None) -> Iterator[tuple[tuple[int, int], int]]:
    """((device, inode), bytes) of every file below, of one owner if that is given."""
    waiting = [(folder, 0)]
    while waiting:
        place, depth = waiting.pop()
        with contextlib.suppress(OSError):
            for entry in os.scandir(place):
                status = entry.stat(follow_symlinks=False)
                # An empty file and a folder take room too; so their number is limited with it, and
                # so is the depth, beyond which files would be out of sight.
                size = max(512 * status.st_blocks, 4096 if depth < _DEEPEST else 1 << 60)
                if owner in (None, status.st_uid):
                    yield (status.st_dev, status.st_ino), size
                if entry.is_dir(follow_symlinks=False) and depth < _DEEPEST:
                    waiting.append((entry.path, depth + 1))


def _deleted(process: int) -> Iterator[tuple[tuple[int, int], int]]:
    """The same for files that were deleted and are still open."""
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{process}/fd"):
            with contextlib.suppress(OSError):  # closed since
                status = os.stat(f"/proc/{process}/fd/{entry}")
                if status.st_nlink == 0:
                    yield (status.st_dev, status.st_ino), 512 * status.st_blocks
