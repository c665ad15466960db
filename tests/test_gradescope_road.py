"""What `autograder gradescope` times, once the grading is written; and that nothing which happens
to the timing takes anything of the grading away."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autograder import course as courses
from autograder import gradescope, intake, turns
from autograder.bundle_in_use import use_bundle
from autograder.grading import Grader
from autograder.notebook import Notebook
from autograder.results import NotebookResult
from autograder.stopwatch import Stopwatch
from tests import example_class

ROOT = Path(__file__).resolve().parents[1]
CPU = "q_coding_ssm_forward_cpu"


@pytest.fixture(scope="module")
def course() -> courses.Course:
    """The homework's two notebooks of code, with what is timed at one size each."""
    use_bundle(ROOT)
    loaded = courses.load(ROOT)
    only = tuple(n for n in loaded.notebooks if n.name in (CPU, example_class.GPU))
    small = tuple(replace(c, sizes={"H": [4], "T": [32]}, seconds=0.1) for c in loaded.comparisons)
    return replace(loaded, notebooks=only, comparisons=small)


@pytest.fixture
def root(tmp_path) -> Path:
    (tmp_path / "submission").mkdir()
    shutil.copy(example_class.CLASS / "ada_solution.ipynb", tmp_path / "submission")
    return tmp_path


def results(root: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((root / "results" / "results.json").read_text("utf-8"))
    return read


def timing(root: Path) -> list[tuple[str, str]]:
    return [(t["part"], t["status"]) for t in results(root)["extra_data"]["timing"]]


def test_what_is_right_is_timed_and_told_to_instructors_and_authors(course, root):
    gradescope.run(course, root)
    shown = results(root)
    assert shown["score"] == 14
    (measured,) = shown["extra_data"]["timing"]
    assert (measured["part"], measured["status"], measured["problem"]) == ("2c", "measured", "")
    (pair, *_) = measured["sizes"][0]["pairs"]
    assert pair["n"] >= 8
    assert f"{CPU} 2c: Recurrence and convolution, time on CPU" in shown["output"]
    assert "H = 4, T = 32; your convolution / your recurrence: " in shown["output"]
    assert pair["verdict"] in shown["output"]


def test_what_jupyter_left_beside_the_notebook_is_not_graded_in_its_place(course, tmp_path):
    handed_in = tmp_path / "submission" / f"{CPU}.ipynb"
    old = handed_in.parent / ".ipynb_checkpoints" / f"{CPU}-checkpoint.ipynb"
    for place, file in ((handed_in, "cai_untouched.ipynb"), (old, "ada_solution.ipynb")):
        place.parent.mkdir()
        shutil.copy(example_class.CLASS / file, place)
    submission = gradescope._submission(course, tmp_path)
    assert submission.notebooks[CPU].file == handed_in.name
    assert submission.notebooks == intake.read_one([handed_in], course, name="x").notebooks


def test_a_bundle_may_switch_it_off(course, root, monkeypatch):
    monkeypatch.setattr(Stopwatch, "run", lambda *_: pytest.fail("something was timed"))
    gradescope.run(replace(course, timing_on_gradescope=0), root)
    assert results(root)["score"] == 14
    assert timing(root) == []


def test_a_timing_that_takes_too_long_is_ended_and_the_grades_are_there(course, root, monkeypatch):
    monkeypatch.setattr(Stopwatch, "run", lambda *_: time.sleep(600))
    gradescope.run(replace(course, timing_on_gradescope=1), root)
    assert results(root)["score"] == 14
    (late,) = results(root)["extra_data"]["timing"]
    assert (late["status"], late["problem"]) == ("not run here", gradescope.LATE)
    assert (
        "time on CPU. Not run here: the time for it on Gradescope was used up."
        in results(root)["output"]
    )


@pytest.mark.verify
def test_a_real_one_is_ended_wherever_it_is(course, root):
    """A grid of so many sizes takes a minute at the least."""
    grid = {"H": [4, 32], "T": [*range(32, 512, 4)]}
    long = tuple(replace(c, sizes=grid) for c in course.comparisons)
    gradescope.run(replace(course, comparisons=long, timing_on_gradescope=4), root)
    assert (results(root)["score"], timing(root)) == (14, [("2c", "not run here")])


def test_where_the_container_s_time_ends_what_was_graded_is_there(course, root, monkeypatch):
    grade = Grader._grade_notebook

    def until_the_end(grader: Grader, notebook: Notebook, *rest: Any) -> NotebookResult:
        if notebook.name == example_class.GPU:
            signal.raise_signal(signal.SIGALRM)
            pytest.fail("it went on")
        return grade(grader, notebook, *rest)

    monkeypatch.setattr(Grader, "_grade_notebook", until_the_end)
    monkeypatch.setattr(Stopwatch, "run", lambda *_: pytest.fail("something was timed"))
    gradescope.run(replace(course, timing_on_gradescope=0), root)
    shown = results(root)
    assert shown["score"] == 14
    left = [test for test in shown["tests"] if "2f" in test["name"]]
    assert all(test["score"] == 0 and gradescope.NOT_GRADED in test["output"] for test in left)
    assert sum(test["max_score"] for test in left) == 7


def test_a_fault_of_ours_in_a_timing_is_said_and_the_others_go_on(course, root, monkeypatch):
    shutil.copy(example_class.CLASS / "rex_on_any_device.ipynb", root / "submission")
    run = Stopwatch.run

    def fails_once(self, comparison, *given):
        if comparison.part == "2c":
            raise RuntimeError("ours")
        return run(self, comparison, *given)

    monkeypatch.setattr(Stopwatch, "run", fails_once)
    gradescope.run(course, root)
    assert results(root)["score"] == 25
    told = [("2c", "failed"), ("2e", "not run here"), ("2f", "measured"), ("2f", "not run here")]
    assert timing(root) == told


@pytest.mark.verify
def test_where_timing_as_a_whole_fails_the_grades_stay_as_they_are(
    course, root, monkeypatch, capsys
):
    def fails(*_, **__):
        raise RuntimeError("no timing at all")

    monkeypatch.setattr(gradescope, "time_class", fails)
    gradescope.run(course, root)
    assert results(root)["score"] == 14
    assert "grader_failed" not in results(root)["extra_data"]
    assert "no timing at all" in capsys.readouterr().err


def test_when_the_grader_s_process_is_killed_while_it_times_the_grades_are_there(root):
    script = (
        "import os, sys; from pathlib import Path\n"
        "from autograder import course, gradescope, stopwatch\n"
        "stopwatch.Stopwatch.run = lambda *_: os._exit(9)\n"
        "gradescope.run(course.load(Path(sys.argv[1])), Path(sys.argv[2]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(ROOT), str(root)], check=False)
    assert done.returncode == 9
    assert results(root)["score"] == 14
    assert timing(root) == []
    assert "grader_failed" not in results(root)["extra_data"]


def test_where_the_processors_are_rationed_only_their_own_time_counts(course, root, monkeypatch):
    """As in a container with half a processor, where a turn by the clock is twice as long."""
    monkeypatch.setattr(turns, "throttled", lambda: True)
    waited = []
    go_on = turns.Side._timed

    def watched(side, request, seconds):
        cpu = side.cpu_seconds
        taken = go_on(side, request, seconds)
        waited.append(taken - (side.cpu_seconds - cpu))
        return taken

    monkeypatch.setattr(turns.Side, "_timed", watched)
    gradescope.run(course, root)
    assert timing(root) == [("2c", "measured")]
    assert waited
    assert max(map(abs, waited)) < 1e-9
