"""What is read from a bundle, and what is said about one that cannot be used."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from otter.test_files import ExceptionTestFile

from autograder import course
from autograder.bundle_files import notebook_version
from autograder.bundle_in_use import public_files
from autograder.notebook import CourseError, Question
from autograder.notebook import Test as Case

ROOT = Path(__file__).resolve().parents[1]
RUBRIC = """\
Entries of opposite sign cancel in the mean and add up in the mean of the squares.

Rubric: one point for naming the cancellation, one for naming what the squares measure."""
TINY = ROOT / "tests" / "bundles" / "tiny"


@pytest.fixture(autouse=True)
def _no_secret_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(course.SECRET_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def homework() -> course.Course:
    return course.load(ROOT)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A copy of the tiny bundle, to be changed."""
    return Path(shutil.copytree(TINY, tmp_path / "tiny"))


@pytest.fixture
def tiny_solutions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """`import solutions` means the tiny bundle's, until the test ends."""
    before = {name: sys.modules.pop(name) for name in _solutions_modules()}
    monkeypatch.syspath_prepend(str(TINY))
    yield
    for name in _solutions_modules():
        del sys.modules[name]
    sys.modules.update(before)


def _solutions_modules() -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] == "solutions"]


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text, f"{file.name} no longer holds {old!r}"
    file.write_text(text.replace(old, new, 1), "utf-8")


def test_questions_are_read_as_their_author_wrote_them() -> None:
    (notebook,) = course.load(TINY).notebooks
    assert notebook.name == "q_tiny"
    assert notebook.title == "A very small notebook"
    assert notebook.defines == {"mean_square"}
    assert notebook.possible == 3
    assert notebook.questions == (
        Question(
            name="q1a",
            part="1a",
            title="The mean of squares",
            points=3,
            manual=False,
            tests=(
                Case("two numbers", 1, hidden=False),
                Case("right for any shape", 2, hidden=True),
            ),
            asks=("mean_square",),
        ),
        Question("q1b_1", "1b Q1", "Why squares?", points=2, manual=True, rubric=RUBRIC),
    )


@pytest.mark.usefixtures("tiny_solutions")
def test_test_files_are_ones_that_otter_runs() -> None:
    test_file = ExceptionTestFile.from_string(course.load(TINY).notebooks[0].test_files["q1a"])
    for function, passed in [
        (lambda x: (x**2).mean(), [True, True]),
        (lambda x: (x**2).sum() / 2, [True, False]),
        (torch.mean, [False, False]),
    ]:
        test_file.run({"mean_square": function})
        assert [result.passed for result in test_file.test_case_results] == passed


def test_every_master_of_the_homework_can_be_used(homework: course.Course) -> None:
    listed = list(course.read_table(ROOT)["notebooks"])
    masters = {file.stem for file in (ROOT / "solutions").glob("q_*.py")}
    assert [n.name for n in homework.notebooks] == [name for name in listed if name in masters]
    assert masters <= set(listed), f"course.toml does not list {masters - set(listed)}"


def test_limits_in_the_table_replace_the_defaults() -> None:
    assert course.load(TINY).limits == replace(course.Limits(), cell_seconds=5)


def test_what_gradescope_times_has_300_seconds_unless_the_table_says_otherwise(tiny: Path) -> None:
    assert course.load(tiny).timing_on_gradescope == 300
    change(tiny / course.TABLE, "notebooks =", "timing_on_gradescope = 0\nnotebooks =")
    assert course.load(tiny).timing_on_gradescope == 0
    for wrong in ("-1", "1801", "true"):
        change(tiny / course.TABLE, "timing_on_gradescope = 0", f"timing_on_gradescope = {wrong}")
        with pytest.raises(CourseError, match="whole seconds up to 1800"):
            course.load(tiny)
        change(tiny / course.TABLE, f"timing_on_gradescope = {wrong}", "timing_on_gradescope = 0")


def test_the_seed_comes_from_the_secret_and_the_release_alone(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = course.load(tiny).seed
    change(tiny / course.TABLE, 'title = "A very', 'title = "Another very')
    assert course.load(tiny).seed == seed
    change(tiny / course.TABLE, 'release = "test"', 'release = "another"')
    another = course.load(tiny).seed
    monkeypatch.setenv(course.SECRET_VARIABLE, "a secret from outside")
    assert len({seed, another, course.load(tiny).seed}) == 3


@pytest.mark.parametrize(
    "file",
    [
        "solutions/q_tiny.py",
        "solutions/reference/tiny.py",
        "solutions/course.toml",
        "data/table.csv",
    ],
)
def test_whatever_decides_a_score_changes_the_version(tiny: Path, file: str) -> None:
    (tiny / file).parent.mkdir(exist_ok=True)
    version = course.load(tiny).version
    with (tiny / file).open("a", encoding="utf-8") as content:
        content.write("# one more comment\n")
    assert course.load(tiny).version != version


@pytest.mark.parametrize(
    ("file", "affected"),
    [
        ("solutions/reference/kernel.py", {"q_ssm_convolution_kernel"}),  # imported by others
        ("solutions/reference/ssm.py", {"q_coding_ssm_forward_cpu", "q_coding_ssm_forward_gpu"}),
        ("solutions/reference/referee.py", {"q_referee_a_model"}),
        ("solutions/mistakes/ridge_mean.py", {"q_ridge_attention"}),
        ("solutions/mistakes/__init__.py", set()),
        ("solutions/q_purification.py", {"q_purification"}),
        ("notebooks/labkit/mine.py", {"all"}),  # added to this project's
        ("solutions/reference/table.json", {"all"}),  # who reads it cannot be told
        ("data/claims.json", {"all"}),
        ("data/submissions/ada.ipynb", set()),
    ],
)
def test_a_correction_changes_the_versions_of_the_notebooks_that_use_it(
    tmp_path: Path, homework: course.Course, file: str, affected: set[str]
) -> None:
    for folder in ("solutions", "notebooks/labkit", "data"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    masters = {m.stem: m for m in sorted((tmp_path / "solutions").glob("q_*.py"))}
    functions = {n.name: n.defines for n in homework.notebooks}

    def versions() -> dict[str, str]:
        return {n: notebook_version(tmp_path, m, functions[n]) for n, m in masters.items()}

    before = versions()
    with (tmp_path / file).open("a", encoding="utf-8") as content:
        content.write("# corrected\n")
    changed = {name for name, version in versions().items() if version != before[name]}
    assert changed == (set(masters) if affected == {"all"} else affected)


def test_what_lies_beside_a_notebook_decides_its_version(tiny: Path) -> None:
    """Of data/ what a sandbox shows and what counts is the same, and never what was handed in."""
    for name in ("table.csv", "more/deep.csv", "submissions/ada.ipynb", ".hidden/x"):
        (tiny / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        before = course.load(tiny).notebooks[0].version
        (tiny / "data" / name).write_text("1")
        counts = course.load(tiny).notebooks[0].version != before
        shown = f"data/{Path(name).parts[0]}" in public_files(tiny)
        assert counts == shown == (name in ("table.csv", "more/deep.csv")), name


def test_a_reference_that_is_only_timed_against_belongs_to_its_notebook(tmp_path: Path) -> None:
    (tmp_path / "solutions" / "reference").mkdir(parents=True)
    master, fast = tmp_path / "solutions" / "q_a.py", tmp_path / "solutions/reference/fast.py"
    found = []
    for text in ("x = 1", "x = 2"):
        master.touch()
        fast.write_text(text)
        modules = ["solutions.reference.fast"]
        found.append([notebook_version(tmp_path, master, frozenset(), m) for m in ((), modules)])
    assert found[0][0] == found[1][0]
    assert found[0][1] != found[1][1]


def test_what_a_mistake_imports_belongs_to_its_notebook(tmp_path: Path) -> None:
    for folder in ("reference", "mistakes"):
        (tmp_path / "solutions" / folder).mkdir(parents=True)
    master = tmp_path / "solutions" / "q_a.py"
    master.touch()
    mistakes = tmp_path / "solutions" / "mistakes"
    (mistakes / "of_f.py").write_text(
        "from solutions.mistakes import shared\nfrom solutions.reference import form\n"
        "@mistake('f', 'says')\ndef wrong(): ..."
    )
    for file in (mistakes / "shared.py", tmp_path / "solutions/reference/form.py"):
        found = []
        for text in ("x = 1", "x = 2"):
            file.write_text(text)
            found.append([notebook_version(tmp_path, master, frozenset(f)) for f in ("f", "g")])
        assert found[0][0] != found[1][0], f"{file.name}: imported by a mistake in f"
        assert found[0][1] == found[1][1], f"{file.name}: of no use to a notebook of g"


@pytest.mark.parametrize(
    "line", ["from . import form", "from .form import f", "import solutions.reference.form"]
)
def test_what_a_reference_imports_by_any_of_its_names_belongs_to_its_notebook(
    tmp_path: Path, line: str
) -> None:
    folder = tmp_path / "solutions" / "reference"
    (folder / "inner").mkdir(parents=True)
    master = tmp_path / "solutions" / "q_a.py"
    master.write_text("from solutions.reference import mine, inner")
    (folder / "mine.py").write_text(line)
    (folder / "inner" / "__init__.py").write_text("from ..deep import x")
    changes = []
    for file in ("form", "deep", "other"):
        found = []
        for text in ("x = 1", "x = 2"):
            (folder / f"{file}.py").write_text(text)
            found.append(notebook_version(tmp_path, master, frozenset()))
        changes.append(found[0] != found[1])
    assert changes == [True, True, False]


@pytest.mark.parametrize(
    "line",
    [
        "import importlib\nx = importlib.import_module('y')",
        "from importlib import import_module",
        "x = __import__('y')",
        "from .... import slow",
        "def broken(",
    ],
)
def test_where_imports_cannot_be_told_every_reference_counts(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "solutions" / "reference"
    folder.mkdir(parents=True)
    master, other = tmp_path / "solutions" / "q_a.py", folder / "other.py"
    master.write_text("from solutions.reference import mine")
    (folder / "mine.py").write_text(line)
    found = []
    for text in ("x = 1", "x = 2"):
        other.write_text(text)
        found.append(notebook_version(tmp_path, master, frozenset()))
    assert found[0] != found[1]


def test_the_version_depends_on_no_cache_path_line_ending_or_secret(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tiny / "solutions" / "reference" / "__pycache__"
    cache.mkdir(exist_ok=True)  # Python may have written one already
    (cache / "tiny.pyc").write_bytes(b"compiled")
    reference = cache.parent / "tiny.py"
    reference.write_bytes(reference.read_bytes().replace(b"\n", b"\r\n"))
    monkeypatch.setenv(course.SECRET_VARIABLE, "a secret from outside")
    assert course.load(tiny).version == course.load(TINY).version


def test_a_listed_notebook_without_a_master_is_left_out(tiny: Path) -> None:
    change(tiny / course.TABLE, '["q_tiny"]', '["q_later", "q_tiny"]')
    assert [n.name for n in course.load(tiny).notebooks] == ["q_tiny"]


BROKEN_MASTERS = {
    "a question that does not end": (
        "# # END QUESTION\n\n# %% [raw]\n# # BEGIN QUESTION",
        "# # BEGIN QUESTION",
        "question q1a: add '# END QUESTION' before '# BEGIN QUESTION'",
    ),
    "a last question that does not end": (
        "# %% [raw]\n# # END SOLUTION\n\n# %% [raw]\n# # END QUESTION\n",
        "# %% [raw]\n# # END SOLUTION\n",
        "question q1b_1: add '# END QUESTION'",
    ),
    "two questions of one name": ("name: q1b_1", "name: q1a", "question q1a: another question"),
    "a question without a name": ("# name: q1a\n", "", "Question name not specified"),
    "a question with an odd name": ("name: q1a", "name: mean square", "name it like q2a"),
    "a question with an unknown key": ("points: 3", "ponts: 3", "ponts"),
    "a question with a misspelt key": (
        "points: 3",
        "pionts: 3",
        "line 28: a question's config cannot be used: Unexpected key found in config: 'pionts'; "
        "is 'points' meant?",
    ),
    "a visible cell that needs the solutions": (
        "\nimport torch\n\n# %% [raw]",
        "\nimport torch\nfrom solutions.reference import tiny\n\n# %% [raw]",
        "'from solutions.reference import tiny' stands where students see it",
    ),
    "a public test with the right choice": (
        "    same(mean_square(torch.tensor([1.0, 3.0])), 5.0, rtol=1e-6, show=True)\n",
        "    choice(mean_square, 'a mean', ('a mean', 'a sum'))\n",
        "question q1a: the public test 'two numbers' holds the right choice, 'a mean'",
    ),
    "a public test with the right choices": (
        "    same(mean_square(torch.tensor([1.0, 3.0])), 5.0, rtol=1e-6, show=True)\n",
        "    checks.choices(mean_square, expected=['a'], options='ab')\n",
        "holds the right choice, ['a']",
    ),
    "a test without points": ("points: 2\nhidden", "hidden", "'points:' the test 'right for any"),
    "a test with points in words": ("points: 2\nhidden", "points: two\nhidden", "'points:'"),
    "a test without a name": ("name: two numbers\n", "", "question q1a: add a 'name:'"),
    "a test with an unknown key": ("hidden: true", "hiden: true", "has the key 'hiden'"),
    "a test whose config does not end": ("END TEST CONFIG", "END", "begin with a config"),
    "points that do not add up": ("points: 3", "points: 4", "it gives 4 points, and its tests 3"),
    "a written question without points": ("\n# points: 2", "", "q1b_1: say how many 'points:'"),
    "a written question with tests": ("points: 3", "manual: true\n# points: 3", "split it"),
    "a question without tests": ("manual: true\n# ", "", "q1b_1: it has no tests"),
    "a public test that needs the solutions": (
        "hidden: true",
        "hidden: false",
        "the public test 'right for any shape' imports solutions",
    ),
    "two tests of one function": ("test_any_shape", "test_two_numbers", "name them apart"),
    "two tests of one name": ("name: right for any shape", "name: two numbers", "name them apart"),
    "a test that is no function": ("def test_two_numbers(mean_square):", "if True:", "function"),
    "a solution that does not end": (
        "# END SOLUTION",
        "# END OF SOLUTION",
        "question q1a: '# END OF SOLUTION' is no marker",
    ),
    "a solution that does not begin": ("    # BEGIN SOLUTION\n", "", "without '# BEGIN SOLUTION'"),
    "a solution with no marker at all": (
        "    # BEGIN SOLUTION\n    flattened = x.reshape(-1)\n"
        "    return torch.dot(flattened, flattened) / flattened.numel()\n    # END SOLUTION\n",
        "    return (x**2).mean()\n",
        "the solution cell 'def mean_square(x):' marks no line as a solution",
    ),
    "an empty solution": (
        "    flattened = x.reshape(-1)\n"
        "    return torch.dot(flattened, flattened) / flattened.numel()\n",
        "",
        "nothing stands between",
    ),
    "a block that Otter does not know": ("# # BEGIN TESTS", "# # BEGIN TEST", "raw cell"),
    "a block that ends twice": (
        "# # BEGIN TESTS",
        "# # END TESTS",
        "'# END TESTS' comes before '# END QUESTION'",
    ),
    "a heading of another part": ("## 1a ·", "## 2a ·", "heading says 2a, and its name says 1a"),
    "tests in Otter's other format": ("ok_format: false", "ok_format: true", "ok_format: false"),
    "an unknown key in Otter's config": ("export_cell", "exprot_cell", "exprot_cell"),
    "a test that is no Python": (
        "def test_two_numbers(mean_square):",
        "def test_two_numbers(mean_square)",
        "question q1a: a test is no Python: expected ':', at 'def test_two_numbers(mean_square)'",
    ),
    "a config that is no YAML": ("name: two numbers", "name: two: numbers", "is not valid YAML"),
    "another notebook's name": ("export_cell", "name: q_big\n# export_cell", "is to be q_tiny"),
}


@pytest.mark.parametrize("broken", BROKEN_MASTERS)
def test_a_broken_master_is_named_with_what_to_do(tiny: Path, broken: str) -> None:
    old, new, message = BROKEN_MASTERS[broken]
    change(tiny / "solutions" / "q_tiny.py", old, new)
    with pytest.raises(CourseError, match=re.escape(message)) as raised:
        course.load(tiny)
    assert "q_tiny.py" in str(raised.value)


def test_a_file_that_is_no_notebook_is_said_to_be_none(tiny: Path) -> None:
    (tiny / "solutions" / "q_tiny.py").write_text("print('hello')\n")
    with pytest.raises(CourseError, match="it is not a jupytext py:percent file"):
        course.load(tiny)


BROKEN_TABLES = {
    "an unknown key": ('tell_cause = "always"', 'tell_casue = "always"', "is 'tell_cause' meant"),
    "an unknown limit": ("cell_seconds", "cell_secnds", r"\[limits\] 'cell_secnds' is not a key"),
    "a limit that is none": ("cell_seconds = 5", "cell_seconds = 0", "number above 0"),
    "a limit without end": ("cell_seconds = 5", "question_seconds = inf", "finite number above 0"),
    "a limit of no size": ("cell_seconds = 5", "question_seconds = nan", "finite number above 0"),
    "a limit below zero": ("cell_seconds = 5", "question_seconds = -1", "finite number above 0"),
    "a limit in quotes": ("cell_seconds = 5", 'cell_seconds = "5"', "finite number above 0"),
    "text without quotes": ('title = "A very small homework"', "title = 8", "text in quotes"),
    "a value for a table": (
        "[limits]\ncell_seconds = 5",
        "limits = 5",
        r"'limits' is to be a table \(\[limits\]\)",
    ),
    "one bracket above a timing": ("[limits]", "[timing]\n[limits]", r"each below \[\[timing\]\]"),
    "a missing key": ('title = "A very small homework"\n', "", "the key 'title' is missing"),
    "a value of another kind": (
        '["q_tiny"]',
        '"q_tiny"',
        r"'notebooks' is to be a list \[\.\.\.\]",
    ),
    "a policy that is none": ('"always"', '"never"', "tell_cause is to be one of"),
    "a notebook listed twice": ('["q_tiny"]', '["q_tiny", "q_tiny"]', "listed twice"),
    "a secret anyone can guess": ("nobody grades with this one", "1234", "12 characters or more"),
    "a name that is a path": ('"tiny"', '"../../tiny 1/x"', "name is what files are called"),
    "a notebook with a misspelt name": (
        '["q_tiny"]',
        '["q_tinny"]',
        "'notebooks' does not list q_tiny.py: add it or correct its name there",
    ),
    "a master that is not listed": ('["q_tiny"]', '["q_a"]', "or rename the file"),
    "a reported notebook that is none": (
        "[limits]",
        '[reported]\nq_tinny = ["hours"]\n[limits]',
        r"\[reported\] 'q_tinny' is not a key; is 'q_tiny' meant",
    ),
    "a private notebook that is none": (
        "[limits]",
        'private = ["q_tinny"]\n[limits]',
        "private: 'q_tinny' is not a key; is 'q_tiny' meant",
    ),
    "reported numbers without brackets": (
        "[limits]",
        '[reported]\nq_tiny = "hours"\n[limits]',
        r"\[reported\] q_tiny is to be a list of texts in quotes",
    ),
    "no TOML": ("[limits]", "[limits", "not valid TOML"),
}


@pytest.mark.parametrize("broken", BROKEN_TABLES)
def test_a_broken_table_is_named_with_what_to_do(tiny: Path, broken: str) -> None:
    old, new, message = BROKEN_TABLES[broken]
    change(tiny / course.TABLE, old, new)
    with pytest.raises(CourseError, match=message) as raised:
        course.load(tiny)
    assert "course.toml" in str(raised.value)


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        ({}, "1a and the 1a of"),
        ({"q1a": "q1", "q1b_1": "q2_1"}, "1 and the 1a of"),
        ({"q1a": "q11", "q1b_1": "q2_1"}, ""),
    ],
)
def test_a_part_that_could_be_another_notebooks_is_refused(
    tiny: Path, names: dict[str, str], shared: str
) -> None:
    text = (tiny / "solutions" / "q_tiny.py").read_text("utf-8")
    for old, new in {**names, "## 1a · ": "## ", "## 1b · ": "## "}.items():
        assert old in text
        text = text.replace(old, new)
    (tiny / "solutions" / "q_second.py").write_text(text, "utf-8")
    change(tiny / course.TABLE, '["q_tiny"]', '["q_tiny", "q_second"]')
    if shared:
        with pytest.raises(CourseError, match=f"{shared} q_(tiny|second) could be taken"):
            course.load(tiny)
    else:
        assert len(course.load(tiny).notebooks) == 2


def test_a_homework_without_any_master_is_said_to_have_none(tiny: Path) -> None:
    (tiny / "solutions" / "q_tiny.py").unlink()
    with pytest.raises(CourseError, match="none of its notebooks has a master"):
        course.load(tiny)


def test_no_part_of_the_homework_is_a_bare_number(homework: course.Course) -> None:
    parts = [q.part for notebook in homework.notebooks for q in notebook.questions]
    assert [part for part in parts if part.isdigit()] == []


def test_a_folder_that_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"is .* the folder of a bundle\?"):
        course.load(tmp_path)
    (tmp_path / "solutions").touch()
    with pytest.raises(CourseError, match=r"is .* the folder of a bundle\?"):
        course.load(tmp_path)
