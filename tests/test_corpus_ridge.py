"""The hidden checks of the ridge-attention notebook against right and wrong answers.

A right answer earns every check (cost and gradients as its labels say), a wrong one loses those it
is listed with and no others, and no check changes its mind with the seed. Plain functions stand in
for a submission here, without a sandbox; and the clock beside the counts always sees growth, so
that counts alone decide.
"""

import pytest
import torch

from labkit import costs
from solutions.reference import ridge_attention, ridge_attention_cases
from tests import corpus
from tests.submissions.right.ridge_attention import SUBMISSIONS, InNumPy, OtherLayout

CORPUS = corpus.read("q_ridge_attention")
GRADIENTS = "q4f: gradients for Q, K, V and lam"
UPDATE, CAUSAL = "q4e: the work of an update grows like d^2", "q4f: the work grows like n d^2"
CHOICES = {
    "cost_ridge_attention": (
        "q4c: the cost of the layer",
        "O(nd^2)",
        "O(d^4) O(nd^2) O(n^2d^3) O(n^2d^2) O(n^2) O(1)".split(),
    ),
    "cost_sherman_morrison": (
        "q4e: the cost of an update",
        "O(d^2)",
        "O(d^4) O(d^3) O(d^2) O(d) O(1)".split(),
    ),
}
# Its author reads torch's own words: a backward pass that raised may have other causes too.
SAID_BY_TORCH = "updated_in_place"


@pytest.fixture(autouse=True, scope="module")
def quick():
    """One thread; and what is derived from inputs that all answers meet is derived once."""
    with corpus.one_thread(), pytest.MonkeyPatch.context() as patch:
        for module, name in ((ridge_attention_cases, "_rounding"), (ridge_attention, "causal")):
            patch.setattr(module, name, remembered(getattr(module, name)))
        yield


def remembered(function):
    """The function, computed once for the same numbers; gradients are not kept."""
    kept = {}

    def call(*args, **options):
        if any(isinstance(a, torch.Tensor) and a.requires_grad for a in args):
            return function(*args, **options)
        key = (*map(_numbers, args), *options.items())
        if key not in kept:
            kept[key] = function(*args, **options)
        return kept[key]

    return call


def _numbers(argument):
    if isinstance(argument, torch.Tensor):
        return argument.shape, argument.dtype, argument.numpy().tobytes()
    return argument


@pytest.fixture(autouse=True)
def clock_sees_growth(monkeypatch):
    monkeypatch.setattr(costs, "_clocked", lambda *_: [1.0, 8.0])


@pytest.mark.parametrize("seed", corpus.SEEDS)
@pytest.mark.parametrize("right", SUBMISSIONS, ids=lambda right: right.__name__)
def test_a_right_answer_earns_every_check_but_those_its_labels_say(right, seed):
    functions = {name: f for name, f in vars(right).items() if callable(f)}
    lost = {UPDATE} if right.update_work == "cube" else set()
    lost |= {CAUSAL} if right.causal_work == "cube" else set()
    lost |= set() if right.gradients else {GRADIENTS}
    names = CORPUS.submission(functions)
    errors = CORPUS.lost(names, seed)
    assert set(errors) == lost, errors
    assert CORPUS.lost_in_public(names) == {}


def test_a_lost_cost_is_told_with_its_counts():
    names = CORPUS.submission({"causal_ridge_attention": OtherLayout.causal_ridge_attention})
    errors = CORPUS.lost(names, "first", ["q4f"])
    assert set(errors) == {CAUSAL}
    assert "its work grows from" in str(errors[CAUSAL])
    assert "the query meets the inverse first" in str(errors[CAUSAL])


def test_lost_gradients_are_told_by_the_argument_they_are_lost_for():
    names = CORPUS.submission({"causal_ridge_attention": InNumPy.causal_ridge_attention})
    errors = CORPUS.lost(names, "first", ["q4f"])
    assert set(errors) == {GRADIENTS}
    assert "the gradient for Q: " in str(errors[GRADIENTS])


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_loses_the_checks_it_is_listed_with_and_keeps_the_rest(wrong):
    for seed in corpus.SEEDS:
        errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), seed, _part(wrong))
        assert set(errors) == set(wrong.fails), f"with the seed {seed!r}: {errors}"


@pytest.mark.parametrize("wrong", CORPUS.mistakes, ids=corpus.name_of)
def test_a_mistake_is_told_by_its_own_sentence_and_by_no_other(wrong):
    told = set(CORPUS.told(wrong, "told").values())
    assert told <= corpus.sentences(wrong)
    assert (corpus.sentence(wrong) in told) == (wrong.name != SAID_BY_TORCH)


def test_what_cannot_be_differentiated_is_said_by_torch():
    (wrong,) = (m for m in CORPUS.mistakes if m.name == SAID_BY_TORCH)
    errors = CORPUS.lost(CORPUS.submission({wrong.function: wrong.run}), "first", ["q4f"])
    assert "modified by an inplace operation" in str(errors[GRADIENTS])


@pytest.mark.parametrize("written", [str.upper, str.lower, "  {} ".format, " ".join])
def test_spaces_and_capitals_of_a_choice_matter_in_no_check(written):
    names = CORPUS.submission({})
    names |= {name: written(names[name]) for name in CHOICES}
    names["gradient_inputs"] = [written(name) for name in names["gradient_inputs"]]
    assert CORPUS.lost(names, "first", ["q4c", "q4d", "q4e"]) == {}
    assert CORPUS.lost_in_public(names) == {}


@pytest.mark.parametrize("name", CHOICES)
def test_any_other_choice_loses_its_check_and_is_not_told_the_right_one(name):
    check, right, options = CHOICES[name]
    for chosen in [*options, "O(n)"]:
        errors = CORPUS.lost({**CORPUS.submission({}), name: chosen}, "first", [check[:3]])
        assert set(errors) == ({check} if chosen != right else set())
        if chosen in options and chosen != right:
            assert str(errors[check]) == "this is not the right choice"


@pytest.mark.parametrize(
    "chosen", [[], ["keys"], ["lam", "keys", "values"], ["keys", "values", "queries"]]
)
def test_other_inputs_of_gradients_lose_the_check_and_are_not_told_the_right_ones(chosen):
    errors = CORPUS.lost({**CORPUS.submission({}), "gradient_inputs": chosen}, "first", ["q4d"])
    assert {str(error) for error in errors.values()} == {"these are not the right choices"}


def test_each_function_has_eight_mistakes_to_be_held_to():
    count = {name: sum(m.function == name for m in CORPUS.mistakes) for name in CORPUS.functions}
    for name in CORPUS.functions - {*CHOICES, "gradient_inputs"}:
        assert count[name] >= 8, name


def test_an_untouched_notebook_loses_every_check():
    def unanswered(*args):
        return None

    names = dict.fromkeys(CORPUS.functions, unanswered)
    names |= dict.fromkeys((*CHOICES, "gradient_inputs"), ...)
    assert set(CORPUS.lost(names, "first")) == set(CORPUS.checks)


def _part(wrong):
    return sorted({check.split(":")[0] for check in wrong.fails})
