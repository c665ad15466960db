"""Limits hold for all processes of a submission together, whatever kind of memory they take."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import suppress

import pytest

from autograder.sandbox import watch
from autograder.sandbox.pool import Pool
from autograder.wire import Closed, WireError
from tests.test_sandbox import attempt, needs_shared_memory, run, soon

CHILDREN = """
import os, time
def in_children(count, work):
    for _ in range(count):
        if os.fork() == 0:
            try:
                kept = work()
            except (OSError, MemoryError):
                os._exit(1)
            time.sleep(120)
    for _ in range(count):
        if os.wait()[1]:
            raise OSError("the kernel refused")
"""
OVERRUNS = {
    # Too much by less than what the files of libraries take, which must not add to the limit.
    "memory": "in_children(4, lambda: bytearray(b'x') * (165 << 20))",
    "processes": "in_children(100, lambda: None)",
    "open files": "in_children(8, lambda: [open('/dev/null') for _ in range(80)])",
    "disk": (
        "def fill():\n"
        "    for number in range(64):\n"
        "        with open(f'{os.getpid()}-{number}', 'wb') as file: file.write(bytes(1 << 20))\n"
        "in_children(4, fill)"
    ),
    "disk, by a file that was deleted": (
        "def fill():\n"
        "    file = open(f'{os.getpid()}', 'wb', buffering=0); os.unlink(file.name)\n"
        "    for _ in range(3): file.write(bytes(1 << 20))\n"  # of a last one a part may be written
        "    return file\n"
        "in_children(4, fill)"
    ),
}


@pytest.mark.parametrize("what", OVERRUNS, ids=lambda what: what)
def test_what_all_processes_use_together_is_bounded(pool: Pool, what: str):
    """Each process keeps to its own limits here. The kernel refuses first where it can."""
    limit = what.partition(",")[0]
    with pool.child() as child:
        run(child, CHILDREN)
        token = child.start({"op": "cell", "source": OVERRUNS[what]}, soon())
        try:
            answer = child.finish(token, soon(60))
            assert answer["ok"] is False, "it ran to its end"
            refused = True
        except WireError:
            refused = False
        report = child.close()
    if not refused:
        assert report["over"] == limit, report
    assert not (refused and limit in ("memory", "open files")), "the kernel counts these by process"


def test_a_sandbox_that_is_told_things_all_the_time_is_watched_too(pool: Pool):
    """As a timing does, which stops it and lets it go on at each turn."""
    idle = "import time\ntime.sleep(60)"
    with pool.child() as child:
        run(child, CHILDREN)
        child.start({"op": "cell", "source": f"{OVERRUNS['memory']}\n{idle}"}, soon())
        until = soon(20)
        with suppress(Closed):
            while time.monotonic() < until:
                time.sleep(watch.INTERVAL / 10)
                child.account()
        assert child.close()["over"] == "memory", "the watch did not see what it uses"


def test_a_file_that_was_closed_meanwhile_hides_no_other_that_was_deleted(monkeypatch):
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda folder: ["99999", *listdir(folder)])
    with tempfile.TemporaryFile() as deleted:
        deleted.write(bytes(1 << 20))
        deleted.flush()
        status = os.fstat(deleted.fileno())
        found = dict(watch._deleted(os.getpid()))
    assert found.get((status.st_dev, status.st_ino), 0) >= 1 << 20


NAMES = {
    "a line of the kernel's own": b"\x0cVmPTE: -999999",
    "no text": b"caf\xe9",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_processs_name_hides_nothing_of_its_memory_and_ends_nothing(pool: Pool, name: bytes):
    named = f"import ctypes\nctypes.CDLL(None).prctl(15, {name!r}, 0, 0, 0)\n"
    with pool.child() as child:
        assert run(child, f"{CHILDREN}{named}")["ok"]
        idle = f"import time\ntime.sleep({3 * watch.INTERVAL})"
        assert run(child, idle)["ok"], "the watch ended a process for its name"
        token = child.start({"op": "cell", "source": OVERRUNS["memory"]}, soon())
        with pytest.raises(WireError):
            child.finish(token, soon(20))
        assert child.close()["over"] == "memory", "the watch did not see what it uses"


UNCOUNTED = {
    "memfd": "[__import__('os').memfd_create('x')]",
    "shared anonymous": "__import__('mmap').mmap(-1, 1 << 20)",
    "growing down": "__import__('mmap').mmap(-1, 1 << 20, 0x122)",
    "System V": "[][0] if __import__('ctypes').CDLL(None).shmget(0, 1 << 20, 0o600) < 0 else 0",
}


@pytest.mark.parametrize("expression", UNCOUNTED.values(), ids=UNCOUNTED.keys())
def test_memory_that_no_limit_counts_is_refused(pool: Pool, expression: str):
    with pool.child() as child:
        assert attempt(child, expression).startswith("raised")


def test_shared_memory_that_workers_need_is_there(pool: Pool):
    needs_shared_memory(pool)
    source = "import multiprocessing as m\na = m.Array('d', 1000)\na[3] = 2.0\nx = a[3]"
    with pool.child() as child:
        assert run(child, source)["ok"]


def test_page_tables_count_as_memory(pool: Pool):
    """Reading from a vast empty mapping takes no page, only tables that lead to none."""
    touch = """
import mmap
vast = mmap.mmap(-1, 1 << 40, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ)
for at in range(0, 1 << 40, 1 << 21):
    vast[at]
import time; time.sleep(60)
"""
    with pool.child() as child:
        token = child.start({"op": "cell", "source": touch}, soon())
        with pytest.raises(WireError):
            child.finish(token, time.monotonic() + 60)
        assert child.close()["over"] == "memory"


def test_an_idle_sandbox_is_far_below_its_limits(pool: Pool):
    with pool.child() as child:
        assert run(child, "import torch\ntorch.ones(3).sum()")["ok"]
        time.sleep(3 * watch.INTERVAL)
        assert run(child, "x = 1")["ok"], "the watch ended a sandbox that does nothing"
