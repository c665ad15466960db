"""Right and wrong answers, graded in a sandbox: the verdicts are those of plain functions.

The corpora (test_corpus_*.py) hold plain functions to the checks, with no process in between. Here
the same answers are pasted into a notebook's cells, and graded as a class is, at each level.
`make test` takes some at the strongest level, `make verify` all at every level.
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from autograder import course as courses
from autograder.bundle_in_use import public_files
from autograder.diagnosis import Mistake
from autograder.grading import Grader
from autograder.intake import Cell, Submission, SubmittedNotebook
from autograder.results import QuestionResult
from autograder.sandbox import seal
from autograder.sandbox.pool import Pool
from labkit import costs
from tests import corpus
from tests.conftest import ROOT
from tests.submissions.right import (
    purification,
    ridge_attention,
    ssm_diagonal,
    ssm_forward,
    ssm_kernel,
)
from tests.test_corpus_gpu import COPIES

RIGHT = {
    "q_ssm_convolution_kernel": ssm_kernel,
    "q_coding_ssm_forward_cpu": ssm_forward,
    "q_coding_ssm_forward_gpu": ssm_diagonal,
    "q_purification": purification,
    "q_ridge_attention": ridge_attention,
    "q_referee_a_model": None,
}
IN_TEST = 20  # one answer of so many is graded in `make test`
IMPORTS = "import numpy as np\nimport torch\nimport torch.nn.functional as F\n"
Functions = Mapping[str, Callable[..., Any]]


@cache
def read(notebook: str) -> corpus.Corpus:
    return corpus.read(notebook, COPIES if notebook == "q_coding_ssm_forward_gpu" else None)


def answers() -> list[Any]:
    """A notebook, what replaces functions of its solution, and the known mistake that this is."""
    made: list[tuple[str, str, Functions, Mistake | None]] = []
    for notebook, right in RIGHT.items():
        for kind in right.SUBMISSIONS if right else ():
            functions = {name: f for name, f in vars(kind).items() if callable(f)}
            made.append((kind.__name__, notebook, functions, None))
        for wrong in read(notebook).mistakes:
            made.append((corpus.name_of(wrong), notebook, {wrong.function: wrong.run}, wrong))
    return [
        pytest.param(
            *values,
            id=f"{values[0].removeprefix('q_')}-{name}",
            marks=[] if number % IN_TEST == 0 else pytest.mark.verify,
        )
        for number, (name, *values) in enumerate(made)
    ]


def pasted(functions: Functions, solution: Mapping[str, Any]) -> str:
    """The cell that defines these in place of the solution's."""
    source = IMPORTS
    for name, function in functions.items():
        lines = textwrap.dedent(inspect.getsource(function)).splitlines()
        start = next(i for i, line in enumerate(lines) if line.startswith("def "))
        call = "" if callable(solution[name]) else "()"
        source += "\n".join([*lines[start:], f"{name} = {function.__name__}{call}", ""])
    return source


@pytest.fixture(scope="module")
def grader(level: seal.Level) -> Iterator[Grader]:
    course = courses.load(ROOT)
    with (
        Pool(level, public_files(ROOT), course.limits, ahead=True) as pool,
        corpus.one_thread(),
        pytest.MonkeyPatch.context() as patch,
    ):
        # The clock beside the counts always sees growth, so that counts alone decide.
        patch.setattr(costs, "_clocked", lambda *_: [1.0, 8.0])
        yield Grader(course, pool)


def graded(grader: Grader, notebook: str, sources: list[str]) -> tuple[QuestionResult, ...]:
    cells = tuple(Cell(number, "code", source) for number, source in enumerate(sources, 1))
    submitted = SubmittedNotebook(notebook, "it.ipynb", "its name", cells)
    submission = Submission("it", (), {notebook: submitted}, (), False, {}, "")
    (result,) = grader.grade(submission).notebooks
    assert not result.cells, result.cells
    return result.questions


@pytest.mark.parametrize(("notebook", "functions", "wrong"), answers())
def test_a_sandbox_changes_no_verdict(
    grader: Grader, notebook: str, functions: Functions, wrong: Mistake | None
):
    master = read(notebook)
    names, solution = master.submission(functions), master.submission({})
    lost = set(master.lost(names, "plain")) | set(master.lost_in_public(names))
    questions = graded(grader, notebook, [*master.solution, pasted(functions, solution)])
    failed = {f"{q.name}: {t.name}": t.cause for q in questions for t in q.tests if not t.passed}
    assert set(failed) == lost
    if wrong:
        plain = master.told(wrong, "plain")
        told = {failed[check] for check in plain} - {""}
        assert told == set(plain.values()) - {corpus.RETURN_MISSING, ""}
        if told <= {wrong.says}:
            assert set(failed.values()) <= {wrong.says, ""}, "in other questions"
