"""The files of a bundle: which there are, and which of them decide a score.

Goes out: hashes. A bundle's changes with whatever decides a score in it. A notebook's changes only
with what its own scores depend on, so that of a class that was graded before a correction, only
that is graded again.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

import labkit

LABKIT = Path(labkit.__file__).resolve().parent  # this project's
_IN_EVERY_NOTEBOOK = ("labkit", "labkit.grader", "labkit.handin")  # its first and last cells
_IMPORTING = ("__import__", "import_module", "exec_module")  # what these are given, nobody knows


def files_below(folder: Path) -> list[Path]:
    """Every file below `folder` that belongs to the bundle, sorted: no caches, no hidden files."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(p == "__pycache__" or p[0] == "." for p in path.relative_to(folder).parts)
    )


def own_labkit(root: Path) -> Path:
    """Where a bundle's own modules of labkit lie, if it has any."""
    return root / "notebooks" / "labkit"


def added_to_labkit(root: Path) -> list[Path]:
    """The modules and packages that a bundle adds to labkit. This project's are never replaced."""
    own = own_labkit(root)
    files = files_below(own) if own.is_dir() else []
    names = sorted({file.relative_to(own).parts[0] for file in files})
    return [own / name for name in names if not (LABKIT / name).exists()]


def instead_of_labkit(root: Path) -> list[Path]:
    """The files of a bundle's labkit that are called like this project's, and differ."""
    own = own_labkit(root)
    files = files_below(own) if own.is_dir() else []
    pairs = {file: LABKIT / file.relative_to(own) for file in files}
    return [
        file
        for file, ours in pairs.items()
        if (LABKIT / file.relative_to(own).parts[0]).exists()
        and not (ours.is_file() and ours.read_bytes() == file.read_bytes())
    ]


def labkit_files(root: Path) -> dict[str, Path]:
    """labkit as the bundle's notebooks import it, by path in it: this project's modules, and those
    that the bundle adds."""
    own = own_labkit(root)
    added = added_to_labkit(root)
    ours = {path.relative_to(LABKIT): path for path in files_below(LABKIT)}
    theirs = {
        path.relative_to(own): path
        for path in (files_below(own) if added else [])
        if own / path.relative_to(own).parts[0] in added
    }
    return {name.as_posix(): path for name, path in sorted((ours | theirs).items())}


def labkit_for(root: Path, masters: Iterable[Path]) -> dict[str, Path]:
    """Of these files, what the notebooks of these masters import, themselves or through others."""
    files = labkit_files(root)
    known = {_module(Path("labkit", name), Path()): file for name, file in files.items()}
    used = _imported_by(masters, _IN_EVERY_NOTEBOOK, known)
    return {name: file for name, file in files.items() if file in used}


def data_files(root: Path) -> list[Path]:
    """What a bundle's notebooks may read beside them: all below data/ but what was handed in."""
    files = files_below(root / "data")
    return [file for file in files if file.relative_to(root).parts[1] != "submissions"]


def bundle_version(root: Path, files: Iterable[Path]) -> str:
    """A hash of these files (its table and masters), and of all that decides a score in any of its
    notebooks, whatever the engine and the limits: 16 hexadecimal digits."""
    return _hash(root, [*files, *_references(root), *_mistakes(root)])


def notebook_version(
    root: Path, master: Path, asked: frozenset[str], modules: Iterable[str] = ()
) -> str:
    """A hash of what decides a score or a timing of this master's notebook, whose tests ask for the
    functions `asked`: the master, the mistakes in those functions, the references among `modules`,
    what of references and mistakes all these import, labkit and the data."""
    mistakes = [file for file in _mistakes(root) if _is_about(file, asked)]
    known = {_module(file, root): file for file in (*_references(root), *_mistakes(root))}
    return _hash(root, {master, *mistakes, *_imported_by([master, *mistakes], modules, known)})


def _references(root: Path) -> list[Path]:
    return files_below(root / "solutions" / "reference")


def _mistakes(root: Path) -> list[Path]:
    return files_below(root / "solutions" / "mistakes")


def _imported_by(
    importing: Iterable[Path], modules: Iterable[str], known: Mapping[str, Path]
) -> set[Path]:
    """Of the `known` files, by what they are imported as, those among `modules`, those that they or
    the `importing` files import, themselves or through others, and those that are no Python; all,
    where that cannot be told from their text."""
    found = {file for file in known.values() if file.suffix != ".py"}
    names = set(modules)
    todo = [(file, "") for file in importing if file.suffix == ".py"]
    while todo:
        file, package = todo.pop()
        imports = _imports(file.read_bytes(), package)
        if imports is None:
            return set(known.values())
        names |= imports
        new = {name: known[name] for name in names & known.keys() if known[name] not in found}
        found |= set(new.values())
        todo += [
            (file, name if file.stem == "__init__" else name.rpartition(".")[0])
            for name, file in new.items()
        ]
    return found


def _module(file: Path, root: Path) -> str:
    """What a file is imported as, "solutions.reference.ssm", or its path, if it is no Python."""
    if file.suffix != ".py":
        return file.relative_to(root).as_posix()
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _UntoldError(Exception):
    """What a module imports cannot be told from its text."""


@cache
def _imports(text: bytes, package: str) -> frozenset[str] | None:
    """All that may be a module among what one of this package imports, and the packages it lies
    in; None where that cannot be told."""
    try:
        found = [name.split(".") for name in _imported(ast.parse(text), package)]
    except (SyntaxError, ValueError, _UntoldError):
        return None
    return frozenset(".".join(parts[:n]) for parts in found for n in range(1, len(parts) + 1))


def _imported(tree: ast.Module, package: str) -> Iterator[str]:
    """The names that are imported. Raises _UntoldError."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom():
                base = _imported_from(node, package)
                names = [f"{base}.{alias.name}" for alias in node.names]
            case ast.Name(id=name) | ast.Attribute(attr=name):
                names = [name] if name in _IMPORTING else []
            case _:
                continue
        if any(name.rpartition(".")[2] in _IMPORTING for name in names):
            raise _UntoldError
        yield from names


def _imported_from(node: ast.ImportFrom, package: str) -> str:
    """The full name of what something is imported from. Raises _UntoldError."""
    parents = package.split(".") if package else []
    if node.level > len(parents):
        raise _UntoldError
    kept = parents[: len(parents) + 1 - node.level] if node.level else []
    return ".".join([*kept, *([node.module] if node.module else [])])


def _is_about(file: Path, functions: frozenset[str]) -> bool:
    """Whether a module marks a mistake in one of these functions, or in one that its text does not
    name. (What is no Python counts for all.)"""
    if file.suffix != ".py":
        return False
    marked = _marked(file.read_bytes())
    return marked is None or not marked.isdisjoint(functions)


@cache
def _marked(text: bytes) -> frozenset[object] | None:
    """The functions that a module marks mistakes in; None where that cannot be told."""
    try:
        calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError):
        return None
    found = set()
    for call in calls:
        match call:
            case ast.Call(func=ast.Name(id="mistake"), args=[ast.Constant(value=name), *_]):
                found.add(name)
            case ast.Call(func=ast.Name(id="mistake")):
                return None
    return frozenset(found)


def _hash(root: Path, files: Iterable[Path]) -> str:
    """Of these files, of labkit and of the data, by what they hold and what they are called."""
    named = [(p.relative_to(root).as_posix(), p) for p in [*sorted(files), *data_files(root)]]
    named += [(f"labkit/{name}", path) for name, path in labkit_files(root).items()]
    digest = hashlib.sha256()
    for name, path in named:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
