"""Problem 1: x_{k+1} = A x_k + B u_k, y_k = C x_k + D u_k from x_0 = 0, and its kernel K.

Comes in: A (n, n), B (n, m), C (r, n), D (r, m), a length L, an input u (L + 1, m). Goes out: the
kernel K (L + 1, r, m) with K_0 = D and K_l = C A^{l-1} B, or the output y (L + 1, r). First the
oracles: the definitions, in float64. Then fast forms, which keep the dtype of their input.
"""

from __future__ import annotations

import torch
from torch import Tensor

from autograder.once import once

# ---- Oracles: the definitions, in float64


@once
def recurrence(A: Tensor, B: Tensor, C: Tensor, D: Tensor, u: Tensor) -> Tensor:
    """The output by the definition, one step after another, (L + 1, r) in float64."""
    A, B, C, D, u = (a.double() for a in (A, B, C, D, u))
    x = A.new_zeros(len(A))  # (n,)
    outputs = []
    for u_k in u:  # (m,)
        # y_k = C x_k + D u_k,  x_{k+1} = A x_k + B u_k
        outputs.append(C @ x + D @ u_k)
        x = A @ x + B @ u_k
    return torch.stack(outputs)


@once
def kernel(A: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """K_0 = D, K_l = C A^{l-1} B for l = 1 .. L, (L + 1, r, m) in float64."""
    A, B, C, D = (a.double() for a in (A, B, C, D))
    taps, power = [D], torch.eye(len(A), dtype=torch.float64)
    for _ in range(L):
        taps.append(C @ power @ B)
        power = power @ A
    return torch.stack(taps)


def output(K: Tensor, u: Tensor) -> Tensor:
    """y_k = sum over l = 0 .. k of K_l u_{k-l}, (L + 1, r) in float64."""
    K, u = K.double(), u.double()
    y = K.new_zeros(K.shape[:2])
    for lag in range(len(K)):
        y[lag:] += u[: len(u) - lag] @ K[lag].T
    return y


@once
def diagonal(a: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """The kernel of A = diag(a), in float64: at each step a scales the rows of the state."""
    a, B, C, D = (t.double() for t in (a, B, C, D))
    taps, state = [D], B  # (n, m): A^{l-1} B
    for _ in range(L):
        taps.append(C @ state)
        state = a[:, None] * state
    return torch.stack(taps)


@once
def identity_plus_rank_one(p: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """The kernel of A = I + p p^T, in float64, to nearly all its digits for any p.

    A^l = I + s_l p p^T, with s_0 = 0 and s_{l+1} = 1 + (1 + v) s_l for v = p^T p. Nothing in this
    recursion is negative, so nothing cancels. (In I + p p^T itself a small p is rounded away.)
    """
    p, B, C, D = (a.double() for a in (p, B, C, D))
    v = p @ p
    constant, growing = C @ B, torch.outer(C @ p, p @ B)  # (r, m)
    taps, s = [D], torch.zeros((), dtype=torch.float64)
    for _ in range(L):
        taps.append(constant + s * growing)
        s = 1 + (1 + v) * s
    return torch.stack(taps)


# ---- Fast forms


def doubling(A: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """The kernel with span log n log L and work n^3 log L + L n^2 m: B is applied first.

    [B .. A^{2k-1} B] = [X, A^k X] for X = [B .. A^{k-1} B],  A^{2k} = A^k A^k
    """
    states, step = B[None], A  # (k, n, m) and A^k
    while len(states) < L:
        states = torch.cat([states, step @ states])
        step = step @ step
    return torch.cat([D[None], C @ states[:L]])


def vandermonde(a: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """The kernel of A = diag(a), entry by entry: K_l[i, j] = sum over k of C_ik B_kj a_k^{l-1}.

    One product of an (r m, n) matrix with the Vandermonde matrix a_k^{l-1}, (n, L)."""
    powers = a[:, None] ** torch.arange(L)  # (n, L)
    pairs = C[:, None, :] * B.T[None]  # (r, m, n)
    return torch.cat([D[None], (pairs @ powers).permute(2, 0, 1)])


def closed_form(p: Tensor, B: Tensor, C: Tensor, D: Tensor, L: int) -> Tensor:
    """The kernel of A = I + p p^T: K_l = C B + s_{l-1} (C p)(p^T B).

    s_l = ((1 + v)^l - 1) / v for v = p^T p, and l where v is 0. Taken literally it cancels for
    small v; expm1 and log1p do not.
    """
    v = p @ p
    lags = torch.arange(L, dtype=p.dtype)
    s = torch.expm1(lags * torch.log1p(v)) / v if v > 0 else lags  # (L,)
    return torch.cat([D[None], C @ B + s[:, None, None] * torch.outer(C @ p, p @ B)])


def fft(K: Tensor, u: Tensor) -> Tensor:
    """The output as a product of spectra, padded so that nothing wraps round: L log L work."""
    length = 2 * len(u)
    spectrum = torch.einsum(
        "frm,fm->fr", torch.fft.rfft(K, length, 0), torch.fft.rfft(u, length, 0)
    )
    return torch.fft.irfft(spectrum, length, 0)[: len(u)]


def scan(A: Tensor, B: Tensor, C: Tensor, D: Tensor, u: Tensor) -> Tensor:
    """The output without a kernel, by an associative scan (Hillis and Steele 1986): span
    log n log L. After round j, x_k holds the last 2^j inputs; then x_k <- x_k + A^{2^j} x_{k-2^j}.
    """
    x, step, reach = u @ B.T, A, 1
    while reach < len(u):
        x = torch.cat([x[:reach], x[reach:] + x[:-reach] @ step.T])
        step, reach = step @ step, 2 * reach
    return torch.cat([torch.zeros_like(x[:1]), x[:-1]]) @ C.T + u @ D.T
