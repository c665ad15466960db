"""What the author of a hostile function reads: never what a hidden test gave the function."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autograder import course as courses
from autograder.course import Limits
from autograder.grading import Grader
from autograder.intake import Cell, Submission, SubmittedNotebook
from autograder.sealed_tests import SealedTestFile, _discreet
from autograder.session import Session
from labkit.checks import Mismatch

ROOT = Path(__file__).parents[1]

TEST_FILE = """\
from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = None

@test_case(points=1, hidden=True)
def test_hidden(f):
    from labkit.checks import same
    same(f(271828182), 1.0, rtol=1e-6)

@test_case(points=1, hidden=False)
def test_public(f):
    from labkit.checks import same
    same(f(1), 1.0, rtol=1e-6, show=True)
"""
SECRET = "271828182"


@pytest.fixture
def told(pool):
    """What the hidden and the public test say of a function with this body."""

    def said(body: str) -> list[str]:
        source = "import os, sys, torch\nkept = []\ndef f(x):\n" + "".join(
            f"    {line}\n" for line in body.strip().splitlines()
        )
        with Session(pool, [Cell(1, "code", source)], Limits(memory_bytes=512 << 20)) as session:
            tests = SealedTestFile.from_string(TEST_FILE, "q1")
            names = session.names()
            for hidden in (False, True):
                tests.run_sealed(names, ("seed",), hidden)
            return [outcome.message for _, outcome in sorted(tests.outcomes.items())]

    return said


OUT = {
    "an exception's text": "raise ValueError(str(x))",
    "an exception's name": "raise type(f'E{x}', (Exception,), {})",
    "a text spelled in words": "raise ValueError(' '.join('abcdefghij'[int(c)] for c in str(x)))",
    "a line": "exec(compile('\\n' * (x % 99991) + '1/0', '<ipython-input-1-a>', 'exec'), {})",
    "a type's name": "return type(f'T{x}', (), {})()",
    "a shape": "return torch.zeros(0, x)",
    "a shape of many axes": "return torch.zeros([int(c) + 1 for c in str(x)])",
    "an error": "return float(x) + 1",
    "an enormous error": "return float(x) * 1e30",
    "an exit status": "os._exit(x % 251)",
    "a signal": "os.kill(os.getpid(), 34 + x % 30)",
    "a message's length": "os.write(3, x.to_bytes(4, 'big')); return 1",
    "a later public test": "kept.append(x)\nraise ValueError(str(kept))",
    "a file for a later public test": (
        "open('kept', 'a').write(f'{x} ')\nraise ValueError(open('kept').read())"
    ),
    "the notebook's own process": (
        "open(f'/proc/{os.getppid()}/comm', 'w').write(f'k{x}')\n"
        "raise ValueError(open(f'/proc/{os.getppid()}/comm').read())"
    ),
}


@pytest.mark.parametrize("body", OUT.values(), ids=OUT.keys())
def test_no_message_carries_a_hidden_input_out(told, body):
    said = told(body)
    for text in said:
        assert SECRET not in re.sub(r"\D", "", text), text
        assert "chbicbib" not in text.replace(" ", ""), text
    longest = max(map(len, re.findall(r"\d+", said[0])), default=0)
    assert longest <= 4, f"a number of {longest} digits: {said[0]}"


def test_a_hidden_test_says_which_exception_and_where(told):
    hidden, public = told("raise ValueError(str(x))")
    assert hidden == "f raised ValueError (line 4 of its cell)"
    assert public == "f raised ValueError: 1 (line 4 of its cell)"


def test_public_tests_are_run_before_any_hidden_input_is_seen(told):
    _, public = told("kept.append(x)\nraise ValueError(str(kept))")
    assert "ValueError: [1]" in public


def test_words_of_a_run_after_the_first_hidden_test_are_not_told(pool, monkeypatch):
    """Where a hidden test ends the notebook's process, the notebook is run again, and that run may
    have learnt something: through the clock, or a lock on a file that both can open."""
    name = "q_coding_ssm_forward_cpu"
    course = courses.load(ROOT)
    course = replace(course, notebooks=tuple(n for n in course.notebooks if n.name == name))
    source = """
import os, signal, torch
signal.signal(signal.SIGUSR1, lambda *_: os._exit(1))
def unrolled_ssm_forward(W, U, b, x):
    if x.shape[1] > 200:  # which no public test has
        os.kill(os.getppid(), signal.SIGUSR1)
        os._exit(1)
    return torch.zeros(len(x), x.shape[1], len(b))
def make_conv_kernel(W, T):
    return W
"""
    spoken = "import time\nraise ValueError(f'{time.monotonic()} s')"
    cells = tuple(Cell(i, "code", text) for i, text in enumerate((source, spoken), 1))
    notebook = SubmittedNotebook(name, f"{name}.ipynb", "its name", cells)
    runs, started = [], []
    run_tests, run = Grader._run_tests, Session._run

    def note(grader, one, notebook, hidden):
        started.extend([time.monotonic()] if hidden and not started else [])
        run_tests(grader, one, notebook, hidden)

    monkeypatch.setattr(Grader, "_run_tests", note)
    monkeypatch.setattr(Session, "_run", lambda session: (runs.append(1), run(session)))
    result = Grader(course, pool).grade(Submission("ada", (), {name: notebook}, (), False, {}, ""))
    (problem,) = result.notebooks[0].cells
    said = float(re.search(r"ValueError: ([0-9.]+) s", problem.message)[1])
    assert len(runs) > 1, "the notebook was run again"
    assert said < started[0], "what is told is of the run before"


def test_long_numbers_are_told_to_three_digits_and_in_figures_where_they_are_counts():
    told = {"1,028": "1,030", "271828182": "2.72e+08", "0.123456": "0.123", "16": "16"}
    for number, shown in told.items():
        assert str(_discreet(Mismatch(f"it is {number}.", kind="cost"))) == f"it is {shown}."


def test_many_numbers_in_a_message_take_no_time_to_round():
    """A regular expression that went back at each of them took minutes."""
    numbers = "1," * 200_000
    assert str(_discreet(Mismatch(numbers, kind="type"))) == numbers
    assert str(_discreet(Mismatch("1,1,1,2345", kind="type"))) == "1,1,1,2345"
    assert str(_discreet(Mismatch("9" * 400, kind="type"))) == "inf"
