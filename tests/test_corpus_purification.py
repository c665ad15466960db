"""The hidden checks of the purification notebook against right and wrong answers.

A right answer earns every check (digits at small lam apart, as its label says), a wrong one loses
those it is listed with and no others, and no check changes its mind with the seed. Plain functions
stand in for a submission here, without a sandbox.
"""

import pytest

from labkit.checks import Mismatch
from tests import corpus
from tests.submissions.right.purification import SUBMISSIONS, Eigenvectors

CORPUS = corpus.read("q_purification")
SMALL_LAM = "q3b: the purifier at small lam"
NUMBERS = ("alpha_losses", "beta_losses", "lambda_threshold", "answer_3c")


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with corpus.one_thread():
        yield


@pytest.mark.parametrize("seed", corpus.SEEDS)
@pytest.mark.parametrize("right", SUBMISSIONS, ids=lambda right: right.__name__)
def test_a_right_answer_earns_every_check_but_digits_that_it_loses(right, seed):
    functions = {name: f for name, f in vars(right).items() if callable(f)}
    names = CORPUS.submission(functions)
    errors = CORPUS.lost(names, seed)
    assert set(errors) == ({SMALL_LAM} if right.small_lam == "lost" else set()), errors
    assert CORPUS.lost_in_public(names) == {}


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    for seed in corpus.SEEDS:
        errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), seed, _part(wrong))
        assert set(errors) == set(wrong.fails), f"with the seed {seed!r}: {errors}"


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert corpus.sentence(wrong) in told <= corpus.sentences(wrong)


def test_digits_lost_at_small_lam_cost_one_check_which_tells_the_spectrum():
    errors = CORPUS.lost(CORPUS.submission({"purifier": Eigenvectors.purifier}), "first")
    assert set(errors) == {SMALL_LAM}
    assert "singular values from 8000 to 0.4 times its root" in str(errors[SMALL_LAM])


def test_each_function_has_eight_mistakes_to_be_held_to_and_each_number_four():
    for name in CORPUS.functions:
        count = sum(wrong.function == name for wrong in CORPUS.mistakes)
        assert count >= (4 if name in NUMBERS else 8), name


def test_an_untouched_notebook_loses_every_check():
    def unanswered(*args):
        return None

    names = dict.fromkeys(CORPUS.functions, unanswered) | dict.fromkeys(NUMBERS, ...)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (lambda *args: 4.0, "the shape is ()"),
        (lambda *args: (1.0, 2.0, 3.0), "the shape is (3,)"),
        (lambda *args: (float("nan"), 1.0), "not a finite number"),
        (lambda *args: "from 1 to 4", "a str came back"),
        (lambda *args: (0.0, -float("inf")), " end "),
    ],
)
def test_a_window_that_is_none_is_told_in_words(window, said):
    errors = CORPUS.lost(CORPUS.submission({"lambda_window": window}), "first", ["q3c"])
    assert len(errors) == 4
    assert all(isinstance(error, Mismatch) for error in errors.values())
    assert said in str(errors["q3c: the window for any number of directions"])


def _part(wrong):
    return sorted({check.split(":")[0] for check in wrong.fails})
