"""The fair clock, held to a clock that the test turns by hand: no test here measures time."""

import subprocess
import sys
import threading

import pytest
import torch

from labkit import timing
from labkit.checks import Mismatch
from labkit.inputs import ssm_inputs
from solutions.reference import ssm


class Clock:
    """A clock that calls move on by hand, and the order in which they did."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        self.calls = []
        monkeypatch.setattr(timing, "timer", lambda: self.now)

    def takes(self, name, *seconds):
        """A call that takes `seconds`, one after another, and the last for ever after."""
        left = list(seconds)

        def call(*_):
            self.calls.append(name)
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return torch.zeros(1)

        return call


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_a_timing_is_the_median_and_the_quartiles_of_its_turns(clock):
    warm_up = (1.0, 1.0)
    call = clock.takes("a", *warm_up, 4.0, 1.0, 2.0, 5.0, 3.0)
    timed = timing.compare({"a": call}, rounds=5)["a"]
    assert timed == timing.Timing(median=3.0, low=2.0, high=4.0, rounds=5)


def test_one_disturbed_turn_does_not_move_the_median(clock):
    call = clock.takes("a", 1.0, 1.0, 1.0, 100.0, 1.0)
    assert timing.compare({"a": call}, rounds=5, budget=1000)["a"].median == 1.0


def test_a_slow_first_call_is_not_counted(clock):
    call = clock.takes("a", 50.0, 1.0)
    timed = timing.compare({"a": call}, rounds=5)["a"]
    assert timed.high == 1.0


def test_contestants_take_turns(clock):
    calls = {"a": clock.takes("a", 1.0), "b": clock.takes("b", 1.0)}
    timing.compare(calls, rounds=3)
    assert clock.calls[-6:] == ["a", "b", "a", "b", "a", "b"]


def test_a_short_call_is_repeated_until_its_turn_is_long_enough(clock):
    call = clock.takes("a", 0.25)
    timed = timing.compare({"a": call}, rounds=5, at_least=1.0)["a"]
    assert timed.median == 0.25
    assert len(clock.calls) == 2 + 5 * 4


def test_no_round_begins_after_the_budget_once_there_were_five(clock):
    timed = timing.compare({"a": clock.takes("a", 10.0)}, rounds=100, budget=60.0)
    assert timed["a"].rounds == 7
    timed = timing.compare({"a": clock.takes("a", 10.0)}, rounds=100, budget=0.0)
    assert timed["a"].rounds == 5


def test_the_number_of_threads_is_one_inside_and_as_before_afterwards():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []

    def look():
        seen.append(torch.get_num_threads())
        if len(seen) > 3:
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        timing.compare({"a": look})
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert set(seen) == {1}
    assert after == 2


def test_peak_memory_counts_what_is_alive_at_one_time():
    def one_after_another():
        for _ in range(5):
            torch.ones(100_000)

    def all_together():
        return [torch.ones(100_000) for _ in range(5)]

    assert timing.peak_bytes(one_after_another) == pytest.approx(400_000, rel=0.01)
    assert timing.peak_bytes(all_together) == pytest.approx(2_000_000, rel=0.01)


def test_what_a_gpus_libraries_set_aside_at_their_first_use_is_not_counted(monkeypatch):
    class Gpu:
        """One whose library takes 32 MB at the first call, and keeps them."""

        held = peak = 0

        def call(self):
            self.held = max(self.held, 32_000_000)
            self.peak = max(self.peak, self.held + 400)

        def reset(self):
            self.peak = self.held

    gpu = Gpu()
    for name, stands_for in {
        "synchronize": lambda: None,
        "reset_peak_memory_stats": gpu.reset,
        "memory_allocated": lambda: gpu.held,
        "max_memory_allocated": lambda: gpu.peak,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stands_for)
    assert timing.peak_bytes(gpu.call, "cuda") == 400


def test_to_count_memory_takes_little_of_it():
    """In a process of its own: torch.profiler imports 800 modules at its first use."""
    code = """
import sys, torch
from labkit.timing import peak_bytes
before = set(sys.modules)
assert peak_bytes(lambda: torch.ones(100)) == 400
print(len(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20, "modules were imported to count memory"
    assert done.stderr == "", "a notebook would show this"


def test_peak_memory_sees_the_scratch_space_of_an_operation():
    W, U, b, x = ssm_inputs(N=4, T=64, D=3, H=8)
    states = 4 * 64 * 8 * 4  # bytes of the result
    assert timing.peak_bytes(lambda: ssm.convolution(W, U, b, x)) > 4 * states


def test_memory_is_counted_without_loading_anything_large():
    """A sandbox that counts would hold it beside all else: a container has little memory."""
    script = (
        "import sys, torch; from labkit import timing; before = set(sys.modules)\n"
        "assert timing.peak_bytes(lambda: torch.ones(1000)) == 4000\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(
        command, cwd=timing.__file__.rpartition("/labkit/")[0], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert len(loaded.stdout.split()) < 20, loaded.stdout


def test_a_sweep_has_a_row_for_every_function_at_every_size():
    rows = timing.sweep(
        {"sum": torch.sum, "running sum": torch.cumsum},
        lambda n: (torch.ones(n), 0),
        [{"n": 2}, {"n": 3}],
        rounds=2,
        progress=False,
    )
    assert [(row.name, row.sizes["n"]) for row in rows] == [
        ("sum", 2),
        ("running sum", 2),
        ("sum", 3),
        ("running sum", 3),
    ]


def test_a_sweep_refuses_a_function_that_is_still_to_be_answered_before_its_bar_begins(capsys):
    with pytest.raises(Mismatch, match="still to be answered"):
        timing.sweep({"f": lambda n: None}, lambda n: (n,), [{"n": 1}])
    assert capsys.readouterr().out == ""


def test_the_progress_bar_is_plain_text_and_can_be_left_out(capsys):
    arguments = ({"sum": torch.sum}, lambda n: (torch.ones(n),), [{"n": 1}])
    timing.sweep(*arguments, rounds=2)
    assert "1/1" in capsys.readouterr().out
    timing.sweep(*arguments, rounds=2, progress=False)
    assert capsys.readouterr() == ("", "")


def test_four_clocks_read_the_same_question_and_the_fair_one_is_right(clock):
    names = {"slow": 3.0, "fast": 1.0}
    first, second = (clock.takes(name, seconds) for name, seconds in names.items())
    args = (torch.ones(1),)
    said = timing.four_clocks(first, second, args, args, fresh_args=[args] * 4)
    assert [len(readings) for readings in said.values()] == [4, 4, 4, 4]
    for name in (timing.FAIR, timing.SMALL_W, timing.WARM_ELSEWHERE):
        assert said[name] == pytest.approx([1 / 3] * 4)


def test_the_warm_up_elsewhere_counts_the_first_calls_at_a_new_size(clock):
    first, second = clock.takes("first", 1.0), clock.takes("second", 1.0, 7.0, 1.0)
    args = (torch.ones(1),)
    said = timing.four_clocks(first, second, args, args, fresh_args=[args])
    assert said[timing.WARM_ELSEWHERE] == pytest.approx([3.0])  # (7 + 1 + 1) / 3
    assert said[timing.FAIR] == [1.0]


def test_the_clock_that_does_not_wait_is_read_before_the_work_is_done(monkeypatch):
    finish, done_when_read, read = threading.Event(), [], []

    def work(*_):
        if len(read) == 1:  # on the clock: not before it has been read a second time
            assert finish.wait(10)
        return torch.zeros(1)

    def counter():
        read.append(None)
        if len(read) == 2:
            done_when_read.append(finish.is_set())
            finish.set()
        return float(len(read))

    monkeypatch.setattr(timing.time, "perf_counter", counter)
    with timing.ThreadPoolExecutor(1) as queue:
        assert timing._launch(work, False, queue) == 1.0
    assert done_when_read == [False]
