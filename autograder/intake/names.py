"""Names that others chose, made fit to show and to use: file names, ids, students' names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

ID_BYTES = 120  # file systems take 255; this leaves room for suffixes and temporary names
SHOWN = 100
_JOINERS = "\u200c\u200d"  # invisible, and part of names in several scripts
_FORBIDDEN = re.compile(r'[<>:"/\\|?*;]')  # separators, and what Windows and spreadsheets refuse
# Files of the grader's own beside the ids' folders.
RESERVED = set(
    "grades.csv report.html overrides.toml written written.csv canvas.csv anonymous.csv".split()
)


def plain(text: str) -> str:
    """`text` on one line, without control, direction and broken characters.

    >>> plain("Ada\\n\\u202eLovelace")
    'Ada Lovelace'
    """
    line = " ".join(text.split())
    kept = (c for c in line if c in _JOINERS or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", "".join(kept))


def shown(name: str) -> str:
    """A file name for a sentence: plain and not too long, its end kept."""
    name = plain(name) or "(a file without a name)"
    half = SHOWN // 2
    return name if len(name) <= SHOWN else f"{name[:half]}…{name[-half:]}"


def safe_id(name: str) -> str:
    """`name` as the name of one folder: recognisable, never a path, never hidden.

    >>> safe_id("../Ada Lovelace: hw8")
    '_Ada Lovelace_ hw8'
    """
    text = _FORBIDDEN.sub("_", plain(name[:1000])).lstrip(". ")
    text = text.encode()[:ID_BYTES].decode(errors="ignore").rstrip(". ")
    return text or "submission"


def unique_ids(names: Iterable[str]) -> list[str]:
    """An id for each name; a second one of the same name ends in -2, and so on. Names that
    differ only in case are the same: some file systems cannot tell them apart."""
    taken = set(RESERVED)
    ids = []
    for name in names:
        stem = candidate = safe_id(name)
        count = 1
        while candidate.casefold() in taken:
            count += 1
            candidate = f"{stem}-{count}"
        taken.add(candidate.casefold())
        ids.append(candidate)
    return ids


def base(path: str) -> str:
    """The last part of a path within a submission."""
    return path.rsplit("/", 1)[-1]


def listed(names: Iterable[str], most: int = 5) -> str:
    """File names for a sentence: "a.py, b.py and 3 more"."""
    names = [shown(name) for name in names]
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
