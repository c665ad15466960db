"""Problem 4: what a query q gets from pairs of keys and values is W^T q, where W solves a ridge
regression of the values on the keys.

Comes in: Q, K (n, d), V (n, dv), with any batch and head dimensions in front, and lam > 0, a number
or a tensor of no dimensions. Goes out: outputs (n, dv), or what they are made of. The oracles take
every position from scratch, in float64; all of them pass gradients.
"""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.once import once


def fit(K: Tensor, V: Tensor, lam: float | Tensor) -> Tensor:
    """W = (lam I + K^T K)^{-1} K^T V, (d, dv) in float64."""
    K, V, lam = _double(K, V, lam)
    M = lam * torch.eye(K.shape[-1], dtype=torch.float64) + K.mT @ K  # (d, d)
    return torch.linalg.solve(M, K.mT @ V)


@once
def weights(X: Tensor, y: Tensor, lam: float | Tensor) -> Tensor:
    """The ridge regression of y (n,) on the rows of X (n, d): (d,) in float64."""
    return fit(X, y[:, None], lam)[:, 0]


@once
def attention(Q: Tensor, K: Tensor, V: Tensor, lam: float | Tensor) -> Tensor:
    """Every query meets all pairs: rows W^T q, (n, dv) in float64."""
    return Q.double() @ fit(K, V, lam)


@once
def causal(Q: Tensor, K: Tensor, V: Tensor, lam: float | Tensor) -> Tensor:
    """The query at t meets the pairs up to t, its own too: (n, dv) in float64."""
    outputs = []
    for t in range(1, K.shape[-2] + 1):
        q, k, v = Q[..., t - 1 : t, :], K[..., :t, :], V[..., :t, :]
        outputs.append(q.double() @ fit(k, v, lam))  # (1, dv)
    return torch.cat(outputs, -2)


@once
def attention_weights(q: Tensor, K: Tensor, lam: float | Tensor) -> Tensor:
    """What each value is multiplied by: <q, (lam I + K^T K)^{-1} k_i>, (n,) in float64."""
    q, K, lam = _double(q, K, lam)
    M = lam * torch.eye(K.shape[-1], dtype=torch.float64) + K.mT @ K
    return K @ torch.linalg.solve(M, q)


@once
def updated_inverse(M_inv: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """(M + u v^T)^{-1}, (d, d) in float64, from M itself."""
    M_inv, u, v = _double(M_inv, u, v)
    return torch.linalg.inv(torch.linalg.inv(M_inv) + torch.outer(u, v))


def _double(*arguments: float | Tensor) -> tuple[Tensor, ...]:
    return tuple(torch.as_tensor(a, dtype=torch.float64) for a in arguments)
