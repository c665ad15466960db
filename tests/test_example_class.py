"""The whole road: the example class, graded as `make grade` does, against the table of what each
submission must score."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import intake
from autograder.bundle_in_use import public_files, use_bundle
from autograder.fleet import grade_class
from autograder.grading import Grader
from autograder.results import Result
from autograder.sandbox.pool import Pool
from autograder.written import pages
from tests import accessibility, example_class

ROOT = Path(__file__).resolve().parents[1]
TABLE = list(csv.DictReader((ROOT / "tests" / "example_class.csv").open(encoding="utf-8")))


@pytest.fixture(scope="module")
def course() -> courses.Course:
    return courses.load(ROOT)


@pytest.fixture(scope="module")
def graded(course, tmp_path_factory) -> tuple[dict[str, Result], Path]:
    """The class's results by id, and the folder with its reports."""
    quick = replace(course, limits=replace(course.limits, cell_seconds=2.0))
    taken = intake.read([example_class.CLASS], quick)
    assert taken.errors == []
    out = tmp_path_factory.mktemp("grades")
    summary = grade_class(quick, taken.submissions, out, jobs=2, timing=False)
    assert summary.failed == ()
    return {result.submission: result for result in summary.results}, out


def messages(result: Result) -> str:
    """Everything that its author is told."""
    tests = [t for n in result.notebooks for q in n.questions for t in q.tests]
    cells = [c.message for n in result.notebooks for c in n.cells]
    return "\n".join([*result.problems, *cells, *(f"{t.message} {t.cause}" for t in tests)])


def lost(result: Result) -> str:
    """Where points were lost: "2a 1/4 2b 0/7"; where a notebook got none at all, its name."""
    none = [n.name for n in result.notebooks if n.score == 0 and n.possible > 0]
    if none and len(result.notebooks) > 1:
        some = [n.name for n in result.notebooks if n.score > 0]
        return f"all but {' '.join(some)}" if some else "all"
    return " ".join(
        f"{q.part} {q.score:g}/{q.possible:g}"
        for n in result.notebooks
        for q in n.questions
        if q.score < q.possible
    )


def test_the_class_lies_there_as_it_was_written(tmp_path):
    example_class.build(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        committed = example_class.CLASS / path.name
        assert committed.read_bytes() == path.read_bytes(), (
            f"{committed} is out of date: run python -m tests.example_class"
        )


def test_every_submission_is_in_the_table_and_got_a_result(graded):
    results, _ = graded
    assert sorted(results) == sorted(row["submission"] for row in TABLE)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["submission"])
def test_each_scores_what_the_table_says_and_is_told_why(graded, course, row):
    results, out = graded
    result = results[row["submission"]]
    assert result.status == row["status"], messages(result)
    whole = sum(notebook.possible for notebook in course.notebooks)
    score, possible = (whole if row[c] == "all" else float(row[c]) for c in ("score", "possible"))
    assert result.possible == possible
    assert result.score == score, messages(result)
    assert lost(result) == row["lost"], messages(result)
    assert row["cause"] in messages(result)
    assert row["said"] in messages(result)
    folder = out / row["submission"]
    written = json.loads((folder / "results.json").read_text("utf-8"))
    assert written["tests"] or written["output"]
    assert (folder / "feedback.html").read_text("utf-8").startswith("<!doctype html>")


def test_nothing_that_students_read_holds_the_seed_or_hidden_source(graded, course):
    _, out = graded
    hidden = [course.seed, "solutions.reference", "def test_"]
    for page in [*out.glob("*/feedback.html"), *out.glob("*/results.json")]:
        text = page.read_text("utf-8")
        if page.suffix == ".json":
            shown = json.loads(text)
            del shown["extra_data"]  # for instructors
            text = json.dumps(shown)
        assert [secret for secret in hidden if secret in text] == [], page


def test_every_page_of_the_class_can_be_read_by_ear_and_by_keyboard(graded, course):
    results, out = graded
    submissions = intake.read([example_class.CLASS], course).submissions
    names = {s.id: f"ALIAS{i}" for i, s in enumerate(submissions)}
    asked = pages.asked(course)
    readers = {q.file: pages.question_page(q, course, submissions, names) for q in asked}
    shown = {path.relative_to(out): path.read_text("utf-8") for path in out.rglob("*.html")}
    shown |= {name: html for name, (html, _) in readers.items()}
    shown |= {f"document of {s.id}": pages.document(s, course) for s in submissions}
    assert len(shown) == 1 + len(results) + len(asked) + len(submissions)
    found = {name: accessibility.of_page(html) for name, html in shown.items()}
    assert {name: each for name, each in found.items() if each} == {}


def test_a_submission_scores_the_same_alone_twice_and_in_a_class(graded, course):
    results, _ = graded
    path = example_class.CLASS / "fay_transposed.ipynb"
    (alone,) = intake.read([path], course).submissions
    level = results[alone.id].level
    with Pool(level, public_files(ROOT), course.limits) as pool:
        grader = Grader(course, pool)
        again = [grader.grade(alone) for _ in range(2)]
    for result in again:
        assert messages(result) == messages(results[alone.id])
        assert result.score == results[alone.id].score


def test_results_are_kept_until_something_they_depend_on_changes(graded, course):
    results, out = graded
    quick = replace(course, limits=replace(course.limits, cell_seconds=2.0))
    (only,) = intake.read([example_class.CLASS / "hal_shifted.ipynb"], quick).submissions
    kept = grade_class(quick, [only], out, timing=False)
    assert kept.results[0].seconds == results["hal_shifted"].seconds, "it was graded again"
    reseeded = replace(quick, seed="another")
    again = grade_class(reseeded, [only], out, timing=False)
    assert again.results[0].seed == "another"
    assert again.results[0].score == results["hal_shifted"].score


def test_after_a_corrected_test_its_notebook_alone_is_graded_again_and_the_change_is_told(
    tmp_path, capsys
):
    bundle = tmp_path / "bundle"
    for folder in ("solutions", "notebooks/labkit"):
        shutil.copytree(ROOT / folder, bundle / folder)
    (only,) = intake.read(
        [example_class.CLASS / "uma_all_solved.zip"], courses.load(ROOT)
    ).submissions
    (first,) = grade_class(courses.load(bundle), [only], tmp_path / "out", timing=False).results
    master = bundle / "solutions" / f"{example_class.GPU}.py"
    text = master.read_text("utf-8")
    corrected = text.replace("for case in ssm.cases(T=(7, 1, 2, 64, 300), radius=0.98):",
                             "raise AssertionError\n    for case in ():")  # fmt: skip
    assert corrected != text
    master.write_text(corrected, "utf-8")
    capsys.readouterr()
    (second,) = grade_class(courses.load(bundle), [only], tmp_path / "out", timing=False).results
    use_bundle(ROOT)
    for before, after in zip(first.notebooks, second.notebooks, strict=True):
        again = before.name == example_class.GPU
        assert (before.seconds != after.seconds) == again, before.name
        assert (before.score != after.score) == again, before.name
    assert "Score changed: uma_all_solved" in capsys.readouterr().out
