"""The class report: what needs a person and how to run it again, difficulty, hours, figures."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest
from click.testing import CliRunner

from autograder import cli, reports
from autograder.notebook import Question
from autograder.reports import figures
from autograder.reports.report import cases, class_parts, reported_hours
from autograder.results import CellProblem, NotebookResult, QuestionResult
from autograder.results import TestResult as CaseResult
from tests import accessibility
from tests.test_reports import COURSE, EVIL, UNREADABLE, Page, evil_result, graded, notebook

AGAIN = ["autograder", "grade", "a class", "--out", "out-again", "--fresh"]


def with_hours(*hours: float):
    return [
        replace(graded(submission=f"s{i}"), notebooks=(
            replace(graded().notebooks[0], values={"hours": value}), graded().notebooks[1]))
        for i, value in enumerate(hours)
    ]  # fmt: skip


def broken():
    forward, ridge = graded().notebooks
    test = replace(ridge.questions[0].tests[0], remark="the answer depends on the clock")
    question = replace(ridge.questions[0], tests=(test,), problem="took more than 20 seconds")
    return graded(
        submission="o'neil",
        status="partly",
        problems=("Not handed in: q_x.",),
        notebooks=(
            replace(forward, cells=(CellProblem(3, "raised", "raised ValueError: no"),)),
            replace(ridge, questions=(question,)),
        ),
    )


def test_what_needs_a_person_is_told_whole_with_its_seed_and_its_command() -> None:
    [case] = cases([graded(), broken()], AGAIN)
    assert case.lines == (
        "Not handed in: q_x.",
        "q_forward: Cell 3 raised ValueError: no",
        "q_ridge 4f: took more than 20 seconds",
        "q_ridge 4f: right for any lam: the answer depends on the clock",
    )
    assert shlex.split(case.command) == [
        *AGAIN, "--submission", "o'neil", "--seed", COURSE.seed
    ]  # fmt: skip
    words = " ".join(Page(reports.report_page([graded(), broken()], COURSE, AGAIN)).words.split())
    assert case.command in words
    assert all(line in words for line in case.lines)
    words = Page(reports.report_page([broken()], COURSE)).words
    assert "autograder grade" not in words
    assert words.count(COURSE.seed) == 2, "where there is no command, the seed is told in its place"


def test_who_handed_in_what_needs_a_person_is_named_with_it() -> None:
    page = Page(reports.report_page([replace(broken(), members=("Bo B", EVIL))], COURSE))
    first = page.words.partition("How scores are spread")[0]
    assert "Bo B" in first
    assert "alert(1)" in first
    assert "script" not in page.tags


def test_the_command_in_the_report_is_one_that_the_program_takes(tmp_path) -> None:
    (tmp_path / "broken.ipynb").write_text("{")
    (tmp_path / "other.ipynb").write_text("{")
    out = tmp_path / "out"
    grade = ["grade", str(tmp_path / "broken.ipynb"), str(tmp_path / "other.ipynb")]
    done = CliRunner().invoke(cli.main, [*grade, "--out", str(out)])
    assert done.exit_code == 0, done.output
    html = (out / "report.html").read_text()
    blocks = [" ".join(Page(pre).words.split()) for pre in re.findall(r"<pre>.*?</pre>", html)]
    [command] = re.findall(r"^autograder (.*--submission broken .*)$", "\n".join(blocks), re.M)
    again = CliRunner().invoke(cli.main, shlex.split(command))
    assert again.exit_code == 0, again.output
    assert [path.parent.name for path in tmp_path.glob("out-again/*/feedback.html")] == ["broken"]
    wrong = CliRunner().invoke(cli.main, [*grade, "--out", str(out), "--submission", "brokn"])
    assert wrong.exit_code == 2
    assert "--submission brokn: there is none of this id" in wrong.output


def test_a_part_tells_who_got_all_some_and_nothing() -> None:
    half = graded("gradients reach lam")
    none = graded("gradients reach lam", "right for any lam")
    ridge = class_parts([graded(), half, half, none], COURSE)[1]
    assert (ridge.full, ridge.some, ridge.none, ridge.count) == (1, 2, 1, 4)
    assert ridge.share == pytest.approx((4 + 3 + 3) / 16)
    html = reports.report_page([graded(), half, half, none], COURSE)
    assert "<title>1 in full, 2 in part, 1 with nothing</title>" in html


def test_parts_stand_under_the_title_of_their_notebook() -> None:
    words = " ".join(Page(reports.report_page([graded()], COURSE)).words.split())
    assert "Score by part Q_Forward 2a Forward" in words
    assert "Q_Ridge 4f Ridge" in words


def test_a_part_that_is_worth_nothing_is_told_without_points() -> None:
    told = CaseResult("something is told", 0, True, hidden=True)
    done = QuestionResult("q5a", "5a", "Sources", 0, 0, (told,))
    open_ = replace(done, tests=(replace(told, passed=False, message="none yet"),))
    course = replace(COURSE, notebooks=(notebook("q", Question("q5a", "5a", "Sources", 0, False)),))
    only = [NotebookResult("q", "", 0, 0, "ok", questions=(q,)) for q in (done, done, open_)]
    results = [graded(score=0, possible=0, notebooks=(n,)) for n in only]
    page = reports.report_page(results, course)
    assert "no points 2 of 3 in full, 1 with nothing" in " ".join(Page(page).words.split())
    assert "<title>2 in full, 0 in part, 1 with nothing</title>" in page
    for result, width in zip(results[1:], ("100.0", "0.0"), strict=True):
        feedback = reports.feedback_page(result, course)
        assert f'class="fill" width="{width}"' in feedback
        words = " ".join(Page(feedback).words.split())
        assert words.count("5a Sources no points") == 2
        assert "0 of 0" not in words
        assert "/ 0" not in words
    two = graded(notebooks=(*results[0].notebooks, *graded().notebooks))
    assert "0 of 0" not in " ".join(Page(reports.feedback_page(two, course)).words.split())


def test_questions_are_shown_from_the_hardest_to_the_easiest() -> None:
    html = reports.report_page([graded("right at any length"), graded()], COURSE)
    [told] = re.findall(r"<desc>(2a .*?)</desc>", html)
    assert told == "2a Forward 50%; 4f Ridge 100%"


def test_hours_are_a_figure_where_somebody_reported_some_and_nothing_otherwise() -> None:
    results = with_hours(3, 7.5, 12, 1e9, -1)
    assert reported_hours(results) == [3, 7.5, 12]
    html = reports.report_page(results, COURSE)
    assert (
        "Submissions by hours: 0-2: 0; 2-4: 1; 4-6: 0; 6-8: 1; 8-10: 0; 10-12: 0; 12-14: 1" in html
    )
    words = " ".join(Page(html).words.split())
    assert "3 submissions; half of them 7.5 hours or less, at most 12." in words
    assert "Hours reported" not in reports.report_page([graded()], COURSE)


def test_when_work_was_handed_in_is_shown_where_it_is_known() -> None:
    dated = graded(metadata={"submitted": "2026-11-25 10:00:00 -0800", "late": "yes"})
    assert "2026-11-25 10:00:00 -0800 (late)" in reports.report_page([dated, graded()], COURSE)
    assert "Handed in</th>" not in reports.report_page([graded()], COURSE)


def test_figures_say_everything_in_words_and_escape_it() -> None:
    for figure in (
        figures.stacked(1, 2, 3),
        figures.dots([(EVIL, 0.5)], EVIL),
        figures.columns([(EVIL, 3), ("b", 0)], EVIL, "people"),
    ):
        assert "<title>" in figure
        assert "<script" not in figure
        assert accessibility.of_fragment(str(figure)) == []


def test_a_share_stands_beside_its_name_before_its_line_so_that_a_phone_shows_both() -> None:
    drawn = str(figures.dots([("2a", 0.5)], "How hard"))
    (name,) = re.findall(r'<text x="([\d.]+)"[^>]*>2a<', drawn)
    share = re.findall(r'<text x="([\d.]+)"[^>]*>50%<', drawn)[0]
    line = re.findall(r'<line class="rule" x1="([\d.]+)"', drawn)[0]
    assert float(name) < float(share) < float(line)


@pytest.mark.parametrize(
    "results",
    [[], [graded()], [graded(), UNREADABLE, broken(), evil_result()], with_hours(3, 8)],
    ids=["nobody", "one", "all kinds", "hours"],
)
def test_the_report_can_be_read_by_ear_by_keyboard_and_in_any_light(results) -> None:
    html = reports.report_page(results, COURSE, AGAIN)
    assert accessibility.of_page(html) == []
    Page(html)
