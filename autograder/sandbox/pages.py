"""Touches memory ahead: the pages that a fork will need are its own before anybody waits for it.

A fork shares its parent's memory until one of them writes to it, page by page, and each first touch
costs a fault of a few microseconds: for short work that is most of what it takes. Which pages some
kind of work touches is learnt once, in a fork that does it (`learn`); the addresses are the same in
all later forks, which can touch them while others work (`touch`). Nothing but speed changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from autograder.sandbox import kernel
from autograder.sandbox.forked import forked

_PAGE = os.sysconf("SC_PAGE_SIZE")
_WINDOW = 16 * _PAGE  # of a file, the kernel maps that many pages at a touch
_BITS = (63, 61, 56)  # of an entry of /proc/PID/pagemap: present, of a file, mapped only here
_LARGEST = 1 << 32  # bytes; larger areas are address space that was set aside

Span = tuple[int, int]  # first address, bytes
Held = tuple[np.ndarray, np.ndarray]  # addresses of pages: of its own, and of files


@dataclass(frozen=True)
class Pages:
    """Memory that some work writes to, and memory of files that it reads or runs."""

    written: Sequence[Span] = ()
    read: Sequence[Span] = ()


def learn(work: Callable[[], object]) -> Pages:
    """What `work` touches, done in a fork of this process; nothing where that cannot be told."""

    def looking() -> tuple[list[Span], list[Span]]:
        areas = list(_areas())
        _held(areas)  # what looking touches is not to count
        before = _held(areas)
        work()
        return _since(before, _held(areas))

    return Pages(*(forked(looking) or ()))


def touch(pages: Pages) -> None:
    """Have these pages, where they still are."""
    for spans, advice in (
        (pages.written, kernel.MADV_POPULATE_WRITE),
        (pages.read, kernel.MADV_POPULATE_READ),
    ):
        for start, size in spans:
            with suppress(OSError):  # unmapped since, or of another kind
                kernel.advise(start, size, advice)


def _areas() -> Iterator[Span]:
    """The memory that is mapped."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            if end - start < _LARGEST and "[v" not in line:  # vvar, vdso, vsyscall
                yield start, end - start


def _held(areas: Sequence[Span]) -> Held:
    """The pages that are this process's own now, and files' pages it has mapped. Raises OSError."""
    own, files = [], []
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for start, size in areas:
            pagemap.seek(start // _PAGE * 8)
            entries = np.frombuffer(pagemap.read(size // _PAGE * 8), np.uint64)
            present, of_file, mine = (entries >> np.uint64(bit) & np.uint64(1) for bit in _BITS)
            own.append(start + _PAGE * np.flatnonzero(present & mine & ~of_file))
            files.append(start + _PAGE * np.flatnonzero(present & of_file))
    return np.concatenate(own), np.concatenate(files)


def _since(before: Held, after: Held) -> tuple[list[Span], list[Span]]:
    """What is new: pages in a row together, and of a file one page for each window."""
    own, files = (np.setdiff1d(new, old) for old, new in zip(before, after, strict=True))
    rows = np.split(own, np.flatnonzero(np.diff(own) != _PAGE) + 1) if own.size else []
    windows = {address // _WINDOW: address for address in files.tolist()}
    return (
        [(int(row[0]), len(row) * _PAGE) for row in rows],
        [(address, _PAGE) for address in windows.values()],
    )
