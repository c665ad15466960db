"""Which sandbox this machine can offer, found out by trying.

Each level is entered for real, in a short-lived process, which then tries what a student must not
be able to do. Nothing is read off version numbers, and nothing is lowered silently: a weaker level
is used only if it holds, and every result says which it was and why the stronger ones were not.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from autograder.sandbox import kernel, seal, tidy

_PROBE_SECONDS = 30.0
_MOST_FILES = 10_000  # of a private folder are tried by name
_PROBE_USERS = 100  # uids from 64000 on, of which a probe takes one by its process id


@dataclass(frozen=True)
class Probe:
    """What came of trying a level: `problem` is "" where it holds."""

    level: seal.Level
    problem: str


@dataclass(frozen=True)
class Hole:
    """Something that a level does not stop, and the attacks of tests/submissions/hostile that show
    it; those of some only where the machine has what they look for (`depends`)."""

    says: str
    attacks: tuple[str, ...]
    depends: bool = False


_COUNTS = Hole(
    "what happens beside the student's code is told by its process, which can change it: the count "
    "of work and span, whether inputs were left alone, and gradients; that may earn the points for "
    "these, and no others",
    ("forges_the_cost_count",),
)
_SERVERS = Hole(
    "where the grader is root: connections to local servers that every user may reach",
    ("local_servers",),
    depends=True,
)
_READABLE = Hole(
    "reading what every user of this machine may read, and other processes' command lines (with "
    "the homework readable, the level does not hold)",
    (
        "reads_files",
        "reads_caches",
        "reads_other_submissions",
        "reads_command_lines",
        "leaves_its_root",
    ),
    depends=True,
)
_DEVICES = Hole("opening devices that every user may open", ("devices",), depends=True)
NOT_STOPPED: dict[seal.Level, tuple[Hole, ...]] = {
    "namespaces": (_COUNTS,),
    "landlock": (_COUNTS, _SERVERS),
    "uid": (_COUNTS, _SERVERS, _READABLE, _DEVICES),
    "none": (),
}


class NoSandboxError(RuntimeError):
    """No level holds here; the message says what to do."""


def choose(
    private: Sequence[Path], required: seal.Level | None = None, trust_input: bool = False
) -> tuple[seal.Level, tuple[str, ...]]:
    """The strongest level that holds, and why each stronger one does not.

    private      files and folders that student code must not be able to read
    required     the weakest level that will do
    trust_input  allow `none`

    Raises NoSandboxError.
    """
    missing: list[str] = []
    wanted = seal.LEVELS if required is None else seal.LEVELS[: seal.LEVELS.index(required) + 1]
    for level in wanted:
        if level == "none":
            break
        tried = probe(level, private)
        if not tried.problem:
            return level, tuple(missing)
        missing.append(f"{level}: {tried.problem}")
    if trust_input and required in (None, "none"):
        return "none", tuple(missing)
    reasons = "\n".join(f"  {reason}" for reason in missing)
    raise NoSandboxError(
        f"this machine offers no sandbox of the kind that is needed:\n{reasons}\n"
        "Run on Linux as root or with user namespaces, or in a container as root; or, if you know "
        "who wrote the submissions, give --trust-input, which runs them with no sandbox at all."
    )


def probe(level: seal.Level, private: Sequence[Path] = ()) -> Probe:
    """Try one level."""
    if not sys.platform.startswith("linux"):
        return Probe(level, f"needs Linux; this is {sys.platform}")
    request = json.dumps({"level": level, "private": [str(p.resolve()) for p in private]})
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "autograder.sandbox.levels"],
            input=request,
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Probe(level, "trying it did not come to an end")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        return Probe(level, last[0])
    return Probe(level, str(json.loads(done.stdout)))


def _probe_here() -> None:
    """Try the level that standard input names, in this process; print what does not hold."""
    request = json.load(sys.stdin)
    level: seal.Level = request["level"]
    private = {path: [path, *islice(_below(path), _MOST_FILES)] for path in request["private"]}
    if level == "uid" and os.getuid() != 0:
        print(json.dumps("only root can become another user"))
        return
    reading, writing = os.pipe()
    with tempfile.TemporaryDirectory() as public, _private_servers() as servers:
        os.chmod(public, 0o755)
        settings = seal.Settings(
            level=level,
            user=64000 + os.getpid() % _PROBE_USERS if os.getuid() == 0 else None,
            read_only=seal.python_paths(),
            public=public,
            memory_bytes=1 << 30,
            disk_bytes=1 << 20,
            processes=64,
            open_files=64,
        )
        seal.note_memory()
        here = os.getpid()
        kernel.adopt_orphans()
        work = ""
        try:
            seal.system_calls()  # loaded while we can still read everything, as the zygote does
            work = seal.outside(settings)
            child = os.fork()
            if child == 0:
                _try_inside(settings, work, here, writing, private, servers)
            os.close(writing)
            with os.fdopen(reading) as pipe:
                said = pipe.read()
            os.waitpid(child, 0)
        except OSError as error:
            said = json.dumps(str(error))
        finally:
            tidy.kill_descendants(settings)
            tidy.sweep(settings.user, work)
    print(said or json.dumps("the process in the sandbox ended before it could say anything"))


@contextmanager
def _private_servers() -> Iterator[list[str]]:
    """Sockets that only this user may reach, one for streams and one for datagrams: their paths."""
    kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        paths = [os.path.join(folder, str(int(kind))) for kind in kinds]
        for kind, path in zip(kinds, paths, strict=True):
            server = opened.enter_context(socket.socket(socket.AF_UNIX, kind))
            server.bind(path)
            if kind == socket.SOCK_STREAM:
                server.listen()
        yield paths


def _try_inside(
    settings: seal.Settings,
    work: str,
    outside_pid: int,
    pipe: int,
    private: Mapping[str, list[str]],
    servers: list[str],
) -> None:
    """Enter the sandbox and try what must fail there, and what must not. Never returns."""
    try:
        seal.inside(settings, work)
        problem = _holes(private, outside_pid, servers) or _lacks(settings)
    except OSError as error:
        problem = str(error)
    os.write(pipe, json.dumps(problem).encode())
    os._exit(0)


def _below(folder: str) -> Iterator[str]:
    """All that lies below a folder: a folder that cannot be listed may hold what can be read."""
    for place, folders, files in os.walk(folder):
        yield from (os.path.join(place, name) for name in (*files, *folders))


def _holes(private: Mapping[str, list[str]], outside_pid: int, servers: list[str]) -> str:
    """The first thing that should be impossible and is not."""
    for given, paths in private.items():
        for path in paths:
            with suppress(OSError):  # a folder is listed, and no pipe is waited for
                os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
                return f"student code could read {path} (chmod go-rwx {given} would end that)"
    try:
        socket.socket(socket.AF_INET).close()
        return "student code could open network sockets"
    except OSError:
        pass
    if any(map(_changes, servers)):
        return "student code could change the modes of the grader's own files"
    if any(map(_answers, servers)):
        return "student code could reach the grader's own local servers"
    try:
        os.kill(outside_pid, 0)
        return "student code could send signals to the grader"
    except OSError:
        return ""


def _answers(server: str) -> bool:
    """Whether a server can be reached, by a stream or a datagram."""
    with suppress(OSError), socket.socket(socket.AF_UNIX) as line:
        line.connect(server)
        return True
    with suppress(OSError):
        one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        with one, other:
            one.sendto(b"", server)
            return True
    return False


def _changes(path: str) -> bool:
    """Whether a file's mode can be changed."""
    with suppress(OSError):
        os.chmod(path, 0o600)
        return True
    return False


def _lacks(settings: seal.Settings) -> str:
    """The first thing that notebooks need and that is missing."""
    folders = [path for path in settings.read_only if not os.path.islink(path)]
    for path in (os.path.abspath(sys.executable), *folders):
        if os.access(path, os.R_OK | os.X_OK):
            continue
        if settings.level == "namespaces" and not os.path.exists(path):
            return f"the Python at {path} cannot be shown there: start it by its path without links"
        return (
            f"the Python at {path} is not readable for other users: install it below /usr or "
            "/opt, or open the folders above it (chmod o+x)"
        )
    return ""


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _probe_here()
