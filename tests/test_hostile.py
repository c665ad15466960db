"""Submissions written to gain, learn, break or delay something: none does, at any level.

Each file in tests/submissions/hostile says what it aims at and what an honest author of the same
code would score.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import intake, reports
from autograder.course import Limits
from autograder.grading import Grader, public_files
from autograder.leaks import squeezed
from autograder.results import Result
from autograder.sandbox.pool import Pool
from tests import traces

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = sorted((ROOT / "tests" / "submissions" / "hostile").glob("*.py"))
NEIGHBOUR = ROOT / "data" / "submissions" / "eli_bias_forgotten.ipynb"
CPU = "q_coding_ssm_forward_cpu"
LIMITS = Limits(
    cell_seconds=2.0,
    notebook_seconds=6.0,
    question_seconds=3.0,
    memory_bytes=512 << 20,
    disk_bytes=16 << 20,
)


@pytest.fixture(scope="module")
def course() -> courses.Course:
    loaded = courses.load(ROOT)
    only = tuple(n for n in loaded.notebooks if n.name == CPU)
    return replace(loaded, limits=LIMITS, notebooks=only)


@pytest.fixture(scope="module")
def grader(level, course):
    with Pool(level, public_files(ROOT), LIMITS) as pool:
        made = Grader(course, pool)
        made.users = pool.users
        yield made


def read(path: Path, course: courses.Course) -> intake.Submission:
    (submission,) = intake.read([path], course, CPU).submissions
    return submission


def shown(result: Result, course: courses.Course) -> str:
    """All that students are shown: Gradescope's results (its extra_data is for instructors)
    and their page."""
    results = reports.results_json(result, course)
    del results["extra_data"]
    text = json.dumps(results, ensure_ascii=False)
    return text + reports.feedback_page(result, course)


@pytest.fixture(scope="module")
def neighbour_alone(grader, course) -> Result:
    return grader.grade(read(NEIGHBOUR, course))


def verdicts(result: Result) -> list[tuple[bool, str, str]]:
    return [(t.passed, t.message, t.cause)
            for n in result.notebooks for q in n.questions for t in q.tests]  # fmt: skip


def honest(path: Path) -> float:
    return float(re.search(r"^# honest: (\S+)$", path.read_text(), re.M)[1])  # type: ignore[index]


@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_nothing_is_gained_learnt_or_left_behind(path, grader, course, neighbour_alone):
    result = grader.grade(read(path, course))
    assert result.score <= honest(path)
    seen = shown(result, course)
    assert "FOUND [" not in seen
    assert re.search(r"FOUND [1-9]", seen) is None
    for secret in hidden_lines(course):
        assert secret not in squeezed(seen), "a hidden line was shown"
    assert traces.processes(grader.users) == []
    assert traces.files(grader.users) == []
    after = grader.grade(read(NEIGHBOUR, course))
    assert verdicts(after) == verdicts(neighbour_alone), "the next submission felt it"


def hidden_lines(course: courses.Course) -> list[str]:
    (notebook,) = course.notebooks
    lines = [line for text in notebook.test_files.values() for line in text.splitlines()]
    hidden = [squeezed(line) for line in lines if "ssm." in line]
    assert len(hidden) > 5
    return [*hidden, course.seed]


def test_a_page_escapes_what_a_submission_says(grader, course):
    path = next(p for p in HOSTILE if p.stem == "script_injection")
    page = reports.feedback_page(grader.grade(read(path, course)), course)
    assert "alert(1)" in page, "the message is shown"
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
