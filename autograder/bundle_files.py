"""The files of a bundle: which there are, and which of them decide a score.

Goes out: hashes. A bundle's changes with whatever decides a score in it. A notebook's changes only
with what its own scores depend on, so that of a class that was graded before a correction, only
that is graded again.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """Every file below `folder` that belongs to the bundle, sorted: no caches, no hidden files."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path.suffix != ".pyc"
        and not any(p == "__pycache__" or p[0] == "." for p in path.relative_to(folder).parts)
    )


def labkit_folder(root: Path) -> Path:
    """The labkit that the bundle's notebooks import: its own, or else this project's."""
    own = root / "notebooks" / "labkit"
    return own if own.is_dir() else Path(__file__).resolve().parents[1] / "notebooks" / "labkit"


def bundle_version(root: Path, files: Iterable[Path]) -> str:
    """A hash of these files (its table and masters), and of all that decides a score in any of its
    notebooks, whatever the engine and the limits: 16 hexadecimal digits."""
    return _hash(root, [*files, *_references(root), *_mistakes(root)])


def notebook_version(
    root: Path, master: Path, asked: frozenset[str], modules: Iterable[str] = ()
) -> str:
    """A hash of what decides a score or a timing of this master's notebook, whose tests ask for the
    functions `asked`: the master, the mistakes in those functions, the references among `modules`,
    what of references and mistakes all these import, and labkit."""
    mistakes = [file for file in _mistakes(root) if _is_about(file, asked)]
    files = [*_references(root), *_mistakes(root)]
    return _hash(
        root, {master, *mistakes, *_imported_by([master, *mistakes], modules, root, files)}
    )


def _references(root: Path) -> list[Path]:
    return files_below(root / "solutions" / "reference")


def _mistakes(root: Path) -> list[Path]:
    return files_below(root / "solutions" / "mistakes")


def _imported_by(
    importing: Iterable[Path], modules: Iterable[str], root: Path, files: Collection[Path]
) -> set[Path]:
    """Of these files those among `modules`, those that they or the `importing` files import,
    themselves or through others, and those that are no Python; all, where that cannot be told from
    their text."""
    known = {_module(file, root): file for file in files if file.suffix == ".py"}
    found, names = set(files) - set(known.values()), set(modules)
    todo = [file for file in importing if file.suffix == ".py"]
    while todo:
        try:
            names.update(_imports(ast.parse(todo.pop().read_text("utf-8"))))
        except (SyntaxError, UnicodeDecodeError, _UntoldError):
            return set(files)
        new = {known[name] for name in names & known.keys()} - found
        found |= new
        todo += new
    return found


def _module(file: Path, root: Path) -> str:
    """What a file is imported as: "solutions.reference.ssm"."""
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


class _UntoldError(Exception):
    """What a module imports cannot be told from its text."""


def _imports(tree: ast.Module) -> Iterator[str]:
    """All that may be a module among what this one imports, and the packages it lies in."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(level=0):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            case ast.ImportFrom() | ast.Name(id="__import__"):  # its own package's; who knows whose
                raise _UntoldError
            case _:
                continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "importlib":
                raise _UntoldError
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


def _is_about(file: Path, functions: frozenset[str]) -> bool:
    """Whether a module marks a mistake in one of these functions, or in one that its text does not
    name."""
    if file.suffix != ".py":
        return False  # it counts for all
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return True
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="mistake"), args=[ast.Constant(value=name), *_]):
                if name in functions:
                    return True
            case ast.Call(func=ast.Name(id="mistake")):
                return True
    return False


def _hash(root: Path, files: Iterable[Path]) -> str:
    """Of these files and of labkit, by what they hold and what they are called."""
    labkit = labkit_folder(root)
    digest = hashlib.sha256()
    for path in [*sorted(files), *files_below(labkit)]:
        name = path.relative_to(labkit.parent if labkit in path.parents else root).as_posix()
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]
