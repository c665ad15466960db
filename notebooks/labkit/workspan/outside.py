"""What torch's dispatcher does not show: data that leaves torch, data that comes in, threads.

Comes in: what to call when it happens. Goes out: context managers that call it while a measured
function runs, and leave nothing behind.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from .depths import storage_of

Tensor = torch.Tensor

# Calls whose result is out of torch's sight. `bool(tensor)` is not one: it decides, and waits.
LEAVES: dict[Any, str] = {
    getattr(Tensor, name): name
    for name in (
        "numpy __array__ tolist item __float__ __int__ __index__ __complex__ __dlpack__ data_ptr "
        "untyped_storage storage share_memory_ __reduce_ex__ __repr__ __format__"
    ).split()
}


class Watch(TorchFunctionMode):
    """Calls `leave(how, tensor)` for every call in `LEAVES`, and knows which call is running.

    call   the torch function that is running; None between calls, and while TorchScript runs
    """

    def __init__(self, leave: Callable[[str, Tensor], None]) -> None:
        super().__init__()
        self._leave = leave
        self.call: Any = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        outer, self.call = self.call, func
        try:
            if func in LEAVES:
                self._leave(f"Tensor.{LEAVES[func]}", args[0])
            return func(*args, **(kwargs or {}))
        finally:
            self.call = outer

    @property
    def brings_tensors(self) -> bool:
        """Is torch's own code at work that brings out tensors it kept (TorchScript its constants,
        a backward pass what it saved) or copies memory itself?"""
        saved = torch._C._current_graph_task_id() != -1
        return saved or self.call in (None, Tensor.__deepcopy__)


def is_new(tensor: Tensor) -> bool:
    """Was this tensor made inside the running `collection_paused`?"""
    return any(tensor is thing for thing in gc.get_objects(generation=0))


def is_seen_anew(tensor: Tensor) -> bool:
    """Is this new tensor only another view of the memory of one that was there before? (Slow: it
    looks at all objects.)"""
    memory = storage_of(tensor)
    older = gc.get_objects(generation=1) + gc.get_objects(generation=2)
    return any(issubclass(type(thing), Tensor) and storage_of(thing) is memory for thing in older)


@contextmanager
def collection_paused() -> Iterator[None]:
    """No garbage collection inside: memory is then freed at the same place every time, and all
    objects made inside are in the collector's youngest generation (`is_new`)."""
    was_on = gc.isenabled()
    gc.collect(0)
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def threads_noticed(report: Callable[[str], None]) -> Iterator[None]:
    """Calls `report` when a Python thread starts inside."""
    before: Any = threading.getprofile()

    def first_event(frame: FrameType, event: str, argument: Any) -> None:
        sys.setprofile(before)
        report("a Python thread")

    threading.setprofile(first_event)
    try:
        yield
    finally:
        threading.setprofile(before)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Compiled functions run as they are written inside, operation by operation, the first time
    and every time: those of `torch.jit`, those `torch.compile` has made, and those it makes now."""
    compiler = torch.compile
    with ExitStack() as stack:
        stack.enter_context(torch.jit.optimized_execution(False))  # type: ignore[attr-defined]
        if "torch._dynamo" in sys.modules:  # without it, nothing has been compiled yet
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        torch.compile = _as_written
        try:
            yield
        finally:
            torch.compile = compiler


def _as_written(model: Any = None, **options: Any) -> Any:
    """In place of `torch.compile`: the function itself, or a decorator that changes nothing."""
    return model if model is not None else lambda function: function


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes on one thread inside: counts do not depend on it, and small operations that
    wait for a busy second core take a hundred times longer."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
