"""Figures of Problem 4: what updates and layers cost, counted on a student's own functions.

Comes in: a student's functions, right or wrong. Goes out: a figure or a table in the notebook. Each
raises Mismatch where there is nothing to count; `labkit.answers.needs` tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes

from labkit.answers import answered
from labkit.cost_plots import Counts, against_size, told
from labkit.plots import label, shaped, show, table
from labkit.ridge_plots import Function, softmax_attention
from labkit.workspan import Cost, measure


def _context(n: int, d: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Q, K, V, all (n, d), always the same."""
    source = torch.Generator().manual_seed(n + d)
    Q, K, V = (torch.randn(n, d, generator=source) / d**0.5 for _ in range(3))
    return Q, K, V


def _work_lines(ax: Axes, size: str, sizes: Sequence[int], counts: Counts) -> str:
    return against_size(ax, size, sizes, counts, lambda cost: cost.work)


def updates(sherman_morrison: Function) -> None:
    """4e: the work of one update against d, and that of inverting anew."""
    sizes = (4, 8, 16, 32, 64, 128)
    costs: dict[str, list[Cost]] = {"yours": [], "inverting anew": []}
    for d in sizes:
        u, v = (a[0] for a in _context(1, d)[:2])
        M = torch.eye(d)
        costs["yours"].append(measure(answered(sherman_morrison), M, u, v))
        costs["inverting anew"].append(measure(torch.linalg.inv, M))
    figure, ax = plt.subplots(figsize=(7, 3.6))
    ends = _work_lines(ax, "d", sizes, costs)
    label(figure, ax, "Work of one more pair in an inverse", "d", "operations in all")
    show(figure, f"The work of two ways against d, on log axes. {ends}")


def causal(causal_ridge_attention: Function, ridge_attention: Function) -> None:
    """4f: work against n and against d: the recursion, from scratch, and softmax attention."""
    recursion, at_once = answered(causal_ridge_attention), answered(ridge_attention)

    def from_scratch(Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor) -> list[torch.Tensor]:
        return [at_once(Q[t : t + 1], K[: t + 1], V[: t + 1], 0.5) for t in range(len(Q))]

    def softmax(Q: torch.Tensor, K: torch.Tensor, V: torch.Tensor) -> list[torch.Tensor]:
        seen = (slice(t + 1) for t in range(len(Q)))
        return [
            softmax_attention(q[None], K[past]) @ V[past]
            for q, past in zip(Q, seen, strict=True)
        ]  # fmt: skip

    ways: dict[str, Callable[..., object]] = {
        "yours": lambda Q, K, V: recursion(Q, K, V, 0.5),
        "your 4c from scratch, at each t": from_scratch,
        "softmax attention": softmax,
    }
    n, d, lengths, widths = 32, 8, (8, 16, 32, 64, 128), (4, 8, 16, 32, 64)
    by_length = {w: [measure(f, *_context(size, d)) for size in lengths] for w, f in ways.items()}
    by_width = {w: [measure(f, *_context(n, size)) for size in widths] for w, f in ways.items()}
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.8))
    ends = _work_lines(left, "n", lengths, by_length), _work_lines(right, "d", widths, by_width)
    label(figure, left, f"Work against the length (d = {d})", "n", "operations in all")
    label(figure, right, f"Work against the size of a key (n = {n})", "d = dv", "")
    show(
        figure,
        f"The work of three causal layers, on log axes. Left, against n: {ends[0]} "
        f"Right, against d: {ends[1]}",
    )


def chunks(chunked_ridge_attention: Function, causal_ridge_attention: Function) -> None:
    """Beyond: a table of chunk sizes: the largest difference from the recursion, and counts."""
    n, d, lam = 250, 8, 0.5
    args = (*_context(n, d), lam)
    outputs = shaped(causal_ridge_attention(*args), n, d)
    cost = measure(causal_ridge_attention, *args)
    rows = [["recursion", "", *_counted(cost)]]
    for chunk in (1, 4, 16, 32, 250):
        theirs = shaped(chunked_ridge_attention(*args, chunk), n, d)
        apart = float((theirs - outputs).abs().max() / outputs.abs().max())
        cost = measure(chunked_ridge_attention, *args, chunk)
        rows.append([f"chunk = {chunk}", f"{apart:.0e}", *_counted(cost)])
    table(["", "largest difference, relative", "work", "span", "operations started"], rows)


def _counted(cost: Cost) -> list[str]:
    return [f"{count:,}" for count in (cost.work, cost.span, cost.launches)]


def findings(
    ridge_weights: Function,
    ridge_attention: Function,
    sherman_morrison: Function,
    causal_ridge_attention: Function,
    ridge_attention_weights: Function,
) -> None:
    """A table of the work of all functions, and how it grows where n or d is doubled."""
    lam, sizes = 0.5, ((64, 8), (128, 8), (64, 16))
    rows = []
    for name, function, arguments in (
        ("4b, ridge weights", ridge_weights, lambda Q, K, V: (K, V[:, 0], lam)),
        ("4c, all pairs at once", ridge_attention, lambda Q, K, V: (Q, K, V, lam)),
        ("4e, one update", sherman_morrison, lambda Q, K, V: (K.T @ K, Q[0], K[0])),
        ("4f, causal", causal_ridge_attention, lambda Q, K, V: (Q, K, V, lam)),
        ("4g, weights for one query", ridge_attention_weights, lambda Q, K, V: (Q[0], K, lam)),
    ):
        costs = [measure(answered(function), *arguments(*_context(*size))) for size in sizes]
        start, longer, wider = (cost.work for cost in costs)
        growth = (f"{large / max(start, 1):.2g}" for large in (longer, wider))
        rows.append((told(name, costs), f"{start:,}", *growth))
    table(["", "work at n = 64, d = 8", "n doubled: times", "d doubled: times"], rows)
