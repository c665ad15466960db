"""The statistics of paired comparisons, on made-up seconds. No test here measures time."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder import timing
from autograder.timing import FEWEST, MOST, Ratio, paired, share_of_points, take_turns


def noisy(source, seconds, rounds):
    """Seconds under neighbours: a factor each round shares, one of its own, and a stall or two."""
    return [
        (seconds * source.uniform(0.8, 1.4) + (0.2 if source.random() < 0.1 else 0.0))
        for _ in range(rounds)
    ]


def test_a_ratio_is_the_median_of_the_pairs_and_what_hits_both_cancels_out():
    busy = [1.0, 1.0, 9.0, 1.0, 50.0, 5.0, 1.0, 1.0, 1.0, 2.0]
    found = paired([3 * b for b in busy], busy)
    assert (found.ratio, found.low, found.high) == pytest.approx((3, 3, 3))
    assert found.verdict == "slower"


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(1e-6, 1e3), st.floats(1e-6, 1e3)), min_size=1, max_size=40))
def test_turning_a_pair_round_turns_its_ratio_and_its_verdict_round(turns):
    first, second = zip(*turns, strict=True)
    one, other = paired(first, second), paired(second, first)
    assert (one.ratio, one.low, one.high) == pytest.approx(
        (1 / other.ratio, 1 / other.high, 1 / other.low)
    )
    opposite = {"faster": "slower", "slower": "faster", "undecided": "undecided"}
    assert one.verdict == opposite[other.verdict]
    assert one.low <= one.ratio <= one.high


@pytest.mark.parametrize("true", [0.5, 2 / 3, 1.5, 2.0])
def test_a_true_ratio_of_1_5_is_told_under_noise_and_never_the_wrong_way(true):
    source = random.Random(str(true))
    right = "slower" if true > 1 else "faster"
    told = [paired(noisy(source, true, 20), noisy(source, 1.0, 20)).verdict for _ in range(200)]
    assert set(told) <= {right, "undecided"}
    assert told.count("undecided") < 20


def test_equal_contestants_are_rarely_told_apart():
    source = random.Random(0)
    told = [paired(noisy(source, 1, 12), noisy(source, 1, 12)).verdict for _ in range(1000)]
    # 1% is allowed by the interval; three standard deviations of 1000 draws
    assert 1000 - told.count("undecided") < 10 + 3 * 10**0.5


def test_few_rounds_decide_nothing_however_clear_they_are():
    assert paired([9.0] * (FEWEST - 1), [1.0] * (FEWEST - 1)).verdict == "undecided"
    assert paired([9.0] * FEWEST, [1.0] * FEWEST).verdict == "slower"


class Turns:
    """Contestants on a clock turned by hand, and the order of their turns."""

    def __init__(self):
        self.now, self.order = 0.0, []

    def contestant(self, name, seconds, spread=0.0):
        source = random.Random(name)

        def turn():
            taken = seconds * (1 + spread * source.uniform(-1, 1))
            self.order.append(name)
            self.now += taken
            return taken

        return turn


def race(turns, cap, **contestants):
    made = {name: turns.contestant(name, *how) for name, how in contestants.items()}
    return take_turns(made, [("a", "b")], cap=cap, order=random.Random(0), clock=lambda: turns.now)


def test_it_stops_as_soon_as_the_ratio_is_precise():
    assert len(race(Turns(), 1e9, a=(2.0,), b=(1.0,))["a"]) == FEWEST


def test_it_goes_on_while_it_is_not_precise_and_never_for_ever():
    assert len(race(Turns(), 1e9, a=(2.0, 0.9), b=(1.0, 0.9))["a"]) == MOST


def test_the_cap_ends_it_but_not_before_a_verdict_is_possible():
    assert len(race(Turns(), 0.0, a=(2.0, 0.9), b=(1.0, 0.9))["a"]) == FEWEST
    assert FEWEST < len(race(Turns(), 60.0, a=(2.0, 0.9), b=(1.0, 0.9))["a"]) < MOST


def test_in_each_round_every_contestant_has_one_turn_and_the_order_is_drawn():
    turns = Turns()
    race(turns, 1e9, a=(1.0, 0.9), b=(1.0, 0.9), c=(1.0,))
    rounds = [tuple(turns.order[i : i + 3]) for i in range(0, len(turns.order), 3)]
    assert all(sorted(r) == ["a", "b", "c"] for r in rounds)
    assert len(set(rounds)) == 6, "every order comes up"


@pytest.mark.parametrize(
    ("low", "high", "share"),
    [
        (0.5, 0.6, 1),
        (1.1, 1.15, 1),
        (1.19, 3, 1),
        (2.0, 2.1, 1 / 2),
        (9.9, 10.5, 1 / 9.9),
        (10, 12, 0),
    ],
)
def test_points_follow_the_lower_end_of_the_ratio(low, high, share):
    assert share_of_points(Ratio(low, low, high, 20)) == pytest.approx(share)


def test_undecided_never_costs_points():
    assert share_of_points(Ratio(20.0, 0.9, 400.0, 20)) == 1
    assert share_of_points(Ratio(20.0, 19.0, 21.0, FEWEST - 1)) == 1


def test_fewest_is_the_smallest_number_that_can_enclose_a_median_with_that_confidence():
    assert 2 * 0.5**FEWEST <= 1 - timing.CONFIDENCE < 2 * 0.5 ** (FEWEST - 1)
