"""Calls that are timed, by a clock on the trusted side: inputs and results lie in shared memory.

A turn is several calls. Each has inputs of its own, and none can begin before the one before it has
ended: the first argument is multiplied by `link` of a number in the result before. So nothing can
be computed ahead, and calls cannot be worked on side by side.

The trusted side writes inputs while this process is stopped, and reads results when it is stopped
again. What lies in the memory is float32 and nothing else, at places that the request names.
"""

from __future__ import annotations

import math
import mmap
import os
from collections.abc import Sequence
from typing import Any

import torch

Place = tuple[int, Sequence[int]]  # where an array begins, in bytes, and its shape


def link(value: float) -> float:
    """What the next call's first argument is multiplied by: between 0.98 and 1, and not to be
    guessed without knowing `value` well."""
    return 1 - 0.02 * abs(math.sin(1000 * value)) if math.isfinite(value) else 1.0


def at(memory: Any, place: Place) -> torch.Tensor:
    """The array at a place, which shares its memory."""
    start, shape = place
    count = math.prod(shape)
    return torch.frombuffer(memory, dtype=torch.float32, offset=start, count=count).view(
        list(shape)
    )


def share(names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Take the memory of `bytes` bytes that the trusted side has sent."""
    global _memory  # noqa: PLW0603  a process has one
    _memory = mmap.mmap(request["descriptor"], request["bytes"])
    os.close(request["descriptor"])
    return {}


def turn(names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Call a function once for each entry of `calls`: the places of its arguments and result, and
    which number of the result the next call waits for. Without a function: what all else takes."""
    function, device = names.get(request["name"]), torch.device(request["device"])
    factor = 1.0
    for places, result, number in request["calls"]:
        args = [at(_memory, place).to(device) for place in places]
        args[0] = args[0] * factor
        made = at(_memory, result)
        value = function(*args) if function else torch.empty(made.shape, device=device)
        if not isinstance(value, torch.Tensor):
            raise TypeError("not a torch tensor")
        if value.shape != made.shape:
            raise ValueError(f"the shape is {tuple(value.shape)} where {tuple(made.shape)} is due")
        made.copy_(value.detach())
        factor = link(float(made.flatten()[number]))
    return {}


def memory(names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """The most memory that tensors made during a call take up at one time, in bytes."""
    from labkit.timing import peak_bytes

    args, device = request["args"], torch.device(request["device"])
    return {"peak_bytes": peak_bytes(lambda: names[request["name"]](*args), device)}


def items(names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """A dict of the student's as a list of pairs: its keys may be numbers."""
    value = names.get(request["name"])
    return {"items": [list(item) for item in value.items()] if isinstance(value, dict) else []}


def device(names: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """What the device is called that tensors of a request go to: "cpu", or the GPU's own name."""
    on_gpu = request["device"] == "cuda"
    return {"name": torch.cuda.get_device_name() if on_gpu else request["device"]}


_memory: Any = None
