"""Figures of Problem 1: what kernels and outputs cost, counted on a student's own functions.

Comes in: a student's functions, right or wrong. Goes out: a figure or a table in the notebook.
Each raises Mismatch where there is nothing to count; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

import math
from typing import Any

import matplotlib.pyplot as plt
import torch

from labkit import forms
from labkit.answers import answered
from labkit.cost_plots import Counts, against_size, told
from labkit.inputs import rotation, scaled_orthogonal
from labkit.kernel_plots import Function, System, as_line, dots, one_to_one
from labkit.plots import BLACK, BLUE, ORANGE, STYLES, VERMILLION, label, show, table
from labkit.workspan import measure

_LINES = (*STYLES, (BLACK, "v", (0, (5, 1))), (ORANGE, "P", (0, (3, 1, 1, 1))))


def _random(n: int) -> System:
    """One input, one output, and n states that neither die out nor explode; always the same."""
    source = torch.Generator().manual_seed(n)
    A = scaled_orthogonal(n, 0.99, source)
    B, C = torch.randn(n, 1, generator=source), torch.randn(1, n, generator=source)
    return A, B, C, torch.zeros(1, 1)


def doubling(kernel_by_doubling: Function, ssm_kernel: Function) -> None:
    """1d: one kernel made in two ways, and the span of both against L."""
    L, n, lengths = 40, 8, (8, 16, 32, 64, 128, 256)
    system = one_to_one(rotation(0.4, 0.95), D=0.5)
    makers = {"your 1a": answered(ssm_kernel), "by doubling": answered(kernel_by_doubling)}
    first, second = (as_line(make(*system, L), L + 1) for make in makers.values())
    counts = {
        name: [measure(make, *_random(n), length) for length in lengths]
        for name, make in makers.items()
    }
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    left.plot(first, color=BLUE, marker="o", ms=8, mfc="none", ls="", label="your 1a")
    left.plot(second, color=VERMILLION, marker="s", ms=3, ls="", label="by doubling")
    left.legend(fontsize=8)
    ends = against_size(right, "L", lengths, counts, lambda cost: cost.span)
    label(figure, left, f"One kernel, made twice (L = {L})", "lag l (steps)", "K_l")
    label(figure, right, f"Span of making it (n = {n})", "length L (steps)", "operations in a row")
    show(
        figure,
        "Left: your two kernels against the lag; the largest distance between them is "
        f"{float((first - second).abs().max()):.2g}. Right: the span of each against L, on log "
        f"axes. {ends}",
    )


def work_against_span(
    ssm_kernel: Function, kernel_output: Function, kernel_by_doubling: Function
) -> None:
    """1c and 1d: six ways, each a line through L = 16 .. 256, all operations against the longest
    chain of them."""
    n, lengths = 8, (16, 32, 64, 128, 256)
    loop, double, apply = map(answered, (ssm_kernel, kernel_by_doubling, kernel_output))
    system = _random(n)
    counts: Counts = {
        "output, step by step": [forms.step_by_step(n, L) for L in lengths],
        "output, by a scan": [forms.scan(n, L) for L in lengths],
        "output from K: your convolution": [
            measure(apply, torch.zeros(L + 1, 1, 1), torch.zeros(L + 1, 1)) for L in lengths
        ],
        "output from K: FFT": [forms.fourier(L) for L in lengths],
        "making K: your 1a": [measure(loop, *system, L) for L in lengths],
        "making K: your doubling": [measure(double, *system, L) for L in lengths],
    }
    figure, ax = plt.subplots(figsize=(9, 5))
    for (name, costs), (colour, marker, line) in zip(counts.items(), _LINES, strict=True):
        span, work = [cost.span for cost in costs], [cost.work for cost in costs]
        style: dict[str, Any] = {"color": colour, "marker": marker, "ls": line, "ms": 5}
        ax.plot(span, work, label=told(name, costs), **style)
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    sizes = ", ".join(map(str, lengths))
    label(
        figure,
        ax,
        f"Work against span (n = {n}; each line goes up through L = {sizes})",
        "span: operations in the longest chain",
        "work: operations in all",
    )
    ax.legend(fontsize=8)
    ends = " ".join(
        f"{told(name, costs)}: span {costs[0].span:,} to {costs[-1].span:,}, work "
        f"{costs[0].work:,} to {costs[-1].work:,}."
        for name, costs in counts.items()
    )
    show(
        figure,
        f"Work against span on log axes for n = {n} states, a line for each way, from "
        f"L = {lengths[0]} to {lengths[-1]}. {ends}",
    )


def diagonal(kernel_diagonal: Function, kernel_by_doubling: Function) -> None:
    """1e: a sum of two geometric sequences, and the work with and without the structure."""
    L, sizes = 24, (4, 8, 16, 32, 64)
    C, known = torch.tensor([[1.0, 0.5]]), [0.9**lag + 0.5 * (-0.8) ** lag for lag in range(L)]
    K = kernel_diagonal(torch.tensor([0.9, -0.8]), torch.ones(2, 1), C, torch.zeros(1, 1), L)
    taps = as_line(K, L + 1)
    structured, dense = [], []
    for n in sizes:
        a, (_, *rest) = 0.99 - torch.arange(n) / n, _random(n)
        structured.append(measure(answered(kernel_diagonal), a, *rest, L))
        dense.append(measure(answered(kernel_by_doubling), torch.diag(a), *rest, L))
    counts = {"kernel_diagonal": structured, "kernel_by_doubling": dense}
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    off = dots(left, taps, [0.0, *known])
    left.legend(fontsize=8)
    ends = against_size(right, "n", sizes, counts, lambda cost: cost.work)
    label(figure, left, "a = (0.9, -0.8): two sequences", "lag l (steps)", "K_l")
    label(figure, right, f"Work of making the kernel (L = {L})", "states n", "operations in all")
    show(
        figure,
        f"Left: your kernel and the known one; the largest distance is {off:.2g}. Right: the work "
        f"of two functions against n, on log axes. {ends}",
    )


def findings(
    ssm_kernel: Function,
    kernel_by_doubling: Function,
    kernel_diagonal: Function,
    kernel_identity_plus_rank_one: Function,
    kernel_output: Function,
) -> None:
    """A table of work and span of all functions at two lengths, one input and one output."""
    n, lengths = 16, (128, 256)
    A, B, C, D = _random(n)
    p = torch.full((n,), 0.1 / math.sqrt(n))

    def pulse(L: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.zeros(L + 1, 1, 1), torch.zeros(L + 1, 1)

    rows = []
    for name, function, arguments in (
        ("1a, kernel by definition", ssm_kernel, lambda L: (A, B, C, D, L)),
        ("1d, by doubling", kernel_by_doubling, lambda L: (A, B, C, D, L)),
        ("1e, A diagonal", kernel_diagonal, lambda L: (A.diagonal(), B, C, D, L)),
        ("1f, A = I + p pᵀ", kernel_identity_plus_rank_one, lambda L: (p, B, C, D, L)),
        ("1a, output from the kernel", kernel_output, pulse),
    ):
        costs = [measure(answered(function), *arguments(L)) for L in lengths]
        numbers = [*(cost.work for cost in costs), *(cost.span for cost in costs)]
        rows.append((told(name, costs), *(f"{number:,}" for number in numbers)))
    table(["", *(f"{what}, L = {L}" for what in ("work", "span") for L in lengths)], rows)
