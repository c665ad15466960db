"""What somebody may have meant by a name that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection


def meant(name: str, known: Collection[str], otherwise: str = "") -> str:
    """The end of a message: "; is 'points' meant?", or `otherwise` where nothing is near."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; is '{near[0]}' meant?" if near else otherwise
