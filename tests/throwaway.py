"""A place to run a hostile program in without a sandbox of ours, that dies with all it did.

In comes a command, with the files it needs; out comes an `Outcome`. There the command is root as
in a container with Docker's default profile (tests/confined.py). It sees the machine's files, but
what it writes goes to memory of limited size and is gone at the end; processes, loopback, shared
memory and host name are its own, devices are those of every container; a control group bounds
memory and threads. Linux, root.

`python -m tests.throwaway PLACE FILES RESULT COMMAND...` is its first process.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import kernel

ROOT = Path(__file__).resolve().parents[1]
MEMORY = 4 << 30  # bytes of all processes in the place, with what they write to files
THREADS = 1024
DISK = 1 << 30  # bytes of /, of /tmp and of /dev/shm each
_GROUPS = Path("/sys/fs/cgroup")
_ALONE = "--net --mount --pid --ipc --uts --fork --kill-child=SIGKILL --mount-proc".split()
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_NO_DEVICES = 4 | 2  # MS_NODEV, MS_NOSUID: as Docker mounts


@dataclass(frozen=True)
class Outcome:
    """`result`: the text of the file asked for, None where there is none; `late`: it was ended at
    the time limit; `left`: processes and shared memory that were there after the command; then
    the most that it took, in bytes and threads."""

    result: str | None
    late: bool
    left: tuple[str, ...]
    memory: int
    disk: int
    threads: int


def run(command: Sequence[str], files: Path, result: str, seconds: float) -> Outcome:
    """Run a command in a new place, in which the folder `files` is copied to /tmp/work, the working
    folder; `result` is a file there. Raises OSError where this machine cannot make such a place."""
    with (
        tempfile.TemporaryDirectory(prefix="throwaway-", dir="/var/tmp") as place,
        tempfile.TemporaryFile("w+") as said,
        _control_groups() as groups,
    ):
        first = [sys.executable, "-m", "tests.throwaway", place, str(files), result, *command]
        process = subprocess.Popen(
            ["unshare", *_ALONE, *first],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: _join(groups),  # noqa: PLW1509 (no other thread is here)
        )
        try:
            text, late = process.communicate(timeout=seconds)[0], False
        except subprocess.TimeoutExpired:
            text, late = "", True
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        memory = _peak(groups, "memory.max_usage_in_bytes", "memory.peak")
        threads = _peak(groups, "pids.peak")
        said.seek(0)
        if not late and not text:
            raise OSError(f"the place could not be made:\n{said.read()[-2000:]}")
    found = json.loads(text) if text else {"result": None, "left": [], "disk": 0}
    return Outcome(found["result"], late, tuple(found["left"]), memory, found["disk"], threads)


@contextmanager
def _control_groups() -> Iterator[list[Path]]:
    """New control groups (of either version) that bound memory and threads."""
    if (_GROUPS / "cgroup.controllers").exists():
        limits = {_GROUPS: {"memory.max": MEMORY, "memory.swap.max": 0, "pids.max": THREADS}}
    else:
        limits = {
            _GROUPS / "memory": {"memory.limit_in_bytes": MEMORY},
            _GROUPS / "pids": {"pids.max": THREADS},
        }
    groups = {parent / f"throwaway-{os.getpid()}": said for parent, said in limits.items()}
    try:
        for group, said in groups.items():
            group.mkdir()
            for name, value in said.items():
                (group / name).write_text(str(value))
        yield list(groups)
    finally:
        for group in groups:
            _remove(group)


def _join(groups: list[Path]) -> None:
    for group in groups:
        (group / "cgroup.procs").write_text("0")


def _remove(group: Path) -> None:
    """Remove a control group when the last process in it has ended."""
    ends = time.monotonic() + 30
    while group.exists():
        try:
            group.rmdir()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)


def _peak(groups: list[Path], *names: str) -> int:
    found = [group / name for group in groups for name in names if (group / name).exists()]
    return int(found[0].read_text()) if found else 0


def inside(place: Path, files: Path, result: str, command: list[str]) -> None:
    """The first process of the place: make it, run the command, print what came of it as JSON."""
    _loopback_up()
    _new_root(place, files)
    os.chdir("/tmp/work")
    with open("said", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.confined", "container", *command],
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'notebooks'}"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    disk = 0
    while process.poll() is None:
        disk = max(disk, _disk_used())
        time.sleep(0.2)
    disk = max(disk, _disk_used())
    time.sleep(1)  # for what ends by itself
    text = Path(result).read_text(errors="replace") if Path(result).is_file() else None
    print(json.dumps({"result": text, "left": _left(), "disk": disk}), flush=True)


def _loopback_up() -> None:
    """Jupyter talks to its kernels over it."""
    with socket.socket() as line:
        fcntl.ioctl(line, 0x8914, struct.pack("16sh", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP


def _new_root(place: Path, files: Path) -> None:
    """Make the machine's files, under a layer of memory, the root of the file system."""
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    _memory(place)
    root = place / "root"
    for name in ("upper", "work", "root"):
        (place / name).mkdir()
    layers = f"lowerdir=/,upperdir={place / 'upper'},workdir={place / 'work'}"
    kernel.mount("overlay", str(root), "overlay", _NO_DEVICES, layers)
    kernel.mount("proc", str(root / "proc"), "proc", _NO_DEVICES)
    _memory(root / "dev")
    for name in _DEVICES:
        (root / "dev" / name).touch()
        kernel.mount(f"/dev/{name}", str(root / "dev" / name), flags=kernel.MS_BIND)
    (root / "dev" / "shm").mkdir()
    (root / "dev" / "fd").symlink_to("/proc/self/fd")
    for name in ("dev/shm", "tmp", "var/tmp"):
        _memory(root / name)
    for needed in {str(ROOT), sys.prefix, sys.base_prefix}:
        if needed.startswith(("/tmp/", "/var/tmp/")):  # what covers these hides it
            (root / needed[1:]).mkdir(parents=True, exist_ok=True)
            kernel.bind_read_only(needed, str(root / needed[1:]))
    shutil.copytree(files, root / "tmp" / "work")
    kernel.enter_root(str(root))


def _memory(target: Path) -> None:
    kernel.mount("tmpfs", str(target), "tmpfs", _NO_DEVICES, f"mode=1777,size={DISK}")


def _disk_used() -> int:
    def used(path: str) -> int:
        found = os.statvfs(path)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    return sum(map(used, ("/", "/tmp", "/var/tmp", "/dev/shm")))


def _left() -> list[str]:
    """What is still there, of all that began in the place."""
    found = [f"/dev/shm/{name}" for name in os.listdir("/dev/shm")]
    found += [str(path) for path in Path("/tmp").glob("FOUND*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            said = path.read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if said and path.parent.name != "1":
                found.append(f"process: {said[:80]}")
    return found


if __name__ == "__main__":
    inside(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
