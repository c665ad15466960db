"""What sandboxes left on this machine: processes and files of the users that they ran as."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path


def processes(users: Collection[int]) -> list[str]:
    """Ids of living processes of these users."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        uid = int(text.split("Uid:\t")[1].split("\t")[0])
        if uid in users and "State:\tZ" not in text:
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


def descriptors() -> list[str]:
    """What this process has open, without the numbers of sockets and pipes."""
    found = []
    for entry in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{entry}").split(":")[0])
        except FileNotFoundError:
            continue  # the listing's own
    return sorted(found)
