"""`autograder bench`: the frame held to clocks turned by hand and functions of known cost, the
rows, the command, and that every bench of the homework runs. No test here measures time."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from autograder import bench, cli
from autograder.bench import Row, interval, race, ratio
from autograder.benches import memory, verdicts
from autograder.bundle_in_use import use_bundle

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"

BENCHES = """
from autograder.bench import Row, bench, ratio

@bench("lengths", "how long things are")
def lengths(full):
    yield Row("long/short n=2", 3.0, 2.5, 3.5, 7, at_least=2)
    yield "left out: longer ones, which take too long"
    if full:
        yield ratio("longer/short n=9", [8.0] * 9, [2.0] * 9)
"""


class Clock:
    """A clock that calls move on by hand, and the order in which they did."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def takes(self, name, *seconds):
        """A call that takes `seconds`, one after another, and the last for ever after."""
        left = list(seconds)

        def call(*args):
            self.calls.append((name, *args))
            self.now += left.pop(0) if len(left) > 1 else left[0]

        return call


def raced(clock, rounds=7, **seconds):
    numbers = iter(range(1000))
    contestants = {name: clock.takes(name, *taken) for name, taken in seconds.items()}
    return race(contestants, lambda: (next(numbers),), rounds=rounds, clock=clock)


# ---- Measuring


def test_a_ratio_is_that_of_the_times_taken():
    turns = raced(Clock(), slow=[3.0], fast=[1.5])
    row = ratio("slow/fast", turns["slow"], turns["fast"])
    assert row == Row("slow/fast", 2.0, 2.0, 2.0, 7)


def test_a_busy_round_hits_both_and_changes_nothing():
    busy = [1.0, 1.0, 9.0, 1.0, 1.0, 5.0, 1.0, 1.0]  # the first warms up
    turns = raced(Clock(), slow=[4 * s for s in busy], fast=busy)
    assert ratio("slow/fast", turns["slow"], turns["fast"]).ratio == 4.0
    assert ratio("slow/fast", turns["slow"], turns["fast"]).high == 4.0


def test_one_disturbed_turn_does_not_move_the_median():
    turns = raced(Clock(), slow=[2.0, 2.0, 200.0, 2.0], fast=[1.0])
    assert ratio("slow/fast", turns["slow"], turns["fast"]).ratio == 2.0


def test_a_slow_first_call_is_not_counted():
    turns = raced(Clock(), slow=[50.0, 2.0], fast=[70.0, 1.0])
    assert turns == {"slow": [2.0] * 7, "fast": [1.0] * 7}


def test_contestants_take_turns_and_who_begins_changes():
    clock = Clock()
    raced(clock, rounds=2, a=[1.0], b=[1.0], c=[1.0])
    assert [name for name, _ in clock.calls[-6:]] == ["a", "b", "c", "c", "b", "a"]


def test_every_round_has_new_inputs_and_all_contestants_get_the_same():
    clock = Clock()
    raced(clock, rounds=7, a=[1.0], b=[1.0])
    given = [args for _, *args in clock.calls[2:]]  # after the warm-up
    assert [a for a, b in zip(given[::2], given[1::2], strict=True) if a == b] == given[::2]
    assert len({tuple(args) for args in given}) == 7


def test_a_short_call_is_repeated_until_its_turn_is_long_enough():
    clock = Clock()
    turns = raced(clock, rounds=6, short=[bench._TURN / 4])
    assert turns["short"] == pytest.approx([bench._TURN / 4] * 6)
    assert len(clock.calls) == 2 + 6 * 4


def test_a_call_slower_than_its_budget_still_has_rounds_enough_for_an_interval(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(bench, "timer", clock)
    turns = race({"slow": clock.takes("slow", 100.0)}, tuple, rounds=50, budget=1.0, clock=clock)
    assert len(turns["slow"]) == bench.FEWEST


def test_torch_has_one_thread_while_it_races_and_as_many_as_before_afterwards():
    before, seen = torch.get_num_threads(), []
    race({"look": lambda: seen.append(torch.get_num_threads())}, tuple, rounds=1, clock=Clock())
    assert set(seen) == {1}
    assert torch.get_num_threads() == before


# ---- Intervals


OF_THE_SIGN_TEST = [  # n, and the places of the two in order, from 0
    (1, 0, 0),
    (3, 0, 2),
    (5, 0, 4),
    (6, 0, 5),
    (8, 0, 7),
    (9, 1, 7),
    (15, 3, 11),
    (25, 7, 17),
]


@pytest.mark.parametrize(("n", "low", "high"), OF_THE_SIGN_TEST)
def test_the_interval_is_that_of_the_tables_of_the_sign_test(n, low, high):
    values = list(range(n))
    random.Random(0).shuffle(values)
    assert interval(values) == (low, high)


@pytest.mark.parametrize("n", [6, 9, 15, 40])
def test_the_interval_encloses_the_median_95_times_of_100(n):
    source = random.Random(n)
    draws = 4000
    hits = 0
    for _ in range(draws):
        low, high = interval([source.expovariate(1) for _ in range(n)])
        hits += low <= math.log(2) <= high
    # three standard deviations of a count with p = 0.95
    assert hits / draws > 0.95 - 3 * math.sqrt(0.95 * 0.05 / draws)


@pytest.mark.parametrize(("low", "high", "verdict"), [(2.1, 3, "holds"), (1, 1.9, "fails"),
                                                     (1.9, 2.1, "undecided")])  # fmt: skip
def test_a_claim_holds_if_the_whole_interval_does(low, high, verdict):
    assert Row("a/b", 2.0, low, high, 9, at_least=2).verdict == verdict
    turned = {"holds": "fails", "fails": "holds", "undecided": "undecided"}
    assert Row("a/b", 2.0, low, high, 9, at_most=2).verdict == turned[verdict]
    assert Row("a/b", 2.0, low, high, 9).verdict == ""


# ---- The command


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    """A homework with one bench and nothing else, and no benches of the grader's own."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(bench, "PACKAGES", ("solutions.benches",))
    folder = tmp_path / "bundle"
    benches = folder / "solutions" / "benches"
    benches.mkdir(parents=True)
    (benches / "__init__.py").touch()
    (benches / "lengths.py").write_text(BENCHES)
    table = {"name": "x", "title": "X", "release": "r", "secret": "a secret of the test"}
    lines = [f'{key} = "{value}"' for key, value in table.items()]
    (folder / "solutions" / "course.toml").write_text("\n".join([*lines, "notebooks = []"]))
    yield folder
    use_bundle(ROOT)


def invoke(bundle, *args):
    return CliRunner().invoke(cli.main, ["bench", "--bundle", str(bundle), *map(str, args)])


def test_rows_come_as_a_table_with_what_was_claimed_and_what_was_left_out(bundle):
    done = invoke(bundle, "lengths")
    assert done.exit_code == 0, done.output
    head, row, left_out = done.stdout.splitlines()
    assert head == "lengths: how long things are"
    assert row.split() == "long/short n=2 3.00 [2.50, 3.50] n=7 claimed ≥ 2: holds".split()
    assert left_out.strip() == "left out: longer ones, which take too long"


def test_rows_as_json_have_the_six_keys_and_nothing_else(bundle, tmp_path):
    file = tmp_path / "rows.json"
    done = invoke(bundle, "--full", "--json", file)
    assert done.exit_code == 0, done.output
    keys = ("bench", "name", "ratio", "low", "high", "n")
    rows = [
        ("lengths", "long/short n=2", 3.0, 2.5, 3.5, 7),
        ("lengths", "longer/short n=9", 4.0, 4.0, 4.0, 9),
    ]
    assert json.loads(file.read_text()) == [dict(zip(keys, row, strict=True)) for row in rows]


def test_a_name_that_no_bench_has_is_one_clear_line_and_status_2(bundle):
    done = invoke(bundle, "lengths", "widths")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr == "autograder: no bench is called 'widths'; there is lengths\n"


def test_a_file_that_cannot_be_written_is_told_before_anything_is_measured(bundle, tmp_path):
    done = invoke(bundle, "--json", tmp_path / "no" / "such" / "folder.json")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "No such file" in done.stderr


def test_a_bundle_without_benches_has_none_to_choose_from(bundle):
    (bundle / "solutions" / "benches" / "lengths.py").unlink()
    done = invoke(bundle, "lengths")
    assert done.exit_code == 2
    assert "this bundle has none" in done.stderr


def test_a_bench_that_cannot_be_imported_is_not_passed_over_in_silence(bundle):
    (bundle / "solutions" / "benches" / "broken.py").write_text("import no_such_module\n")
    done = invoke(bundle, "lengths")
    assert isinstance(done.exception, ModuleNotFoundError)


# ---- The homework's own benches


def test_the_homework_has_its_benches():
    use_bundle(ROOT)
    assert {"kernels", "ssm"} <= set(bench.known())


def test_the_grader_has_its_own():
    assert "throughput" in bench.known()


def test_memory_is_measured_of_the_bundle_that_was_chosen(monkeypatch):
    ran = []

    def stop(command, **options):
        ran.extend(command)
        raise InterruptedError

    monkeypatch.setattr(subprocess, "run", stop)
    use_bundle(TINY)
    try:
        with pytest.raises(InterruptedError):
            next(memory.memory(False))
    finally:
        use_bundle(ROOT)
    assert ran[ran.index("--bundle") + 1] == str(TINY), ran


def test_verdicts_are_measured_with_the_bundle_that_was_chosen(monkeypatch):
    def stop(private):
        raise InterruptedError(*private)

    monkeypatch.setattr(verdicts, "choose", stop)
    use_bundle(TINY)
    try:
        with pytest.raises(InterruptedError, match=str(TINY)):
            next(verdicts.measured())
    finally:
        use_bundle(ROOT)


@pytest.fixture
def tiny(monkeypatch):
    """The kernels' bench at sizes of no interest, on a clock that stands for one that runs."""
    from solutions.benches import kernels

    monkeypatch.setattr(kernels, "FORWARD", [(8, 4, 1), (8, 4, 2)])
    monkeypatch.setattr(kernels, "BACKWARD", [(8, 4, 2)])
    monkeypatch.setattr(kernels, "ERRORS_AT", (64, 8, 1))
    monkeypatch.setattr(kernels, "DRIFT_AT", (16, 32))
    ticks = iter(range(10**9))
    monkeypatch.setattr(kernels, "CLOCK", lambda: float(next(ticks)))
    return kernels


def test_the_kernels_bench_makes_a_row_of_every_pair_and_names_what_it_leaves_out(
    tiny, monkeypatch
):
    monkeypatch.setattr(tiny, "MOST_WORK", 8 * 4**3)  # one head fits, two do not
    made = list(tiny.kernels(False))
    rows = [row for row in made if isinstance(row, Row)]
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert "plain/chunked n=8 d=4 heads=1" in names
    assert "additive/chunked n=8 d=4 heads=1" in names
    assert "additive/chunked n=8 d=4 heads=2" not in names
    assert "plain/chunked with gradients n=8 d=4 heads=2" in names
    assert "error of double_inside/1e-07 n=64 d=8 lam=1e-06 repeated keys" in names
    assert all(math.isfinite(x) for row in rows for x in (row.ratio, row.low, row.high))
    said = [text for text in made if isinstance(text, str)]
    assert any("additive at n=8 d=4 heads=2" in text for text in said)
    json.loads(bench.as_json([("kernels", row) for row in rows]))


def test_errors_are_told_apart_from_times_by_their_names(tiny):
    for row in tiny.kernels(False):
        if isinstance(row, Row) and "lam=" in row.name:
            assert row.name.startswith("error of ")


def test_a_form_that_cannot_factor_in_float32_is_named_and_left_out(tiny, monkeypatch):
    def refuses(*_):
        raise torch.linalg.LinAlgError("not positive-definite")

    monkeypatch.setitem(tiny.forms.FORMS, "additive", refuses)
    made = list(tiny.errors(False))
    assert not any(isinstance(row, Row) and "additive" in row.name for row in made)
    assert sum("additive" in text for text in made if isinstance(text, str)) == 8


def test_every_claim_is_made_at_a_size_that_is_measured():
    from solutions.benches import kernels

    sizes = {"": kernels.FORWARD, "with gradients ": kernels.BACKWARD}
    for what, pair, size in kernels.CLAIMED:
        assert size in sizes[what], pair


def test_the_loops_of_the_ssm_bench_are_the_recurrence():
    from labkit.inputs import diagonal_ssm_inputs, ssm_inputs
    from solutions.benches import ssm as measured
    from solutions.reference import ssm, ssm_diagonal

    for kind, make, oracle in (
        ("dense", ssm_inputs, ssm.recurrence),
        ("diagonal", diagonal_ssm_inputs, ssm_diagonal.recurrence),
    ):
        args = make(3, 70, 5, 4, generator=torch.Generator().manual_seed(0))
        for name, form in measured.FORMS[kind].items():
            error = (form(*args) - oracle(*args)).abs().max() / oracle(*args).abs().max()
            # a state holds up to 70 steps' worth of (4 + 5) roundings
            assert error < 70 * 9 * torch.finfo(torch.float32).eps / 2, f"{kind} {name}"


def test_the_ssm_bench_makes_a_row_of_every_form_and_meets_its_claims_sizes(monkeypatch):
    from solutions.benches import ssm as measured

    monkeypatch.setattr(measured, "N", 2)
    monkeypatch.setattr(measured, "MOST_TAPS", 2 * 128**2 * 16**2)
    monkeypatch.setattr(measured, "T", (8, 128))
    monkeypatch.setattr(measured, "DENSE_H", (4, 64))
    monkeypatch.setattr(measured, "DIAGONAL_H", (4,))
    ticks = iter(range(10**9))
    monkeypatch.setattr(measured, "CLOCK", lambda: float(next(ticks)))
    made = list(measured.forms(False))
    names = [row.name for row in made if isinstance(row, Row)]
    assert len(set(names)) == len(names)
    assert "plain/chunked dense T=8 H=4 N=2 D=32" in names
    assert "plain/convolution dense T=128 H=64 N=2 D=32" not in names
    assert [text for text in made if isinstance(text, str)] == [
        "left out: convolution at dense T=128 H=64, which takes seconds a call"
    ]
