"""The trusted side's handle on sandboxes: one warm process, and a `Child` for each notebook run.

Making a sandbox and clearing one away take longer than many a notebook. With `ahead`, the next one
is made while a notebook runs, and one that is done with is cleared away behind its back.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from autograder.channel import CONTROL_BYTES, Channel
from autograder.course import Limits
from autograder.sandbox import processors, seal
from autograder.sandbox.child import Child, SandboxError
from autograder.sandbox.places import Places
from autograder.wire import MAX_REQUEST, WireError

_USERS = range(64100, 64900)  # uids a root grader's sandboxes run as, one a slot, none shared
_START_SECONDS = 120.0  # a cold machine reads torch from disk
_STOP_SECONDS = 10.0
_NO_DRIVER = Path(__file__).with_name("no_driver")


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
        self._places = Places(self.users or [None] * count, self._spawn, slots if ahead else 0)
        self._in_use: set[Child] = set()
        self._processors = ",".join(map(str, processors.available()))
        self._closed = False
        self._lock = threading.Lock()
        # Others may not see into a TMPDIR.
        self._public = Path(tempfile.mkdtemp(prefix="public-", dir="/tmp" if self.users else None))
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
            command += [str(theirs.fileno()), str(self._public), self._processors]
            command += ["gpu"] if self.devices else []
            self._process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env=_environment(self.devices),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._control = Channel(ours, CONTROL_BYTES)
        try:
            ready = self._control.receive(time.monotonic() + _START_SECONDS)
        except WireError as error:
            self._process.kill()
            said = self._process.communicate()[1].decode(errors="replace").strip()
            raise SandboxError(f"the warm process did not start: {error}\n{said}") from None
        if ready["threads"] != 1:
            self._process.kill()  # if it ended by itself it would remove what is public
            self._stop()
            raise SandboxError(f"the warm process has {ready['threads']} threads and cannot fork")

    @property
    def users(self) -> list[int]:
        """That its sandboxes run as, or ran as; none where they run as the grader's own."""
        return [user for user, _ in self._claims]

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
        return child

    def make_ahead(self) -> None:
        """Start on a sandbox for later, where some are made ahead: best when nobody waits for what
        else goes on in the background."""
        with contextlib.suppress(SandboxError):  # who wants it will be told
            self._places.make_ahead()

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
        request = {
            "settings": asdict(settings),
            "max_bytes": self.limits.message_bytes,
            "keep_off": processors.available(),
        }
        deadline = time.monotonic() + _START_SECONDS
        with student_end, supervisor_end, self._lock:
            try:
                self._control.send(request, deadline)
                descriptors = [student_end.fileno(), supervisor_end.fileno()]
                socket.send_fds(self._control.sock, [b"F"], descriptors)
            except (WireError, OSError) as error:
                raise SandboxError(f"the warm process is gone ({error})") from None
        return Child(
            Channel(channel, self.limits.message_bytes, MAX_REQUEST),
            Channel(control, CONTROL_BYTES),
            lambda gone: self._places.free(user if gone else self._another(user)),
            self._places.clear_away,
        )

    def _another(self, user: int | None) -> int | None:
        """A user in the place of one that something may still run as: whoever had that one next
        could be met by it, or by what clears it away."""
        if user is None:
            return None
        with self._lock:
            self._claims += _claim_users(1)
            return self.users[-1]


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
    raise SandboxError(
        f"{count} sandboxes want a user each, and of {len(_USERS)} some are taken by other graders "
        "here: lower --jobs, or wait for them"
    )


def _environment(devices: Sequence[str]) -> dict[str, str]:
    """What the warm process, and so every child, sees: of the grader's own environment only where a
    GPU's driver lies, and which GPUs are its to use. Where a sandbox has no devices there is none,
    and in the place where the driver is looked for an empty file: torch's first `backward` would
    start it to count GPUs, and a thread with it."""
    cuda = {"CUDA_VISIBLE_DEVICES": "", "LD_LIBRARY_PATH": str(_NO_DRIVER)}
    if devices:
        own = ("CUDA_VISIBLE_DEVICES", "LD_LIBRARY_PATH")
        cuda = {name: os.environ[name] for name in own if name in os.environ}
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": os.path.expanduser("~"),
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",  # asking about CUDA must not start it
        **cuda,
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
