"""Masters: what stands in one, and what Otter makes of it.

Comes in: a master's file, jupytext py:percent with Otter's markup. Goes out: its questions as
`Notebook`, and Otter's own products: the solved notebook, the student notebook and the
test files. Otter forgives much (a question that never ends, two of one name, a test nobody gave
points); here each of these is a CourseError that says where and what to do.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode
from otter.assign.blocks import (
    BlockType,
    extract_all_fenced_otter_cells,
    get_cell_config,
    is_assignment_config_cell,
    is_block_boundary_cell,
)
from otter.assign.question_config import QuestionConfig
from otter.assign.tests_manager import BEGIN_TEST_CONFIG_REGEX, END_TEST_CONFIG_REGEX
from otter.assign.utils import is_ignore_cell

from autograder.near import meant
from autograder.notebook import IGNORED, CourseError, Notebook, Question, Test
from autograder.otter_build import KERNEL

_TEST_KEYS = {"name", "points", "hidden", "success_message", "failure_message"}
_UNSEEN = ("solutions", "autograder")  # packages a student does not have
_IMPORTS_UNSEEN = re.compile(rf"\s*(?:from|import)\s+({'|'.join(_UNSEEN)})\b")
_QUESTION_KEYS = ("name", "points", "manual", "check_cell", "export")
_CHOICES = ("choice", "choices")  # labkit's checks of an answer from a list
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
_QUESTION_NAME = re.compile(r"q_?(?P<part>[0-9a-z]+)(?:_(?P<rest>\w+))?")
_MARKER_LIKE = re.compile(r"#\s*(BEGIN|END)\s+[A-Z]{2,}")
_MARKERS = re.compile(
    r"# (BEGIN SOLUTION( NO PROMPT)?|(BEGIN|END) (PROMPT|IGNORE|PLUGIN)|END SOLUTION)$"
)
_BEGIN_SOLUTION = re.compile(r"\s*# BEGIN SOLUTION( NO PROMPT)?$")
_END_SOLUTION = "# END SOLUTION"
_SOLUTION_LINE = re.compile(r"# ?SOLUTION( NO PROMPT)?$")


@dataclass(frozen=True)
class Cell:
    """A cell of a master that is no markup, and where it stands: in which question ("" for none)
    and in which of its blocks ("prompt", "solution", "tests" or "")."""

    node: NotebookNode
    question: str = ""
    block: str = ""

    @property
    def source(self) -> str:
        return str(self.node.source)


@dataclass(frozen=True)
class Case:
    """A test cell: what its config says, the source line after the config (from 0), and the test
    function."""

    cell: Cell
    test: Test
    body_line: int
    function: ast.FunctionDef


class Master:
    """A master's cells, its questions' configs and its tests, checked. Raises CourseError."""

    def __init__(self, file: Path, content: NotebookNode):
        self.file = file
        self.name = file.stem
        self.content = content
        self.configs: dict[str, dict[str, Any]] = {}
        self.cells = self._walk()
        self.cases = self._cases()
        self._check()

    def error(self, text: str, question: str = "") -> CourseError:
        where = f", question {question}" if question else ""
        return CourseError(f"{self.file}{where}: {text}")

    def all_cases(self) -> list[Case]:
        return [case for cases in self.cases.values() for case in cases]

    def notebook(self, test_files: dict[str, str]) -> Notebook:
        """Everything grading asks of this master; `test_files` are Otter's. Raises CourseError."""
        headings = self._headings()
        title = headings.get("", self.name)
        arguments = {
            argument.arg for case in self.all_cases() for argument in case.function.args.args
        }
        return Notebook(
            name=self.name,
            title=title,
            master=self.file,
            questions=tuple(self._question(q, headings.get(q, "")) for q in self.configs),
            test_files=test_files,
            defines=frozenset(arguments - {"env"}),
            solved=tuple(cell.source for cell in self.cells if _makes_answers(cell)),
        )

    def _question(self, name: str, heading: str) -> Question:
        manual = bool(self.configs[name].get("manual"))
        tests = tuple(case.test for case in self.cases[name])
        part = _part(name, manual)
        first, dot, rest = heading.partition(" · ")
        if dot and first[0].isdigit() and not part.startswith(first):
            raise self.error(f"its heading says {first}, and its name says {part}", name)
        return Question(
            name=name,
            part=part,
            title=rest.split(" · ")[0] if dot else heading,
            points=float(self.configs[name].get("points", 0))
            if manual
            else sum(test.points for test in tests),
            manual=manual,
            tests=tests,
            asks=tuple(dict.fromkeys(
                argument.arg
                for case in self.cases[name]
                for argument in case.function.args.args
                if argument.arg != "env"
            )),
            rubric="\n\n".join(
                cell.source
                for cell in self.cells
                if (cell.question, cell.block) == (name, "solution")
                and cell.node.cell_type == "markdown"
            ),
        )  # fmt: skip

    def _walk(self) -> list[Cell]:
        """The cells that are no markup; fills `configs`."""
        cells: list[Cell] = []
        inside: list[str] = []  # the blocks that have begun: "question", then one of the others
        question = ""
        for node in self.content.cells:
            edge, block = _boundary(node)
            if edge == "begin":
                self._check_begin(block, inside, question)
                question = self._begin_question(node) if block == "question" else question
                inside.append(block)
            elif edge == "end":
                if inside[-1:] != [block]:
                    missing = f"END {inside[-1].upper()}" if inside else f"BEGIN {block.upper()}"
                    text = f"'# END {block.upper()}' comes before '# {missing}'"
                    raise self.error(text, question)
                inside.pop()
                question = question if inside else ""
            elif node.cell_type == "raw" and not is_assignment_config_cell(node):
                first = node.source.split("\n")[0]
                raise self.error(f"Otter does not know the raw cell '{first}'", question)
            elif node.cell_type != "raw" and not is_ignore_cell(node):
                cells.append(Cell(node, question, inside[-1] if inside[1:] else ""))
        if inside:
            raise self.error(f"add '# END {inside[-1].upper()}'", question)
        return cells

    def _check_begin(self, block: str, inside: list[str], question: str) -> None:
        if inside == ([] if block == "question" else ["question"]):
            return
        if not inside:
            raise self.error(f"'# BEGIN {block.upper()}' stands in no question")
        text = f"add '# END {inside[-1].upper()}' before '# BEGIN {block.upper()}'"
        raise self.error(text, question)

    def _begin_question(self, node: NotebookNode) -> str:
        try:
            config = get_cell_config(node)
            QuestionConfig(config, require_valid_keys=True)
            name = str(config["name"])
        except Exception as error:
            text = f"a question's config cannot be used: {error}{_meant(str(error))}"
            raise CourseError(f"{self.file}{self._line(node)}: {text}") from None
        if name in self.configs:
            raise self.error("another question has this name: give it one of its own", name)
        if not _QUESTION_NAME.fullmatch(name):
            raise self.error("name it like q2a, or q2a_1 where a part has several", name)
        self.configs[name] = config
        return name

    def _line(self, node: NotebookNode) -> str:
        """Where a raw cell stands in the file, as ", line 12"; "" if that cannot be told."""
        with contextlib.suppress(OSError, UnicodeDecodeError):
            before, found, _ = self.file.read_text("utf-8").partition(
                "\n".join(f"# {line}".rstrip() for line in node.source.split("\n"))
            )
            return f", line {before.count(chr(10)) + 1}" if found else ""
        return ""

    def _cases(self) -> dict[str, list[Case]]:
        cases: dict[str, list[Case]] = {name: [] for name in self.configs}
        for cell in self.cells:
            if cell.block == "tests":
                cases[cell.question].append(self._case(cell))
        return cases

    def _case(self, cell: Cell) -> Case:
        lines = cell.source.split("\n")
        ends = [i for i, line in enumerate(lines) if re.match(END_TEST_CONFIG_REGEX, line)]
        if not re.match(BEGIN_TEST_CONFIG_REGEX, lines[0]) or not ends:
            text = f"the test '{lines[0]}' is to begin with a config, between"
            text += ' \'""" # BEGIN TEST CONFIG\' and \'""" # END TEST CONFIG\''
            raise self.error(text, cell.question)
        try:
            config = yaml.safe_load("\n".join(lines[1 : ends[0]])) or {}
            body = ast.parse("\n".join(lines[ends[0] + 1 :])).body
        except yaml.YAMLError as error:
            raise self.error(f"a test's config is not valid YAML: {error}", cell.question) from None
        except SyntaxError as error:
            text = f"a test is no Python: {error.msg}, at '{(error.text or '').strip()}'"
            raise self.error(text, cell.question) from None
        if not body or not isinstance(body[0], ast.FunctionDef):
            raise self.error("a test is one function and a call of it", cell.question)
        return Case(cell, self._test(config, cell.question), ends[0] + 1, body[0])

    def _test(self, config: object, question: str) -> Test:
        if not isinstance(config, dict) or not isinstance(config.get("name"), str):
            raise self.error("add a 'name:' to the config of every test", question)
        name, points, hidden = config["name"], config.get("points"), config.get("hidden", False)
        if unknown := set(config) - _TEST_KEYS:
            text = f"test '{name}' has the key '{sorted(unknown)[0]}', which Otter does not know"
            raise self.error(text, question)
        if isinstance(points, bool) or not isinstance(points, int | float) or points < 0:
            raise self.error(f"say how many 'points:' the test '{name}' gives", question)
        if not isinstance(hidden, bool):
            raise self.error(f"'hidden:' of the test '{name}' is to be true or false", question)
        return Test(name=name, points=float(points), hidden=hidden)

    def _check(self) -> None:
        for name, config in self.configs.items():
            self._check_points(name, config)
            self._check_cases(name)
        for cell in self.cells:
            if cell.node.cell_type == "code" and cell.block != "tests":
                self._check_markers(cell)
                self._check_visible(cell)

    def _check_markers(self, cell: Cell) -> None:
        try:
            marked = solution_lines(cell.source)
        except ValueError as error:
            raise self.error(str(error), cell.question) from None
        if cell.block == "solution" and not marked:
            text = f"the solution cell '{cell.source.splitlines()[0]}' marks no line as a solution"
            raise self.error(f"{text}, so students would get all of it", cell.question)

    def _check_visible(self, cell: Cell) -> None:
        """What students see of a cell imports nothing that they do not have."""
        hidden = {number for block in solution_lines(cell.source) for number in block}
        for number, line in enumerate(cell.source.split("\n")):
            found = _IMPORTS_UNSEEN.match(line)
            if found and number not in hidden:
                text = f"'{line.strip()}' stands where students see it, and they do not have"
                raise self.error(f"{text} {found[1]}", cell.question)

    def _check_points(self, name: str, config: Mapping[str, Any]) -> None:
        stated, cases = config.get("points"), self.cases[name]
        if stated is not None and not isinstance(stated, int | float):
            raise self.error("'points:' is to be one number", name)
        if config.get("all_or_nothing"):
            raise self.error("credit is given test by test: take all_or_nothing out", name)
        if config.get("manual"):
            if stated is None:
                raise self.error("say how many 'points:' it gives", name)
            if cases:
                raise self.error("it is graded by a person and has tests: split it", name)
            return
        if not cases:
            raise self.error("it has no tests: add some, or 'manual: true'", name)
        total = sum(case.test.points for case in cases)
        if stated is not None and abs(stated - total) > 1e-9:
            raise self.error(f"it gives {stated} points, and its tests {total:g}", name)

    def _check_cases(self, name: str) -> None:
        functions, titles = set(), set()
        for case in self.cases[name]:
            test, function = case.test, case.function
            if test.name in titles or function.name in functions:
                text = f"two tests are called '{test.name}' or {function.name}: name them apart"
                raise self.error(text, name)
            titles.add(test.name)
            functions.add(function.name)
            if not test.hidden and (answer := _given_away(function)):
                text = f"the public test '{test.name}' holds the right choice, {answer}: students"
                raise self.error(f"{text} see it; add 'hidden: true', or choice(x, x, ...)", name)
            unseen = [package for package in _imports(function) if package in _UNSEEN]
            if unseen and not test.hidden:
                text = f"the public test '{test.name}' imports {unseen[0]}, which students do not"
                raise self.error(f"{text} have: add 'hidden: true', or do without", name)

    def _headings(self) -> dict[str, str]:
        """A heading for each question, its first or else the last before it; "" for the title."""
        headings: dict[str, str] = {}
        latest = ""
        for cell in self.cells:
            found = _HEADING.search(cell.source) if cell.node.cell_type == "markdown" else None
            if found:
                latest = found[1]
                headings.setdefault(cell.question, latest)
        for name in self.configs:
            headings.setdefault(name, latest)
        return headings


def _makes_answers(cell: Cell) -> bool:
    """Whether a cell is code of the set-up or of a solution, and not left out in grading."""
    left_out = IGNORED in cell.node.metadata.get("tags", [])
    return cell.node.cell_type == "code" and cell.block in ("", "solution") and not left_out


def read(file: Path) -> Master:
    """The master in `file`. Raises CourseError."""
    return Master(file, _read(file))


def solution_lines(source: str) -> list[list[int]]:
    """The lines (from 0) of a code cell that only the solved copy keeps: one list a block between
    '# BEGIN SOLUTION' and '# END SOLUTION', one a line that ends in '# SOLUTION'.

    Raises ValueError if the markers do not match.
    """
    found: list[list[int]] = []
    inside: list[int] | None = None
    for number, line in enumerate(source.split("\n")):
        text = line.rstrip()
        marker = _MARKER_LIKE.search(text)
        if marker and not _MARKERS.search(text[marker.start() :]):
            raise ValueError(f"'{text.strip()}' is no marker Otter knows")
        if _BEGIN_SOLUTION.match(text):
            if inside is not None:
                raise ValueError("a '# BEGIN SOLUTION' stands inside another")
            inside = []
        elif text.endswith(_END_SOLUTION):
            if inside is None:
                raise ValueError("'# END SOLUTION' comes without '# BEGIN SOLUTION'")
            if not inside:
                raise ValueError("nothing stands between '# BEGIN SOLUTION' and '# END SOLUTION'")
            found.append(inside)
            inside = None
        elif inside is not None:
            inside.append(number)
        elif _SOLUTION_LINE.search(text):
            found.append([number])
    if inside is not None:
        raise ValueError("'# BEGIN SOLUTION' comes without '# END SOLUTION'")
    return found


def _read(file: Path) -> NotebookNode:
    """The master as a notebook whose cells' metadata names their question."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{file}: it cannot be read: {error}") from None
    if not re.search(r"^# %%", text, re.MULTILINE):
        raise CourseError(f"{file}: it is not a jupytext py:percent file: no line begins '# %%'")
    content: NotebookNode = jupytext.reads(text, fmt="py:percent")
    content.cells = extract_all_fenced_otter_cells(content.cells)
    content.metadata = NotebookNode(kernelspec=NotebookNode(KERNEL))
    content.nbformat_minor = 5
    _name_questions(content.cells)
    return content


def _name_questions(cells: list[NotebookNode]) -> None:
    question = ""
    for cell in cells:
        boundary = _boundary(cell)
        if boundary == ("begin", "question"):
            config = get_cell_config(cell)
            question = str(config.get("name", "")) if isinstance(config, dict) else ""
        elif boundary == ("end", "question"):
            question = ""
        cell.metadata["question"] = question


def _boundary(cell: NotebookNode) -> tuple[str, str]:
    """("begin" or "end", the block's type) if the cell is Otter's markup, else ("", "")."""
    if cell.cell_type == "raw":
        for block in BlockType:
            for edge, end in (("begin", False), ("end", True)):
                if is_block_boundary_cell(cell, block, end=end):
                    return edge, str(block.value)
    return "", ""


def _part(name: str, manual: bool) -> str:
    """What a person says for Otter's name: q2a is 2a, the manual q2c_1 is 2c Q1."""
    match = _QUESTION_NAME.fullmatch(name)
    assert match, name
    part, rest = match["part"], match["rest"]
    if not rest:
        return part
    return f"{part} Q{rest}" if manual and rest.isdigit() else f"{part} {rest}"


def _meant(error: str) -> str:
    """Which key of a question's config may be meant, where one is not known."""
    key = re.search(r"Unexpected key found in config: '(\w+)'", error)
    return meant(key[1], _QUESTION_KEYS) if key else ""


def _given_away(function: ast.FunctionDef) -> str:
    """The right answer that a call of `choice` or `choices` spells out; "" where none does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _CHOICES:
            named = [word.value for word in node.keywords if word.arg == "expected"]
            for expected in [*node.args[1:2], *named]:
                with contextlib.suppress(ValueError):
                    return repr(ast.literal_eval(expected))
    return ""


def _imports(function: ast.FunctionDef) -> Iterator[str]:
    """The top-level packages that a function imports."""
    for node in ast.walk(function):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
