"""Where in a result the waiting happens: how depths flow through operations on elements and lines.

Comes in: an operation that has just run (`Op`). Goes out: the depth of every element of its
result (one array for all results, or one for each), exact wherever the docstring does not say
"waits for everything". What an operation costs is the table's business: a flow tells it the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import torch

from .depths import Depths
from .op import Op


def elementwise(op: Op) -> Depths:
    """Each result waits for the elements at its own place."""
    return op.latest(op.tensors) + op.charge(n=op.size)


def scaled_add(op: Op) -> Depths:
    """self + alpha * other (rsub: other - alpha * self), where the scaling comes first."""
    if len(op.tensors) == 1:
        return op.read(op.tensors[0]) + op.charge(n=op.size)
    plain, scaled = reversed(op.tensors) if op.name == "rsub" else op.tensors
    early = op.scaled(op.read(scaled), "alpha")
    return np.maximum(early, op.read(plain)) + op.charge(n=op.size)


def fused_add(op: Op) -> Depths:
    """self + value * first * second, where self joins last."""
    late, first, second = op.tensors
    early = op.latest([first, second]) + (op.charge(n=op.size) - 1)
    return np.maximum(op.scaled(early, "value"), op.read(late)) + 1


def first_joins_last(op: Op) -> Depths:
    """The first argument, a gradient, is multiplied by what the others give in the last step."""
    first, *others = op.tensors
    early = op.latest(others) + (op.charge(n=op.size) - 1)
    return np.maximum(early, op.read(first)) + 1


def layer_norm(op: Op) -> list[Depths]:
    """Each result waits for its line; the weight and the bias join in two last steps."""
    line = along(op, op.tensors[:1])
    depth = np.broadcast_to(line, tuple(op.outputs[0].shape))
    for name, family in (("weight", "multiply"), ("bias", "add")):
        if op.arguments[name] is not None:
            depth = np.maximum(depth, op.read(op.arguments[name]))
            depth = depth + op.charge(family, n=op.size)
    return [depth, line, line]


def log_softmax_backward(op: Op) -> Depths:
    """gradient - exp(result) * sum of the gradient's line."""
    gradient, result = op.tensors
    early = op.read(result) + 1
    return np.maximum(along(op, [gradient]) - 2, early) + 2


def along(op: Op, tensors: Sequence[torch.Tensor] = ()) -> Depths:
    """Each result waits for its whole line along the axes (of `tensors`, default: all)."""
    axes = _axes(op, op.tensors[0])
    depth = op.latest(tensors or op.tensors)
    lines = prod(size for axis, size in enumerate(depth.shape) if axis not in axes)
    length = prod(depth.shape[axis] for axis in axes)
    steps = op.charge(n=lines, k=max(length, 1))
    latest: Depths = depth.max(axis=axes, keepdims=True, initial=0)
    return latest + steps


def diagonal(op: Op) -> Depths:
    """The result waits for the diagonal only."""
    depth = op.read(op.tensors[0]).diagonal()
    return np.asarray(depth.max(initial=0) + op.charge(k=max(depth.size, 1)), np.int32)


def whole(op: Op) -> Depths:
    """Every result waits for everything."""
    k = max((tensor.numel() for tensor in op.tensors), default=1)
    return np.asarray(op.whole() + op.charge(n=op.size, k=max(k, 1)), np.int32)


def loss(op: Op) -> Depths:
    """The squared differences (`reduction` 0), their mean (1) or their sum (2), which waits for
    everything."""
    if op.arguments["reduction"] == 0:
        return op.latest(op.tensors) + 2 * op.charge("elementwise", n=2 * op.size)
    return whole(op)


def pooling(op: Op) -> Depths:
    """Waits for everything; k numbers a window."""
    k = prod(op.arguments["kernel_size"])
    return np.asarray(op.whole() + op.charge(n=op.size, k=k), np.int32)


def scan(op: Op) -> Depths:
    """The i-th result waits for the first i elements of its line, and has a span of its own."""
    depth = op.read(op.tensors[0])
    if depth.size <= 1:
        return depth
    (axis,) = _axes(op, op.tensors[0])
    length = depth.shape[axis]
    op.charge(n=depth.size // length, k=length)
    steps = np.array([op.row.steps(k=i) for i in range(1, length + 1)], np.int32)
    steps = steps.reshape([-1 if i == axis else 1 for i in range(depth.ndim)])
    return np.maximum.accumulate(depth, axis=axis) + steps


def fourier(op: Op) -> Depths:
    """Each result waits for its whole line; dividing by the length is one step more."""
    signal, result = op.tensors[0], op.outputs[0]
    axes = _axes(op, signal)
    length = prod(max(signal.shape[axis], result.shape[axis]) for axis in axes)
    lines = prod(size for axis, size in enumerate(signal.shape) if axis not in axes)
    depth: Depths = op.read(signal).max(axis=axes, keepdims=True, initial=0)
    depth = depth + op.charge(n=lines, k=length)
    if op.arguments["normalization"]:
        depth = depth + op.charge("elementwise", n=result.numel())
    return depth


def carry(op: Op) -> Depths:
    """Each element keeps its depth and its place."""
    return op.read(op.tensors[-1])


def move(op: Op) -> list[Depths]:
    """Depths move as the data does. A result waits for all of the indices or the mask."""
    places = op.whole(op.places)
    return [np.maximum(depth, places) for depth in op.rerun(lambda _, data: op.read(data))]


def scatter_add(op: Op) -> Depths:
    """A place waits for itself, and where something is added, for everything that is."""

    def one_for_each(name: str, data: torch.Tensor) -> Depths:
        return (np.zeros if name == "self" else np.ones)(tuple(data.shape), np.int32)

    target, *added = op.tensors
    (hits,) = op.rerun(one_for_each)  # how many numbers are added at each place
    fullest = int(hits.max(initial=0))
    op.charge(n=int(hits.sum()), k=fullest + 1)
    steps = np.array([op.row.steps(k=i + 1) for i in range(fullest + 1)], np.int32)[hits]
    added_depth = op.scaled(np.full(added[-1].shape, op.whole(added), np.int32), "alpha")
    depth = op.read(target)
    return np.where(hits > 0, np.maximum(depth, added_depth.max(initial=0)) + steps, depth)


def fold(op: Op) -> Depths:
    """Windows or rows added up where they overlap, k at most; waits for everything."""
    arguments = op.arguments
    if "kernel_size" in arguments:
        k = prod(arguments["kernel_size"])
    elif "step" in arguments:
        k = -(-arguments["size"] // arguments["step"])
    else:
        k = max(arguments["indices"].numel(), 1)
    return np.asarray(op.whole() + op.charge(n=op.tensors[0].numel(), k=k), np.int32)


def create(op: Op) -> Depths:
    """New numbers: there from the start, or from when the program last waited for a result."""
    filling = op.arguments.get("value")
    return op.read(filling) if isinstance(filling, torch.Tensor) else np.asarray(op.floor, np.int32)


def _axes(op: Op, tensor: torch.Tensor) -> tuple[int, ...]:
    """The axes an operation works along: its argument `dim`, or all."""
    if "normalized_shape" in op.arguments:
        return tuple(range(tensor.ndim - len(op.arguments["normalized_shape"]), tensor.ndim))
    dim = op.arguments.get("dim")
    if isinstance(dim, int):
        dim = [dim]
    if not dim or tensor.ndim == 0:
        return tuple(range(tensor.ndim))
    return tuple(axis % tensor.ndim for axis in dim)
