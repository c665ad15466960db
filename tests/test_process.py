"""Problem 5, a notebook without points: completion shows, hours are kept, and no text of its
authors is in anything that grading writes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import intake, overrides, reports
from autograder.fleet import grade_class
from autograder.reports.report import class_parts
from autograder.reports.store import from_json, to_json
from labkit import process
from labkit.checks import Mismatch
from tests import corpus
from tests.example_class import PROCESS, assignment

COURSE = courses.load(Path(__file__).resolve().parents[1])
CORPUS = corpus.read(PROCESS)
PRIVATE = ("Zoe Quux", "the blue book", "=cmd()")
ANSWERS = f'sources = "{PRIVATE[1]}"\ncollaborators = "{PRIVATE[0]} and {PRIVATE[2]}"\n'
WRITTEN = {
    "told": ANSWERS + "hours = 11.5",
    "untold": "sources = ...\ncollaborators = ...\nhours = ...",
    "in_words": ANSWERS + f'hours = "{PRIVATE[0]} knows"',
    "not_finite": ANSWERS + 'hours = float("nan")',
    "true": ANSWERS + "hours = True",
    "raises": ANSWERS + 'hours = 3\nraise ValueError("too tired")',
    "swapped": f'sources = {{"{PRIVATE[1]}": 1}}\ncollaborators = 7\nhours = 0',
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The results by name, and the folder that holds all that grading has written."""
    handed_in, out = tmp_path_factory.mktemp("handed"), tmp_path_factory.mktemp("grades")
    for name, code in WRITTEN.items():
        (handed_in / f"{name}.ipynb").write_bytes(assignment(PROCESS, code))
    taken = intake.read([handed_in], COURSE)
    summary = grade_class(COURSE, taken.submissions, out, jobs=1)
    assert summary.failed == ()
    return {result.submission: result for result in summary.results}, out


def passed(result):
    """Which questions were answered."""
    (notebook,) = result.notebooks
    return {q.part for q in notebook.questions if all(test.passed for test in q.tests)}


def test_completion_is_told_question_by_question_and_gives_no_points(graded):
    results, _ = graded
    complete = {name: passed(result) for name, result in results.items()}
    assert complete["told"] == {"5a", "5b", "5c"}
    assert complete["untold"] == set()
    assert complete["in_words"] == complete["not_finite"] == complete["true"] == {"5a", "5b"}
    assert complete["swapped"] == {"5c"}
    assert {(r.score, r.possible) for r in results.values()} == {(0, 0)}


def test_a_result_keeps_the_hours_if_they_are_a_number(graded):
    results, _ = graded
    kept = {name: dict(result.notebooks[0].values) for name, result in results.items()}
    assert kept["told"] == {"hours": 11.5}
    assert kept["swapped"] == {"hours": 0}
    assert kept["raises"] == {"hours": 3}
    for name in ("untold", "in_words", "not_finite", "true"):
        assert kept[name] == {}, name
    assert from_json(to_json(results["told"])) == results["told"]


def test_sources_and_collaborators_are_in_nothing_that_grading_writes(graded):
    _, out = graded
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) >= 3 * len(WRITTEN)
    for path in written:
        content = path.read_text("utf-8-sig")
        assert [text for text in PRIVATE if text in content] == [], path


def test_reports_of_a_homework_without_points_are_whole(graded):
    results, out = graded
    page = (out / "told" / "feedback.html").read_text("utf-8")
    assert page.count("✓ Right") == 3
    rows = json.loads((out / "told" / "results.json").read_text("utf-8"))["tests"]
    assert [(row["score"], row["max_score"], row["status"]) for row in rows] == [
        (0, 0, "passed")
    ] * 3
    table = list(csv.DictReader(io.StringIO((out / "grades.csv").read_text("utf-8-sig"))))
    assert {(row["score"], row["possible"]) for row in table} == {("0", "0")}
    assert "told" in (out / "report.html").read_text("utf-8")
    assert reports.report_page(list(results.values()), COURSE).count("nan") == 0


def test_the_class_report_counts_who_completed_a_question_and_leaves_it_out_of_difficulty(graded):
    results, _ = graded
    parts = {p.part: p for p in class_parts(list(results.values()), COURSE)}
    assert {name: (p.full, p.none, p.count) for name, p in parts.items()} == {
        "5a": (5, 2, 7),
        "5b": (5, 2, 7),
        "5c": (3, 4, 7),
    }
    page = reports.report_page(list(results.values()), COURSE)
    assert "How hard each question was" not in page


def test_an_instructor_may_give_completion_points(graded, tmp_path):
    results, _ = graded
    file = tmp_path / overrides.FILE
    file.write_text(
        f'[[points]]\ntest = "{PROCESS} 5c: a number of hours"\npoints = 1\nreason = "announced"\n',
        "utf-8",
    )
    decided = overrides.read(file, COURSE, [])
    counted = {name: decided.apply(result) for name, result in results.items()}
    assert (counted["told"].score, counted["told"].possible) == (1, 1)
    assert (counted["untold"].score, counted["untold"].possible) == (0, 1)


def test_the_solution_and_an_untouched_notebook_in_public():
    assert CORPUS.checks == {}, "all that is asked is asked in public"
    assert CORPUS.lost_in_public(CORPUS.submission({})) == {}
    nothing = dict.fromkeys(("sources", "collaborators", "hours"), ...)
    assert len(CORPUS.lost_in_public(nothing)) == 3


@pytest.mark.parametrize("value", ["", "  \n", 3, ["a book"], {"a": 1}])
def test_what_is_no_text_is_told_and_not_repeated(value):
    with pytest.raises(Mismatch, match=r"^write a text between quotes") as wrong:
        process.told(value)
    assert "a book" not in str(wrong.value)


@pytest.mark.parametrize("value", ["7", True, -1, 201, float("nan"), float("inf"), [7]])
def test_hours_are_a_number_that_a_person_may_have_spent(value):
    with pytest.raises(Mismatch, match="write a number of hours from 0 to 200"):
        process.hours_told(value)


def test_the_notebook_says_which_questions_are_answered(capsys):
    process.overview({"sources": "none", "collaborators": ...})
    assert capsys.readouterr().out.splitlines() == [
        "sources: told, thank you",
        "collaborators: this is still to be answered",
        "hours: this is still to be answered",
    ]
