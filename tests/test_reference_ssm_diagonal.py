"""The diagonal oracles against the dense ones, the fast forms against the oracles, and the inputs
of hidden tests against what they promise."""

import pytest
import torch

from labkit.checks import Mismatch, seeded
from labkit.inputs import diagonal_ssm_inputs, scaled_diagonal
from solutions.reference import ssm
from solutions.reference import ssm_diagonal as diagonal

LENGTHS = (1, 2, 3, 7, 16, 33, 100, 300)


def all_cases(seed, radius=0.98):
    with seeded(seed):
        return list(diagonal.cases(T=LENGTHS, radius=radius))


def error_of(actual, expected):
    return float((actual - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("seed", range(3))
def test_the_recurrence_is_the_dense_one_for_a_diagonal_matrix(seed):
    for case in all_cases(seed):
        expected = ssm.recurrence(*case.args)
        assert error_of(diagonal.recurrence(*case.args), expected) < 1e-14, case.about


def test_the_kernel_is_the_diagonal_of_the_dense_one():
    W = scaled_diagonal(5, 0.98)
    dense = ssm.kernel(W, 40)  # (H, H, T)
    K = diagonal.kernel(W, 40)
    assert K.shape == (5, 1, 40)
    assert error_of(K[:, 0], dense.diagonal().T) < 1e-14


def test_two_units_worked_by_hand():
    W, U = torch.diag(torch.tensor([0.5, -1.0])), torch.tensor([[1.0], [2.0]])
    h = diagonal.recurrence(W, U, torch.tensor([0.0, 1.0]), torch.tensor([[[4.0], [2.0], [0.0]]]))
    assert h.tolist() == [[[4, 9], [4, -4], [2, 5]]]


@pytest.mark.parametrize("name", diagonal.FORMS)
@pytest.mark.parametrize("radius", [0.95, 0.99])
def test_a_fast_form_agrees_with_the_recurrence_to_a_fifth_of_the_tolerance(name, radius):
    for seed in range(3):
        for case in all_cases(seed, radius):
            h, expected = diagonal.FORMS[name](*case.args), diagonal.recurrence(*case.args)
            assert h.dtype == torch.float32
            assert h.shape == expected.shape
            assert error_of(h, expected) < case.rtol / 5, case.about


@pytest.mark.parametrize("name", diagonal.FORMS)
def test_a_fast_form_keeps_double_precision(name):
    for case in diagonal.in_double(all_cases("double")):
        h = diagonal.FORMS[name](*case.args)
        assert h.dtype == torch.float64
        case.same(h, diagonal.recurrence(*case.args))


def test_any_chunk_length_gives_the_same_states():
    *_, case = all_cases("chunks")
    expected = diagonal.recurrence(*case.args)
    for chunk in (1, 2, 31, 299, 300, 1000):
        assert error_of(diagonal.chunked(*case.args, chunk), expected) < case.rtol, chunk


def test_every_way_to_take_powers_is_within_the_tolerance_of_the_kernel():
    with seeded("kernel"):
        for case in diagonal.kernel_cases(T=LENGTHS, radius=0.99):
            W, T = case.args
            a, lags, expected = W.diagonal(), torch.arange(T), diagonal.kernel(W, T)
            sign = torch.where(a < 0, -1.0, 1.0)[:, None] ** lags
            logarithms = sign * torch.exp(lags * a.abs().log()[:, None])
            ways = {
                "powers": diagonal.powers(a, T),
                "products": torch.cat([torch.ones(len(a), 1), a[:, None].expand(-1, T - 1)], 1),
                "logarithms": logarithms.nan_to_num(1.0),  # 0 has none, and 0^0 is 1
            }
            ways["products"] = ways["products"].cumprod(1)
            for way in ways.values():
                case.same(way[:, None], expected)


def test_a_transpose_shows_in_sizes_that_differ_and_fits_in_one_case_that_is_square():
    for seed in range(20):
        for case in all_cases(seed):
            W, U, b, x = case.args
            assert len({len(x), x.shape[2], len(b)}) == (1 if x.shape[1] == ssm.SQUARE else 3)
            assert W.shape == (len(b), len(b))
            assert U.shape == (len(b), x.shape[2])


def test_the_diagonal_has_entries_that_differ_of_both_signs_and_nothing_beside_them():
    for seed in range(20):
        for case in all_cases(seed):
            W = case.args[0]
            a = W.diagonal()
            assert torch.equal(W, a.diag())
            assert len({abs(entry) for entry in a.tolist()}) == len(a)
            assert float(a.min()) < -0.9 * 0.98
            assert float(a.max()) == pytest.approx(0.98)
            assert sorted(a.abs().tolist())[:2] == pytest.approx([0, 0.3])


def test_the_inputs_of_a_measurement_neither_die_out_nor_explode():
    W, *_ = diagonal_ssm_inputs(2, 512, 3, 512)
    K = diagonal.kernel(W, 512)
    assert float(K.abs().max()) == 1
    assert float(K.abs().min()) > 1e-30  # no denormal numbers


def test_cases_depend_on_the_seed_and_on_nothing_else():
    first, again, other = all_cases("a"), all_cases("a"), all_cases("b")
    assert all(torch.equal(p.args[3], q.args[3]) for p, q in zip(first, again, strict=True))
    assert any(p.about != q.about for p, q in zip(first, other, strict=True))


def test_a_case_in_double_precision_has_the_same_numbers_and_asks_for_more_digits():
    with seeded("double"):
        (case,) = ssm.kernel_cases(T=(7,), radius=0.98)
    (double,) = diagonal.in_double([case])
    assert torch.equal(double.args[0], case.args[0].double())
    assert double.args[1] == 7
    assert double.rtol == case.rtol * 2.0**-29
    assert "float64" in double.about


def test_a_kernel_is_read_in_either_order():
    K = diagonal.kernel(scaled_diagonal(3, 0.9), 5)
    assert torch.equal(diagonal.by_lag(K), K)
    assert torch.equal(diagonal.by_lag(K.flip(-1)), K)
    assert torch.equal(diagonal.by_lag(K.flip(-1).numpy()), K)


def test_reading_a_kernel_leaves_other_things_as_they_are():
    assert diagonal.by_lag(torch.zeros(2, 3, 4)).shape == (2, 3, 4)
    assert torch.equal(diagonal.by_lag(torch.ones(2, 1, 3)), torch.ones(2, 1, 3).double())
    with pytest.raises(Mismatch, match="still to be answered"):
        diagonal.by_lag(None)
