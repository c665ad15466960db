"""The end of a sandbox: every process below the supervisor, and every file that was left."""

from __future__ import annotations

import itertools
import os
import signal
from contextlib import suppress
from pathlib import Path

from autograder.sandbox.seal import Settings

_KILLER = 64999  # a uid that nothing else runs as
_OPEN_TO_ALL = ("/tmp", "/var/tmp", "/dev/shm")  # where they are there


def kill_descendants(settings: Settings) -> None:
    """Kill and reap every process below this one, also those that hid (needs `adopt_orphans`) or
    that fork faster than a list of them can be read (needs a user of their own; namespaces end
    with their first process)."""
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while True:
        listed = children.read_text().split()
        if not listed:
            return
        for child in listed:
            try:
                os.kill(int(child), signal.SIGKILL)
            except ProcessLookupError:
                continue
        if settings.user is not None and settings.level != "namespaces":
            _kill_all_of(settings.user)
        for _ in listed:
            try:
                os.waitpid(-1, 0)
            except ChildProcessError:
                break


def _kill_all_of(user: int) -> None:
    """Kill every process of a user at once, from one that nobody else can kill: the kernel does not
    let a process fork while it sends a signal to all. Needs root."""
    helper = os.fork()
    if helper == 0:
        try:
            os.setresuid(_KILLER, user, _KILLER)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(helper, 0)


def sweep(user: int | None, work: str) -> None:
    """Remove what a run left in the folders that everyone may write to."""
    if work:
        remove(work)
    if not work or user is None:
        return
    for folder in filter(os.path.isdir, _OPEN_TO_ALL):
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):  # another program's, and gone by now
                if entry.stat(follow_symlinks=False).st_uid == user:
                    remove(entry.path)


def remove(path: str) -> None:
    """Remove a file or a folder of any depth: folders within folders are moved up before they are
    entered, so that neither paths nor this program's stack grow. Links are not followed."""
    if os.path.islink(path) or not os.path.isdir(path):
        with suppress(FileNotFoundError):
            os.unlink(path)
        return
    moved = itertools.count()
    while entries := _entries(path):
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
                continue
            for inner in _entries(entry.path):
                if inner.is_dir(follow_symlinks=False):
                    os.rename(inner.path, os.path.join(path, f"\n{next(moved)}"))
                else:
                    os.unlink(inner.path)
            os.rmdir(entry.path)
    os.rmdir(path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        return list(entries)
