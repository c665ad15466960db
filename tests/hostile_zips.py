"""Hostile zips: the tricks are in the archive, not in what runs. Each has the solved-in-part
notebook `right` in it, so that its honest author would score 4."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
from collections.abc import Callable

from tests.hostile import FOLDER

HONEST = 4.0
NAME = "q_coding_ssm_forward_cpu.py"
RIGHT = "# %%\n" + (FOLDER / "right.txt").read_text("utf-8")
SHADOW = "open('/tmp/FOUND-shadow', 'w').close()\nraise SystemExit('FOUND: shadowed')\n"
PICKLE = b"cos\nsystem\n(S'touch /tmp/FOUND-pickle'\ntR."


def zipped(*files: tuple[str | zipfile.ZipInfo, str | bytes], deflate: bool = False) -> bytes:
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr(NAME, RIGHT)
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, str]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target


def with_a_false_size() -> bytes:
    """The directory says that the notebook is four bytes long."""
    data = zipped()
    at = data.rindex(b"PK\x01\x02") + 24
    return data[:at] + struct.pack("<I", 4) + data[at + 4 :]


ZIPS: dict[str, Callable[[], bytes]] = {
    "paths that lead out": lambda: zipped(
        *((name, SHADOW) for name in ("../out.py", "/tmp/absolute.py", "a/../../out.py",
                                      "..\\..\\out.py", "C:\\out.py", "//tmp/two.py"))
    ),
    "links": lambda: zipped(
        link("solutions", "/work"), link("a.ipynb", "/etc/passwd"),
        link("b.py", "/proc/self/environ"), link("c.md", "../../../solutions/course.toml"),
    ),
    "a bomb": lambda: zipped(("big.ipynb", bytes(300 << 20)), deflate=True),
    "a zip in a zip in a zip": lambda: zipped(
        ("a.zip", zipped(("b.zip", zipped(("c.zip", zipped())))))
    ),
    "modules that shadow": lambda: zipped(
        *((name, SHADOW) for name in ("torch.py", "wrapt.py", "msgpack.py", "otter/__init__.py",
                                      "labkit/checks.py", "sitecustomize.py", "conftest.py"))
    ),
    "a reference of its own": lambda: zipped(
        ("solutions/reference/ssm.py", SHADOW), ("solutions/__init__.py", SHADOW),
        ("solutions/course.toml", "notebooks = []"), ("solutions/secret", "mine"),
    ),
    "a log and results": lambda: zipped(
        (".OTTER_LOG", PICKLE), ("results.json", '{"score": 9999}'), ("grades.csv", "x,14"),
        ("results/results.json", '{"score": 9999}'), ("otter_config.json", "{}"),
    ),
    "tests of its own": lambda: zipped(
        ("tests/q2a.py", "OK_FORMAT = True\ntest = {'name': 'q2a', 'points': 9999, 'suites': []}"),
        ("tests/q2b.py", SHADOW),
    ),
    "a thousand files": lambda: zipped(*((f"{i}/file{i}.txt", "x") for i in range(3000))),
    "two hundred notebooks": lambda: zipped(*((f"n{i}.ipynb", "[" * 1000) for i in range(200))),
    "one name many times": lambda: zipped(*((NAME, "raise SystemExit") for _ in range(3))),
    "names that are markup, formulas or commands": lambda: zipped(
        ("<script>alert(1)</script>.ipynb", "{}"), ("=cmd|' /C calc'!A0.ipynb", "{}"),
        ("$(touch F).ipynb", "{}"), ("\u202egnp.ipynb", "{}"), ("a\nb\x1b[2J.ipynb", "{}"),
    ),
    "a size that is not true": with_a_false_size,
}  # fmt: skip
