"""The walls of a sandbox, level by level: what a process does to itself before student code runs.

A level is a list of layers. `outside` runs in the supervisor (it makes namespaces and the work
folder), `inside` in the process that will run the student's code, from which there is no way back.

  namespaces  own users, processes, network, mounts, IPC and host name; a read-only root that holds
              Python and the libraries and nothing else; no capabilities; seccomp; limits
  landlock    Landlock: files by path, signals and sockets; no folder that is anybody else's;
              seccomp; limits; as root another user, else more that seccomp refuses
  uid         another user, who can read only what everyone can; seccomp; limits
  none        limits only: for code that is trusted anyway
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from autograder.sandbox import kernel

Level = Literal["namespaces", "landlock", "uid", "none"]
LEVELS: tuple[Level, ...] = ("namespaces", "landlock", "uid", "none")  # strongest first
HOME = "/home/student"  # where a notebook runs, at level `namespaces`

# What of /etc a process needs; no users but its own, no names of hosts, no keys.
_ETC = ("ld.so.cache", "alternatives", "fonts", "localtime", "mime.types", "nsswitch.conf")
_PROC = ("cpuinfo", "filesystems", "meminfo", "stat", "version")  # command lines may hold secrets
_PROC_OF_DRIVERS = ("devices", "driver", "modules", "sys/vm/mmap_min_addr")
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
_DEVICES = ("null", "zero", "full", "random", "urandom")
_MOST_LINKS = 40  # that the kernel follows on one way


@dataclass(frozen=True)
class Settings:
    """What one sandbox is made of. Paths must hold nothing a student may not read.

    user       the uid (and gid) to become; None keeps the present one (where we are not root)
    read_only  folders that code needs: the Python in use and its libraries
    public     a folder whose entries appear in the work folder: labkit, data
    """

    level: Level
    user: int | None
    read_only: tuple[str, ...]
    public: str
    memory_bytes: int
    disk_bytes: int
    processes: int
    open_files: int
    devices: tuple[str, ...] = field(default=())


def python_paths() -> tuple[str, ...]:
    """The folders of the Python that runs this, outside the system's own, and the links by which it
    is found, where they lie outside of these."""
    ways = (sys.executable, sys.prefix, sys.base_prefix)
    prefixes = {os.path.realpath(path) for path in ways[1:]}
    links = dict.fromkeys(link for way in ways for link in _links(way))
    return (
        *sorted(path for path in prefixes if not _below(path, ["/usr"])),
        *(link for link in links if not _below(link, [*_SYSTEM, *prefixes])),
    )


def _links(path: str) -> Iterator[str]:
    """Every link on the way to a file or folder, its folders' too, by where it really lies."""
    at, left, followed = "/", os.path.abspath(path).split("/"), 0
    while left and followed < _MOST_LINKS:
        step = left.pop(0)
        there = os.path.dirname(at) if step == ".." else os.path.join(at, step)
        if os.path.islink(there):
            yield there
            followed += 1
            target = os.readlink(there)
            at, left = "/" if target.startswith("/") else at, [*target.split("/"), *left]
        elif step not in ("", "."):
            at = there


def _below(path: str, folders: list[str]) -> bool:
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def outside(settings: Settings) -> str:
    """In the supervisor: new namespaces for its next child, or a private work folder. Returns the
    work folder's path ("" at level `namespaces`, where it exists only inside)."""
    if settings.level == "namespaces":
        uid, gid = os.getuid(), os.getgid()
        flags = kernel.CLONE_NEWPID | kernel.CLONE_NEWNET
        flags |= kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
        if settings.user is None:
            kernel.unshare(flags | kernel.CLONE_NEWUSER)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
        else:
            kernel.unshare(flags)
        return ""
    work = tempfile.mkdtemp(prefix="student-")
    try:
        os.mkdir(os.path.join(work, "tmp"))
        for entry in os.listdir(settings.public):
            os.symlink(os.path.join(settings.public, entry), os.path.join(work, entry))
        if settings.user is not None:
            for path in (work, os.path.join(work, "tmp")):
                os.chown(path, settings.user, settings.user)
    except BaseException:
        shutil.rmtree(work)
        raise
    return work


def inside(settings: Settings, work: str) -> None:
    """In the process that will run student code: enter the sandbox. Raises OSError where a layer
    of the level cannot be had; nothing of the student's has run by then."""
    os.umask(0o022)
    with suppress(OSError):  # where memory runs out, this is what the kernel ends first
        Path("/proc/self/oom_score_adj").write_text("1000")
    if settings.level == "namespaces":
        _own_root(settings)
        work, temporary = HOME, "/tmp"
    else:
        temporary = os.path.join(work, "tmp")
    os.chdir(work)
    os.environ.update(HOME=work, TMPDIR=temporary, PWD=work, USER="student", LOGNAME="student")
    tempfile.tempdir = None
    _set_limits(settings)
    if settings.level == "none":
        return
    kernel.bound_capabilities()
    if settings.user is not None:
        os.setgroups([])
        os.setresgid(settings.user, settings.user, settings.user)
        os.setresuid(settings.user, settings.user, settings.user)
        kernel.readable_by_its_user()  # for the watch
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    if settings.level == "landlock":
        devices = [*(f"/dev/{name}" for name in _DEVICES), *settings.devices]
        etc = [f"/etc/{name}" for name in _ETC]
        own = f"/proc/{os.getpid()}"
        proc = [*(f"/proc/{name}" for name in _PROC), own]
        if settings.devices:
            proc += [f"/proc/{name}" for name in _PROC_OF_DRIVERS]
            devices.append(f"{own}/task")  # CUDA's driver writes its threads' names there
        folders = [path for path in settings.read_only if not os.path.islink(path)]
        kernel.landlock(  # not /dev/shm: what lies there is everybody's
            [*_SYSTEM, *etc, *proc, *folders, settings.public], [work, *devices]
        )
    among_its_own = settings.level == "landlock" and settings.user is None
    system_calls(among_its_own, bool(settings.devices)).load()


def _own_root(settings: Settings) -> None:
    """Build a root of read-only binds and private tmpfs, and make it the only one there is."""
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    root = "/sys"  # a folder that is always there and holds nothing we bind; only we see the mount
    hidden = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", root, "tmpfs", hidden, "size=16m,mode=0755")
    owner = os.getuid() if settings.user is None else settings.user
    _own_disk(root, owner, settings)  # first: a Python may well lie below /tmp or a home
    for source in (*_SYSTEM, *settings.read_only, *(f"/etc/{name}" for name in _ETC)):
        if os.path.islink(source):
            with suppress(FileExistsError):  # a link in place of a folder that is here our own
                os.symlink(os.readlink(source), _inside(root, source))
        elif os.path.exists(source):
            kernel.bind_read_only(source, _like(source, _inside(root, source)))
    for device in (*(f"/dev/{name}" for name in _DEVICES), *settings.devices):
        target = _like(device, _inside(root, device))
        kernel.mount(device, target, flags=kernel.MS_BIND)
    for entry in sorted(os.listdir(settings.public)):
        source = os.path.join(settings.public, entry)
        kernel.bind_read_only(source, _like(source, _inside(root, f"{HOME}/{entry}")))
    Path(root, "etc/passwd").write_text(f"student:x:{owner}:{owner}::{HOME}:/bin/sh\n")
    Path(root, "etc/group").write_text(f"student:x:{owner}:\n")
    proc = _inside(root, "/proc")
    os.makedirs(proc)
    try:
        kernel.mount("proc", proc, "proc", hidden | kernel.MS_NOEXEC)
        os.symlink("/proc/self/fd", _inside(root, "/dev/fd"))
    except PermissionError:
        pass  # a container that masks parts of /proc refuses a fresh one: then there is none
    kernel.enter_root(root)
    kernel.mount("none", "/", flags=kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY | hidden)


def _own_disk(root: str, owner: int, settings: Settings) -> None:
    """All that can be written to, on one file system of limited size."""
    disk = f"{root}/disk"
    os.mkdir(disk)
    options = f"size={settings.disk_bytes},nr_inodes=10000,mode=0700"
    kernel.mount("tmpfs", disk, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    for path, mode in ((HOME, 0o700), ("/tmp", 0o1777), ("/dev/shm", 0o1777)):
        folder, target = os.path.join(disk, path[1:].replace("/", "-")), _inside(root, path)
        os.mkdir(folder)
        os.chown(folder, owner, owner if settings.user is not None else -1)
        os.chmod(folder, mode)
        os.makedirs(target, exist_ok=True)
        kernel.mount(folder, target, flags=kernel.MS_BIND)


def _inside(root: str, path: str) -> str:
    target = root + path
    os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
    return target


def _like(source: str, target: str) -> str:
    """An empty folder or file at `target`, as `source` is, to mount on."""
    if os.path.isdir(source):
        os.makedirs(target, mode=0o755, exist_ok=True)
    else:
        Path(target).touch()
    return target


def _set_limits(settings: Settings) -> None:
    """Memory as RLIMIT_DATA, on top of what the warm process holds already (a limit on address
    space would break CUDA). One file may take half of the disk: a write that goes too far is then
    an error in its cell, before `watch` ends a sandbox whose files are too much together. Processes
    are counted by user, so only where the user is its own."""
    limits = {
        resource.RLIMIT_DATA: settings.memory_bytes + _data_bytes,
        resource.RLIMIT_FSIZE: settings.disk_bytes // 2,
        resource.RLIMIT_NOFILE: settings.open_files,
        resource.RLIMIT_CORE: 0,
    }
    if settings.user is not None or settings.level == "namespaces":
        limits[resource.RLIMIT_NPROC] = settings.processes
    for kind, value in limits.items():
        _, hard = resource.getrlimit(kind)
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (limit, limit))


# System calls a notebook has no use for and an attack has. EPERM, as an unprivileged user expects.
_DENIED = """
acct add_key bpf chroot clock_adjtime clock_settime create_module delete_module fanotify_init
finit_module fsconfig fsmount fsopen fspick init_module inotify_add_watch inotify_init inotify_init1
io_uring_enter io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl
lookup_dcookie memfd_create
memfd_secret modify_ldt mount mount_setattr move_mount mq_open msgget name_to_handle_at nfsservctl
open_by_handle_at open_tree perf_event_open personality pidfd_getfd pivot_root process_madvise
process_vm_readv process_vm_writev ptrace quotactl quotactl_fd reboot request_key semget
setdomainname sethostname setns settimeofday shmget swapoff swapon sysfs syslog timer_create umount2
unshare userfaultfd vhangup vm86 vm86old
""".split()
_NAMESPACE_FLAGS = (
    kernel.CLONE_NEWNS,
    kernel.CLONE_NEWUTS,
    kernel.CLONE_NEWIPC,
    kernel.CLONE_NEWUSER,
    kernel.CLONE_NEWPID,
    kernel.CLONE_NEWNET,
    0x02000000,  # CLONE_NEWCGROUP
)
# And where it runs as the grader's own user: what reaches that user's other files, processes and
# servers by a way that Landlock does not see.
_DENIED_AMONG_ITS_OWN = """
chmod chown fchmod fchmodat fchown fchownat fremovexattr fsetxattr futimesat ioprio_set lchown
lremovexattr lsetxattr removexattr sched_setattr sched_setparam sched_setscheduler setpriority
setxattr socket utime utimensat utimes
""".split()
# fchmodat2 setxattrat removexattrat file_setattr: the same on every processor, and younger than
# many a libseccomp, which then knows no names for them.
_DENIED_BY_NUMBER = (452, 463, 466, 469)
# Commands of fcntl by which sandboxes could talk: what they set belongs to a file, and all read the
# same ones. Locks are granted and hold nothing, so that programs that want one go on.
_LOCKING = (6, 7, 37, 38)  # F_SETLK F_SETLKW F_OFD_SETLK F_OFD_SETLKW
_TELLING = (5, 36, *range(1024, 1027), *range(1035, 1039))  # F_GETLK, leases, F_NOTIFY, hints
_F_SETSIG = 10  # with it, as with timer_create, what is stopped could have SIGCONT sent to itself
_LOW_HALF = 0xFFFFFFFF  # of an argument: all that the kernel reads of a command
_AF_UNIX = 1
_NOT_STREAM = (2, 4, 8)  # the bits that tell a socket's other types from SOCK_STREAM, which is 1
# mmap's flags for memory that RLIMIT_DATA does not count.
_GROWSDOWN, _SHARED_ANONYMOUS = 0x100, 0x01 | 0x20


def note_memory() -> None:
    """Remember how much this (warm) process holds, which a child's limits come on top of."""
    global _data_bytes, _resident_bytes  # noqa: PLW0603  set once, before the first fork
    status = Path("/proc/self/status").read_text()
    _data_bytes = int(status.split("VmData:")[1].split()[0]) * 1024
    kind = "RssAnon:" if "RssAnon:" in status else "VmRSS:"  # not every kernel tells them apart
    _resident_bytes = int(status.split(kind)[1].split()[0]) * 1024


_data_bytes = _resident_bytes = 0


def resident_at_start() -> int:
    """Bytes that a sandbox has in memory before it does anything, but for what files hold: the warm
    process's own."""
    return _resident_bytes


def system_calls(among_its_own: bool = False, gpu: bool = False) -> Any:
    """The seccomp filter: allow what notebooks do, refuse `_DENIED`, new namespaces, every socket
    but the local kind (DataLoader needs that one), and memory that no limit counts; grant locks of
    files in name only. Raises OSError without libseccomp.

    among_its_own  the sandbox runs as the grader's own user, who sees the grader's files: no
                   sockets but pairs (of a kind that reaches nothing else), and nothing is done to
                   files by their names, or to other processes
    gpu            the sandbox has one: CUDA shares memory with its driver, so that kind is allowed,
                   and `watch` alone counts it
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError) as error:
        raise OSError(errno.ENOSYS, f"libseccomp is missing ({error})") from None
    refuse = seccomp.ERRNO(errno.EPERM)
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    more = (*_DENIED_AMONG_ITS_OWN, *_DENIED_BY_NUMBER) if among_its_own else ()
    for name in (*_DENIED, *more):
        try:
            rules.add_rule(refuse, name)
        except OSError:
            continue  # a call this processor or this library does not know cannot be made
    for flag in _NAMESPACE_FLAGS:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    # The flags of clone3 are out of a filter's reach; without it libc falls back on clone.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    for name in ("socketpair",) if among_its_own else ("socket", "socketpair"):
        rules.add_rule(refuse, name, seccomp.Arg(0, seccomp.NE, _AF_UNIX))
    if among_its_own:
        for bit in _NOT_STREAM:
            rules.add_rule(refuse, "socketpair", seccomp.Arg(1, seccomp.MASKED_EQ, bit, bit))
        rules.add_rule(refuse, "prlimit64", seccomp.Arg(0, seccomp.NE, 0))
    in_name_only = seccomp.ERRNO(0)
    rules.add_rule(in_name_only, "flock")
    for action, commands in ((in_name_only, _LOCKING), (refuse, (*_TELLING, _F_SETSIG))):
        for command in commands:
            rules.add_rule(action, "fcntl", seccomp.Arg(1, seccomp.MASKED_EQ, _LOW_HALF, command))
    for flags in (_GROWSDOWN,) if gpu else (_GROWSDOWN, _SHARED_ANONYMOUS):
        rules.add_rule(refuse, "mmap", seccomp.Arg(3, seccomp.MASKED_EQ, flags, flags))
    return rules
