"""Otter's test files against a remote notebook: scores are Otter's, messages are ours."""

from __future__ import annotations

import errno

import pytest

from autograder.course import Limits
from autograder.intake import Cell
from autograder.sandbox.child import Child, SandboxError
from autograder.sealed_tests import BROKEN, SealedTestFile
from autograder.session import Session

TEST_FILE = """\
from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = None

@test_case(points=1, hidden=False)
def test_public(f):
    from labkit.checks import same
    same(f(1.0), 2.0, rtol=1e-6, show=True)

@test_case(points=2, hidden=True)
def test_hidden(f):
    from labkit.checks import generator, same
    import torch
    x = torch.rand(3, generator=generator("x"))
    same(f(x), 2 * x, rtol=1e-6, about="three numbers")

@test_case(points=4, hidden=True)
def test_needs_a_tensor(f):
    secret_of_this_line = f([1.0]).shape
    assert secret_of_this_line == (1,), "the shape is not that of the input"
"""


@pytest.fixture
def grade(pool):
    def graded(source: str, seed: str = "s"):
        cells = [Cell(1, "code", "import torch\n" + source)]
        with Session(pool, cells, Limits(memory_bytes=512 << 20)) as session:
            tests = SealedTestFile.from_string(TEST_FILE, "q1")
            names = session.names()
            for hidden in (False, True):
                tests.run_sealed(names, (seed, "nb", "q1"), hidden)
            return tests, [outcome.message for _, outcome in sorted(tests.outcomes.items())]

    return graded


def test_a_right_function_passes_every_test(grade):
    tests, said = grade("def f(x): return 2 * torch.as_tensor(x)")
    assert (tests.score, tests.possible, said) == (7, 7, ["", "", ""])


def test_points_are_given_by_test_case(grade):
    tests, said = grade("def f(x): return 2 * x if isinstance(x, float) else torch.ones(1)")
    assert tests.score == 5
    assert said[0] == said[2] == ""
    assert said[1] == "three numbers: the shape is (1,), and (3,) was asked for"


def test_a_value_the_test_cannot_use_is_told_without_the_tests_own_line(grade):
    tests, said = grade("def f(x): return 2 * x")
    assert tests.score == 3
    assert said[2] == "what came back cannot be used here (AttributeError)"
    assert not any("secret_of_this_line" in text for text in said)


@pytest.mark.parametrize(
    "error", [OSError(errno.EMFILE, "Too many open files"), SandboxError("it did not start")]
)
def test_what_the_grader_itself_fails_at_is_charged_to_nobody(grade, monkeypatch, error):
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(Child, "start_fork", fails)
    with pytest.raises(type(error), match=str(error.args[-1])):
        grade("def f(x): return 2 * torch.as_tensor(x)")


@pytest.mark.parametrize(
    ("line", "remark"),
    [
        ("smae(f(1.0), 2.0)", "NameError: name 'smae' is not defined, at `smae(f(1.0), 2.0)`"),
        (
            "import no_such_thing",
            "No module named 'no_such_thing', at `import no_such_thing`",
        ),
        ("torch.sofmax(f(1.0), 0)", "module 'torch' has no attribute 'sofmax', at `torch.sofmax("),
        (
            "from solutions.reference import ssm; ssm.recurrence(1, 2, 3, 4)",
            "'int' object has no attribute 'double' (solutions.reference.ssm, line ",
        ),
        ("(torch.ones(2) @ f([1.0, 2, 3])).item(1)", ""),
    ],
    ids=["name", "module", "attribute", "reference", "answer"],
)
def test_a_broken_check_is_not_laid_on_the_student(pool, line, remark):
    source = (
        "from otter.test_files import test_case\nOK_FORMAT = False\nname = 'q1'\npoints = None\n"
        f"@test_case(points=1, hidden=True)\ndef test_broken(f):\n    import torch\n    {line}\n"
    )
    with Session(pool, [Cell(1, "code", "import torch; f = torch.tensor")], Limits()) as session:
        tests = SealedTestFile.from_string(source, "q1")
        for hidden in (False, True):
            tests.run_sealed(session.names(), ("s", "nb", "q1"), hidden)
    (outcome,) = tests.outcomes.values()
    assert (outcome.message == BROKEN) == bool(remark), outcome
    assert outcome.remark.startswith("this check itself failed: " if remark else "")
    assert remark in outcome.remark


def test_an_assertions_own_words_are_told(grade):
    _, said = grade("def f(x): return 2 * torch.as_tensor(x).unsqueeze(0)")
    assert said[2] == "the shape is not that of the input"


def test_hidden_inputs_come_from_the_seed(grade):
    depends = "def f(x): return 2 * x + (1 + float(x.sum()) % 1) / 2"
    one, again, other = (grade(depends, seed)[1][1] for seed in ("a", "a", "b"))
    assert one == again != other


def test_a_hostile_value_is_plain_before_a_test_sees_it(grade):
    source = """
class Yes(torch.Tensor):
    def __eq__(self, other): return True
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.tensor(True)
class Any:
    def __eq__(self, other): return True
    def __float__(self): return 2.0
def f(x): return torch.zeros(3).as_subclass(Yes) if isinstance(x, torch.Tensor) else Any()
"""
    tests, said = grade(source)
    assert tests.score == 0, said


def test_answering_with_a_score_changes_nothing(grade):
    source = """
def f(x): return {"value": 2 * x, "passed": True, "score": 9999}
"""
    tests, _ = grade(source)
    assert tests.score == 0
