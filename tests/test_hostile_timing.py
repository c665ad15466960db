"""Submissions that want to look faster than they are: none does.

Each file in tests/submissions/hostile_timing says what it tries. Its convolution is an honest one
done three times over, so that whoever gains nothing is slower than the reference by about that
much, or is found out: "wrong" where the results are, "baseline" where the slow recurrence is told.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autograder import course as courses
from autograder import once, reports, stopwatch
from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.intake import Cell, SubmittedNotebook
from autograder.results import NotebookResult, QuestionResult, Result, Timing
from autograder.sandbox.pool import Pool
from autograder.stopwatch import Stopwatch
from autograder.work import gpu_devices
from tests import traces

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = sorted((ROOT / "tests" / "submissions" / "hostile_timing").glob("*.py"))
HONEST = """
import torch
from torch.nn.functional import conv1d, pad


def unrolled_ssm_forward(W, U, b, x):
    h, states = x.new_zeros(len(x), len(b)), []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


def make_conv_kernel(W, T):
    powers, step = torch.eye(len(W), dtype=W.dtype, device=W.device)[None], W
    while len(powers) < T:
        powers, step = torch.cat([powers, step @ powers]), step @ step
    return powers[:T].permute(1, 2, 0)


def once(W, U, b, x):
    T = x.shape[1]
    v = (x @ U.T + b).transpose(1, 2)
    return conv1d(pad(v, (T - 1, 0)), make_conv_kernel(W, T).flip(-1)).transpose(1, 2)


def three_times(W, U, b, x):
    once(W, U, b, x), once(W, U, b, x)
    return once(W, U, b, x)


def conv_ssm_forward(W, U, b, x):
    return once(W, U, b, x)


my_crossing = {4: 100, 32: None, "x": [], 99: 3}
"""


def with_one_comparison(part: str, limits: Limits) -> courses.Course:
    """The homework with this comparison alone, at one size that takes about a second."""
    loaded = courses.load(ROOT)
    (comparison,) = (c for c in loaded.comparisons if c.part == part)
    small = replace(comparison, sizes={"H": [4], "T": [32]}, seconds=0.1)
    return replace(loaded, limits=limits, comparisons=(small,))


@pytest.fixture(scope="module")
def course() -> courses.Course:
    return with_one_comparison("2c", Limits(memory_bytes=1 << 30))


@pytest.fixture(scope="module")
def pool(course):
    from autograder.sandbox.levels import choose

    level, _ = choose([ROOT / "solutions"])
    with Pool(level, public_files(ROOT), course.limits, 2) as warm:
        yield warm


def graded(comparison, score: float = 4.0) -> NotebookResult:
    """What correctness made of a notebook that is right in the questions it needs."""
    questions = tuple(QuestionResult(q, q[1:], "", score, 4.0) for q in comparison.needs)
    name, total = comparison.notebook, 4.0 * len(questions)
    return NotebookResult(name, "", total, total, "ok", "x.py", questions=questions, key="k")


def timed(course, pool, source: str, score: float = 4.0) -> Timing:
    cells = (Cell(1, "code", HONEST), Cell(2, "code", source))
    (comparison,) = course.comparisons
    submitted = SubmittedNotebook(comparison.notebook, "x.py", "its name", cells)
    return Stopwatch(course, pool).run(comparison, submitted, graded(comparison, score))


def check_that_it_is_slower(size, outcome: str) -> None:
    """What was done several times over took longer than the reference does it once."""
    over = "your recurrence" if outcome == "baseline" else "your convolution"
    (ratio,) = (p for p in size.pairs if p.over == over and "reference" in p.under)
    assert ratio.verdict != "faster", ratio
    assert ratio.ratio > 1.5, f"done three times over, or more: {ratio}"


def outcome_of(path: Path) -> str:
    return re.search(r"^# outcome: (.*)$", path.read_text(), re.M)[1]


QUICK = (
    "hijacked_worker", "replayed_results", "slowed_baseline", "uncounted_memory", "zeroed_output",
)  # fmt: skip


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=[] if path.stem in QUICK else pytest.mark.verify, id=path.stem)
        for path in HOSTILE
    ],
)
def test_nothing_is_gained(path, course, pool):
    outcome = outcome_of(path)
    result = timed(course, pool, path.read_text())
    assert result.status == "measured", result.problem
    for size in result.sizes:
        if size.problem:
            assert "wrong" in outcome, size.problem
            assert "_ssm_forward, a timed result" in size.problem
        else:
            assert outcome != "wrong", "it was timed"
            check_that_it_is_slower(size, outcome)
    if outcome == "baseline":
        assert any("Your recurrence takes up to" in note for note in result.notes)
    shown = Result("ada", 8.0, 8.0, "ok", timings=(result,))
    assert 'id="timing"' in reports.feedback_page(shown, course)
    assert reports.report_page([shown], course)
    assert traces.processes(pool.users) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; there is none here")
@pytest.mark.parametrize("path", HOSTILE, ids=lambda path: path.stem)
def test_nothing_is_gained_on_a_gpu(path):
    from autograder.sandbox.levels import choose

    course = with_one_comparison("2e", Limits())
    level, _ = choose([ROOT / "solutions"])
    with Pool(level, public_files(ROOT), course.limits, 2, gpu_devices()) as pool:
        result = timed(course, pool, path.read_text())
    assert result.checked == torch.cuda.get_device_name()
    assert result.status in ("measured", "not correct"), result.problem
    timed_sizes = [size for size in result.sizes if not size.problem]
    for size in timed_sizes:
        check_that_it_is_slower(size, outcome_of(path))
    assert timed_sizes or outcome_of(path) != "baseline", "both of its functions are right"


def test_an_honest_submission_is_measured_against_itself_and_the_reference(course, pool):
    result = timed(course, pool, "")
    assert (result.status, result.notes, result.possible) == ("measured", (), 0)
    assert result.machine
    assert result.crossing == {"4": 100.0}, "what is no size, or no number, is left out"
    for size in result.sizes:
        assert [(p.over, p.under) for p in size.pairs] == [
            ("your convolution", "your recurrence"),
            ("your recurrence", "the reference's recurrence"),
            ("your convolution", "the reference's convolution"),
        ]
        assert all(p.n >= 8 and p.low <= p.ratio <= p.high for p in size.pairs)
        assert all(low <= mid <= high for low, mid, high in size.seconds.values())
        assert size.peak_bytes["your convolution"] > size.peak_bytes["your recurrence"] > 0
        assert 0 < size.messages < 1


def test_a_submission_whose_processes_die_before_they_are_timed_has_a_timing(course, pool):
    result = timed(course, pool, "import mmap, os\nmmap.mmap = lambda *a, **k: os._exit(1)")
    assert result.sizes
    assert all("process was lost" in size.problem for size in result.sizes)
    assert traces.processes(pool.users) == []


def test_right_answers_of_timed_calls_are_not_kept(course, pool, monkeypatch):
    """Their inputs never come again: a class's would be lost, and memory with them."""
    store = once.Store(1 << 30)
    monkeypatch.setattr(once, "_store", store)
    assert timed(course, pool, "").status == "measured"
    assert store._held == 0


def test_what_is_not_right_is_not_timed(course, pool):
    result = timed(course, pool, "", score=3.0)
    assert (result.status, result.sizes) == ("not correct", ())
    assert result.problem == "first 2a and 2b must be right"


def test_a_function_that_takes_too_long_is_told_and_not_waited_for(course, pool, monkeypatch):
    monkeypatch.setattr("autograder.stopwatch._LEAST_DEADLINE", 0.3)
    slow = "import time\ndef conv_ssm_forward(W, U, b, x):\n    time.sleep(60)"
    result = timed(course, pool, slow)
    for size in result.sizes:
        assert "took more than 20 times as long as the reference" in size.problem


@pytest.mark.verify
def test_a_process_that_dies_costs_that_size_only(course, pool):
    dies = (
        "import os\nquick = conv_ssm_forward\n"
        "def conv_ssm_forward(W, U, b, x):\n"
        "    if x.shape[1] == 32: os._exit(0)\n"
        "    return quick(W, U, b, x)\n"
    )
    (comparison,) = course.comparisons
    two = replace(course, comparisons=(replace(comparison, sizes={"H": [4], "T": [32, 64]}),))
    first, second = timed(two, pool, dies).sizes
    assert "its process was lost" in first.problem
    assert second.problem == ""
    assert second.pairs


FAILS_LATER = """
import itertools
calls, quick = itertools.count(), conv_ssm_forward
def conv_ssm_forward(W, U, b, x):
    if next(calls) > 20: raise MemoryError
    return quick(W, U, b, x)
"""


def test_where_the_reference_fails_it_is_nobody_s_fault(course, pool, monkeypatch):
    cells = stopwatch.reference_cells
    fails = Cell(99, "code", FAILS_LATER)
    monkeypatch.setattr(stopwatch, "reference_cells", lambda notebook: [*cells(notebook), fails])
    result = timed(course, pool, "")
    assert result.status == "failed", result
    assert "the reference itself failed: conv_ssm_forward raised MemoryError" in result.problem


@pytest.mark.verify
def test_points_for_time_are_lost_where_the_result_is_wrong_and_kept_in_doubt(course, pool):
    (comparison,) = course.comparisons
    scored = replace(course, comparisons=(replace(comparison, points=2.0),))
    wrong = (ROOT / "tests/submissions/hostile_timing/zeroed_output.py").read_text()
    assert (timed(scored, pool, wrong).score, timed(scored, pool, wrong).possible) == (0, 2)
    honest = timed(scored, pool, "")
    assert honest.possible == 2
    assert honest.score > 1
