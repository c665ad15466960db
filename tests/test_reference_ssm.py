"""The oracles against independent ones, the fast forms against the oracles, and the inputs of
hidden tests against what they promise."""

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from labkit.checks import Mismatch, seeded
from labkit.inputs import rotation, scaled_orthogonal, ssm_inputs
from solutions.reference import ssm

LENGTHS = (1, 2, 3, 7, 16, 100)


def all_cases(seed, radius=0.98):
    with seeded(seed):
        return list(ssm.cases(T=LENGTHS, radius=radius))


def test_the_recurrence_is_the_sum_over_all_earlier_inputs_written_out():
    W, U, b, x = ssm_inputs(N=2, T=9, D=3, H=4, generator=torch.Generator().manual_seed(1))
    expected = np.zeros((2, 9, 4))
    A, B, c, inputs = (a.numpy().astype(float) for a in (W, U, b, x))
    for n in range(2):
        for t in range(9):
            for s in range(t + 1):
                expected[n, t] += np.linalg.matrix_power(A, t - s) @ (B @ inputs[n, s] + c)
    torch.testing.assert_close(ssm.recurrence(W, U, b, x), torch.from_numpy(expected))


def test_one_unit_driven_by_ones_gives_the_geometric_series():
    half, one = torch.tensor([[0.5]]), torch.tensor([[1.0]])
    h = ssm.recurrence(half, one, torch.zeros(1), torch.ones(1, 5, 1))
    assert h.flatten().tolist() == [1, 1.5, 1.75, 1.875, 1.9375]


def test_the_kernel_of_a_rotation_turns_by_a_multiple_of_its_angle():
    K = ssm.kernel(rotation(0.3, 0.9), 20)
    for lag in range(20):
        torch.testing.assert_close(K[:, :, lag].float(), rotation(0.3 * lag, 0.9**lag))


@pytest.mark.parametrize("name", ssm.FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_a_fast_form_agrees_with_the_recurrence_to_a_fifth_of_the_tolerance(name, seed):
    for case in all_cases(seed):
        h, expected = ssm.FORMS[name](*case.args), ssm.recurrence(*case.args)
        assert h.dtype == torch.float32
        assert float((h - expected).abs().max() / expected.abs().max()) < case.rtol / 5, case.about


def test_any_chunk_length_gives_the_same_states():
    *_, (W, U, b, x) = (case.args for case in all_cases("chunks"))
    for chunk in (1, 2, 33, 99, 100, 1000):
        torch.testing.assert_close(
            ssm.chunked(W, U, b, x, chunk), ssm.recurrence(W, U, b, x).float()
        )


def test_the_doubled_kernel_holds_the_powers_at_every_length():
    with seeded("kernel"):
        for case in ssm.kernel_cases(T=LENGTHS, radius=0.98):
            case.same(ssm.doubling_kernel(*case.args), ssm.kernel(*case.args))


def test_the_counts_are_those_of_torchs_own_counter():
    N, T, D, H = 3, 64, 5, 4
    W, U, b, x = ssm_inputs(N, T, D, H)
    with FlopCounterMode(display=False) as counted:
        h = torch.zeros(N, H)
        for x_t in x.unbind(1):
            h = h @ W.T + x_t @ U.T + b
    assert counted.get_total_flops() == ssm.recurrent_flops(N, T, D, H)
    with FlopCounterMode(display=False) as counted:
        ssm.convolution(W, U, b, x)
    kernel_by_doubling = 2 * (T - 1 + 6) * H**3  # 63 powers and six squarings
    without_kernel = ssm.convolution_flops(N, T, D, H) - 2 * T * H**3
    assert counted.get_total_flops() == without_kernel + kernel_by_doubling


def test_the_convolution_takes_many_times_the_operations_of_the_recurrence():
    for H, expected in ((4, 57.8), (32, 257.0)):
        size = (32, 512, 32, H)
        ratio = ssm.convolution_flops(*size) / ssm.recurrent_flops(*size)
        assert ratio == pytest.approx(expected, rel=1e-3)


def test_a_transpose_shows_in_sizes_that_differ_and_fits_in_one_case_that_is_square():
    for seed in range(20):
        for case in all_cases(seed):
            W, U, b, x = case.args
            sizes = {len(x), x.shape[2], len(b)}
            assert len(sizes) == (1 if x.shape[1] == ssm.SQUARE else 3)
            assert W.shape == (len(b), len(b))
            assert U.shape == (len(b), x.shape[2])


@pytest.mark.parametrize("radius", [0.9, 0.99])
def test_w_has_the_radius_asked_for_and_is_far_from_symmetric(radius):
    for seed in range(10):
        for case in all_cases(seed, radius):
            W = case.args[0]
            eigenvalues = torch.linalg.eigvals(W).abs()
            torch.testing.assert_close(eigenvalues, torch.full_like(eigenvalues, radius))
            assert float((W - W.T).norm()) > 0.5
            assert float(case.args[2].abs().min()) > 0


def test_cases_depend_on_the_seed_and_on_nothing_else():
    first, again, other = all_cases("a"), all_cases("a"), all_cases("b")
    assert all(torch.equal(p.args[3], q.args[3]) for p, q in zip(first, again, strict=True))
    assert any(
        p.args[3].shape != q.args[3].shape or not torch.equal(p.args[3], q.args[3])
        for p, q in zip(first, other, strict=True)
    )


def test_a_kernel_is_read_in_either_order():
    K = ssm.kernel(scaled_orthogonal(3, 0.9), 5)
    assert torch.equal(ssm.by_lag(K), K)
    assert torch.equal(ssm.by_lag(K.flip(-1)), K)
    assert torch.equal(ssm.by_lag(K.flip(-1).numpy()), K)


def test_reading_a_kernel_leaves_other_things_as_they_are():
    assert ssm.by_lag(torch.zeros(2, 3, 4)).shape == (2, 3, 4)
    constant = torch.eye(2)[:, :, None].repeat(1, 1, 3)
    assert torch.equal(ssm.by_lag(constant), constant.double())
    with pytest.raises(Mismatch, match="still to be answered"):
        ssm.by_lag(None)
