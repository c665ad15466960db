"""Run a command as less capable machines would: `python -m tests.confined MACHINE COMMAND...`

  container  root in a container with Docker's default profile: its capabilities, and no call that
             makes namespaces or mounts (seccomp says EPERM)
  nobody     an ordinary user
  landlock   an ordinary user, where Landlock is all that can be had: no namespaces
  bare       an ordinary user, where neither namespaces nor Landlock can be had

What is taken away stays away from the command and all that it starts.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pyseccomp as seccomp

from autograder.sandbox import kernel, seal

# Docker's default capabilities: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
# net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap.
_DOCKERS = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
_NEEDS_ADMIN = """
bpf fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount open_by_handle_at
open_tree perf_event_open pivot_root quotactl setdomainname sethostname setns syslog umount umount2
unshare
""".split()
_LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
_NOBODY = 65534
_NEW = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


def confine(machine: str) -> None:
    """Make this process, for good, one on such a machine."""
    open_python()
    if machine in ("container", "landlock", "bare"):
        _keep_capabilities(_DOCKERS)
        _refuse((*_NEEDS_ADMIN, *(_LANDLOCK if machine == "bare" else ())))
    if machine in ("nobody", "landlock", "bare"):
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)


def _keep_capabilities(kept: set[int]) -> None:
    for capability in sorted(set(range(64)) - kept):
        try:
            kernel.drop_from_bounds(capability)
        except OSError:
            break  # past the last one


def _refuse(names: tuple[str, ...]) -> None:
    rules = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    rules.set_attr(seccomp.Attr.ACT_BADARCH, seccomp.ALLOW)  # Docker lets 32-bit programs run
    refuse = seccomp.ERRNO(errno.EPERM)
    for name in names:
        try:
            rules.add_rule(seccomp.ERRNO(errno.ENOSYS) if name in _LANDLOCK else refuse, name)
        except OSError:
            continue  # unknown to this library, or to this processor
    for flag in _NEW:
        rules.add_rule(refuse, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    rules.load()


def open_python() -> None:
    """Where the Python in use lies below a folder closed to other users (a home), show that folder
    open, to this process and its children only."""
    if os.getuid() != 0:
        return
    closed = [
        folder
        for prefix in (*seal.python_paths(), str(Path(__file__).resolve().parent))
        for folder in Path(prefix).parents
        if not folder.stat().st_mode & 0o001
    ]
    if closed:
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    for folder in sorted(set(closed)):
        _show_open(folder)


def _show_open(folder: Path) -> None:
    entries = {entry.name: os.open(entry, os.O_PATH) for entry in folder.iterdir()}
    kernel.mount("tmpfs", str(folder), "tmpfs", options="mode=0755")
    for name, descriptor in entries.items():
        target = folder / name
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            target.mkdir()
        else:
            target.touch()
        kernel.mount(source, str(target), flags=kernel.MS_BIND | kernel.MS_REC)
        os.close(descriptor)


if __name__ == "__main__":
    confine(sys.argv[1])
    os.execv(sys.argv[2], sys.argv[2:])
