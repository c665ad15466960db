"""What sandboxes left on this machine: processes and files of the users that they ran as."""

from __future__ import annotations

import ctypes
import gc
import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from autograder.sandbox import watch


def processes(users: Collection[int]) -> list[str]:
    """Ids of living processes of these users."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = status.read_bytes().split(b"\n")  # a name may hold any bytes
        except OSError:
            continue
        told = dict(line.split(b":\t", 1) for line in lines if b":\t" in line)
        if int(told[b"Uid"].split()[0]) in users and not told[b"State"].startswith(b"Z"):
            found.append(status.parent.name)
    return found


def files(users: Collection[int]) -> list[str]:
    """Entries of these users in the folders that everyone may write to."""
    found = []
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):  # another program's, and gone by now
                if entry.stat(follow_symlinks=False).st_uid in users:
                    found.append(entry.path)
    return found


def of_this_user(warm: int, since: float) -> list[str]:
    """Work folders made since then, and processes forked from a warm process but for this one, that
    are this user's: where sandboxes have no user of their own."""
    found = []
    for folder in Path("/tmp").glob("student-*"):
        with suppress(FileNotFoundError):  # another program's, and gone by now
            if folder.stat().st_uid == os.getuid() and folder.stat().st_ctime >= since:
                found.append(str(folder))
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            forked = b"autograder.sandbox.zygote" in (process / "cmdline").read_bytes()
            at_work = os.readlink(process / "cwd").startswith("/tmp/student-")
            mine = process.stat().st_uid == os.getuid()
            if (forked or at_work) and mine and process.name != str(warm):
                found.append(process.name)
    return found


def shared_memory(users: Collection[int]) -> list[str]:
    """Blocks of System V memory, semaphores and queues of these users: they belong to no process.
    (POSIX's are files in /dev/shm.)"""
    found = []
    for path in (Path("/proc/sysvipc") / kind for kind in ("shm", "sem", "msg")):
        head, *lines = path.read_text().splitlines() if path.exists() else [""]
        for line in lines:
            row = dict(zip(head.split(), line.split(), strict=False))
            if int(row["uid"]) in users:
                found.append(f"{path.name} {line}")
    return found


def descriptors(process: int | str = "self") -> list[str]:
    """What a process has open, without the numbers of sockets and pipes."""
    found = []
    for entry in os.listdir(f"/proc/{process}/fd"):
        try:
            found.append(os.readlink(f"/proc/{process}/fd/{entry}").split(":")[0])
        except FileNotFoundError:
            continue  # the listing's own
    return sorted(found)


def below(process: int) -> list[str]:
    """The names of the processes that this one started, of those that they started, and so on."""
    found = []
    for pid in watch.descendants(process):
        with suppress(OSError):  # it has ended
            found.append(Path(f"/proc/{pid}/comm").read_text(errors="replace").strip())
    return found


def memory(process: int) -> int:
    """The bytes in memory of a process, what it shares with others included."""
    pages = Path(f"/proc/{process}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


def give_back_memory() -> None:
    """Give what this process has freed back to the system: the C library keeps some of it."""
    gc.collect()
    with suppress(AttributeError):  # another C library than GNU's
        ctypes.CDLL(None).malloc_trim(0)
