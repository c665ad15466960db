"""The hidden checks of the CPU notebook against right and wrong implementations.

A right implementation earns every check (the cost apart, as its label says), a wrong one loses
those it is listed with and no others, and no check changes its mind with the seed. Plain functions
stand in for a submission here, without a sandbox.
"""

import pytest
import torch

from labkit import costs
from tests.corpus import SEEDS, name_of, one_thread, read, sentence, sentences
from tests.submissions.right.ssm_forward import SUBMISSIONS, Loops

CORPUS = read("q_coding_ssm_forward_cpu")
SPAN = "q2b: the spans of kernel and convolution grow like log T"
# Wrong kernels which make of the right convolution what a mistake there does too: its sentence says
# that W is transposed, that an input is changed.
THROUGH_THE_CONVOLUTION = ("kernel_transposed", "W_squared_in_place")


@pytest.fixture(autouse=True, scope="module")
def quick():
    with one_thread():
        yield


@pytest.fixture(autouse=True)
def clock_sees_growth(monkeypatch):
    """The clock beside the count always agrees with it, so that counts alone decide."""
    monkeypatch.setattr(costs, "_clocked", lambda *_: [1.0, 8.0])


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("right", SUBMISSIONS, ids=lambda right: right.__name__)
def test_a_right_implementation_earns_every_check_but_that_of_a_cost_it_has(right, seed):
    functions = {name: f for name, f in vars(right).items() if callable(f)}
    costly = {SPAN} if right.kernel_span == "linear" else set()
    submission = CORPUS.submission(functions)
    errors = CORPUS.lost(submission, seed)
    assert set(errors) == costly, errors
    assert CORPUS.lost_in_public(submission) == {}


def test_a_convolution_with_a_random_bias_is_told_that_it_is_random():
    def conv_ssm_forward(W, U, b, x):
        T, H = x.shape[1], len(W)
        conv = torch.nn.Conv1d(H, H, T, padding=T - 1)
        conv.weight.data = make_conv_kernel(W, T).flip(-1)  # noqa: F821  the submission has it
        return conv((x @ U.T + b).mT)[:, :, :T].mT.detach()

    names = CORPUS.submission({"conv_ssm_forward": conv_ssm_forward})
    lost, public = CORPUS.lost(names, "first"), CORPUS.lost_in_public(names)
    assert {check.partition(":")[0] for check in lost} == {"q2b"}
    assert len(lost) == 2  # of a wrong value no span is counted
    for error in (*lost.values(), public["q2b: the example worked by hand"]):
        assert "two calls with the same inputs gave different results" in str(error)
        assert "`bias=False`" in str(error)


def test_a_lost_cost_is_told_in_steps():
    submission = CORPUS.submission({"make_conv_kernel": Loops.make_conv_kernel})
    message = str(CORPUS.lost(submission, "first")[SPAN])
    assert "its span grows from" in message
    assert "should double the number of powers" in message


@pytest.mark.parametrize("seed", SEEDS)
def test_a_loop_in_the_place_of_the_convolution_loses_the_points_for_cost_and_no_others(seed):
    def conv_ssm_forward(W, U, b, x):
        return unrolled_ssm_forward(W, U, b, x)  # noqa: F821  the submission has it

    errors = CORPUS.lost(CORPUS.submission({"conv_ssm_forward": conv_ssm_forward}), seed)
    assert set(errors) == {SPAN}
    assert "conv_ssm_forward: its span grows from" in str(errors[SPAN])
    assert "a loop over the steps?" in str(errors[SPAN])


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    questions = {check.split(":")[0] for check in wrong.fails}  # whose functions alone call it
    for seed in SEEDS:
        errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), seed, questions)
        assert set(errors) == set(wrong.fails), f"with the seed {seed!r}: {errors}"


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert wrong.name in THROUGH_THE_CONVOLUTION or sentence(wrong) in told <= sentences(wrong)


def test_each_function_has_mistakes_to_be_held_to():
    count = {f: sum(wrong.function == f for wrong in CORPUS.mistakes) for f in CORPUS.functions}
    for function in ("unrolled_ssm_forward", "make_conv_kernel", "conv_ssm_forward"):
        assert count[function] >= 8
    assert all(count.values())


def test_an_untouched_notebook_loses_every_check():
    def unanswered(*args):
        return None

    names = dict.fromkeys(CORPUS.functions, unanswered)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)
