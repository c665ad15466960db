"""A path -> the submissions that lie there: a file, a zip, a folder of them, or the export of
Gradescope or Canvas. Only names are looked at here; nothing handed in is opened."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from autograder.intake.files import NOTEBOOK_KINDS, ignored, kind_of
from autograder.intake.model import Entry, IntakeError
from autograder.intake.names import plain

GRADESCOPE_TABLE = "submission_metadata.yml"
MAX_TABLE_BYTES = 64 << 20
# A grader's own files beside the submissions.
_BOOKKEEPING = {".csv", ".tsv", ".toml", ".yml", ".yaml", ".json", ".xlsx", ".log"}
_CANVAS = re.compile(r"([^_]+)_(?:(LATE)_)?(\d+)_(\d+)_(.+)")


def entries(path: Path) -> list[Entry]:
    """The submissions at `path`. Raises IntakeError where there are none."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        raise IntakeError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISDIR(mode):
        if not stat.S_ISREG(mode):
            raise IntakeError(f"{path}: neither a file nor a folder")
        if not os.access(path, os.R_OK):
            raise IntakeError(f"{path}: Permission denied")
        return [_alone(path.resolve(), path.name)]
    try:
        found = sorted((p for p in path.iterdir() if not ignored(p.name)), key=lambda p: p.name)
    except OSError as error:
        raise IntakeError(f"{path}: {error.strerror}") from None
    if any(p.name == GRADESCOPE_TABLE for p in found):
        listed = _gradescope(path, found)
    else:
        listed = _folder([p for p in found if not _is_bookkeeping(p)])
    if not listed:
        raise IntakeError(f"{path}: no submissions in this folder")
    return listed


def _alone(path: Path, name: str = "") -> Entry:
    """A notebook is graded by itself; a zip or a folder stands for the whole homework."""
    name = name or path.name
    if path.is_dir():
        return Entry(name, (str(path),), whole=True)
    return Entry(_stem(name), (str(path),), whole=kind_of(name) == ".zip")


def _stem(name: str) -> str:
    stem, kind = os.path.splitext(name)
    return _stem(stem) if kind_of(stem) in NOTEBOOK_KINDS and kind in (".txt", ".json") else stem


def _is_bookkeeping(path: Path) -> bool:
    return path.is_file() and (
        kind_of(path.name) in _BOOKKEEPING or path.name.lower().startswith("readme")
    )


def _folder(paths: list[Path]) -> list[Entry]:
    canvas = {path: match for path in paths if (match := _CANVAS.fullmatch(path.name))}
    if 2 * len(canvas) <= len(paths):
        return [_alone(path) for path in paths]
    others = [_alone(path) for path in paths if path not in canvas]
    return [*_canvas(canvas), *others]


# --- Canvas: lastfirst_[LATE_]userid_submissionid_filename --------------------------------------


def _canvas(files: dict[Path, re.Match[str]]) -> Iterator[Entry]:
    """One entry a student, who may have handed in several files."""
    students: dict[tuple[str, str], list[Path]] = {}
    for path, match in files.items():
        students.setdefault((match[1], match[3]), []).append(path)
    for (who, user), paths in students.items():
        matches = [files[path] for path in paths]
        metadata = {
            "source": "canvas",
            "user_id": user,
            "submission_ids": ", ".join(match[4] for match in matches),
            "late": "yes" if any(match[2] for match in matches) else "",
        }
        yield Entry(f"{who}_{user}", tuple(map(str, paths)), True, (plain(who),), _filled(metadata))


# --- Gradescope: one folder a submission, and a table of who handed it in -----------------------


def _gradescope(path: Path, found: list[Path]) -> list[Entry]:
    table = _gradescope_table(path / GRADESCOPE_TABLE)
    folders = {p.name: p for p in found if p.is_dir() and not p.is_symlink()}
    return [
        _gradescope_entry(name, folders.get(name), table.get(name, {}))
        for name in [*folders, *(name for name in table if name not in folders)]
    ]


def _gradescope_table(path: Path) -> dict[str, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open("rb") as file:
            table = yaml.load(file.read(MAX_TABLE_BYTES), Loader=loader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        raise IntakeError(
            f"{path}: this file cannot be read, so nobody knows who handed in what; "
            "export the submissions again, or remove it to grade the folders without names"
        ) from None
    if not isinstance(table, dict):
        raise IntakeError(f"{path}: this is not the table of a Gradescope export")
    return {
        str(name): about if isinstance(about, dict) else {}
        for name, about in table.items()
        if str(name).startswith("submission_")
    }


def _gradescope_entry(name: str, folder: Path | None, about: dict[str, Any]) -> Entry:
    submitters = about.get(":submitters")
    listed = [p for p in submitters if isinstance(p, dict)] if isinstance(submitters, list) else []
    named = [(who, person) for person in listed if (who := _who(person))]
    people = [person for _, person in named]
    metadata = {
        "source": "gradescope",
        "submitted": plain(str(about.get(":created_at") or "")),
        "emails": _column(people, ":email"),
        "sids": _column(people, ":sid"),
    }
    paths = (str(folder),) if folder else ()
    return Entry(name, paths, True, tuple(who for who, _ in named), _filled(metadata))


def _who(person: dict[str, Any]) -> str:
    """What to call a member; empty where the table says nothing of them."""
    said = (plain(str(person.get(key) or "")) for key in (":name", ":email", ":sid"))
    return next(filter(None, said), "")


def _column(people: Iterable[dict[str, Any]], key: str) -> str:
    """A line a member, in the order of the members; empty where it says nothing of anybody."""
    values = [plain(str(person.get(key) or "")) for person in people]
    return "\n".join(values) if any(values) else ""


def _filled(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if value}
