"""The grader on less capable machines: in a container without namespaces, as an ordinary user, and
where no sandbox can be had."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from autograder import course as courses
from autograder.sandbox.levels import probe
from autograder.work import Machine

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = Path(sys.executable).with_name("autograder")
NEIGHBOUR = ROOT / "data" / "submissions" / "eli_bias_forgotten.ipynb"
pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root can take rights away for good")


def on(machine: str, *command: object, seconds: float = 500) -> subprocess.CompletedProcess[str]:
    """Run a command on such a machine (see tests/confined.py)."""
    return subprocess.run(
        [sys.executable, "-m", "tests.confined", machine, *map(str, command)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "HOME": "/tmp", "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def suite(machine: str, *arguments: str, seconds: float = 500) -> str:
    """Run a part of the tests there: the last line, which counts them. It has to pass."""
    options = ["-q", "-p", "no:cacheprovider", "--no-header", "--tb=short", "-o", "addopts="]
    options += ["--import-mode=importlib", "--strict-markers"]
    done = on(machine, sys.executable, "-m", "pytest", *options, *arguments, seconds=seconds)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return done.stdout.strip().splitlines()[-1]


def passed(line: str) -> int:
    found = re.search(r"(\d+) passed", line)
    assert found is not None, line
    return int(found[1])


needs_landlock = pytest.mark.skipif(
    "no Landlock" in probe("landlock").problem, reason="this kernel has no Landlock"
)


@needs_landlock
def test_in_a_container_a_submission_is_graded_at_landlock(tmp_path):
    done = on("container", SCRIPT, "grade", NEIGHBOUR, "--out", tmp_path / "grades")
    assert done.returncode == 0, done.stderr
    assert '"landlock"' in (tmp_path / "grades" / "grades.csv").read_text()


@needs_landlock
def test_an_ordinary_user_without_namespaces_has_landlock():
    line = suite("landlock", "tests/test_sandbox.py", "-k", "landlock or namespaces")
    assert passed(line) >= 60
    assert "skipped" in line, "it had namespaces"


@needs_landlock
def test_an_ordinary_user_without_namespaces_keeps_attacks_away():
    line = suite("landlock", "tests/test_hostile.py", "-k", f"landlock and ({' or '.join(QUICK)})")
    assert "failed" not in line, "nor any that the level's list expects"
    assert passed(line) >= len(QUICK) - 1


QUICK = ("local_servers", "leaves_a_child", "leaves_shared_memory", "looks_for_what_was_left")


def test_as_many_files_may_be_open_as_the_machine_allows():
    """Each sandbox at work takes some of them."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    try:
        with Machine(courses.load(ROOT), 1):
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_where_no_sandbox_can_be_had_grading_stops_and_says_what_to_do():
    done = on("bare", SCRIPT, "grade", NEIGHBOUR, "--out", "/tmp/never-made/grades")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    for needed in ("namespaces: ", "landlock: ", "uid: ", "--trust-input", "container as root"):
        assert needed in done.stderr


@pytest.mark.verify
@needs_landlock
def test_in_a_container_the_whole_suite_of_the_seal_passes():
    names = ("sandbox", "sandbox_sums", "session", "grading", "told")
    only = "landlock or namespaces"
    line = suite("container", *(f"tests/test_{name}.py" for name in names), "-k", only)
    assert passed(line) >= 90
    assert "skipped" in line, "namespaces were to be had in the container"


@pytest.mark.verify
@needs_landlock
def test_in_a_container_the_hostile_corpus_gains_nothing():
    line = suite("container", "tests/test_hostile.py", "-k", "landlock", seconds=3000)
    assert passed(line) >= 100


@pytest.mark.verify
@needs_landlock
def test_an_ordinary_user_without_namespaces_has_the_limits_of_landlock():
    assert passed(suite("landlock", "tests/test_sandbox_sums.py", "-k", "landlock")) >= 9


@pytest.mark.verify
@needs_landlock
def test_an_ordinary_user_without_namespaces_keeps_the_hostile_corpus_away():
    line = suite("landlock", "tests/test_hostile.py", "-k", "landlock", seconds=3000)
    assert passed(line) >= 100


@pytest.mark.verify
def test_an_ordinary_user_has_sandboxes_too():
    names = ("sandbox", "sandbox_sums", "session", "told")
    line = suite("nobody", *(f"tests/test_{name}.py" for name in names), "-k", "not uid")
    assert passed(line) >= 90
