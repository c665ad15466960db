"""On a busy machine nobody is too slow because of somebody else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from autograder.intake import Cell
from autograder.patience import Allowance, Patience
from autograder.sandbox import processors, share
from autograder.sandbox.child import Child
from autograder.sandbox.freeze import Account
from autograder.sandbox.pool import Pool
from autograder.sandbox.watch import descendants
from autograder.session import Session
from autograder.wire import Closed, TimedOut
from labkit.checks import Mismatch
from tests.conftest import ROOT, SMALL, strongest_level


class Clock:
    """In the place of `time`, turned by hand."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now

    def takes(self, seconds: float):
        """Something that has its answer so long from now, and waits for it until its deadline."""
        there = self.now + seconds

        def answer(deadline: float) -> str:
            self.now = max(self.now, min(there, deadline))
            if deadline < there:
                raise TimedOut
            return "an answer"

        return answer


@pytest.fixture
def clock(monkeypatch):
    turned = Clock()
    monkeypatch.setattr("autograder.patience.time", turned)
    return turned


def waiting(*seconds: float) -> Patience:
    """For a sandbox that has waited for a processor so long whenever it is asked."""
    told = iter(seconds)
    return Patience(lambda: Account(cpu=0.0, waited=next(told)))


def test_what_it_waited_for_a_processor_is_added_to_a_limit(clock):
    limit = Allowance(10)
    assert waiting(5, 8).within(clock.takes(17), limit) == "an answer"
    assert (limit.spent, limit.granted) == (17, 8)
    assert limit.left == 1


def test_what_has_waited_for_nobody_is_too_slow_at_its_limit(clock):
    limit = Allowance(10)
    with pytest.raises(TimedOut):
        waiting(0).within(clock.takes(10.5), limit)
    assert (limit.spent, limit.left) == (10, 0)


def test_each_second_of_waiting_is_granted_once(clock):
    patience = waiting(5, 5)
    patience.within(clock.takes(14), Allowance(10))
    with pytest.raises(TimedOut):
        patience.within(clock.takes(14), Allowance(10))


def test_a_new_sandbox_has_waited_for_nothing_yet(clock):
    patience = waiting(50, 5)
    patience.within(clock.takes(29), Allowance(10))
    patience.new_sandbox()
    assert patience.within(clock.takes(14), Allowance(10)) == "an answer"


def test_whose_own_processes_wait_for_each_other_has_no_more_than_three_times_the_limit(clock):
    assert waiting(1000).within(clock.takes(29), Allowance(10)) == "an answer"
    with pytest.raises(TimedOut):
        waiting(1000, 2000).within(clock.takes(31), Allowance(10))


@pytest.mark.parametrize("seconds", [1, 4, 9.9, 10.1, 11, 19])
def test_three_times_the_limit_are_for_all_calls_together(clock, seconds):
    """However long each takes: what is granted and not used is no credit without an end."""
    patience = Patience(lambda: Account(cpu=0.0, waited=1000 * clock.now))
    began, function = clock.now, Allowance(10)
    with suppress(TimedOut):
        while function.left > 0 and clock.now - began < 1000:
            patience.within(clock.takes(seconds), function)
    assert 10 <= clock.now - began <= 30


def test_the_time_of_all_cells_ends_however_long_each_may_take(clock):
    patience = Patience(lambda: Account(cpu=0.0, waited=1000 * clock.now))
    began, notebook = clock.now, Allowance(30)
    with suppress(TimedOut):
        while notebook.left > 0 and clock.now - began < 1000:
            patience.within(clock.takes(11), Allowance(10), notebook)
    assert 30 <= clock.now - began <= 90


def test_where_the_sandbox_has_ended_nothing_is_granted(clock):
    def account() -> Account:
        raise Closed("it has ended")

    with pytest.raises(TimedOut):
        Patience(account).within(clock.takes(11), Allowance(10))


@pytest.mark.usefixtures("readable_python")
def test_a_notebook_that_is_run_again_has_waited_for_nothing_yet(monkeypatch):
    waited = iter([50])
    monkeypatch.setattr(Child, "account", lambda _: Account(cpu=0.0, waited=next(waited, 5)))
    slow = Cell(1, "code", "import time\ntime.sleep(1.2)")
    dies = Cell(2, "code", "import os\nos._exit(0)")
    public = {"labkit": ROOT / "notebooks" / "labkit"}
    with (
        Pool(strongest_level(), public, SMALL, 1) as pool,
        Session(pool, [slow, dies], SMALL) as running,
    ):
        assert [(p.cell, p.kind) for p in running.problems] == [(2, "died")]


SPINS = """
import os, sys, threading, time
def spin():
    while True:
        pass
for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        spin()
sys.stdin.read()
os.killpg(0, 9)
"""


@pytest.fixture
def spinning():
    """Starts a process with so many others below it that want a processor each; its number."""
    started = []

    def start(count: int) -> subprocess.Popen:
        command = [sys.executable, "-c", SPINS, str(count)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.stdin.close()
        process.wait()


def below(process: subprocess.Popen, count: int) -> list[int]:
    listed = f"/proc/{process.pid}/task/{process.pid}/children"
    while True:
        with open(listed) as file:
            children = [int(child) for child in file.read().split()]
        all_spin = len(children) == count and all(map(share._runs, children))
        if all_spin and not share._runs(process.pid):
            return [process.pid, *children]


def nice(processes: list[int]) -> set[int]:
    return {os.getpriority(os.PRIO_PROCESS, process) for process in processes}


@pytest.mark.parametrize(("count", "expected"), [(1, 0), (2, 3), (8, 9), (40, 17)])
def test_all_of_a_sandbox_weigh_as_much_as_one(spinning, count, expected):
    processes = below(spinning(count), count)
    share.even_out(processes)
    assert nice(processes) == {expected}
    assert count * 1.25**-expected == pytest.approx(1, rel=0.12)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run before others")
def test_who_looks_after_a_sandbox_runs_before_it(pool):
    with pool.child():
        supervisor, sealed = list(descendants(pool.process_id))[-2:]
        until = time.monotonic() + 10  # it may not have come to that yet
        while nice([supervisor]) != {-10} and time.monotonic() < until:
            time.sleep(0.01)
        assert nice([supervisor]) == {-10}
        assert nice([sealed]) == {0}


BUSY = """
import time
def busy():
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass
    return 1.0
"""
CROWD = """
import os
for _ in range(16):
    if os.fork() == 0:
        while True:
            pass
"""


@pytest.fixture
def on_one_processor():
    before = processors.available()
    processors.run_on(before[:1])
    yield
    processors.run_on(before)


@pytest.mark.usefixtures("on_one_processor")
def test_a_submission_that_keeps_the_processor_busy_makes_no_other_too_slow(readable_python):
    """Sixteen processes beside it: alone a call takes 0.5 of the 0.6 seconds that it may take."""
    limits = replace(SMALL, question_seconds=0.6)
    public = {"labkit": ROOT / "notebooks" / "labkit"}
    with (
        Pool(strongest_level(), public, limits, 2) as pool,
        Session(pool, [Cell(1, "code", BUSY)], limits) as honest,
        Session(pool, [Cell(1, "code", CROWD)], limits) as crowd,
    ):
        assert crowd.problems == ()
        time.sleep(0.6)  # three looks at what the crowd does
        names = honest.names()
        try:
            assert float(names.get("busy")()) == 1
        except Mismatch as mismatch:
            pytest.fail(f"the crowd made it too slow: {mismatch}")
        finally:
            names.close()
