"""Which module takes from which: steps that know nothing of the next, so never in a circle; and
what no module may hold."""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def taken_from(package: Path) -> dict[str, set[str]]:
    """For each module of a package, those of the package that it imports, wherever it does."""
    files = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts): path
        for path in package.rglob("*.py")
    }
    modules = {name.removesuffix(".__init__"): file for name, file in files.items()}
    graph: dict[str, set[str]] = {}
    for name, file in modules.items():
        found = set()
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                members = {f"{node.module}.{alias.name}" for alias in node.names} & modules.keys()
                found |= members or {str(node.module)}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        graph[name] = found & modules.keys() - {name}
    return graph


@pytest.mark.parametrize("package", ["autograder", "notebooks/labkit", "solutions"])
def test_no_modules_import_each_other_in_a_circle(package):
    graph = taken_from(ROOT / package)
    assert sum(map(len, graph.values())) > 10, "imports were found"
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"a circle: {' imports '.join(reversed(error.args[1]))}")


@pytest.mark.parametrize("package", ["autograder", "notebooks/labkit", "solutions"])
def test_no_expression_repeats_a_group_possessively(package):
    """Python before 3.11.5 matches those wrongly (CPython issue 106052); Debian 12 has 3.11.2."""
    possessive = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found = possessive.search(node.value)
                assert not found, f"{path.name}, line {node.lineno}: {node.value}"
