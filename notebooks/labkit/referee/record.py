"""What is on record: the claims in words, and what the student of the report thought of them.

The file is `data/claims.json`, looked for beside the notebook, beside its folder and beside labkit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_NEAR = Path(__file__).resolve().parents[2]
_FOLDERS = (Path("data"), Path("../data"), _NEAR / "data", _NEAR.parent / "data")


@dataclass(frozen=True)
class Recorded:
    """A claim: its number, the part of the homework it is about, the claim in words, what is
    evaluated, what a counterexample consists of, one in the right form on which the claim holds
    (None where there is none), what the report said of it, and the probability that we read from
    those words."""

    number: int
    part: str
    claim: str
    evaluated: str
    wanted: dict[str, str]
    form: dict[str, Any] | None
    report: str
    probability: float


def recorded() -> list[Recorded]:
    """All claims on record, in order. Raises FileNotFoundError."""
    file = next((f / "claims.json" for f in _FOLDERS if (f / "claims.json").is_file()), None)
    if file is None:
        text = "data/claims.json is not there: leave the folder `data` beside the notebooks"
        raise FileNotFoundError(text)
    return [Recorded(**claim) for claim in json.loads(file.read_text("utf-8"))["claims"]]
