"""What instructors decide after grading: applied without a rerun, shown with its reason, kept."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import intake, overrides, reports
from autograder.fleet import grade_class
from tests.test_reports import COURSE, graded

ANY = "q_forward 2a: right at any length"
REACH = "q_ridge 4f: gradients reach lam"
VOID = f"""
[[void]]
test = "{ANY}"
reason = "its tolerance was too tight"
"""
POINTS = f"""
[[points]]
test = "{REACH}"
points = 2.5
reason = "as announced"
"""
SUBMISSIONS = """
[[adjust]]
submission = "ada"
points = -0.5
reason = "<b>two hours late</b>"

[[adjust]]
submission = "bo"
points = 99
reason = "another one's"

[[extend]]
submission = "ada"
until = 2026-12-01
reason = "ill"
"""
FILE = VOID + POINTS + SUBMISSIONS


def read(tmp_path: Path, text: str) -> overrides.Overrides:
    file = tmp_path / "overrides.toml"
    file.write_text(text, "utf-8")
    return overrides.read(file, COURSE, ["ada", "bo"])


def test_without_a_file_everything_stays_as_it_was_graded(tmp_path):
    result = graded("right at any length")
    assert overrides.read(tmp_path / "none.toml", COURSE, []).apply(result) == result


def test_a_voided_test_counts_for_nobody(tmp_path):
    decided = read(tmp_path, VOID)
    for failing in ("right at any length", "nothing at all"):
        result = decided.apply(graded(failing))
        assert (result.score, result.possible) == (4, 4)
        assert result.notebooks[0].possible == 0
        assert result.notebooks[0].questions[0].tests[1].note.startswith("counts for nobody: its")


def test_other_points_count_where_the_test_passed_and_in_what_is_possible(tmp_path):
    decided = read(
        tmp_path, "[[points]]" + FILE.split("[[points]]")[1].split("[[adjust]]", maxsplit=1)[0]
    )
    passed, failed = decided.apply(graded()), decided.apply(graded("gradients reach lam"))
    assert (passed.score, passed.possible) == (7.5, 7.5)
    assert (failed.score, failed.possible) == (5, 7.5)
    note = failed.notebooks[1].questions[0].tests[1].note
    assert note == "worth 2.5 instead of 1: as announced"


def test_an_adjustment_is_one_submission_s_and_no_score_falls_below_zero(tmp_path):
    decided = read(tmp_path, FILE)
    assert decided.apply(graded()).score == 4 + 2.5 - 1 - 0.5
    assert decided.apply(graded(submission="cy")).score == 5.5
    nothing = graded(*(t.name for q in graded().notebooks for x in q.questions for t in x.tests))
    assert decided.apply(nothing).score == 0


def test_reasons_stand_in_every_report_and_are_only_text(tmp_path):
    result = read(tmp_path, FILE).apply(graded("right at any length"))
    page, report = reports.feedback_page(result, COURSE), reports.report_page([result], COURSE)
    shown = json.dumps(reports.results_json(result, COURSE))
    for place in (page, report, shown):
        for text in ("its tolerance was too tight", "2.5 instead of 1", "2026-12-01: ill"):
            assert text in place
    assert "&lt;b&gt;two hours late" in page
    assert "<b>two hours" not in page + report
    rows = reports.results_json(result, COURSE)["tests"]
    assert sum(row["score"] for row in rows) == result.score


BROKEN = {
    "[[voids]]\ntest = 'x'\nreason = 'y'": "'voids' is not known; is 'void' meant?",
    "[void]\ntest = 'x'\nreason = 'y'": "write [[void]], with two brackets",
    f"[[void]]\ntest = '{ANY}s'\nreason = 'y'": f"is '{ANY}' meant?",
    f"[[void]]\ntest = '{ANY}'": "number 1: give 'reason' (text)",
    f"[[void]]\ntest = '{ANY}'\nreason = ' '": "give a reason: its authors will read it",
    f"[[points]]\ntest = '{ANY}'\npoints = -1\nreason = 'y'": "are to be 0 or more",
    f"[[points]]\ntest = '{ANY}'\npoints = true\nreason = 'y'": "give 'points' (a number)",
    VOID + f"[[points]]\ntest = '{ANY}'\npoints = 1\nreason = 'y'": (
        f"[[void]] number 1 is about '{ANY}' too: keep one"
    ),
    VOID + VOID: "overrides.toml, [[void]] number 2: ",
    "[[adjust]]\nsubmission = 'ada'\npoints = nan\nreason = 'y'": "a finite number",
    "[[adjust]]\nsubmission = 'ada'\npoint = 1\nreason = 'y'": "is 'points' meant?",
    "[[extend]]\nsubmission = 'a'\nuntil = 'May'\nreason = 'y'": "give 'until' (a date like",
    "[[adjust]]\nsubmission = 'adaa'\npoints = 1\nreason = 'y'": (
        "no submission is called 'adaa'; is 'ada' meant?"
    ),
    "[[adjust]\n": "cannot be read as TOML",
}


def test_who_was_graded_earlier_may_be_named(tmp_path):
    (tmp_path / "cai").mkdir()
    (tmp_path / "cai" / "result.json").touch()
    text = "[[adjust]]\nsubmission = 'cai'\npoints = 1\nreason = 'y'"
    assert set(read(tmp_path, text).submissions) == {"cai"}


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_used_says_where_and_what_to_do(tmp_path, text):
    with pytest.raises(overrides.OverridesError, match=re.escape(BROKEN[text])):
        read(tmp_path, text)


def test_a_decision_is_applied_without_a_rerun_survives_a_regrade_and_can_be_taken_back(
    tmp_path, capsys
):
    from autograder import course as courses
    from tests.example_class import CLASS, ROOT

    course = courses.load(ROOT)
    (only,) = intake.read([CLASS / "fay_transposed.ipynb"], course).submissions
    (first,) = grade_class(course, [only], tmp_path, timing=False).results
    assert first.score == 11
    file = tmp_path / overrides.FILE
    file.write_text('[[adjust]]\nsubmission = "fay_transposed"\npoints = 2\nreason = "shown"\n')
    capsys.readouterr()
    (second,) = grade_class(course, [only], tmp_path, timing=False).results
    assert (second.score, second.seconds) == (13, first.seconds), "it was run again"
    assert "Score changed: fay_transposed  11 -> 13 of 14" in capsys.readouterr().out
    (third,) = grade_class(replace(course, seed="another"), [only], tmp_path, timing=False).results
    assert (third.score, third.seed) == (13, "another")
    written = json.loads((tmp_path / "fay_transposed" / "results.json").read_text())
    assert written["score"] == 13
    grades = list(csv.DictReader((tmp_path / "grades.csv").open(encoding="utf-8-sig")))
    assert grades[0]["score"] == "13"
    file.unlink()
    (fourth,) = grade_class(replace(course, seed="another"), [only], tmp_path, timing=False).results
    assert fourth.score == 11
    assert "shown" not in (tmp_path / "fay_transposed" / "feedback.html").read_text()
