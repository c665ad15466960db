"""The stopwatch of stages, held to a clock turned by hand."""

from __future__ import annotations

import pytest

from autograder import stages


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(stages.time, "perf_counter", lambda: now[0])

    def passes(seconds):
        now[0] += seconds

    return passes


def test_a_stage_inside_another_is_counted_once(clock):
    with stages.watched() as seconds, stages.stage("tests"):
        clock(1)
        with stages.stage("calls"):
            clock(5)
        clock(2)
    assert seconds == {"tests": 3, "calls": 5}


def test_a_stage_that_comes_again_adds_up_also_inside_itself(clock):
    with stages.watched() as seconds:
        for _ in range(2):
            with stages.stage("calls"):
                clock(1)
                with stages.stage("calls"):
                    clock(10)
    assert seconds == {"calls": 22}


def test_a_stage_that_raises_is_counted_and_nobody_has_to_watch(clock):
    with stages.watched() as seconds, pytest.raises(ValueError), stages.stage("cells"):  # noqa: PT011, PT012
        clock(4)
        raise ValueError
    assert seconds == {"cells": 4}
    with stages.stage("cells"):
        clock(4)
    assert seconds == {"cells": 4}
