"""The Linux calls that Python's standard library lacks, as thin functions that raise OSError.

Nothing here decides anything: `seal.py` says which of these make a sandbox.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
MNT_DETACH = 2

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}.get(platform.machine(), -1)
_SYS_MOUNT_SETATTR, _SYS_LANDLOCK_CREATE, _SYS_LANDLOCK_ADD, _SYS_LANDLOCK_SELF = 442, 444, 445, 446
_AT_RECURSIVE, _AT_FDCWD = 0x8000, -100
_LAST_CAPABILITY = 63  # the kernel refuses numbers it does not know, and has fewer than this

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags: int) -> None:
    """Give this process new namespaces (for CLONE_NEWPID: its next children)."""
    _check(_libc.unshare(ctypes.c_int(flags)), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    _check(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        f"mount {target}",
    )


def bind_read_only(source: str, target: str) -> None:
    """Show `source` and all mounted below it at `target`, read-only, without setuid or devices."""
    mount(source, target, flags=MS_BIND | MS_REC)
    attributes = struct.pack("QQQQ", MS_RDONLY | MS_NOSUID | MS_NODEV, 0, 0, 0)
    _check(
        _libc.syscall(
            ctypes.c_long(_SYS_MOUNT_SETATTR),
            ctypes.c_int(_AT_FDCWD),
            target.encode(),
            ctypes.c_uint(_AT_RECURSIVE),
            attributes,
            ctypes.c_size_t(len(attributes)),
        ),
        f"make {target} read-only",
    )


def enter_root(new_root: str) -> None:
    """Make `new_root` (a mount) the root of the file system and let go of the old one."""
    os.chdir(new_root)
    _check(_libc.syscall(ctypes.c_long(_SYS_PIVOT_ROOT), b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", ctypes.c_int(MNT_DETACH)), "umount")
    os.chdir("/")


def _prctl(option: int, argument: int, what: str) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(argument), zero, zero, zero), what)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, signal_number, "prctl(PDEATHSIG)")


_with_gil = ctypes.PyDLL(None, use_errno=True)  # its calls keep Python's lock


def fork() -> int:
    """As os.fork, which also runs what modules ask for after a fork: all of it is about threads,
    and it reads and writes a thousand objects, each on a page that the child then has to copy. So
    only where there are threads."""
    return os.fork() if len(sys._current_frames()) > 1 else _check(_with_gil.fork(), "fork")


MADV_POPULATE_READ, MADV_POPULATE_WRITE, _MADV_COLLAPSE = 22, 23, 25


def advise(start: int, size: int, advice: int) -> None:
    """madvise(2)."""
    address = ctypes.c_void_p(start)
    _check(_with_gil.madvise(address, ctypes.c_size_t(size), ctypes.c_int(advice)), "madvise")


_LARGE = 2 << 20


def use_large_pages() -> int:
    """Move this process's data into large pages where the kernel can (Linux 6.1), and say how many
    it took. A fork has that many fewer pages to note down; what it writes to is still copied in
    small ones."""
    taken = 0
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        areas = [line.split() for line in maps]
    for span, rights, _, _, inode, *name in areas:
        if not rights.startswith("rw") or inode != "0" or name == ["[stack]"]:
            continue
        low, high = (int(end, 16) for end in span.split("-"))
        for start in range(-(-low // _LARGE) * _LARGE, high // _LARGE * _LARGE, _LARGE):
            address = ctypes.c_void_p(start)
            taken += not _libc.madvise(address, ctypes.c_size_t(_LARGE), _MADV_COLLAPSE)
    return taken


_ENOUGH_IN_A_ROW, _MOST_OF_A_SIZE = 4, 4 << 20
_SIZES = (*(1 << n for n in range(16, 10, -1)), *range(1 << 10, 16, -16))


def use_up_free_memory() -> None:
    """Take the pieces of memory that malloc has lying about, so that forks of this process get
    theirs from its end, all in a row, and touch few pages for it. Some megabytes are lost."""
    malloc = _with_gil.malloc
    malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    for size in _SIZES:
        last, in_a_row = 0, 0
        for _ in range(_MOST_OF_A_SIZE // size):
            piece = malloc(size) or 0
            in_a_row = in_a_row + 1 if 0 < piece - last <= size + 32 else 0
            last = piece
            if in_a_row == _ENOUGH_IN_A_ROW:
                break


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1, "prctl(CHILD_SUBREAPER)")


def readable_by_its_user() -> None:
    """Let processes of the same user read this one's /proc again, after it changed its user."""
    _prctl(_PR_SET_DUMPABLE, 1, "prctl(DUMPABLE)")


@contextmanager
def files_as(user: int | None) -> Iterator[None]:
    """Open files as this user; root without CAP_SYS_PTRACE (in a container) cannot look into
    another user's /proc otherwise. Nobody can send this process signals for it."""
    if user is None:
        yield
        return
    try:
        _libc.setfsgid(ctypes.c_uint(user))
        _libc.setfsuid(ctypes.c_uint(user))
        yield
    finally:
        _libc.setfsuid(ctypes.c_uint(os.geteuid()))
        _libc.setfsgid(ctypes.c_uint(os.getegid()))


def no_new_privileges() -> None:
    """From now on no exec gains anything (setuid files, file capabilities)."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, "prctl(NO_NEW_PRIVS)")


def bound_capabilities() -> None:
    """See that no exec can ever bring a capability back (as far as we are allowed to)."""
    for capability in range(_LAST_CAPABILITY + 1):
        try:
            drop_from_bounds(capability)
        except OSError:
            break  # past the last one, or not ours to drop


def drop_from_bounds(capability: int) -> None:
    """See that no exec can ever bring this capability back."""
    _prctl(_PR_CAPBSET_DROP, capability, "prctl(CAPBSET_DROP)")


def drop_capabilities() -> None:
    """Give up every capability held now."""
    header = struct.pack("Ii", 0x20080522, 0)
    _check(_libc.capset(header, b"\0" * 24), "capset")


# Landlock: file rights by path, without any privilege. Bits of access from linux/landlock.h.
_FS_EXECUTE, _FS_WRITE, _FS_READ_FILE, _FS_READ_DIR = 1, 2, 4, 8
_FS_BITS = {1: 13, 2: 14, 3: 15, 4: 15}  # rights known to each version; 16 from version 5 on
READ = _FS_EXECUTE | _FS_READ_FILE | _FS_READ_DIR
_FILE_RIGHTS = _FS_EXECUTE | _FS_WRITE | _FS_READ_FILE | 1 << 14 | 1 << 15


def landlock_version() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    return max(0, int(_libc.syscall(ctypes.c_long(_SYS_LANDLOCK_CREATE), None, 0, 1)))


def landlock(read_only: list[str], read_write: list[str]) -> None:
    """Allow this process and its children these paths and no others; no TCP; signals and abstract
    sockets only among themselves, where the kernel knows how. Needs `no_new_privileges`."""
    version = landlock_version()
    if version == 0:
        raise OSError("this kernel has no Landlock")
    everything = (1 << _FS_BITS.get(version, 16)) - 1
    network = 3 if version >= 4 else 0
    scoped = 3 if version >= 6 else 0
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("QQQ", everything, network, scoped)[:size]
    ruleset = _check(
        _libc.syscall(
            ctypes.c_long(_SYS_LANDLOCK_CREATE), attributes, ctypes.c_size_t(size), ctypes.c_uint(0)
        ),
        "landlock_create_ruleset",
    )
    try:
        for paths, rights in ((read_only, READ), (read_write, everything)):
            for path in paths:
                _landlock_allow(ruleset, path, rights & everything)
        _check(
            _libc.syscall(ctypes.c_long(_SYS_LANDLOCK_SELF), ctypes.c_int(ruleset), 0),
            "landlock_restrict_self",
        )
    finally:
        os.close(ruleset)


def _landlock_allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return  # what is not there, or not ours to see, needs no permission
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        rule = struct.pack("=Qi", rights, descriptor)
        _check(
            _libc.syscall(
                ctypes.c_long(_SYS_LANDLOCK_ADD), ctypes.c_int(ruleset), 1, rule, ctypes.c_uint(0)
            ),
            f"landlock_add_rule {path}",
        )
    finally:
        os.close(descriptor)
