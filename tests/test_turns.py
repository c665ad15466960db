"""Timed turns in a sandbox: what is stopped rests, every result is verified, and nothing that code
does with clocks, threads or memory makes it look faster. Ratios here are of work, not of time."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import torch

from autograder.course import Limits
from autograder.intake import Cell
from autograder.sandbox import freeze
from autograder.sandbox.freeze import Account, waited
from autograder.sandbox.watch import descendants
from autograder.session import Session
from autograder.turns import Contestant, Layout, Side, Task, _waited, calibrated, throttled
from autograder.wire import Closed
from autograder.worker.timed import link
from labkit.checks import Mismatch

LIMITS = Limits(memory_bytes=512 << 20)
HONEST = "def double(x, y):\n    return 2 * x + y\n"


def fresh():
    return torch.randn(3, 5), torch.randn(3, 5)


TASK = Task(fresh, lambda x, y: 2.0 * x.double() + y.double(), 1e-5)


@pytest.fixture
def side(pool):
    """A function that enters a side of a notebook with this source."""
    opened = []

    def enter(source: str, task: Task = TASK) -> Side:
        session = Session(pool, [Cell(1, "code", "import torch\n" + source)], LIMITS)
        opened.append(session.__enter__())
        made = Side(session, task)
        made.__enter__()
        opened.append(made)
        return made

    yield enter
    for context in reversed(opened):
        context.__exit__(None, None, None)


# ---- Stopping


def test_what_is_stopped_rests_and_goes_on_afterwards(pool):
    source = """
import threading, time, os
ticks = [0]
def tick():
    while True:
        ticks[0] += 1
        time.sleep(0.001)
threading.Thread(target=tick, daemon=True).start()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True:
            pass
    os._exit(0)
"""
    with pool.child() as child:
        deadline = time.monotonic() + 20
        assert child.ask({"op": "cell", "source": source}, deadline)["ok"]
        before = child.freeze()
        time.sleep(0.5)
        woken = time.monotonic()
        child.thaw()
        between = child.freeze()
        most = (time.monotonic() - woken) * os.cpu_count() + 0.1
        assert between.cpu - before.cpu < most, "a process that is stopped uses no processor"
        child.thaw()
        while child.freeze().cpu - between.cpu < 0.2:  # the orphan in its endless loop goes on
            child.thaw()
            assert time.monotonic() < deadline, "what was stopped did not go on"
        child.thaw()
        assert child.ask({"op": "cell", "source": "1"}, deadline)["ok"]


def test_what_is_stopped_may_have_any_name(pool):
    source = "import ctypes\nctypes.CDLL(None).prctl(15, b'caf\\xe9) Z', 0, 0, 0)"
    with pool.child() as child:
        assert child.ask({"op": "cell", "source": source}, time.monotonic() + 20)["ok"]
        child.freeze()
        child.thaw()


def stop_until(child, deadline):
    """A process closes its socket a moment before it has ended."""
    while time.monotonic() < deadline:
        child.freeze()


def test_a_sandbox_that_has_ended_is_said_to_have(pool):
    deadline = time.monotonic() + 20
    with pool.child() as child:
        with pytest.raises(Closed):
            child.ask({"op": "cell", "source": "import os; os._exit(3)"}, deadline)
        with pytest.raises(Closed, match="ended"):
            stop_until(child, deadline)
        assert child.close()["status"] == 3


def test_a_process_that_one_look_misses_is_stopped_by_the_next(monkeypatch):
    """As an orphan is missed while it goes from one parent's list to another's."""
    with subprocess.Popen(["sleep", "60"]) as process:
        looks = iter([[]])
        monkeypatch.setattr(freeze, "descendants", lambda _: next(looks, [process.pid]))
        freezer = freeze.Freezer()
        freezer.stop()
        state = Path(f"/proc/{process.pid}/stat").read_text().split()[2]
        freezer.go_on()
        process.kill()
    assert state == "T"


def test_descendants_are_found():
    with subprocess.Popen(["sleep", "60"]) as process:
        assert process.pid in descendants(os.getpid())
        process.kill()


def test_waiting_is_what_the_kernel_says_and_nothing_where_it_says_nothing():
    assert waited() >= 0
    assert waited(0) == 0


# ---- Turns


LOST = {
    "the fork": "import mmap, os\nmmap.mmap = lambda *a, **k: os._exit(1)",
    "the notebook": (
        "import mmap, os, signal\n"
        "mmap.mmap = lambda *a, **k: (os.kill(os.getppid(), signal.SIGKILL), os._exit(1))"
    ),
}


@pytest.mark.parametrize("source", LOST.values(), ids=LOST)
def test_a_process_that_dies_before_its_first_turn_is_told_and_reaped(side, source):
    with pytest.raises(Mismatch, match="process was lost") as told:
        side(HONEST + source)
    assert told.value.kind == "died"


def test_a_right_function_has_a_time_and_its_results_are_verified(side):
    entered = side(HONEST)
    assert entered.turn("double", 4) > 0
    assert entered.wall_seconds > 0


def test_a_result_may_be_a_single_number(side):
    task = Task(fresh, lambda x, y: (x.double() * y.double()).sum(), 1e-5)
    entered = side("def dot(x, y):\n    return (x * y).sum()\n", task)
    assert entered.turn("dot", 3) > 0


def test_calls_cannot_be_worked_on_side_by_side(side):
    """A worker that computes all results from the inputs as they lie there gets all but the first
    wrong: each call's first argument is scaled by a number of the result before."""
    entered = side(
        HONEST + "from autograder.worker import calls, timed\n"
        "def at_once(names, request):\n"
        "    for places, result, _ in request['calls']:\n"
        "        made = double(*(timed.at(timed._memory, place) for place in places))\n"
        "        timed.at(timed._memory, result).copy_(made)\n"
        "    return {}\n"
        "calls.OPERATIONS['turn'] = at_once\n"
    )
    assert entered.turn("double", 1) > 0
    with pytest.raises(Mismatch, match="double, a timed result"):
        entered.turn("double", 2)


def test_what_a_call_waits_for_cannot_be_guessed():
    factors = [link(value) for value in torch.randn(100).tolist()]
    assert len(set(factors)) == 100
    assert all(0.98 <= factor <= 1 for factor in factors)
    assert link(float("nan")) == 1


WRONG = {
    "zeros": "def double(x, y):\n    return 0 * x",
    "the first result again": (
        "kept = []\ndef double(x, y):\n    kept.append(2 * x + y)\n    return kept[0]"
    ),
    "the first factor's result": (
        "first = []\n"
        "def double(x, y):\n    first.append(x)\n"
        "    return 2 * x * (first[0].norm() / x.norm() if len(first) > 1 else 1) + y"
    ),
    "another shape": "def double(x, y):\n    return (2 * x + y)[:2]",
    "nothing": "def double(x, y):\n    pass",
    "an exception": "def double(x, y):\n    raise ValueError('no')",
    "not a number": "def double(x, y):\n    return x / 0",
    "its end": "import os\ndef double(x, y):\n    os._exit(0)",
}


def test_an_array_in_the_place_of_a_tensor_is_told(side):
    entered = side("def double(x, y):\n    return (2 * x + y).numpy()")
    with pytest.raises(Mismatch, match="double raised TypeError: what is timed has to return a"):
        entered.turn("double", 1)


@pytest.mark.parametrize("source", WRONG.values(), ids=WRONG)
def test_a_wrong_result_has_no_time(side, source):
    with pytest.raises(Mismatch, match="double"):
        side(source).turn("double", 4)


def test_a_call_that_takes_too_long_is_ended(side):
    entered = side("import time\ndef double(x, y):\n    time.sleep(60)")
    with pytest.raises(Mismatch, match=r"did not finish within 0\.5 seconds") as told:
        entered.turn("double", 1, seconds=0.5)
    assert told.value.kind == "too long"


def test_work_in_threads_counts_as_the_sum_of_their_time(side):
    """Four processes that each burn a tenth of a second of processor time: however many processors
    there are, the turn takes what all of them used."""
    entered = side(
        "import os, time\n"
        "def double(x, y):\n"
        "    helpers = []\n"
        "    for _ in range(4):\n"
        "        helpers.append(os.fork())\n"
        "        if helpers[-1] == 0:\n"
        "            end = time.process_time() + 0.1\n"
        "            while time.process_time() < end: pass\n"
        "            os._exit(0)\n"
        "    for helper in helpers: os.waitpid(helper, 0)\n"
        "    return 2 * x + y\n"
    )
    assert entered.turn("double", 1) >= 0.35  # children that have ended are counted in ticks


IDLE = """
import os, time
if os.fork() == 0:
    time.sleep(60)
"""


def test_what_its_own_processes_wait_for_makes_no_turn_shorter(side):
    assert side(HONEST)._account.asked is not None
    assert side(HONEST + IDLE)._account.asked is None, "that one could wait on its behalf"
    alone, with_another = Account(1, 1, asked=1), Account(1, 9)
    later = Account(2, 9, asked=1.5)
    assert _waited(alone, later) == 0.5
    assert _waited(alone, with_another) == _waited(with_another, later) == 0
    assert _waited(later, alone) == 0, "no turn is longer than the clock says"


def test_a_turn_takes_time_whatever_is_told_of_its_processes(side, monkeypatch):
    """As where one with much processor time has ended, and nobody has waited for it."""
    entered = side(HONEST)
    monkeypatch.setattr(entered, "_account", Account(cpu=1e6, waited=0, asked=-1e6))
    assert entered.turn("double", 1) > 0
    assert entered.cpu_seconds == 0


def test_work_put_off_until_the_answer_is_out_counts(side):
    entered = side(
        "import threading, time\n"
        "def later():\n"
        "    time.sleep(0.001)\n"
        "    end = time.thread_time() + 5\n"
        "    while time.thread_time() < end: pass\n"
        "def double(x, y):\n"
        "    threading.Thread(target=later, daemon=True).start()\n"
        "    return 2 * x + y\n"
    )
    quick = entered.turn("double", 1)
    assert quick < 5, "the thread is stopped with the turn"
    assert entered.cpu_seconds <= quick + 1e-6, "and what it has used by then counts"


def test_the_shared_memory_cannot_be_cut_short(side):
    """Code that finds the memory's descriptor and shortens it would crash the grader."""
    entered = side(
        "import os\n"
        "def double(x, y):\n"
        "    for descriptor in range(3, 64):\n"
        "        try: os.ftruncate(descriptor, 0)\n"
        "        except OSError: pass\n"
        "    return 2 * x + y\n"
    )
    assert entered.turn("double", 2) > 0


def test_results_changed_after_the_answer_do_not_matter(side):
    """What is verified is what was read once the sandbox had stopped."""
    entered = side(
        "import threading\nfrom autograder.worker import timed\n"
        "def scribble():\n"
        "    while True: timed._memory[:64] = bytes(64)\n"
        "def double(x, y):\n"
        "    threading.Thread(target=scribble, daemon=True).start()\n"
        "    return 2 * x + y\n"
    )
    with suppress(Mismatch):  # where it scribbled in time, its own result is wrong
        for _ in range(3):
            assert entered.turn("double", 2) > 0
    assert entered.wall_seconds > 0


def test_a_reference_is_calibrated_and_messages_are_taken_off(side):
    entered = side(HONEST)
    reference = calibrated(entered, "double")
    assert 1 <= reference.calls <= 64
    assert reference.messages > 0
    assert reference() > 0
    all_messages = Contestant(entered, "double", 1, messages=1e9, turn_seconds=1)
    assert all_messages() > 0, "a ratio needs a time above zero"


def test_places_in_memory_do_not_overlap():
    layout = Layout([torch.Size([3, 5]), torch.Size([7])], torch.Size([2, 2]))
    ends = 0
    for call in range(3):
        arguments, result = layout.places(call)
        for start, shape in (*arguments, result):
            assert start >= ends
            assert start % 64 == 0
            ends = start + 4 * torch.Size(shape).numel()
    assert ends <= 3 * layout.stride


def test_a_quota_of_the_control_group_is_seen(tmp_path):
    assert not throttled(tmp_path)
    for file, limited, free in (
        ("cpu.max", "50000 100000\n", "max 100000\n"),
        ("cpu/cpu.cfs_quota_us", "50000\n", "-1\n"),  # control groups of the first version
    ):
        for text in (limited, free):
            there = tmp_path / text.split()[0] / file
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text)
            assert throttled(there.parents[file.count("/")]) == (text == limited)
