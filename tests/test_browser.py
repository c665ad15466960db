"""The student's hour in a real browser: unpack the zip, run, answer, check, save, be graded."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder import course, release
from autograder.cli import main
from tests import lab
from tests.test_release import copy_bundle

ROOT = Path(__file__).resolve().parents[1]
NAME = "q_coding_ssm_forward_cpu"
GREEN = "rgb(0, 158, 115)"
ANSWER = '''def unrolled_ssm_forward(W, U, b, x):
    """All states, one step after another."""
    h = torch.zeros(x.shape[0], W.shape[0], dtype=x.dtype)
    states = []
    for step in range(x.shape[1]):
        h = h @ W.T + x[:, step] @ U.T + b
        states.append(h)
    return torch.stack(states, dim=1)'''

pytestmark = pytest.mark.skipif(
    lab.CHROMIUM is None, reason="no browser: install Chromium (apt-get install chromium)"
)


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """The student zip, unpacked into a folder of its own."""
    bundle = copy_bundle(ROOT, tmp_path / "bundle")
    zipped = release.assign(course.load(bundle), tmp_path / "dist").student
    with zipfile.ZipFile(zipped) as archive:
        archive.extractall(tmp_path / "hw8")
    return tmp_path / "hw8"


def saved_answer(path: Path) -> str:
    """The answer to 2a in the file; nothing while the file is being written."""
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
    except ValueError:
        return ""
    return next("".join(cell["source"]) for cell in cells if cell.get("id") == "q2a-2")


def test_a_student_opens_answers_checks_saves_and_is_graded(unpacked: Path, tmp_path: Path) -> None:
    file = unpacked / f"{NAME}.ipynb"
    seen = tmp_path / "failure.png"
    with lab.jupyter_lab(unpacked, tmp_path) as address, lab.browser_page(seen) as page:
        notebook = lab.OpenNotebook(page, address, file.name)
        notebook.run_all()
        handed_in = notebook.output("grader.hand_in()").filter(has_text="nothing is answered yet")
        handed_in.first.wait_for()
        check = notebook.output('grader.check("q2a")')
        check.filter(has_text="2a: not answered yet").wait_for()

        notebook.type_into("def unrolled_ssm_forward", ANSWER)
        notebook.run("def unrolled_ssm_forward")
        notebook.run('grader.check("q2a")')
        check.filter(has_text="2a: all 3 public checks passed").wait_for()
        colour = "node => getComputedStyle(node).borderLeftColor"
        assert check.locator("div[style*=border]").evaluate(colour) == GREEN

        notebook.save()
        lab.wait_for(lambda: saved_answer(file) == ANSWER, "the answer to be saved")
        notebook.run("grader.hand_in()")
        notebook.output("grader.hand_in()").filter(has_text="unanswered: 2b, 2c,").wait_for()

    packed = unpacked / "hw8-submission.zip"
    for submission, name in ((file, file.stem), (packed, packed.stem)):
        out = tmp_path / "grades" / name
        ran = CliRunner().invoke(main, ["grade", str(submission), "--out", str(out)])
        assert ran.exit_code == 0, ran.output
        tests = json.loads((out / name / "results.json").read_text("utf-8"))["tests"]
        points = dict.fromkeys(("2a", "2b", "2c"), 0.0)
        for test in tests:
            if test["name"].startswith(NAME):
                points[test["name"].split()[1].rstrip(":")] += test["score"]
        assert points == {"2a": 4, "2b": 0, "2c": 0}
