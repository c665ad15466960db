"""Forks that touch memory ahead, and cheap ones."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

from autograder.sandbox import kernel, pages

ROOT = Path(__file__).parents[1]
WORK = """
import json, os, resource
from autograder.sandbox import kernel, pages

table = [[i] for i in range(200_000)]

def work():
    for row in table:
        row.append(1)

def faults(before):
    ours, theirs = os.pipe()
    if kernel.fork() == 0:
        before()
        start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        work()
        more = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start
        os.write(theirs, str(more).encode())
        os._exit(0)
    os.wait()
    return int(os.read(ours, 100))

learnt = pages.learn(work)
print(json.dumps([faults(lambda: None), faults(lambda: pages.touch(learnt))]))
"""


def run(program: str, *args: str) -> str:
    """What a process of its own prints: this one has more in its memory than it knows."""
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def test_what_was_touched_ahead_is_not_touched_for_the_first_time_again():
    plain, ahead = json.loads(run(WORK))
    assert plain > 1000
    assert ahead < plain / 2, f"{ahead} page faults with the pages touched ahead, {plain} without"


def test_work_that_fails_teaches_nothing_and_breaks_nothing():
    assert pages.learn(lambda: 1 / 0) == pages.Pages()


def test_pages_that_are_gone_are_passed_over():
    pages.touch(pages.Pages(written=[(0x1000, 4096)], read=[(0x2000, 4096)]))


def test_a_cheap_fork_is_a_fork_and_leaves_threads_to_python():
    parent = os.getpid()
    for threads in (0, 1):
        stop = threading.Event()
        running = [threading.Thread(target=stop.wait) for _ in range(threads)]
        for thread in running:
            thread.start()
        child = kernel.fork()
        if child == 0:
            known = threading.active_count() if threads else 1  # Python has to learn of the loss
            os._exit(10 if known == 1 and os.getppid() == parent else 11)
        stop.set()
        for thread in running:
            thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 10


WARM = """
import json, sys

sys.path.insert(0, sys.argv[1])
from autograder.sandbox import zygote
from autograder.worker import rehearsal

shell = zygote.warm()
left = [name for name in shell.user_ns if name[0] != "_" and name not in shell.user_ns_hidden]
touched = zygote.learn(shell)
print(json.dumps([
    rehearsal.cells(shell),
    [len(pages.written) for pages in (touched.by_cells, touched.by_calls)],
    left,
]))
rehearsal.calls()
"""


def test_the_warm_process_learns_from_a_rehearsal_that_comes_through():
    ended, learnt, left = json.loads(run(WARM, str(ROOT / "notebooks")).splitlines()[-1])
    assert all(cell == {"ok": True} for cell in ended), ended
    assert min(learnt) > 50, "spans of memory that cells, and calls, write to"
    assert left == [], "names that the rehearsals left to all notebooks"
