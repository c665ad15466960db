"""A release: the same to the byte every time, complete, and with nothing in it that is hidden."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from autograder import archives, course, leaks, masters, release
from autograder.bundle_files import files_below
from autograder.leaks import Secret
from autograder.notebook import CourseError
from autograder.release import Release

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"
TOKEN = re.compile(rb"token[0-9a-f]{24}")
OUTSIDE = "a secret from outside"
Change = Callable[[str, str, str], None]


def copy_bundle(source: Path, to: Path) -> Path:
    """The parts of a bundle that a release is made from."""
    for part in ("solutions", "notebooks/labkit", "data"):
        if (source / part).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "submissions")
            shutil.copytree(source / part, to / part, ignore=ignore)
    return to


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release of the tiny bundle, with its solved notebook run."""
    folder = copy_bundle(TINY, tmp_path_factory.mktemp("released"))
    shutil.copytree(ROOT / "notebooks" / "labkit", folder / "notebooks" / "labkit")
    (folder / "data" / "submissions").mkdir(parents=True)
    (folder / "data" / "table.csv").write_text("a,b\n1,2\n")
    (folder / "data" / "submissions" / "somebody.py").write_text("answer = 1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(course.SECRET_VARIABLE, OUTSIDE)
        return release.assign(course.load(folder), folder / "dist", run=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return copy_bundle(TINY, tmp_path / "tiny")


@pytest.fixture
def change(tiny: Path) -> Change:
    """Replace one text by another in a file of the tiny bundle."""

    def replace(file: str, old: str, new: str) -> None:
        text = (tiny / file).read_text("utf-8")
        assert old in text, f"{file} no longer holds {old!r}"
        (tiny / file).write_text(text.replace(old, new, 1), "utf-8")

    return replace


def files_in(path: Path) -> dict[str, bytes]:
    return archives.unzipped(path.read_bytes())


def everything_in(path: Path) -> bytes:
    """A file's content; of a zip, all its files'."""
    return b"\n".join(files_in(path).values()) if path.suffix == ".zip" else path.read_bytes()


def test_notebooks_are_what_the_masters_give(tmp_path: Path) -> None:
    bundle = copy_bundle(ROOT, tmp_path)
    made = release.assign(course.load(bundle), tmp_path / "dist").notebooks
    committed = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
    assert committed == sorted(path.name for path in made), "run `make assign`, commit notebooks/"
    for path in made:
        same = path.read_bytes() == (ROOT / "notebooks" / path.name).read_bytes()
        assert same, f"notebooks/{path.name} is not its master's: run `make assign` and commit it"


def test_the_same_bundle_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        release.assign(course.load(copy_bundle(TINY, tmp_path / name)), tmp_path / name / "dist")
        for name in ("first", "second")
    )
    for one, other in zip(first.files, second.files, strict=True):
        assert one.read_bytes() == other.read_bytes(), f"{one.name} differs from one to the next"


def test_the_student_zip_holds_what_a_student_needs(released: Release) -> None:
    files = set(files_in(released.student))
    assert {name for name in files if not name.startswith("labkit/")} == {
        "README.md",
        "AGENTS.md",
        "environment.yml",
        "requirements.txt",
        "q_tiny.ipynb",
        "problems/q_tiny.md",
        "data/table.csv",
    }


def test_of_labkit_students_get_what_their_notebooks_import_and_all_that_this_imports(
    released: Release, tmp_path: Path
) -> None:
    with zipfile.ZipFile(released.student) as archive:
        archive.extractall(tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path / "labkit")}
    assert found >= {"labkit/__init__.py", "labkit/checks.py", "labkit/grader.py"}
    assert not found & {"labkit/ssm.py", "labkit/referee/__init__.py"}, "another homework's"
    modules = sorted(name.removesuffix(".py").replace("/", ".") for name in found)
    imports = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import {', '.join(modules)}"
    code = imports.replace(".__init__", "") + "; print(labkit.__file__)"
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False
    )
    assert ran.stdout.startswith(str(tmp_path)), ran.stderr


def test_without_one_of_its_own_the_environment_is_called_after_the_homework(
    released: Release,
) -> None:
    files = files_in(released.student)
    assert yaml.safe_load(files["environment.yml"])["name"] == "tiny"
    assert b"conda activate tiny" in files["README.md"]


@pytest.mark.parametrize(
    "text", ["name: x\ndependencies:\n- python\n", "dependencies:\n- pip:\n  - torch\n", "", "a: [",
             "name: x\ndependencies:\n- pip:\n"]
)  # fmt: skip
def test_an_environment_that_cannot_be_handed_out_is_named_with_what_to_do(
    tiny: Path, text: str
) -> None:
    (tiny / "environment.yml").write_text(text)
    with pytest.raises(CourseError, match=r"environment\.yml: it is to have a name, and one list"):
        release.assign(course.load(tiny), tiny / "dist")
    assert not (tiny / "dist").exists()


def test_the_gradescope_zip_holds_the_engine_and_the_bundle(released: Release) -> None:
    whole = next(path for path in released.gradescope if path.name == "tiny-autograder.zip")
    engine = {p.relative_to(ROOT).as_posix() for p in files_below(ROOT / "autograder")}
    labkit = {p.relative_to(ROOT).as_posix() for p in files_below(ROOT / "notebooks" / "labkit")}
    assert set(files_in(whole)) == engine | labkit | {
        "setup.sh",
        "run_autograder",
        "pyproject.toml",
        "constraints.txt",
        "README.md",
        "LICENSE",
        "data/table.csv",
        "solutions/course.toml",
        "solutions/secret",
        "solutions/q_tiny.py",
        "solutions/reference/__init__.py",
        "solutions/reference/tiny.py",
    }


def test_what_otter_warns_of_names_the_master(tiny: Path, caplog: pytest.LogCaptureFixture) -> None:
    master = tiny / "solutions" / "q_tiny.py"
    text = master.read_text("utf-8")
    master.write_text(text[: text.index("# %% [raw]\n# # BEGIN QUESTION")], "utf-8")
    release.assign(course.load(tiny), tiny / "dist")
    assert f"{master}: No autograded tests were found" in caplog.text


def test_gradescopes_scripts_can_be_run(released: Release, tmp_path: Path) -> None:
    for path in released.gradescope:
        with zipfile.ZipFile(path) as archive:
            for name in ("setup.sh", "run_autograder"):
                mode = archive.getinfo(name).external_attr >> 16
                assert mode & 0o777 == 0o755, f"{name} of {path.name} cannot be executed"
                archive.extract(name, tmp_path)
                subprocess.run(["bash", "-n", tmp_path / name], check=True)


def test_a_release_grades_with_the_secret_it_was_made_with(
    released: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(course.SECRET_VARIABLE, raising=False)
    here = course.load(released.student.parents[2])
    for name, content in files_in(released.gradescope[0]).items():
        archives.write(tmp_path / name, content)
    there = course.load(tmp_path)
    assert there.version == here.version
    assert there.seed != here.seed, "the release was made with a secret from the environment"
    monkeypatch.setenv(course.SECRET_VARIABLE, OUTSIDE)
    assert there.seed == course.load(released.student.parents[2]).seed


def test_the_otter_zip_is_otters_own_with_the_plugin_and_the_bundle(released: Release) -> None:
    made = files_in(next(p for p in released.gradescope if p.name == "q_tiny-autograder.zip"))
    whole = files_in(next(p for p in released.gradescope if p.name == "tiny-autograder.zip"))
    (test_file,) = (made.pop(name) for name in list(made) if name.startswith("tests/"))
    tiny = course.load(TINY)
    assert test_file.decode() == tiny.notebooks[0].test_files["q1a"]
    assert json.loads(made.pop("otter_config.json"))["plugins"] == [
        {"autograder.otter_plugin.SealedGrading": {"notebook": "q_tiny", "bundle": "bundle.zip"}}
    ]
    carried = archives.unzipped(made.pop("files/bundle.zip"))
    assert carried == {n: c for n, c in whole.items() if n not in ("setup.sh", "run_autograder")}
    environment = yaml.safe_load(made.pop("environment.yml"))
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert "otter-grader==7.0.0" in pip
    assert "/autograder/source/files/bundle.zip" in pip
    assert sorted(made) == ["run_autograder", "run_otter.py", "setup.sh"]


def test_no_token_is_left_in_anything_handed_out(released: Release) -> None:
    for path in released.files:
        assert not TOKEN.search(everything_in(path)), f"{path} carries a token"


def test_students_get_no_solution_no_hidden_test_and_no_secret(released: Release) -> None:
    tiny = course.load(released.student.parents[2])
    seen = everything_in(released.student) + b"".join(p.read_bytes() for p in released.notebooks)
    for hidden in ("secret_input", "flattened", "squares_in_float64", "opposite sign", OUTSIDE):
        assert hidden.encode() not in seen
    assert tiny.seed.encode() not in seen
    assert b"1.0, 3.0" in seen, "the public test is to be there"


def test_the_solved_notebook_ran_and_its_page_shows_it(released: Release) -> None:
    (page,) = released.pages
    text = page.read_text("utf-8")
    assert "1a: all 2 checks passed" in text
    assert "flattened" in text
    assert "Entries of opposite sign" in text
    solved = nbformat.read(released.instructor[0], as_version=4)
    assert all(not cell.get("outputs") for cell in solved.cells)


def test_a_student_unpacks_the_zip_and_runs_the_notebook_unanswered(
    released: Release, tmp_path: Path
) -> None:
    with zipfile.ZipFile(released.student) as archive:
        archive.extractall(tmp_path)
    notebook = nbformat.read(tmp_path / "q_tiny.ipynb", as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute(stderr=subprocess.DEVNULL)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert 'grader = Grader("q_tiny")' in sources[0], "right before the set-up cell"
    assert notebook.cells[0].cell_type == "markdown", "and after what the notebook is for"
    (check,) = (c for c in notebook.cells if c.source == 'grader.check("q1a")')
    assert "1a: not answered yet" in check.outputs[0]["data"]["text/plain"]
    said = notebook.cells[-1].outputs[0]["text"]
    assert said.startswith("tiny-submission.zip is written, with 1 of 1 notebooks.")
    assert "q_tiny: nothing is answered yet" in said
    assert list(files_in(tmp_path / "tiny-submission.zip")) == ["q_tiny.ipynb"]


LEAKS = {
    "a solution outside a solution block": (
        "solutions/q_tiny.py",
        "# %%\nimport torch\n",
        "# %%\nimport torch\n# BEGIN SOLUTION\nfast = torch.square\n# END SOLUTION\n",
        ["q_tiny.ipynb shows the solution of q_tiny.py"],
    ),
    "a reference line in the prose": (
        "solutions/q_tiny.py",
        "# (3 points.) For",
        "# Like `squares_in_float64.sum()\n#   / x.numel()`. For",
        ["q_tiny.ipynb shows solutions/reference/tiny.py, line 11", "squares_in_float64"],
    ),
    "a solution's line in a docstring": (
        "solutions/q_tiny.py",
        "    >>> mean_square(",
        "    return torch.dot(flattened,  flattened) / flattened.numel()\n    >>> mean_square(",
        ["the solution of q_tiny.py, question q1a", "torch.dot(flattened"],
    ),
    "a hidden test's line in the prose": (
        "solutions/q_tiny.py",
        "# (3 points.) For",
        "# We try `for shape in ((1,), (7,), (2, 3, 4)):` and more. For",
        ["the hidden test 'right for any shape' of q_tiny.py, question q1a"],
    ),
    "a rubric in the question": (
        "solutions/q_tiny.py",
        "# (2 points.) In one",
        "# Rubric: one point for naming the cancellation, one for naming what the squares"
        " measure.\n# In one",
        ["the written solution of q_tiny.py, question q1b_1", "Rubric: one point"],
    ),
    "the secret in a title": (
        "solutions/course.toml",
        'title = "A very small homework"',
        'title = "nobody grades with this one"',
        ["README.md shows the course's secret"],
    ),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_leak_is_named_and_nothing_is_written(tiny: Path, change: Change, leak: str) -> None:
    file, old, new, messages = LEAKS[leak]
    change(file, old, new)
    with pytest.raises(CourseError, match="students would see what is hidden") as raised:
        release.assign(course.load(tiny), tiny / "dist")
    for message in messages:
        assert message in str(raised.value)
    assert not (tiny / "dist").exists()
    assert not (tiny / "notebooks").exists()


def test_a_solved_notebook_left_among_the_students_is_a_leak(released: Release, tiny: Path) -> None:
    (tiny / "notebooks").mkdir()
    shutil.copy(released.instructor[0], tiny / "notebooks" / "q_tiny-solved.ipynb")
    with pytest.raises(CourseError, match=r"q_tiny-solved\.ipynb shows the solution"):
        release.assign(course.load(tiny), tiny / "dist")


def test_a_token_is_found_where_no_line_of_a_block_is_long_enough(tiny: Path) -> None:
    master = masters.read(tiny / "solutions" / "q_tiny.py")
    marked, tokens = leaks.with_tokens(master, "key")
    origins = [token.origin for token in tokens]
    assert origins == [
        "the hidden test 'right for any shape' of q_tiny.py, question q1a",
        "the solution of q_tiny.py, question q1a",
        "the written solution of q_tiny.py, question q1b_1",
    ]
    whole = "\n".join(cell.source for cell in marked.cells).encode()
    found = leaks.find({"everything": whole}, tokens)
    assert [leak.secret.origin for leak in found] == origins


def test_every_hidden_block_of_the_homework_carries_a_token_through_otter() -> None:
    from autograder import otter_build

    for notebook in course.load(ROOT).notebooks:
        marked, tokens = leaks.with_tokens(masters.read(notebook.master), "key")
        solved = otter_build.build(marked.name, marked.content, marked.file).solved
        found = leaks.find({"solved.ipynb": otter_build.to_bytes(solved)}, tokens)
        assert [leak.secret for leak in found] == tokens


def test_a_secret_is_found_however_it_is_broken_or_escaped() -> None:
    secret = Secret("h = h @ W.T + x_t @ U.T + b", "a solution")
    escaped = json.dumps({"source": ["h = h @ W.T\n", "\t+ x_t @ U.T + b"]})
    escaped = escaped.replace("@", "\\u0040")
    visible = {
        "broken.md": b"so h = h @ W.T\n    + x_t @ U.T\r\n + b.",
        "escaped.ipynb": escaped.encode(),
        "other.py": b"h = x_t @ U.T + b + h @ W.T",
    }
    assert [leak.file for leak in leaks.find(visible, [secret])] == ["broken.md", "escaped.ipynb"]


def test_a_line_that_stands_in_public_is_no_secret(tiny: Path, change: Change) -> None:
    change(
        "solutions/q_tiny.py",
        "# (3 points.) For",
        "# Hint: begin with `flattened = x.reshape(-1)  # (n,)`. For",
    )
    change("solutions/q_tiny.py", "x.reshape(-1)\n    ret", "x.reshape(-1)  # (n,)\n    ret")
    with pytest.raises(CourseError, match=re.escape("flattened = x.reshape(-1)")):
        release.assign(course.load(tiny), tiny / "dist")
    line = "flattened = x.reshape(-1)  # (n,)"
    change("solutions/course.toml", "[limits]", f'public_lines = ["{line}"]\n\n[limits]')
    assert release.assign(course.load(tiny), tiny / "dist").student.is_file()


def test_a_zip_depends_on_its_files_alone() -> None:
    one = archives.zipped({"b": b"2", "a": b"1"}, executable=["b"])
    assert one == archives.zipped({"a": b"1", "b": b"2"}, executable=["b"])
    with zipfile.ZipFile(io.BytesIO(one)) as archive:
        assert [entry.filename for entry in archive.infolist()] == ["a", "b"]
        assert {entry.date_time for entry in archive.infolist()} == {(2026, 1, 1, 0, 0, 0)}
    assert archives.unzipped(one) == {"a": b"1", "b": b"2"}


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    archives.write(tmp_path / "deep" / "file", b"first")
    archives.write(tmp_path / "deep" / "file", b"second")
    assert (tmp_path / "deep" / "file").read_bytes() == b"second"
    with pytest.raises(IsADirectoryError):
        archives.write(tmp_path / "deep", b"no file can be put where a folder is")
    assert [path.name for path in tmp_path.rglob("*")] == ["deep", "file"]


def test_a_solved_notebook_that_fails_its_own_test_is_named(tiny: Path, change: Change) -> None:
    change("solutions/q_tiny.py", "/ flattened.numel()", "/ (flattened.numel() + 1)")
    with pytest.raises(CourseError, match=r'the solved q_tiny fails at grader.check\("q1a"\)'):
        release.assign(course.load(tiny), tiny / "dist", run=True)


def test_students_get_the_versions_that_were_tested() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    (pip,) = (d["pip"] for d in environment["dependencies"] if isinstance(d, dict))
    assert "python=3.11" in environment["dependencies"]
    assert pip == sorted(pip)
    constraints = (ROOT / "constraints.txt").read_text("utf-8").lower().split("\n")
    assert [pin for pin in pip if pin.lower() not in constraints] == []
    depended_on = {pin.partition("==")[0] for pin in release._pins()}
    assert {pin.partition("==")[0] for pin in pip} <= depended_on


def test_students_get_all_that_their_notebooks_import() -> None:
    text = (ROOT / "environment.yml").read_text("utf-8")
    installed = set(re.findall(r"- ([\w-]+)==", text)) | {"labkit", "otter", "ipython"}
    for path in files_below(ROOT / "notebooks"):
        code = path.read_text("utf-8")
        if path.suffix == ".ipynb":
            cells = nbformat.reads(code, as_version=4).cells
            code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        found = set(re.findall(r"^\s*(?:import|from) ([A-Za-z_]\w*)", code, re.MULTILINE))
        missing = {n.lower() for n in found - sys.stdlib_module_names} - installed
        assert not missing, f"{path.name} imports {missing}, which environment.yml lacks"


def test_cells_say_that_they_need_parts_that_there_are() -> None:
    loaded = course.load(ROOT)
    parts = {question.part for notebook in loaded.notebooks for question in notebook.questions}
    for notebook in loaded.notebooks:
        for listed in re.findall(r"\bneeds\((.*?)\)", notebook.master.read_text("utf-8")):
            for named in re.findall(r'"(.*?)"', listed):
                told = named in parts or named.startswith("the ")
                assert told, f"{notebook.name} has a cell that needs {named}, and no such part"
