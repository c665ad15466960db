"""The end of a sandbox: every process below the supervisor, and every file that was left."""

from __future__ import annotations

import itertools
import os
import signal
import tempfile
from collections.abc import Iterator
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
    """Remove what a run left in the folders that everyone may write to: all that can be removed,
    whatever cannot. Raises OSError for the first of these."""
    failed: list[OSError] = []
    for path in _left(user, work):
        try:
            remove(path)
        except OSError as error:
            failed.append(error)
    if failed:
        raise failed[0]


def _left(user: int | None, work: str) -> Iterator[str]:
    if work:
        yield work
    if not work or user is None:
        return
    for folder in filter(os.path.isdir, _OPEN_TO_ALL):
        for entry in list(os.scandir(folder)):
            with suppress(FileNotFoundError):  # another program's, and gone by now
                if entry.stat(follow_symlinks=False).st_uid == user:
                    yield entry.path


def remove(path: str) -> None:
    """Remove a file or a folder of any depth: folders within folders are moved to one of our own
    before they are entered, so that neither paths nor this program's stack grow, and no name that
    is there is met. Links are not followed."""
    if os.path.islink(path) or not os.path.isdir(path):
        with suppress(FileNotFoundError):
            os.unlink(path)
        return
    aside = tempfile.mkdtemp(prefix="removing-", dir=os.path.dirname(os.path.abspath(path)))
    try:
        numbers = itertools.count()
        _empty(path, aside, numbers)
        while moved := _entries(aside):
            for entry in moved:
                _empty(entry.path, aside, numbers)
                os.rmdir(entry.path)
    finally:
        with suppress(OSError):  # it holds what could not be removed
            os.rmdir(aside)
    os.rmdir(path)


def _empty(folder: str, aside: str, numbers: Iterator[int]) -> None:
    """Remove the files of a folder, and move its folders aside."""
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            os.chmod(entry.path, 0o700)  # what is moved to another parent must be writable
            os.rename(entry.path, os.path.join(aside, str(next(numbers))))
        else:
            os.unlink(entry.path)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    os.chmod(folder, 0o700)
    with os.scandir(folder) as entries:
        return list(entries)
