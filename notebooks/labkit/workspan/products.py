"""How depths flow through products over an axis: matrix products, convolutions, solves.

Comes in: an operation that has just run (`Op`). Goes out: the depth of every element of its
result, or of each of its results; as in `flows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch

from .depths import Depths, fit
from .op import Op
from .table import FAMILIES


def product(op: Op) -> Depths:
    """Each result waits for its row of the first factor and its column of the second."""
    a, b = op.tensors[-2:]
    return _rows_and_columns(op, a, b) + op.charge(n=op.size, k=a.shape[-1])


def product_add(op: Op) -> Depths:
    """beta * self + alpha * (a @ b), where self joins last."""
    late, a, b = op.tensors
    if op.name == "addr":
        a, b = a[:, None], b[None, :]
    early, k = _rows_and_columns(op, a, b), a.shape[-1]
    if op.name == "addbmm":  # the batch is added up as well
        early, k = early.max(0, initial=0), k * a.shape[0]
    early = fit(early, tuple(op.outputs[0].shape)) + (op.charge(n=op.size, k=k) - 1)
    return np.maximum(op.scaled(early, "alpha"), op.scaled(op.read(late), "beta")) + 1


def distances(op: Op) -> Depths:
    """A distance waits for its two points, rows of (..., p, k) and (..., r, k)."""
    first, second = op.tensors
    depth = _rows_and_columns(op, first, second.mT)
    return depth + op.charge(n=op.size, k=first.shape[-1])


def attention(op: Op) -> list[Depths]:
    """softmax(q k^T scale) v: a query waits for itself and all keys of its head, and at the last
    product for all values."""
    query, key, value = op.tensors[:3]
    keys, values = (op.read(t).max((-2, -1), keepdims=True, initial=0) for t in (key, value))
    depth = np.maximum(op.read(query).max(-1, keepdims=True, initial=0), keys)
    depth = np.maximum(depth, op.whole(op.tensors[3:]))  # a mask
    queries, k = query.numel() // query.shape[-1], key.shape[-2]
    steps = op.charge(n=queries, k=k, r=query.shape[-1], c=value.shape[-1])
    last = FAMILIES["product"].steps(k=k)
    depth = np.maximum(depth + (steps - last), values) + last
    rest = [np.full(out.shape, depth.max(initial=0), np.int32) for out in op.outputs[1:]]
    return [fit(depth, tuple(op.outputs[0].shape)), *rest]


def convolution(op: Op) -> Depths:
    """Each result waits for its window of the input (all channels of its group) and its filter;
    the bias joins last."""
    image, weight = op.tensors[:2]
    window = _Window.of(op)
    taps = weight.numel() // weight.shape[0]
    products = op.size * taps
    if window.transposed:  # each input element times every tap of its channel
        products = image.numel() * taps
        reach = zip(window.kernel, window.stride, strict=True)
        taps = prod(-(-size // step) for size, step in reach) * (weight.shape[0] // window.groups)
    depth = window.depth(op.read(image), op.read(weight), tuple(op.outputs[0].shape))
    depth = depth + op.charge(n=op.size, m=products, k=taps)
    if op.arguments["bias"] is None:
        return depth
    bias = op.read(op.arguments["bias"]).reshape(-1, *[1] * len(window.kernel))
    return np.maximum(depth, bias) + op.charge("add", n=op.size)


def convolution_backward(op: Op) -> list[Depths]:
    """The gradients of input, weight and bias; each waits for everything it is made from."""
    grad, image, weight = op.tensors[:3]
    side = image if op.arguments["transposed"] else grad
    products = side.numel() * (weight.numel() // weight.shape[0])
    taps = weight.numel() // (weight.shape[1] * op.arguments["groups"])
    positions = grad.numel() // grad.shape[1]
    to_image, to_weight, to_bias = op.arguments["output_mask"]
    depths = []
    for wanted, other, target, k in (
        (to_image, weight, image, taps),
        (to_weight, image, weight, positions),
    ):
        if wanted:
            steps = op.charge(n=target.numel(), m=products, k=k)
            depths.append(np.full(target.shape, op.whole([grad, other]) + steps, np.int32))
    if to_bias:
        steps = op.charge("reduction", n=grad.shape[1], k=positions)
        depths.append(np.full(grad.shape[1], op.whole([grad]) + steps, np.int32))
    return depths


def matrix(op: Op) -> list[Depths]:
    """Every result waits for its whole matrix and all right-hand sides, batch by batch."""
    a = op.arguments.get("A", op.arguments.get("input2", op.tensors[0]))
    batch = tuple(a.shape[:-2])
    rows, columns = a.shape[-2:]
    sides = op.size // max(prod(batch) * columns, 1)
    steps = op.charge(n=prod(batch), k=min(rows, columns), r=rows, c=columns, m=sides)
    start = np.zeros(batch, np.int32)
    for tensor in op.tensors:
        depth = op.read(tensor)
        same = depth.shape[: len(batch)] == batch
        axes = tuple(range(len(batch), depth.ndim)) if same else None
        start = np.maximum(start, depth.max(axes, initial=0))
    return [_spread(start + steps, batch, tuple(out.shape)) for out in op.outputs]


def _spread(depth: Depths, batch: tuple[int, ...], shape: tuple[int, ...]) -> Depths:
    """One depth a batch entry, for a result of this shape."""
    if shape[: len(batch)] != batch:
        return np.full(shape, depth.max(initial=0), np.int32)
    return np.broadcast_to(depth.reshape(batch + (1,) * (len(shape) - len(batch))), shape)


def _rows_and_columns(op: Op, a: torch.Tensor, b: torch.Tensor) -> Depths:
    """The depth at which row i of `a` (..., r, k) and column j of `b` (..., k, c) are there."""
    rows, columns = op.read(a), op.read(b)
    rows = rows.max(-1, initial=0)[..., :, None] if a.ndim > 1 else rows.max(initial=0)
    columns = columns.max(-2, initial=0)[..., None, :] if b.ndim > 1 else columns.max(initial=0)
    latest: Depths = np.maximum(rows, columns)
    return latest


@dataclass(frozen=True)
class _Window:
    """How a convolution's window moves: one entry for each spatial axis."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    groups: int

    @classmethod
    def of(cls, op: Op) -> _Window:
        kernel = tuple(op.tensors[1].shape[2:])
        stride, padding, dilation = (
            (tuple(op.arguments[name]) * len(kernel))[: len(kernel)]
            for name in ("stride", "padding", "dilation")
        )
        transposed, groups = op.arguments["transposed"], op.arguments["groups"]
        return cls(kernel, stride, padding, dilation, transposed, groups)

    def depth(self, image: Depths, weight: Depths, shape: tuple[int, ...]) -> Depths:
        """The depth (batch, channels, ...) at which a result's window and filter are there."""
        batch, channels, *spatial = image.shape
        image = image.reshape(batch, self.groups, channels // self.groups, *spatial).max(2)
        for axis in range(len(self.kernel)):
            image = self._slide(image, axis, shape[2 + axis])
        filters = weight.reshape(self.groups, -1, *weight.shape[1:])
        inputs, taps = 1 if self.transposed else 2, tuple(range(3, filters.ndim))
        filters = filters.max((inputs, *taps)).reshape(-1, *[1] * len(spatial))
        latest: Depths = np.maximum(np.repeat(image, shape[1] // self.groups, axis=1), filters)
        return latest

    def _slide(self, image: Depths, axis: int, length: int) -> Depths:
        """The largest entry of each of `length` windows along spatial axis `axis`."""
        reach = self.dilation[axis] * (self.kernel[axis] - 1)
        line = np.moveaxis(image, 2 + axis, -1)
        before, step = self.padding[axis], self.stride[axis]
        if self.transposed:  # the same window, over an input spread out by the stride
            spread = np.zeros((*line.shape[:-1], (line.shape[-1] - 1) * step + 1), np.int32)
            spread[..., ::step] = line
            line, before, step = spread, reach - before, 1
        line, before = line[..., max(-before, 0) :], max(before, 0)
        after = max((length - 1) * step + reach + 1 - before - line.shape[-1], 0)
        line = np.pad(line, [(0, 0)] * (line.ndim - 1) + [(before, after)])
        line = _largest_in_windows(line, self.kernel[axis], self.dilation[axis])
        return np.moveaxis(line[..., ::step][..., :length], -1, 2 + axis)


def _largest_in_windows(line: Depths, taps: int, dilation: int) -> Depths:
    """The largest of `taps` entries, `dilation` apart, from each place of the last axis on where
    they fit: windows of twice as many taps by doubling, and two that overlap at the end."""
    best, covered = line, 1
    while 2 * covered <= taps:
        best = np.maximum(best[..., : -covered * dilation], best[..., covered * dilation :])
        covered *= 2
    rest = (taps - covered) * dilation
    latest: Depths = np.maximum(best[..., : best.shape[-1] - rest], best[..., rest:])
    return latest
