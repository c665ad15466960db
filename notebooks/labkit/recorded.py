"""Measurements kept in files, so that another machine, one without a GPU say, can show them.

A file is `data/measurements/<machine>.json`, and holds what one machine measured:
{"machine": "...", "parts": {"2e": [row, ...]}}, a row being a `timing.Row` as a dict. Files are
looked for beside the notebook and beside its folder.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from labkit.timing import Row, Timing

_FOLDERS = (Path("data/measurements"), Path("../data/measurements"))


def machine(device: torch.device) -> str:
    """What measures here, in words: "NVIDIA H200, CUDA 12.8, torch 2.13.0"."""
    version = f"torch {torch.__version__}"
    if device.type == "cuda":
        name = torch.cuda.get_device_properties(device).name
        return f"{name}, CUDA {torch.version.cuda}, {version}"
    return f"a CPU with {os.cpu_count()} cores, {version}"


def keep(part: str, rows: Sequence[Row], measured_on: str) -> Path:
    """Write the rows into the file of the machine they were measured on; the part's former rows
    there are replaced, other parts stay. Returns the file."""
    known = [folder for folder in _FOLDERS if folder.parent.is_dir()]
    folder = (known or list(_FOLDERS))[0]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / (re.sub(r"[^\w.]+", "-", measured_on) + ".json")
    kept = json.loads(file.read_text("utf-8"))["parts"] if file.exists() else {}
    kept[part] = [asdict(row) for row in rows]
    text = json.dumps({"machine": measured_on, "parts": kept}, indent=1)
    file.write_text(text + "\n", "utf-8")
    return file


def recordings(part: str) -> list[tuple[str, list[Row]]]:
    """Each machine that has measured this part, and its rows."""
    files = [file for folder in _FOLDERS for file in sorted(folder.glob("*.json"))]
    found = [json.loads(file.read_text("utf-8")) for file in files]
    return [
        (f["machine"], [_row(r) for r in f["parts"][part]]) for f in found if part in f["parts"]
    ]


def _row(kept: dict[str, object]) -> Row:
    return Row(**{**kept, "time": Timing(**kept["time"])})  # type: ignore[arg-type]
