"""The loop of the process that holds one student's notebook: run a cell, fork for a question.

Requests, each with a nonce that its answer echoes:

{"op": "cell", "source", "whole", "processors"}  run a cell on these, or only what it defines
{"op": "fork", "number", "processors"}  make a child, and say whether CUDA forbids it. One byte
    follows, which carries its socket. Once ready, it answers calls on these processors, and this
    process is elsewhere.
{"op": "reap", "number"}  end that child, and say how it ended
{"op": "stay"}  from now on answer calls in this process
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from autograder.channel import Channel
from autograder.sandbox import kernel, processors
from autograder.wire import Closed
from autograder.worker.calls import reseed
from autograder.worker.calls import serve as serve_calls
from autograder.worker.cells import definitions, run_cell

_DRIVER = "libcuda.so.1"
_NOT_STARTED = 3  # CUDA_ERROR_NOT_INITIALIZED, its driver's answer until somebody starts it


def serve(
    channel: Channel, shell: InteractiveShell, prepare: Callable[[], None], can_fork: bool = True
) -> None:
    """Answer until the other side hangs up. Each fork prepares itself before it is asked; where
    forks could not do what this process can, there are none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reseed()
    elsewhere = processors.available()
    children: dict[int, int] = {}
    while True:
        try:
            request = channel.receive()
        except Closed:
            return
        answer: dict[str, Any] = {"nonce": request["nonce"]}
        if request["op"] == "cell":
            processors.run_on(request.get("processors", ()))
            source = request["source"]
            answer |= run_cell(shell, source if request.get("whole", True) else definitions(source))
        elif request["op"] == "fork":
            _, (descriptor, *_), _, _ = socket.recv_fds(channel.sock, 1, 1)
            if not can_fork or _cuda_in_use():
                os.close(descriptor)
                answer |= {"forbidden": True}
            else:
                processors.run_on(elsewhere)
                where = request["processors"], elsewhere
                children[request["number"]] = _fork(descriptor, where, channel, shell, prepare)
        elif request["op"] == "reap":
            answer |= {"status": _reap(children.pop(request["number"]), elsewhere)}
        channel.send(answer)
        if request["op"] == "stay":
            with suppress(Closed):
                serve_calls(channel, shell.user_ns)
            return


def _cuda_in_use() -> bool:
    """Whether a fork of this process could not use CUDA, since it has started here: by torch's
    word, or by its driver's own, whoever it was (torch's first `backward` counts GPUs, which does
    it). To ask torch whether there is a GPU does not, here: see the pool's environment."""
    import torch

    if torch.cuda.is_initialized():
        return True
    try:
        driver = ctypes.CDLL(_DRIVER, mode=os.RTLD_NOLOAD)
    except OSError:
        return False  # nobody has loaded it
    return bool(driver.cuDeviceGetCount(ctypes.byref(ctypes.c_int())) != _NOT_STARTED)


def _fork(
    descriptor: int,
    where: tuple[list[int], list[int]],
    channel: Channel,
    shell: InteractiveShell,
    prepare: Callable[[], None],
) -> int:
    """A child that answers calls on its own socket; the parent stays as the notebook left it. Only
    calls run on the first of these processors, where the trusted side waits: a child that gets
    ready does not, nor one that ends, which has much memory to give back."""
    child = kernel.fork()
    if child:
        os.close(descriptor)
        return child
    status = 1
    try:
        channel.close()
        prepare()
        reseed()
        processors.run_on(where[0])
        sock = socket.socket(fileno=descriptor)
        serve_calls(channel.like_this(sock), shell.user_ns)
    except Closed:
        status = 0
    finally:
        processors.run_on(where[1])
        os._exit(status)


def _reap(child: int, elsewhere: list[int]) -> int:
    """End the child, if it has not ended by itself, and say how: an exit code, or -signal."""
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        processors.run_on(elsewhere, child)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
