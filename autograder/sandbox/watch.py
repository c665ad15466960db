"""What all processes of one sandbox use together, as the supervisor sees it from outside.

The kernel counts memory and descriptors by process, and files by user or not at all: a program that
spreads over many processes would get each limit many times. Comes in: a sandbox's settings and its
first process. Goes out: which limit was passed ("" if none). Nothing here is told by the student's
side: all of it is read from /proc and from the folders that may be written to.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from autograder.sandbox.seal import Settings, resident_at_start

INTERVAL = 0.2  # seconds between two looks
_DEEPEST = 64  # folders within folders
_SHARED = "/dev/shm"  # where a sandbox without mounts of its own may write, besides its work folder


def overrun(settings: Settings, child: int, work: str) -> str:
    """The limit that the processes from `child` on have passed together: "memory", "processes",
    "open files" or "disk"; "" if none."""
    alive = [child, *descendants(child)]
    if len(alive) > settings.processes:
        return "processes"
    if sum(map(_open_files, alive)) > settings.open_files:
        return "open files"
    most = settings.memory_bytes + resident_at_start()
    if sum(map(_resident, alive)) > most and sum(map(_share, alive)) > most:
        return "memory"
    if work and _written(settings, alive, work) > settings.disk_bytes:
        return "disk"
    return ""


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
    """Bytes of memory that a process has in use, pages it shares counted whole: quickly read."""
    return _kibibytes(process, "status", ("VmRSS:", "VmPTE:"))


def _share(process: int) -> int:
    """The same with a page that n processes share counted as 1/n (proportional set size)."""
    pages = _kibibytes(process, "smaps_rollup", ("Pss:",))
    tables = _kibibytes(process, "status", ("VmPTE:",))
    return pages + tables if pages else _resident(process)


def _kibibytes(process: int, file: str, keys: tuple[str, ...]) -> int:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{process}/{file}").read_text().splitlines()
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(keys))
    return 0


def _written(settings: Settings, alive: list[int], work: str) -> int:
    """Bytes on disk below the work folder and, of this user, in shared memory; deleted files that
    are still open too."""
    owner = os.getuid() if settings.user is None else settings.user
    found = {**dict(_files_below(work)), **dict(_files_below(_SHARED, owner))}
    for process in alive:
        found.update(_deleted(process))
    return sum(found.values())


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
    with contextlib.suppress(OSError):
        for entry in os.listdir(f"/proc/{process}/fd"):
            status = os.stat(f"/proc/{process}/fd/{entry}")
            if status.st_nlink == 0:
                yield (status.st_dev, status.st_ino), 512 * status.st_blocks
