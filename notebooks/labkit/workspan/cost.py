"""`measure`: run a function once, and say what it cost without looking at a clock.

Comes in: a function and its arguments. Goes out: a `Cost`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from .depths import plain
from .mode import Counter, unobserved
from .outside import collection_paused, one_thread, threads_noticed, uncompiled


@dataclass(frozen=True)
class Cost:
    """What one call cost. Equal calls cost the same to the last digit.

    work              arithmetic operations
    span              operations on the longest chain in which each needs the one before
    launches          operations started (kernels); views start none
    peak_bytes        the most bytes alive at once in tensors that the function made
    synchronisations  times the program waited for a value before it could go on
    unknown           operations without a row in the table: each counts as one step, its work
                      as nothing
    escapes           how data left torch or came in, and threads: work there is not counted
    output            what the function returned
    """

    work: int
    span: int
    launches: int
    peak_bytes: int
    synchronisations: int
    unknown: tuple[str, ...] = ()
    escapes: tuple[str, ...] = ()
    output: Any = field(default=None, repr=False, compare=False)

    @property
    def complete(self) -> bool:
        """Is everything the function did in the counts?"""
        return not self.unknown and not self.escapes

    def __str__(self) -> str:
        lines = [
            f"work              {self.work:,} operations",
            f"span              {self.span:,} steps",
            f"launches          {self.launches:,}",
            f"peak memory       {self.peak_bytes:,} bytes",
            f"synchronisations  {self.synchronisations:,}",
        ]
        if self.unknown:
            lines.append(f"not counted       {', '.join(self.unknown)}")
        if self.escapes:
            lines.append(f"out of sight      {', '.join(self.escapes)}")
        return "\n".join(lines)


def measure(
    function: Callable[..., Any], /, *args: Any, limit: int | None = None, **kwargs: Any
) -> Cost:
    """The cost of `function(*args, **kwargs)`, which is called once.

    limit   most launches to allow (where the function has a parameter of this name: use a lambda)

    Raises TooManyLaunches beyond the limit, and whatever the function raises.

    >>> a = torch.ones(3, 8)
    >>> cost = measure(lambda: a @ a.T)
    >>> cost.work, cost.span
    (135, 4)
    """
    counter = Counter(limit)
    for tensor in _tensors((args, kwargs)):
        counter.storages.add(tensor, made=False)
    try:
        with (
            uncompiled(),
            one_thread(),
            collection_paused(),
            threads_noticed(counter.escapes.add),
            counter,
            counter.watch,
        ):
            output = function(*args, **kwargs)
            with unobserved():
                counter.meet(_tensors(output))
    finally:
        counter.storages.clear()
    return Cost(
        work=counter.work,
        span=counter.span,
        launches=counter.launches,
        peak_bytes=counter.storages.peak,
        synchronisations=counter.waits,
        unknown=tuple(sorted(counter.unknown)),
        escapes=tuple(sorted(counter.escapes)),
        output=output,
    )


def _tensors(nest: Any) -> list[torch.Tensor]:
    return [plain(leaf) for leaf in tree_leaves(nest) if isinstance(leaf, torch.Tensor)]
