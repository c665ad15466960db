"""`autograder bench throughput`: its submissions, its contestants, and that they agree.

No test here measures time."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from autograder import cli, course, masters
from autograder.benches import samples, throughput
from autograder.bundle_in_use import use_bundle
from autograder.work import Machine
from tests.mixed_class import mixed_class

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"


@pytest.fixture(scope="module")
def tiny():
    use_bundle(TINY)
    yield course.load(TINY)
    use_bundle(ROOT)


@pytest.fixture(scope="module")
def made(tiny):
    return samples.read(masters.read(tiny.notebooks[0].master))


def sources(content: bytes) -> str:
    return "\n".join(cell.source for cell in nbformat.reads(content.decode(), 4).cells)


def test_a_sample_answers_the_questions_it_should_and_no_other(made):
    assert made.questions == ("q1a",)
    untouched, answered = sources(made.notebook([])), sources(made.notebook(["q1a"]))
    assert "torch.dot" in answered
    assert "torch.dot" not in untouched
    assert "def mean_square" in untouched


def test_a_sample_holds_no_hidden_test(made):
    content = made.notebook(made.questions).decode()
    assert "hidden=True" not in content
    assert "solutions.reference" not in content


def test_a_class_is_mixed_and_the_same_for_the_same_seed(made):
    first, again, other = (dict(mixed_class(made, 120, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len(first) == 120
    whole = made.notebook(made.questions)
    kinds = [content == whole for content in first.values()]
    assert 20 < sum(kinds) < 100
    assert any(content.startswith(b"%PDF") for content in first.values())
    assert any(b"while True" in content for content in first.values())


def test_ours_and_the_floor_give_the_same_scores(tiny, made, tmp_path):
    with Machine(tiny, 1) as machine, throughput.FloorProcess(TINY) as floor:
        ours = throughput.Ours(tiny, machine, tmp_path / "grades")
        for questions, points in ((made.questions, 3.0), ((), 0.0)):
            content = made.notebook(questions, extra="raise ValueError")
            file = throughput.hand_in(tmp_path, f"answers{len(questions)}", content)
            job = throughput.floor_job(tiny, tiny.notebooks[0], file)
            assert ours.scores(file) == floor.scores(job) == {"q1a": points}
            assert floor.scores({**job, "fork": True}) == {"q1a": points}
        stages = {*ours.run(file), *floor.run(job)}
        assert {*floor.run(job, fork=True)} == {*floor.run(job)}
    assert stages == {*throughput.STAGES, "all"}, "a stage is missing from the table, or not timed"


def test_the_overhead_is_told_by_stage_in_milliseconds_and_shares_of_the_floor():
    warm = [{"cells": 0.004, "forks": 0.006, "all": 0.010}] * 3
    bare = [{"cells": 0.004, "all": 0.005}] * 3
    told = dict.fromkeys(throughput.overhead(warm, bare))
    (forks,) = [line for line in told if "waiting for forks" in line]
    assert forks.split()[-4:] == ["6.0", "0.0", "+6.0", "+1.20"]
    assert list(told)[-1] == "between this and 1.3 times the floor stand 3.5 ms"


def test_the_memory_of_a_child_is_measured_and_small(tiny):
    (row,) = throughput.child_memory(tiny)
    assert row.name == "child_memory/60MB"
    assert 0.01 < row.ratio <= 1, "above 60 MB, or nothing was read"


@pytest.mark.verify
def test_the_bench_finds_equal_scores_and_all_its_ratios(tmp_path):
    args = ["bench", "throughput", "--bundle", TINY, "--json", tmp_path / "rows.json"]
    try:
        done = CliRunner().invoke(cli.main, [str(arg) for arg in args])
    finally:
        use_bundle(ROOT)
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row["ratio"] for row in json.loads((tmp_path / "rows.json").read_text())}
    assert list(rows) == [
        "stock_otter_run/ours",
        "cold_process/ours",
        "ours/floor",
        "forked_floor/floor",
        "ours/forked_floor",
        "equal_scores",
        "child_memory/60MB",
    ]
    assert rows["equal_scores"] == 1, done.output
