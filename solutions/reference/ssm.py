"""Problem 2: h_t = W h_{t-1} + U x_t + b for t = 1..T, from h_0 = 0.

Comes in: W (H, H), U (H, D), b (H,), x (N, T, D). Goes out: all states, h (N, T, H), with h_t at
index t - 1. `recurrence` and `kernel` are the oracles: the definitions, in float64. The other
forms keep the dtype of their input. At the end, the inputs of the hidden tests.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from autograder.once import once
from labkit.checks import Case, as_tensor, generator
from labkit.inputs import scaled_orthogonal, ssm_inputs

# ---- Oracles: the definitions, in float64


@once
def recurrence(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """All states by the definition, (N, T, H) in float64."""
    W, U, b, x = (a.double() for a in (W, U, b, x))
    # h_t = W h_{t-1} + U x_t + b
    h = x.new_zeros(len(x), len(b))  # (N, H)
    states = []
    for x_t in x.unbind(1):  # (N, D)
        h = h @ W.T + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@once
def kernel(W: Tensor, T: int) -> Tensor:
    """The powers W^0 .. W^{T-1}, (H, H, T) as [output, input, lag], in float64."""
    power = torch.eye(len(W), dtype=torch.float64)
    powers = []
    for _ in range(T):
        powers.append(power)
        power = power @ W.double()
    return torch.stack(powers, -1)


# ---- Fast forms


def drive(U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """What enters the state at each step, U x_t + b, (N, T, H)."""
    return x @ U.T + b


def doubling_kernel(W: Tensor, T: int) -> Tensor:
    """The powers W^0 .. W^{T-1}, (H, H, T), with span log T: each round doubles the length.

    [W^0 .. W^{2m-1}] = [W^0 .. W^{m-1}, W^m [W^0 .. W^{m-1}]],  W^{2m} = W^m W^m
    """
    powers, step = torch.eye(len(W), dtype=W.dtype)[None], W  # (m, H, H) and W^m
    while len(powers) < T:
        powers = torch.cat([powers, step @ powers])
        step = step @ step
    return powers[:T].permute(1, 2, 0)


def convolution(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """h_t = sum_l W^l (U x_{t-l} + b), a causal convolution: 2 N T^2 H^2 operations, span log T."""
    T = x.shape[1]
    v = drive(U, b, x).transpose(1, 2)  # (N, H, T)
    # conv1d correlates, so the kernel is reversed; padding T - 1 on the left keeps it causal.
    h = conv1d(pad(v, (T - 1, 0)), doubling_kernel(W, T).flip(-1))
    return h.transpose(1, 2)


def fft(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The same convolution as a product of spectra, padded to 2T so that nothing wraps round."""
    T = x.shape[1]
    spectrum = torch.fft.rfft(doubling_kernel(W, T), 2 * T)  # (H, H, T + 1)
    v = torch.fft.rfft(drive(U, b, x), 2 * T, dim=1)  # (N, T + 1, H)
    h = torch.einsum("oif,nfi->nfo", spectrum, v)
    return torch.fft.irfft(h, 2 * T, dim=1)[:, :T]


def scan(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """An associative scan by doubling (Hillis and Steele 1986): span log T log H.

    After round k, h_t holds sum_{l < 2^k} W^l v_{t-l}; then h_t <- h_t + W^{2^k} h_{t-2^k}.
    """
    h, step, reach = drive(U, b, x), W, 1
    while reach < h.shape[1]:
        h = torch.cat([h[:, :reach], h[:, reach:] + h[:, :-reach] @ step.T], 1)
        step, reach = step @ step, 2 * reach
    return h


def chunked(W: Tensor, U: Tensor, b: Tensor, x: Tensor, chunk: int | None = None) -> Tensor:
    """Chunks of about sqrt(T) steps: all chunks run side by side from 0, then the state that each
    inherits is passed along and added, h_{s+l} += W^{l+1} h_s. About 2 sqrt(T) steps in a row."""
    N, T, _ = x.shape
    H, C = len(b), chunk or max(1, math.isqrt(T))
    v = pad(drive(U, b, x), (0, 0, 0, -T % C)).view(N, -1, C, H)  # (N, chunks, C, H)
    v = v.permute(2, 0, 1, 3).reshape(C, -1, H)  # a step of all chunks is one matrix
    local = [v[0]]
    for v_l in v[1:].unbind():
        local.append(torch.addmm(v_l, local[-1], W.T))
    h = torch.stack(local)  # (C, N chunks, H)
    powers = doubling_kernel(W, C + 1)  # (H, H, C + 1)
    carry, carries = v.new_zeros(N, H), []
    for ends in h[-1].view(N, -1, H).unbind(1):  # (N, H): each chunk's last state, from 0
        carries.append(carry)
        carry = torch.addmm(ends, carry, powers[:, :, C].T)
    inherited = torch.stack(carries, 1).view(1, -1, H).expand(C, -1, H)
    h = torch.baddbmm(h, inherited, powers[:, :, 1:].permute(2, 1, 0))
    return h.view(C, N, -1, H).permute(1, 2, 0, 3).reshape(N, -1, H)[:, :T]


# ---- Operations: a product of (m, k) by (k, n) costs 2 m k n; additions of vectors are left out


def recurrent_flops(N: int, T: int, D: int, H: int) -> int:
    """W h_{t-1} and U x_t for N sequences and T steps."""
    return 2 * N * T * H * (H + D)


def convolution_flops(N: int, T: int, D: int, H: int) -> int:
    """T powers of W, U x for all inputs, and T taps of (H, H) for each of N T outputs."""
    return 2 * T * H**3 + 2 * N * T * D * H + 2 * N * T**2 * H**2


# ---- Inputs of the hidden tests

EPS = torch.finfo(torch.float32).eps / 2  # one rounding
SQUARE = 2  # the length at which N, D and H are the same


def _memory(T: int, radius: float) -> float:
    """How many steps' worth of rounding a state holds: sum of radius^l over l < T."""
    return sum(radius**lag for lag in range(T))


def _turning(H: int, radius: float, source: torch.Generator) -> Tensor:
    """radius times an orthogonal matrix that is far from symmetric, so that W^T differs."""
    while True:
        W = scaled_orthogonal(H, radius, source)
        if float((W - W.T).norm()) > 0.5:
            return W


@once
def cases(T: Sequence[int], radius: float) -> Iterator[Case]:
    """Arguments (W, U, b, x) for each length in T, float32; spectral radius of W is `radius`.

    N, D and H are drawn from 3..7 and differ from each other, so that no transpose goes unseen; at
    the length SQUARE, where a transpose fits too, all three are the same.
    rtol: a step rounds H + D products to EPS each, and `_memory` steps of that live on in a
    state. That is the worst case; all forms above stay below a fifth of it.
    """
    for length in T:
        source = generator("ssm", length, radius)
        N, D, H = (torch.randperm(5, generator=source)[:3] + 3).tolist()
        N, D = (H, H) if length == SQUARE else (N, D)
        _, U, b, x = ssm_inputs(N, length, D, H, generator=source)
        W = _turning(H, radius, source)
        yield Case(
            args=(W, U, b, x),
            rtol=(H + D) * EPS * _memory(length, radius),
            about=f"N = {N}, T = {length}, D = {D}, H = {H}",
            axes=("sequence", "step", "unit"),
        )


@once
def kernel_cases(T: Sequence[int], radius: float) -> Iterator[Case]:
    """Arguments (W, T) for each length in T. rtol: W^l is made of products that round H terms to
    EPS each, on entries at most 1, and `_memory` of them live on."""
    for length in T:
        source = generator("ssm kernel", length, radius)
        H = int(torch.randint(3, 8, (), generator=source))
        yield Case(
            args=(_turning(H, radius, source), length),
            rtol=H * EPS * _memory(length, radius),
            about=f"T = {length}, H = {H}",
            axes=("output", "input", "lag"),
        )


def by_lag(K: object) -> Tensor:
    """A kernel in either order as [output, input, lag]: the end that holds W^0 = I is lag 0.

    Both orders are in use, since conv1d wants W^{T-1} first. Raises Mismatch where K is no array.
    """
    taps = as_tensor(K)
    if taps.ndim == 3 and taps.shape[0] == taps.shape[1] and taps.shape[2] > 1:
        identity = torch.eye(len(taps), dtype=taps.dtype, device=taps.device)
        first, last = (float((taps[:, :, i] - identity).abs().max()) for i in (0, -1))
        if last < first:
            return taps.flip(-1)
    return taps


FLOP_SIZES = [  # (N, T, D, H); each term is the largest somewhere
    (64, 4, 100, 8),
    (32, 512, 32, 4),
    (32, 512, 32, 32),
    (1, 128, 16, 512),
    (5, 300, 4000, 48),
    (64, 100, 7, 90),
]

FORMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "convolution": convolution,
    "fft": fft,
    "scan": scan,
    "chunked": chunked,
}
