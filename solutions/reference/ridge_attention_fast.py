"""Problem 4f and beyond: causal ridge attention, one formula and seven ways to compute it.

    o_t = W_t^T q_t,  W_t = M_t^{-1} J_t,  M_t = lam I + sum k_i k_i^T,  J_t = sum k_i v_i^T
    (sums over i <= t)

Comes in: Q, K (..., n, d), V (..., n, dv), and lam > 0, a number or a tensor whose shape broadcasts
to the leading dimensions (one for all, or one a head). Goes out: (..., n, dv) in the same dtype.
All forms have gradients in Q, K, V and lam, but for `tuned` and `fused`, which work in place.

| form             | it is                                    | work a token   | steps in a row |
|------------------|------------------------------------------|----------------|----------------|
| plain            | Sherman-Morrison, as a student writes it | d^2            | n              |
| tuned            | the same recursion, in place             | d^2            | n              |
| fused            | the shortest loop we know                | d^2            | n              |
| additive         | M_t summed up, a factor for every token  | d^3            | log n + d      |
| chunked          | Woodbury for C tokens at once, in a loop | d^2 + d C      | n (1 + d / C)  |
| chunked_parallel | M summed up by chunks, and no loop       | d^2 (1 + d/C)  | log n + C + d  |
| double_inside    | chunked, in float64 inside               | d^2 + d C      | n (1 + d / C)  |

The layer is that of MesaNet (von Oswald et al. 2025), which solves for each query by conjugate
gradients; here every form is exact up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, bmm
from torch.linalg import cholesky, solve_triangular
from torch.nn.functional import pad

Lam = float | Tensor

# ---- One token after the other


def plain(Q: Tensor, K: Tensor, V: Tensor, lam: Lam) -> Tensor:
    """The homework's recursion as a student writes it, by Sherman and Morrison (1950).

    With u = M^{-1} k_t:  M^{-1} <- M^{-1} - u u^T / (1 + k_t^T u),  J <- J + k_t v_t^T
    """
    lam = torch.as_tensor(lam, dtype=K.dtype, device=K.device)[..., None, None]
    d, dv = K.shape[-1], V.shape[-1]
    M_inv = torch.eye(d, dtype=K.dtype, device=K.device) / lam  # (..., d, d)
    J = K.new_zeros(*K.shape[:-2], d, dv)
    outputs = []
    for t in range(K.shape[-2]):
        q, k, v = Q[..., t, :], K[..., t, :], V[..., t, :]
        u = (M_inv @ k[..., None])[..., 0]  # (..., d)
        kMk = (k * u).sum(-1)[..., None, None]
        M_inv = M_inv - u[..., :, None] * u[..., None, :] / (1 + kMk)
        J = J + k[..., :, None] * v[..., None, :]
        outputs.append((q[..., None, :] @ M_inv @ J)[..., 0, :])  # (..., dv)
    return torch.stack(outputs, -2)


@torch.no_grad()
def tuned(Q: Tensor, K: Tensor, V: Tensor, lam: Lam) -> Tensor:
    """The same recursion without a new state at each step: in place, so without gradients."""
    (Q, K, V, lam), shape = _flat(Q, K, V, lam)
    M_inv, J = _identity(K) / lam, K.new_zeros(len(K), K.shape[-1], V.shape[-1])
    out = torch.empty_like(V)
    for q, k, v, o in zip(*(a.split(1, 1) for a in (Q, K, V, out)), strict=True):
        u = bmm(k, M_inv)
        M_inv.addcmul_(u.mT / (1 + bmm(u, k.mT)), u, value=-1)
        J.addcmul_(k.mT, v)
        torch.bmm(bmm(q, M_inv), J, out=o)
    return out.view(shape)


@torch.no_grad()
def fused(Q: Tensor, K: Tensor, V: Tensor, lam: Lam) -> Tensor:
    """The shortest loop we know, for scale: five operations a token, and no memory of their own.

    In gain form, W_t = W_{t-1} + g_t (v_t - W_{t-1}^T k_t)^T with g_t = u / (1 + k_t^T u), both
    updates are one: with S = [P | W], P = M^{-1}, and a = k^T S - [0 | v^T],  S <- S - g a.
    """
    (Q, K, V, lam), shape = _flat(Q, K, V, lam)
    d, one = K.shape[-1], K.new_ones(1, 1, 1)
    S = pad(_identity(K) / lam, (0, V.shape[-1]))  # [P | W], (b, d, d + dv)
    W, a, scale = S[..., d:], torch.empty_like(S[:, :1]), torch.empty_like(lam)
    u, V, out = a[..., :d], pad(V, (d, 0)), torch.empty_like(V)  # V is [0 | V] from here on
    rows = (*(a.split(1, 1) for a in (Q, K, V, out)), K.mT.split(1, 2))
    for q, k, v, o, k_column in zip(*rows, strict=True):
        torch.baddbmm(v, k, S, beta=-1, out=a)  # [u^T | (W^T k - v)^T]
        torch.baddbmm(one, u, k_column, out=scale)  # 1 + k^T u
        S.addcmul_(u.mT / scale, a, value=-1)
        torch.bmm(q, W, out=o)
    return out.view(shape)


# ---- All tokens at once


def additive(Q: Tensor, K: Tensor, V: Tensor, lam: Lam) -> Tensor:
    """M_t and J_t for every t by a cumulative sum, then one batched Cholesky factorisation.

    Only sums, so nothing drifts. It holds n matrices of (d, d): 4 GB at n = 16384, d = 128.
    """
    (Q, K, V, lam), shape = _flat(Q, K, V, lam)
    keys = K[..., None]  # (b, n, d, 1)
    M = (keys * keys.mT).cumsum(1) + lam[..., None] * _identity(K)[:, None]  # (b, n, d, d)
    J = (keys * V[..., None, :]).cumsum(1)  # (b, n, d, dv)
    z = torch.cholesky_solve(Q[..., None], cholesky(M))  # M_t^{-1} q_t
    return (z.mT @ J).squeeze(-2).view(shape)


# ---- A chunk at a time


def chunked(Q: Tensor, K: Tensor, V: Tensor, lam: Lam, chunk: int | None = None) -> Tensor:
    """The recursion for a whole chunk of tokens at once: Woodbury (1950) in place of Sherman and
    Morrison, causal because the factor of a leading block is the leading block of the factor.

    With P = M^{-1} and W at the chunk's start, and K, V, Q the chunk's rows (C of them):
        L = chol(I + K P K^T)          [H | R] = L^{-1} [K P | V - K W]
        O = Q W + tril(Q H^T) R        P <- P - H^T H,  W <- W + H^T R
    `chunk`  C; where None, 64 for one head, and 32 where several share the cost of each step.
    """
    (Q, K, V, lam), shape = _flat(Q, K, V, lam)
    n = K.shape[1]
    C = min(chunk or (64 if len(K) == 1 else 32), n)
    if n % C:  # rows of zeros teach nothing
        Q, K, V = (pad(a, (0, 0, 0, -n % C)) for a in (Q, K, V))
    out: Tensor = _Chunked.apply(Q, K, V, lam, C)
    return out[:, :n].reshape(shape)


class _Chunked(torch.autograd.Function):
    """`chunked` on (b, n, d) with C a divisor of n. Backward is a causal linear attention that
    runs from the end: five products a chunk, all chunks side by side."""

    @staticmethod
    def forward(ctx: Any, Q: Tensor, K: Tensor, V: Tensor, lam: Tensor, C: int) -> Tensor:
        keep = any(ctx.needs_input_grad)
        out, starts, factors = _chunks(Q, K, V, lam, C, keep)
        if keep:
            ctx.save_for_backward(Q, K, V, starts, factors)
        return out

    @staticmethod
    def backward(ctx: Any, dO: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        """With z_t = M_t^{-1} q_t, and y_t = W_t do_t, which is dq_t, and D summed from the end:

        D_i = sum_{t>=i} z_t [do_t | -y_t]^T, [dv_i | e_i] = D_i^T k_i, dk_i = D_i [v_i | k_i] + e_i
        """
        if torch.is_grad_enabled():  # by create_graph=True
            raise RuntimeError("chunked has first derivatives only: use chunked_parallel")
        *inputs, starts, factors = ctx.saved_tensors
        C, d = factors.shape[-2], starts.shape[-2]
        Q, K, V, dO = (a.unflatten(1, (-1, C)) for a in (*inputs, dO))  # (b, n/C, C, d)
        (P, W), (H, N) = (a.split([d, V.shape[-1]], -1) for a in (starts, factors))
        Z = Q @ P - (Q @ H.mT).tril() @ H
        Y = dO @ W.mT - (dO @ N.mT).tril() @ H
        E, X = torch.cat([dO, -Y], -1), torch.cat([V, K], -1)  # (b, n/C, C, dv + d)
        D = _after(Z.mT @ E)  # at each chunk's end
        dVK = K @ D + (K @ Z.mT).triu() @ E
        dV, e = dVK.split([V.shape[-1], d], -1)
        dK = X @ D.mT + (X @ E.mT).triu() @ Z + e
        dlam = -(Y * Z).sum((1, 2, 3)).view(-1, 1, 1)
        return Y.flatten(1, 2), dK.flatten(1, 2), dV.flatten(1, 2), dlam, None


def _chunks(
    Q: Tensor, K: Tensor, V: Tensor, lam: Tensor, C: int, keep: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """O, and where `keep` each chunk's [P | W] at its start, and its [H | N] with N = -R.

    In place, with P and W in one matrix S and the sign of R turned, so that a chunk is one solve,
    one update and a few products:  [H | N] = L^{-1} (K S - [0 | V]),  S <- S - H^T [H | N].
    """
    (b, n, d), dv = K.shape, V.shape[-1]
    S = pad(_identity(K) / lam, (0, dv))  # [P | W]
    W, out = S[..., d:], torch.empty_like(V)
    G, A = K.new_empty(b, C, d + dv), K.new_empty(b, C, C)
    (KP, KW), G_T, diagonal = G.split([d, dv], -1), G.mT, A.diagonal(dim1=1, dim2=2)
    kept = n // C if keep else 1
    starts, factors = K.new_empty(b, kept, d, d + dv), K.new_empty(b, kept, C, d + dv)
    each = [(F, F.mT, F.mT[:, :d], F[..., d:]) for F in factors.unbind(1)] * (n // C // kept)
    rows = (a.unflatten(1, (-1, C)).unbind(1) for a in (Q, K, V, out))
    for i, (q, k, v, o, (HN, HN_T, H_T, N)) in enumerate(zip(*rows, each, strict=True)):
        if keep:
            starts[:, i] = S
        torch.bmm(k, S, out=G)
        KW.sub_(v)
        torch.bmm(KP, k.mT, out=A)
        diagonal.add_(1)  # A = I + K P K^T
        solve_triangular(cholesky(A).mT, G_T, upper=True, left=False, out=HN_T)
        torch.bmm(q, H_T, out=A)
        torch.bmm(q, W, out=o)
        o.baddbmm_(A.tril_(), N, alpha=-1)
        S.baddbmm_(H_T, HN, alpha=-1)
    return out, starts, factors


def chunked_parallel(Q: Tensor, K: Tensor, V: Tensor, lam: Lam, chunk: int = 64) -> Tensor:
    """The same outputs without a loop: M and J at the chunks' starts are cumulative sums of the
    chunks' K^T K and K^T V. Only sums are carried, so nothing drifts; gradients are torch's own.

    With F = chol(M) and [Y | Z | X] = F^{-1} [K^T | Q^T | J]:  K P K^T = Y^T Y,  K W = Y^T X, and
        L = chol(I + Y^T Y)    [H | R] = L^{-1} [Y^T | V - Y^T X]    O = Z^T X + tril(Z^T H^T) R
    """
    (Q, K, V, lam), shape = _flat(Q, K, V, lam)
    n, d, dv = *K.shape[1:], V.shape[-1]
    C = min(chunk, n)
    Q, K, V = (pad(a, (0, 0, 0, -n % C)).unflatten(1, (-1, C)) for a in (Q, K, V))  # (b, n/C, C, d)
    M, J = _before(K.mT @ torch.cat([K, V], -1)).split([d, dv], -1)  # (b, n/C, d, .)
    F = cholesky(M + (lam * _identity(K[:, 0]))[:, None])
    Y, Z, X = _solve(F, torch.cat([K.mT, Q.mT, J], -1)).split([C, C, dv], -1)
    K_, Q_ = Y.mT, Z.mT  # keys and queries in coordinates where M is the identity
    L = cholesky(K_ @ Y + torch.eye(C, dtype=K.dtype, device=K.device))
    H, R = _solve(L, torch.cat([K_, V - K_ @ X], -1)).split([d, dv], -1)
    out = Q_ @ X + (Q_ @ H.mT).tril() @ R
    return out.flatten(1, 2)[:, :n].reshape(shape)


def double_inside(Q: Tensor, K: Tensor, V: Tensor, lam: Lam, chunk: int | None = None) -> Tensor:
    """`chunked` in float64, whatever comes in: for small lam, where float32 has too few digits."""
    lam = lam.double() if isinstance(lam, Tensor) else lam
    return chunked(Q.double(), K.double(), V.double(), lam, chunk).to(Q.dtype)


# ---- Small parts


def _flat(
    Q: Tensor, K: Tensor, V: Tensor, lam: Lam
) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], tuple[int, ...]]:
    """Q, K, V as (b, n, d), all leading dimensions in b; lam as (b, 1, 1); the output's shape."""
    lam = torch.as_tensor(lam, dtype=K.dtype, device=K.device).expand(K.shape[:-2])
    flat = (a.reshape(math.prod(a.shape[:-2]), *a.shape[-2:]) for a in (Q, K, V))
    return (*flat, lam.reshape(-1, 1, 1)), V.shape


def _identity(K: Tensor) -> Tensor:
    """(b, d, d) for keys (b, n, d)."""
    d = K.shape[-1]
    return torch.eye(d, dtype=K.dtype, device=K.device).expand(len(K), d, d)


def _solve(L: Tensor, B: Tensor) -> Tensor:
    """L^{-1} B for lower triangular L, as (B^T L^{-T})^T: MKL does this in half the time."""
    return solve_triangular(L.mT, B.mT, upper=True, left=False).mT


def _before(a: Tensor) -> Tensor:
    """For each chunk the sum of all chunks before it, (b, chunks, ...)."""
    return pad(a[:, :-1].cumsum(1), (0, 0, 0, 0, 1, 0))


def _after(a: Tensor) -> Tensor:
    """For each chunk the sum of all chunks after it, (b, chunks, ...)."""
    return _before(a.flip(1)).flip(1)


FORMS: dict[str, Callable[..., Tensor]] = {
    "plain": plain,
    "tuned": tuned,
    "fused": fused,
    "additive": additive,
    "chunked": chunked,
    "chunked_parallel": chunked_parallel,
    "double_inside": double_inside,
}
CHUNKED = ("chunked", "chunked_parallel", "double_inside")  # those that take a chunk's length
IN_PLACE = ("tuned", "fused")  # those without gradients
