"""What an instructor sees while a class is graded, and that a pipe sees nothing of it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autograder.progress import first_problem, shown
from autograder.results import CellProblem, NotebookResult, Result


def result(status: str, **parts) -> Result:
    return Result(submission="eve", score=1.0, possible=2.0, status=status, **parts)


def screen(terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=100)


def test_a_terminal_sees_a_bar_with_rate_and_time_left_and_what_went_wrong():
    console = screen(True)
    died = CellProblem(3, "died", "ended the whole process, and was left out")
    notebook = NotebookResult("q_x", "X", 1.0, 2.0, "partly", cells=(died,))
    with shown(console, total=9, done=2) as bar:
        bar.advance(result("ok"))
        bar.advance(result("partly", notebooks=(notebook,)))
        bar.advance()
    text = console.file.getvalue()
    assert "5/9" in text
    assert "/min" in text
    (line,) = [line for line in text.splitlines() if "partly" in line]
    assert "eve  Cell 3 ended the whole process" in line


def test_a_bar_is_there_once_something_is_expected():
    console = screen(True)
    with shown(console, 0, what="Timing") as bar:
        assert "Timing" not in console.file.getvalue()
        bar.expect(3)
        bar.advance()
    assert "Timing" in console.file.getvalue()
    assert "1/3" in console.file.getvalue()


def test_nothing_expected_is_nothing_shown():
    console = screen(True)
    with shown(console, 0, what="Timing"):
        pass
    assert "Timing" not in console.file.getvalue()


def test_a_pipe_sees_nothing_but_what_is_waited_for(capsys):
    console = screen(False)
    with shown(console, total=2, done=0) as bar:
        bar.advance(result("unreadable", problems=("not a notebook",)))
        bar.say("by the way")
        bar.say("a worker is waited for", always=True)
    assert console.file.getvalue() == ""
    assert capsys.readouterr().err == "a worker is waited for\n"


@pytest.mark.parametrize("name", ["\x1b[31mred", "[bold]loud[/bold]", "two\nlines"])
def test_what_a_submission_says_stays_text_on_one_line(name):
    console = screen(True)
    with shown(console, total=1, done=0) as bar:
        bar.advance(result("unreadable", problems=(name,)))
    text = console.file.getvalue()
    assert "\x1b[31m" not in text
    assert "[bold]loud[/bold]" in text or "loud" not in name
    assert "\n" not in first_problem(result("unreadable", problems=(name,)))
