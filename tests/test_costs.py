"""Checks of cost: what passes, what does not, and what is left to a person."""

from __future__ import annotations

import random
import time

import pytest
import torch
from torch.utils._python_dispatch import _get_current_dispatch_mode

from labkit import costs
from labkit.checks import Mismatch, collecting_remarks, seeded
from labkit.costs import grows_at_most, size_from


def powers_in_a_row(W, n):
    out = [torch.eye(len(W))]
    for _ in range(n - 1):
        out.append(out[-1] @ W)
    return torch.stack(out)


def powers_by_doubling(W, n):
    out, step = torch.eye(len(W))[None], W
    while len(out) < n:
        out = torch.cat([out, step @ out])
        step = step @ step
    return out[:n]


def in_numpy(W, n):
    return torch.from_numpy(powers_in_a_row(W, n).numpy() + 0)


def one_power_and_hidden_time(W, n):
    time.sleep(0.0001 * n)
    return torch.linalg.matrix_power(W, n)  # work and span like log n


def judge(function, sizes=(16, 256), **options):
    """What is remarked on a function that passes."""
    options = {"factor": 4, "size": "T", **options}
    with collecting_remarks() as remarks:
        grows_at_most(function, lambda n: (0.9 * torch.eye(4), n), sizes, **options)
    return remarks


def test_a_span_that_grows_as_asked_passes():
    assert judge(powers_by_doubling) == []


def test_what_does_nothing_has_no_cost_that_could_be_right():
    with pytest.raises(Mismatch, match="does nothing that can be counted") as caught:
        judge(lambda W, n: None)
    assert caught.value.kind == "cost"


def test_a_span_that_grows_too_fast_is_told_with_its_numbers():
    with pytest.raises(Mismatch) as caught:
        judge(powers_in_a_row, advice="Try doubling.")
    assert caught.value.kind == "cost"
    assert str(caught.value) == (
        "powers_in_a_row: its span grows from 45 to 765 as T grows from 16 to 256: 17 times as "
        "much, where 4 times is the most. Try doubling."
    )


def test_what_cannot_be_counted_keeps_its_points_and_is_shown_to_a_person():
    (said,) = judge(in_numpy)
    assert "could not be counted" in said


def test_a_clock_that_disagrees_with_a_good_count_is_shown_to_a_person():
    (said,) = judge(one_power_and_hidden_time, sizes=(16, 512))
    assert "is something out of the count?" in said


def test_a_call_that_is_over_sooner_than_its_count_allows_keeps_its_points_and_asks_a_person():
    made = {n: powers_in_a_row(0.9 * torch.eye(4), n) for n in (16, 4096)}

    def in_a_row_where_it_is_watched(W, n):
        return powers_in_a_row(W, n) if _get_current_dispatch_mode() else made[n]

    (said,) = judge(in_a_row_where_it_is_watched, sizes=(16, 4096))
    assert "sooner than 4,097 operations can be started; its points were given" in said


@pytest.mark.parametrize("seconds", [lambda: 0.01, lambda: 0.01 + 0.02 * random.random()])
def test_neither_a_busy_machine_nor_sleep_hides_growth(seconds):
    """Where every call is held up for longer than it takes, a clock sees no growth."""

    def held_up(W, n):
        time.sleep(seconds())
        return powers_in_a_row(W, n)

    with pytest.raises(Mismatch, match="its span grows"):
        judge(held_up)


def test_a_function_is_counted_once_and_clocked_a_few_times_at_each_size():
    calls = []

    def steady(W, n):
        calls.append(n)
        return W @ W

    judge(steady)
    assert len(calls) == 2 + 2 * costs._REPEATS


def test_a_clock_has_no_say_where_few_operations_are_started():
    with pytest.raises(Mismatch, match="its work grows from 2,128 to 29,456"):
        judge(powers_by_doubling, quantity="work")  # in twice the launches


def test_what_starts_an_operation_takes_longer_than_is_taken_for_it():
    """Else a function that does what was counted could contradict its own count."""
    W, n = 0.9 * torch.eye(4), 4096
    (seconds,) = costs._clocked(powers_in_a_row, (W, n))
    assert seconds > n * costs._QUICKEST * costs._start_seconds()


def test_work_can_be_asked_for_in_place_of_span():
    judge(powers_by_doubling, quantity="work", factor=32)
    with pytest.raises(Mismatch, match="its work grows"):
        judge(powers_by_doubling, quantity="work", factor=4)


def test_sizes_come_from_the_seed():
    drawn = set()
    for seed in range(20):
        with seeded(seed):
            assert size_from(10, 20) == size_from(10, 20)
            drawn.add(size_from(10, 20))
    assert len(drawn) > 5
    assert all(10 <= n <= 20 for n in drawn)
