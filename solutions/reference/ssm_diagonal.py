"""Problem 2f: h_t = W h_{t-1} + U x_t + b with a diagonal W, so h_t = a * h_{t-1} + U x_t + b.

Comes in: W (H, H) with a = W_ii on its diagonal and zeros elsewhere, U (H, D), b (H,),
x (N, T, D). Goes out: all states, h (N, T, H), with h_t at index t - 1. `recurrence` and `kernel`
are the oracles: the definitions, in float64. The other forms keep the dtype of their input. At the
end, the inputs of the hidden tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

from autograder.once import once
from labkit.chance import no_chance
from labkit.checks import Case, as_tensor, generator, leaves_inputs_alone
from labkit.inputs import scaled_diagonal, ssm_inputs
from solutions.reference.ssm import SQUARE, drive

# ---- Oracles: the definitions, in float64


@once
def recurrence(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """All states by the definition, (N, T, H) in float64."""
    W, U, b, x = (argument.double() for argument in (W, U, b, x))
    # h_t = a * h_{t-1} + U x_t + b, entry by entry
    a = W.diagonal()
    h = x.new_zeros(len(x), len(b))  # (N, H)
    states = []
    for x_t in x.unbind(1):  # (N, D)
        h = a * h + x_t @ U.T + b
        states.append(h)
    return torch.stack(states, 1)


@once
def kernel(W: Tensor, T: int) -> Tensor:
    """The powers a^0 .. a^{T-1} of the diagonal, (H, 1, T) as [unit, 1, lag], in float64."""
    a = W.double().diagonal()
    power = torch.ones_like(a)
    powers = []
    for _ in range(T):
        powers.append(power)
        power = a * power
    return torch.stack(powers, -1)[:, None]


# ---- Fast forms


def powers(a: Tensor, T: int) -> Tensor:
    """a^0 .. a^{T-1}, (H, T): T H operations in all, and every one of them can run at once."""
    return a[:, None] ** torch.arange(T, device=a.device)


def convolution(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """h_t = sum_l a^l * (U x_{t-l} + b): one kernel for each unit, so H groups in conv1d.
    2 N T^2 H operations, H times fewer than for a full W."""
    T, H = x.shape[1], len(b)
    v = drive(U, b, x).transpose(1, 2)  # (N, H, T)
    # conv1d correlates, so the kernel is reversed; padding T - 1 on the left keeps it causal.
    K = powers(W.diagonal(), T)[:, None].flip(-1)  # (H, 1, T)
    return conv1d(pad(v, (T - 1, 0)), K, groups=H).transpose(1, 2)


def fft(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """The same convolution as a product of spectra, padded to 2T so that nothing wraps round."""
    T = x.shape[1]
    K = torch.fft.rfft(powers(W.diagonal(), T).T, 2 * T, dim=0)  # (T + 1, H)
    v = torch.fft.rfft(drive(U, b, x), 2 * T, dim=1)  # (N, T + 1, H)
    return torch.fft.irfft(K * v, 2 * T, dim=1)[:, :T]


def scan(W: Tensor, U: Tensor, b: Tensor, x: Tensor) -> Tensor:
    """An associative scan by doubling (Hillis and Steele 1986): span log T.

    After round k, h_t holds sum_{l < 2^k} a^l v_{t-l}; then h_t <- h_t + a^{2^k} h_{t-2^k}.
    """
    h, step, reach = drive(U, b, x), W.diagonal(), 1
    while reach < h.shape[1]:
        h = torch.cat([h[:, :reach], h[:, reach:] + step * h[:, :-reach]], 1)
        step, reach = step * step, 2 * reach
    return h


def decay(a: Tensor, C: int) -> Tensor:
    """The matrix tril(a^{i-j}) of each unit, (H, C, C): it takes C inputs to C states at once."""
    lag = torch.arange(C)[:, None] - torch.arange(C)  # i - j
    return powers(a, C)[:, lag.clamp(min=0)].tril()


def chunked(W: Tensor, U: Tensor, b: Tensor, x: Tensor, chunk: int = 32) -> Tensor:
    """Chunks of C = `chunk` steps, each one product with a decay matrix; then the state that each
    chunk inherits is added, h_{s+l} += a^{l+1} h_s. Those states are a recurrence over chunks, with
    a^C in place of a: a decay matrix again. No loop, and with units first no copy either."""
    (N, T, _), H, C = x.shape, len(b), chunk
    a = W.diagonal()
    v = torch.addmm(b[:, None], U, x.reshape(N * T, -1).T).view(H, N, T)
    v = pad(v, (0, -T % C)) if T % C else v
    h = (v.view(H, -1, C) @ decay(a, C).mT).view(H, N, -1, C)  # each chunk started from 0
    ends = pad(h[:, :, :-1, -1], (1, 0))  # what the chunk before ends with, (H, N, chunks)
    a_l = powers(a, C + 1)  # (H, C + 1)
    inherited = ends @ decay(a_l[:, C], ends.shape[-1]).mT
    h = torch.addcmul(h, inherited[..., None], a_l[:, None, None, 1:])
    return h.view(H, N, -1)[..., :T].permute(1, 2, 0)


# ---- Inputs of the hidden tests

EPS = torch.finfo(torch.float32).eps / 2  # one rounding
DOUBLE = torch.finfo(torch.float64).eps / torch.finfo(torch.float32).eps


def _memory(T: int, radius: float) -> float:
    """How many steps' worth of rounding a state holds: sum of radius^l over l < T."""
    return (1 - radius**T) / (1 - radius)


def _diagonal(H: int, radius: float, source: torch.Generator) -> Tensor:
    """`scaled_diagonal` of 4 or more entries, the smallest two of them made -0.3 and 0: code that
    reads one entry only, takes logarithms, or divides by powers (which underflow) is found out."""
    W = scaled_diagonal(H, radius, source)
    smallest = W.diagonal().abs().argsort()
    W.diagonal()[smallest[:2]] = torch.tensor([-0.3, 0.0])
    return W


@once
def cases(T: Sequence[int], radius: float, H: int | None = None) -> Iterator[Case]:
    """Arguments (W, U, b, x) for each length in T, float32; W is `_diagonal`.

    N and D are drawn from 3..7 and H from 4..8, and they differ from each other, but at the length
    SQUARE, where all three are the same. Where H is given, N and D are the same for every H and T:
    costs are compared over those. rtol: a step rounds D products, a sum
    and a decay to EPS each, and `_memory` steps of that live on in a state. That is the worst case;
    all forms above stay below a fifth of it.
    """
    for length in T:
        source = generator("diagonal ssm", length, radius, *([H] if H else []))
        N, D, units = (torch.randperm(5, generator=source)[:3] + 3).tolist()
        units = 8 if units == 3 else units
        N, D = (units, units) if length == SQUARE else (N, D)
        if H is not None:
            N, D, units = 3, 4, H
        _, U, b, x = ssm_inputs(N, length, D, units, generator=source)
        yield Case(
            args=(_diagonal(units, radius, source), U, b, x),
            rtol=(D + 2) * EPS * _memory(length, radius),
            about=f"N = {N}, T = {length}, D = {D}, H = {units}",
            axes=("sequence", "step", "unit"),
        )


@once
def kernel_cases(T: Sequence[int], radius: float) -> Iterator[Case]:
    """Arguments (W, T) for each length in T. rtol: a^l takes up to l products, each rounded to
    EPS |a|^l, and l |a|^l is at most `_memory`. Five times that, since a logarithm of a negative
    entry is complex, and rounds a phase of l pi."""
    for length in T:
        source = generator("diagonal ssm kernel", length, radius)
        H = int(torch.randint(4, 9, (), generator=source))
        yield Case(
            args=(_diagonal(H, radius, source), length),
            rtol=5 * EPS * _memory(length, radius),
            about=f"T = {length}, H = {H}",
            axes=("unit", "input", "lag"),
        )


def in_double(cases: Iterable[Case]) -> Iterator[Case]:
    """The same cases, of this notebook's functions or of the CPU notebook's, with float64 inputs
    and a tolerance that is smaller as roundings are."""
    for case in cases:
        args = tuple(a.double() if isinstance(a, Tensor) else a for a in case.args)
        yield replace(case, args=args, rtol=case.rtol * DOUBLE, about=f"float64, {case.about}")


def right_in_double(
    function: Callable[..., object],
    oracle: Callable[..., Tensor],
    cases: Iterable[Case],
    read: Callable[[object], object] = as_tensor,
) -> None:
    """Pass if `function` gives what `oracle` does on the cases in float64, and leaves its inputs
    alone. `read` is how its result is to be read. Raises Mismatch, which names the function."""
    for case in in_double(cases):
        named = replace(case, about=f"{function.__name__}, {case.about}")
        expected = oracle(*case.args)
        with no_chance(function, *case.args):
            named.same(read(function(*case.args)), expected)
        leaves_inputs_alone(function, *case.args, names="WUbx")  # of a kernel: W, T


def by_lag(K: object) -> Tensor:
    """A kernel in either order as [unit, 1, lag]: the end that holds ones is lag 0.

    Both orders are in use, since conv1d wants a^{T-1} first. Raises Mismatch where K is no array.
    """
    taps = as_tensor(K)
    if taps.ndim == 3 and taps.shape[1] == 1 and taps.shape[2] > 1:
        first, last = (float((taps[:, :, i] - 1).abs().max()) for i in (0, -1))
        if last < first:
            return taps.flip(-1)
    return taps


FORMS: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]] = {
    "convolution": convolution,
    "fft": fft,
    "scan": scan,
    "chunked": chunked,
}
