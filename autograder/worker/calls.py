"""Answers the trusted side's questions about the student's names: what they are, what they return.

Runs in a fork of the process that ran the notebook, one fork a question. Each request is a dict
with an operation and a nonce; each answer echoes the nonce.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import torch

from autograder.channel import Channel
from autograder.wire import Unsendable
from autograder.worker import timed
from autograder.worker.cells import describe

Namespace = dict[str, Any]


def serve(channel: Channel, names: Namespace) -> None:
    """Answer until the other side hangs up (Closed)."""
    while True:
        request = channel.receive()
        nonce = {"nonce": request["nonce"]}
        if request["op"] == "share":
            _, (request["descriptor"], *_), _, _ = socket.recv_fds(channel.sock, 1, 1)
        try:
            request = placed(request, request.get("device", "cpu"))
            answer = OPERATIONS[request["op"]](names, request)
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            answer = {"raised": describe(error)}
        try:
            body = channel.encode({**answer, **nonce})
        except Unsendable as error:
            body = channel.encode({"unsent": error.why, **nonce})
        except Exception:  # of an object of the student's own
            body = channel.encode({"unsent": "no plain form", **nonce})
        channel.send_encoded(body)


def placed(value: Any, device: str) -> Any:
    """The same request with its tensors on a device; nothing else in it changes."""
    if device == "cpu":
        return value
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, list):
        return [placed(item, device) for item in value]
    if isinstance(value, dict):
        return {key: placed(item, device) for key, item in value.items()}
    return value


def look(names: Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """What each name stands for: nothing, a function, or a plain value."""
    return {"found": {name: _found(names, name) for name in request["names"]}}


def _found(names: Namespace, name: str) -> dict[str, Any]:
    if name not in names:
        return {"kind": "missing"}
    value = names[name]
    return {"kind": "function"} if callable(value) else {"kind": "value", "value": value}


def call(names: Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """The value of a call."""
    return {"value": names[request["name"]](*request["args"], **request["kwargs"])}


def call_with_arguments(names: Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """The value of a call, and the arguments as they are after it."""
    value = names[request["name"]](*request["args"], **request["kwargs"])
    return {"value": value, "arguments": request["args"]}


def gradients(names: Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """The gradients of <cotangent, call> with respect to some arguments."""
    from labkit.checks import gradients as pull_back

    grads = pull_back(names[request["name"]], request["args"], request["wrt"], request["cotangent"])
    return {"value": grads}


def cost(names: Namespace, request: dict[str, Any]) -> dict[str, Any]:
    """Work and span of a call, counted by labkit, and its value."""
    from labkit.workspan import measure

    counted = measure(names[request["name"]], *request["args"], limit=request["limit"])
    return {
        "value": counted.output,
        "work": counted.work,
        "span": counted.span,
        "launches": counted.launches,
        "peak_bytes": counted.peak_bytes,
        "unknown": list(counted.unknown),
        "escapes": list(counted.escapes),
    }


OPERATIONS: dict[str, Callable[[Namespace, dict[str, Any]], dict[str, Any]]] = {
    "look": look,
    "call": call,
    "call_with_arguments": call_with_arguments,
    "gradients": gradients,
    "cost": cost,
    "share": timed.share,
    "turn": timed.turn,
    "memory": timed.memory,
    "items": timed.items,
    "device": timed.device,
}


def reseed() -> None:
    """The same random numbers in every child, whoever ran before it."""
    import random

    import numpy as np

    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)
    np.random.seed(0)
    random.seed(0)
