"""The oracles against independent ones, the fast forms against the oracles, the inputs of hidden
tests against what they promise, and the notebook's claims against counts."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from labkit.checks import seeded
from labkit.inputs import rotation
from labkit.workspan import measure
from solutions.reference import kernel, kernel_cases

LENGTHS = (0, 1, 2, 3, 7, 16, 100)
SEEDS = range(3)
TINY_TO_LARGE = ((0.0, 20), (1e-30, 20), (1e-7, 20), (1e-4, 20), (0.3, 30), (8.6, 36), (1e4, 8))


def off(value, expected, case):
    """The error as a share of the tolerance of `case`."""
    scale = float(expected.abs().max())
    return float((value.double() - expected).abs().max()) / scale / case.rtol


def systems(seed):
    with seeded(seed):
        return list(kernel_cases.systems(L=LENGTHS, radius=0.98))


def rank_ones(seed, **options):
    with seeded(seed):
        for v, L in TINY_TO_LARGE:
            yield v, *kernel_cases.rank_ones((v,), (L,), **options)


# ---- Oracles


def test_the_kernel_worked_by_hand():
    A, B, C, D = (torch.tensor([[number]]) for number in (0.5, 1.0, 2.0, 3.0))
    assert kernel.kernel(A, B, C, D, 3).flatten().tolist() == [3, 2, 1, 0.5]
    u = torch.tensor([[4.0], [0.0], [-2.0], [0.0]])
    assert kernel.recurrence(A, B, C, D, u).flatten().tolist() == [12, 8, -2, -2]


def test_the_kernel_of_a_rotation_turns_by_a_multiple_of_its_angle():
    one, none = torch.eye(2), torch.zeros(2, 2)
    K = kernel.kernel(rotation(0.3, 0.9), one, one, none, 20)
    for lag in range(1, 21):
        known = rotation(0.3 * (lag - 1), 0.9 ** (lag - 1))
        torch.testing.assert_close(K[lag].float(), known)


def test_the_kernel_is_what_the_recurrence_makes_of_impulses():
    for case in systems("impulses"):
        *system, L = case.args
        K = kernel.kernel(*case.args)
        for i in range(system[1].shape[1]):
            u = torch.zeros(L + 1, system[1].shape[1])
            u[0, i] = 1
            torch.testing.assert_close(K[:, :, i], kernel.recurrence(*system, u))


def test_the_output_of_a_kernel_is_that_of_its_recurrence():
    with seeded("driven"):
        for system, case in kernel_cases.driven(L=LENGTHS, radius=0.98):
            _, u = case.args
            exact = kernel.output(kernel.kernel(*system, len(u) - 1), u)
            torch.testing.assert_close(exact, kernel.recurrence(*system, u))


def test_the_output_is_the_sum_written_out():
    K, u = torch.randn(5, 3, 2), torch.randn(5, 2)
    expected = np.zeros((5, 3))
    for k in range(5):
        for lag in range(k + 1):
            expected[k] += K[lag].numpy().astype(float) @ u[k - lag].numpy()
    torch.testing.assert_close(kernel.output(K, u), torch.from_numpy(expected))


def test_a_diagonal_vector_means_the_diagonal_matrix():
    with seeded("diagonal"):
        for case in kernel_cases.diagonals(L=LENGTHS):
            a, *rest = case.args
            dense = kernel.kernel(torch.diag(a), *rest)
            torch.testing.assert_close(kernel.diagonal(*case.args), dense)


def test_the_rank_one_oracle_is_the_kernel_of_the_matrix_written_out():
    with seeded("rank one"):
        for case in kernel_cases.rank_ones((0.3, 1.0, 8.6), (0, 1, 2, 20)):
            p, *rest = case.args
            A = torch.eye(len(p), dtype=torch.float64) + torch.outer(p.double(), p.double())
            dense = kernel.kernel(A, *rest)
            torch.testing.assert_close(kernel.identity_plus_rank_one(*case.args), dense)


@pytest.mark.parametrize(("v", "lag"), TINY_TO_LARGE)
def test_the_rank_one_oracle_keeps_its_digits_however_small_or_large_p_is(v, lag):
    p = torch.full((2,), v / 2, dtype=torch.float64).sqrt()
    B, C = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0, 0.0]])
    K = kernel.identity_plus_rank_one(p, B, C, torch.zeros(1, 1), lag)
    exact_v = 2 * Fraction(p[0].item()) ** 2
    exact = float(((1 + exact_v) ** (lag - 1) - 1) / 2)
    assert K[-1].item() == pytest.approx(exact, rel=1e-13)


# ---- Fast forms


@pytest.mark.parametrize("seed", SEEDS)
def test_doubling_agrees_to_a_fifth_of_the_tolerance(seed):
    for case in systems(seed):
        K = kernel.doubling(*case.args)
        assert K.dtype == torch.float32
        assert off(K, kernel.kernel(*case.args), case) < 0.2, case.about


@pytest.mark.parametrize("seed", SEEDS)
def test_spectra_and_a_scan_agree_to_a_fifth_of_the_tolerance(seed):
    with seeded(seed):
        for system, case in kernel_cases.driven(L=LENGTHS, radius=0.98):
            K, u = case.args
            expected = kernel.recurrence(*system, u)
            for y in (kernel.fft(K, u), kernel.scan(*system, u)):
                assert y.dtype == torch.float32
                assert off(y, expected, case) < 0.2, case.about


@pytest.mark.parametrize("seed", SEEDS)
def test_the_vandermonde_form_agrees_to_a_fifth_of_the_tolerance(seed):
    with seeded(seed):
        for case in kernel_cases.diagonals(L=LENGTHS):
            K = kernel.vandermonde(*case.args)
            assert off(K, kernel.diagonal(*case.args), case) < 0.2, case.about


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("apart", [True, False])
def test_the_closed_form_agrees_to_a_fifth_of_the_tolerance(seed, dtype, apart):
    for _, case in rank_ones(seed, dtype=dtype, apart=apart):
        K = kernel.closed_form(*case.args)
        expected = kernel.identity_plus_rank_one(*case.args)
        assert K.dtype == dtype
        assert torch.isfinite(K).all()
        if expected.abs().max() > 0:
            assert off(K, expected, case) < 0.2, case.about


def test_the_closed_form_typed_in_as_it_stands_is_beyond_the_tolerance_where_p_is_small():
    for v, case in rank_ones("typed", apart=True):
        p, _, C, _, L = case.args
        B = case.args[1]
        s = ((1 + p @ p) ** torch.arange(L) - 1) / (p @ p)
        K = torch.cat(
            [torch.zeros(1, *(C @ B).shape), s[:, None, None] * torch.outer(C @ p, p @ B)]
        )
        expected = kernel.identity_plus_rank_one(*case.args)
        if 0 < v < 1e-3:
            assert off(K, expected, case) > 1, case.about
        elif v > 0:
            assert off(K, expected, case) < 1, case.about


# ---- Inputs of hidden tests


def test_a_transpose_shows_in_sizes_that_differ_and_fits_in_one_case_that_is_square():
    for seed in range(20):
        for case in systems(seed):
            A, B, C, D, L = case.args
            n, m, r = len(A), B.shape[1], len(C)
            assert len({n, m, r}) == (1 if L in kernel_cases.SQUARE else 3)
            assert (B.shape, C.shape, D.shape) == ((n, m), (r, n), (r, m))


def test_a_has_the_radius_asked_for_and_is_far_from_symmetric():
    for seed in range(20):
        for case in systems(seed):
            A = case.args[0]
            eigenvalues = torch.linalg.eigvals(A).abs()
            torch.testing.assert_close(eigenvalues, torch.full_like(eigenvalues, 0.98))
            assert float((A - A.T).norm()) > 0.5


def test_a_shift_register_forgets_after_n_steps_and_has_no_basis_of_eigenvectors():
    with seeded("shift"):
        for case in kernel_cases.forgetful(L=(3, 9)):
            A, *_, L = case.args
            K = kernel.kernel(*case.args)
            assert not K[len(A) + 1 :].any()
            assert K[: min(L, len(A)) + 1].flatten(1).any(1).all()
            assert torch.linalg.matrix_rank(A) == len(A) - 1  # one eigenvector for eigenvalue 0


def test_a_diagonal_holds_both_signs_and_zero():
    with seeded("signs"):
        for case in kernel_cases.diagonals(L=(5, 6)):
            a = case.args[0]
            assert (a > 0).any() and (a < 0).any() and (a == 0).any()  # noqa: PT018
            assert float(a.abs().max()) < 0.99
            assert len(a.unique()) == len(a)


@pytest.mark.parametrize("seed", SEEDS)
def test_in_every_rank_one_case_the_result_can_be_held_and_p_has_its_length(seed):
    for apart in (True, False):
        for v, case in rank_ones(seed, apart=apart):
            p, B, C, D, _ = case.args
            assert float(p.double() @ p.double()) == pytest.approx(v, rel=1e-6)
            assert torch.isfinite(kernel.identity_plus_rank_one(*case.args).float()).all()
            assert bool((C @ B == 0).all()) is apart
            assert bool((D == 0).all()) is apart


def test_cases_depend_on_the_seed_and_on_nothing_else():
    first, again, other = systems("a"), systems("a"), systems("b")
    assert all(torch.equal(p.args[1], q.args[1]) for p, q in zip(first, again, strict=True))
    assert any(
        p.args[1].shape != q.args[1].shape or not torch.equal(p.args[1], q.args[1])
        for p, q in zip(first, other, strict=True)
    )


def test_costs_are_counted_over_systems_that_differ_in_one_size_only():
    for seed in range(10):
        with seeded(seed):
            (*_, by_length), (*_, by_states) = kernel_cases.grown((16, 256), (8, 64))
        assert [case.args[-1] for case in by_length.values()] == [16, 256]
        assert len({case.args[1].shape for case in by_length.values()}) == 1
        assert [len(case.args[0]) for case in by_states.values()] == [8, 64]
        assert {case.args[-1] for case in by_states.values()} == {16}


# ---- What the notebook says


def test_the_identity_plus_a_rank_one_matrix_explodes_where_the_notebook_says():
    for v, last in ((1.0, 127), (8.6, 39)):
        A = torch.tensor([[1 + v]])
        assert torch.isfinite(torch.linalg.matrix_power(A, last)).all()
        assert torch.isinf(torch.linalg.matrix_power(A, last + 1)).all()


def test_doubling_grows_by_one_product_for_each_doubling():
    spans = []
    for L in (16, 32, 64, 128):
        with seeded("spans"):
            case = next(kernel_cases.systems([L], 0.98, n=8))
        spans.append(measure(kernel.doubling, *case.args).span)
    assert np.diff(spans).tolist() == [4, 4, 4]  # 1 + log2 8
    assert spans[0] == 20  # four rounds, and C


def test_applying_b_first_saves_the_factor_that_the_rubric_gives():
    def whole_powers(A, B, C, D, L):
        powers, step = torch.eye(len(A))[None], A
        while len(powers) < L:
            powers, step = torch.cat([powers, step @ powers]), step @ step
        return torch.cat([D[None], C @ powers[:L] @ B])

    A, B, C, D = torch.eye(64), torch.ones(64, 1), torch.ones(1, 64), torch.zeros(1, 1)
    whole, first = (
        measure(make, A, B, C, D, 1024).work for make in (whole_powers, kernel.doubling)
    )
    assert whole / first == pytest.approx(39, rel=0.05)
