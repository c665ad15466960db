"""The warm process: it has loaded what notebooks load, and forks a sandboxed child on request.

Run as `python -m autograder.sandbox.zygote FD PUBLIC PROCESSORS [gpu]`, where FD is a socket to the
trusted side and PROCESSORS those to run on, like "0,1"; with `gpu`, children may use one.
It gets no secrets, runs no student code, and keeps one thread, so that forks of it are sound.

A request is a message with the sandbox's settings, then one byte that carries two descriptors: the
child's channel, and a control socket for the supervisor that stands between child and trusted side:

    trusted side --- zygote --- supervisor (a fork) --- child (its fork, sealed; runs student code)
         \\------ control ------/                        /
          \\------ channel ------------------------------/

On the control socket the trusted side writes I (interrupt), A (say how the time of everything in
the sandbox was spent), S (stop it, and say so), C (let it go on) or K (kill); closing it kills too.
When all is over the supervisor says how the child ended, or why there was no sandbox.
"""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import select
import shutil
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from autograder.channel import CONTROL_BYTES, Channel
from autograder.sandbox import kernel, pages, processors, seal, share, tidy, watch
from autograder.sandbox.freeze import Freezer, account
from autograder.wire import MAX_REQUEST, Closed


def main() -> None:
    control = Channel(socket.socket(fileno=int(sys.argv[1])), CONTROL_BYTES)
    sys.path.insert(0, sys.argv[2])
    processors.run_on(map(int, filter(None, sys.argv[3].split(","))))
    gpu = sys.argv[4:] == ["gpu"]
    shell = warm(gpu)
    if not gpu:
        os.environ.pop("LD_LIBRARY_PATH", None)  # it hid the driver; now that is settled
    touched = learn(shell)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the trusted side's to handle
    control.send({"ready": True, "threads": len(os.listdir("/proc/self/task"))})
    while True:
        _reap_supervisors()
        if not select.select([control.sock], [], [], 1.0)[0]:
            continue
        try:
            request = control.receive()
            _, descriptors, _, _ = socket.recv_fds(control.sock, 1, 2)
        except Closed:  # tidied up by the trusted side, unless that was killed
            shutil.rmtree(sys.argv[2], ignore_errors=True)
            return
        if kernel.fork() == 0:
            control.close()
            channel_fd, control_fd = descriptors
            _supervise(request, channel_fd, control_fd, shell, touched)
        for descriptor in descriptors:
            os.close(descriptor)


def warm(gpu: bool = False) -> Any:
    """Load what notebooks load, and use each once: first uses are slow, and may start threads. With
    a GPU all but gradients: torch then starts CUDA, which no fork of this process could use."""
    import matplotlib as mpl
    import torch

    import labkit

    mpl.use("Agg")
    import matplotlib.pyplot as plt
    import scipy.fft
    import torch.nn.functional as F  # noqa: N812

    from autograder.worker.cells import make_shell
    from autograder.worker.rehearsal import rehearse

    importlib.import_module("autograder.worker.serve")  # what each child would import first
    for module in pkgutil.walk_packages(labkit.__path__, "labkit."):
        importlib.import_module(module.name)
    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # else a GPU's convolutions round inputs to 10 bits
    x = torch.randn(2, 3, 8, requires_grad=True)
    y = F.conv1d(x, torch.randn(3, 3, 2))
    if not gpu:
        y.sum().backward()
        torch.autograd.grad((2 * x).sum(), x)  # given a cotangent, it would load sympy: 35 MB
    torch.linalg.svd(torch.randn(4, 4))
    torch.fft.rfft(torch.randn(8))
    scipy.fft.rfft([1.0, 2.0])
    figure, axes = plt.subplots()
    axes.set_title("$x$")
    figure.canvas.draw()
    plt.close(figure)
    fonts = getattr(mpl.font_manager, "_get_font", None)
    if fonts is not None:
        fonts.cache_clear()  # every fork would do so, and take a millisecond
    shell = make_shell()
    gc.freeze()  # what was loaded stays: each reset of the shell would look through all of it
    rehearse(shell, gradients=not gpu)
    seal.system_calls()
    seal.note_memory()
    gc.collect()
    gc.freeze()
    kernel.use_up_free_memory()
    kernel.use_large_pages()
    return shell


@dataclass(frozen=True)
class Touched:
    """Memory that a notebook's process will touch, and that a fork of it will."""

    by_cells: pages.Pages
    by_calls: pages.Pages


def learn(shell: Any) -> Touched:
    from autograder.worker import rehearsal

    return Touched(pages.learn(lambda: rehearsal.cells(shell)), pages.learn(rehearsal.calls))


def _reap_supervisors() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _supervise(
    request: dict[str, Any], channel_fd: int, control_fd: int, shell: Any, touched: Touched
) -> None:
    """Make the sandbox, start the child in it, and see it to its end. Never returns."""
    control = Channel(socket.socket(fileno=control_fd), CONTROL_BYTES)
    settings = seal.Settings(**request["settings"])
    work, report = "", dict[str, Any]()
    try:
        processors.keep_off(request["keep_off"])
        kernel.adopt_orphans()
        work = seal.outside(settings)
        child = kernel.fork()
        if child == 0:
            control.sock.detach()
            _student(settings, work, channel_fd, request["max_bytes"], shell, touched)
        os.close(channel_fd)
        over = _watch(child, control, settings, work)
        _, status, usage = os.wait4(child, 0)
        report = {
            "status": os.waitstatus_to_exitcode(status),
            "over": over,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_bytes": usage.ru_maxrss * 1024,
        }
    except Exception as error:
        report = {"error": str(error)}
    finally:
        with suppress(Exception):  # else the place is not used again
            tidy.kill_descendants(settings)
            tidy.sweep(settings.user, work)
            report["gone"] = True
        try:
            control.send(report)
        finally:
            os._exit(0)


def _watch(child: int, control: Channel, settings: seal.Settings, work: str) -> str:
    """Return when the child has ended: by itself, because it was told to, or because all that it
    started used too much together. Then the limit that was passed, else ""."""
    ended, freezer = os.pidfd_open(child), Freezer()
    share.go_first()
    look = time.monotonic() + watch.INTERVAL  # then, however much it is told meanwhile
    while True:
        idle = max(0.0, look - time.monotonic())
        ready = select.select([ended, control.sock.fileno()], [], [], idle)[0]
        if ended in ready:
            return ""
        watch.reap_orphans(child)
        over = ""
        if time.monotonic() >= look:
            share.even_out(watch.descendants(os.getpid()))  # first: else it may wait for them
            over = watch.overrun(settings, work)
            look = time.monotonic() + watch.INTERVAL
        told = control.sock.recv(1) if ready else None
        if over or told in (b"K", b""):  # too much; or told to, or the trusted side is gone
            os.kill(child, signal.SIGKILL)
            select.select([ended], [], [])
            return over
        if told == b"I":
            os.kill(child, signal.SIGINT)
        elif told == b"A":
            control.send({"account": account(list(watch.descendants(os.getpid())))})
        elif told == b"S":
            control.send({"stopped": freezer.stop()})
        elif told == b"C":
            freezer.go_on()
            control.send({"going": True})


def _student(
    settings: seal.Settings, work: str, fd: int, max_bytes: int, shell: Any, touched: Touched
) -> None:
    """The child: seal itself, then serve. Never returns."""
    from autograder.worker.serve import serve

    channel, sealed = None, False
    try:
        kernel.die_with_parent(signal.SIGKILL)
        null = os.open("/dev/null", os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(null, standard)
        os.dup2(fd, 3)
        os.closerange(4, 65536)
        channel = Channel(socket.socket(fileno=3), MAX_REQUEST, max_bytes)
        seal.inside(settings, work)
        sys.path[:] = ["" if p == sys.argv[2] else p for p in sys.path]
        channel.send({"sealed": True})
        sealed = True
        pages.touch(touched.by_cells)
        # Under Landlock only this process sees what /proc says of it, which CUDA's driver must.
        can_fork = not (settings.devices and settings.level == "landlock")
        serve(channel, shell, lambda: pages.touch(touched.by_calls), can_fork)
    except Exception as error:
        if channel is not None and not sealed:
            channel.send({"sealed": False, "error": str(error)})
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
