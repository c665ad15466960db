"""One operation that has run, as the flows see it.

Comes in: what torch was asked to do and what came of it. Goes out: the depths of its arguments,
and a tally of its work, drawn from the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import torch

from .depths import Depths
from .table import FAMILIES, Row

# Arguments that say where data goes; all other tensors are the data.
_PLACES = frozenset({"index", "indices", "mask", "repeats"})
_FORMAT = frozenset({"dtype", "layout", "device", "pin_memory", "memory_format", "non_blocking"})


def tensors_in(values: Iterable[Any]) -> list[torch.Tensor]:
    """The tensors among `values` and in the lists and tuples among them, in order."""
    found: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            found.append(value)
        elif isinstance(value, list | tuple):
            found += tensors_in(value)
    return found


@dataclass
class Op:
    """One operation that has run.

    name        torch's name for it, without "aten::" and a last underscore
    row         its row of the table
    arguments   what it was given, by the schema's names, without preallocated outputs
    outputs     the tensors it returned or wrote to
    read        gives the depth of every element of a tensor
    floor       the depth of the last result the program waited for
    work        the arithmetic charged so far
    """

    func: Callable[..., Any]
    name: str
    row: Row
    arguments: dict[str, Any]
    outputs: list[torch.Tensor]
    read: Callable[[torch.Tensor], Depths]
    floor: int = 0
    work: int = 0

    def __post_init__(self) -> None:
        self.tensors = tensors_in(self.arguments.values())
        complex_ = any(tensor.is_complex() for tensor in (*self.tensors, *self.outputs))
        self.mul, self.add = (6, 2) if complex_ else (1, 1)

    @property
    def size(self) -> int:
        """Numbers in the (first) result; 1 where it is a Python number."""
        return self.outputs[0].numel() if self.outputs else 1

    @property
    def places(self) -> list[torch.Tensor]:
        """The arguments that say where data goes."""
        return tensors_in(value for name, value in self.arguments.items() if name in _PLACES)

    def charge(self, family: str = "", **sizes: int) -> int:
        """Add the work of this operation's row (or of `family`'s) at these sizes; the span."""
        row = FAMILIES[family] if family else self.row
        self.work += max(row.count(**sizes, mul=self.mul, add=self.add), 0)
        return row.steps(**sizes)

    def latest(self, tensors: Sequence[torch.Tensor]) -> Depths:
        """The depth at which all of `tensors` are there, element by element, broadcast."""
        return reduce(np.maximum, map(self.read, tensors), np.zeros((), np.int32))

    def whole(self, tensors: Sequence[torch.Tensor] | None = None) -> int:
        """The depth at which every element of `tensors` (default: all arguments) is there."""
        depths = [self.read(t) for t in (self.tensors if tensors is None else tensors)]
        return max((int(depth.max(initial=0)) for depth in depths), default=0)

    def scaled(self, depth: Depths, name: str) -> Depths:
        """`depth` after the multiplication by the scalar argument `name`, free where it is 1."""
        if self.arguments.get(name, 1) == 1:
            return depth
        return depth + self.charge("multiply", n=depth.size)

    def rerun(self, stand_in: Callable[[str, torch.Tensor], Depths]) -> list[Depths]:
        """What comes out of the operation when each data argument (by name) is replaced by the
        array `stand_in` gives for it, a fill value by 0 and a factor by 1; places stay."""

        def replaced(name: str, value: Any) -> Any:
            if isinstance(value, list | tuple):
                return [replaced(name, item) for item in value]
            if name in _PLACES:
                return value.cpu() if isinstance(value, torch.Tensor) else value
            if isinstance(value, torch.Tensor):
                return torch.from_numpy(stand_in(name, value).astype(np.float64))
            return {"value": 0, "alpha": 1}.get(name, value)

        schema = self.func._schema.arguments  # type: ignore[attr-defined]
        given = {a.name: self.arguments[a.name] for a in schema if a.name in self.arguments}
        given = {name: replaced(name, v) for name, v in given.items() if name not in _FORMAT}
        given |= {a.name: torch.empty(0, dtype=torch.float64) for a in schema if a.is_out}
        return [out.numpy().astype(np.int32) for out in tensors_in([self.func(**given)])]
