"""How deep in the computation each number lies: one integer for every element of every storage.

Comes in: tensors, as operations read and write them. Goes out: their depths as NumPy arrays. The
depth of a number is the length of the longest chain of operations that led to it. Depths belong to
storages, not to tensors, so all views of a buffer share them, and writing to one slice leaves the
depths of the others alone. NumPy holds them, out of the reach of every torch mode.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt
import torch

Depths = npt.NDArray[np.int32]

_STEP = np.dtype(np.int32).itemsize


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor that holds the data, without the wrappers of vmap, grad and other transforms."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    return tensor


def fit(depth: Depths, shape: tuple[int, ...]) -> Depths:
    """`depth` for a result of this shape: reshaped, repeated along axes, or its largest entry."""
    if depth.shape == shape:
        return depth
    if depth.size == prod(shape):
        return depth.reshape(shape)
    try:
        return np.broadcast_to(depth, shape)
    except ValueError:
        return np.full(shape, depth.max(initial=0), np.int32)


@dataclass
class _Buffer:
    """One storage: `depth` has an entry for every `itemsize` bytes. `watch` tells of its end;
    `made` says that the measured function made it, so that its bytes count."""

    depth: Depths
    itemsize: int
    bytes: int
    made: bool
    watch: weakref.ref[torch.UntypedStorage]


class Storages:
    """The depths of all storages seen, and how many bytes of them are alive.

    live, peak   bytes now, and most so far, in storages that the measured function made
    """

    def __init__(self) -> None:
        self._buffers: dict[int, _Buffer] = {}
        self.live = 0
        self.peak = 0

    def clear(self) -> None:
        """Forget all depths (and the watches that lead back here)."""
        self._buffers.clear()

    def knows(self, tensor: torch.Tensor) -> bool:
        """Has this tensor's storage been added? True for a tensor that has none (sparse)."""
        storage = storage_of(tensor)
        return storage is None or storage._cdata in self._buffers

    def add(self, tensor: torch.Tensor, *, made: bool, depth: int = 0) -> None:
        """Follow this tensor's storage from now on, all its elements at `depth`. Nothing happens
        where it is known already."""
        storage = storage_of(tensor)
        if storage is None or storage._cdata in self._buffers:
            return
        key, size = storage._cdata, storage.nbytes()
        itemsize = tensor.element_size()
        watch = weakref.ref(storage, lambda _: self._forget(key))
        array = np.full(size // itemsize, depth, np.int32)
        self._buffers[key] = _Buffer(array, itemsize, size, made, watch)
        self._grow(size if made else 0)

    def read(self, tensor: torch.Tensor) -> Depths:
        """The depth of every element of `tensor`, in its shape; not to be written to.

        A storage that was never added counts as depth 0.
        """
        buffer = self._buffer(tensor)
        if buffer is None or tensor.numel() == 0:
            return np.zeros(tensor.shape, np.int32)
        ratio = tensor.element_size() // buffer.itemsize
        view = _window(buffer.depth, tensor, ratio)
        return view if ratio == 1 else view.max(-1)

    def write(self, tensor: torch.Tensor, depth: Depths) -> bool:
        """Set the depth of every element of `tensor`; False where it has no storage to keep it."""
        buffer = self._buffer(tensor)
        if buffer is None:
            return False
        if tensor.numel():
            ratio = tensor.element_size() // buffer.itemsize
            view = _window(buffer.depth, tensor, ratio)
            view[...] = depth if ratio == 1 else depth[..., None]
        return True

    def _buffer(self, tensor: torch.Tensor) -> _Buffer | None:
        storage = storage_of(tensor)
        buffer = self._buffers.get(storage._cdata) if storage is not None else None
        if storage is None or buffer is None:
            return None
        if buffer.itemsize > tensor.element_size():  # a view as smaller numbers: complex as real
            buffer.depth = np.repeat(buffer.depth, buffer.itemsize // tensor.element_size())
            buffer.itemsize = tensor.element_size()
        missing = storage.nbytes() // buffer.itemsize - buffer.depth.size
        if missing > 0:  # the storage was made longer
            buffer.depth = np.concatenate([buffer.depth, np.zeros(missing, np.int32)])
            self._grow((storage.nbytes() - buffer.bytes) if buffer.made else 0)
            buffer.bytes = storage.nbytes()
        return buffer

    def _grow(self, size: int) -> None:
        self.live += size
        self.peak = max(self.peak, self.live)

    def _forget(self, key: int) -> None:
        buffer = self._buffers.pop(key)
        if buffer.made:
            self.live -= buffer.bytes


def storage_of(tensor: torch.Tensor) -> torch.UntypedStorage | None:
    """The memory behind a tensor, always as the same object; None where it has none (sparse)."""
    try:
        return tensor.untyped_storage()
    except (NotImplementedError, RuntimeError):
        return None


def _window(depth: Depths, tensor: torch.Tensor, ratio: int) -> Depths:
    """The entries of a storage's depths that `tensor` sees, as a view of `tensor`'s shape; where
    each element covers `ratio` > 1 entries, with them as one more axis."""
    shape: tuple[int, ...] = tuple(tensor.shape)
    strides = tuple(_STEP * ratio * stride for stride in tensor.stride())
    if ratio > 1:
        shape, strides = (*shape, ratio), (*strides, _STEP)
    start = _STEP * ratio * tensor.storage_offset()
    return np.ndarray(shape, np.int32, depth, start, strides)
