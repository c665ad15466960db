"""Which known mistake explains an output, and when none is named."""

from __future__ import annotations

import pytest
import torch

from autograder.diagnosis import Call, cause, explain, in_a_row, known_mistakes, mistake
from labkit.checks import Mismatch, gradients

X = torch.tensor([1.0, 2.0, 4.0])


def cumulative(x):
    return x.cumsum(0)


@mistake("f", "is it shifted?", fails=["q: t"])
def shifted(x):
    return torch.cat([x.new_zeros(1), x.cumsum(0)[:-1]])


@mistake("f", "is the last one lost?")
def without_last(x):
    return torch.cat([x.cumsum(0)[:-1], x.new_zeros(1)])


@mistake("f", "do lengths of four work?")
def not_four(x):
    return x.cumsum(0) if len(x) != 4 else x.view(2, 3)


@mistake("f", "in place?")
def in_place(x):
    return x.copy_(x.cumsum(0)).clone()


KNOWN = [f.mistake for f in (shifted, without_last, not_four)]


def diagnose(function, *inputs, expected=cumulative) -> str:
    calls, wrong = [], Mismatch("differs", kind="value")
    for x in inputs:
        try:
            calls.append(Call("f", (x,), function(x)))
            wrong = Mismatch("differs", kind="value", expected=expected(x))
        except RuntimeError as error:
            calls.append(Call("f", (x,), raised=type(error).__name__))
            wrong = Mismatch("raised", kind="raised")
    return explain(calls, wrong, KNOWN)


def test_the_mistake_that_gives_the_same_output_is_named():
    assert diagnose(shifted, X) == "is it shifted?"
    assert diagnose(without_last, X) == "is the last one lost?"


def test_rounding_does_not_hide_a_mistake():
    assert diagnose(lambda x: shifted(x.double()).float() + 1e-6, X) == "is it shifted?"


def test_a_mistake_that_makes_infinities_is_named_by_where_they_are():
    @mistake("f", "is it divided by zero?")
    def divided(x):
        return x.cumsum(0) / x.cumsum(0).sub(1).sign()

    known = [divided.mistake]
    expected = X.cumsum(0)
    wrong = Mismatch("an infinity", kind="not finite", expected=expected)
    first = Call("f", (X,), divided(X))
    assert explain([first, first], wrong, known) == "is it divided by zero?"
    for infinity_elsewhere_or_another_number in (divided(X).flip(0), divided(X).round(decimals=-1)):
        call = Call("f", (X,), infinity_elsewhere_or_another_number)
        assert explain([call], wrong, known) == ""
        assert explain([call, first], wrong, known) == ""
    nothing_finite = Call("f", (X[:1],), torch.tensor([torch.inf]))
    assert explain([nothing_finite], wrong, known) == "is it divided by zero?"


def test_a_plain_value_is_explained_as_a_call_of_nothing():
    @mistake("answer", "is it half of it?")
    def half():
        return [1, 2]

    wrong = Mismatch("differs", kind="value", expected=[2, 4])
    assert explain([Call("answer", (), [1.0, 2.0])], wrong, [half.mistake]) == "is it half of it?"
    assert explain([Call("answer", (), "1, 2")], wrong, [half.mistake]) == ""


def test_a_right_function_held_to_a_wrong_one_is_told_no_mistake():
    """`not_four` is right at three numbers, so it does there what the right function does."""
    made = [Call("g", (X,), 2 * X), Call("f", (X,), cumulative(X))]
    expected = {"kind": "value", "expected": 2 * X}
    assert cause(Mismatch("differs", **expected), made, made, KNOWN) == "do lengths of four work?"
    assert cause(Mismatch("differ", kind="agreement"), made, made, KNOWN) == ""


def test_the_call_that_failed_is_the_last_or_the_last_of_what_the_test_names():
    made = [Call("f", (X,), shifted(X)), Call("g", (), 1.0)]
    wrong = {"kind": "value", "expected": cumulative(X)}
    assert cause(Mismatch("differs", **wrong), made, made, KNOWN) == ""
    assert cause(Mismatch("differs", **wrong, name="f"), made, made, KNOWN) == "is it shifted?"
    assert cause(Mismatch("differs", **wrong), [], made, KNOWN) == ""
    assert cause(None, made, made, KNOWN) == ""


def test_an_unknown_error_is_given_no_name():
    assert diagnose(lambda x: 3 * x, X) == ""
    assert diagnose(lambda x: shifted(x) + 0.3 * x, X) == "", "near is not the same"


def test_a_mistake_must_explain_every_call_of_the_function():
    def shifted_when_short(x):
        return shifted(x) if len(x) < 4 else x.cumsum(0)

    long = torch.arange(1.0, 7.0)
    assert diagnose(shifted_when_short, long, X) == ""
    assert diagnose(shifted, long, X) == "is it shifted?"


def test_an_exception_is_matched_if_the_other_calls_are():
    four = torch.ones(4)
    assert diagnose(not_four, X, four) == "do lengths of four work?"


def test_an_exception_alone_names_nothing():
    assert diagnose(not_four, torch.ones(4)) == ""


def test_a_call_that_raised_before_hides_no_mistake_of_the_others():
    """As of a function that has a mistake, and takes no batches besides."""
    batch = Call("f", (torch.ones(2, 3),), raised="IndexError")
    wrong = Mismatch("differs", kind="value", expected=cumulative(X))
    calls = [batch, Call("f", (X,), shifted(X))]
    assert explain(calls, wrong, KNOWN) == "is it shifted?"
    assert explain([calls[1], batch], Mismatch("raised", kind="raised"), KNOWN) == ""


def test_double_precision_that_was_lost_is_named():
    x = X.double() / 3
    right = cumulative(x)

    def told(value, expected=right, args=(x,), kind="value", known=KNOWN) -> str:
        made = [Call("f", args, value)]
        return cause(Mismatch("differs", kind=kind, expected=expected), made, made, known)

    assert told(right.float()).startswith("your result is float32, where the inputs are float64")
    assert told(right.float().double()).startswith("the error is of the size that float32 leaves")
    assert told(right + 1e-3) == "", "that is another mistake"
    assert told(right * (1 + 1e-12)) == "", "that is rounding in float64"
    assert told(right.float(), args=(x.float(),)) == "", "nobody asked for more"
    assert told(right.float()[:2]) == "", "there are too few"
    assert told(right.float(), kind="shape") == ""
    assert told(right.float(), expected=None, known=()) == ""
    assert told([1.0, 2.0, 3.0]) == "", "numbers of Python's have no other type"
    assert told(shifted(x).float()) == "is it shifted?", "a known mistake says more"


def test_what_did_not_come_back_at_all_names_nothing():
    assert diagnose(lambda x: None, X) == ""


def test_the_inputs_of_a_call_are_left_as_they_were():
    x = X.clone()
    wrong = Mismatch("changed", kind="inputs")
    assert explain([Call("f", (x,), X.cumsum(0))], wrong, [in_place.mistake]) == "in place?"
    assert torch.equal(x, X)


def test_a_mistake_that_changes_inputs_is_named_where_they_were_changed_and_nowhere_else():
    right = Call("f", (X,), X.cumsum(0))
    elsewhere = Mismatch("delays differ", kind="value", expected=torch.zeros(2))
    assert explain([right], elsewhere, [in_place.mistake]) == ""
    changed = Mismatch("changed", kind="inputs")
    assert explain([right], changed, [not_four.mistake, in_place.mistake]) == "in place?"


def test_the_bundles_mistakes_are_found_and_say_what_they_lose():
    mistakes = known_mistakes()
    assert len(mistakes) > 20
    for known in mistakes:
        assert known.fails, f"{known.name} loses nothing: is it a mistake?"
        assert known.says[0].islower() or known.says.split()[0].isupper(), known.name
    assert len({(m.function, m.name) for m in mistakes}) == len(mistakes)


def test_a_bundle_without_mistakes_has_none():
    assert known_mistakes("no.such.package") == ()


@pytest.mark.parametrize("value", ["text", [[1], [1, 2]], torch.ones(3, 3)], ids=str)
def test_odd_values_match_nothing(value):
    call = Call("f", (X,), value)
    assert explain([call], Mismatch("", kind="shape", expected=X), KNOWN) == ""


# ---- Gradients


@mistake("g", "is something detached?")
def half_detached(x):
    return x * x.detach() ** 2


@mistake("g", "is something done in place?")
def saved_and_changed(x):
    y = x * 1
    z = y**3
    y += 1
    return z


def pulled(function) -> Call:
    wrt, cotangent = (0,), torch.ones(3)
    try:
        found = in_a_row(gradients(function, (X,), wrt, cotangent))
    except RuntimeError as error:
        return Call("g", (X,), raised=type(error).__name__, pullback=(wrt, cotangent))
    return Call("g", (X,), found, pullback=(wrt, cotangent))


def diagnose_gradient(function) -> str:
    known = [half_detached.mistake, saved_and_changed.mistake]
    calls = [Call("g", (X,), function(X)), pulled(function)]
    wrong = Mismatch("differs", kind="value", expected=3 * X.double() ** 2)
    return explain(calls, wrong, known)


def test_a_mistake_is_known_by_its_gradients_where_its_values_are_right():
    assert diagnose_gradient(lambda x: x * (x * x).detach()) == "is something detached?"
    assert diagnose_gradient(lambda x: (x * x) * x.detach()) == ""
    assert diagnose_gradient(lambda x: 2 * x * x.detach() ** 2) == ""


def test_a_backward_pass_that_raised_is_left_to_torchs_words():
    assert pulled(saved_and_changed).raised == "RuntimeError"
    assert diagnose_gradient(saved_and_changed) == ""
