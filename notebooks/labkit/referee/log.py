"""A log of what you asked a model and what came back, for any model: a form, a file, a table.

The file, `model_log.jsonl` beside the notebook, has one entry a line; nothing in it is executed.
"""

from __future__ import annotations

import html
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ipywidgets

from labkit.plots import table

FILE = Path("model_log.jsonl")
VERDICTS = ("right", "partly right", "wrong", "not checked")


@dataclass(frozen=True)
class Entry:
    """One prompt and one response; `readability` from 1 (lost) to 5 (clear at once)."""

    model: str
    part: str
    prompt: str
    response: str
    verdict: str
    readability: int

    def __post_init__(self) -> None:
        for name in ("model", "part", "prompt", "response"):
            if not str(getattr(self, name)).strip():
                raise ValueError(f"fill in the {name}")
        if self.verdict not in VERDICTS:
            raise ValueError(f"the verdict is one of: {', '.join(VERDICTS)}")
        if type(self.readability) is not int or not 1 <= self.readability <= 5:
            raise ValueError("readability is a whole number from 1 (lost) to 5 (clear at once)")


def keep(entry: Entry, file: Path = FILE) -> None:
    """Add an entry to the file."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(entry)) + "\n")


def entries(file: Path = FILE) -> list[Entry]:
    """All entries in the file; none where there is no file. Raises ValueError, naming the line."""
    if not file.is_file():
        return []
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        try:
            found.append(Entry(**json.loads(line)))
        except (TypeError, ValueError) as error:
            raise ValueError(f"{file}, line {number} is no entry: {error}") from None
    return found


def overview(file: Path = FILE) -> None:
    """A table of the log: what was asked, how it was judged, how well it read."""
    logged = entries(file)
    if not logged:
        print(f"Nothing is logged yet: {file.name} is not there, or empty.")
        return
    rows = [
        (_cell(e.model), _cell(e.part), _cell(e.prompt), _cell(e.response), e.verdict,
         f"{e.readability} of 5") for e in logged
    ]  # fmt: skip
    table(["model", "part", "prompt", "response", "verdict", "readability"], rows)


def form(file: Path = FILE) -> ipywidgets.VBox:
    """A form, for a cell's last line; its button adds an entry, or says what is missing."""
    wide: dict[str, Any] = {"layout": ipywidgets.Layout(width="95%")}
    fields = {
        "model": ipywidgets.Text(description="model", placeholder="name and version", **wide),
        "part": ipywidgets.Text(description="part", placeholder="4f", **wide),
        "prompt": ipywidgets.Textarea(description="prompt", rows=4, **wide),
        "response": ipywidgets.Textarea(description="response", rows=6, **wide),
        "verdict": ipywidgets.Dropdown(
            description="verdict", options=VERDICTS, value="not checked"
        ),
        "readability": ipywidgets.IntSlider(description="readability", min=1, max=5, value=3),
    }
    button = ipywidgets.Button(description="keep it", button_style="primary")
    said = ipywidgets.Label()

    def save(_: object) -> None:
        try:
            keep(Entry(**{name: field.value for name, field in fields.items()}), file)
        except (ValueError, OSError) as error:
            said.value = f"Not kept: {error}."
            return
        said.value = f"Kept. Entries in {file.name}: {len(entries(file))}."

    button.on_click(save)
    return ipywidgets.VBox([*fields.values(), ipywidgets.HBox([button, said])])


def _cell(text: str) -> str:
    """A text as a cell of a Markdown table: on one line, short, and only text."""
    line = " ".join(text.split())
    line = line if len(line) <= 80 else line[:79] + "…"
    escaped = html.escape(line)
    for special in "\\`*_[]|$~":
        escaped = escaped.replace(special, f"&#{ord(special)};")
    return escaped
