"""Remakes the pictures in docs/: a student's notebook, a feedback page, the report of a class.

Run as `python -m tests.screenshots`; it takes two minutes, and needs Chromium. Look at them.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path

import click
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import Page

from autograder import course, release
from autograder.cli import main
from tests import lab
from tests.test_browser import ANSWER, NAME
from tests.test_release import copy_bundle

ROOT = Path(__file__).resolve().parents[1]
AUTHOR = "fay_transposed"  # of the example class


def notebook(folder: Path, page: Page) -> None:
    """A student's notebook in JupyterLab, after its first answer was checked."""
    zipped = release.assign(course.load(copy_bundle(ROOT, folder / "bundle")), folder / "dist")
    with zipfile.ZipFile(zipped.student) as archive:
        archive.extractall(folder / "hw8")
    with lab.jupyter_lab(folder / "hw8", folder) as address:
        opened = lab.OpenNotebook(page, address, f"{NAME}.ipynb")
        opened.type_into("def unrolled_ssm_forward", ANSWER)
        opened.run_all()
        opened.output("plots.responses(unrolled_ssm_forward)").locator("img").first.wait_for()
        opened.output("grader.hand_in()").filter(has_text="is written").first.wait_for()
        opened.cell("def unrolled_ssm_forward").evaluate("cell => cell.scrollIntoView()")
        save(page, "notebook")


def pages(folder: Path, page: Page) -> None:
    """The pages of the example class: one author's, and everybody's."""
    shutil.copytree(ROOT / "data" / "submissions", folder / "submissions")
    with contextlib.chdir(folder):  # the report shows the command as it was given
        arguments = ["grade", "submissions", "--out", "grades"]
        CliRunner().invoke(main, arguments, catch_exceptions=False)
    for name, file in (("feedback", f"{AUTHOR}/feedback.html"), ("report", "report.html")):
        page.goto((folder / "grades" / file).as_uri())
        save(page, name)


def save(page: Page, name: str) -> None:
    """What the window shows, as docs/NAME.png, in 128 colours: small, and sharp enough to read."""
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(128)
    file = ROOT / "docs" / f"{name}.png"
    picture.save(file, optimize=True)
    click.echo(f"{file.relative_to(ROOT)}: {file.stat().st_size // 1024} KB")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary, lab.browser_page() as shown:
        notebook(Path(temporary), shown)
        pages(Path(temporary), shown)
