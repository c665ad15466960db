"""The hidden checks of the kernel notebook against right and wrong answers.

A right answer earns every check (the cost apart, as its label says), a wrong one loses those it is
listed with and no others, and no check changes its mind with the seed. Plain functions stand in for
a submission here, without a sandbox; and the clock beside the counts always sees growth, so that
counts alone decide.
"""

import pytest

from labkit import costs
from tests import corpus
from tests.submissions.right.ssm_kernel import SUBMISSIONS, Loops

CORPUS = corpus.read("q_ssm_convolution_kernel")
SPAN, WORK = "q1d: the span grows like log n log L", "q1e: the work grows like n"
RANK_ONE = "q1f: the work of a rank-one A grows like n"
SPANS = "1; log n; log L + log m; log L log n; L + log n; L log n; L log L".split("; ")
CHOICES = {
    "convolution_span": ("q1c: the span where the kernel is known", "log L + log m"),
    "recursion_span": ("q1c: the span step by step", "L log n"),
    "scan_span": ("q1c: the span of a scan", "log L log n"),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with corpus.one_thread():
        yield


@pytest.fixture(autouse=True)
def clock_sees_growth(monkeypatch):
    monkeypatch.setattr(costs, "_clocked", lambda *_: [1.0, 8.0])


@pytest.mark.parametrize("seed", corpus.SEEDS)
@pytest.mark.parametrize("right", SUBMISSIONS, ids=lambda right: right.__name__)
def test_a_right_answer_earns_every_check_but_that_of_a_cost_it_has(right, seed):
    functions = {name: f for name, f in vars(right).items() if callable(f)}
    costly = {SPAN} if right.doubling_span == "linear" else set()
    costly |= {WORK} if right.diagonal_work == "square" else set()
    costly |= {RANK_ONE} if right.rank_one_work == "square" else set()
    names = CORPUS.submission(functions)
    errors = CORPUS.lost(names, seed)
    assert set(errors) == costly, errors
    assert CORPUS.lost_in_public(names) == {}


def test_a_lost_cost_is_told_with_its_counts():
    functions = {
        "kernel_by_doubling": Loops.kernel_by_doubling,
        "kernel_diagonal": Loops.kernel_diagonal,
        "kernel_identity_plus_rank_one": Loops.kernel_identity_plus_rank_one,
    }
    errors = CORPUS.lost(CORPUS.submission(functions), "first")
    assert set(errors) == {SPAN, WORK, RANK_ONE}
    assert "nor p p^T" in str(errors[RANK_ONE])
    assert "its span grows from" in str(errors[SPAN])
    assert "double the list" in str(errors[SPAN])
    assert "its work grows from" in str(errors[WORK])
    assert "most of it zeros" in str(errors[WORK])


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    for seed in corpus.SEEDS:
        errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), seed, _part(wrong))
        assert set(errors) == set(wrong.fails), f"with the seed {seed!r}: {errors}"


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert corpus.sentence(wrong) in told <= corpus.sentences(wrong)


@pytest.mark.parametrize("written", [str.upper, "  {} ".format, " ".join])
def test_spaces_and_capitals_of_a_choice_matter_in_no_check(written):
    names = CORPUS.submission({})
    names |= {name: written(names[name]) for name in CHOICES}
    assert CORPUS.lost(names, "first", ["q1c"]) == {}
    assert CORPUS.lost_in_public(names) == {}


@pytest.mark.parametrize("name", CHOICES)
def test_any_other_choice_loses_its_check_and_is_not_told_the_right_one(name):
    check, right = CHOICES[name]
    for chosen in [*SPANS, "n log L"]:
        errors = CORPUS.lost({**CORPUS.submission({}), name: chosen}, "first", ["q1c"])
        assert set(errors) == ({check} if chosen != right else set())
        if chosen in SPANS and chosen != right:
            assert str(errors[check]) == "this is not the right choice"


def test_each_function_has_eight_mistakes_to_be_held_to():
    count = {name: sum(m.function == name for m in CORPUS.mistakes) for name in CORPUS.functions}
    by_hand = {"scalar_kernel": 4, "matrix_kernel": 4, **dict.fromkeys(CHOICES, 0)}
    for name in CORPUS.functions:
        assert count[name] >= by_hand.get(name, 8), name


def test_an_untouched_notebook_loses_every_check():
    def unanswered(*args):
        return None

    names = dict.fromkeys(CORPUS.functions, unanswered)
    names |= dict.fromkeys(("scalar_kernel", "matrix_kernel", *CHOICES), ...)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)


def _part(wrong):
    return sorted({check.split(":")[0] for check in wrong.fails})
