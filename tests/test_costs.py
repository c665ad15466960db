"""Checks of cost: what passes, what does not, and what is left to a person."""

from __future__ import annotations

import time

import pytest
import torch

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
    options = {"factor": 4, **options}
    with collecting_remarks() as remarks:
        grows_at_most(function, lambda n: (0.9 * torch.eye(4), n), sizes, **options)
    return remarks


def test_a_span_that_grows_as_asked_passes():
    assert judge(powers_by_doubling) == []


def test_a_span_that_grows_too_fast_is_told_with_its_numbers():
    with pytest.raises(Mismatch) as caught:
        judge(powers_in_a_row, advice="Try doubling.")
    assert caught.value.kind == "cost"
    assert str(caught.value) == (
        "its span grows from 45 to 765 between the sizes 16 and 256: 17 times as much, where about "
        "4 times is the most. Try doubling."
    )


def test_what_cannot_be_counted_keeps_its_points_and_is_shown_to_a_person():
    (said,) = judge(in_numpy)
    assert "could not be counted" in said


def test_a_clock_that_disagrees_with_a_good_count_is_shown_to_a_person():
    (said,) = judge(one_power_and_hidden_time, sizes=(16, 512))
    assert "is something out of the count?" in said


def test_a_clock_that_sees_no_growth_keeps_the_points_and_asks_a_person():
    def steady(W, n):
        time.sleep(0.01)
        return powers_in_a_row(W, n)

    (said,) = judge(steady, sizes=(2, 20))
    assert "its points were given" in said


def test_a_busy_machine_does_not_hide_growth():
    calls = iter(range(1000))

    def held_up(W, n):
        if next(calls) < 20:
            time.sleep(0.02)
        return powers_in_a_row(W, n)

    with pytest.raises(Mismatch, match="its span grows"):
        judge(held_up)


def test_a_good_count_takes_few_calls_though_no_growth_shows():
    calls = []

    def steady(W, n):
        calls.append(n)
        time.sleep(0.001)
        return W @ W

    judge(steady)
    assert len(calls) == 2 + 2 * costs._REPEATS  # counted once, then clocked, at each size


def test_a_clock_has_no_say_where_hardly_more_operations_are_started(monkeypatch):
    monkeypatch.setattr(costs, "_clocked_growth", lambda *_: 1.0)
    with pytest.raises(Mismatch, match="its work grows from 2,128 to 29,456"):
        judge(powers_by_doubling, quantity="work")  # in twice the launches


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
