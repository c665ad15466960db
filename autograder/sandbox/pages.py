"""Touches memory ahead: the pages that a fork will need are its own before anybody waits for it.

A fork shares its parent's memory until one of them writes to it, page by page, and each first touch
costs a fault of a few microseconds: for short work that is most of what it takes. Which pages some
kind of work touches is learnt once, in a fork that does it (`learn`); the addresses are the same in
all later forks, which can touch them while others work (`touch`). Nothing but speed changes.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from autograder.sandbox import kernel

_PAGE = os.sysconf("SC_PAGE_SIZE")
_WINDOW = 16 * _PAGE  # of a file, the kernel maps that many pages at a touch
_BITS = (63, 61, 56)  # of an entry of /proc/PID/pagemap: present, of a file, mapped only here
_LARGEST = 1 << 32  # bytes; larger areas are address space that was set aside

Span = tuple[int, int]  # first address, bytes


@dataclass(frozen=True)
class Pages:
    """Memory that some work writes to, and memory of files that it reads or runs."""

    written: Sequence[Span] = ()
    read: Sequence[Span] = ()


def learn(work: Callable[[], object]) -> Pages:
    """What `work` touches, done in a fork of this process; nothing where that cannot be told."""
    ours, theirs = os.pipe()
    child = kernel.fork()
    if child == 0:
        with suppress(Exception), os.fdopen(theirs, "w") as pipe:
            before = _held()
            work()
            json.dump(_since(before, _held()), pipe)
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return Pages(*json.loads(said)) if said else Pages()


def touch(pages: Pages) -> None:
    """Have these pages, where they still are."""
    for spans, advice in (
        (pages.written, kernel.MADV_POPULATE_WRITE),
        (pages.read, kernel.MADV_POPULATE_READ),
    ):
        for start, size in spans:
            with suppress(OSError):  # unmapped since, or of another kind
                kernel.advise(start, size, advice)


def _held() -> tuple[set[int], set[int]]:
    """Addresses of the pages that are this process's own, and of the files' pages it has mapped.
    Raises OSError."""
    own, files = set[int](), set[int]()
    with open("/proc/self/pagemap", "rb", buffering=0) as pagemap:
        for start, end in _areas():
            pagemap.seek(start // _PAGE * 8)
            entries = np.frombuffer(pagemap.read((end - start) // _PAGE * 8), np.uint64)
            present, of_file, mine = (entries >> np.uint64(bit) & np.uint64(1) for bit in _BITS)
            own.update((start + _PAGE * np.flatnonzero(present & mine & ~of_file)).tolist())
            files.update((start + _PAGE * np.flatnonzero(present & of_file)).tolist())
    return own, files


def _areas() -> Iterator[Span]:
    """First and last address of each area of memory."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
        for line in maps:
            start, end = (int(address, 16) for address in line.split()[0].split("-"))
            if end - start < _LARGEST and "[v" not in line:  # vvar, vdso, vsyscall
                yield start, end


def _since(before: tuple[set[int], set[int]], after: tuple[set[int], set[int]]) -> list[list[Span]]:
    """The pages that are new, in a row where they are; of a file, one for each window."""
    own, files = (new - old for old, new in zip(before, after, strict=True))
    rows = itertools.groupby(enumerate(sorted(own)), lambda item: item[1] - item[0] * _PAGE)
    written = [[address for _, address in row] for _, row in rows]
    windows = sorted({address // _WINDOW: address for address in files}.values())
    return [[(row[0], len(row) * _PAGE) for row in written], [(a, _PAGE) for a in windows]]
