"""Files written whole: zips that are the same to the byte every time, and atomic writes."""

from __future__ import annotations

import io
import os
import tempfile
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

_PART = ".part"  # how the name of a file ends that is being written
_DATE = (2026, 1, 1, 0, 0, 0)  # any, so long as it is always the same


def zipped(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """A zip of `files` (name in the zip -> content), those of `executable` with that permission.

    Sorted, undated, and stored rather than compressed, because compressors differ from one
    machine to the next: the same files give the same bytes.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _DATE)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = (0o100755 if name in executable else 0o100644) << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    """The files of a zip: name -> content."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name[-1] != "/"}


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_PART)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def remove_unfinished(folder: Path) -> None:
    """Remove what `write` left in a folder and its subfolders when its process was killed."""
    for pattern in (f".*{_PART}", f"*/.*{_PART}"):
        for path in folder.glob(pattern):
            path.unlink(missing_ok=True)
