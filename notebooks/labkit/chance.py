"""Whether a wrong result was drawn at random: a comparison that fails looks again, and says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from labkit.checks import Mismatch, as_tensor


@contextmanager
def no_chance(function: Callable[..., Any], *args: Any) -> Iterator[None]:
    """Where a comparison of `function(*args)` fails inside this block, call it twice more; where
    those two differ, that is told instead. Raises Mismatch.

    >>> with no_chance(torch.neg, torch.ones(2)):
    ...     pass
    """
    try:
        yield
    except Mismatch as wrong:
        if wrong.kind != "value" or _repeats(function, args):
            raise
        said = (
            f"{function.__name__}: two calls with the same inputs gave different results, so "
            "something in it is random; a new `nn.Conv1d` has a random bias, unless it is made "
            "with `bias=False`, and a random weight until you set it"
        )
        raise Mismatch(said, kind="value", actual=wrong.actual) from None


def _repeats(function: Callable[..., Any], args: tuple[Any, ...]) -> bool:
    given = [[a.clone() if isinstance(a, torch.Tensor) else a for a in args] for _ in range(2)]
    one, other = (as_tensor(function(*copies)) for copies in given)
    return one.shape == other.shape and torch.allclose(one, other, equal_nan=True)
