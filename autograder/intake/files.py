"""Files, folders and zips -> the bytes of what can be a notebook, within limits.

Nothing is written to disk, no link is followed, and no more is read than the limits allow:
whatever a zip claims about itself, a member is read only until the allowance is used up.
Files that cannot be notebooks are named and not read; pictures are, for answers that show them.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from autograder.intake import pictures
from autograder.intake.model import Unreadable
from autograder.intake.names import shown

MAX_FILES = 1000  # in one submission, folders and zips and all
MAX_NOTEBOOKS = 100  # notebooks, scripts and texts among them
MAX_DEPTH = 12  # folders within folders
MAX_UNPACKED = 4  # times the allowance is read from zips, packed and unpacked, used or not
_CHUNK = 64 << 10
NOTEBOOK_KINDS = (".ipynb", ".py", ".md")
_NOISE = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini"}

# What a file begins with that is not what its name says.
_SIGNATURES = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip or an Office document"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"<!doctype html", "a web page"),
    (b"<html", "a web page"),
)
_TOO_LARGE = "It is larger than a submission may be in all. Clear the outputs and hand it in again."

Read = Callable[[int], bytes]  # at most so many bytes of a file


@dataclass(frozen=True)
class Member:
    """One file's bytes. `path` is relative, for people. `modified` is its date within a zip;
    a date on disk says when the file was copied, so it does not count and is empty."""

    path: str
    data: bytes
    modified: tuple[int, ...] = ()


@dataclass
class Collector:
    """Gathers one submission's files: at most `allowance` bytes and MAX_FILES files.

    members   what can be a notebook, in a fixed order
    others    paths of what cannot
    pictures  of these the pictures, as data URIs
    problems  what was left out and why, for the author
    unpacked  bytes that may still be read from zips, for whatever comes of them
    """

    allowance: int
    unpacked: int = field(init=False)
    members: list[Member] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    files: int = 0

    def __post_init__(self) -> None:
        self.unpacked = MAX_UNPACKED * self.allowance

    def add(self, path: Path, name: str | None = None, depth: int = 0) -> None:
        """Take in a file, a zip or a folder (whose own name is left out of `name`s)."""
        name = path.name if name is None else name
        try:
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise Unreadable("This is a link, and links are not followed. Hand in the file.")
            if not stat.S_ISDIR(mode):
                self._add_file(name, lambda limit: _read_file(path, limit))
            elif depth < MAX_DEPTH:
                for entry in sorted(os.listdir(path)):
                    if not ignored(entry):
                        self.add(path / entry, f"{name}/{entry}" if depth else entry, depth + 1)
            else:
                raise Unreadable(f"Folders lie more than {MAX_DEPTH} deep; the rest was left out.")
        except Unreadable as reason:
            self._leave_out(name, reason)
        except OSError as error:
            self._leave_out(name, f"It could not be opened ({error.strerror}).")

    def _add_file(
        self, name: str, read: Read, modified: tuple[int, ...] = (), layers: int = 0
    ) -> None:
        """`layers` counts the zips around this file: a zip in a zip is opened, no deeper."""
        self.files += 1
        if self.files > MAX_FILES:
            if self.files == MAX_FILES + 1:
                self.problems.append(f"More than {MAX_FILES} files; the rest was left out.")
            return
        kind = kind_of(name)
        if kind == ".zip" and layers == 2:
            raise Unreadable("A zip within a zip within a zip is not opened. Zip the files once.")
        if kind != ".zip" and kind not in NOTEBOOK_KINDS:
            self.others.append(name)
            if kind in pictures.KINDS:
                self._add_picture(name, read)
            return
        if len(self.members) == MAX_NOTEBOOKS:
            raise Unreadable(f"There are {MAX_NOTEBOOKS} notebooks and scripts already.")
        data = read(self.allowance)
        if len(data) > self.allowance:
            raise Unreadable(_TOO_LARGE)
        if kind != ".zip" or layers:
            self.allowance -= len(data)
        if kind == ".zip":
            self._add_zip(name, data, layers)
        else:
            self.members.append(Member(name, data, modified))

    def _add_picture(self, name: str, read: Read) -> None:
        uri = pictures.data_uri(read(pictures.MAX_BYTES))
        if uri and sum(map(len, self.pictures.values())) + len(uri) <= pictures.MAX_TOTAL:
            self.pictures[name] = uri

    def _add_zip(self, name: str, data: bytes, layers: int) -> None:
        prefix = f"{name}/" if layers else ""
        archive = _open_zip(data)
        for info in sorted(archive.infolist(), key=lambda info: info.filename):
            path = info.filename.replace("\\", "/")
            parts = PurePosixPath(path).parts
            if info.is_dir() or any(ignored(part) for part in parts if part != ".."):
                continue
            try:
                _refuse_odd_member(info, parts)
                read = _member_reader(archive, info, self._spend)
                self._add_file(prefix + path, read, info.date_time, layers + 1)
            except Unreadable as reason:
                self._leave_out(prefix + path, reason)

    def _spend(self, size: int) -> None:
        self.unpacked -= size
        if self.unpacked < 0:
            raise Unreadable("The files before it are far larger than a submission may be.")

    def _leave_out(self, name: str, reason: object) -> None:
        self.problems.append(f"{shown(name)}: {reason}")


def ignored(name: str) -> bool:
    """Hidden files and what systems leave behind: .ipynb_checkpoints, .OTTER_LOG, __MACOSX."""
    return name.startswith(".") or name in _NOISE


def kind_of(name: str) -> str:
    """The file's extension in lower case; browsers add one of their own to a notebook's.

    >>> kind_of("hw8.ipynb.txt")
    '.ipynb'
    """
    stem, kind = os.path.splitext(name.lower())
    if kind in (".txt", ".json") and stem.endswith(NOTEBOOK_KINDS):
        return os.path.splitext(stem)[1]
    return kind


def signature(data: bytes) -> str:
    """What the bytes look like from their beginning: "a PDF", or "" where nothing is known."""
    start = data[:64].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((what for magic, what in _SIGNATURES if start.startswith(magic.lower())), "")


def _read_file(path: Path, limit: int) -> bytes:
    """At most limit + 1 bytes of a regular file; neither a link nor a pipe is opened."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise Unreadable("This is not an ordinary file.")
        return file.read(limit + 1)


def _open_zip(data: bytes) -> zipfile.ZipFile:
    if not data:
        raise Unreadable("This file is empty (0 bytes). Upload it again.")
    if data.count(b"PK\x01\x02") > 4 * MAX_FILES:  # one for each file, before zipfile lists them
        raise Unreadable(f"This zip holds far more than {MAX_FILES} files. Zip the notebooks only.")
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except Exception:  # damaged on purpose, it makes zipfile raise nearly anything
        what = signature(data)
        looks = f" it starts like {what}" if what and "zip" not in what else " it is damaged"
        raise Unreadable(
            f"This zip cannot be opened:{looks}. Zip the notebooks again and upload that."
        ) from None


def _refuse_odd_member(info: zipfile.ZipInfo, parts: tuple[str, ...]) -> None:
    if not parts or ".." in parts or parts[0] == "/" or parts[0].endswith(":"):
        raise Unreadable("Its path leads out of the zip. Zip the notebooks in one folder.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise Unreadable("This is a link, and links are not followed. Zip the file itself.")
    if info.flag_bits & 0x1:
        raise Unreadable("It is protected by a password. Zip it without one.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable("It is compressed in an unusual way. Zip it with your system's own tool.")


def _member_reader(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, spend: Callable[[int], None]
) -> Read:
    """Reads a member; every byte is spent, also where nothing comes of it."""

    def read(limit: int) -> bytes:
        spend(info.compress_size)
        chunks, left = [], limit + 1
        try:
            with archive.open(info) as file:
                while chunk := file.read(min(_CHUNK, left)):
                    spend(len(chunk))
                    chunks.append(chunk)
                    left -= len(chunk)
        except Unreadable:
            raise
        except Exception:  # as above
            raise Unreadable("It is damaged in the zip. Zip it again and upload that.") from None
        return b"".join(chunks)

    return read
