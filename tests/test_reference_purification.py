"""The oracle against other roads and against what a minimum must be, the inputs of hidden tests
against what they promise, and the notebook's claims against numbers."""

import math

import pytest
import torch

from labkit.checks import Mismatch, seeded
from labkit.inputs import rotation, scaled_orthogonal
from labkit.purification import SHEET, descend, with_singular_values
from solutions.reference import purification, purification_cases

SEEDS = range(3)
ROADS = (*purification.ON_THE_DATA, *purification.ON_THE_SQUARES)


def off(value, expected, case):
    """The error as a share of the tolerance of `case`."""
    return float((value.double() - expected).abs().max() / expected.abs().max()) / case.rtol


def ordinary(seed, dtype=torch.float32):
    with seeded(seed):
        cases = [*purification_cases.wide(purification_cases.LAMBDAS, dtype)]
        return [*cases, *purification_cases.deficient(purification_cases.LAMBDAS)]


def small(seed, dtype=torch.float32):
    with seeded(seed):
        return [*purification_cases.small_lam((1e-4, 0.03), dtype)]


def name_of(road):
    return road.__name__


# ---- The oracle


def test_the_purifier_worked_by_hand():
    X = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    expected = torch.tensor([[0.5, 0.0], [0.0, 0.2]], dtype=torch.float64)
    torch.testing.assert_close(purification.purifier(X, 4.0), expected)


def test_the_losses_are_the_sums_written_out():
    W, X = torch.randn(3, 3), torch.randn(3, 5)
    reconstruction = sum(
        (X[i, j].item() - sum(W[i, k].item() * X[k, j].item() for k in range(3))) ** 2
        for i in range(3)
        for j in range(5)
    )
    regularization = sum(w.item() ** 2 for w in W.flatten())
    losses = purification.losses(W, X).tolist()
    assert losses == pytest.approx([reconstruction, regularization], rel=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_roads_lead_to_the_same_purifier_in_float64(seed):
    for case in ordinary(seed):
        X, lam = case.args
        expected = purification.purifier(X, lam)
        for road in ROADS:
            torch.testing.assert_close(road(X.double(), lam), expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_gradient_is_that_of_autograd_and_zero_at_the_purifier(seed):
    for case in ordinary(seed):
        X, lam = case.args[0].double(), case.args[1]
        W = purification.purifier(X, lam)
        for V in (W, W + torch.randn(W.shape, dtype=torch.float64)):
            V.requires_grad_()
            loss = (X - V @ X).square().sum() + lam * V.square().sum()
            (exact,) = torch.autograd.grad(loss, V)
            half = purification.gradient(V.detach(), X, lam)
            torch.testing.assert_close(2 * half, exact, rtol=1e-9, atol=1e-11 * loss.item())
        at_rest = purification.gradient(W.detach(), X, lam)
        assert float(at_rest.abs().max()) < 1e-12 * float((X @ X.T).abs().max())


@pytest.mark.parametrize("seed", SEEDS)
def test_any_other_matrix_has_a_loss_that_is_higher_by_lam_times_its_distance_squared(seed):
    for case in ordinary(seed):
        X, lam = case.args
        weights = torch.tensor([1.0, lam], dtype=torch.float64)
        W = purification.purifier(X, lam)
        best = purification.losses(W, X) @ weights
        for size in (1e-3, 1.0):
            step = size * torch.randn(W.shape, dtype=torch.float64)
            excess = float(purification.losses(W + step, X) @ weights - best)
            exact = float((step @ X.double()).square().sum() + lam * step.square().sum())
            assert excess == pytest.approx(exact, rel=1e-6, abs=1e-12 * float(best))
            assert excess >= (1 - 1e-6) * lam * float(step.square().sum()) - 1e-12 * float(best)


@pytest.mark.parametrize("seed", SEEDS)
def test_turned_data_has_a_turned_purifier(seed):
    for case in ordinary(seed):
        X, lam = case.args
        Q = scaled_orthogonal(len(X), 1.0, torch.Generator().manual_seed(seed)).double()
        Q, _ = torch.linalg.qr(Q)
        turned = purification.purifier(Q @ X.double(), lam)
        torch.testing.assert_close(turned, Q @ purification.purifier(X, lam) @ Q.T)


def test_without_a_price_the_purifier_is_the_projector_onto_the_data():
    for case in ordinary("projector"):
        X, _ = case.args
        tiny = 1e-9 * float(torch.linalg.matrix_norm(X, 2)) ** 2 / 1e3
        rank = int(torch.linalg.matrix_rank(X))
        U = torch.linalg.svd(X.double())[0][:, :rank]
        W = purification.purifier(X, tiny)
        torch.testing.assert_close(W, U @ U.T, rtol=0, atol=1e-6)
        if rank < len(X):
            assert float((W - torch.eye(len(X))).norm()) > 0.9


def test_denoising_is_ridge_with_lam_n_sigma_squared():
    n, sigma, draws = 30, 0.5, 4000
    source = torch.Generator().manual_seed(0)
    X, W = torch.randn(4, n, generator=source), torch.randn(4, 4, generator=source)
    E = sigma * torch.randn(draws, 4, n, generator=source)
    errors = (X - W @ (X + E)).square().sum((1, 2)).double()
    expected = float(purification.losses(W, X) @ torch.tensor([1.0, n * sigma**2]).double())
    standard_error = float(errors.std()) / math.sqrt(draws)
    assert abs(float(errors.mean()) - expected) < 4 * standard_error


# ---- Windows


def test_the_window_of_the_sheet_is_one_to_four_and_of_two_directions_the_point_sixteen():
    assert purification.window(SHEET, 3) == pytest.approx((1, 4))
    assert purification.window(SHEET, 2) == (16, 16)
    assert 64 * (1 - 0.8) / 0.8 < 16  # what plain rounding makes of it


def test_with_nothing_or_everything_kept_a_window_is_open_at_one_end():
    assert purification.window(SHEET, 0) == (pytest.approx(100), math.inf)
    assert purification.window(SHEET, 8) == (0, pytest.approx(0.01**2 / 4))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_window_holds_the_lam_that_fulfil_both_wishes_and_no_others(seed):
    with seeded(seed):
        cases = [
            *purification_cases.windows((-1, 0, 1, 2, 3, 4, 5)),
            *purification_cases.windows((1, 3, 5), open_=False),
            *purification_cases.windows((2, 4), shares=(0.9, 0.3)),
        ]
    for case in cases:
        s, keep, *shares = case.args
        a, b = shares or (0.8, 0.5)
        window = purification.window(*case.args)
        for lam in torch.logspace(-6, 6, 500, dtype=torch.float64).tolist():
            kept = s**2 / (s**2 + lam)
            fulfilled = bool((kept[:keep] >= a).all() and (kept[keep:] <= b).all())
            assert fulfilled == (window is not None and window[0] <= lam <= window[1])


@pytest.mark.parametrize("seed", range(20))
def test_windows_are_open_or_closed_as_asked_with_room_between(seed):
    with seeded(seed):
        for shares in ((), (0.9, 0.3), (0.7, 0.4)):
            for case in purification_cases.windows((1, 2, 3, 4, 5), shares=shares):
                low, high = purification.window(*case.args)
                assert high > 1.25 * low
        for case in purification_cases.windows((1, 2, 3, 4, 5), open_=False):
            assert purification.window(*case.args) is None
        for case in purification_cases.single_points():
            s, keep = case.args
            low, high = purification.window(*case.args)
            assert low == high
            plain = float(s[keep - 1]) ** 2 * (1 - 0.8) / 0.8, float(s[keep]) ** 2
            assert plain[0] < plain[1], "plain rounding would not lose this one"
        for case in purification_cases.windows((-1, 0, 1, 3)):
            s = case.args[0]
            assert (s.diff() < 0).all()
            assert (s > 0).all()


def test_a_window_is_compared_end_by_end():
    case = next(purification_cases.single_points())
    purification_cases.same_window(case, (16, 15.999999999999996), (16.0, 16.0))
    purification_cases.same_window(case, torch.tensor([1e-6, math.inf]), (1e-6, math.inf))
    for actual, expected, said in (
        ((1.1e-6, 4.0), (1e-6, 4.0), "the low end differs, by 10% of its size"),
        ((1e-6, 4.0), (1e-6, math.inf), "the high end is to be infinite"),
        ((1e-6, -math.inf), (1e-6, math.inf), "the high end is to be infinite"),
        ((0.1, 4.0), (0.0, 4.0), "the low end is to be 0"),
        ((math.nan, 4.0), (1.0, 4.0), "the low end is not a finite number"),
        ((1.0, 4.0), None, "None was asked for"),
        (None, (1.0, 4.0), "None came back, and there is a window"),
        (..., None, "still to be answered"),
        (4.0, (1.0, 4.0), "the shape is"),
    ):
        with pytest.raises(Mismatch, match=said):
            purification_cases.same_window(case, actual, expected)


# ---- How many digits roads keep


@pytest.mark.parametrize("road", ROADS, ids=name_of)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_road_agrees_to_a_fifth_of_the_tolerance(road, seed):
    for case in [*ordinary(seed), *ordinary(seed, torch.float64)]:
        W = road(*case.args)
        assert W.dtype == case.args[0].dtype
        assert off(W, purification.purifier(*case.args), case) < 0.2, case.about


@pytest.mark.parametrize("road", purification.ON_THE_DATA, ids=name_of)
@pytest.mark.parametrize("seed", SEEDS)
def test_roads_that_work_on_the_data_keep_their_digits_at_small_lam(road, seed):
    for dtype in (torch.float32, torch.float64):
        for case in small(seed, dtype):
            expected = purification.purifier(*case.args)
            assert off(road(*case.args), expected, case) < 0.2, case.about


@pytest.mark.parametrize("road", purification.ON_THE_SQUARES, ids=name_of)
@pytest.mark.parametrize("seed", SEEDS)
def test_roads_through_the_squares_lose_them_in_float32_and_keep_them_in_float64(road, seed):
    for case in small(seed):
        X, lam = case.args
        expected = purification.purifier(X, lam)
        assert off(road(X, lam), expected, case) > 1.5, case.about
        assert off(road(X.double(), lam), expected, case) < 0.2, case.about


def test_the_tolerance_at_small_lam_would_catch_a_lam_that_is_half_as_large_again():
    for case in small("half as large"):
        X, lam = case.args
        expected = purification.purifier(X, lam)
        assert off(purification.purifier(X, 1.5 * lam), expected, case) > 1.5


# ---- Inputs of hidden tests


@pytest.mark.parametrize("seed", range(20))
def test_cases_hold_wide_tall_and_repeated_data_and_no_lam_is_its_own_square(seed):
    cases = ordinary(seed)
    shapes = [(case.args[0].shape, int(torch.linalg.matrix_rank(case.args[0]))) for case in cases]
    assert any(m < n and rank == m for (m, n), rank in shapes)
    assert any(m > n for (m, n), _ in shapes)
    assert any(m < n and rank < m for (m, n), rank in shapes)
    lams = [case.args[1] for case in cases]
    assert min(lams) == 1e-3
    assert max(lams) == 100
    assert all(abs(math.log(lam)) > 0.5 for lam in lams)


@pytest.mark.parametrize("seed", range(20))
def test_factors_lie_well_between_zero_and_one_and_the_purifier_is_no_diagonal_matrix(seed):
    for case in ordinary(seed):
        W = purification.purifier(*case.args)
        kept = torch.linalg.eigvalsh(W)
        assert float(kept.max()) > 0.85
        assert bool(((kept > 0.05) & (kept < 0.5)).any())
        apart = W - torch.diag(W.diagonal())
        assert float(apart.abs().max()) > 100 * case.rtol


@pytest.mark.parametrize("seed", range(20))
def test_one_loss_is_twice_the_other_and_which_is_larger_takes_turns(seed):
    with seeded(seed):
        for number, case in enumerate(purification_cases.losses(4)):
            first, second = purification.losses(*case.args).tolist()
            assert first / second == pytest.approx(2 if number % 2 == 0 else 0.5, rel=1e-5)
            assert case.rtol < 1e-4


def test_cases_depend_on_the_seed_and_on_nothing_else():
    first, again, other = ordinary("a"), ordinary("a"), ordinary("b")
    assert all(torch.equal(p.args[0], q.args[0]) for p, q in zip(first, again, strict=True))
    assert not any(
        p.args[0].shape == q.args[0].shape and torch.equal(p.args[0], q.args[0])
        for p, q in zip(first, other, strict=True)
    )


# ---- What the notebook says


def test_beta_takes_over_above_a_thousandth():
    X = torch.tensor([[-2.17, 1.98, 2.41, -2.03], [0.02, -0.01, 0.01, -0.02]]).double()
    alpha = purification.losses(torch.eye(2), X).tolist()
    beta = purification.losses(torch.diag(torch.tensor([1.0, 0.0])), X).tolist()
    assert alpha == [0, 2]
    assert beta == [pytest.approx(0.001, rel=1e-6), 1]
    assert beta[0] / (alpha[1] - beta[1]) == pytest.approx(1e-3, rel=1e-6)


def test_a_window_for_80_and_50_percent_needs_twice_the_next_singular_value():
    assert purification.window((2.01, 1.0), 1) is not None
    assert purification.window((1.99, 1.0), 1) is None
    assert purification.window((2.0, 1.0), 1) == (1, 1)


def test_float32_cannot_hold_both_ends_of_the_squares():
    large = torch.tensor(8000.0**2)
    assert float(large + 1) == float(large)


def test_gradient_descent_arrives_at_the_purifier_and_large_directions_first():
    X = with_singular_values((3.0, 1.5, 0.8), 9, torch.Generator().manual_seed(0)).double()

    def losses(W, X):
        return (X - W @ X).square().sum(), W.square().sum()

    path, values = descend(losses, X, 0.1, 600)
    torch.testing.assert_close(path[-1], purification.purifier(X, 0.1))
    assert (values.diff() <= 1e-12).all()
    U = torch.linalg.svd(X)[0]
    kept = (U.T @ path @ U).diagonal(dim1=-2, dim2=-1)
    half_way = [int((kept[:, i] > kept[-1, i] / 2).nonzero()[0]) for i in range(3)]
    assert half_way == sorted(half_way)
    assert half_way[0] < half_way[2]


def test_data_has_the_singular_values_asked_for():
    X = with_singular_values(SHEET, 20, torch.Generator().manual_seed(1))
    assert torch.linalg.svdvals(X.double()).tolist() == pytest.approx(SHEET, abs=1e-5)
    assert X.shape == (8, 20)
    turned = rotation(0.3) @ with_singular_values((2.0, 1.0), 4)
    assert torch.linalg.svdvals(turned).tolist() == pytest.approx([2, 1], rel=1e-5)
