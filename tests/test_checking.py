"""What `autograder check` finds wrong with a homework before anybody gets it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autograder import cli
from autograder.bundle_in_use import use_bundle
from tests.test_release import ROOT, TINY, copy_bundle, files_in

MISTAKES = """
from autograder.diagnosis import mistake

HIDDEN = "q1a: right for any shape"


@mistake("mean_square", "it is the sum", fails=(HIDDEN,))
def summed(x):
    return (x**2).sum()


@mistake("mean_sqare", "its function is misspelt", fails=(HIDDEN,))
def misspelt(x):
    return x


@mistake("mean_square", "its test is misspelt", fails=("q1a: right for any shpae",))
def other_test(x):
    return x


@mistake("mean_square", "it is right", fails=(HIDDEN,))
def loses_nothing(x):
    return (x**2).mean()


@mistake("mean_square", "it says nothing of what it loses", fails=())
def says_nothing(x):
    return x


@mistake("mean_square", "it loses more", fails=("q1a: two numbers",))
def loses_more(x):
    return (x**2).sum()
"""
TABLE = """
[reported]
q_tiny = ["huors"]

[[timing]]
notebook = "q_tiny"
part = "1a"
title = "One and another"
needs = ["q1b_1", "q1x"]
first = { name = "one", function = "mean_square" }
second = { name = "other", function = "mean_sqare" }
inputs = "solutions.reference.tiny:inputs"
oracle = "solutions.reference.tiny:mean_sqare"
rtol = 1e-3
sizes = { n = [4], m = [8] }
fixed = {}
crossing = "my_crosing"

[[timing]]
notebook = "q_tiny"
part = "1a"
title = "One and itself"
needs = ["q1a"]
first = { name = "one", function = "mean_square" }
second = { name = "other", function = "mean_square" }
inputs = "solutions.reference.tiny:inputs"
oracle = "solutions.reference.tiny:mean_square"
rtol = 1e-3
sizes = { n = [4], k = [8] }
fixed = {}
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = copy_bundle(TINY, tmp_path / "tiny")
    (folder / "solutions" / "mistakes").mkdir()
    (folder / "solutions" / "mistakes" / "__init__.py").touch()
    return folder


@pytest.fixture
def run(tiny: Path) -> Iterator[Callable[..., Result]]:
    def ran(*args: object) -> Result:
        return CliRunner().invoke(
            cli.main, [str(arg) for arg in (*args, "--bundle", tiny)], catch_exceptions=False
        )

    yield ran
    use_bundle(ROOT)


def add(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text((file.read_text("utf-8") if file.exists() else "") + text, "utf-8")


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_a_sound_homework_is_said_to_be_one(run: Callable[..., Result]) -> None:
    done = run("check")
    assert (done.exit_code, done.output) == (0, "Nothing is wrong with tiny.\n")


def test_each_thing_that_is_wrong_is_one_line_with_its_file_and_its_name(
    tiny: Path, run: Callable[..., Result]
) -> None:
    solutions = tiny / "solutions"
    change(solutions / "q_tiny.py", "5.0, rtol=1e-6", "6.0, rtol=1e-6")
    add(solutions / "mistakes" / "mean.py", MISTAKES)
    add(solutions / "course.toml", TABLE)
    add(
        solutions / "reference" / "tiny.py",
        "\n\ndef inputs(n, m, generator):\n    import torch\n\n"
        "    return [torch.randn(n, m, generator=generator)]\n",
    )
    done = run("check")
    assert done.exit_code == 1
    lines = [line.removeprefix(f"autograder: {solutions}/") for line in done.stderr.splitlines()]
    table, mistake = "course.toml, [[timing]] number", "mistakes/mean.py,"
    assert lines == [
        "q_tiny.py, question q1a: the solution does not pass 'two numbers': the relative error is "
        "17% (allowed: 1e-06); you have 5, expected 6",
        "course.toml: [reported] q_tiny: its solution has no number 'huors'",
        f"{table} 1 (1a): needs: q_tiny has no graded question 'q1b_1'",
        f"{table} 1 (1a): needs: q_tiny has no graded question 'q1x'; is 'q1a' meant?",
        f"{table} 1 (1a): crossing: q_tiny does not define 'my_crosing'",
        f"{table} 1 (1a): q_tiny does not define the function 'mean_sqare'; is 'mean_square' "
        "meant?",
        f"{table} 1 (1a): oracle: AttributeError: module 'solutions.reference.tiny' has no "
        "attribute 'mean_sqare'",
        f"{table} 2 (1a): inputs and oracle at n=4, k=8, generator=...: TypeError: inputs() got an "
        "unexpected keyword argument 'k'",
        f"{mistake} misspelt: no test asks for 'mean_sqare'; is 'mean_square' meant?",
        f"{mistake} other_test: fails: there is no test 'q1a: right for any shpae'; is 'q1a: right "
        "for any shape' meant?",
        f"{mistake} loses_nothing: it does not lose 'q1a: right for any shape'",
        f"{mistake} says_nothing: fails: say which tests it loses",
        f"{mistake} loses_more: it loses 'q1a: right for any shape' too",
    ]


def test_a_homeworks_own_module_of_labkit_is_there_for_its_notebooks_and_its_tests(
    tiny: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    own = tiny / "notebooks" / "labkit" / "mine.py"
    for number in (1, 2):  # another homework's, in the same process, is another
        folder = copy_bundle(TINY, tmp_path / f"other {number}")
        add(folder / "notebooks" / "labkit" / "mine.py", f"NUMBER = {number}\n")
        use_bundle(folder)
        assert number == importlib.import_module("labkit.mine").NUMBER
    add(own, "import labkit.checks\n\nsame = labkit.checks.same\nNUMBER = 3\n")
    change(tiny / "solutions" / "q_tiny.py", "import torch\n\n# %% [raw]", "import torch\n\n"
           "from labkit.mine import NUMBER\n\nassert NUMBER == 3\n\n# %% [raw]")  # fmt: skip
    change(
        tiny / "solutions" / "q_tiny.py",
        "    from labkit.checks import generator, same\n",
        "    from labkit.checks import generator\n    from labkit.mine import same\n",
    )
    done = run("check")
    assert (done.exit_code, done.output) == (0, "Nothing is wrong with tiny.\n")
    assert run("assign", "--out", tmp_path / "dist").exit_code == 0
    for file, folder in (("student/tiny.zip", ""), ("gradescope/tiny-autograder.zip", "notebooks")):
        names = files_in(tmp_path / "dist" / file)
        assert {str(Path(folder) / "labkit" / m) for m in ("mine.py", "checks.py")} <= set(names)

    add(own.with_name("checks.py"), "def same(*args, **options): ...\n")
    for command in (["check"], ["assign", "--out", tmp_path / "dist"]):
        done = run(*command)
        assert done.exit_code != 0
        text = "labkit has a file of this name, which stays as it is: rename yours"
        assert f"{own.with_name('checks.py')}: {text}" in done.stderr


def test_an_untouched_notebook_that_gets_points_is_named(
    tiny: Path, run: Callable[..., Result]
) -> None:
    master = tiny / "solutions" / "q_tiny.py"
    change(master, "for shape in ((1,), (7,), (2, 3, 4)):", "for shape in ():")
    done = run("check")
    assert done.exit_code == 1
    text = "question q1a: an untouched notebook gets 2 points for 'right for any shape'"
    assert done.stderr == f"autograder: {master}, {text}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef broken(:\n", "line 2: invalid syntax"),
        ("x = 1\nimport no_such_module\n", "line 2: ModuleNotFoundError: No module named 'no_such"),
    ],
    ids=["syntax", "import"],
)
def test_a_module_of_mistakes_that_cannot_be_imported_is_named_with_its_line(
    tiny: Path, run: Callable[..., Result], tmp_path: Path, text: str, said: str
) -> None:
    file = tiny / "solutions" / "mistakes" / "broken.py"
    file.write_text(text)
    (tmp_path / "mine.py").write_text("def mean_square(x):\n    return x\n")
    done = run("check")
    assert done.exit_code == 1
    assert f"autograder: {file}, {said}" in done.stderr
    done = run("grade", tmp_path / "mine.py", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"autograder: {file}, {said}")
    assert done.stderr.count("\n") == 1
    if "syntax" in said:
        done = run("assign", "--out", tmp_path / "dist")
        assert done.exit_code == 2
        assert done.stderr.startswith(f"autograder: {file}, {said}")
