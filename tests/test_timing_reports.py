"""What reports show of timings: the table, the figure, rows for instructors, points."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import reports
from autograder.course import Course, Limits
from autograder.reports import timing as section
from autograder.results import Result, TimedPair, TimedSize, Timing

ROOT = Path(__file__).resolve().parents[1]
COURSE = Course(
    root=Path(), name="hw", title="Homework", release="fall", notebooks=(), limits=Limits(),
    tell_cause="always", seed="secret-seed", version="0123456789abcdef",
)  # fmt: skip
NAMES = ("your loop", "your conv", "the reference's loop", "the reference's conv")


def size(T: int, ratio: float, verdict: str) -> TimedSize:
    pairs = (
        TimedPair("your conv", "your loop", ratio, 0.9 * ratio, 1.1 * ratio, 12, verdict),
        TimedPair("your loop", "the reference's loop", 1.0, 0.95, 1.05, 12, "undecided"),
        TimedPair("your conv", "the reference's conv", 1.0, 0.95, 1.05, 12, "undecided"),
    )
    seconds = dict.fromkeys(NAMES, (0.0009, 0.001, 0.0012))
    return TimedSize({"H": 4, "T": T}, seconds, dict.fromkeys(NAMES, 4096), pairs, messages=0.05)


TIMING = Timing(
    notebook="q_x", part="2c", title="Loop and conv", first="loop", second="conv", device="cpu",
    status="measured", machine="A processor", sizes=(size(32, 0.5, "faster"),
    size(256, 2.0, "slower")), crossing={"4": 100.0}, notes=("Your loop takes long.",),
)  # fmt: skip
LEFT = replace(
    TIMING, device="cuda", status="not run here", problem="not run here: needs a GPU runner",
    title="On a GPU", machine="", sizes=(), crossing={}, notes=(),
)  # fmt: skip
RESULT = Result("ada", 3.0, 4.0, "ok", timings=(TIMING, LEFT))


def text(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_feedback_has_a_row_a_size_with_ratio_verdict_and_interval():
    page = text(reports.feedback_page(RESULT, COURSE))
    assert "your conv / your loop" in page
    assert "H = 4, T = 32 0.5 faster (0.45 to 0.55) 1 undecided (0.95 to 1.1)" in page
    assert "H = 4, T = 256 2 slower (1.8 to 2.2)" in page
    assert "CPU, A processor" in page
    assert "Your loop takes long." in page
    assert "shown, not scored" in page


def test_a_gpu_timing_that_nobody_has_run_is_said_to_need_a_gpu_runner():
    page = text(reports.feedback_page(RESULT, COURSE))
    assert "On a GPU GPU Not run here: needs a GPU runner." in page


def test_the_figure_is_the_notebook_s_with_the_crossing_that_was_predicted():
    page = reports.feedback_page(RESULT, COURSE)
    (label,) = re.findall(r'<svg role="img" aria-label="([^"]*)"', page)
    assert "H = 4: 32" in label, "where the second is faster"
    assert "you: here" in page
    assert "time per call (ms)" in page
    assert "peak memory (MiB)" in page
    assert "<metadata" not in page
    assert "<?xml" not in page


@pytest.mark.parametrize("timings", [(), (LEFT,)])
def test_without_measurements_there_is_no_figure(timings):
    page = reports.feedback_page(replace(RESULT, timings=timings), COURSE)
    assert 'class="figure"' not in page
    assert ('id="timing"' in page) == bool(timings)
    assert "Each number is the time" not in page


@pytest.mark.parametrize("gap", NAMES)
def test_a_size_is_drawn_only_where_every_contestant_s_memory_is_known(gap):
    small, large = TIMING.sizes
    peaks = {name: peak for name, peak in small.peak_bytes.items() if name != gap}
    some = replace(TIMING, sizes=(replace(small, peak_bytes=peaks), large))
    none = replace(TIMING, sizes=(replace(small, peak_bytes=peaks),))
    for timing, drawn in ((some, True), (none, False)):
        page = reports.feedback_page(replace(RESULT, timings=(timing,)), COURSE)
        assert ('class="figure"' in page) == drawn
        assert "H = 4, T = 32 0.5 faster" in text(page)
        assert reports.report_page([replace(RESULT, timings=(timing,))], COURSE)


def test_the_report_has_a_line_a_submission_and_counts_those_without_measurements():
    other = replace(RESULT, submission="bo", timings=(replace(TIMING, notes=()), LEFT))
    wrong = replace(TIMING, status="not correct", problem="first 2a must be right", sizes=())
    third = replace(RESULT, submission="cy", timings=(wrong, LEFT))
    page = reports.report_page([RESULT, other, third], COURSE)
    shown = text(page)
    assert "ada 0.5 faster (0.45 to 0.55) 2 slower (1.8 to 2.2)" in shown
    assert "1 submission: Not timed: first 2a must be right." in shown
    assert "3 submissions: Not run here: needs a GPU runner." in shown
    assert "Time of the conv over time of the loop, by submission." in page
    assert "Its authors are told: Your loop takes long." in shown
    assert ">0.5</text>" in page, "the axis has plain numbers"


def test_instructors_get_everything_that_was_measured():
    (measured, left) = reports.results_json(RESULT, COURSE)["extra_data"]["timing"]
    assert measured["sizes"][0]["pairs"][0]["ratio"] == 0.5
    assert measured["machine"] == "A processor"
    assert left["problem"] == "not run here: needs a GPU runner"
    assert "key" not in measured


def test_where_there_is_no_page_every_ratio_is_a_line_of_text():
    measured, left = reports.results_json(RESULT, COURSE)["output"].splitlines()[1:4], LEFT
    assert measured == [
        "q_x 2c: Loop and conv, time on CPU, A processor.",
        "H = 4, T = 32; your conv / your loop: 0.5 faster (0.45 to 0.55); your loop / the "
        "reference's loop: 1 undecided (0.95 to 1.1); your conv / the reference's conv: 1 "
        "undecided (0.95 to 1.1)",
        "H = 4, T = 256; your conv / your loop: 2 slower (1.8 to 2.2); your loop / the "
        "reference's loop: 1 undecided (0.95 to 1.1); your conv / the reference's conv: 1 "
        "undecided (0.95 to 1.1)",
    ]
    rest = reports.results_json(replace(RESULT, timings=(left,)), COURSE)["output"]
    assert rest.endswith("q_x 2c: On a GPU, time on GPU. Not run here: needs a GPU runner.")


def test_points_for_time_have_a_row_that_adds_up_to_the_total():
    scored = replace(TIMING, score=1.5, possible=2.0)
    result = replace(RESULT, score=1.5, possible=2.0, timings=(scored, LEFT))
    shown = reports.results_json(result, COURSE)
    assert sum(row["score"] for row in shown["tests"]) == shown["score"] == 1.5
    assert "1.5 of 2 points" in text(reports.feedback_page(result, COURSE))


def test_hostile_text_is_shown_as_text():
    evil = "<script>alert(1)</script>\x1b[31m"
    sizes = (replace(TIMING.sizes[0], problem=f"conv raised {evil}"), TIMING.sizes[1])
    timing = replace(TIMING, sizes=sizes, problem=evil, notes=(evil,), machine=evil)
    result = replace(RESULT, submission="a&b", timings=(timing,))
    assert "\x1b" not in reports.results_json(result, COURSE)["output"]
    for page in (reports.feedback_page(result, COURSE), reports.report_page([result], COURSE)):
        assert "<script" not in page
        assert "\x1b" not in page
        assert "alert(1)" in page


def test_a_result_with_timings_is_kept_exactly():
    assert reports.from_json(reports.to_json(RESULT)) == RESULT


def test_two_figures_of_one_page_share_no_names():
    """An id that stands twice would clip one figure by the other's frame."""
    second = replace(TIMING, title="Another", crossing={"4": 0.0})
    page = reports.feedback_page(replace(RESULT, timings=(TIMING, second)), COURSE)
    first, other = re.findall(r"<svg role.*?</svg>", page, re.S)
    assert "you: never" in other
    names = [re.findall(r'\bid="([^"]+)"', figure) for figure in (first, other)]
    assert len(names[0]) == len(set(names[0])) > 20
    assert set(names[0]).isdisjoint(names[1])
    for figure, own in zip((first, other), names, strict=True):
        used = re.findall(r'(?:href="#|url\(#)([^")]+)', figure)
        assert used
        assert set(used) <= set(own)


def test_rows_are_plain_data():
    assert json.loads(json.dumps(section.rows(RESULT)))


def test_figures_are_drawn_whatever_backend_the_environment_names():
    drawn = subprocess.run(
        [sys.executable, "-c",
         "from tests.test_timing_reports import COURSE, RESULT, reports\n"
         "print(reports.report_page([RESULT], COURSE).count('<svg'))"],
        env={**os.environ, "MPLBACKEND": "nosuch"}, cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr
    assert int(drawn.stdout) > 0
