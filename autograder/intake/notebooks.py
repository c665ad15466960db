"""The bytes of a notebook, script or Markdown file -> its cells.

The bytes are a stranger's: everything is checked for its type, only the cells' sources, tags and
pasted pictures are kept (outputs are dropped), and a file that cannot be read becomes one sentence
for its author. The formats are small enough to be read here, line by line and in linear time;
general readers are built for friendly files (thousands of cells cost them seconds).
"""

from __future__ import annotations

import ast
import itertools
import json
import re
import warnings
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from autograder.intake import pictures
from autograder.intake.files import kind_of, signature
from autograder.intake.model import Cell, Unreadable

MAX_JSON_VALUES = 1_000_000  # brackets and commas; each costs memory before anything is checked
MAX_CELLS = 5000
MAX_CODE = 2 << 20  # characters of code in one file
MAX_LINES = 50_000  # lines of code in one file
MAX_PARSED = 200_000  # characters of a plain script that are cut into pieces
MAX_TEXT = 2 << 20  # characters of Markdown that are kept, pictures apart

_PERCENT = re.compile(r"^#[ \t]?%%(.*)$", re.MULTILINE)
_TAGS = re.compile(r"""["']?tags["']?\s*[=:]\s*\[([^\[\]]*)\]""")
_QUOTED = re.compile(r"""["']([^"']*)["']""")
_FENCE = re.compile(r"([ \t>]*)(`{3,}|~{3,})(.*)")
_PYTHON = re.compile(r"^\{?\.?(?:code-cell\}?\s+)?(?:i?python[0-9.]*|py[0-9]?)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Parsed:
    """A file's cells, and the notebook that it says it is ("" where it does not say)."""

    cells: tuple[Cell, ...]
    embedded_id: str = ""


def parse(name: str, data: bytes) -> Parsed:
    """Cells of an .ipynb, .py or .md file, by the file's `name`. Raises Unreadable."""
    if not data.strip():
        raise Unreadable("This file is empty. Save it and upload it again.")
    kind = kind_of(name)
    if what := signature(data):
        raise Unreadable(f"This file is not {_KINDS[kind]}: it starts like {what}. {_ADVICE[kind]}")
    text = _decode(data)
    if kind == ".ipynb":
        parsed = _from_json(text)
    else:
        _refuse_too_much([text])
        cells = _from_markdown(text) if kind == ".md" else _from_script(text)
        parsed = Parsed(_number(cells))
    _refuse_too_much([cell.source for cell in parsed.cells if cell.kind == "code"])
    if len(parsed.cells) > MAX_CELLS:
        raise Unreadable(f"This file has more than {MAX_CELLS} cells.")
    return parsed


_KINDS = {".ipynb": "a notebook", ".py": "a Python script", ".md": "a Markdown file"}
_ADVICE = {
    ".ipynb": "Upload the .ipynb that you downloaded from Jupyter.",
    ".py": "Upload the script itself.",
    ".md": "Upload the text itself.",
}
_Raw = tuple[Literal["code", "markdown"], str, frozenset[str]]
_Drawn = tuple[Literal["code", "markdown"], str, frozenset[str], pictures.Pictures]


def _refuse_too_much(sources: list[str]) -> None:
    if sum(map(len, sources)) > MAX_CODE or sum(s.count("\n") for s in sources) > MAX_LINES:
        raise Unreadable(
            "This file holds far more code than any answer needs. Was data pasted into a cell?"
        )


def _decode(data: bytes) -> str:
    """Text from bytes in UTF-8 or UTF-16, else Windows' Western encoding; never fails. What is
    no character (NUL, half a surrogate pair) is replaced, so that the text can go anywhere."""
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.removeprefix(BOM_UTF8).decode("utf-8")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    return _lines(text)  # decoded, and so without half pairs: a file of 50 MB is not copied


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")


def _clean(text: str) -> str:
    return _lines(text).encode("utf-8", "replace").decode("utf-8")


def _number(cells: Iterable[_Raw | _Drawn]) -> tuple[Cell, ...]:
    left, room, most = MAX_TEXT, pictures.MAX_TOTAL, pictures.MAX_COUNT
    numbered = []
    for number, (kind, source, tags, *attached) in enumerate(cells, start=1):
        if kind == "code":
            numbered.append(Cell(number, kind, source, tags))
            continue
        text, pasted = pictures.lifted(source)
        kept = []
        for name, uri in (*itertools.chain(*attached), *pasted):
            room, most = room - len(uri), most - 1
            kept += [(name, uri)] if room >= 0 and most >= 0 else []
        numbered.append(Cell(number, kind, text[:left], tags, tuple(kept)))
        left -= len(numbered[-1].source)
    return tuple(numbered)


# --- notebooks ---------------------------------------------------------------------------------


def _from_json(text: str) -> Parsed:
    if sum(map(text.count, "[{,")) > MAX_JSON_VALUES:
        raise Unreadable(
            "This notebook is too large to read. Clear its outputs (Edit, Clear Outputs of All "
            "Cells), save it and upload it again."
        )
    notebook = _load(text)
    cells = notebook.get("cells")
    if not isinstance(cells, list):  # before format 4 cells lay in worksheets
        sheets = notebook.get("worksheets")
        cells = [
            cell
            for sheet in (sheets if isinstance(sheets, list) else [])
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    if not cells:
        raise Unreadable("This notebook holds no cells. Is it the file that you worked in?")
    parsed = _number(map(_from_cell, cells))
    if not any(cell.source.strip() for cell in parsed):
        raise Unreadable("All cells of this notebook are empty. Is it the file that you worked in?")
    otter = _dict(_dict(notebook.get("metadata")).get("otter"))
    embedded = otter.get("assignment_name")
    return Parsed(parsed, embedded if isinstance(embedded, str) else "")


def _load(text: str) -> dict[str, Any]:
    try:
        notebook = json.loads(text)
    except RecursionError:
        raise Unreadable("This file is nested too deeply to be a notebook.") from None
    except json.JSONDecodeError as error:
        if re.search(r"^ *(<{7}|>{7}) ", text, re.MULTILINE):
            raise Unreadable(
                "This notebook holds marks of a merge conflict (<<<<<<<). Resolve it in git, see "
                "that the notebook opens in Jupyter, and upload it again."
            ) from None
        if text.lstrip()[:1] != "{":
            raise Unreadable(
                f"This file is not a notebook: it is plain text. {_ADVICE['.ipynb']}"
            ) from None
        where = "it ends too early" if _ends_early(error, text) else f"see line {error.lineno}"
        raise Unreadable(
            f"This notebook is damaged ({where}). See whether it opens in Jupyter, save it there "
            "and upload it again."
        ) from None
    except ValueError:  # a number of thousands of digits
        raise Unreadable("This file holds values that no notebook holds.") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise Unreadable(
            f"This file is not a notebook: it is JSON of another kind. {_ADVICE['.ipynb']}"
        )
    return notebook


def _ends_early(error: json.JSONDecodeError, text: str) -> bool:
    return error.msg.startswith("Unterminated string") or error.pos >= len(text.rstrip())


def _from_cell(cell: object) -> _Drawn:
    """A cell of any format version; one that is no cell at all reads as empty text, so that the
    others keep their numbers."""
    fields = _dict(cell)
    source = fields.get("source", fields.get("input", ""))
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    tags = _dict(fields.get("metadata")).get("tags")
    return (
        "code" if fields.get("cell_type") == "code" else "markdown",
        _clean(source) if isinstance(source, str) else "",
        frozenset(tag for tag in tags if isinstance(tag, str))
        if isinstance(tags, list)
        else frozenset(),
        pictures.attached(fields.get("attachments")),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


# --- scripts and Markdown ----------------------------------------------------------------------


def _from_script(text: str) -> Iterator[_Raw]:
    """Cells between `# %%` lines; without such lines, the paragraphs of the script."""
    if not re.search(_PERCENT, text):
        yield from (("code", paragraph, frozenset()) for paragraph in _paragraphs(text))
        return
    title, lines = "", list[str]()
    for line in text.split("\n"):
        if mark := _PERCENT.match(line):
            yield from _percent_cell(title, lines)
            title, lines = mark[1], []
        else:
            lines.append(line)
    yield from _percent_cell(title, lines)


def _paragraphs(text: str) -> list[str]:
    """A script in pieces that can run one after the other, cut at blank lines between top-level
    statements: where one raises, the rest still runs. One piece where it cannot be parsed."""
    if len(text) > MAX_PARSED:
        return [text]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return [text]
    lines = text.split("\n")
    cuts = [0]
    for before, node in pairwise(tree.body):
        start = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        gap = lines[before.end_lineno : start - 1]
        cuts += [start - 1 - len(gap)] if any(not line.strip() for line in gap) else []
    cuts.append(len(lines))
    return ["\n".join(lines[a:b]).strip("\n") for a, b in pairwise(cuts)]


def _percent_cell(title: str, lines: list[str]) -> Iterator[_Raw]:
    source = "\n".join(lines).strip("\n")
    found = _TAGS.search(title[:1000])
    tags = frozenset(_QUOTED.findall(found[1])) if found else frozenset()
    if "[markdown]" in title or "[md]" in title or "[raw]" in title:
        yield "markdown", re.sub(r"^# ?", "", source, flags=re.MULTILINE), tags
    elif title or any(line.strip() and not line.startswith("#") for line in lines):
        yield "code", source, tags  # not the header of comments before the first mark


def _from_markdown(text: str) -> Iterator[_Raw]:
    """Fenced blocks of Python as code cells, what stands between as Markdown cells. A file that
    names no block's language has all its blocks read as Python."""
    blocks = list(_fences(text))
    named = any(_PYTHON.match(language) for language, _ in blocks if language)
    for language, source in blocks:
        if language is None:
            if source.strip():
                yield "markdown", source.strip("\n"), frozenset()
        elif _PYTHON.match(language) or (not named and not language):
            yield "code", source, frozenset()
        else:
            yield "markdown", f"```{language}\n{source}\n```", frozenset()


def _fences(text: str) -> Iterator[tuple[str | None, str]]:
    """(language, source) of each fenced block ("" where none is named), and (None, text) of
    what stands between. A fence within a list or a quotation has that much cut off its lines."""
    opened: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        mark = mark if mark and "`" not in mark[3] else None
        if opened is None and mark:
            yield None, "\n".join(lines)
            opened, lines = mark, []
        elif opened and mark and not mark[3].strip() and mark[2].startswith(opened[2]):
            yield opened[3].strip(), "\n".join(lines)
            opened, lines = None, []
        else:
            lines.append(_outdent(line, opened[1]) if opened else line)
    yield (opened[3].strip() if opened else None), "\n".join(lines)


def _outdent(line: str, prefix: str) -> str:
    if line.startswith(prefix):
        return line[len(prefix) :]
    return line.lstrip() if not line.strip(" \t>") else line
