"""Pages and notebooks can be read by ear, by keyboard and without red and green: no finding."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from autograder import course, release
from tests import accessibility

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

FINE = """<!doctype html><html lang="en"><head><title>Fine</title><style>
:root { --ink: #111; --paper: #fff } html { color: var(--ink); background: var(--paper) }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #111 } }
</style></head><body><main><h1>One</h1><h2>Two</h2><h3>Three</h3><h2>Two</h2>
<img src="x" alt="a line that rises"><a href="#x">there</a><svg aria-hidden="true"></svg>
<svg role="img" aria-label="a bar"></svg>
<table><tr><th>a</th></tr></table><details><summary>more</summary>text</details>
<label>name <input></label></main></body></html>"""

FAULTS = {
    "the page does not say its language": (' lang="en"', ""),
    "the page has no title": ("<title>Fine</title>", ""),
    "one <main>": ("<main>", "<main></main><main>"),
    "2 first-level headings": ("<h2>Two</h2><h3>", "<h1>Two</h1><h2>Two</h2><h3>"),
    "'Three' is of level 4, after one of level 2": ("<h3>Three</h3>", "<h4>Three</h4>"),
    "is not of the first level": ("<h1>", "<h2>Zero</h2><h1>"),
    "a heading of level 3 is empty": ("Three", ""),
    "a picture has no alternative text": (' alt="a line that rises"', ""),
    "alternative text is empty": ("a line that rises", " "),
    "a drawing has neither": (' aria-hidden="true"', ""),
    "a link has no text": ("there", ""),
    "a link without href": (' href="#x"', ""),
    "a table has no header cells": ("th>", "td>"),
    "folds without a summary": ("<summary>more</summary>", ""),
    "a field has no label": ("label>", "p>"),
    "a tabindex above 0": ("<table", '<table tabindex="2"'),
    "cannot be reached by keyboard": ("<table", '<table onclick="x()"'),
    "the id 'i' is given twice": ("<h2>Two</h2>", '<h2 id="i">Two</h2>'),
    "names 'nothing', which is not there": ("<table", '<table aria-labelledby="nothing"'),
    "contrast 2.8 of var(--ink) on var(--paper)": ("--ink: #111", "--ink: #999"),
    "(prefers-color-scheme: dark)": ("--ink: #eee", "--ink: #333"),
    "contrast 1.0": ("<table", '<table style="color: white"'),
    "hides where the keyboard is": ("</style>", "a:focus { outline: none }</style>"),
}


def test_a_page_that_is_fine_has_no_finding() -> None:
    assert accessibility.of_page(FINE) == []


@pytest.mark.parametrize("finding", FAULTS)
def test_a_fault_is_found_and_named(finding: str) -> None:
    old, new = FAULTS[finding]
    assert old in FINE
    found = accessibility.of_page(FINE.replace(old, new))
    assert any(finding in each for each in found), found


def test_a_picture_in_an_output_needs_alternative_text() -> None:
    def shown(**data: str) -> list[str]:
        outputs = [{"output_type": "display_data", "data": data}]
        cells = [
            {"cell_type": "markdown", "source": "# One\n\n## Two"},
            {"cell_type": "code", "id": "c", "source": "", "outputs": outputs},
        ]
        return accessibility.of_notebook({"cells": cells})

    assert shown(**{"text/html": '<img src="x" alt="a falling line">'}) == []
    assert "cell c is a picture without" in shown(**{"image/png": "AAAA"})[0]
    assert "a picture has no alternative text" in shown(**{"text/html": "<img src='x'>"})[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_released_notebooks_have_no_finding(path: Path) -> None:
    assert accessibility.of_notebook(json.loads(path.read_text("utf-8"))) == []


def test_every_figure_goes_through_the_function_that_asks_for_alternative_text() -> None:
    ways = re.compile(
        r"\bplt\.show\(|\bsavefig\(|\bdisplay\((?!Markdown|HTML|interactive)|\bImage\("
    )
    labkit = ROOT / "notebooks" / "labkit"
    used = {
        (path.relative_to(labkit).as_posix(), match[0])
        for path in labkit.rglob("*.py")
        for match in ways.finditer(path.read_text("utf-8"))
    }
    assert used == {("plots.py", "savefig(")}, "show a figure with labkit.plots.show(figure, alt)"
    cells = [cell for path in NOTEBOOKS for cell in json.loads(path.read_text("utf-8"))["cells"]]
    assert not [c["source"] for c in cells if ways.search("".join(c["source"]))]


@pytest.mark.verify
def test_solved_notebooks_run_and_what_they_show_has_no_finding(tmp_path: Path) -> None:
    for part in ("solutions", "notebooks/labkit", "data"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("submissions"))
    for page in release.assign(course.load(tmp_path), tmp_path / "dist", run=True).pages:
        html = page.read_text("utf-8")
        figures = {"q_homework_process": 0, "q_referee_a_model": 1}.get(page.stem, 5)
        assert html.count("<img") >= figures, f"{page.name} shows no figures"
        ours = re.sub(r"<style.*?</style>", "", html, flags=re.DOTALL)  # the sheet is nbconvert's
        assert accessibility.of_page(ours) == [], page.name
