"""Nothing is lost: runs that are interrupted, full disks, warm processes that vanish."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import course as courses
from autograder import fleet, intake, masters, reports
from autograder.archives import write
from autograder.benches import samples
from autograder.bundle_in_use import use_bundle
from autograder.comparisons import Comparison
from autograder.fleet import Stopped, grade_class
from autograder.grading import Grader, engine_version, result_key
from autograder.jobs import Grading, Job
from autograder.work import Machine
from tests import accessibility
from tests.mixed_class import mixed_class

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"
PATIENCE = 120.0  # seconds, on a busy machine
FUNCTION = {"name": "mean", "function": "mean_square"}
COMPARISON = Comparison(
    notebook="q_tiny", part="1a", title="Twice the same", first=FUNCTION, second=FUNCTION,
    inputs="solutions.reference.tiny:inputs", oracle="solutions.reference.tiny:mean_square",
    rtol=1e-4, sizes={"rows": [8], "columns": [8]}, fixed={}, needs=["q1a"],
)  # fmt: skip


@pytest.fixture
def tiny():
    use_bundle(TINY)
    yield courses.load(TINY)
    use_bundle(ROOT)


def a_class(tiny, folder: Path, count: int) -> Path:
    """Submissions of mixed quality, none of which takes long."""
    made = samples.read(masters.read(tiny.notebooks[0].master))
    folder.mkdir()
    for name, content in mixed_class(made, count, seed=8, breaks=["raises", "no syntax", "exits"]):
        (folder / name).write_bytes(content)
    return folder


def until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} seconds until {what}"
        time.sleep(0.002)


class Runs:
    """Runs of one class into one folder, in processes that can be killed."""

    def __init__(self, folder: Path, out: Path, log: Path):
        self.out = out
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.grading_process", TINY, folder, out],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log.open("w"), text=True,
            cwd=ROOT,
        )  # fmt: skip

    def start(self) -> int:
        print("go", file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def end(self) -> int:
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()

    def results(self) -> dict[str, Path]:
        return {path.parent.name: path for path in self.out.glob("*/result.json")}


def children_of(pid: int) -> list[int]:
    return [int(c) for t in Path(f"/proc/{pid}/task").glob("*/children")
            for c in t.read_text().split()]  # fmt: skip


def scores(out: Path) -> dict[str, tuple[float, str]]:
    found = {}
    for path in out.glob("*/result.json"):
        result = reports.read(out, path.parent.name)
        assert result is not None, f"{path} is there, and is no result"
        found[result.submission] = (result.score, result.status)
    return found


def test_a_page_that_cannot_be_made_is_said_and_costs_nothing_else(
    tiny, tmp_path, monkeypatch, capsys
):
    submissions = intake.read([a_class(tiny, tmp_path / "class", 3)], tiny).submissions
    hard = submissions[0].id
    made = reports.feedback_page

    def page(result, *more):
        if result.submission == hard:
            raise IndexError("a mark\x1b without a formula")
        return made(result, *more)

    monkeypatch.setattr(reports, "feedback_page", page)
    graded = grade_class(tiny, submissions, tmp_path / "out", timing=False)
    said = capsys.readouterr().err
    assert f"no page for {hard}, graded as ever: IndexError: a mark\ufffd without" in said
    rows = list(csv.DictReader((tmp_path / "out" / "grades.csv").open(encoding="utf-8-sig")))
    assert [row["submission"] for row in rows] == [s.id for s in submissions]
    assert (tmp_path / "out" / "report.html").is_file()
    for result in graded.results:
        assert reports.read(tmp_path / "out", result.submission) is not None
        assert reports.score_shown(tmp_path / "out", result.submission) == result.score
        shown = (tmp_path / "out" / result.submission / "feedback.html").read_text("utf-8")
        assert ("could not be made" in shown) == (result.submission == hard)
        assert accessibility.of_page(shown) == []


@pytest.mark.parametrize(
    ("interruptions", "size"), [(2, 8), pytest.param(20, 40, marks=pytest.mark.verify)]
)
def test_a_class_that_is_interrupted_at_random_ends_complete_and_correct(
    tiny, tmp_path, interruptions, size
):
    folder = a_class(tiny, tmp_path / "class", size)
    draw = random.Random(size)
    runs = Runs(folder, tmp_path / "out", tmp_path / "log")
    places: dict[str, int] = {}
    for number in range(interruptions):
        pid = runs.start()
        wanted = min(len(places) + draw.choice((0, 1, 1, 2, 3)), size - 1)
        until(
            lambda wanted=wanted, pid=pid: len(runs.results()) >= wanted and children_of(pid),
            f"{wanted} results are written",
        )
        warm = children_of(pid)
        time.sleep(draw.random() / 20)
        sign = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)[number % 3]
        os.kill(pid, sign)
        assert runs.end() in (-signal.SIGKILL, 1, 0)
        until(lambda warm=warm: not any(map(alive, warm)), "the warm process has ended")
        for name, path in runs.results().items():
            inode = places.setdefault(name, path.stat().st_ino)
            assert path.stat().st_ino == inode, f"{name} was graded again"
        scores(runs.out)
        for path in runs.out.glob("*/results.json"):
            json.loads(path.read_text())
    runs.start()
    assert runs.end() == 0, (tmp_path / "log").read_text()
    runs.close()
    assert all(runs.results()[name].stat().st_ino == inode for name, inode in places.items())
    assert not list(runs.out.rglob("*.part")), "left by a run that was killed"
    whole = tmp_path / "whole"
    grade_class(tiny, intake.read([folder], tiny).submissions, whole, jobs=2)
    assert len(scores(whole)) == size
    assert scores(runs.out) == scores(whole)
    assert table(runs.out) == table(whole)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def table(out: Path) -> list[dict[str, str]]:
    """The rows of grades.csv, without the seconds."""
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def test_ctrl_c_says_what_is_kept_and_what_to_do(tiny, tmp_path, capsys, monkeypatch):
    folder = a_class(tiny, tmp_path / "class", 4)
    kept = reports.keep

    def interrupted(result, out):
        kept(result, out)
        raise KeyboardInterrupt

    monkeypatch.setattr(reports, "keep", interrupted)
    with pytest.raises(Stopped, match=r"stopped\. 1 of 4 submissions .* grades the rest"):
        grade_class(tiny, intake.read([folder], tiny).submissions, tmp_path / "out", jobs=2)
    assert len(scores(tmp_path / "out")) == 1


def test_ctrl_c_while_the_class_is_timed_leaves_its_table_and_its_report(
    tiny, tmp_path, capsys, monkeypatch
):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fleet, "time_class", interrupted)
    folder, out = a_class(tiny, tmp_path / "class", 2), tmp_path / "out"
    with pytest.raises(Stopped, match=r"stopped\. 2 of 2 submissions"):
        grade_class(tiny, intake.read([folder], tiny).submissions, out)
    assert len(table(out)) == 2
    assert (out / "report.html").is_file()


@pytest.fixture
def small_disk(tmp_path):
    """A disk that is full after some results; skipped where nobody may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = ["mount", "-t", "tmpfs", "-o", "size=120k", "none", str(place)]
    if os.getuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_stops_the_run_and_what_was_graded_is_whole(tiny, tmp_path, small_disk):
    submissions = intake.read([a_class(tiny, tmp_path / "class", 12)], tiny).submissions
    with pytest.raises(Stopped, match=r"No space left on device\): make room\. \d+ of 12 "):
        grade_class(tiny, submissions, small_disk / "out")
    there = scores(small_disk / "out")
    assert 0 < len(there) < 12
    assert not list(small_disk.rglob("*.part"))
    subprocess.run(["mount", "-o", "remount,size=9m", str(small_disk)], check=True)
    summary = grade_class(tiny, submissions, small_disk / "out")
    assert len(summary.results) == 12
    assert there.items() <= scores(small_disk / "out").items()


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device", "/tmp/x"),
     shutil.Error([("labkit", "/tmp/x", "[Errno 28] No space left on device")])],
)  # fmt: skip
def test_a_full_disk_beside_the_grades_is_not_said_to_be_theirs(tiny, tmp_path, monkeypatch, error):
    def full(*args):
        raise error

    monkeypatch.setattr(Machine, "warm", full)
    submissions = intake.read([a_class(tiny, tmp_path / "class", 2)], tiny).submissions
    with pytest.raises(Stopped, match=r"No space left on device.*0 of 2 ") as stopped:
        grade_class(tiny, submissions, tmp_path / "out")
    assert tempfile.gettempdir() in str(stopped.value), "nobody knows where to make room"
    assert f"{tmp_path / 'out'} cannot be written" not in str(stopped.value)


def test_ctrl_c_while_timing_leaves_the_class_s_table_and_report(tiny, tmp_path, monkeypatch):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(fleet, "time_class", interrupted)
    submissions = intake.read([a_class(tiny, tmp_path / "class", 2)], tiny).submissions
    out = tmp_path / "out"
    with pytest.raises(Stopped, match=r"2 of 2 submissions .* again does the rest"):
        grade_class(replace(tiny, comparisons=(COMPARISON,)), submissions, out)
    assert (out / "report.html").is_file(), "all is graded, and there is no report"
    assert len(table(out)) == 2


def grading(tiny) -> Grading:
    names = tuple(n.name for n in tiny.notebooks)
    return Grading(tiny.seed, names, tiny.version, engine_version())


def test_a_warm_process_that_vanishes_is_started_anew(tiny, tmp_path):
    submissions = intake.read([a_class(tiny, tmp_path / "class", 2)], tiny).submissions
    jobs = [Job(s.id, "grade", grading(tiny), s) for s in submissions]
    with Machine(tiny, 1) as machine:
        first = machine.do(jobs[0])
        (pool,) = machine._pools.values()
        os.kill(pool.process_id, signal.SIGKILL)
        pool._process.wait()
        again, second = machine.do(jobs[0]), machine.do(jobs[1])
    assert [o.error for o in (first, again, second)] == ["", "", ""]
    assert again.result.score == first.result.score


def test_what_a_change_affects_is_graded_again_and_nothing_else(tiny, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    table = bundle / "solutions" / "course.toml"
    (submission,) = intake.read([a_class(tiny, tmp_path / "class", 1)], tiny).submissions

    def key():
        course = courses.load(bundle)
        return course.notebooks[0].version, result_key(course, submission)

    version, before = key()
    table.write_text(table.read_text().replace("A very small homework", "Another title"))
    assert key()[0] == version, "a title decides no notebook's score"
    reference = bundle / "solutions" / "reference" / "tiny.py"
    reference.write_text(reference.read_text() + "\n# corrected\n")
    assert key()[0] != version
    other = replace(tiny, limits=replace(tiny.limits, cell_seconds=1.0))
    assert result_key(other, submission) != result_key(tiny, submission)
    assert before


def test_a_result_from_a_weaker_sandbox_than_required_is_graded_again(tiny, tmp_path):
    submissions = intake.read([a_class(tiny, tmp_path / "class", 1)], tiny).submissions
    out = tmp_path / "out"
    (result,) = grade_class(tiny, submissions, out).results
    kept = reports.read(out, result.submission)
    reports.keep(replace(kept, level="none", score=99.0), out)
    (same,) = grade_class(tiny, submissions, out).results
    (again,) = grade_class(tiny, submissions, out, required=result.level).results
    assert (same.score, again.score) == (99.0, result.score)


@pytest.mark.parametrize(
    ("level", "reported", "again"),
    [
        ("landlock", (), False),
        ("namespaces", (), True),  # its result says at which level it ran
        ("landlock", ("hours",), True),  # else the number would never appear
    ],
)
def test_of_an_earlier_result_a_notebook_is_taken_over_where_it_would_come_out_the_same(
    tiny, tmp_path, monkeypatch, level, reported, again
):
    (submission,) = intake.read([a_class(tiny, tmp_path / "class", 1)], tiny).submissions
    ran = []
    monkeypatch.setattr(Grader, "_session", lambda *_: nullcontext(ran.append("once")))
    monkeypatch.setattr(Grader, "_grade_questions", lambda *_: ([], ()))
    monkeypatch.setattr("autograder.grading._values", lambda *_: {})
    before = Grader(tiny, SimpleNamespace(level="landlock")).grade(submission)
    (notebook,) = tiny.notebooks
    course = replace(tiny, notebooks=(replace(notebook, reported=reported),))
    result = Grader(course, SimpleNamespace(level=level)).grade(submission, before)
    assert result.level == level
    assert len(ran) == 1 + again


def test_what_a_killed_run_left_half_written_is_removed(tiny, tmp_path):
    out = tmp_path / "out"
    write(out / "ada" / "result.json", b"{}")
    (out / "ada" / ".result.json.abc.part").write_bytes(b"{")
    (out / ".grades.csv.abc.part").write_bytes(b"")
    grade_class(tiny, [], out)
    assert not list(out.rglob(".*"))
    assert (out / "ada" / "result.json").is_file()
