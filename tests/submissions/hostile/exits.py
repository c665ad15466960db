# End, or stop, the process that is to be graded, and every other.

# attack: exits_in_a_cell
# aim: lose the rest of the notebook
# honest: 4
# with: right
# %%
import os

os._exit(0)

# attack: exits_in_a_call
# aim: lose every other question
# honest: 0
# %%
import os


def unrolled_ssm_forward(W, U, b, x):
    os._exit(0)

# attack: exits_again_and_again
# aim: have the notebook run again without end
# honest: 4
# with: right
# %%
import os

os._exit(1)

# %%
os.abort() if "os" in globals() else __import__("os")._exit(3)

# %%
__import__("os").kill(__import__("os").getpid(), 11)

# %%
__import__("os")._exit(4)

# %%
__import__("os")._exit(5)

# attack: raises_to_the_top
# aim: end the worker's loop with an exception that it does not expect
# honest: 0
# %%
class Top(BaseException):
    def __str__(self):
        raise Top

    __repr__ = __str__


def unrolled_ssm_forward(W, U, b, x):
    raise Top


def make_conv_kernel(W, T):
    raise GeneratorExit


def conv_ssm_forward(W, U, b, x):
    raise SystemExit(object())

# attack: crashes
# aim: end the process from below Python
# honest: 0
# %%
import ctypes


def unrolled_ssm_forward(W, U, b, x):
    ctypes.string_at(0)


def make_conv_kernel(W, T):
    ctypes.CDLL(None).abort()

# attack: kills_everything
# aim: end the grader
# honest: 0
# unprotected: no
# %%
import os
import signal


def unrolled_ssm_forward(W, U, b, x):
    for pid in (os.getppid(), -1, 0):
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass

# attack: kills_its_group
# aim: end everything that was started with it
# honest: 0
# unprotected: no
# %%
import os
import signal

os.killpg(0, signal.SIGKILL)

# attack: kills_by_number
# aim: end processes of others, one by one
# honest: 0
# unprotected: no
# %%
import os
import signal

won = []
for pid in range(1, 3000):
    if pid not in (os.getpid(), os.getppid()):
        try:
            os.kill(pid, 0)
            won.append(pid)
        except OSError:
            pass
if len(won) > 2:
    tell(*won)

# attack: stops_itself
# aim: hold the grader up by standing still
# honest: 0
# unprotected: no
# %%
import os
import signal


def unrolled_ssm_forward(W, U, b, x):
    os.kill(os.getppid(), signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGSTOP)
    signal.pause()

# attack: stops_the_notebook
# aim: stop the process that forks for each question
# honest: 0
# unprotected: no
# %%
import os
import signal


def unrolled_ssm_forward(W, U, b, x):
    os.kill(os.getppid(), signal.SIGSTOP)
    return None


# attack: limits_itself
# aim: lower its own limits until nothing works any more
# honest: 0
# %%
import resource

for name in ("NOFILE", "FSIZE", "NPROC", "DATA", "STACK", "AS", "CPU"):
    try:
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (1, 1))
    except (OSError, ValueError):
        pass

# attack: no_parent_to_die_with
# aim: go on when the grader has ended
# honest: 0
# %%
import ctypes
import os
import time

ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    time.sleep(120)
    os._exit(0)
