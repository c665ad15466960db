"""The commands as a person types them: exit status, what is said, and what is written."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autograder import cli, otter_build
from autograder.bundle_in_use import use_bundle
from autograder.notebook import CourseError
from autograder.sandbox.child import SandboxError
from autograder.sandbox.levels import NoSandboxError
from tests.test_release import TINY, copy_bundle

ROOT = Path(__file__).resolve().parents[1]
CLASS = ROOT / "data" / "submissions"


def autograder(*args: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [Path(sys.executable).with_name("autograder"), *map(str, args)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["grade", "no/such/place", "--out", "OUT"], "no/such/place"),
        (["grade", "EMPTY", "--out", "OUT"], "EMPTY"),
        (["grade", CLASS, "--out", "OUT", "--only", "q_nothing"], "q_coding_ssm_forward_cpu"),
        (["grade", CLASS], "--out"),
        (["grade", CLASS, "--out", "FILE"], "FILE"),
        (["grade", CLASS, "--out", "OUT", "--bundle", "EMPTY"], "course.toml"),
        (["assign", "--bundle", "EMPTY"], "course.toml"),
        (["gradescope", "--root", "no/such/place"], "no/such/place"),
        (["grade", "EMPTY", "--out", "EMPTY/grades"], "--out EMPTY/grades lies in EMPTY"),
        (["grade", "EMPTY", "--out", "EMPTY"], "give a folder beside it"),
        (["written", ".", "--out", "grades"], "--out grades lies in ."),
    ],
)
def test_arguments_that_cannot_be_used_are_one_clear_line_and_status_2(
    tmp_path, monkeypatch, args, said
):
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "FILE").touch()
    monkeypatch.chdir(tmp_path)
    try:
        done = CliRunner().invoke(cli.main, [str(arg) for arg in args])
    finally:
        use_bundle(ROOT)
    assert done.exit_code == 2, done.output
    last = done.stderr.strip().splitlines()[-1]
    assert said in last, done.stderr
    assert done.stderr.count("\n") == 1 or "Usage" in done.stderr


def test_as_many_jobs_as_processors_that_this_process_may_use(tmp_path, monkeypatch):
    from autograder import fleet

    asked = []
    monkeypatch.setattr(fleet, "grade_class", lambda *_, **options: asked.append(options["jobs"]))
    monkeypatch.setattr("autograder.sandbox.processors.available", lambda: [1])
    file = CLASS / "kim_not_a_notebook.ipynb"
    CliRunner().invoke(cli.main, ["grade", str(file), "--out", str(tmp_path / "out")])
    assert asked == [1]


def test_a_sandbox_that_cannot_be_made_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.pool._USERS", range(64100, 64101))
    monkeypatch.setattr("os.getuid", lambda: 0)
    file = CLASS / "ada_solution.ipynb"
    done = CliRunner().invoke(cli.main, ["grade", str(file), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1, done.output
    assert "lower --jobs" in done.stderr.splitlines()[-1]


def test_where_the_solutions_cannot_be_graded_a_check_says_why_in_one_line(monkeypatch):
    def impossible(*args: object) -> None:
        raise SandboxError("the warm process did not start")

    monkeypatch.setattr("autograder.checking.Pool", impossible)
    done = invoke("check", "--bundle", TINY)
    assert done.exit_code == 2, done.exception
    assert done.stderr == "autograder: the warm process did not start\n"


def test_a_bench_without_a_sandbox_is_one_clear_line(monkeypatch):
    def impossible(*args: object) -> None:
        raise NoSandboxError("this machine offers no sandbox")

    monkeypatch.setattr("autograder.bench.run", impossible)
    done = invoke("bench", "verdicts")
    assert done.exit_code == 1, done.exception
    assert done.stderr == "autograder: this machine offers no sandbox\n"


def test_a_terminal_that_lacks_letters_is_written_to_all_the_same(tmp_path):
    source, odd = CLASS / "kim_not_a_notebook.ipynb", tmp_path / "kïm.ipynb"
    shutil.copy(source, odd)
    command = [Path(sys.executable).with_name("autograder"), "grade", odd, "--out", tmp_path / "o"]
    plain = {**os.environ, "PYTHONIOENCODING": "ascii", "MPLBACKEND": "nosuch"}
    done = subprocess.run(command, env=plain, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"k?m" in done.stdout


@pytest.fixture(scope="module")
def in_a_pipe(tmp_path_factory):
    """What grading says of one path that is missing, one that is broken and one that is good; and
    where that was."""
    folder = tmp_path_factory.mktemp("class")
    broken = folder / "broken.zip"
    broken.write_bytes(b"PK\3\4 and then nothing")
    good = CLASS / "dee_half_done.ipynb"
    return autograder("grade", "missing.ipynb", broken, good, "--out", "out", cwd=folder), folder


def test_a_bad_path_does_not_keep_the_others_from_being_graded(in_a_pipe):
    done, folder = in_a_pipe
    assert done.returncode == 2, "a path was missing"
    assert "missing.ipynb" in done.stderr
    results = {p.parent.name: json.loads(p.read_text()) for p in folder.glob("out/*/results.json")}
    assert sorted(results) == ["broken", "dee_half_done"]
    with (folder / "out" / "grades.csv").open(encoding="utf-8-sig", newline="") as table:
        rows = {row["submission"]: row for row in csv.DictReader(table)}
    assert list(rows["broken"])[:7] == (
        "submission student score possible status level seconds".split()
    )
    assert rows["broken"]["status"] == "unreadable"
    assert float(rows["dee_half_done"]["score"]) == 7
    assert (folder / "out" / "report.html").is_file()


def test_a_pipe_gets_no_progress_bar_and_no_escape_codes(in_a_pipe):
    done, _ = in_a_pipe
    assert "\x1b" not in done.stdout + done.stderr
    assert "dee_half_done" in done.stdout
    assert "report.html" in done.stdout


def test_the_doctor_says_what_each_level_lacks():
    done = autograder("doctor")
    assert done.returncode == 0
    for word in ("namespaces", "landlock", "uid", "GPU", "Processors", "GB/s"):
        assert word in done.stdout


def test_it_runs_as_a_module_too():
    command = [sys.executable, "-m", "autograder", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("autograder, version"), done.stderr


def test_help_comes_before_anything_slow():
    done = autograder("--help")
    assert "grade" in done.stdout
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, autograder.cli; print('torch' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert loaded.stdout.strip() == "False"


def gradescope_tree(root: Path, submission: Path) -> None:
    (root / "submission").mkdir(parents=True)
    (root / "results").mkdir()
    shutil.copy(submission, root / "submission")
    who = {"users": [{"name": "Dee", "email": "dee@example.org"}], "created_at": "2026-01-01"}
    (root / "submission_metadata.json").write_text(json.dumps(who))


def test_gradescope_gets_a_results_file(tmp_path):
    gradescope_tree(tmp_path, CLASS / "dee_half_done.ipynb")
    done = autograder("gradescope", "--root", tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    scores = [test["score"] for test in results["tests"] if "2a" in test["name"]]
    assert sum(scores) == 4


def test_gradescope_gets_a_results_file_even_from_an_empty_submission(tmp_path):
    (tmp_path / "submission").mkdir()
    done = autograder("gradescope", "--root", tmp_path)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert "no notebook" in results["output"]
    assert sum(test["score"] for test in results["tests"]) == 0


@pytest.mark.parametrize(
    ("error", "status"), [(CourseError("no master"), 2), (KeyError("unexpected"), 1)]
)
def test_gradescope_gets_a_results_file_even_where_the_bundle_cannot_be_read(
    tmp_path, monkeypatch, error, status
):
    def unreadable(root: Path, **_: object) -> None:
        raise error

    monkeypatch.setattr("autograder.course.load_apart", unreadable)
    done = invoke("gradescope", "--root", tmp_path)
    assert done.exit_code == status
    results = json.loads((tmp_path / "results" / "results.json").read_text())
    assert "not your code's doing" in results["output"]
    assert "score" not in results
    why = "no master" if status == 2 else "KeyError('unexpected')"
    assert results["extra_data"] == {"grader_failed": why}


def test_stock_otter_run_gives_the_same_scores(tmp_path, release):
    """Our zip under `otter run`, on a notebook that scores some points and brings a log and a
    module that would shadow torch."""
    submission = tmp_path / "eli.zip"
    with zipfile.ZipFile(submission, "w") as archive:
        archive.write(CLASS / "eli_bias_forgotten.ipynb", "eli.ipynb")
        archive.writestr("torch.py", "raise SystemExit('shadowed')")
        archive.writestr(".OTTER_LOG", b"cos\nsystem\n(S'touch pwned'\ntR.")
    name = "q_coding_ssm_forward_cpu-autograder.zip"
    otter = subprocess.run(
        [Path(sys.executable).with_name("otter"), "run", "--no-logo",
         "-a", release / "gradescope" / name, submission],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert otter.returncode == 0, otter.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    scores = {t["name"]: t["score"] for t in results["tests"] if "score" in t}
    assert scores["q2a"] == 0
    assert scores["q2b"] == 7
    assert scores["q2c"] == 3
    assert "with b left out" in json.dumps(results)
    assert not list(tmp_path.rglob("pwned"))


def test_the_command_of_a_report_begins_as_this_one_did(monkeypatch):
    program = str(Path(sys.executable).with_name("autograder"))
    for path, called, begins in (
        ("/usr/bin", program, program),
        ("/usr/bin", ".venv/bin/autograder", ".venv/bin/autograder"),
        (f"{Path(program).parent}:/usr/bin", program, "autograder"),
        ("/usr/bin", "/somewhere/pytest", "autograder"),
    ):
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr(sys, "argv", [called, "grade"])
        assert cli._again((Path("a class"),), ROOT, Path("out"), None)[:2] == [begins, "grade"]


def invoke(*args: object) -> Result:
    try:
        return CliRunner().invoke(cli.main, [str(arg) for arg in args])
    finally:
        use_bundle(ROOT)


def test_a_release_that_cannot_be_written_is_one_clear_line_and_status_2(tmp_path):
    bundle = copy_bundle(TINY, tmp_path / "bundle")
    (tmp_path / "file").touch()
    done = invoke("assign", "--bundle", bundle, "--out", tmp_path / "file" / "dist")
    assert done.exit_code == 2, "a traceback, or none"
    assert done.stderr.count("\n") == 1
    assert f"{tmp_path}/file" in done.stderr
    assert "cannot be written" in done.stderr


def test_a_master_that_cannot_be_opened_is_one_clear_line_and_status_2(tmp_path, monkeypatch):
    def exhausted(*args: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(otter_build.NotebookTransformer, "transform_notebook", exhausted)
    done = invoke("assign", "--bundle", TINY, "--out", tmp_path / "dist")
    assert done.exit_code == 2, "a traceback, or none"
    assert "Too many open files" in done.stderr
    assert "Otter cannot use this master" not in done.stderr, "the master is blamed"
