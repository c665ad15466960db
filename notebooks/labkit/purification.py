"""Data for Problem 3, and gradient descent on a loss that somebody else wrote.

Comes in: singular values, or a student's loss. Goes out: X (m, n), whose columns are points, or the
matrices W that descent comes through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from labkit.checks import Mismatch
from labkit.inputs import scaled_orthogonal

SHEET = (10.0, 8.0, 4.0, 1.0, 0.5, 0.36, 0.16, 0.01)  # the singular values of 3(c)


def with_singular_values(
    values: tuple[float, ...], n: int, generator: torch.Generator | None = None
) -> torch.Tensor:
    """X (m, n), float32, with these m singular values, in directions drawn at random; m <= n.

    >>> X = with_singular_values((3.0, 1.0), 5)
    >>> torch.linalg.svdvals(X).round(decimals=4)
    tensor([3., 1.])
    """
    s = torch.tensor(values)
    left, right = (scaled_orthogonal(size, 1.0, generator) for size in (len(s), n))
    return left * s @ right[: len(s)]


def descend(
    losses: Callable[..., Any], X: torch.Tensor, lam: float, steps: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradient descent on losses(W, X)[0] + lam losses(W, X)[1], from W = 0.

    The step is 1 / (2 (s_1^2 + lam)), the largest that overshoots in no direction. Returns every W,
    (steps + 1, m, m), and its loss, (steps + 1,). Raises Mismatch where autograd cannot follow.
    """
    rate = 0.5 / (float(torch.linalg.matrix_norm(X, 2)) ** 2 + lam)
    W = X.new_zeros(len(X), len(X))
    path, values = [], []
    for _ in range(steps + 1):
        W = W.detach().requires_grad_()
        reconstruction, regularization = losses(W, X)
        loss = reconstruction + lam * regularization
        if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
            text = (
                "autograd cannot follow your purification_losses: use torch operations from W to "
                "the two numbers (no .item(), no float(), no NumPy)"
            )
            raise Mismatch(text, kind="type", actual=loss)
        path.append(W.detach())
        values.append(loss.detach())
        W = W - rate * torch.autograd.grad(loss, W)[0]
    return torch.stack(path), torch.stack(values)
