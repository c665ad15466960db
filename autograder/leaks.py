"""What students must not see, and whether they do.

Comes in: masters, the bundle's other files, and the bytes of everything students get. Goes out:
each leak, with the file it is in and where it comes from. Two nets: a token of its own in every
hidden block, put in before Otter sorts hidden from public; and the hidden lines themselves.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import hmac
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.bundle_files import files_below
from autograder.masters import Case, Cell, Master, solution_lines
from autograder.notebook import CourseError

SHORTEST = 25  # characters; a shorter line says too little to be a secret
_MARKDOWN = "->*#|0123456789. "  # what a line of Markdown may begin with

_SOLUTION_MARKER = re.compile(r"# ?SOLUTION( NO PROMPT)?$")


@dataclass(frozen=True)
class Secret:
    """A text that no student may see, and where it stands. `quotable`: a message may repeat it."""

    text: str
    origin: str
    quotable: bool = True


@dataclass(frozen=True)
class Leak:
    """A secret in a file that students see."""

    file: str
    secret: Secret

    def __str__(self) -> str:
        quoted = f": {self.secret.text[:60]}" if self.secret.quotable else ""
        return f"{self.file} shows {self.secret.origin}{quoted}"


def find(student_visible: Mapping[str, bytes], secrets: Iterable[Secret]) -> list[Leak]:
    """Every secret that stands in a file of `student_visible` (name -> content), however its
    spaces and lines are broken, and in notebooks however JSON has escaped it.

    >>> find({"README.md": b"as in  x = 1"}, [Secret("x = 1", "a solution")])[0].file
    'README.md'
    """
    texts = {name: _text(name, content) for name, content in student_visible.items()}
    return [
        Leak(name, secret)
        for secret in dict.fromkeys(secrets)
        for name, text in texts.items()
        if secret.text in text
    ]


def with_tokens(master: Master, key: str) -> tuple[Master, list[Secret]]:
    """A copy of the master in which every hidden block carries a token, and the tokens.

    key  makes the tokens unguessable: the release's seed
    """
    marked = Master(master.file, copy.deepcopy(master.content))
    secrets: list[Secret] = []

    def token(origin: str) -> str:
        name = f"{master.name}/{len(secrets)}"
        text = "token" + hmac.new(key.encode(), name.encode(), "sha256").hexdigest()[:24]
        secrets.append(Secret(text, origin, quotable=False))
        return text

    for case in marked.all_cases():
        if case.test.hidden:
            case.cell.node.source = _mark_test(case, token(_origin(marked, case.cell, case)))
    for cell in marked.cells:
        origin = _origin(marked, cell)
        if cell.node.cell_type == "code" and cell.block != "tests":
            lines = cell.source.split("\n")
            for block in solution_lines(cell.source):
                lines[block[0]] = _mark_line(lines[block[0]], token(origin))
            cell.node.source = "\n".join(lines)
        elif cell.block == "solution":
            cell.node.source += f"\n\n<!-- {token(origin)} -->"
    return marked, secrets


def hidden_lines(masters: Iterable[Master], root: Path, public: Iterable[str]) -> list[Secret]:
    """The lines of at least SHORTEST characters that only solutions hold: of hidden tests (where
    no public test has them), solutions, solutions/reference and solutions/mistakes.

    public  texts whose lines students may see: labkit's modules and the table's public_lines

    Raises CourseError for a file that is no Python.
    """
    known = {_statement(line) for text in public for line in text.split("\n")}
    lines = [secret for master in masters for secret in _of_master(master)]
    for folder in ("reference", "mistakes"):
        for file in files_below(root / "solutions" / folder):
            if file.suffix == ".py":
                name = file.relative_to(root).as_posix()
                try:
                    code = list(_code(file.read_text("utf-8")))
                except SyntaxError as error:
                    raise CourseError(f"{file}, line {error.lineno}: {error.msg}") from None
                lines += [Secret(line, f"{name}, line {number}") for number, line in code]
    secrets = [Secret(_statement(line.text), line.origin) for line in lines]
    return [s for s in secrets if len(s.text) >= SHORTEST and s.text not in known]


def squeezed(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def _of_master(master: Master) -> Iterator[Secret]:
    public = [case for case in master.all_cases() if not case.test.hidden]
    shown = {line for case in public for line in _lines(case)}
    for case in master.all_cases():
        if case.test.hidden:
            for line in _lines(case):
                if line not in shown:
                    yield Secret(line, _origin(master, case.cell, case))
    for cell in master.cells:
        lines = cell.source.split("\n")
        if cell.node.cell_type == "code" and cell.block != "tests":
            for number in (number for block in solution_lines(cell.source) for number in block):
                line = _SOLUTION_MARKER.sub("", lines[number].rstrip())
                if not re.match(r"\s*(from|import)\s", line):
                    yield Secret(line, _origin(master, cell))
        elif cell.block == "solution":
            for line in lines:
                yield Secret(line.lstrip(_MARKDOWN), _origin(master, cell))


def _lines(case: Case) -> Iterator[str]:
    """A test's lines, as its author wrote them and as Otter writes them."""
    written = "\n".join(case.cell.source.split("\n")[case.body_line :])
    for source in (written, ast.unparse(case.function)):
        yield from (squeezed(line) for _, line in _code(source))


def _statement(line: str) -> str:
    """What a line does, squeezed: without its comment, whose formula the prose may show too."""
    code = line.partition("# ")[0]
    return squeezed(re.sub(r"^\s*(return|yield)\b", "", code))


def _code(source: str) -> Iterator[tuple[int, str]]:
    """The lines of Python code with their numbers, without imports, signatures and
    docstrings: those stand in public as well."""
    public: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            public.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if not isinstance(node, ast.Module) and node.body:
                public.update(range(node.lineno, node.body[0].lineno))
            if ast.get_docstring(node, clean=False) is not None:
                docstring = node.body[0]
                public.update(range(docstring.lineno, (docstring.end_lineno or 0) + 1))
    for number, line in enumerate(source.split("\n"), start=1):
        if number not in public:
            yield number, line


def _origin(master: Master, cell: Cell, case: Case | None = None) -> str:
    written = "written " if cell.node.cell_type == "markdown" else ""
    what = f"the hidden test '{case.test.name}'" if case else f"the {written}solution"
    question = f", question {cell.question}" if cell.question else ""
    return f"{what} of {master.file.name}{question}"


def _mark_test(case: Case, token: str) -> str:
    """The test cell with the token as a string in the function: Otter drops comments."""
    function = copy.deepcopy(case.function)
    function.body.insert(0, ast.Expr(ast.Constant(token)))
    config = case.cell.source.split("\n")[: case.body_line]
    return "\n".join([*config, ast.unparse(ast.fix_missing_locations(function))])


def _mark_line(line: str, token: str) -> str:
    """The line with a comment: before its '# SOLUTION' if it has one, else above it."""
    if marker := _SOLUTION_MARKER.search(line.rstrip()):
        return f"{line[: marker.start()]}# {token} {marker[0]}"
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}# {token}\n{line}"


def _text(name: str, content: bytes) -> str:
    """All that can be read in a file, with the spaces squeezed."""
    text = content.decode("utf-8", errors="replace")
    if name.endswith((".ipynb", ".json")):
        with contextlib.suppress(ValueError):
            text += "\n" + "\n".join(_strings(json.loads(text)))
    return squeezed(text)


def _strings(value: object) -> Iterator[str]:
    """Every string in a JSON value; a list of strings, as notebooks keep their lines, is one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and all(isinstance(entry, str) for entry in value):
        yield "".join(value)
    elif isinstance(value, list | dict):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _strings(entry)
