"""The tables of docs/security.md, from what tests/measure_attacks.py measured.

In come rows `{attack, at, got}`; out goes Markdown, which stands between two marks in the page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.hostile import attacks

PAGE = Path(__file__).resolve().parents[1] / "docs" / "security.md"
BEGIN = "<!-- measured: python -m tests.measure_attacks --table -->\n"
END = "<!-- end of what was measured -->\n"
PLACES = {
    "namespaces": "`namespaces`",
    "landlock": "`landlock`",
    "uid": "`uid`",
    "otter": "stock `otter run`",
}
TOPICS = {
    "learn": "read what must not be seen",
    "patch": "change how answers are judged",
    "values": "odd values",
    "messages": "messages",
    "probes": "detect, remember, use leftovers",
    "endless": "take for ever",
    "bombs": "use everything up",
    "exits": "end or stop processes",
    "outlive": "outlive the grading",
    "escape": "get out",
    "reports": "reports and tables",
}
EFFECTS = {  # what a verdict begins with -> what the table calls it
    "scored": "scored more than an honest author",
    "learnt": "read what is hidden, or reached what is outside",
    "left": "left a process, a file or shared memory",
    "no result in time": "no result: the grading hangs",
    "no result": "no result: every other question is lost",
    "took": "took more memory or disk than we give (2 GiB, 64 MiB)",
    "had": "had more processes or threads than we give (64)",
    "nothing": "nothing",
}

Rows = Sequence[Mapping[str, str]]


def text(rows: Rows) -> str:
    """Both tables."""
    return f"\n{by_topic(rows)}\n{_alike(rows)}\n{by_effect(rows)}\n"


def by_topic(rows: Rows) -> str:
    """How many attacks of a topic got something, in each place."""
    topics = {attack.name: attack.topic for attack in attacks()}
    lines = ["| topic | " + " | ".join(PLACES.values()) + " |", "|:--|" + "--:|" * len(PLACES)]
    for topic, called in {**TOPICS, "": "all"}.items():
        cells = []
        for place in PLACES:
            got = [
                row["got"]
                for row in rows
                if row["at"] == place and topic in ("", topics[row["attack"]])
            ]
            cells.append(f"{sum(one != 'nothing' for one in got)} of {len(got)}")
        lines.append(f"| {called} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _alike(rows: Rows) -> str:
    """Which attacks got something in our sandbox."""
    lines = []
    for place, called in PLACES.items():
        got = sorted(r["attack"] for r in rows if r["at"] == place and r["got"] != "nothing")
        if place != "otter" and got:
            lines.append(f"- {called}: " + ", ".join(f"`{name}`" for name in got))
    return "Those that got something in our sandbox:\n\n" + "\n".join(lines) + "\n"


def by_effect(rows: Rows) -> str:
    """What each attack got under stock Otter; one with several effects stands in several rows."""
    lines = ["| under stock `otter run` | attacks | which |", "|:--|--:|:--|"]
    for effect, called in EFFECTS.items():
        found = [
            (row["attack"], part)
            for row in rows
            if row["at"] == "otter"
            for part in row["got"].split(", ")
            if _effect(part) == effect
        ]
        names = ", ".join(f"`{name}`{_figure(part)}" for name, part in sorted(found))
        if found:
            lines.append(f"| {called} | {len({name for name, _ in found})} | {names} |")
    return "\n".join(lines) + "\n"


def _effect(part: str) -> str:
    """The longest beginning that fits."""
    return max((begins for begins in EFFECTS if part.startswith(begins)), key=len)


def _figure(part: str) -> str:
    """What was measured, in brackets: " (4 for 0)"."""
    found = re.search(r"[\d.]+ (for [\d.]+|GB|MB)", part) or re.search(r"(?<=had )\d+", part)
    return f" ({found[0]})" if found else ""


def write(rows: Rows) -> None:
    """Put the tables into the page, where the last ones stood."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(before + BEGIN + text(rows) + END + after, "utf-8")
