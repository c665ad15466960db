"""Reports: pages, tables and files are functions of Results and show strangers' text safely."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from dataclasses import replace
from fnmatch import fnmatch
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from autograder import reports
from autograder.course import Course, Limits
from autograder.notebook import Notebook, Question
from autograder.notebook import Test as Case
from autograder.reports.report import class_parts, common_causes
from autograder.reports.table import _lost
from autograder.reports.wording import LONGEST, first_word, plain, points, score_sentence
from autograder.results import Adjustment, CellProblem, NotebookResult, QuestionResult, Result
from autograder.results import TestResult as CaseResult

HERE = Path(__file__).resolve().parent.parent

FORWARD = (Case("a worked example", 0, False), Case("right at any length", 2, True))
RIDGE = (Case("right for any lam", 3, True), Case("gradients reach lam", 1, True))
CAUSE = "your output equals the right one with b left out"
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202e\x1b[31m"


def notebook(name: str, *questions: Question) -> Notebook:
    return Notebook(name, name.title(), Path(), questions, {}, frozenset())


COURSE = Course(
    root=Path(),
    name="hw",
    title="Homework 8",
    release="fall",
    notebooks=(
        notebook(
            "q_forward",
            Question("q2a", "2a", "Forward", 2, False, FORWARD),
            Question("q2c_1", "2c Q1", "In words", 3, True),
        ),
        notebook("q_ridge", Question("q4f", "4f", "Ridge", 4, False, RIDGE)),
    ),
    limits=Limits(),
    tell_cause="always",
    seed="secret-seed",
    version="0123456789abcdef",
)


def question(asked: Question, failing: set[str], message: str, cause: str) -> QuestionResult:
    tests = tuple(
        CaseResult(t.name, t.points, False, t.hidden, message, cause)
        if t.name in failing
        else CaseResult(t.name, t.points, True, t.hidden)
        for t in asked.tests
    )
    score = sum(t.points for t in tests if t.passed)
    return QuestionResult(asked.name, asked.part, asked.title, score, asked.points, tests)


def graded(
    *failing: str, message: str = "the first step differs", cause: str = CAUSE, **fields: Any
) -> Result:
    """A result of all notebooks in which the tests named `failing` did."""
    notebooks = []
    for asked in COURSE.notebooks:
        questions = tuple(
            question(q, set(failing), message, cause) for q in asked.questions if not q.manual
        )
        notebooks.append(
            NotebookResult(
                asked.name,
                asked.title,
                sum(q.score for q in questions),
                asked.possible,
                "ok",
                f"{asked.name}.ipynb",
                "its name",
                questions,
                seconds=1.25,
            )
        )
    result = Result(
        submission="ada",
        score=sum(n.score for n in notebooks),
        possible=sum(n.possible for n in notebooks),
        status="ok",
        notebooks=tuple(notebooks),
        level="namespaces",
        seed=COURSE.seed,
        bundle=COURSE.version,
        seconds=2.5,
    )
    return replace(result, **fields)


UNREADABLE = Result("bo", 0, 0, "unreadable", problems=("bo.ipynb: It starts like a PDF.",))


# --- Gradescope ----------------------------------------------------------------------------------


def test_gradescope_gets_a_row_a_test_that_begins_with_notebook_and_part() -> None:
    data = reports.results_json(graded("right for any lam"), COURSE)
    assert [(row["number"], row["name"]) for row in data["tests"]] == [
        ("2a.1", "q_forward 2a: a worked example"),
        ("2a.2", "q_forward 2a: right at any length"),
        ("4f.1", "q_ridge 4f: right for any lam"),
        ("4f.2", "q_ridge 4f: gradients reach lam"),
    ]
    assert [(row["score"], row["max_score"], row["status"]) for row in data["tests"]] == [
        (0, 0, "passed"),
        (2, 2, "passed"),
        (0, 3, "failed"),
        (1, 1, "passed"),
    ]
    assert {row["output_format"] for row in data["tests"]} == {"text"}
    assert {row["visibility"] for row in data["tests"]} == {"visible"}


def test_a_failed_practice_check_is_failed_though_it_has_no_points() -> None:
    row = reports.results_json(graded("a worked example"), COURSE)["tests"][0]
    assert (row["score"], row["max_score"], row["status"]) == (0, 0, "failed")


def test_gradescope_s_total_is_the_result_s_and_the_sum_of_its_rows() -> None:
    for result in (graded(), graded("right for any lam", "a worked example")):
        data = reports.results_json(result, COURSE)
        assert data["score"] == result.score == sum(row["score"] for row in data["tests"])
        assert sum(row["max_score"] for row in data["tests"]) == result.possible


def test_a_question_of_all_or_nothing_is_one_row() -> None:
    result = graded("gradients reach lam")
    forward, ridge = result.notebooks
    ridge = replace(ridge, score=0.0, questions=(replace(ridge.questions[0], score=0.0),))
    rows = reports.results_json(replace(result, notebooks=(forward, ridge)), COURSE)["tests"]
    assert rows[-1]["name"] == "q_ridge 4f: Ridge"
    assert (rows[-1]["score"], rows[-1]["max_score"]) == (0, 4)
    assert rows[-1]["output"] == f"gradients reach lam: the first step differs\n{CAUSE}"


@pytest.mark.parametrize(
    ("policy", "in_row", "after_due"),
    [("always", True, False), ("after due", False, True), ("instructors", False, False)],
)
def test_the_cause_is_told_to_whom_the_course_says_and_the_difference_always(
    policy: Any, in_row: bool, after_due: bool
) -> None:
    course = replace(COURSE, tell_cause=policy)
    result = graded("right at any length")
    data = reports.results_json(result, course)
    [row] = [r for r in data["tests"] if r.get("status") == "failed"]
    assert "the first step differs" in row["output"]
    assert (CAUSE in row["output"]) is in_row
    later = [r for r in data["tests"] if r["visibility"] == "after_due_date"]
    assert [r["output"] for r in later] == ([CAUSE] if after_due else [])
    assert "score" not in (later[0] if later else {})
    assert data["extra_data"]["causes"] == [
        {"name": "q_forward 2a: right at any length", "cause": CAUSE}
    ]
    assert CAUSE not in data["output"]
    assert (CAUSE in reports.feedback_page(result, course)) is in_row
    assert CAUSE in reports.report_page([result], course)


def test_the_seed_and_the_level_are_for_instructors_alone() -> None:
    result = graded()
    data = reports.results_json(result, COURSE)
    extra = data.pop("extra_data")
    assert extra["notebooks"]["q_ridge"] == {
        "score": 4,
        "possible": 4,
        "status": "ok",
        "seconds": 1.25,
    }
    assert {k: extra[k] for k in ("bundle", "seed", "level", "missing_layers", "device")} == {
        "bundle": COURSE.version,
        "seed": COURSE.seed,
        "level": "namespaces",
        "missing_layers": [],
        "device": "cpu",
    }
    assert extra["timing"] == []
    assert COURSE.seed not in json.dumps(data)
    assert COURSE.seed not in reports.feedback_page(result, COURSE)


def test_students_see_whole_seconds_no_clock_to_measure_hidden_tests_with() -> None:
    fast, slow = graded(seconds=2.5137), graded(seconds=3.4821)
    seen = [reports.results_json(result, COURSE) for result in (fast, slow)]
    assert [data["execution_time"] for data in seen] == [3, 3]
    for data in seen:
        del data["extra_data"]
    assert seen[0] == seen[1], "what students are sent differs by their time"
    assert reports.feedback_page(fast, COURSE) == reports.feedback_page(slow, COURSE)


def test_an_unreadable_submission_has_a_row_that_says_why() -> None:
    data = reports.results_json(UNREADABLE, COURSE)
    [row] = data["tests"]
    assert (row["score"], row["status"]) == (0, "failed")
    assert row["output"] == UNREADABLE.problems[0]
    assert data["output"].startswith("Nothing could be graded.\nbo.ipynb")


def test_the_output_says_the_score_the_problems_and_the_cells_that_failed() -> None:
    forward, ridge = graded().notebooks
    broken = replace(forward, cells=(CellProblem(3, "raised", "raised ValueError: no"),))
    result = graded(notebooks=(broken, ridge), problems=("Not handed in: q_x.",))
    assert reports.results_json(result, COURSE)["output"].split("\n") == [
        "6 of the 6 points graded so far.",
        "Not handed in: q_x.",
        "q_forward: graded from q_forward.ipynb, known by its name.",
        "q_forward: Cell 3 raised ValueError: no",
        "q_ridge: graded from q_ridge.ipynb, known by its name.",
    ]


# --- kept results --------------------------------------------------------------------------------

texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
case_results = st.builds(CaseResult, texts, numbers, st.booleans(), st.booleans(), texts, texts)
question_results = st.builds(
    QuestionResult,
    texts,
    texts,
    texts,
    numbers,
    numbers,
    st.lists(case_results, max_size=2).map(tuple),
)
statuses = st.sampled_from(["ok", "partly", "unreadable"])
cell_problems = st.builds(CellProblem, st.integers(), st.sampled_from(["raised", "died"]), texts)
notebook_results = st.builds(
    NotebookResult,
    texts,
    texts,
    numbers,
    numbers,
    statuses,
    texts,
    texts,
    st.lists(question_results, max_size=2).map(tuple),
    st.lists(cell_problems, max_size=2).map(tuple),
)
any_result = st.builds(
    Result,
    texts,
    numbers,
    numbers,
    statuses,
    st.lists(notebook_results, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    st.lists(texts, max_size=2).map(tuple),
    adjustments=st.lists(st.builds(Adjustment, numbers, texts), max_size=2).map(tuple),
    metadata=st.dictionaries(texts, texts, max_size=2),
)


@given(any_result)
@settings(max_examples=50, deadline=None)
def test_a_kept_result_comes_back_exactly(result: Result) -> None:
    assert reports.from_json(reports.to_json(result)) == result


def damage(change: Any) -> str:
    content = json.loads(reports.to_json(graded()))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not the result of a grading"),
        (reports.to_json(graded())[:-40], "not JSON"),
        (damage(lambda c: c.update(format=1)), "format 1"),
        (damage(lambda c: c["result"].pop("seed")), "missing or unknown: ['seed']"),
        (damage(lambda c: c["result"].update(extra=1)), "missing or unknown: ['extra']"),
        (damage(lambda c: c["result"].update(score="6")), "result.score: '6'"),
        (damage(lambda c: c["result"].update(score=True)), "result.score: 'True'"),
        (damage(lambda c: c["result"].update(score=float("inf"))), "result.score: 'inf'"),
        (damage(lambda c: c["result"].update(status="fine")), "result.status: 'fine'"),
        (damage(lambda c: c["result"].update(metadata={"a": 1})), "result.metadata.a: '1'"),
        (damage(lambda c: c["result"]["notebooks"].insert(0, 3)), "result.notebooks[0]"),
        (
            damage(lambda c: c["result"]["notebooks"][1]["questions"][0].update(part=None)),
            "result.notebooks[1].questions[0].part: 'None'",
        ),
    ],
)
def test_a_damaged_result_says_where_it_is_damaged(text: str, told: str) -> None:
    with pytest.raises(reports.DamagedResultError, match=re.escape(told)):
        reports.from_json(text)


def test_written_reports_are_read_back_and_nothing_else_lies_beside_them(tmp_path: Path) -> None:
    result = graded("right at any length")
    reports.write(result, COURSE, tmp_path)
    reports.keep(result, tmp_path)
    reports.write_class([result], COURSE, tmp_path)
    assert reports.read(tmp_path, "ada") == result
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*")) == [
        "ada/feedback.html",
        "ada/result.json",
        "ada/results.json",
        "grades.csv",
        "report.html",
    ]
    (tmp_path / "ada" / "result.json").write_text("{")
    assert reports.read(tmp_path, "ada") is None
    assert reports.read(tmp_path, "nobody") is None


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc"])
def test_an_id_that_is_no_folder_s_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="is not an id"):
        reports.write(graded(submission=name), COURSE, tmp_path)
    with pytest.raises(ValueError, match="is not an id"):
        reports.keep(graded(submission=name), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_made_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports.write(graded(), COURSE, tmp_path)
    before = {p: p.read_bytes() for p in (tmp_path / "ada").iterdir()}
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        reports.write(graded("right at any length"), COURSE, tmp_path)
    assert {p: p.read_bytes() for p in (tmp_path / "ada").iterdir()} == before


# --- grades.csv ----------------------------------------------------------------------------------


def rows(*results: Result) -> list[dict[str, str]]:
    text = reports.grades_csv(results, COURSE).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_grades_have_a_row_a_member_and_a_column_a_question() -> None:
    group = graded("gradients reach lam", members=("Ada", "張偉"))
    first, second, other = rows(group, UNREADABLE)
    assert list(first.values()) == ["ada", "Ada", "5", "6", "ok", "namespaces", "2.5", "2", "3"]
    assert list(first)[-2:] == ["q_forward 2a", "q_ridge 4f"]
    assert second == first | {"student": "張偉"}
    assert list(other.values()) == ["bo", "", "0", "0", "unreadable", "", "0", "", ""]


def test_a_question_of_a_notebook_that_was_not_graded_is_an_empty_cell() -> None:
    [row] = rows(graded(notebooks=graded().notebooks[:1]))
    assert (row["q_forward 2a"], row["q_ridge 4f"]) == ("2", "")


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "=cmd|' /C x'!A0"],
)
def test_a_name_is_never_a_formula(name: str) -> None:
    [row] = rows(graded(submission=name, members=(name,)))
    for cell in (row["submission"], row["student"]):
        assert cell.startswith("'")
        assert "\n" not in cell


def test_a_separator_in_a_name_starts_no_cell_in_any_spreadsheet() -> None:
    text = reports.grades_csv([graded(members=('x";=1+1', "x;=1+1"))], COURSE).decode("utf-8-sig")
    assert ";" not in text
    assert len(text.splitlines()) == 3


# --- pages ---------------------------------------------------------------------------------------


class Page(HTMLParser):
    """A page's structure, checked while it is read: what is opened is closed, in order."""

    VOID = ("meta", "br", "rect", "img", "hr", "path", "circle", "line")

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.headings: list[int] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words += data


def evil_result() -> Result:
    """Hostile text in every field that a submission can reach."""
    result = graded(
        "right at any length",
        message=EVIL * 5000,
        cause=EVIL,
        submission=EVIL.replace("/", "_"),
        members=(EVIL, "=1+1"),
        problems=(EVIL, "x" * 10_000),
        status="partly",
    )
    broken = replace(
        result.notebooks[0], file=EVIL, problem=EVIL, cells=(CellProblem(1, "raised", EVIL),)
    )
    return replace(result, notebooks=(broken, *result.notebooks[1:]))


def pages(*results: Result) -> list[Page]:
    made = [reports.feedback_page(result, COURSE) for result in results]
    return [Page(html) for html in (*made, reports.report_page(results, COURSE))]


def test_pages_are_whole_and_their_headings_go_down_by_one() -> None:
    for page in pages(graded(), graded("right for any lam"), UNREADABLE, evil_result()):
        assert page.headings[0] == 1
        assert page.headings.count(1) == 1
        steps = zip(page.headings, page.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), page.headings
        ids = [value for name, value in page.attributes if name == "id"]
        assert len(ids) == len(set(ids))
        labels = {value for name, value in page.attributes if name == "aria-labelledby"}
        assert labels <= set(ids)
        assert ("lang", "en") in page.attributes
        assert "title" in page.tags


def test_pages_have_no_script_no_network_and_say_so() -> None:
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    policy += "form-action 'none'; base-uri 'none'"
    for page in pages(graded(), evil_result()):
        assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(page.tags)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
        assert ("content", policy) in page.attributes
        for name, value in page.attributes:
            if name == "href":
                assert re.fullmatch(r"[A-Za-z0-9_.~%-]+/feedback\.html", value), value


def test_hostile_text_is_shown_as_it_is_and_cut_where_it_is_too_long() -> None:
    feedback, report = pages(evil_result())
    assert "<script>alert(1)</script>" in feedback.words
    assert "<script>alert(1)<_script>" in report.words
    for page in (feedback, report):
        assert "\u202e" not in page.words
        assert "\x1b" not in page.words
        assert len(page.words) < 12 * LONGEST
    assert "more characters" in feedback.words


def test_feedback_says_in_words_what_the_score_is_and_what_is_still_to_come() -> None:
    [page, _] = pages(graded("right for any lam"))
    words = " ".join(page.words.split())
    assert "3 of the 6 points graded so far. Written answers are read by people" in words
    assert "✗ Not yet right for any lam 0 of 3 the first step differs" in words
    assert f"Likely cause: {CAUSE}" in words
    assert "✓ Right right at any length 2 of 2" in words
    assert "✓ Right a worked example practice" in words


def test_a_cause_is_explained_once_a_question() -> None:
    [page, _] = pages(graded("a worked example", "right at any length"))
    assert page.words.count(CAUSE) == 1
    assert "Likely cause: as above" in page.words


def test_feedback_of_an_unreadable_submission_says_why_first() -> None:
    [page, _] = pages(UNREADABLE)
    words = " ".join(page.words.split())
    assert "Nothing could be graded. Know this first bo.ipynb: It starts like a PDF." in words


def test_a_missing_notebook_is_said_once_and_not_test_by_test() -> None:
    forward, ridge = graded("right for any lam", message="it was not handed in").notebooks
    missing = replace(ridge, file="", problem="this notebook was not handed in")
    [page, _] = pages(graded(notebooks=(forward, missing)))
    assert "This notebook was not handed in." in page.words
    assert "it was not handed in" not in page.words


def test_the_report_counts_submissions_a_mistake_and_not_tests() -> None:
    one, two = graded("right at any length", "right for any lam"), graded("right for any lam")
    assert common_causes([one, two, graded(), UNREADABLE]) == [(CAUSE, 2)]


def test_the_report_s_parts_are_over_those_who_were_graded_on_them() -> None:
    alone = graded(notebooks=graded("right at any length").notebooks[:1])
    parts = class_parts([graded(), graded("gradients reach lam"), alone, UNREADABLE], COURSE)
    assert [(p.notebook, p.part, p.full, p.count) for p in parts] == [
        ("q_forward", "2a", 2, 3),
        ("q_ridge", "4f", 1, 2),
    ]
    assert [p.mean for p in parts] == [pytest.approx(4 / 3), 3.5]


def test_the_report_names_what_needs_a_person() -> None:
    page = pages(graded(), UNREADABLE)[-1]
    words = " ".join(page.words.split())
    assert "What needs a person bo could not be read bo.ipynb: It starts like a PDF." in words
    assert "namespaces (1), not run (1)" in words


def test_the_report_has_a_column_of_members_where_somebody_is_named() -> None:
    assert "Handed in by" in pages(graded(members=("Ada",)), UNREADABLE)[-1].words
    assert "Handed in by" not in pages(graded())[-1].words


def test_a_report_of_nobody_is_still_a_page() -> None:
    assert "Submissions" in Page(reports.report_page([], COURSE)).words


def test_the_report_of_a_large_class_stays_small() -> None:
    results = [graded("right at any length", submission=f"student {i}") for i in range(200)]
    assert len(reports.report_page(results, COURSE)) < 500_000


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * d for d in colour[1:])
    channels = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_has_contrast_enough_by_day_by_night_and_on_paper() -> None:
    style = (HERE / "autograder/reports/style.css").read_text()
    schemes = [
        dict(re.findall(r"--(\w+): (#\w+)", block))
        for block in re.findall(r":root \{([^}]*)", style)
    ]
    assert len(schemes) == 3
    for scheme in schemes:
        for text in ("ink", "quiet", "alert", "good"):
            for ground in ("paper", "wash"):
                light, dark = sorted((luminance(scheme[text]), luminance(scheme[ground])))[::-1]
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground, scheme)


def test_templates_and_style_are_shipped_with_the_package() -> None:
    patterns = tomllib.loads((HERE / "pyproject.toml").read_text())["tool"]["setuptools"]
    shipped = patterns["package-data"]["*"]
    folder = HERE / "autograder" / "reports"
    for path in folder.rglob("*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            name = str(path.relative_to(folder))
            assert any(fnmatch(name, pattern) for pattern in shipped), name


# --- terminal ------------------------------------------------------------------------------------


def printed(results: list[Result], terminal: bool, width: int = 120) -> str:
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=width,
        color_system=None,
        legacy_windows=False,
    )
    reports.show(results, COURSE, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_terminal_shows_a_table_with_a_column_a_part() -> None:
    text = printed([graded("right at any length"), UNREADABLE], terminal=True)
    head, ada, bo = (line.split() for line in text.splitlines() if re.search("[a-z]", line))
    assert head[:5] == ["submission", "score", "status", "2a", "4f"]
    assert ada[:5] == ["ada", "4/6", "ok", "0/2", "4/4"]
    assert " ".join(ada[5:]) == CAUSE
    assert bo[:4] == ["bo", "0/0", "unreadable", "bo.ipynb:"]


def test_many_parts_share_a_column_of_those_that_lost_points() -> None:
    asked = tuple(Question(f"q{i}", f"{i}a", "", 1, False) for i in range(12))
    course = replace(COURSE, notebooks=(notebook("q_many", *asked),))
    scores = tuple(QuestionResult(q.name, q.part, "", q.name != "q7", 1) for q in asked)
    result = graded(notebooks=(NotebookResult("q_many", "", 11, 12, "ok", questions=scores),))
    console = Console(file=io.StringIO(), width=120)
    console.print(reports.table([result], course))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "points lost, and what to know first" in text
    assert "7a 0/1" in text
    assert "8a" not in text


def course_of(name: str, *asked: Question) -> Course:
    return replace(COURSE, notebooks=(notebook(name, *asked),))


def test_on_a_narrow_terminal_no_name_is_cut_in_two_and_points_stay_beside_their_part() -> None:
    name = "q_a_notebook_with_a_long_name"
    asked = tuple(Question(f"q{i}", f"{i}a", "", 1, False) for i in range(12))
    lost = tuple(QuestionResult(q.name, q.part, "", i < 5, 2) for i, q in enumerate(asked))
    graded_on = NotebookResult(name, "", 5, 24, "ok", questions=lost)
    result = graded(notebooks=(graded_on,), problems=(f"Not handed in: {name}, {name}",))
    console = Console(file=io.StringIO(), width=80)
    console.print(reports.table([result], course_of(name, *asked)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert text.count(name) == 2
    assert all(f"{i}a {int(i < 5)}/2" in text for i in range(12)), text


def test_a_long_word_to_know_is_cut_between_words() -> None:
    text = printed([graded(problems=("convolutions " * 20,))], terminal=False)
    assert text.endswith("convolutions …\n")
    assert "z" * 100 in printed([graded(problems=("z" * 300,))], terminal=False)


def test_which_notebook_is_told_only_where_there_are_several() -> None:
    slow = CellProblem(3, "too long", "ran longer than 10 seconds")
    one = NotebookResult("q_forward", "", 1.0, 2.0, "partly", cells=(slow,))
    other = NotebookResult("q_ridge", "", 1.0, 2.0, "ok")
    assert first_word(graded(notebooks=(one,))) == "Cell 3 ran longer than 10 seconds"
    assert first_word(graded(notebooks=(other, one))).startswith("q_forward: Cell 3 ran")


def test_a_question_that_is_worth_nothing_is_not_in_the_table() -> None:
    asked = (Question("q5a", "5a", "", 0, False), Question("q5b", "5b", "", 2, False))
    scores = tuple(QuestionResult(q.name, q.part, "", q.points, q.points) for q in asked)
    result = graded(notebooks=(NotebookResult("q", "", 2, 2, "ok", questions=scores),))
    for terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=terminal, width=99, color_system=None)
        reports.show([result], course_of("q", *asked), console)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        assert "5b" in text
        assert "5a" not in text


def test_a_notebook_without_any_point_is_one_entry_of_what_was_lost() -> None:
    questions = tuple(QuestionResult(f"q{part}", part, "", 0.0, 2.0) for part in ("1a", "1b", "1c"))
    none = NotebookResult("q_many", "", 0.0, 6.0, "ok", questions=questions)
    assert _lost(graded(notebooks=(none,))) == ["1a-1c 0/6"]
    assert _lost(graded("right at any length")) == ["2a 0/2"]


def test_a_pipe_gets_a_line_a_submission() -> None:
    text = printed([graded(), UNREADABLE, evil_result()], terminal=False, width=30)
    first, second, third = text.splitlines()
    assert first == "ada\t6/6\tok\t2a=2 4f=4"
    assert second == "bo\t0/0\tunreadable\t\tbo.ipynb: It starts like a PDF."
    assert third.startswith("<script>alert(1)<_script>")


def test_strangers_text_cannot_steer_the_terminal_nor_use_its_markup() -> None:
    result = graded(submission="[bold]a\x1b[2Jb\u202ec", problems=("[red]\x1b]0;x\x07",))
    for terminal in (True, False):
        text = printed([result], terminal=terminal)
        assert "[bold]a\ufffd[2Jb\ufffdc" in text
        assert "[red]" in text
        assert not re.search("[\x1b\x07\u202e]", text)


# --- words ---------------------------------------------------------------------------------------


def test_points_and_sentences_are_written_as_people_write_them() -> None:
    assert [points(x) for x in (0, 3.0, 2.5, 2 / 3, 100, 1e6)] == [
        "0",
        "3",
        "2.5",
        "0.67",
        "100",
        "1000000",
    ]
    assert score_sentence(graded()) == "6 of the 6 points graded so far"
    assert score_sentence(UNREADABLE) == "Nothing could be graded"
    assert "no points" in score_sentence(graded(score=0, possible=0))


def test_plain_text_keeps_letters_of_all_scripts_and_marks_what_steers() -> None:
    assert plain("سارة 張偉 ñ\n\tx") == "سارة 張偉 ñ\n\tx"
    assert plain("a\x00b\u202ec\ud800d\x1be\u2066f") == "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf"
    assert plain("x" * 10_000) == "x" * LONGEST + "… (8,000 more characters)"
