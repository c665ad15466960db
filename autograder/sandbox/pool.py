"""The trusted side's handle on sandboxes: one warm process, and a `Child` for each notebook run.

Making a sandbox and clearing one away take longer than many a notebook. With `ahead`, the next one
is made while a notebook runs, and one that is done with is cleared away behind its back.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from autograder.course import Limits
from autograder.sandbox import seal
from autograder.sandbox.freeze import Account
from autograder.sandbox.places import Places
from autograder.wire import Channel, Closed, WireError

_USERS = range(64100, 64900)  # uids a root grader's sandboxes run as, one a slot, none shared
_START_SECONDS = 120.0  # a cold machine reads torch from disk
_STOP_SECONDS = 10.0
_CONTROL_BYTES = 1 << 20


class SandboxError(RuntimeError):
    """The sandbox itself failed: never the student's doing."""


class ForkForbiddenError(Exception):
    """The child uses CUDA, which a fork of it could not."""


class Pool:
    """A warm process and `slots` places to run in. Use as a context manager. Thread-safe.

    public  what students may read and find beside their notebook, by the name it has there
            ("labkit", "data/digits.npz"); `labkit` must be among it
    devices  files in /dev that students may use: a GPU's
    ahead   make sandboxes before they are asked for: for a class
    """

    def __init__(
        self,
        level: seal.Level,
        public: dict[str, Path],
        limits: Limits,
        slots: int = 1,
        devices: Sequence[str] = (),
        ahead: bool = False,
    ):
        self.level = level
        self.devices = tuple(devices)
        self.limits = limits
        self._slots = threading.Semaphore(slots)
        count = 3 * slots if ahead else slots  # in use, made ahead, being cleared away
        self._claims = _claim_users(count) if os.getuid() == 0 and level != "none" else []
        self.users = [user for user, _ in self._claims]
        self._places = Places(self.users or [None] * count, self._spawn, slots if ahead else 0)
        self._in_use: set[Child] = set()
        self._closed = False
        self._lock = threading.Lock()
        self._public = Path(tempfile.mkdtemp(prefix="public-"))
        try:
            self._public.chmod(0o755)
            for name, source in public.items():
                _copy_readable(source, self._public / name)
            self._start()
        except BaseException:
            self._tidy()
            raise

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-I", "-m", "autograder.sandbox.zygote"]
            self._process = subprocess.Popen(
                [*command, str(theirs.fileno()), str(self._public)],
                pass_fds=[theirs.fileno()],
                env=_clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._control = Channel(ours, _CONTROL_BYTES)
        try:
            ready = self._control.receive(time.monotonic() + _START_SECONDS)
        except WireError as error:
            self._process.kill()
            said = self._process.communicate()[1].decode(errors="replace").strip()
            raise SandboxError(f"the warm process did not start: {error}\n{said}") from None
        if ready["threads"] != 1:
            self.close()
            raise SandboxError(f"the warm process has {ready['threads']} threads and cannot fork")

    @property
    def process_id(self) -> int:
        """Of the warm process."""
        return self._process.pid

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End every child and the warm process."""
        with self._lock:
            self._closed = True
        for child in list(self._in_use):
            child.close()
        self._places.close()
        self._stop()
        self._tidy()

    def _stop(self) -> None:
        self._control.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _tidy(self) -> None:
        shutil.rmtree(self._public, ignore_errors=True)
        for _, claim in self._claims:
            claim.close()

    def child(self) -> Child:
        """A new sandbox in a free slot (waits for one). End or close it to give the slot back."""
        self._slots.acquire()
        try:
            child = self._places.take()
            child.wait_until_sealed(time.monotonic() + _START_SECONDS)
        except BaseException:
            self._slots.release()
            raise
        self._in_use.add(child)
        child.on_end = lambda: self._give_back(child)
        with contextlib.suppress(SandboxError):  # who wants the next one will be told
            self._places.make_ahead()
        return child

    def _give_back(self, child: Child) -> None:
        self._in_use.discard(child)
        self._slots.release()

    def _spawn(self, user: int | None) -> Child:
        """A child that is being made, as this user. A warm process that has vanished is started
        anew; what others run in its children goes on."""
        with self._lock:
            if self._closed:
                raise SandboxError("grading has ended")
            if self._process.poll() is not None:
                self._stop()
                self._start()
        settings = seal.Settings(
            level=self.level,
            user=user,
            read_only=seal.python_paths(),
            public=str(self._public),
            memory_bytes=self.limits.memory_bytes,
            disk_bytes=self.limits.disk_bytes,
            processes=self.limits.processes,
            open_files=self.limits.open_files,
            devices=self.devices,
        )
        channel, student_end = socket.socketpair()
        control, supervisor_end = socket.socketpair()
        request = {"settings": asdict(settings), "max_bytes": self.limits.message_bytes}
        deadline = time.monotonic() + _START_SECONDS
        with student_end, supervisor_end, self._lock:
            try:
                self._control.send(request, deadline)
                descriptors = [student_end.fileno(), supervisor_end.fileno()]
                socket.send_fds(self._control.sock, [b"F"], descriptors)
            except (WireError, OSError) as error:
                raise SandboxError(f"the warm process is gone ({error})") from None
        return Child(
            Channel(channel, self.limits.message_bytes),
            Channel(control, _CONTROL_BYTES),
            lambda: self._places.free(user),
            self._places.clear_away,
        )


class Child:
    """One sandboxed process: a channel to talk on, and the power to interrupt or end it. End or
    close it (or use it as a context manager): its slot is taken until then.

    release  gives its place back, once all is gone
    ending   takes the child that is told to end, and sees to the rest
    """

    def __init__(
        self,
        channel: Channel,
        control: Channel,
        release: Callable[[], None],
        ending: Callable[[Child], None],
    ):
        self.channel = channel
        self._control = control
        self._release = release
        self._ending = ending
        self.on_end: Callable[[], None] = lambda: None
        self._open = True
        self._report: Any = None  # how the child ended, once that was learnt
        self._closed = False
        self._closing = threading.Lock()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def wait_until_sealed(self, deadline: float) -> None:
        """Raises SandboxError if the sandbox could not be made, and is closed then."""
        try:
            answer = self.channel.receive(deadline)
        except WireError:
            answer = {"sealed": False}
        if answer.get("sealed") is not True:
            report = self.close()
            reason = answer.get("error") or report.get("error") or "it ended at once"
            raise SandboxError(f"the sandbox could not be made: {reason}")

    def ask(self, request: dict[str, Any], deadline: float) -> dict[str, Any]:
        """Send a request and return its answer. Raises Closed, TimedOut, or WireError for an
        answer that does not echo this request's nonce."""
        return ask(self.channel, request, deadline)

    def start(self, request: dict[str, Any], deadline: float) -> str:
        """Send a request and return the nonce that `finish` wants."""
        return post(self.channel, request, deadline)

    def finish(self, nonce: str, deadline: float) -> dict[str, Any]:
        """The answer to a request that was started; may be tried again after TimedOut."""
        return expect(self.channel.receive(deadline), nonce)

    def fork(self, deadline: float) -> Channel:
        """A channel to a fork of the child as it is now. Raises as `ask` does, and
        ForkForbiddenError where the child has begun to use CUDA."""
        nonce, fork = self.start_fork(deadline)
        try:
            check_fork(self.finish(nonce, deadline))
        except BaseException:
            fork.close()
            raise
        return fork

    def start_fork(self, deadline: float) -> tuple[str, Channel]:
        """Ask for a fork: the nonce of the answer that `check_fork` wants before the channel may
        be used. It runs on the processors that this thread runs on: they will wait for one
        another."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                request = {"op": "fork", "processors": processors()}
                nonce = self.start(request, deadline)
                socket.send_fds(self.channel.sock, [b"F"], [theirs.fileno()])
        except OSError:
            ours.close()
            raise Closed("the other side is gone") from None
        except BaseException:
            ours.close()
            raise
        return nonce, Channel(ours, self.channel.max_bytes)

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the child, as Jupyter's stop button does."""
        self._tell(b"I")

    def end(self) -> None:
        """End the child; with `ahead`, without waiting until all is gone."""
        if self._stop():
            self._ending(self)

    def stop(self) -> Account:
        """Stop everything in the sandbox, until `go_on`; how its time was spent so far. Raises
        Closed where the sandbox has ended, TimedOut."""
        return Account(**self._order(b"S", "stopped"))

    def go_on(self) -> None:
        """Let everything that `stop` stopped go on. Raises as `stop` does."""
        self._order(b"C", "going")

    def _order(self, letter: bytes, done: str) -> Any:
        """Tell the supervisor something, and wait until it says that it is done."""
        self._tell(letter)
        answer = self._control.receive(time.monotonic() + _STOP_SECONDS)
        if not isinstance(answer, dict) or done not in answer:
            self._report = answer
            raise Closed("the sandbox has ended")
        return answer[done]

    def close(self) -> dict[str, Any]:
        """End the child, wait until all it started is gone, and return how it ended:
        {"status", "cpu_seconds", "peak_bytes"}, or {"error"}."""
        self._stop()
        with self._closing:
            if not self._closed:
                self._closed = True
                self._report = self._report or self._last_words()
                self.channel.close()
                self._control.close()
                self._release()
        return self._report if isinstance(self._report, dict) else {}

    def gone(self) -> bool:
        """Whether all is over, so that `close` does not wait."""
        if self._report is not None:
            return True
        told = select.poll()
        told.register(self._control.sock, select.POLLIN)
        return bool(told.poll(0))

    def _stop(self) -> bool:
        """Tell the child to end, and give its slot back; False if that was done before."""
        was_open, self._open = self._open, False
        if was_open:
            self._tell(b"K")
            self.on_end()
        return was_open

    def _last_words(self) -> dict[str, Any]:
        try:
            report = self._control.receive(time.monotonic() + _STOP_SECONDS)
        except WireError:
            report = {"error": "the supervisor did not answer"}
        return report if isinstance(report, dict) else {}

    def _tell(self, letter: bytes) -> None:
        with contextlib.suppress(OSError):  # it has ended: its report waits to be read
            self._control.sock.sendall(letter)


def processors() -> list[int]:
    """Those that this thread may run on; none where the system does not tell."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def check_fork(answer: dict[str, Any]) -> None:
    """Raise ForkForbiddenError where the answer to a fork says so."""
    if answer.get("forbidden"):
        raise ForkForbiddenError


def ask(channel: Channel, request: dict[str, Any], deadline: float) -> dict[str, Any]:
    """Send a request with a fresh nonce and return the answer that echoes it."""
    nonce = post(channel, request, deadline)
    return expect(channel.receive(deadline), nonce)


def post(channel: Channel, request: dict[str, Any], deadline: float) -> str:
    """Send a request and return the nonce that its answer must echo."""
    nonce = secrets.token_hex(8)
    channel.send({**request, "nonce": nonce}, deadline)
    return nonce


def expect(answer: object, nonce: str) -> dict[str, Any]:
    """The answer, if it echoes the nonce. Raises WireError."""
    if not isinstance(answer, dict) or answer.get("nonce") != nonce:
        raise WireError("an answer to a question that was not asked")
    return answer


def _claim_users(count: int) -> list[tuple[int, socket.socket]]:
    """Uids that no other grader on this machine uses, each with the socket that holds the claim:
    a name in the kernel, gone when this process is. Raises SandboxError."""
    claims: list[tuple[int, socket.socket]] = []
    for user in _USERS:
        if len(claims) == count:
            return claims
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0autograder-user-{user}")
            claims.append((user, claim))
        except OSError:
            claim.close()
    for _, claim in claims:
        claim.close()
    raise SandboxError(f"other graders on this machine use all of the uids {_USERS}")


def _clean_environment() -> dict[str, str]:
    """What the warm process, and so every child, sees: nothing of the grader's own environment."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.path.expanduser("~"),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking about CUDA must not start it
        **dict.fromkeys(threads, "1"),
    }


def _copy_readable(source: Path, target: Path) -> None:
    """Copy a file or folder so that any user may read it, without caches or hidden files."""
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if source.is_dir():
        ignore = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(source, target, ignore=ignore)
    else:
        shutil.copy(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
