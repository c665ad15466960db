"""A fleet on this machine: scheduler and workers as docs/fleet.md starts them, in processes of
their own; and what is sent, refused and taken, without any."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder import course as courses
from autograder import intake, masters, reports, timing_jobs, work
from autograder.benches import samples
from autograder.bundle_in_use import use_bundle
from autograder.comparisons import Comparison
from autograder.fleet import grade_class
from autograder.grading import engine_version
from autograder.intake import Cell, Submission, SubmittedNotebook
from autograder.jobs import (
    FleetError,
    Grading,
    Job,
    Outcome,
    job_from_json,
    job_to_json,
    outcome_from_json,
    outcome_to_json,
)
from autograder.results import TimedSize
from autograder.stopwatch import blank
from autograder.work import Machine
from tests.mixed_class import mixed_class

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"
PATIENCE = 240.0  # seconds, on a busy machine

pytest.importorskip("distributed", reason="Dask is not installed: pip install -e '.[fleet]'")


@pytest.fixture(scope="module")
def tiny():
    use_bundle(TINY)
    yield courses.load(TINY)
    use_bundle(ROOT)


def submissions(tiny, folder: Path, count: int) -> list[Submission]:
    made = samples.read(masters.read(tiny.notebooks[0].master))
    for name, content in mixed_class(made, count, seed=9, breaks=["raises", "no syntax", "exits"]):
        (folder / name).write_bytes(content)
    return intake.read([folder], tiny).submissions


def until(condition, what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited {PATIENCE:.0f} seconds until {what}"
        time.sleep(0.02)


def grading(course) -> Grading:
    names = tuple(n.name for n in course.notebooks)
    return Grading(course.seed, names, course.version, engine_version())


# ---- What is sent, refused and taken


def test_a_job_and_its_outcome_cross_as_text(tiny, tmp_path):
    cell = Cell(1, "code", "x = '\ud800\N{SNOWMAN}'", frozenset({"b", "a"}))
    notebook = SubmittedNotebook("q_tiny", "mine.ipynb", "its name", (cell,))
    submission = Submission(
        "ada", ("Ada", "Bo"), {"q_tiny": notebook}, ("late",), False, {"source": "x"}, "0"
    )
    (handed_in,) = submissions(tiny, tmp_path, 1)
    with Machine(tiny, 1, where="here") as machine:
        outcome = machine.do(Job("j", "grade", grading(tiny), handed_in))
    assert outcome.error == ""
    assert outcome.began <= outcome.ended
    assert outcome_from_json(outcome_to_json(outcome)) == outcome
    job = Job("j", "grade", grading(tiny), submission, outcome.result, "a whole worker", True)
    assert job_from_json(job_to_json(job)) == job
    job = replace(job, kind="time", comparison=COMPARISON)
    again = job_from_json(job_to_json(job))
    assert again == job
    (graded,) = outcome.result.notebooks
    timing = replace(
        blank(COMPARISON, graded), sizes=(TimedSize({"rows": 8}, {"one": (1.0, 2.0)}),)
    )
    assert blank(again.comparison, graded).key == timing.key, "a timing is known again by its key"
    outcome = replace(outcome, timing=timing)
    assert outcome_from_json(outcome_to_json(outcome)) == outcome


def test_pictures_stay_where_they_are_needed(tiny):
    pictures = {"big.png": "data:image/png;base64," + "A" * 10_000}
    job = Job("j", "grade", grading(tiny), replace(submission_of_nothing(), pictures=pictures))
    sent = job_to_json(job)
    assert len(sent) < 2000, "no job looks at pictures, and they are sent to every worker"
    assert job_from_json(sent).submission == submission_of_nothing()


def test_a_machine_with_another_bundle_refuses(tiny):
    other = Grading(tiny.seed, ("q_tiny",), "another", engine_version())
    with Machine(tiny, 1, where="w3") as machine:
        outcome = machine.do(Job("j", "grade", other, submission_of_nothing()))
    assert "this worker (w3) has another bundle" in outcome.error
    assert outcome.result is None


def submission_of_nothing() -> Submission:
    return Submission("nobody", (), {}, (), True, {}, "")


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.7:8786", "192.0.2.7:8786", "ws://192.0.2.7", "tcp://[2001:db8::1]:1"]
)
def test_an_open_network_without_tls_is_refused(address):
    from autograder.dask_fleet import refuse_open_networks

    with pytest.raises(FleetError, match="not encrypted"):
        refuse_open_networks([address])


def test_loopback_and_tls_are_not_refused():
    from autograder.dask_fleet import refuse_open_networks

    refuse_open_networks(["127.0.0.1:8786", "tcp://[::1]:1", "localhost:1", "tls://192.0.2.7:8786"])


def test_without_a_scheduler_there_is_one_clear_line(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("autograder.dask_fleet._CONNECT_SECONDS", 1.0)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        handed_in = submissions(tiny, tmp_path, 1)
        with pytest.raises(FleetError, match=f"no scheduler answers at {address}"):
            grade_class(tiny, handed_in, tmp_path / "out", scheduler=address)


@pytest.mark.parametrize(
    ("address", "settings", "says"),
    [
        ("tls://127.0.0.1:1", {}, "tls://127.0.0.1:1 wants a key and a certificate"),
        ("tls://127.0.0.1:1", {"tls.ca-file": "/no", "tls.client.cert": "/no"}, "No such file"),
        ("127.0.0.1:1", {"require-encryption": True}, "127.0.0.1:1 is not encrypted"),
    ],
)
def test_tls_settings_that_do_not_fit_are_told_at_once(address, settings, says):
    import dask

    from autograder.dask_fleet import offers_gpu

    named = {f"distributed.comm.{name}": value for name, value in settings.items()}
    with dask.config.set(named), pytest.raises(FleetError, match=says) as told:
        offers_gpu(address)
    assert "docs/fleet.md" in str(told.value)


def test_a_job_that_must_be_alone_takes_as_much_as_the_largest_worker_has_that_can_do_it(tiny):
    from autograder.dask_fleet import takes

    small, large, gpu = {"SLOT": 2.0}, {"SLOT": 4.0}, {"SLOT": 1.0, "GPU": 1.0}
    one = Job("j", "time", grading(tiny))
    alone = replace(one, needs="a whole worker")
    assert takes(one, [small]) == takes(one, [gpu]) == {"SLOT": 1}
    assert takes(alone, [small, large]) == {"SLOT": 4}
    on_gpu = replace(alone, gpu=True)
    assert takes(on_gpu, [small, large, gpu]) == {"SLOT": 1, "GPU": 1}
    assert takes(on_gpu, [large]) is None, "it waits for a worker with a GPU"
    assert takes(one, []) is None


def slowly(text: str) -> str:
    """In place of `do_job`: which worker has it."""
    from distributed import get_worker

    time.sleep(0.3)
    return outcome_to_json(Outcome(job_from_json(text).id, where=str(get_worker().name)))


def test_what_waits_for_all_of_a_worker_that_leaves_is_done_by_a_smaller_one(tiny, monkeypatch):
    from distributed import Scheduler, SpecCluster, Worker

    from autograder import dask_fleet

    monkeypatch.setattr(dask_fleet, "do_job", slowly)
    sizes = {"large": 4, "small": 2}
    workers = {
        name: {"cls": Worker, "options": {"nthreads": slots, "resources": {"SLOT": slots}}}
        for name, slots in sizes.items()
    }
    local = {"host": "127.0.0.1", "port": 0, "dashboard_address": None}
    jobs = [Job(str(i), "time", grading(tiny), needs="a whole worker") for i in range(5)]
    got: list[Outcome] = []
    with SpecCluster(workers, scheduler={"cls": Scheduler, "options": local}) as cluster:
        address = cluster.scheduler_address
        run = threading.Thread(
            target=lambda: got.extend(dask_fleet.run(address, jobs, tiny, print)), daemon=True
        )
        run.start()
        until(lambda: cluster.scheduler.tasks, "the jobs are sent")
        cluster.sync(cluster.workers["large"].close)
        run.join(30)
        assert not run.is_alive(), "the jobs wait for a worker that has left"
    assert {o.id for o in got} == {job.id for job in jobs}
    assert "small" in {o.where for o in got}


def test_a_job_is_taken_back_only_where_another_worker_could_do_it(tiny):
    from autograder.dask_fleet import _outgrown

    alone = Job("j", "time", grading(tiny), needs="a whole worker")
    small, large, gpu = {"SLOT": 2.0}, {"SLOT": 4.0}, {"SLOT": 1.0, "GPU": 1.0}
    assert _outgrown(alone, {"SLOT": 4.0}, [small])
    assert not _outgrown(alone, {"SLOT": 4.0}, [small, large])
    assert not _outgrown(alone, {"SLOT": 4.0}, []), "its worker may be about to start again"
    on_gpu = replace(alone, gpu=True)
    assert not _outgrown(on_gpu, {"SLOT": 1.0, "GPU": 1.0}, [large]), "it waits for a GPU"
    assert _outgrown(on_gpu, {"SLOT": 4.0, "GPU": 1.0}, [large, gpu])


def test_a_machine_s_job_that_must_be_alone_waits_for_the_others_and_they_for_it(tiny, monkeypatch):
    """Also where a worker offers more than when the job was sent."""

    def slow(machine, job, outcome):
        time.sleep(0.05)
        return outcome

    monkeypatch.setitem(work.KINDS, "slow", slow)
    jobs = [Job(f"{i}", "slow", grading(tiny)) for i in range(9)]
    jobs = [replace(j, needs="a whole worker") if int(j.id) % 3 == 1 else j for j in jobs]
    with Machine(tiny, 4) as machine, ThreadPoolExecutor(9) as threads:
        outcomes = list(threads.map(machine.do, jobs))
    assert [o.error for o in outcomes] == [""] * 9
    assert overlaps(outcomes, {job.id for job in jobs if job.needs == "a whole worker"}) == []
    assert overlaps(outcomes, {o.id for o in outcomes}), "the others work beside one another"


def overlaps(outcomes: list[Outcome], alone: set[str]) -> list[tuple[str, str]]:
    """Who had company on a worker, of those that are to be alone."""
    return [
        (one.id, other.id)
        for one in outcomes
        for other in outcomes
        if one.id in alone and one.id != other.id and one.where == other.where
        if one.began < other.ended and other.began < one.ended
    ]


# ---- A real one


class Fleet:
    """Processes started by the commands of docs/fleet.md, on a port and in folders of their own."""

    def __init__(self, folder: Path, bundle: Path):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._folder = folder
        self._env = {
            **os.environ,
            "AUTOGRADER_BUNDLE": str(bundle),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            "PYTHONWARNINGS": "ignore",
        }
        text = (ROOT / "docs" / "fleet.md").read_text("utf-8")
        commands = [shlex.split(line) for line in text.splitlines()
                    if line.startswith("    .venv/bin/dask ") and "127.0.0.1" in line]  # fmt: skip
        self._scheduler, *self._workers = commands
        assert len(self._workers) == 2
        self.address = f"127.0.0.1:{self.port}"
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._run(self._scheduler)
        for command in self._workers:
            self._run(command)

    def add_worker(self, resources: str) -> None:
        command = list(self._workers[0])
        command[command.index("--resources") + 1] = resources
        self._run(command)

    def worker(self, number: int) -> int:
        """The process that does the work, below the one that watches over it."""
        watcher = self.processes[1 + number].pid
        until(lambda: children_of(watcher), "a worker has started")
        return max(children_of(watcher))

    def _run(self, command: list[str]) -> None:
        here = str(Path(sys.executable).with_name("dask"))
        args = [here, *(arg.replace("8786", str(self.port)) for arg in command[1:])]
        number = len(self.processes)
        if "worker" in args:
            args += ["--local-directory", str(self._folder / f"worker{number}")]
        log = (self._folder / f"log{number}").open("w")
        self.processes.append(
            subprocess.Popen(args, cwd=ROOT, env=self._env, stdout=log, stderr=log)
        )

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in sorted(self._folder.glob("log*")))


def children_of(pid: int) -> list[int]:
    return [int(c) for t in Path(f"/proc/{pid}/task").glob("*/children")
            for c in t.read_text().split()]  # fmt: skip


@pytest.fixture(scope="module")
def fleet(tiny, tmp_path_factory) -> Iterator[Fleet]:
    made = Fleet(tmp_path_factory.mktemp("fleet"), TINY)
    made.start()
    yield made
    made.stop()


def scores(results) -> dict[str, tuple[float, str]]:
    return {r.submission: (r.score, r.status) for r in results}


def test_a_fleet_gives_the_grades_of_one_machine_though_a_worker_is_killed(fleet, tiny, tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    handed_in = submissions(tiny, folder, 12)
    out, got = tmp_path / "out", []
    run = threading.Thread(
        target=lambda: got.append(grade_class(tiny, handed_in, out, scheduler=fleet.address))
    )
    run.start()
    until(lambda: list(out.glob("*/result.json")) or not run.is_alive(), "the first result came")
    os.kill(fleet.worker(0), signal.SIGKILL)
    run.join(PATIENCE)
    assert got, fleet.logs()
    assert got[0].failed == ()
    alone = grade_class(tiny, handed_in, tmp_path / "alone", jobs=2)
    assert scores(got[0].results) == scores(alone.results)
    assert len(list(out.glob("*/result.json"))) == 12


@pytest.mark.parametrize("kind", ["grade", "time"])
def test_only_a_grading_that_ends_its_workers_scores_nothing(tiny, kind):
    from distributed.scheduler import KilledWorker

    from autograder.dask_fleet import _outcome

    killed = KilledWorker("task", None, 1)
    lost = SimpleNamespace(status="error", exception=lambda: killed)
    outcome = _outcome(lost, Job("j", kind, grading(tiny), submission_of_nothing()), tiny)
    assert "the grader ended 2 times" in outcome.error
    assert (outcome.result is not None) == (kind == "grade")


COMPARISON = Comparison(
    notebook="q_tiny",
    part="1a",
    title="The mean of squares, and again",
    first={"name": "one", "function": "mean_square"},
    second={"name": "other", "function": "mean_square"},
    inputs="solutions.reference.tiny:inputs",
    oracle="solutions.reference.tiny:mean_square",
    rtol=1e-4,
    sizes={"rows": [8], "columns": [8]},
    fixed={},
    needs=["q1a"],
    seconds=0.05,
)


def timings(tiny, folder: Path, count: int) -> list[Job]:
    """Timing jobs of as many right submissions."""
    made = samples.read(masters.read(tiny.notebooks[0].master))
    path = folder / "right.ipynb"
    path.write_bytes(made.notebook(made.questions))
    (right,) = intake.read([path], tiny).submissions
    with Machine(tiny, 1) as machine:
        result = machine.do(Job("right", "grade", grading(tiny), right)).result
    assert (result.score, result.possible) == (3, 3)
    job = Job("", "time", grading(tiny), needs="a whole worker", comparison=COMPARISON)
    return [
        replace(job, id=f"r{i}", submission=replace(right, id=f"r{i}"), before=result)
        for i in range(count)
    ]


def on(fleet, jobs, tiny, said=None) -> list[Outcome]:
    from autograder.dask_fleet import run

    outcomes = list(run(fleet.address, jobs, tiny, (said if said is not None else []).append))
    assert [o.error for o in outcomes] == [""] * len(jobs), fleet.logs()
    return outcomes


@pytest.mark.parametrize("count", [2, pytest.param(50, marks=pytest.mark.verify)])
def test_a_timing_shares_its_worker_with_no_other_job(fleet, tiny, tmp_path, count):
    jobs = timings(tiny, tmp_path, count)
    grade = [Job(f"{job.id} {i}", "grade", job.grading, job.submission)
             for job in jobs for i in range(2)]  # fmt: skip
    mixed = [job for three in zip(grade[::2], jobs, grade[1::2], strict=True) for job in three]
    outcomes = on(fleet, mixed, tiny)
    assert len(outcomes) == 3 * count
    alone = {job.id for job in jobs}
    measured = [o.timing.status for o in outcomes if o.id in alone]
    assert measured == ["measured"] * count
    assert overlaps(outcomes, alone) == []
    assert all(outcome.where for outcome in outcomes), "nobody says where it was done"


def test_a_class_is_graded_on_a_fleet_and_then_timed(fleet, tiny, tmp_path, capsys):
    on_gpu = replace(COMPARISON, device="cuda", title="On a GPU")
    timed = replace(tiny, comparisons=(COMPARISON, on_gpu))
    handed_in = [job.submission for job in timings(tiny, tmp_path, 2)]
    summary = grade_class(timed, handed_in, tmp_path / "out", scheduler=fleet.address)
    assert summary.failed == ()
    for result in summary.results:
        told = [(timing.status, timing.problem) for timing in result.timings]
        assert told == [("measured", ""), ("not run here", timing_jobs.NEEDS_GPU)], fleet.logs()
        assert reports.read(tmp_path / "out", result.submission) == result
    said = "no worker offers GPU: what is timed on one is left out"
    assert capsys.readouterr().err.count(said) == 1


def test_a_gpu_job_waits_and_says_so_until_a_worker_with_one_joins(fleet, tiny, tmp_path):
    one, other = timings(tiny, tmp_path, 2)
    jobs = [replace(one, gpu=True), other]
    said, got = [], []
    run = threading.Thread(target=lambda: got.extend(on(fleet, jobs, tiny, said)))
    run.start()
    until(lambda: said, "it is said that a job waits")
    assert said == ["1 of the jobs wait for a worker that offers GPU"]
    assert run.is_alive()
    fleet.add_worker("SLOT=1 GPU=1")
    run.join(PATIENCE)
    done = {outcome.id: outcome.where for outcome in got}
    assert set(done) == {job.id for job in jobs}, fleet.logs()
    assert done[jobs[0].id] != done[jobs[1].id]


@pytest.mark.verify
def test_a_job_that_kills_its_workers_is_a_result_with_the_reason(tmp_path):
    """The reference of this bundle, which runs in the worker itself, ends it."""
    bundle = tmp_path / "bundle"
    shutil.copytree(TINY, bundle)
    reference = bundle / "solutions" / "reference" / "tiny.py"
    reference.write_text("import os\nos._exit(9)\n")
    use_bundle(bundle)
    course = courses.load(bundle)
    folder = tmp_path / "class"
    folder.mkdir()
    made = Fleet(tmp_path, bundle)
    made.start()
    try:
        handed_in = submissions(course, folder, 1)
        summary = grade_class(course, handed_in, tmp_path / "out", scheduler=made.address)
    finally:
        made.stop()
        use_bundle(ROOT)
    (result,) = summary.results
    assert (result.score, result.status, result.possible) == (0, "partly", 3), made.logs()
    assert "the grader ended 2 times while it worked on this" in result.problems[0]
    assert summary.failed == ()
    assert reports.read(tmp_path / "out", result.submission).key == "", "the next run tries again"
