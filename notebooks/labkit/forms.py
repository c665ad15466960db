"""Ways to run a state-space model, for their cost alone.

x_{k+1} = A x_k + B u_k, y_k = C x_k + D u_k, with one input and one output. Comes in: the number
n of states and the length L. Goes out: a `workspan.Cost`. What is counted does not depend on the
numbers, so each form works on zeros that it makes itself.
"""

from __future__ import annotations

import math

import torch

from labkit.workspan import Cost, measure


def step_by_step(n: int, L: int) -> Cost:
    """The definition: L + 1 steps, each after the one before."""
    A, B, C = torch.zeros(n, n), torch.zeros(n), torch.zeros(n)

    def outputs(u: torch.Tensor) -> list[torch.Tensor]:
        x, y = torch.zeros(n), []
        for u_k in u:
            y.append(C @ x + u_k)
            x = A @ x + B * u_k
        return y

    return measure(outputs, torch.zeros(L + 1))


def scan(n: int, L: int) -> Cost:
    """An associative scan (Hillis and Steele 1986): in each round every state takes in the one
    that is `reach` steps behind, and then reaches back twice as far."""
    A, B, C = torch.zeros(n, n), torch.zeros(n), torch.zeros(n)

    def outputs(u: torch.Tensor) -> torch.Tensor:
        x, power, reach = u[:, None] * B, A, 1  # (L + 1, n)
        while reach < len(u):
            x = torch.cat([x[:reach], x[:-reach] @ power + x[reach:]])
            power, reach = power @ power, 2 * reach
        return x @ C + u

    return measure(outputs, torch.zeros(L + 1))


def fourier(L: int) -> Cost:
    """A known kernel, applied as a product of spectra."""

    def outputs(K: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
        spectra = (torch.fft.rfft(signal, 2 * len(u)) for signal in (K, u))
        y: torch.Tensor = torch.fft.irfft(math.prod(spectra))
        return y

    return measure(outputs, torch.zeros(L + 1), torch.zeros(L + 1))
