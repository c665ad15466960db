"""Handing in: which answers are still to come, and one zip of all notebooks of the homework.

Comes in: the saved notebooks in a folder. Goes out: `<homework>-submission.zip` beside them, and a
report in words. A released notebook's metadata says to which homework it belongs, and what the
other notebooks of that are.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ON_COLAB = (
    "Colab keeps this notebook in your Drive, where no cell can reach it. Save it, choose File > "
    "Download > Download .ipynb, and hand in that file (all notebooks of the homework together)."
)
NOT_AS_RUN = (
    "what is saved is not what was run.\n"
    "    Save (Ctrl+S or Cmd+S), run all cells, and then run this cell again"
)
ANSWER = "otter_answer_cell"  # Otter's tag for a cell to fill in
PLACEHOLDER = "_Type your answer here, replacing this text._"
_STILL_OPEN = re.compile(r"^\s*([^#'\"]*=\s*)?\.\.\.\s*(#.*)?$", re.MULTILINE)
_PART = re.compile(r"^#{1,6}\s+(\S+(?: Q\d+)?) · ", re.MULTILINE)


class Problem(Exception):
    """Something the student can mend, which a notebook tells in one line without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True)
class Answer:
    """A cell to fill in, as it was saved."""

    part: str
    code: bool
    source: str

    @property
    def given(self) -> bool:
        if self.code:
            return not _STILL_OPEN.search(self.source)
        return self.source.strip() not in ("", PLACEHOLDER)


def read(path: Path) -> dict[str, Any]:
    """A notebook's file, as JSON holds it. Raises ValueError or OSError for anything else."""
    notebook = json.loads(path.read_text("utf-8"))
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError(f"{path.name} is not a notebook")
    return notebook


def answers(notebook: Mapping[str, Any]) -> Iterator[Answer]:
    """The cells to fill in, each with the part under whose heading it stands ("2c Q1")."""
    part = "?"
    for cell in notebook["cells"]:
        source = "".join(cell["source"])  # a string, or the list of its lines
        is_code, is_answer = cell["cell_type"] == "code", ANSWER in cell["metadata"].get("tags", [])
        if not is_code and not is_answer and (found := _PART.findall(source)):
            part = found[-1]
        if is_answer:
            yield Answer(part, is_code, source)


def copies(name: str, folder: Path) -> list[Path]:
    """The files in `folder` that are the released notebook `name`: first the one that is open, if
    that is known, then the one so called, then those that carry its id, the newest first."""
    others = [path for path in folder.glob("*.ipynb") if _identity(path) == name]
    others.sort(key=lambda path: (path.stem == name, path.stat().st_mtime), reverse=True)
    opened = [path for path in others if path.name == _open_now()]
    return list(dict.fromkeys(opened + others))


def own_file(name: str, folder: Path) -> Path:
    """The file of the notebook that is running. Raises Problem where it cannot be found."""
    found = copies(name, folder)
    if not found:
        raise Problem(
            f"{name}.ipynb is not in this folder: save it beside labkit, and run this again"
        )
    return found[0]


def pack(own: Path) -> str:
    """Write the zip beside the notebook `own`, whose homework it holds; what is in it, in words."""
    name = _identity(own)
    homework = read(own)["metadata"].get("homework", {"name": name, "notebooks": [name]})
    found: dict[str, Path] = {}
    lines, ready = [], True
    for each in homework["notebooks"]:
        files = [own] if each == name else copies(each, own.parent)
        if not files:
            lines.append(f"  {each}: MISSING, there is no such notebook in this folder")
            continue
        found[each] = files[0]
        lines.append(f"  {each}: {_state(files[0])}")
        stale = _stale(files[0]) if each == name else []
        lines += [f"    {', '.join(stale)}: {NOT_AS_RUN}"] if stale else []
        ready = ready and not stale
        lines += [f"    (from {files[0].name})"] if files[0].stem != each else []
    zipped = own.parent / f"{homework['name']}-submission.zip"
    _write(zipped, found)
    count = f"{len(found)} of {len(homework['notebooks'])} notebooks"
    whole = len(found) == len(homework["notebooks"]) and all(map(_whole, found.values()))
    then = "Hand it in." if whole else "Hand it in, or first answer what is open:"
    then = then if ready else "Do not hand it in yet:"
    return "\n".join([f"{zipped.name} is written, with {count}. {then}", *lines])


def _whole(path: Path) -> bool:
    return all(answer.given for answer in answers(read(path)))


def _state(path: Path) -> str:
    """What is unanswered in a saved notebook."""
    cells = list(answers(read(path)))
    open_parts = list(dict.fromkeys(a.part for a in cells if not a.given))
    if not cells or not open_parts:
        return "everything is answered"
    if not any(a.given for a in cells):
        return "nothing is answered yet"
    return f"unanswered: {', '.join(open_parts)}"


def _stale(path: Path) -> list[str]:
    """The parts of the running notebook whose saved answer was not run, or was run before another
    that is not saved: what last gave one of its names a value stands nowhere in the file."""
    ran = _ran()
    if ran is None:
        return []
    notebook = read(path)
    saved = {_lines("".join(c["source"])) for c in notebook["cells"] if c["cell_type"] == "code"}
    made = [_names(lines) for lines in ran]
    parts = []
    for answer in answers(notebook):
        lines = _lines(answer.source)
        last = [run for run, names in zip(ran, made, strict=True) if names & _names(lines)][-1:]
        if answer.code and (lines not in ran or not saved.issuperset(last)):
            parts.append(answer.part)
    return list(dict.fromkeys(parts))


def _names(lines: Sequence[str]) -> set[str]:
    """What a cell defines at its top level; nothing where it is no plain Python."""
    try:
        body = ast.parse("\n".join(lines)).body
    except SyntaxError:
        return set()
    named = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    targets = [target for n in body if isinstance(n, ast.Assign) for target in n.targets]
    found = (n for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
    return named | {n.id for n in found}


def _write(path: Path, notebooks: dict[str, Path]) -> None:
    """The zip, whole or not at all; each notebook under the name it was released with."""
    partial = path.with_suffix(".part")
    try:
        with zipfile.ZipFile(
            partial, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False
        ) as archive:  # a file may be dated before zips were
            for name, file in notebooks.items():
                archive.write(file, f"{name}.ipynb")
        os.replace(partial, path)
    except PermissionError:  # Windows, where another program has the file open
        text = "is it open in another program, or does this folder allow no writing?"
        raise Problem(f"{path.name} cannot be written: {text}") from None
    finally:
        partial.unlink(missing_ok=True)


def _identity(path: Path) -> str:
    """Which released notebook a file is: the id in its metadata, else its name."""
    try:
        metadata = read(path)["metadata"]
        return str(metadata.get("otter", {}).get("assignment_name", path.stem))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""  # somebody else's file, or half of one: it is none of ours


def _open_now() -> str:
    """The file name of the notebook that runs this: VS Code says so, and JupyterLab does."""
    main = vars(sys.modules["__main__"])
    path = main.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME", "")
    return re.split(r"[\\/]", str(path))[-1]


def _ran() -> list[tuple[str, ...]] | None:
    """The cells that this kernel has run, in order, by their lines; None where no kernel keeps
    them."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    return [_lines(source) for source in shell.history_manager.input_hist_raw]


def _lines(source: str) -> tuple[str, ...]:
    return tuple(line.rstrip() for line in source.strip().splitlines())
