"""The hidden checks of the referee's notebook against right, wrong and guessed answers.

Each slip of the model has counterexamples that are taken, and a true claim has none: what is handed
in for one is refused with a reason. Plain values stand in for a submission, without a sandbox.
"""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from autograder.problems import problem_text
from autograder.remote import Missing
from labkit.checks import Mismatch
from labkit.referee import CLAIMS, evaluate, judge
from labkit.referee.record import recorded
from solutions.reference.referee import FALSE
from tests import corpus
from tests.mutants import bounded

CORPUS = corpus.read("q_referee_a_model")
NUMBERS = sorted(CLAIMS)
TRUE = [number for number in NUMBERS if number not in FALSE]
# More counterexamples than the solution's: other sizes, other types, awkward floats.
REFUTED = [
    (2, {"A": [[0, 1], [1, 0]], "L": 8}),
    (2, {"A": [[0.1]], "L": 3}),
    (2, {"A": np.array([[1, 1], [0, 1]]), "L": 4}),
    (3, {"n": 64, "m": 1, "r": 1, "L": 64}),
    (3, {"n": 3, "m": 2, "r": 2, "L": 2}),
    (5, {"lam": [1, 0.5], "L": 8}),
    (5, {"lam": torch.tensor([0.9, 0.8]), "L": 2}),
    (6, {"n": 1, "L": 3}),
    (6, {"n": 1024, "L": 1024}),
    (7, {"p": [0.1, 0.2], "sigma": -1, "k": 1}),
    (7, {"p": [1], "sigma": 1.001, "k": 2}),
    (9, {"p": [0.001], "i": 1, "j": 1}),
    (9, {"p": [1, 2, 3, 4], "i": 8, "j": 8}),
    (11, {"X": [[1, 2], [3, 4]], "lam": 0.5, "j": 1}),
    (11, {"X": [[1, 2]], "lam": 1, "j": 0}),
    (12, {"lam": 1}),
    (12, {"lam": 4.0}),
    (16, {"d": 1024}),
    (17, {"t": 1, "d": 2}),
]
# What somebody may try on a true claim, and what a form allows at its most.
TRIED = [
    (1, {"A": [[0.1, 0.2], [0.3, 0.7]], "B": [0.1, 1000], "u": [0.1] * 8}),
    (4, {"lam": [0.1, 0.2], "B": [[1, 2], [3, 4]], "C": [[0.3, 0.7]], "l": 8}),
    (8, {"p": [0.1, 0.7], "sigma": -0.3, "k": 8}),
    (8, {"p": [0.1], "sigma": 0, "k": 8}),
    (10, {"X": [[1, 0], [1, 0]], "lam": 1e-6, "W": [[0.5, 0.5], [0.5, 0.5]]}),
    (10, {"X": [[0.1, 0.2]], "lam": 0.3, "W": [[0]]}),
    (13, {"lam": 4.000000000000001}),
    (13, {"lam": 0.9999999999999999}),
    (13, {"lam": 1}),
    (14, {"n": 1024, "d": 1024}),
    (15, {"keys": [[0.1, 0.2, 0.3]] * 6, "lam": 1e-6}),
]
LARGEST = [
    (1, {"A": [[999.9] * 3] * 3, "B": [1e-6] * 3, "u": [0.1] * 8}),
    (2, {"A": [[0.1, 0.7, 999.9]] * 3, "L": 8}),
    (4, {"lam": [999.9] * 4, "B": [[0.1] * 3] * 4, "C": [[0.3] * 4] * 3, "l": 8}),
    (7, {"p": [999.9] * 4, "sigma": 1e-6, "k": 8}),
    (10, {"X": [[0.1, 0.2, 0.3, 1e-6]] * 3, "lam": 0.7, "W": [[0.1] * 3] * 3}),
    (15, {"keys": [[999.9, 0.1, 1e-6], [0.3, 0.7, 0.11]] * 3, "lam": 1e-6}),
]


# Both sides of each claim, worked out by hand, where it holds and where it fails.
BY_HAND = [
    (1, {"A": [[0.5]], "B": [2], "u": [1, 2]}, True, "gives x_2 = [5], the sum [5]"),
    (1, {"A": [[0, 1], [1, 1]], "B": [1, 0], "u": [1, 2, 3]}, True, "x_3 = [4, 3], the sum [4, 3]"),
    (2, {"A": [[2]], "L": 5}, False, "prefix number 2 is [[8]], and A^2 is [[4]]"),
    (2, {"A": [[0, 1], [0, 0]], "L": 8}, True, "all 8 prefixes are the powers A^0, ..., A^7"),
    (2, {"A": [[3]], "L": 2}, True, "all 2 prefixes are the powers A^0, ..., A^1"),
    (3, {"n": 3, "m": 2, "r": 4, "L": 5}, True, "make 192 multiplications; L n^3 is 135"),
    (3, {"n": 2, "m": 1, "r": 1, "L": 4}, False, "make 20 multiplications; L n^3 is 32"),
    (3, {"n": 1, "m": 1, "r": 1, "L": 1}, True, "make 1 multiplications; L n^3 is 1"),
    (4, {"lam": [2, 3], "B": [[1, 0], [2, 1]], "C": [[1, 1]], "l": 3}, True,
     "K_3 = [[22, 9]], and the sum is [[22, 9]]"),
    (5, {"lam": [1, 1, 2], "L": 3}, False,
     "row 2, column 3 holds 2, and row 3, column 2 holds 1"),
    (5, {"lam": [1, 2, 4], "L": 3}, False,
     "row 1, column 3 holds 1, and row 2, column 2 holds 2"),
    (5, {"lam": [1, 1, 1], "L": 4}, True, "are the same throughout"),
    (6, {"n": 5, "L": 10}, False, "lam_i^9 takes 4 levels, all in all 8; claimed are 4"),
    (6, {"n": 4, "L": 9}, False, "lam_i^8 takes 3 levels, all in all 6; claimed are 3"),
    (6, {"n": 1, "L": 2}, True, "lam_i^1 takes 0 levels, all in all 1; claimed are 1"),
    (7, {"p": [1, 2], "sigma": 2, "k": 2}, False,
     "beta_2 = 12 gives [[13, 24], [24, 49]], and A^2 is [[25, 48], [48, 97]]"),
    (7, {"p": [1, 2], "sigma": 1, "k": 2}, True, "beta_2 = 7 gives [[8, 14], [14, 29]]"),
    (7, {"p": [1], "sigma": 2, "k": 3}, False, "beta_3 = 13 gives [[14]], and A^3 is [[27]]"),
    (8, {"p": [1, 2], "sigma": 2, "k": 2}, True, "beta_2 = 24 gives [[25, 48], [48, 97]]"),
    (9, {"p": [1, 1], "i": 1, "j": 2}, False, "the rule gives 21, and beta_3 is 13"),
    (9, {"p": [1, 1], "i": 2, "j": 2}, False, "the rule gives 72, and beta_4 is 40"),
    (9, {"p": [1, 1], "i": 0, "j": 3}, True, "the rule gives 13, and beta_3 is 13"),
    (10, {"X": [[1, 2]], "lam": 5, "W": [[0]]}, True, "5 for this W, and 2.5 for the one claimed"),
    (10, {"X": [[1, 2]], "lam": 5, "W": [[0.5]]}, True, "2.5 for this W, and 2.5 for the one"),
    (11, {"X": [[1, 2]], "lam": 2, "j": 1}, False,
     "summand 1 is least at W = [[0.8]], their sum at W = [[0.714286]]"),
    (11, {"X": [[1, 2]], "lam": 1, "j": 0}, False,
     "summand 0 is least at W = [[0.666667]], their sum at W = [[0.833333]]"),
    (11, {"X": [[3, 3]], "lam": 2, "j": 0}, True, "W = [[0.9]], their sum at W = [[0.9]]"),
    (12, {"lam": 2}, False, "direction 2 keeps 0.969697, direction 3 keeps 0.888889"),
    (12, {"lam": 1}, False, "direction 2 keeps 0.984615, direction 3 keeps 0.941176"),
    (12, {"lam": 4}, False, "direction 2 keeps 0.941176, direction 3 keeps 0.8"),
    (13, {"lam": 16}, True, "outside the window; direction 3 keeps 0.5, direction 4 keeps 0.05882"),
    (13, {"lam": 4}, True, "inside the window; direction 3 keeps 0.8, direction 4 keeps 0.2"),
    (13, {"lam": 1}, True, "inside the window; direction 3 keeps 0.941176, direction 4 keeps 0.5"),
    (14, {"n": 7, "d": 3}, True, "it makes 243 multiplications, and 5 n d^2 is 315"),
    (14, {"n": 2, "d": 2}, True, "it makes 40 multiplications, and 5 n d^2 is 40"),
    (15, {"keys": [[1, 2]], "lam": 1}, True,
     "updates give [[0.833333, -0.333333], [-0.333333, 0.333333]], the inverse is [[0.833333"),
    (16, {"d": 3}, False, "make 36 multiplications, and 2 d^2 is 18"),
    (16, {"d": 1}, True, "make 2 multiplications, and 2 d^2 is 2"),
    (17, {"t": 2, "d": 3}, False, "makes 15 multiplications, and 2 t d is 12"),
    (17, {"t": 3, "d": 3}, True, "makes 18 multiplications, and 2 t d is 18"),
]  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with corpus.one_thread():
        yield


def answered(verdicts, sure=0.9, counterexamples=None):
    """The names of a submission with these verdicts by number."""
    given = counterexamples or {}
    return {
        f"{value}_{n}": v
        for n in NUMBERS
        for value, v in (
            ("verdict", verdicts[n]),
            ("confidence", sure),
            ("counterexample", given.get(n)),
        )
    }


def points(names):
    """Half a point for each hidden check that is passed."""
    return 0.5 * (len(CORPUS.checks) - len(CORPUS.lost(names, "first")))


OFFICIAL = {
    n: CORPUS.submission({})[f"counterexample_{n}"] for n in NUMBERS
}  # None for those that are true
RIGHT = {n: n not in FALSE for n in NUMBERS}


def test_the_solution_earns_five_points_and_passes_in_public():
    assert points(CORPUS.submission({})) == 5
    assert CORPUS.lost_in_public(CORPUS.submission({})) == {}


@pytest.mark.parametrize("guess", [True, False])
def test_one_verdict_for_all_earns_nothing(guess):
    assert points(answered(dict.fromkeys(NUMBERS, guess))) == 0


def test_verdicts_that_are_all_right_earn_nothing_without_counterexamples():
    assert points(answered(RIGHT)) == 0


@pytest.mark.parametrize("copied", [n for n in NUMBERS if n in FALSE])
def test_one_counterexample_copied_everywhere_earns_half_a_point_at_most(copied):
    everywhere = dict.fromkeys(NUMBERS, OFFICIAL[copied])
    false = dict.fromkeys(NUMBERS, False)
    assert points(answered(false, counterexamples=everywhere)) <= 0.5
    assert points(answered(RIGHT, counterexamples=everywhere)) <= 0.5


def test_each_verdict_turned_round_costs_half_a_point():
    for number in NUMBERS:
        names = answered(RIGHT | {number: not RIGHT[number]}, counterexamples=OFFICIAL)
        assert points(names) == 4.5, number


def test_each_counterexample_left_out_costs_half_a_point():
    for number in FALSE:
        names = answered(RIGHT, counterexamples=OFFICIAL | {number: None})
        assert points(names) == 4.5, number


@pytest.mark.parametrize(("number", "counterexample"), REFUTED)
def test_a_counterexample_of_any_kind_is_taken(number, counterexample):
    names = answered(RIGHT, counterexamples=OFFICIAL | {number: counterexample})
    assert points(names) == 5


@pytest.mark.parametrize(("number", "counterexample"), TRIED)
def test_a_counterexample_to_a_true_claim_is_refused_and_told_what_both_sides_give(
    number, counterexample
):
    names = answered(RIGHT | {number: False}, counterexamples=OFFICIAL | {number: counterexample})
    errors = CORPUS.lost(names, "first")
    (told,) = errors.values()
    assert f"claim {number}: no counterexample, the claim holds there: " in str(told)
    assert re.search(r"\d", str(told).partition("there: ")[2]), "no numbers are told"


@pytest.mark.parametrize(("number", "values", "holds", "said"), BY_HAND)
def test_both_sides_of_a_claim_are_what_they_are_by_hand(number, values, holds, said):
    evaluation = evaluate(number, values)
    assert said in evaluation.said
    assert evaluation.holds is holds


def test_true_claims_hold_on_every_small_input_that_was_tried():
    entries = (0, 1, -2, 0.5)
    for a, b, c, d in itertools.product(entries, repeat=4):
        A, lam = [[a, b], [c, d]], 0.1 + abs(a)
        tried = {
            1: {"A": A, "B": [a, d], "u": [c, b, 1]},
            4: {"lam": [a, b], "B": [[c], [d]], "C": [[d, a]], "l": 3},
            10: {"X": A, "lam": lam, "W": [[b, 0], [d, c]]},
            13: {"lam": lam + abs(b) + abs(c)},
            14: {"n": 4 + int(4 * abs(a)), "d": 1 + int(abs(b))},
            15: {"keys": A, "lam": lam},
        }
        if a or b:
            tried[8] = {"p": [a, b], "sigma": c, "k": int(abs(d))}
        for number, values in tried.items():
            assert evaluate(number, values).holds, (number, values)


@pytest.mark.parametrize(("number", "values"), LARGEST)
def test_the_largest_counterexample_is_evaluated_in_a_moment(number, values):
    with bounded(5.0, 256 << 20):  # of the processor's time, and of memory
        evaluation = evaluate(number, values)
    assert len(evaluation.said) < 600


@pytest.mark.parametrize(
    ("number", "counterexample", "said"),
    [
        (2, [[2]], 'write the counterexample as {"A": ..., "L": ...}'),
        (2, "A = 2", 'write the counterexample as {"A": ..., "L": ...}'),
        (2, {"A": [[2]]}, 'has no "L"'),
        (2, {"A": [[2]], "L": 3, "m": 1}, "take the rest out"),
        (2, {"A": [[2, 1]], "L": 3}, '"A" is to be a square matrix of up to 3 x 3'),
        (2, {"A": [[2, 1], [1]], "L": 3}, '"A" is to be a square matrix of up to 3 x 3'),
        (2, {"A": [["2"]], "L": 3}, "each entry a plain number"),
        (2, {"A": [[True]], "L": 3}, "each entry a plain number"),
        (2, {"A": 2, "L": 3}, '"A" is to be a square matrix'),
        (2, {"A": [[2]], "L": 10**9}, '"L" is to be a whole number from 1 to 8'),
        (2, {"A": [[2]], "L": 2.5}, '"L" is to be a whole number from 1 to 8'),
        (2, {"A": [[10**400]], "L": 3}, "each entry a plain number"),
        (2, {"A": [[float("nan")]], "L": 3}, "each entry a plain number"),
        (2, {"A": [[float("inf")]], "L": 3}, "each entry a plain number"),
        (2, {"A": torch.zeros(2000, 2000), "L": 3}, '"A" is to be a square matrix'),
        (2, {"A": [[1e-300]], "L": 3}, "from a millionth to 1000"),
        (5, {"lam": [1], "L": 2}, '"lam" is to be a list of 2 to 4 numbers'),
        (11, {"X": [[1, 0]], "lam": 0, "j": 0}, "above 0"),
        (11, {"X": [[1, 0]], "lam": 1, "j": 2}, "counted from 0"),
        (12, {"lam": 4.01}, "lam is to be from 1 to 4"),
        (12, {"lam": 0.99}, "lam is to be from 1 to 4"),
        (14, {"n": 1, "d": 2}, "d is to be n at most"),
        (8, {"p": [0, 0], "sigma": 1, "k": 1}, "p is not to be zero"),
        (1, {"A": [[1]], "B": [1, 2], "u": [1]}, "as many numbers as A has rows"),
        (4, {"lam": [1], "B": [[1], [2]], "C": [[1]], "l": 1}, "for each number of lam"),
        (10, {"X": [[1]], "lam": 1, "W": [[1, 0], [0, 1]]}, "as many rows as X"),
    ],
)
def test_what_is_not_well_formed_is_told_what_is_wanted(number, counterexample, said):
    with pytest.raises(Mismatch, match=f"^claim {number}: ") as told:
        judge(number, False, 0.9, counterexample)
    assert said in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("shape", [(20_000, 20_000), (10**9,), (2, 2, 10**8)])
def test_an_array_that_is_too_large_is_refused_before_it_is_unfolded(shape):
    huge = torch.zeros(1).expand(shape)  # one number in memory
    with bounded(5.0, 256 << 20), pytest.raises(Mismatch, match='"A" is to be a square matrix'):
        judge(2, False, 0.9, {"A": huge, "L": 3})


@pytest.mark.parametrize("verdict", [0, 1, "False", 0.0, [False]])
def test_a_verdict_is_true_or_false(verdict):
    with pytest.raises(Mismatch, match="claim 2: write True or False"):
        judge(2, verdict, 0.9, {"A": [[2]], "L": 3})


@pytest.mark.parametrize("sure", [None, ..., True, 0.49, 1.01, 90, "0.9", float("nan")])
def test_a_confidence_lies_between_a_coin_and_certainty(sure):
    with pytest.raises(Mismatch, match=r"claim 2: write a number from 0\.5"):
        judge(2, False, sure, {"A": [[2]], "L": 3})


def test_names_that_a_notebook_does_not_define_count_as_not_given():
    assert judge(1, True, 0.9, Missing("counterexample_1")).evaluation is None
    with pytest.raises(Mismatch, match="claim 2: the verdict False needs a counterexample"):
        judge(2, False, 0.9, Missing("counterexample_2"))
    with pytest.raises(Mismatch, match="claim 2: this is still to be answered"):
        judge(2, Missing("verdict_2"), 0.9, None)


def test_a_claim_called_true_and_refuted_by_its_own_counterexample_is_told():
    with pytest.raises(Mismatch, match="the verdict is True, and on your own counterexample"):
        judge(2, True, 0.9, {"A": [[2]], "L": 3})


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), "first")
    assert set(errors) == set(wrong.fails), errors


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert corpus.sentence(wrong) in told <= corpus.sentences(wrong)


def test_each_claim_has_its_mistake_and_its_check():
    assert {wrong.function for wrong in CORPUS.mistakes} == {f"verdict_{n}" for n in NUMBERS}
    asked = [name for check in CORPUS.checks for name in CORPUS.asked(check)]
    scored = [name for name in answered(RIGHT) if not name.startswith("confidence")]
    assert sorted(asked) == sorted(scored), "each value that counts is asked for once"


@pytest.mark.parametrize("sure", [90, "0.9", None, ...])
def test_a_confidence_earns_no_points_and_costs_none(sure):
    names = answered(RIGHT, sure, OFFICIAL)
    assert CORPUS.lost(names, "first") == {}
    assert len(CORPUS.lost_in_public(names)) == len(NUMBERS), "its form is checked in public"


@pytest.mark.parametrize("make", [np.bool_, torch.tensor], ids=["NumPy", "torch"])
def test_a_verdict_and_a_confidence_may_be_an_arrays_own_numbers(make):
    sure = {np.bool_: np.float32, torch.tensor: torch.tensor}[make](0.75)
    names = {
        name: make(value) if name.startswith("verdict") else value
        for name, value in answered(RIGHT, sure, OFFICIAL).items()
    }
    assert CORPUS.lost(names, "first") == {}
    assert CORPUS.lost_in_public(names) == {}


def test_a_counterexample_may_be_written_in_fractions_and_decimals():
    in_fractions = {"A": [[Fraction(1, 2)]], "L": 3}
    assert evaluate(2, in_fractions) == evaluate(2, {"A": [[0.5]], "L": 3})
    assert evaluate(2, {"A": [[Decimal("0.5")]], "L": 3}) == evaluate(2, in_fractions)


@pytest.mark.parametrize("beside", ["None", "", {}, False, [1, 2], {"A": [[2]]}], ids=repr)
def test_what_stands_beside_the_verdict_true_costs_nothing(beside):
    names = answered(RIGHT, 0.9, OFFICIAL)
    names |= {f"counterexample_{n}": beside for n in NUMBERS if n not in FALSE}
    assert CORPUS.lost(names, "first") == {}
    assert CORPUS.lost_in_public(names) == {}


def test_no_check_rests_on_a_true_claim_alone():
    for check in CORPUS.checks:
        numbers = {int(name.rpartition("_")[2]) for name in CORPUS.asked(check)}
        assert len(numbers & FALSE) == 1, check


def test_an_untouched_notebook_loses_every_check():
    names = dict.fromkeys(answered(RIGHT), ...)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)


# ---- the claims as data


def test_the_claims_on_record_are_those_that_can_be_evaluated():
    assert [claim.number for claim in recorded()] == NUMBERS
    for claim in recorded():
        assert list(claim.wanted) == list(CLAIMS[claim.number].wanted)
        assert 0 <= claim.probability <= 1
        assert claim.report


def test_values_in_the_right_form_are_no_counterexample():
    given = [claim for claim in recorded() if claim.form is not None]
    assert len(given) >= 15
    for claim in given:
        assert evaluate(claim.number, claim.form).holds, claim.number


def test_the_notebook_has_every_claim_word_for_word():
    import nbformat

    file = corpus.ROOT / "notebooks" / "q_referee_a_model.ipynb"
    text = " ".join(problem_text(nbformat.read(file, as_version=4)).split())
    for claim in recorded():
        shown = f"**Claim {claim.number}** (from {claim.part}). {claim.claim}"
        wanted = "; ".join(f"`{name}`: {kind}" for name, kind in claim.wanted.items())
        for part in (shown, claim.evaluated, wanted):
            assert " ".join(part.split()) in text, part
        if claim.form is not None:
            assert json.dumps(claim.form) in text
