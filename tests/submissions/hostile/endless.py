# Take for ever.

# attack: endless_cell
# aim: never come to the end of a cell
# honest: 4
# with: right
# %%
while True:
    pass

# attack: endless_call
# aim: never come to the end of a call
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    while True:
        pass

# attack: endless_import
# aim: never come to the end of an import
# honest: 0
# %%
open("endless.py", "w").write("while True: pass")


# %%
def unrolled_ssm_forward(W, U, b, x):
    import endless

# attack: endless_everywhere
# aim: loops in destructors, exit handlers and signal handlers
# honest: 0
# %%
import atexit
import signal


def for_ever(*args):
    while True:
        pass


atexit.register(for_ever)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGCHLD):
    signal.signal(number, for_ever)


class Endless:
    def __del__(self):
        for_ever()

    def __repr__(self):
        return for_ever()


keep = Endless()


# %%
def unrolled_ssm_forward(W, U, b, x):
    raise ValueError(Endless())

# attack: endless_in_c
# aim: stay in C code, where an interrupt is not looked at
# honest: 0
# %%
import re


def unrolled_ssm_forward(W, U, b, x):
    return re.match(r"(a+)+$", "a" * 64 + "b")

# attack: holds_the_interpreter
# aim: sleep with the interpreter's lock held
# honest: 0
# %%
import ctypes


def unrolled_ssm_forward(W, U, b, x):
    ctypes.PyDLL(None).sleep(3600)

# attack: waits_in_vfork
# aim: stand still in a state that signals do not end
# honest: 0
# %%
import ctypes
import os


def unrolled_ssm_forward(W, U, b, x):
    if ctypes.CDLL(None).vfork() == 0:
        ctypes.CDLL(None).sleep(3600)
        os._exit(0)

# attack: ignores_interrupts
# aim: go on when it is told to stop
# honest: 4
# with: right
# %%
import signal

signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    try:
        while True:
            pass
    except BaseException:
        pass

# attack: waits_for_input
# aim: ask a question that nobody answers
# honest: 4
# with: right
# %%
input("your name? ")

# attack: threads_that_never_end
# aim: keep the processor busy while others are timed
# honest: 4
# with: right
# %%
import threading


def spin():
    while True:
        pass


for _ in range(4):
    threading.Thread(target=spin).start()

# attack: slow_operations
# aim: start one operation that takes for ever
# honest: 0
# %%
import torch


def unrolled_ssm_forward(W, U, b, x):
    return torch.linalg.svd(torch.rand(4000, 4000))

# attack: endless_recursion
# aim: run out of stack, in Python and below it
# honest: 0
# %%
import sys

sys.setrecursionlimit(1 << 30)


def unrolled_ssm_forward(W, U, b, x):
    return unrolled_ssm_forward(W, U, b, x)
