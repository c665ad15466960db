"""Work and span of whole implementations, against values derived by hand.

In the derivations lg is log2, rounded up. A product over k costs 2k - 1 operations for each
result (k multiplications, k - 1 additions) and 1 + lg k steps; an elementwise operation costs 1
for each number and 1 step; a sum of k numbers k - 1 and lg k.
"""

import pytest
import torch
from torch.nn import functional

from labkit.workspan import growth, measure

N, T, D, H = 3, 16, 8, 8
LENGTHS = (16, 32, 64, 128, 256)


def lg(k: int) -> int:
    return (k - 1).bit_length()


def recurrence(W, U, b, x):
    h, steps = torch.zeros(x.shape[0], W.shape[0]), []
    for t in range(x.shape[1]):
        h = h @ W.T + x[:, t] @ U.T + b
        steps.append(h)
    return torch.stack(steps, 1)


def hoisted_recurrence(W, U, b, x):
    inputs, h = functional.linear(x, U, b), torch.zeros(x.shape[0], W.shape[0])
    output = torch.empty(x.shape[0], x.shape[1], W.shape[0])
    for t in range(x.shape[1]):
        h = torch.addmm(inputs[:, t], h, W.T)
        output[:, t] = h
    return output


def kernel_by_doubling(W, T):
    powers, W_L = torch.eye(len(W))[None], W
    while len(powers) < T:
        powers, W_L = torch.cat([powers, W_L @ powers]), W_L @ W_L
    return powers


def kernel_one_by_one(W, T):
    powers = [torch.eye(len(W))]
    for _ in range(T - 1):
        powers.append(W @ powers[-1])
    return torch.stack(powers)


def convolution(W, U, b, x):
    inputs, T = functional.linear(x, U, b), x.shape[1]
    kernel = kernel_by_doubling(W, T).permute(1, 2, 0).flip(-1)
    return functional.conv1d(functional.pad(inputs.mT, (T - 1, 0)), kernel).mT


def fft_convolution(W, U, b, x):
    inputs, T = functional.linear(x, U, b), x.shape[1]
    kernel = torch.fft.rfft(kernel_by_doubling(W, T), 2 * T, dim=0)
    spectrum = torch.einsum("foi,nfi->nfo", kernel, torch.fft.rfft(inputs, 2 * T, dim=1))
    return torch.fft.irfft(spectrum, 2 * T, dim=1)[:, :T]


def parallel_scan(W, U, b, x):
    h, power, step = functional.linear(x, U, b), W, 1
    while step < x.shape[1]:
        h = torch.cat([h[:, :step], h[:, step:] + h[:, :-step] @ power.T], 1)
        power, step = power @ power, 2 * step
    return h


def diagonal_recurrence(a, U, b, x):
    inputs, h = functional.linear(x, U, b), torch.zeros(x.shape[0], len(a))
    output = torch.empty_like(inputs)
    for t in range(x.shape[1]):
        h = a * h + inputs[:, t]
        output[:, t] = h
    return output


def diagonal_convolution(a, U, b, x):
    inputs, T = functional.linear(x, U, b), x.shape[1]
    factors = torch.cat([torch.ones(len(a), 1), a[:, None].expand(-1, T - 1)], 1)
    kernel = factors.cumprod(1).flip(1)[:, None]  # (H, 1, T)
    return functional.conv1d(functional.pad(inputs.mT, (T - 1, 0)), kernel, groups=len(a)).mT


def sherman_morrison(Q, K, V, lam):
    d = Q.shape[1]
    P, Z, outputs = torch.eye(d) / lam, torch.zeros(d, V.shape[1]), []
    for q, k, v in zip(Q, K, V, strict=True):
        left, right = P @ k, k @ P
        P = P - torch.outer(left, right) / (1 + k @ left)
        Z = Z + torch.outer(k, v)
        outputs.append((q @ P) @ Z)
    return torch.stack(outputs)


def sherman_morrison_matrix_first(Q, K, V, lam):
    d = Q.shape[1]
    P, Z, outputs = torch.eye(d) / lam, torch.zeros(d, V.shape[1]), []
    for q, k, v in zip(Q, K, V, strict=True):
        left, right = P @ k, k @ P
        P = P - torch.outer(left, right) / (1 + k @ left)
        Z = Z + torch.outer(k, v)
        outputs.append(q @ (P @ Z))
    return torch.stack(outputs)


def ridge_attention(Q, K, V, lam):
    return Q @ torch.linalg.solve(K.T @ K + lam * torch.eye(K.shape[1]), K.T @ V)


def softmax_attention(Q, K, V):
    return (Q @ K.T / Q.shape[1] ** 0.5).softmax(-1) @ V


def purifier(X, lam):
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam)) @ U.T


def block_solve(W, inputs):
    """h_t - W h_{t-1} = inputs_t for all t at once, as one triangular system; inputs (T, H)."""
    T, H = inputs.shape
    system = torch.eye(T * H)
    for t in range(1, T):
        system[t * H : (t + 1) * H, (t - 1) * H : t * H] = -W
    return torch.linalg.solve_triangular(system, inputs.reshape(-1, 1), upper=False).view(T, H)


def gradient_step(W, x):
    """Forward: tanh(x W), summed. Backward: the gradient of W."""
    W = W.detach().requires_grad_()
    (gradient,) = torch.autograd.grad((x @ W).tanh().sum(), W)
    return gradient


def running_mean(x):
    return x.cumsum(0) / torch.arange(1, len(x) + 1)[:, None]


W, U, b, x = torch.randn(H, H) / 4, torch.randn(H, D), torch.randn(H), torch.randn(N, T, D)
a = torch.rand(H)
n, d = 32, 8
Q, K, V = torch.randn(n, d), torch.randn(n, d), torch.randn(n, d)
projection = N * T * H * 2 * D  # the product over D and the bias: 2D - 1 + 1
product = H * H * (2 * H - 1)  # of two (H, H) matrices
doubling = (T - 1 + lg(T)) * product  # T - 1 new powers, lg T squarings
lu = 2 * (d**3 - d) // 3
lu_span = (d - 1) * (3 + lg(d))

DERIVED = [
    # A step: two products and two additions for each of N H states, 2H - 1 + 2D - 1 + 2. Its chain:
    # h W (1 + lg H), plus the projection (ready since step 0), plus b.
    (recurrence, (W, U, b, x), 2 * N * T * H * (H + D), T * (1 + lg(H) + 2)),
    # The bias is in the projection (2 + lg D steps), and addmm joins it to the product: a step is
    # 1 + lg H and 1. The first one waits for the projection instead of for h = 0.
    (hoisted_recurrence, (W, U, b, x), 2 * N * T * H * (H + D), 2 + lg(D) + 1 + (T - 1) * 5),
    # lg T times: the product of W^L with L powers, and W^L W^L beside it.
    (kernel_by_doubling, (W, T), doubling, (1 + lg(H)) * lg(T)),
    (kernel_one_by_one, (W, T), (T - 1) * product, (1 + lg(H)) * (T - 1)),
    # The kernel (deeper than the projection), then a product over H T taps for each result.
    (
        convolution,
        (W, U, b, x),
        projection + doubling + N * T * H * (2 * H * T - 1),
        (1 + lg(H)) * lg(T) + 1 + lg(H * T),
    ),
    # Real transforms of length 2T: 5 * 2T * lg(2T) / 2 operations and 2 lg(2T) steps a line, of
    # which there are H H (kernel) and N H (input and output). Between them, for T + 1 frequencies,
    # complex products over H: H of 6 operations and H - 1 of 2. Dividing by 2T: 1 step.
    (
        fft_convolution,
        (W, U, b, x),
        projection
        + doubling
        + (H * H + 2 * N * H) * 5 * T * lg(2 * T)
        + (T + 1) * N * H * (8 * H - 2)
        + N * H * 2 * T,
        (1 + lg(H)) * lg(T) + 2 * lg(2 * T) + 1 + lg(H) + 2 * lg(2 * T) + 1,
    ),
    # Level s = 1, 2, 4, ...: T - s states, each a product over H and an addition, 2H; the sum of
    # the T - s is T lg T - (T - 1). Beside it one squaring. A level is 1 + lg H and 1 steps.
    (
        parallel_scan,
        (W, U, b, x),
        projection + N * H * 2 * H * (T * lg(T) - (T - 1)) + lg(T) * product,
        2 + lg(D) + (1 + lg(H) + 1) * lg(T),
    ),
    # A step: a multiplication and an addition. The first addition waits for the projection.
    (diagonal_recurrence, (a, U, b, x), projection + 2 * N * T * H, 2 + lg(D) + 1 + (T - 1) * 2),
    # Powers as a prefix product (T - 1 multiplications each, at most lg T steps, which is less
    # than the projection's 2 + lg D), then a product over T taps.
    (
        diagonal_convolution,
        (a, U, b, x),
        projection + H * (T - 1) + N * T * H * (2 * T - 1),
        max(2 + lg(D), lg(T)) + 1 + lg(T),
    ),
    # A step: four products with a matrix, d (2d - 1) each; k . left 2d - 1, and 1 +: together 2d.
    # d^2 each: outer, its division, the subtraction, outer, the addition. In all 13 d^2 - 2d.
    # The chain through P: P k, k . (P k), 1 +, the division, the subtraction. At the end q P, Z.
    # At the start eye / lam.
    (
        sherman_morrison,
        (Q, K, V, 0.5),
        n * (13 * d**2 - 2 * d) + d**2,
        1 + n * (2 * (1 + lg(d)) + 3) + 2 * (1 + lg(d)),
    ),
    # The same with P Z, d^2 (2d - 1), in place of q P, d (2d - 1).
    (
        sherman_morrison_matrix_first,
        (Q, K, V, 0.5),
        n * (13 * d**2 - 2 * d + (d**2 - d) * (2 * d - 1)) + d**2,
        1 + n * (2 * (1 + lg(d)) + 3) + 2 * (1 + lg(d)),
    ),
    # K'K and K'V over n, lam I scaled and added, the solve (LU, and two triangular solves of d
    # columns, d^2 each), Q times it.
    (
        ridge_attention,
        (Q, K, V, 0.5),
        2 * d * d * (2 * n - 1) + 2 * d * d + lu + 2 * d**3 + n * d * (2 * d - 1),
        1 + lg(n) + 1 + lu_span + 2 * (3 * d - 2) + 1 + lg(d),
    ),
    # Scores, their scaling, the softmax (largest, subtract, exp, sum, divide), the mean of V.
    (
        softmax_attention,
        (Q, K, V),
        n * n * (2 * d - 1) + n * n + n * (5 * n - 2) + n * d * (2 * n - 1),
        1 + lg(d) + 1 + 2 * lg(n) + 3 + 1 + lg(n),
    ),
    # X is (n, d): the table's SVD of 14 n d^2 + 8 d^3. Twice s^2, + lam, the quotient: 4 d. U
    # scaled: n d. The product over d. Chain: SVD, s^2, + lam, the quotient, U times it, product.
    (
        purifier,
        (K, 0.5),
        14 * n * d**2 + 8 * d**3 + 4 * d + n * d + n * n * (2 * d - 1),
        d * (12 + 4 * lg(n)) + 4 + 1 + lg(d),
    ),
    # -W once a step (1 step), then forward substitution: T H squared, three steps a row but one.
    (block_solve, (W, x[0]), (T - 1) * H * H + (T * H) ** 2, 1 + 3 * T * H - 2),
    # x (n, d) times W; tanh; the sum of n d (which starts the backward pass but does not lengthen
    # it: its gradient is 1). Backward: tanh' is 3 operations and 3 steps, then x' times it.
    (
        gradient_step,
        (W, Q),
        n * d * (2 * d - 1) + n * d + (n * d - 1) + 3 * n * d + d * d * (2 * n - 1),
        max(1 + lg(d) + 1 + 3 + 1 + lg(n), 1 + lg(d) + 1 + lg(n * d)),
    ),
    # n - 1 additions and a division for each of d columns; the last sum takes lg n steps.
    (running_mean, (Q,), (n - 1) * d + n * d, lg(n) + 1),
]


@pytest.mark.parametrize(
    ("function", "args", "work", "span"), DERIVED, ids=[row[0].__name__ for row in DERIVED]
)
def test_work_and_span_are_as_derived_by_hand(function, args, work, span):
    cost = measure(function, *args)
    assert (cost.work, cost.span) == (work, span), (
        f"{function.__name__}: counted work {cost.work} and span {cost.span}, "
        f"derived {work} and {span}"
    )
    assert cost.complete, f"not everything was counted:\n{cost}"


@pytest.mark.parametrize(
    "function", [hoisted_recurrence, convolution, fft_convolution, parallel_scan]
)
def test_the_forms_compared_compute_the_same(function):
    torch.testing.assert_close(function(W, U, b, x), recurrence(W, U, b, x), rtol=1e-3, atol=1e-4)


def test_the_block_solve_computes_the_recurrence():
    inputs = functional.linear(x[0], U, b)
    wanted = recurrence(W, U, b, x[:1])[0]
    torch.testing.assert_close(block_solve(W, inputs), wanted, rtol=1e-3, atol=1e-4)


def test_the_span_of_the_recurrence_is_six_a_step():
    for batch in (1, 5):
        spans = [measure(recurrence, W, U, b, torch.ones(batch, T, D)).span for T in LENGTHS]
        assert spans == [96, 192, 384, 768, 1536]


def test_the_span_of_the_doubling_kernel_is_four_a_doubling():
    assert [measure(kernel_by_doubling, W, T).span for T in LENGTHS] == [16, 20, 24, 28, 32]


def keys_and_values(n, d):
    return torch.randn(n, d), torch.randn(n, d), torch.randn(n, d), 0.5


def test_sherman_morrison_costs_thirteen_squares_a_step_and_waits_for_each():
    in_length = growth(sherman_morrison, lambda n: keys_and_values(n, 16), (8, 16, 32, 64, 128))
    assert (in_length.work_law, in_length.span_law) == ("n", "n"), str(in_length)
    assert in_length.work[-1] / (128 * 16**2) == pytest.approx(13, rel=0.02)


def test_forming_the_product_of_two_matrices_first_shows_as_a_cube():
    sizes = (8, 16, 32, 64)
    good = growth(sherman_morrison, lambda d: keys_and_values(8, d), sizes)
    slow = growth(sherman_morrison_matrix_first, lambda d: keys_and_values(8, d), sizes)
    assert (good.work_law, slow.work_law) == ("n^2", "n^3"), f"{good}\n{slow}"


def test_convolution_to_recurrence_is_as_the_homework_counts_it():
    """With H = 4, T = 512, N = D = 32 the ratio is 57.8, and with H = 32 it is 257, without the
    kernel, which the homework's formula leaves out."""
    T, size = 512, 32
    for H, ratio in ((4, 57.8), (32, 256.5)):
        W, U, b = torch.zeros(H, H), torch.zeros(H, size), torch.zeros(H)
        x = torch.zeros(size, T, size)
        kernel = measure(kernel_by_doubling, W, T).work
        counted = measure(convolution, W, U, b, x).work - kernel
        assert counted / measure(recurrence, W, U, b, x).work == pytest.approx(ratio, abs=0.05)
