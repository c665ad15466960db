"""Grades on their way out: Canvas's gradebook, Gradescope's results, and a table without names."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from autograder import cli, intake, reports
from autograder.export import ExportError, anonymous, canvas, results
from autograder.intake.names import unique_ids
from autograder.results import Adjustment, Result
from autograder.written import scores
from tests.test_feedback import scored
from tests.test_reports import COURSE, UNREADABLE, graded

HEAD = (
    "Student,ID,SIS User ID,SIS Login ID,Section,Homework 7 (111),Homework 8 (222),"
    "Homework 8 bonus (333),Current Score"
)
POINTS = "    Points Possible,,,,,10,100,5,(read only)"
ROWS = [
    '"Lovelace, Ada",1001,3031,ada@example.org,"Sec 1, Mon",9,,,90.0',
    '"Byron, Bo",1002,3032,bo@example.org,Sec 1,8,50,,80.0',
    '"Cy ""C"" Clark",1003,3033,cy@example.org,Sec 2,,,,',
    '"=HYPERLINK(""//evil"")",1004,3034,dee@example.org,Sec 2,-1,,2,',
    '"Student, Test",1005,,f00,Sec 1,,,,',
]


def gradebook(*rows: str, head: str = HEAD, end: str = "\r\n", mark: str = "") -> bytes:
    return (mark + end.join([head, POINTS, *(rows or ROWS)]) + end).encode()


def from_canvas(user: str, **fields: Any) -> Result:
    about = {"source": "canvas", "user_id": user}
    return graded(submission=f"x_{user}", members=("somebody",), metadata=about, **fields)


def from_gradescope(members: dict[str, tuple[str, str]]) -> Result:
    sids, emails = zip(*members.values(), strict=True)
    about = {"source": "gradescope", "sids": "\n".join(sids), "emails": "\n".join(emails)}
    return graded("gradients reach lam", submission="submission_7", members=tuple(members),
                  metadata=about)  # fmt: skip


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_the_assignment_s_column_is_filled_in_and_all_else_stays_to_the_byte(end, mark) -> None:
    exported = gradebook(*ROWS[:3], end=end, mark=mark)
    filled = canvas.fill(exported, [from_canvas("1001"), from_canvas("1003")], "Homework 8")
    assert (filled.count, filled.left) == (2, ())
    wanted = exported.replace(b"9,,,90.0", b"9,6,,90.0").replace(b"Sec 2,,,,", b"Sec 2,,6,,")
    assert filled.content == wanted


def test_a_gradebook_with_semicolons_keeps_them_to_the_byte() -> None:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows(table(gradebook(*ROWS[:3])))
    exported = text.getvalue().encode()
    filled = canvas.fill(exported, [from_canvas("1001"), from_canvas("1003")], "Homework 8")
    assert (filled.count, filled.left) == (2, ())
    wanted = exported.replace(b"9;;;90.0", b"9;6;;90.0").replace(b"Sec 2;;;;", b"Sec 2;;6;;")
    assert filled.content == wanted


def test_a_semicolon_in_an_assignment_s_name_separates_nothing() -> None:
    exported = gradebook(*ROWS[:3], head=HEAD.replace("Homework 8 (", "Homework 8; part 2 ("))
    filled = canvas.fill(exported, [from_canvas("1001")], "222")
    assert filled.content == exported.replace(b"9,,,90.0", b"9,6,,90.0")


def test_a_group_from_gradescope_has_a_score_in_each_member_s_row() -> None:
    group = from_gradescope(
        {"Ada": ("3031", ""), "Bo": ("", "bo@example.org"), "Cy": ("3033", "x")}
    )
    filled = canvas.fill(gradebook(), [group], "homework 8")
    assert [row[6] for row in table(filled.content)[2:]] == ["5", "5", "5", "", ""]


def test_a_login_is_found_without_its_domain_and_a_file_by_its_name() -> None:
    rows = ["A,1,s1,ada,x,,,,", "B,2,s2,bo,x,,,,", "C,3,s3,cy,x,,,,"]
    given = [from_gradescope({"Ada": ("", "ADA@example.org")}), graded(submission="bo"),
             graded(submission="s3")]  # fmt: skip
    filled = canvas.fill(gradebook(*rows), given, "222")
    assert [row[6] for row in table(filled.content)[2:]] == ["5", "6", "6"]


def test_nobody_is_placed_by_name_and_whoever_has_no_row_is_named() -> None:
    stranger = graded(submission="submission_9", members=("Lovelace, Ada",),
                      metadata={"sids": "9999"})  # fmt: skip
    filled = canvas.fill(gradebook(), [stranger, UNREADABLE], "Homework 8")
    assert filled.count == 0
    assert filled.left == ("submission_9: no row for Lovelace, Ada", "bo: no row for bo")
    assert [row[6] for row in table(filled.content)[2:]] == ["", "50", "", "", ""]


def test_an_id_that_two_rows_have_places_nobody() -> None:
    rows = ["A,1,,ada@a.org,x,,,,", "B,2,,ada@a.org,x,,,,"]
    filled = canvas.fill(gradebook(*rows), [from_gradescope({"A": ("", "ada@a.org")})], "222")
    assert filled.left == ("submission_7: no row for A",)


def test_no_name_in_the_gradebook_is_a_formula_and_no_id_is_changed() -> None:
    filled = canvas.fill(gradebook(), [from_canvas("1004")], "Homework 8")
    row = table(filled.content)[5]
    assert row[0] == '\'=HYPERLINK("//evil")'
    assert row[1:] == ["1004", "3034", "dee@example.org", "Sec 2", "-1", "6", "2", ""]


PROBLEMS = [
    (gradebook(), [from_canvas("1001")], "Homework 9", "no column is called 'Homework 9'.*333"),
    (gradebook(head=HEAD.replace("(111)", "(111)").replace("Homework 7", "Homework 8")),
     [from_canvas("1001")], "Homework 8", "two columns are called"),
    (gradebook(), [from_canvas("1001"), from_gradescope({"Ada": ("3031", "")})], "222",
     "x_1001 and submission_7 are both for Lovelace, Ada"),
    (b"a,b\n1,2\n", [], "222", "no 'Student' and 'ID'"),
    (b"\xff\xfe", [], "222", "no CSV in UTF-8"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "given", "name", "told"), PROBLEMS)
def test_a_gradebook_that_cannot_be_filled_in_says_why(content, given, name, told) -> None:
    with pytest.raises(ExportError, match=told):
        canvas.fill(content, given, name)


def test_without_names_means_without_ids_members_times_comments_and_causes() -> None:
    given = [
        replace(scored("a comment on Ada"), submission="ada", members=("Ada",),
                metadata={"sids": "3031", "submitted": "2026-11-25"},
                adjustments=(Adjustment(0, "Ada was ill"),)),
        graded("right at any length", submission="bo"),
    ]  # fmt: skip
    text = anonymous.table(given, COURSE).decode()
    for told in ("ada", "Ada", "bo", "3031", "2026", "ill", "comment", "left out"):
        assert told not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert sorted((r["score"], r["q_forward 2a"], r["q_forward 2c Q1"]) for r in rows) == [
        ("4", "0", ""), ("5.5", "0", "1.5"),
    ]  # fmt: skip
    shown = {row["submission"] for row in rows}
    assert not shown & set(scores.aliases(COURSE, ["ada", "bo"]))
    assert [row["submission"] for row in rows] == sorted(shown)


# --- the command ---------------------------------------------------------------------------------


def test_the_command_exports_results_as_they_count(tmp_path: Path) -> None:
    from autograder import course as courses

    course = courses.load(Path(__file__).parents[1])
    notebook = course.notebooks[0]
    label = f"{notebook.name} {next(q.part for q in notebook.questions if q.manual)}"
    out = tmp_path / "out"
    plain = graded()
    named = replace(plain.notebooks[0], name=notebook.name, file="f.ipynb")
    kept = replace(from_canvas("1001"), notebooks=(named,))
    reports.keep(kept, out)
    reports.write_class([kept], course, out)
    (out / "written.csv").write_text(f"submission,question,score\nx_1001,{label},1\n")
    (out / "overrides.toml").write_text(
        '[[adjust]]\nsubmission = "x_1001"\npoints = 2\nreason = "x"\n'
    )
    assert results(out, course)[0].score == 9
    exported = tmp_path / "gradebook.csv"
    exported.write_bytes(gradebook())
    arguments = ["export", str(out), "--canvas", str(exported), "--anonymous"]
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, done.output
    assert table((out / "canvas.csv").read_bytes())[2][6] == "9"
    assert ",9," in (out / "anonymous.csv").read_text()
    assert exported.read_bytes() == gradebook(), "the export itself was changed"
    exported.write_bytes(gradebook(*ROWS[1:]))
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 1
    assert "x_1001: no row for somebody" in done.output
    reports.write_class([], course, out)
    done = CliRunner().invoke(cli.main, arguments)
    assert f"{out / 'x_1001'}: was graded earlier" in done.output, "it is not in grades.csv"
    (out / "grades.csv").unlink()
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 2
    assert "grade the class again" in done.output


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["OUT"], "say what to export"),
        (["OUT", "--anonymous"], "there are no results here"),
        (["OUT", "--canvas", "missing.csv"], "no results here"),
        (["OTHER", "--anonymous"], "these results are of q_other, and this homework is hw8"),
    ],
)
def test_what_cannot_be_exported_is_one_clear_line(tmp_path, monkeypatch, arguments, told) -> None:
    (tmp_path / "OUT").mkdir()
    other = replace(graded().notebooks[0], name="q_other")
    reports.keep(replace(graded(), notebooks=(other,)), tmp_path / "OTHER")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.main, ["export", *arguments])
    assert done.exit_code == 2
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1


# --- Gradescope ----------------------------------------------------------------------------------

_TOP = {
    "score": (int, float), "execution_time": (int, float), "output": str, "output_format": str,
    "test_output_format": str, "test_name_format": str, "visibility": str,
    "stdout_visibility": str, "extra_data": dict, "tests": list, "leaderboard": list,
}  # fmt: skip
_TEST = {
    "score": (int, float), "max_score": (int, float), "status": str, "name": str,
    "name_format": str, "number": str, "output": str, "output_format": str, "tags": list,
    "visibility": str, "extra_data": dict,
}  # fmt: skip
_CHOICES = {
    "status": {"passed", "failed"},
    "output_format": {"text", "html", "simple_format", "md", "ansi"},
    "visibility": {"visible", "hidden", "after_due_date", "after_published"},
    "stdout_visibility": {"visible", "hidden", "after_due_date", "after_published"},
}


def assert_documented(record: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in record.items():
        assert name in fields, f"Gradescope knows no '{name}'"
        assert isinstance(value, fields[name]), (name, value)
        assert name not in _CHOICES or value in _CHOICES[name], (name, value)


@pytest.mark.parametrize("result", [graded(), scored(), graded("right for any lam"), UNREADABLE],
                         ids=["full", "written", "partial", "unreadable"])  # fmt: skip
@pytest.mark.parametrize("policy", ["always", "after due", "instructors"])
def test_results_json_has_the_documented_shape(result: Result, policy: Any) -> None:
    data = reports.results_json(result, replace(COURSE, tell_cause=policy))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert_documented(data, _TOP)
    assert data["tests"] or "score" in data
    for row in data["tests"]:
        assert_documented(row, _TEST)
        assert "max_score" not in row or row["score"] <= row["max_score"] or not row["max_score"]


def test_a_written_score_s_row_is_neither_passed_nor_failed() -> None:
    rows = reports.results_json(scored(), COURSE)["tests"]
    [row] = [row for row in rows if row["name"].startswith("q_forward 2c Q1")]
    assert "status" not in row
    assert (row["score"], row["max_score"]) == (1.5, 3)
    assert row["output"] == "Say more about the second step."


# --- what comes in stays ------------------------------------------------------------------------


def test_an_export_of_gradescope_keeps_groups_and_times_all_the_way(tmp_path: Path) -> None:
    folder = tmp_path / "assignment_1_export"
    (folder / "submission_7").mkdir(parents=True)
    (folder / "submission_7" / "q_forward.ipynb").write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": "x = 1"}]})
    )
    (folder / "submission_metadata.yml").write_text(
        "submission_7:\n  :submitters:\n"
        "  - :name: Ada Lovelace\n    :sid: '3031'\n    :email: ada@example.org\n"
        "  - :name: Bo Byron\n    :sid: '3032'\n    :email: bo@example.org\n"
        "  :created_at: 2026-11-25 10:00:00.123 -08:00\n"
    )
    [submission] = intake.read([folder], COURSE).submissions
    result = graded(submission=submission.id, members=submission.members,
                    metadata=submission.metadata)  # fmt: skip
    assert "2026-11-25 10:00:00.123" in reports.report_page([result], COURSE)
    rows = list(csv.DictReader(io.StringIO(
        reports.grades_csv([result], COURSE).decode("utf-8-sig"))))  # fmt: skip
    assert [row["student"] for row in rows] == ["Ada Lovelace", "Bo Byron"]
    filled = canvas.fill(gradebook(), [result], "222")
    assert [row[6] for row in table(filled.content)[2:4]] == ["6", "6"]


def test_no_submission_can_take_the_place_of_a_file_of_ours(tmp_path: Path) -> None:
    names = ["written", "Written.csv", "overrides.toml", "grades.csv", "canvas.csv"]
    assert not {i.casefold() for i in unique_ids(names)} & {n.casefold() for n in names}
    (tmp_path / "written-mine.csv").mkdir()
    assert scores.read(tmp_path, COURSE, {}).given == {}
