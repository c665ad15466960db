"""Which module takes from which: steps that know nothing of the next, so never in a circle."""

import ast
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
