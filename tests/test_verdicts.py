"""`autograder bench verdicts`: its counting on made-up verdicts, and a few real ones."""

from __future__ import annotations

import itertools

import pytest
import torch

from autograder.bench import Row
from autograder.benches import verdicts
from autograder.benches.verdicts import SOURCE, TASKS, TIMES, Verdict, measured, summary


def test_wrong_and_missing_verdicts_are_counted_apart():
    found = [
        Verdict(1.6, "slower", "slower"),
        Verdict(0.5, "undecided", "slower"),
        Verdict(2.0, "faster", "faster"),
        Verdict(0.6, "faster", "faster"),
    ]
    made = list(summary(found))
    rows = {row.name: row for row in made if isinstance(row, Row)}
    assert [text for text in made if isinstance(text, str)] == [
        "fair way: of 4 verdicts 1 wrong, 1 undecided",
        "original way: of 4 verdicts 2 wrong, 0 undecided",
        "undecided by true ratio: 1 at 0.5",
    ]
    assert rows["wrong/verdicts fair way"].ratio == 0.25
    assert rows["wrong/verdicts original way"].ratio == 0.5
    undecided = rows["undecided/verdicts fair way"]
    # Clopper and Pearson's interval for 1 of 4
    assert (undecided.low, undecided.high) == pytest.approx((0.0063, 0.8059), abs=1e-4)


def test_true_ratios_begin_at_exactly_a_half_more():
    assert min(more / fewer for fewer, more in TIMES) == 1.5


def test_a_function_does_its_work_as_often_as_its_name_says():
    names: dict = {}
    exec(SOURCE, names)
    for times in {times for pair in TIMES for times in pair}:
        done = []
        names["repeated"](lambda x, y, done=done: done.append(x), times)(1, 2)
        assert len(done) == times
        assert names[f"steps_{times}"].__closure__[0].cell_contents == times


def test_what_is_timed_is_what_the_oracles_say():
    names: dict = {}
    exec(SOURCE, names)
    for unit, task in TASKS.items():
        args = task.fresh()
        expected = task.oracle(*args)
        for times in {times for pair in TIMES for times in pair}:
            error = (names[f"{unit}_{times}"](*args) - expected).abs().max()
            assert error <= task.rtol * expected.abs().max()
        assert names["original"](f"{unit}_{TIMES[0][0]}", *args) > 0
    assert torch.get_default_dtype() == torch.float32


def verdicts_of(count: int) -> list[Verdict]:
    with verdicts.neighbours(verdicts.NEIGHBOURS):
        return list(itertools.islice(measured(), count))


def test_a_few_verdicts_under_two_busy_neighbours_are_never_the_wrong_way():
    found = verdicts_of(2)
    assert [round(v.true, 3) for v in found] == [0.667, 1.5]
    assert all(v.fair == "undecided" or v.right(v.fair) for v in found), found


@pytest.mark.verify
def test_of_a_hundred_verdicts_none_is_wrong_and_few_are_missing():
    found = verdicts_of(100)
    assert all(v.fair == "undecided" or v.right(v.fair) for v in found), found
    assert sum(v.fair == "undecided" for v in found) < 10
