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

from labkit.plots import table
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


def show(part: str) -> None:
    """A table for each machine on record: how long the second function took compared with the
    first, for every H and T. Says so where there is none."""
    found = recordings(part)
    if not found:
        print("No measurement on a GPU is on record for this part yet.")
    for name, rows in found:
        first, second = dict.fromkeys(row.name for row in rows)
        print(f"On record, from {name}: time of the {second} / time of the {first}.")
        ratios(rows)


def ratios(rows: Sequence[Row]) -> None:
    """A table of time of the second function / time of the first: T downwards, H across."""
    first, second = dict.fromkeys(row.name for row in rows)
    medians = {(row.name, row.sizes["H"], row.sizes["T"]): row.time.median for row in rows}
    sizes = sorted({row.sizes["H"] for row in rows})
    lengths = sorted({row.sizes["T"] for row in rows})
    table(
        ["T", *(f"H = {H}" for H in sizes)],
        [
            (T, *(f"{medians[second, H, T] / medians[first, H, T]:.2g}" for H in sizes))
            for T in lengths
        ],
    )


def _row(kept: dict[str, object]) -> Row:
    return Row(**{**kept, "time": Timing(**kept["time"])})  # type: ignore[arg-type]
