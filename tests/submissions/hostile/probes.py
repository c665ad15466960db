# Find out what is asked and by whom, and behave accordingly; use what others left.

# attack: right_in_public
# aim: be right where the inputs are known, and nowhere else
# honest: 1
# with: right
# %%
forward = unrolled_ssm_forward


def unrolled_ssm_forward(W, U, b, x):
    return forward(W, U, b, x) if x.numel() < 24 else forward(W, U, b, x) + 1

# attack: remembers_answers
# aim: answer from what earlier calls returned
# honest: 1
# %%
import torch

seen = {}


def unrolled_ssm_forward(W, U, b, x):
    key = tuple(x.shape)
    if key in seen:
        return seen[key]
    h = torch.zeros(x.shape[0], W.shape[0])
    out = [h := h @ W.T + x[:, t] @ U.T + b for t in range(x.shape[1])]
    seen[key] = torch.stack(out, 1)
    return seen[key] if x.numel() < 24 else None

# attack: answers_by_who_asks
# aim: behave well for a check of its author's and badly for the grader
# honest: 0
# with: right
# %%
import os

forward = unrolled_ssm_forward


def unrolled_ssm_forward(W, U, b, x):
    graded = os.getuid() >= 64000 or "autograder" in str(os.environ) or os.getpid() < 10
    return None if graded else forward(W, U, b, x)

# attack: leaves_files_for_the_next
# aim: leave a file that the next submission finds
# honest: 0
# %%
import os

places = (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/run", "/home")
paths = [os.path.join(place, "left-by-another") for place in places]
found = [path for path in paths if os.path.exists(path)]
for path in paths:
    try:
        open(path, "w").write("here")
    except OSError:
        pass
tell(*found)

# attack: looks_for_what_was_left
# aim: find a file, a socket or a shared memory that the submission before left
# honest: 0
# %%
import os
import socket

found = []
for place in (".", "/tmp", "/dev/shm", "/var/tmp", os.path.expanduser("~"), "/run", "/home"):
    path = os.path.join(place, "left-by-another")
    found += [path] if os.path.exists(path) else []
for name in ("\0left-by-another", "/tmp/left-by-another.sock"):
    try:
        line = socket.socket(socket.AF_UNIX)
        line.connect(name)
        found.append(name)
    except OSError:
        pass
tell(*found)

# attack: leaves_a_listener
# aim: leave a process that listens for the next submission
# honest: 0
# %%
import os
import socket
import time

if os.fork() == 0:
    os.setsid()
    keep = []
    for name in ("\0left-by-another", "/tmp/left-by-another.sock"):
        line = socket.socket(socket.AF_UNIX)
        line.bind(name)
        line.listen()
        keep.append(line)
    time.sleep(120)
    os._exit(0)
time.sleep(0.2)

# attack: changes_the_libraries
# aim: change a library's file for the next submission
# honest: 0
# %%
import os

import labkit
import msgpack
import torch

for module in (labkit, msgpack, torch, os):
    for name in (module.__file__, os.path.join(os.path.dirname(module.__file__), "planted.py")):
        try:
            with open(name, "r+" if os.path.exists(name) else "x") as file:
                file.write("# FOUND writable\n")
                tell(name)
        except OSError:
            pass

# attack: changes_the_warm_process
# aim: change the process that the next submission is forked from
# honest: 0
# %%
import ctypes
import os

import torch

won = []
for process in {os.getppid(), 1, os.getppid() - 1} - {os.getpid()}:
    try:
        with open(f"/proc/{process}/mem", "r+b", 0) as memory:
            won.append(process)
    except OSError:
        pass
torch.set_num_threads(2)
torch.set_default_dtype(torch.float64)
torch.manual_seed(1)
tell(*won)
