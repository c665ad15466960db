"""Pictures that belong to written answers: pasted, attached, or lying beside the notebook.

Comes in: bytes and base64 of strangers. Goes out: data URIs of the four formats that every browser
draws and that can hold no script. They are told by their first bytes, and never decoded here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

KINDS = (".png", ".jpg", ".jpeg", ".gif", ".webp")
MAX_BYTES = 8 << 20  # one picture
MAX_TOTAL = 24 << 20  # all pictures of a notebook, and all that lie beside it
MAX_COUNT = 1000  # of a notebook
_FORMATS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
_INLINE = re.compile(r"data:image/[a-zA-Z0-9.+-]{1,20};base64,([A-Za-z0-9+/]*={0,2})")

Pictures = tuple[tuple[str, str], ...]  # (name, data URI)


def data_uri(data: bytes) -> str | None:
    """The picture as a data URI; None where it is none, or too large."""
    kind = next((kind for magic, kind in _FORMATS if data.startswith(magic)), None)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        kind = "webp"
    if kind is None or len(data) > MAX_BYTES:
        return None
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def decoded(text: str) -> str | None:
    """The same from base64 that a stranger wrote."""
    if len(text) > 2 * MAX_BYTES:
        return None
    try:
        return data_uri(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return None


def attached(attachments: object) -> Pictures:
    """A cell's attachments, as notebooks hold them: {name: {type: base64}}."""
    if not isinstance(attachments, Mapping):
        return ()
    found: list[tuple[str, str]] = []
    for name, types in list(attachments.items())[:100]:
        texts = types.values() if isinstance(types, Mapping) else ()
        uri = next((uri for text in texts if (uri := _from_json(text))), None)
        if uri:
            found.append((str(name), uri))
    return tuple(found)


def _from_json(value: Any) -> str | None:
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    return decoded(value) if isinstance(value, str) else None


def lifted(source: str) -> tuple[str, Pictures]:
    """Markdown with pictures written into it as base64 (Colab does so) -> Markdown that calls them
    by name, and the pictures: a text may be cut where it is too long, a picture may not."""
    found: list[tuple[str, str]] = []

    def lift(match: re.Match[str]) -> str:
        name = f"pasted-{len(found) + 1}"
        uri = decoded(match[1])
        if uri is None:
            return "attachment:a-picture-that-cannot-be-shown"
        found.append((name, uri))
        return f"attachment:{name}"

    return _INLINE.sub(lift, source), tuple(found)
