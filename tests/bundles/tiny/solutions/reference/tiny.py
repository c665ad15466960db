"""The oracle of the tiny homework, in float64, and inputs for what is timed."""

from __future__ import annotations

import torch


def mean_square(x: torch.Tensor) -> torch.Tensor:
    """The mean of the squares of all entries of x (any shape), as a 0-d tensor."""
    squares_in_float64 = x.double() ** 2
    return squares_in_float64.sum() / x.numel()


def inputs(rows: int, columns: int, generator: torch.Generator) -> tuple[torch.Tensor]:
    """What `mean_square` is timed with: x (rows, columns)."""
    return (torch.randn(rows, columns, generator=generator),)
