"""What a bundle holds: its notebooks, their questions, points, limits and policies.

Comes in: a bundle's folder (masters `solutions/q_*.py` and the table `solutions/course.toml`).
Goes out: one frozen `Course`. Everything about a question is read from its master, once.
"""

from __future__ import annotations

import hmac
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields, replace
from itertools import permutations, product
from math import inf
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

from autograder import comparisons
from autograder.bundle_files import bundle_version, notebook_version
from autograder.comparisons import Comparison
from autograder.near import meant
from autograder.notebook import CourseError, Given, Notebook


@dataclass(frozen=True)
class Limits:
    """What one submission may use, all its processes together. Times in seconds, sizes in bytes.

    cell_seconds      a cell; then it is interrupted, and the rest of the notebook runs
    notebook_seconds  all cells of a notebook (twice that, where a cell ends the process)
    question_seconds  all calls of one function, in all tests of a question
    memory_bytes      on top of what a notebook's libraries take; for each process, and in all
    disk_bytes        all files together; one alone may take half of it
    processes, open_files
    message_bytes     one answer to the grader
    question_bytes    all answers of a question
    submission_bytes  what is handed in, unpacked
    """

    cell_seconds: float = 10.0
    notebook_seconds: float = 60.0
    question_seconds: float = 20.0
    memory_bytes: int = 2 << 30
    disk_bytes: int = 64 << 20
    processes: int = 64
    open_files: int = 512
    message_bytes: int = 8 << 20
    question_bytes: int = 16 << 20
    submission_bytes: int = 50 << 20


@dataclass(frozen=True)
class Course:
    """A bundle. `seed` is the release's secret, from which every hidden input is drawn."""

    root: Path
    name: str  # "hw8"
    title: str
    release: str
    notebooks: tuple[Notebook, ...]
    limits: Limits
    tell_cause: Literal["always", "after due", "instructors"]
    seed: str
    version: str  # a hash of everything that decides a score
    comparisons: tuple[Comparison, ...] = ()  # what is timed
    timing_on_gradescope: int = 300  # the most seconds that it takes there; 0: it is left out


TABLE = "solutions/course.toml"
SECRET_VARIABLE = "AUTOGRADER_SECRET"
SECRET_FILE = "solutions/secret"  # how a release carries the secret it was made with
_SHORTEST_SECRET = 12
_REQUIRED = {"name": str, "title": str, "release": str, "secret": str, "notebooks": list}
_OPTIONAL = {
    "tell_cause": str,
    "public_lines": list,
    "limits": dict,
    "reported": dict,
    "private": list,
    "timing": list,
    "timing_on_gradescope": int,
}
_WANTED: dict[type | str, str] = {  # in words
    str: "text in quotes",
    int: "a whole number",
    list: "a list [...]",
    dict: "a table ([{}])",
    "timing": "tables, each below [[timing]], with two brackets",
}
_DEFAULTS = {"tell_cause": "always", "timing_on_gradescope": 300}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_TELL_CAUSE = ("always", "after due", "instructors")


def load(root: Path) -> Course:
    """The bundle in the folder `root`. A notebook that is listed and has no master yet is left
    out. Raises CourseError."""
    root = root.resolve()
    table = read_table(root)
    masters = _masters(root, table["notebooks"])
    reported = {name: tuple(numbers) for name, numbers in table["reported"].items()}
    timed = {name: _modules(table["timing"], name) for name in table["notebooks"]}
    notebooks = tuple(
        replace(
            notebook,
            version=notebook_version(root, notebook.master, notebook.defines, timed[notebook.name]),
            reported=reported.get(notebook.name, ()),
            private=notebook.name in table["private"],
        )
        for notebook in map(_notebook, masters)
    )
    if not notebooks:
        raise CourseError(f"{root / TABLE}: none of its notebooks has a master in solutions/")
    _check_parts(notebooks)
    return Course(
        root=root,
        name=table["name"],
        title=table["title"],
        release=table["release"],
        notebooks=notebooks,
        limits=Limits(**table["limits"]),
        tell_cause=table["tell_cause"],
        seed=_seed(secret(root), table["release"]),
        version=bundle_version(root, [root / TABLE, *masters]),
        comparisons=tuple(c for c in table["timing"] if c.notebook in {n.name for n in notebooks}),
        timing_on_gradescope=table["timing_on_gradescope"],
    )


def _masters(root: Path, listed: Sequence[str]) -> list[Path]:
    """The masters of the notebooks that are listed and have one. Raises CourseError for a master
    that is not listed: a name may be misspelt, and its notebook would be missing everywhere."""
    for file in sorted((root / "solutions").glob("q_*.py")):
        if file.stem not in listed:
            hint = "add it or correct its name there, or rename the file"
            raise CourseError(f"{root / TABLE}: 'notebooks' does not list {file.name}: {hint}")
    files = [root / "solutions" / f"{name}.py" for name in listed]
    return [file for file in files if file.is_file()]


def load_apart(root: Path, meanwhile: Callable[[], object] = lambda: None) -> Course:
    """The same, read by a process of its own: what reading masters takes (Otter, Jupyter: 100 MB)
    is not held by this one, which does something else `meanwhile`. To be called before it has
    threads, which it has with numpy."""
    if "numpy" in sys.modules:
        return load(root)
    try:
        apart = ProcessPoolExecutor(1, get_context("fork"))
    except (ImportError, OSError):  # no shared memory here
        return load(root)
    with apart:
        loading = apart.submit(load, root)
        meanwhile()
        return loading.result()


def _modules(comparisons: Sequence[Comparison], notebook: str) -> set[str]:
    """The modules that its comparisons take inputs and right results from."""
    named = [name for c in comparisons if c.notebook == notebook for name in (c.inputs, c.oracle)]
    return {name.partition(":")[0] for name in named}


def _check_parts(notebooks: Sequence[Notebook]) -> None:
    """A part means one question of the whole homework: tables and figures name no notebook beside
    it. Raises CourseError where two notebooks share one, or one has a "2" and another a "2a"."""
    for one, other in permutations(notebooks, 2):
        for part, theirs in product(*([q.part for q in n.questions] for n in (one, other))):
            if part == theirs or (part.isdigit() and re.match(rf"{part}(?!\d)", theirs)):
                raise CourseError(
                    f"{one.master}: its {part} and the {theirs} of {other.name} could be taken for "
                    "each other in the class's tables: rename a question, say to q6a"
                )


def _notebook(file: Path) -> Notebook:
    from autograder import masters, otter_build  # here: they take seconds to import

    master = masters.read(file)
    built = otter_build.build(master.name, master.content, file)
    notebook = master.notebook(built.test_files)
    names = {question.name for question in notebook.questions}
    given = tuple(
        Given(name if name in names else "", cell.cell_type, cell.source)
        for cell in built.student.cells
        for name in [cell.id.rpartition("-")[0]]  # ids are made of question and position
    )
    return replace(notebook, given=given)


def read_table(root: Path) -> dict[str, Any]:
    """The bundle's course.toml, with a value for every key of `_REQUIRED` and `_OPTIONAL`. Raises
    CourseError."""
    file = root / TABLE
    try:
        given = tomllib.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise CourseError(f"{file} is missing: is {root} the folder of a bundle?") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{file} is not valid TOML: {error}") from None
    table = {key: kind() for key, kind in _OPTIONAL.items()} | _DEFAULTS | given
    for key, kind in (_REQUIRED | _OPTIONAL).items():
        if key not in table:
            raise CourseError(f"{file}: the key '{key}' is missing")
        if not isinstance(table[key], kind):
            wanted = _WANTED.get(key) or _WANTED[kind].format(key)
            raise CourseError(f"{file}: '{key}' is to be {wanted}")
    _known(file, table, [*_REQUIRED, *_OPTIONAL])
    _known(file, table["limits"], [limit.name for limit in fields(Limits)], "[limits] ")
    for key, value in table["limits"].items():
        whole = isinstance(getattr(Limits, key), int)
        if type(value) not in ((int,) if whole else (int, float)) or not 0 < value < inf:
            wanted = "whole number" if whole else "finite number"
            raise CourseError(f"{file}: [limits] {key} is to be a {wanted} above 0")
    if table["tell_cause"] not in _TELL_CAUSE:
        raise CourseError(f"{file}: tell_cause is to be one of: {', '.join(_TELL_CAUSE)}")
    for key in ("notebooks", "public_lines", "private"):
        if not all(isinstance(entry, str) for entry in table[key]):
            raise CourseError(f"{file}: '{key}' is to be a list of texts in quotes")
    _check_names(file, table)
    _check_reported(file, table)
    try:
        table["timing"] = comparisons.read(table["timing"], table["notebooks"])
        comparisons.check_on_gradescope(table["timing_on_gradescope"])
    except ValueError as error:
        raise CourseError(f"{file}: {error}") from None
    return table


def _check_names(file: Path, table: Mapping[str, Any]) -> None:
    if not _NAME.fullmatch(table["name"]):
        wanted = "letters, digits, '.', '_' and '-', of which the first is a letter or a digit"
        raise CourseError(f"{file}: name is what files are called: {wanted}")
    if len(set(table["notebooks"])) < len(table["notebooks"]):
        raise CourseError(f"{file}: a notebook is listed twice")


def _check_reported(file: Path, table: Mapping[str, Any]) -> None:
    _known(file, table["reported"], table["notebooks"], "[reported] ")
    _known(file, dict.fromkeys(table["private"]), table["notebooks"], "private: ")
    for name, numbers in table["reported"].items():
        if not isinstance(numbers, list) or not all(isinstance(entry, str) for entry in numbers):
            raise CourseError(f"{file}: [reported] {name} is to be a list of texts in quotes")


def secret(root: Path) -> str:
    """The course's secret: the environment's, else the one a release carries, else the table's.
    Raises CourseError."""
    carried = root / SECRET_FILE
    text = os.environ.get(SECRET_VARIABLE) or (
        carried.read_text("utf-8") if carried.is_file() else str(read_table(root)["secret"])
    )
    if len(text) < _SHORTEST_SECRET:
        text = f"the secret is to have {_SHORTEST_SECRET} characters or more: see"
        raise CourseError(f"{text} {SECRET_VARIABLE} and {root / TABLE}")
    return text


def _known(
    file: Path, given: Mapping[str, object], allowed: Sequence[str], where: str = ""
) -> None:
    for key in given:
        if key not in allowed:
            hint = meant(key, allowed, f"; known: {', '.join(allowed)}")
            raise CourseError(f"{file}: {where}'{key}' is not a key{hint}")


def _seed(secret: str, release: str) -> str:
    return hmac.new(secret.encode(), release.encode(), "sha256").hexdigest()[:32]
