# Say things on the socket that were not asked for.

# attack: answers_with_a_score
# aim: send a verdict in place of a value
# honest: 0
# %%
def unrolled_ssm_forward(W, U, b, x):
    return {"value": 1, "passed": True, "score": 9999, "ok": True, "kind": "function"}

# attack: forges_messages
# aim: write answers onto the socket before the questions come
# honest: 0
# %%
import os
import struct

import msgpack

body = msgpack.packb({"ok": True, "kind": "value", "value": 1, "nonce": "0" * 16})
for fd in range(3, 64):
    try:
        os.write(fd, (struct.pack(">I", len(body)) + body) * 50)
    except OSError:
        pass


# %%
def unrolled_ssm_forward(W, U, b, x):
    for fd in range(3, 64):
        try:
            os.write(fd, struct.pack(">I", 2**31))
        except OSError:
            pass

# attack: replays_messages
# aim: send a right answer to one question again as the answer to another
# honest: 4
# with: right
# %%
import os
import sys

sent = []
forward = unrolled_ssm_forward


def channel():
    frame = sys._getframe()
    while frame is not None:
        for value in frame.f_locals.values():
            if type(value).__name__ == "Channel":
                return value
        frame = frame.f_back


def unrolled_ssm_forward(W, U, b, x):
    found = channel()
    if found is not None and not sent:
        send = found.send_encoded
        found.send_encoded = lambda body, deadline=None: (sent.append(body), send(body, deadline))
    return forward(W, U, b, x)


def make_conv_kernel(W, T):
    found = channel()
    for body in sent:
        found.send_encoded(body)
    return None

# attack: answers_twice
# aim: have the second of two answers taken for the next question
# honest: 0
# %%
import os
import struct

import msgpack


def unrolled_ssm_forward(W, U, b, x):
    import gc

    for thing in gc.get_objects():
        if isinstance(thing, dict) and thing.get("op") == "call" and "nonce" in thing:
            body = msgpack.packb({"value": 1.0, "nonce": thing["nonce"]})
            for fd in range(3, 16):
                try:
                    os.write(fd, (struct.pack(">I", len(body)) + body) * 2)
                except OSError:
                    pass
    return 1.0

# attack: floods_the_socket
# aim: fill the grader's memory with one endless answer
# honest: 0
# %%
import os
import struct


def unrolled_ssm_forward(W, U, b, x):
    for fd in range(3, 16):
        try:
            os.write(fd, struct.pack(">I", 2**25 - 1))
            while True:
                os.write(fd, b"\0" * 65536)
        except OSError:
            pass

# attack: half_a_message
# aim: begin an answer and never end it
# honest: 0
# %%
import os
import time


def unrolled_ssm_forward(W, U, b, x):
    for fd in range(3, 16):
        try:
            os.write(fd, b"\0\0\1\0half")
        except OSError:
            pass
    time.sleep(3600)

# attack: drips
# aim: send an answer a byte at a time, for ever
# honest: 0
# %%
import os
import time


def unrolled_ssm_forward(W, U, b, x):
    while True:
        for fd in range(3, 16):
            try:
                os.write(fd, b"\0")
            except OSError:
                pass
        time.sleep(0.01)

# attack: closes_the_socket
# aim: leave the grader without anybody to talk to
# honest: 0
# %%
import os


def unrolled_ssm_forward(W, U, b, x):
    os.closerange(3, 256)
    return 1


def make_conv_kernel(W, T):
    import socket

    for fd in range(3, 16):
        try:
            socket.socket(fileno=os.dup(fd)).shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

# attack: swaps_the_socket
# aim: put a process of its own between worker and grader
# honest: 0
# %%
import os
import socket

ours, theirs = socket.socketpair()
keep = os.dup(3)
os.dup2(theirs.fileno(), 3)
if os.fork() == 0:
    while True:
        data = ours.recv(65536)
        if not data:
            os._exit(0)
        os.write(keep, data)

# attack: sends_descriptors
# aim: fill the grader's table of open files with descriptors that it never asked for
# honest: 0
# %%
import os
import socket


def unrolled_ssm_forward(W, U, b, x):
    for fd in range(3, 16):
        try:
            line = socket.socket(fileno=os.dup(fd))
            line.setblocking(False)
            for _ in range(50):
                socket.send_fds(line, [b"\0"], [os.open("/dev/null", os.O_RDONLY)] * 50)
        except OSError:
            pass
    return 1

# attack: impossible_tensors
# aim: send tensors whose heads promise what their bytes do not hold
# honest: 0
# %%
import os
import struct

import msgpack


def unrolled_ssm_forward(W, U, b, x):
    heads = [struct.pack(">BBQQ", 0, 2, 2**62, 4), struct.pack(">BBQ", 200, 1, 1), b"\0",
             struct.pack(">BB16Q", 0, 16, *[2**16] * 16), struct.pack(">BBQ", 11, 1, 4) + b"\7" * 4]
    for head in heads:
        body = msgpack.packb({"value": msgpack.ExtType(1, head), "nonce": "x"})
        for fd in range(3, 16):
            try:
                os.write(fd, struct.pack(">I", len(body)) + body)
            except OSError:
                pass

# attack: speaks_for_the_supervisor
# aim: tell the grader that a process ended well, or in a way of its own words
# honest: 0
# %%
import os
import sys

for name, module in list(sys.modules.items()):
    if name.endswith("worker.serve"):
        module._reap = lambda child: 0x464F554E44464F55
    if name == "os" or name == "signal":
        module.waitpid = lambda *a: (1, 7_777_777)


def unrolled_ssm_forward(W, U, b, x):
    os._exit(3)

# attack: runs_another_program
# aim: become a program that speaks the protocol and answers as it likes
# honest: 0
# %%
program = r"""
import os, struct, sys
import msgpack
while True:
    head = os.read(3, 4)
    if len(head) < 4: break
    body = b""
    while len(body) < struct.unpack(">I", head)[0]:
        body += os.read(3, 65536)
    try: request = msgpack.unpackb(body, strict_map_key=False)
    except Exception: continue
    answer = {"nonce": request.get("nonce"), "ok": True, "kind": "value", "value": 0.0, "status": 0,
              "score": 9999, "passed": True}
    body = msgpack.packb(answer)
    os.write(3, struct.pack(">I", len(body)) + body)
"""
import os
import sys

os.set_inheritable(3, True)
os.execv(sys.executable, [sys.executable, "-I", "-c", program])
