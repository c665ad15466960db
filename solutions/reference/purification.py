"""Problem 3: the matrix W (m, m) that minimizes ||X - W X||_F^2 + lam ||W||_F^2, X (m, n), lam > 0.

Comes in: X, whose columns are points, and lam. Goes out: W, losses, or the window of lam that keeps
some directions and dims the others. First the oracles, in float64; then other roads to the same W,
which keep the dtype of their input and differ in how many digits they keep.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from autograder.once import once

CLOSED = 1e-9  # ends of a window that agree to this share are one point

# ---- Oracles, in float64


def losses(W: Tensor, X: Tensor) -> Tensor:
    """The reconstruction loss ||X - W X||_F^2 and the regularization loss ||W||_F^2, (2,)."""
    W, X = W.double(), X.double()
    return torch.stack([(X - W @ X).square().sum(), W.square().sum()])


@once
def purifier(X: Tensor, lam: float) -> Tensor:
    """U diag(s^2 / (s^2 + lam)) U^T for X = U diag(s) V^T. Directions without data have s = 0,
    and nothing of them is kept."""
    U, s, _ = torch.linalg.svd(X.double(), full_matrices=False)  # (m, k), (k,), k = min(m, n)
    return U * (s**2 / (s**2 + lam)) @ U.T


def gradient(W: Tensor, X: Tensor, lam: float) -> Tensor:
    """Half the gradient of the regularized loss: W (X X^T + lam I) - X X^T. It is 0 at the
    purifier, and nowhere else."""
    W, G = W.double(), X.double() @ X.double().T
    return W @ G + lam * W - G


def window(
    singular_values: Sequence[float] | Tensor,
    keep: int,
    keep_at_least: float = 0.8,
    rest_at_most: float = 0.5,
) -> tuple[float, float] | None:
    """The lam that keep `keep_at_least` or more of each of the first `keep` directions, and
    `rest_at_most` or less of each other one: (low, high), or None if there is none. Singular
    values come largest first, so the last one kept and the first one dimmed decide.

    s^2 / (s^2 + lam) >= a  where  lam <= s^2 (1 - a) / a
    s^2 / (s^2 + lam) <= b  where  lam >= s^2 (1 - b) / b
    """
    s = [float(value) for value in singular_values]
    a, b = keep_at_least, rest_at_most
    high = s[keep - 1] ** 2 * (1 - a) / a if keep > 0 else math.inf
    low = s[keep] ** 2 * (1 - b) / b if keep < len(s) else 0.0
    if math.isclose(low, high, rel_tol=CLOSED):
        return low, low
    return (low, high) if low < high else None


# ---- Other roads to the purifier, in the dtype of X


def by_svd(X: Tensor, lam: float) -> Tensor:
    """The oracle's road, in the dtype of X: works on X itself, and keeps the digits of small s."""
    U, s, _ = torch.linalg.svd(X, full_matrices=False)
    return U * (s**2 / (s**2 + lam)) @ U.T


def by_augmented_rows(X: Tensor, lam: float) -> Tensor:
    """The least-squares problem [X^T; sqrt(lam) I] W^T = [X^T; 0], by QR: keeps the digits too."""
    eye, zeros = torch.eye(len(X), dtype=X.dtype), X.new_zeros(len(X), len(X))
    Q, R = torch.linalg.qr(torch.cat([X.T, math.sqrt(lam) * eye]))  # (n + m, m), (m, m)
    rows = Q.T @ torch.cat([X.T, zeros])
    return torch.linalg.solve_triangular(R, rows, upper=True).T


def by_normal_equations(X: Tensor, lam: float) -> Tensor:
    """W (X X^T + lam I) = X X^T. Forming X X^T squares the singular values, and where
    lam is below its rounding, the small ones are gone."""
    G = X @ X.T
    return torch.linalg.solve(G + lam * torch.eye(len(X), dtype=X.dtype), G).T


def by_eigenvectors(X: Tensor, lam: float) -> Tensor:
    """X X^T = U diag(s^2) U^T: the same, with the same loss of digits."""
    squares, U = torch.linalg.eigh(X @ X.T)
    return U * (squares / (squares + lam)) @ U.T


def by_rows(X: Tensor, lam: float) -> Tensor:
    """m ridge regressions that share their inputs: row i of W predicts row i of X."""
    M = X @ X.T + lam * torch.eye(len(X), dtype=X.dtype)
    return torch.stack([torch.linalg.solve(M, X @ target) for target in X])


def by_the_small_side(X: Tensor, lam: float) -> Tensor:
    """X (X^T X + lam I)^{-1} X^T: solves (n, n) in place of (m, m), for fewer points than
    features (push-through identity)."""
    return X @ torch.linalg.solve(X.T @ X + lam * torch.eye(X.shape[1], dtype=X.dtype), X.T)


ON_THE_DATA = (by_svd, by_augmented_rows)  # error like s_1 / sqrt(lam) roundings
ON_THE_SQUARES = (by_normal_equations, by_eigenvectors, by_rows, by_the_small_side)  # its square
