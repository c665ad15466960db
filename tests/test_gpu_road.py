"""The road of a GPU runner: what can be tried without one, and, where there is one, all of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import nbformat
import pytest
import torch

from autograder import course as courses
from autograder import (
    intake,
    masters,
    on_device,
    otter_build,
    reports,
    stopwatch,
    timing_jobs,
    work,
)
from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.fleet import grade_class
from autograder.forks import Forks
from autograder.grading import Grader
from autograder.intake import Cell
from autograder.jobs import Outcome
from autograder.on_device import device_name, lost_on_device
from autograder.results import Result, Timing
from autograder.sandbox import pool
from autograder.sandbox.child import ForkForbiddenError
from autograder.sandbox.levels import probe
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import LEVELS
from autograder.session import Session
from autograder.stopwatch import Stopwatch
from autograder.turns import Side, Task
from autograder.wire import WireError
from autograder.work import gpu_devices
from autograder.worker import serve
from autograder.worker.calls import placed
from labkit.checks import Mismatch, same
from tests.test_sandbox import run, soon
from tests.test_sandbox_sums import CHILDREN

ROOT = Path(__file__).resolve().parents[1]
CLASS = ROOT / "data" / "submissions"
GPU = "q_coding_ssm_forward_gpu"
LIMITS = Limits()
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU; there is none here")

# A notebook that says of itself that it uses CUDA, so that it is treated as one that does.
USES_CUDA = """
import torch
torch.cuda.is_initialized = lambda: True
calls = 0
def double(x, y):
    global calls
    calls += 1
    return 2 * x + y
def count():
    return calls
def die():
    import os
    os._exit(7)
"""


@pytest.fixture(scope="module")
def warm():
    from autograder.sandbox.levels import choose

    level, _ = choose([ROOT / "solutions"])
    with Pool(level, public_files(ROOT), LIMITS, 2, gpu_devices()) as pool:
        yield pool


@pytest.fixture(scope="module")
def course() -> courses.Course:
    loaded = courses.load(ROOT)
    only = tuple(n for n in loaded.notebooks if n.name == GPU)
    small = tuple(
        replace(c, sizes={"H": [4], "T": [32]}, seconds=0.1)
        for c in loaded.comparisons
        if c.notebook == GPU
    )
    return replace(loaded, notebooks=only, comparisons=small, limits=LIMITS)


def submission(course, name="rex_on_any_device.ipynb"):
    (read,) = intake.read([CLASS / name], course).submissions
    return read


# ---- Where CUDA forbids a fork


def test_each_question_has_a_run_of_its_own_where_cuda_forbids_a_fork(warm):
    one = torch.ones(1)
    with Session(warm, [Cell(1, "code", USES_CUDA)], LIMITS) as session:
        for _ in range(3):
            names = session.names()
            assert float(names.get("double")(one, one)) == 3
            assert names.get("count")() == 1, "what a question changed is not there for the next"
            names.close()
        assert session.problems == ()


def test_there_too_a_death_costs_one_question_only(warm):
    with Session(warm, [Cell(1, "code", USES_CUDA)], LIMITS) as session:
        names = session.names()
        with pytest.raises(Mismatch, match="its process ended"):
            names.get("die")()
        assert names.get("count")() == 0
        names.close()


def test_there_too_turns_are_timed(warm):
    task = Task(lambda: (torch.randn(3), torch.randn(3)), lambda x, y: 2.0 * x + y, 1e-5)
    with Session(warm, [Cell(1, "code", USES_CUDA)], LIMITS) as session:
        for _ in range(2):
            with Side(session, task) as side:
                assert side.turn("double", 3) > 0


class Driver:
    """CUDA's, which says whether it has been started."""

    def __init__(self, answer: int):
        self.cuDeviceGetCount = lambda count: answer


def test_cuda_that_another_library_has_started_forbids_a_fork_too(monkeypatch):
    def driver_is(*loaded):
        def load(name, mode):
            if not loaded:
                raise OSError
            return loaded[0]

        monkeypatch.setattr(serve.ctypes, "CDLL", load)

    driver_is()
    assert not serve._cuda_in_use(), "nobody has loaded it"
    for started, answer in ((False, 3), (True, 0)):  # CUDA_ERROR_NOT_INITIALIZED, CUDA_SUCCESS
        driver_is(Driver(answer))
        assert serve._cuda_in_use() == started


def test_where_a_sandbox_has_no_devices_nothing_it_loads_finds_a_driver():
    loads = [sys.executable, "-c", "import ctypes; ctypes.CDLL('libcuda.so.1')"]
    ran = subprocess.run(
        loads, env=pool._environment([]), capture_output=True, text=True, check=False
    )
    assert "libcuda.so.1: file too short" in ran.stderr


NO_GRADIENTS = """
from torch.autograd import Variable
from autograder.sandbox import zygote

class Raises:
    def run_backward(self, *args, **kwargs):
        raise SystemExit("gradients")

Variable._execution_engine = Raises()
zygote.warm(gpu={gpu})
"""


@pytest.mark.parametrize(("gpu", "said"), [(True, ""), (False, "gradients\n")])
def test_with_a_gpu_the_warm_process_computes_no_gradients_which_would_start_it(gpu, said):
    warms = [sys.executable, "-c", NO_GRADIENTS.format(gpu=gpu)]
    ran = subprocess.run(warms, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.stderr == said


def test_a_sandbox_is_told_where_the_driver_is_and_which_gpus_are_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/usr/local/nvidia/lib64")
    told = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
    with_one, without = pool._environment(["/dev/nvidia1"]), pool._environment([])
    assert [with_one.get(name) for name in told] == ["1", "/usr/local/nvidia/lib64"]
    assert without["CUDA_VISIBLE_DEVICES"] == ""
    assert "nvidia" not in without["LD_LIBRARY_PATH"]
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert "CUDA_VISIBLE_DEVICES" not in pool._environment(["/dev/nvidia1"])


# ---- A sandbox that has devices: here one that is no GPU's

NAMES_ITS_THREAD = """
import threading
with open(f"/proc/self/task/{threading.get_native_id()}/comm", "w") as name:
    name.write("driver")
"""
SHARED = f"""{CHILDREN}
def fill():
    import mmap
    kept = mmap.mmap(-1, 165 << 20)
    kept.write(bytes(len(kept)))
    return kept
in_children(4, fill)
"""


@pytest.fixture(scope="module")
def with_device(level):
    limits = replace(LIMITS, memory_bytes=512 << 20)
    with Pool(level, public_files(ROOT), limits, 1, ["/dev/null"]) as started:
        yield started


@pytest.fixture
def child(with_device):
    with with_device.child() as started:
        yield started


def test_memory_that_cuda_shares_with_its_driver_is_allowed_and_counted(child):
    outcome = run(child, "import mmap; mmap.mmap(-1, 1 << 20)")
    assert outcome["ok"], outcome
    assert not run(child, "mmap.mmap(-1, 1 << 20, 0x122)")["ok"], "memory that grows down"
    token = child.start({"op": "cell", "source": SHARED}, soon())
    with pytest.raises(WireError):
        child.finish(token, soon(20))
    assert child.close()["over"] == "memory"


def test_what_asks_for_cuda_can_name_its_threads_as_the_driver_does(child, level):
    """Under Landlock this goes for the notebook's own process alone, so it is not forked."""
    outcome = run(child, NAMES_ITS_THREAD)
    assert outcome["ok"], outcome
    forks = Forks(child, 1)
    if level == "landlock":
        with pytest.raises(ForkForbiddenError):
            forks.take()
    else:
        assert not forks.take().alone


# ---- Where tensors go


def test_tensors_of_a_request_go_to_the_device_and_nothing_else_changes():
    request = {"op": "call", "args": [torch.ones(2), [torch.ones(1), 3], "x"], "kwargs": {}}
    there = placed(request, "meta")  # a device that every torch has
    assert there["args"][0].device.type == there["args"][1][0].device.type == "meta"
    assert (there["op"], there["args"][1][1], there["args"][2]) == ("call", 3, "x")
    assert placed(request, "cpu") is request


# ---- What it is said to have run on

HAS_A_GPU = "import torch\ntorch.cuda.get_device_name = lambda: 'A GPU'\n"


def test_a_device_is_called_what_torch_calls_it_where_the_tests_run(warm):
    with Session(warm, [Cell(1, "code", HAS_A_GPU)], LIMITS) as session:
        assert device_name(session, "cuda") == "A GPU"
        assert device_name(session, "cpu") == "cpu"


def test_a_result_names_the_gpu_on_which_its_tests_ran_again(course, warm, monkeypatch):
    """There is none here: the reference is told a name, and every test with tensors there fails."""
    cells = stopwatch.reference_cells
    there = [Cell(0, "code", HAS_A_GPU)]
    monkeypatch.setattr(stopwatch, "reference_cells", lambda master: [*there, *cells(master)])
    rex = submission(course)
    graded = Grader(course, warm).grade(rex)
    assert graded.device == graded.notebooks[0].device == "cpu"
    comparison = next(c for c in course.comparisons if c.device == "cuda")
    names = rex.notebooks[GPU], graded.notebooks[0]
    timing = Stopwatch(course, warm).run(comparison, *names)
    if torch.cuda.is_available():
        pytest.skip("there is a GPU: see below")
    assert (timing.status, timing.checked) == ("not correct", "A GPU")
    assert "with tensors on the GPU" in timing.problem
    told = timing_jobs.with_timings(course, graded, [timing])
    assert told.device == "cpu, A GPU"
    assert reports.results_json(told, course)["extra_data"]["device"] == "cpu, A GPU"
    assert "cpu, A GPU (1)" in reports.report_page([told], course)
    assert timing_jobs.with_timings(course, told, []).device == "cpu"


class Tests:
    """A question's, which write down that they were run."""

    outcomes: ClassVar[dict[int, object]] = {}
    ran: ClassVar[list[tuple[str, bool]]] = []

    def run_sealed(self, names, key, hidden):
        self.ran.append((key[-1], hidden))


def test_there_too_all_public_tests_run_before_the_first_hidden_one(course, warm, monkeypatch):
    """Else what a hidden one hands over could be carried to a public one, which quotes it."""
    monkeypatch.setattr(on_device, "compiled", lambda *_: Tests())
    comparison = replace(course.comparisons[0], needs=("q2d", "q2f"))
    with Session(warm, [], LIMITS) as session:
        assert lost_on_device(session, course.notebooks[0], comparison, "a seed") == []
    assert Tests.ran == [("q2d", False), ("q2f", False), ("q2d", True), ("q2f", True)]


# A process in which "cuda" is a name for the CPU, where the first tensor that goes there waits, as
# the first use of CUDA does: it starts a context and loads libraries.
PRETENDS = """
import time, torch
torch.cuda.is_available = lambda: True
torch.cuda.get_device_name = lambda: "A GPU"
torch.set_default_device = lambda device: None
torch.cuda.synchronize = torch.cuda.reset_peak_memory_stats = lambda: None
torch.cuda.memory_allocated = torch.cuda.max_memory_allocated = lambda: 0
goes, makes, started = torch.Tensor.to, torch.empty, []

def on_cpu(device):
    if torch.device(device).type == "cuda" and not started:
        time.sleep(0.6)
        started.append(True)
    return "cpu"

def to(tensor, *args, **kwargs):
    args = [on_cpu(a) if isinstance(a, (str, torch.device)) else a for a in args]
    return goes(tensor, *args, **kwargs)

torch.Tensor.to = to
torch.empty = lambda *args, device="cpu", **kwargs: makes(*args, device=on_cpu(device), **kwargs)
"""


def test_what_cuda_takes_to_start_is_not_timed_and_not_held_against_anybody(
    course, warm, monkeypatch
):
    monkeypatch.setattr(stopwatch, "_LEAST_DEADLINE", 0.3)
    cells = stopwatch.reference_cells
    pretends = [Cell(0, "code", PRETENDS)]
    monkeypatch.setattr(stopwatch, "reference_cells", lambda master: [*pretends, *cells(master)])
    rex = submission(course)
    graded = Grader(course, warm).grade(rex).notebooks[0]
    there = replace(rex.notebooks[GPU], cells=(*pretends, *rex.notebooks[GPU].cells))
    comparison = next(c for c in course.comparisons if c.device == "cuda")
    timing = Stopwatch(course, warm).run(comparison, there, graded)
    assert (timing.status, timing.problem, timing.machine) == ("measured", "", "A GPU")
    for size in timing.sizes:
        assert size.problem == ""
        assert all(high < 0.3 for _, _, high in size.seconds.values()), size.seconds


# ---- Which runner times what


def test_require_stops_where_there_is_no_gpu_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert not timing_jobs.gpu_here("auto")
    with pytest.raises(timing_jobs.NoGpuError, match="run on a machine with one"):
        timing_jobs.gpu_here("require")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert timing_jobs.gpu_here("auto")
    assert timing_jobs.gpu_here("require")
    assert not timing_jobs.gpu_here("skip")


class FakeStopwatch:
    """In the place of what measures: says that it has, on a machine of this name."""

    ran: list[str] = []  # noqa: RUF012

    def run(self, comparison, submitted, graded) -> Timing:
        self.ran.append(comparison.title)
        return replace(timing_jobs.blank(comparison, graded), machine=comparison.device)


@pytest.fixture
def timed(course, warm):
    """The results of a runner, with or without a GPU, that is given those of another."""
    fake = FakeStopwatch()
    rex = submission(course)
    graded = Grader(course, warm).grade(rex)

    def measure(jobs):
        for job in jobs:
            assert job.needs == "a whole worker"
            assert job.gpu == (job.comparison.device == "cuda")
            try:
                yield Outcome(job.id, timing=work.timed(fake, job))
            except RuntimeError as error:
                yield Outcome(job.id, error=str(error))

    def run(gpu: bool, result: Result = graded, before: Result | None = None, timing=True):
        FakeStopwatch.ran.clear()
        found = timing_jobs.time_class(
            course,
            [rex],
            {rex.id: result},
            {rex.id: before},
            grading=None,
            timing=timing,
            gpu=gpu,
            run=measure,
        )
        return [result, *found][-1]

    run.graded = graded
    return run


def test_a_cpu_runner_leaves_gpu_timing_to_a_gpu_runner_which_fills_it_in(timed):
    on_cpu = timed(gpu=False)
    told = [(t.device, t.status, t.problem) for t in on_cpu.timings]
    left = ("cuda", "not run here", "not run here: needs a GPU runner")
    assert told == [left, ("cpu", "measured", ""), left]
    assert (on_cpu.score, on_cpu.possible) == (timed.graded.score, timed.graded.possible)

    filled = timed(gpu=True, result=on_cpu)
    assert len(FakeStopwatch.ran) == 2
    assert [(t.device, t.status) for t in filled.timings] == [
        ("cuda", "measured"), ("cpu", "measured"), ("cuda", "measured"),
    ]  # fmt: skip
    assert filled.timings[1] == on_cpu.timings[1], "what the CPU runner measured is left alone"
    assert replace(filled, timings=()) == replace(on_cpu, timings=())

    again = timed(gpu=False, result=filled)
    assert FakeStopwatch.ran == []
    assert again == filled, "a CPU runner takes nothing of it away"


def test_skip_runs_nothing_and_keeps_what_there_was(timed):
    assert timed(gpu=False, timing=False) == timed.graded
    measured = timed(gpu=False)
    regraded = timed(gpu=False, before=measured, timing=False)
    assert FakeStopwatch.ran == []
    assert [t.status for t in regraded.timings] == ["measured"]


def test_a_timing_is_made_again_where_the_notebook_s_result_is_another(timed):
    measured = timed(gpu=True)
    changed = tuple(replace(n, key="another") for n in timed.graded.notebooks)
    timed(gpu=True, result=replace(timed.graded, notebooks=changed), before=measured)
    assert len(FakeStopwatch.ran) == 3


def test_where_the_grader_fails_the_others_are_still_timed(timed, monkeypatch, capsys):
    def fails(self, comparison, submitted, graded):
        raise RuntimeError("ours")

    monkeypatch.setattr(FakeStopwatch, "run", fails)
    result = timed(gpu=False)
    assert [t.status for t in result.timings] == ["not run here", "failed", "not run here"]
    assert "timing failed on rex_on_any_device" in capsys.readouterr().err


# ---- With a GPU


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("name", ["rex_on_any_device.ipynb", "sue_wants_cuda.ipynb"])
def test_a_right_submission_is_checked_and_timed_on_the_gpu(name, course, tmp_path):
    summary = grade_class(course, [submission(course, name)], tmp_path, gpu="require")
    (result,) = summary.results
    assert summary.failed == ()
    assert result.score == result.possible
    for timing in result.timings:
        assert timing.status == "measured", timing.problem
        assert all(size.pairs for size in timing.sizes), timing.sizes
        if timing.device == "cuda":
            assert timing.machine == timing.checked == torch.cuda.get_device_name()
            assert all(peak > 0 for s in timing.sizes for peak in s.peak_bytes.values())
    assert result.device == f"cpu, {torch.cuda.get_device_name()}"
    assert reports.read(tmp_path, result.submission) == result


ASKS = """
import torch
from torch.nn.functional import conv1d
assert torch.cuda.is_available()
def convolved(x, w):
    return conv1d(x, w)
"""


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("level", [level for level in LEVELS if level != "none"])
def test_a_sandbox_has_the_gpu_and_counts_in_float32_there(level):
    problem = probe(level).problem
    if problem:
        pytest.skip(f"{level} does not hold here: {problem}")
    x, w = torch.randn(4, 64, 300), torch.randn(64, 64, 100)
    with (
        Pool(level, public_files(ROOT), Limits(), 1, gpu_devices()) as pool,
        Session(pool, [Cell(1, "code", ASKS)], Limits()) as session,
    ):
        assert session.problems == ()
        assert device_name(session, "cuda") == torch.cuda.get_device_name()
        for _ in range(2):  # asking about CUDA has not started it: each question has a fork
            names = session.names("cuda")
            convolved = names.get("convolved")(x, w)
            same(convolved, torch.nn.functional.conv1d(x.double(), w.double()), rtol=1e-5)
            names.close()


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("devices", [(), gpu_devices()], ids=["without a GPU", "with one"])
def test_the_warm_process_has_not_started_the_driver(devices):
    with Pool("none", public_files(ROOT), Limits(), 1, devices) as pool:  # refuses two threads
        maps = Path("/proc", str(pool.process_id), "maps").read_text()
    assert devices or "libcuda.so" not in maps


@on_gpu
@pytest.mark.gpu
def test_a_notebook_that_has_used_cuda_is_run_again_for_each_question(warm):
    there = "import torch\nthere = torch.ones(1, device='cuda')\ndef double(x):\n    return 2 * x"
    with Session(warm, [Cell(1, "code", there)], LIMITS) as session:
        for _ in range(2):
            names = session.names("cuda")
            assert float(names.get("double")(torch.ones(1))) == 2
            names.close()
        assert session.problems == ()


@on_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("first", ["", "import torch\ntorch.set_default_device('cuda')"])
def test_the_solved_notebook_runs_on_the_gpu_and_passes_its_checks(first):
    from autograder import solved_pages

    master = masters.read(ROOT / "solutions" / f"{GPU}.py")
    solved = otter_build.build(GPU, master.content, master.file).solved
    if first:
        solved.cells.insert(1, nbformat.v4.new_code_cell(first))
    page = solved_pages.page(GPU, solved, {}, [ROOT / "notebooks", ROOT])
    assert torch.cuda.get_device_name() in page.decode()
