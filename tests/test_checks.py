"""labkit.checks: what passes, what does not, and what a student is told."""

from __future__ import annotations

import doctest
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from autograder.wire import decode, encode
from labkit import checks
from labkit.checks import (
    Case,
    Mismatch,
    agree,
    as_tensor,
    choice,
    choices,
    generator,
    gradients,
    how_many,
    of_shape,
    same,
    seeded,
)


def told(*args, **kwargs) -> str:
    """The message of a comparison that must not pass."""
    with pytest.raises(Mismatch) as caught:
        same(*args, **kwargs)
    return str(caught.value)


def test_the_examples_in_the_docstrings_hold():
    assert doctest.testmod(checks).failed == 0


@pytest.mark.parametrize(
    "actual",
    [
        torch.tensor([1.0, 2.0]),
        torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True),
        np.array([1, 2]),
        [1, 2.0],
        (1, 2),
        [Fraction(1), Decimal(2)],
        np.array([Fraction(1), 2], dtype=object).tolist(),
        [torch.tensor(1.0), torch.tensor(2)],
    ],
    ids=[
        "float32",
        "float64 with gradient",
        "numpy",
        "list",
        "tuple",
        "exact",
        "objects",
        "tensors",
    ],
)
def test_numbers_of_any_kind_are_compared(actual):
    same(actual, torch.tensor([1.0, 2.0]), rtol=1e-6)


def test_pythons_own_numbers_keep_all_their_digits():
    third = 1 / 3
    for actual in (third, [third], (third,), [[third]], [np.float64(third)], [Fraction(1, 3)]):
        same(torch.as_tensor(as_tensor(actual)).flatten(), [third], rtol=1e-15)
    assert as_tensor([1j]).dtype == as_tensor(np.array([1j])).dtype == torch.complex128


def test_a_limit_and_what_passes_it_by_little_do_not_look_the_same():
    assert "is 0.003003 of the largest entry (allowed: 0.003)" in told([1.003003], [1], rtol=0.003)


def test_the_error_is_taken_against_the_largest_entry():
    expected = torch.tensor([1000.0, 0.0])
    same(expected + torch.tensor([0.0, 0.5]), expected, rtol=1e-3)
    assert "largest error is 2e-03" in told([1000.0, 2.0], expected, rtol=1e-3)


def test_against_zeros_the_error_is_absolute():
    same([1e-7, 0.0], torch.zeros(2), rtol=1e-6)
    assert "is 1e-05 of" in told([1e-5, 0.0], torch.zeros(2), rtol=1e-6)


def test_the_first_place_that_differs_is_named_by_its_axes():
    expected = torch.zeros(2, 3)
    actual = expected.clone()
    actual[1, 2] = 1
    said = told(actual, expected, rtol=1e-6, axes=("sequence", "step"), about="T = 3")
    assert said.startswith("T = 3: 17% of the entries differ, first at sequence 1, step 2;")


def test_an_expected_value_is_told_only_where_it_may_be_seen():
    assert "0.123457" not in told([0.5], [0.123457], rtol=1e-6)
    assert "there" not in told(0.5, 0.25, rtol=1e-6, show=True), "a single number has no place"
    assert "there you have 0.5, expected 0.123457" in told([0.5], [0.123457], rtol=1e-6, show=True)


@pytest.mark.parametrize(
    ("actual", "kind", "said"),
    [
        (None, "unanswered", "still to be answered, or is a `return` missing"),
        (..., "unanswered", "still to be answered"),
        ("text", "type", "a str came back"),
        ({"a": 1}, "type", "a dict came back"),
        (object(), "type", "type object came back"),
        ([[1.0], [1.0, 2.0]], "type", "a list of rows that differ in length came back"),
        ([1.0, ...], "type", "one of the numbers is still to be answered"),
        ([[1.0], [...]], "type", "one of the numbers is still to be answered"),
        ([1.0, "2"], "type", "a list that holds a value of type str came back where numbers"),
        ((torch.ones(2), torch.ones(1)), "type", "a list of 2 tensors or arrays came back: torch"),
        ([torch.ones(1, 1)] * 4, "shape", "a list of 4 tensors or arrays came back: torch.stack"),
        ([np.ones(2), np.ones(2)], "type", "a list of 2 tensors or arrays came back: torch.stack"),
        (np.array([1, 2], dtype=object), "type", "an array came back that does not hold numbers"),
        (np.array(["1", "2"]), "type", "an array came back that does not hold numbers"),
        (range(1, 3), "type", "a value of type range came back where numbers were asked for"),
        (lambda: 1, "type", "a value of type function came back where numbers"),
        ([[1.0, 2.0]], "shape", "the shape is (1, 2), and (2,) was asked for"),
        ([1.0, float("nan")], "not finite", "a NaN or an infinity, first at [1]"),
        ([1.0, 3.0], "value", "50% of the entries differ"),
    ],
)
def test_each_way_to_be_wrong_is_told_in_its_own_words(actual, kind, said):
    with pytest.raises(Mismatch) as caught:
        same(actual, [1.0, 2.0], rtol=1e-6)
    assert caught.value.kind == kind
    assert said in str(caught.value)


def read(value) -> str:
    """The numbers that a value is, or what is said of it where it is none."""
    try:
        tensor = as_tensor(value)
    except Mismatch as mismatch:
        return f"{mismatch.kind}: {mismatch}"
    return f"{tensor.dtype} {tensor.tolist()}"


ROWS = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "value",
    [
        *(ROWS[::-1], ROWS[:, ::-1], ROWS.T, ROWS[0, 0], np.array(0.5), np.zeros((2, 0))),
        *(np.ones(3, dtype=kind) for kind in "? i1 u2 u8 >f4 f2 g G".split()),
        *(np.longdouble(0.5), np.complex64(2j), np.bool_(True), [np.complex64(2j), 1]),
        *(np.complex128(2j), [np.complex128(2j)], [1j, 2], [torch.tensor(1j), torch.tensor(1)]),
        *(np.array([1, 2], dtype=object), np.array(["a"]), np.array(["2020"], "datetime64")),
        *([np.float32(1), np.int8(2)], [np.array(1.0)], [ROWS, ROWS], [torch.ones(2), ROWS[0]]),
        *(torch.tensor([1, 2], dtype=torch.uint16), [torch.tensor(1.0)], [Fraction(1, 3), 1j]),
        *(2**70, -(2**70), [2**63, 1], True, [], [[], []], Decimal("0.1"), Fraction(10) ** 400),
        *(None, ..., [1, ..., 2], [[1, 2], [..., 3]], [1, None], [[1, 2], 3], [1, [2]]),
        *("a", b"a", {"a": 1}, [1, {"a": 1}], [1, "a"], [1, object()], [1, len]),
        *(len, range(3), {1.0}, (number for number in [1.0])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_told_the_same_in_a_notebook_and_in_grading(value):
    assert read(decode(encode(value))) == read(value)


def test_an_unanswered_question_is_not_told_of_sizes():
    assert "T = 3" not in told(None, [1.0], rtol=1, about="T = 3")


def test_empty_results_are_compared_by_shape():
    same(torch.zeros(0, 2), torch.zeros(0, 2), rtol=0)
    assert "shape" in told(torch.zeros(2, 0), torch.zeros(0, 2), rtol=0)


def test_a_case_brings_its_tolerance_and_its_words():
    case = Case((1,), rtol=1e-3, about="n = 1", axes=("row",))
    case.same([1.0005], [1.0])
    with pytest.raises(Mismatch, match=r"n = 1: .* at row 0"):
        case.same([1.01], [1.0])


def test_random_inputs_depend_on_the_seed_and_the_key_and_on_nothing_else():
    def draw(key: str) -> float:
        return float(torch.rand((), generator=generator(key)))

    public = draw("a")
    torch.manual_seed(99)
    assert draw("a") == public
    assert draw("b") != public
    with seeded("secret", "notebook", 1):
        hidden = draw("a")
        assert draw("a") == hidden != public
    with seeded("secret", "notebook", 2):
        assert draw("a") != hidden
    assert draw("a") == public


def test_a_choice_is_checked_without_telling_the_answer():
    options = ("log L", "L")
    choice("L", "L", options)
    for wrong in ("log L", "x", None, ..., 3):
        with pytest.raises(Mismatch) as caught:
            choice(wrong, "L", options)
        said = str(caught.value).replace('choose one of: "log L", "L"', "")
        assert "L" not in said


def test_a_choice_may_have_other_spaces_and_capitals():
    options = ("log L + log m", "L log n")
    for mine in ("log L + log m", " log L+log m ", "LOG L + log M"):
        choice(mine, "log L + log m", options)
        choices([mine], ["log L + log m"], options)
    with pytest.raises(Mismatch, match=r"the text alone and in quotes \(this is a tuple\)"):
        choice(("log L + log m",), "log L + log m", options)


def test_of_several_choices_or_numbers_the_one_that_is_wrong_is_named():
    for wrong, said in (("x", "choose one of"), ("log L", "not the right"), (..., "answered")):
        with pytest.raises(Mismatch, match=f"^scan_span: .*{said}"):
            choice(wrong, "L", ("log L", "L"), about="scan_span")
    how_many((0.5, 2), 2, about="losses")
    how_many(3, 1, about="threshold")
    for wrong, count, said in (
        ([0.5], 2, "losses is to hold 2 numbers, and holds 1"),
        ([1, 2], 1, "losses is to hold 1 number, and holds 2"),
        ("1/1000", 1, "losses: a str came back where numbers were asked for"),
        (..., 1, "losses: this is still to be answered"),
    ):
        with pytest.raises(Mismatch, match=f"^{said}") as caught:
            how_many(wrong, count, about="losses")
        assert (caught.value.kind == "unanswered") == (wrong is ...)


def test_several_choices_are_checked_in_any_order_without_telling_the_answer():
    options = ("a", "b", "c")
    choices(["c", "a"], ("a", "c"), options)
    choices(("a", "c", "a"), ("a", "c"), options)
    for wrong in ([], ["a"], ["a", "b", "c"]):
        with pytest.raises(Mismatch) as caught:
            choices(wrong, ("a", "c"), options)
        assert str(caught.value) == "these are not the right choices"
    for no_list in ("a", {"a", "c"}, ["a", "d"], ["a", ["c"]], 3):
        with pytest.raises(Mismatch, match=r'in a list, \["a", "b", "c"\], each in quotes'):
            choices(no_list, ("a", "c"), options)
    for nothing in (None, ...):
        with pytest.raises(Mismatch, match="still to be answered"):
            choices(nothing, ("a", "c"), options)


def test_changed_inputs_are_noticed():
    def changes(x):
        return x.mul_(2)

    checks.leaves_inputs_alone(torch.neg, torch.ones(2))
    with pytest.raises(Mismatch, match="argument number 1"):
        checks.leaves_inputs_alone(changes, torch.ones(2))
    with pytest.raises(Mismatch, match="the call changed `W`: work on a copy"):
        checks.leaves_inputs_alone(changes, torch.ones(2), names="WUbx")
    checks.leaves_inputs_alone(torch.cumsum, torch.ones(2), 0)  # a number cannot be changed


def test_gradients_are_those_of_the_function():
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    (dx,) = gradients(lambda x, y: x * y, (x, y), [0], torch.tensor([1.0, 10.0]))
    assert dx.tolist() == [3.0, 40.0]


def test_gradients_of_complex_outputs_are_those_of_autograd():
    x, cotangent = torch.randn(3, dtype=torch.complex64), torch.randn(3, dtype=torch.complex64)
    (dx,) = gradients(lambda x: x * x.conj() * 1j, (x,), [0], cotangent)
    x.requires_grad_()
    (expected,) = torch.autograd.grad(x * x.conj() * 1j, x, cotangent)
    assert torch.equal(dx, expected)


def test_an_output_of_another_shape_has_no_gradients():
    with pytest.raises(ValueError, match=r"\(2,\), not \(3, 2\)"):
        gradients(torch.exp, (torch.ones(2),), [0], torch.ones(3, 2))


def test_where_no_gradient_passes_it_is_zero():
    x, y = torch.tensor([1.0, 2.0]), torch.tensor(3.0)
    for function in (lambda x, y: x * y.item(), lambda x, y: x * y.detach()):
        dx, dy = gradients(function, (x, y), [0, 1], torch.ones(2))
        assert dx.tolist() == [3.0, 3.0]
        assert float(dy) == 0
    dx, dy = gradients(lambda x, y: (x * y).detach(), (x, y), [0, 1], torch.ones(2))
    assert (dx.tolist(), float(dy)) == ([0.0, 0.0], 0.0)


def test_an_output_of_another_type_is_pulled_back_all_the_same():
    (dx,) = gradients(lambda x: 2 * x.double(), (torch.ones(2),), [0], torch.ones(2))
    assert (dx.tolist(), dx.dtype) == ([2.0, 2.0], torch.float32)


def test_a_part_is_taken_of_the_right_shape_only():
    assert of_shape([[1.0, 2.0]], 1, 2).tolist() == [[1.0, 2.0]]
    with pytest.raises(Mismatch) as caught:
        of_shape([[1.0, 2.0]], 2, 1, axes=("step", "unit"), about="f")
    assert str(caught.value) == "f: the shape is (1, 2), and (2, 1) = (step, unit) was asked for"
    assert caught.value.kind == "shape"


def test_two_results_of_ones_own_that_differ_leave_open_which_is_wrong():
    agree([1.0, 2.0], [1.0, 2.0], ("a", "b"), rtol=1e-6)
    with pytest.raises(Mismatch) as told:
        agree([1.0, 3.0], [1.0, 2.0], ("a V", "the layer"), rtol=1e-6, axes=("entry",))
    assert told.value.kind == "agreement"
    assert str(told.value).startswith(
        "a V and the layer do not agree, and either may be wrong: 50% of the entries differ, "
        "first at entry 1"
    )
    with pytest.raises(Mismatch) as told:
        agree(None, [1.0], ("a", "b"), rtol=1e-6)
    assert told.value.kind == "unanswered", "what did not come back is no matter of agreement"
