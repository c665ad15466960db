"""The hostile corpus, read from its files: tests/submissions/hostile/*.py, a topic each.

A file holds attacks one after the other. Each begins with

    # attack: its name
    # aim: what it wants
    # honest: what an honest author of the same code would score
    # with: right          (only if a right `unrolled_ssm_forward` stands before it)
    # unprotected: no      (only if it would harm a machine that does not protect itself)

and goes on with its cells. `tell(...)` is there in all of them: it says, in every way a notebook
has, what was found; so a text that begins with FOUND, where a student can read it, is a leak.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "submissions" / "hostile"
_BEGINS = re.compile(r"^# attack: ", re.MULTILINE)


@dataclass(frozen=True)
class Attack:
    """One hostile notebook, as the text of a percent script. `safe`: it harms no machine that
    runs it without protection."""

    name: str
    topic: str
    aim: str
    honest: float
    safe: bool
    source: str


def attacks() -> list[Attack]:
    """All of them, by topic."""
    found = [
        _attack(path.stem, text)
        for path in sorted(FOLDER.glob("*.py"))
        for text in _BEGINS.split(path.read_text("utf-8"))[1:]
    ]
    names = [attack.name for attack in found]
    assert len(set(names)) == len(names), "two attacks have one name"
    return found


def _attack(topic: str, text: str) -> Attack:
    head, _, cells = text.partition("# %%\n")
    name, *lines = head.strip().splitlines()
    said = dict(line.removeprefix("# ").split(": ", 1) for line in lines)
    assert set(said) <= {"aim", "honest", "with", "unprotected"}, f"{name}: {sorted(said)}"
    before = [(FOLDER / "tell.txt").read_text("utf-8")]
    if said.get("with"):
        before.append((FOLDER / f"{said['with']}.txt").read_text("utf-8"))
    source = "\n\n# %%\n".join([*before, cells.rstrip() + "\n"])
    safe = said.get("unprotected") != "no"
    return Attack(name, topic, said["aim"], float(said["honest"]), safe, "# %%\n" + source)
