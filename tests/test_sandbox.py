"""What student code can and cannot do in a sandbox, tried at every level this machine can run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autograder.forks import Forks
from autograder.sandbox import processors, seal
from autograder.sandbox.child import Child, SandboxError, ask
from autograder.sandbox.levels import NoSandboxError, choose, probe
from autograder.sandbox.places import Places
from autograder.sandbox.pool import Pool
from autograder.wire import Closed, WireError
from tests import traces
from tests.conftest import ROOT, SMALL


def soon(seconds: float = 5.0) -> float:
    return time.monotonic() + seconds


@pytest.fixture
def child(pool: Pool):
    with pool.child() as started:
        yield started


def run(child: Child, source: str) -> dict[str, Any]:
    return child.ask({"op": "cell", "source": source}, soon(20))


def value(child: Child, name: str) -> Any:
    """A plain value of the notebook's, asked of a fork."""
    forks = Forks(child, 1)
    fork = forks.take()
    try:
        return ask(fork.channel, {"op": "look", "names": [name]}, soon())["found"][name]["value"]
    finally:
        forks.reap(fork, wait=True)


def attempt(child: Child, expression: str) -> str:
    """What becomes of an expression there: its repr, or the exception's type."""
    outcome = run(
        child,
        f"try:\n    outcome = repr({expression})\n"
        "except BaseException as error:\n    outcome = 'raised ' + type(error).__name__\n",
    )
    assert outcome["ok"], outcome
    return str(value(child, "outcome"))


def test_a_cell_runs_and_its_names_can_be_asked_for(child):
    assert run(child, "import torch\nx = torch.arange(3) * 2")["ok"]
    assert value(child, "x").tolist() == [0, 2, 4]


def test_a_cell_that_raises_says_what_and_where(child):
    answer = run(child, "a = 1\nb = a / 0\n")
    assert (answer["type"], answer["message"], answer["line"]) == (
        "ZeroDivisionError",
        "division by zero",
        2,
    )


def test_magics_installs_plots_widgets_and_the_grader_do_no_harm(child):
    source = """
    %matplotlib inline
    %pip install torch
    !pip install torch
    import otter, matplotlib.pyplot as plt, ipywidgets
    grader = otter.Notebook("x.ipynb")
    grader.check("q1")
    from labkit.grader import Grader
    grader = Grader("x")
    grader.check("q1")
    grader.hand_in()
    plt.plot([1, 2]); plt.show()
    ipywidgets.interact(lambda x: x, x=3)
    """
    started = time.monotonic()
    answer = run(child, "\n".join(line.strip() for line in source.splitlines()))
    assert answer["ok"], answer
    assert time.monotonic() - started < 15, "an install waited for a network"


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('socket').create_connection(('127.0.0.1', 22))",
        "__import__('socket').socket(__import__('socket').AF_INET6)",
        "__import__('os').setuid(0)",
        "open('/etc/shadow').read()",
        "open('/usr/x', 'w')",
        "__import__('os').mknod('/tmp/n', 0o20666, 259)",
        "[][0] if __import__('ctypes').CDLL(None).unshare(0x10000000) else 0",
        "[][0] if __import__('ctypes').CDLL(None).ptrace(0, 0, 0, 0) else 0",
        "[][0] if __import__('ctypes').CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, 0) else 0",
        "bytearray(3 << 30)",
    ],
)
def test_the_sandbox_refuses(child, expression):
    assert attempt(child, expression).startswith("raised")


def test_hidden_files_cannot_be_read(child, tmp_path):
    secret = tmp_path / "secret.txt"  # pytest's folders are closed to other users
    secret.write_text("the answer")
    assert attempt(child, f"open({str(secret)!r}).read()").startswith("raised")


def test_the_grader_and_its_environment_are_out_of_sight(child, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_SECRET", "hush")
    me = os.getpid()
    assert attempt(child, f"__import__('os').kill({me}, 0)").startswith("raised")
    assert attempt(child, f"open('/proc/{me}/environ').read()").startswith("raised")
    assert "hush" not in attempt(child, "dict(__import__('os').environ)")


def test_only_its_own_socket_is_open(child):
    assert attempt(child, "sorted(map(int, __import__('os').listdir('/proc/self/fd')))[:4]") == (
        "[0, 1, 2, 3]"
    )
    assert (
        attempt(child, "len(__import__('os').listdir('/proc/self/fd'))") == "5"
    )  # and the listing


def test_disk_is_bounded(child):
    assert attempt(child, "open('big', 'wb').write(bytes(64 << 20))") == "raised OSError"


def test_its_folder_can_be_written_and_labkit_stands_in_it(child):
    assert attempt(child, "open('mine.txt', 'w').write('x')") == "1"
    assert attempt(child, "sorted(__import__('os').listdir('.'))") in (
        "['labkit', 'mine.txt']",
        "['labkit', 'mine.txt', 'tmp']",
    )
    assert attempt(child, "open('labkit/checks.py', 'w')").startswith("raised")


def test_labkit_and_libraries_not_yet_loaded_can_be_imported(child):
    assert run(child, "import scipy.signal, sqlite3, labkit.checks")["ok"]


def test_a_python_below_tmp_can_be_read_too(pool, monkeypatch):
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o755)
        (folder / "module.py").write_text("x = 3")
        paths = (*seal.python_paths(), str(folder))
        monkeypatch.setattr(seal, "python_paths", lambda: paths)
        with pool.child() as child:
            assert attempt(child, f"open({str(folder / 'module.py')!r}).read()") == "'x = 3'"
            assert attempt(child, "__import__('tempfile').TemporaryFile().write(b'x')") == "1"
    finally:
        shutil.rmtree(folder)


def test_links_by_which_a_python_is_found_are_shown_too(tmp_path, monkeypatch):
    """As installers make them in ~/.local/bin: an environment's python is a link to such a link."""
    before = seal.python_paths()
    link, own = tmp_path / "bin" / "python3", tmp_path / "venv" / "python"
    for path, target in ((link, os.path.realpath(sys.executable)), (own, "../bin/python3")):
        path.parent.mkdir()
        path.symlink_to(target)
    monkeypatch.setattr(sys, "executable", str(own))
    assert seal.python_paths() == (*before, str(link))


def test_worker_processes_can_be_used(child):
    source = """
from torch.utils.data import DataLoader
total = sum(int(batch.sum()) for batch in DataLoader(range(8), batch_size=2, num_workers=2))
"""
    assert run(child, source)["ok"]
    assert value(child, "total") == 28


def test_random_numbers_are_the_same_in_every_child(pool):
    seen = []
    for _ in range(2):
        with pool.child() as child:
            run(child, "import torch, random\nx = [float(torch.rand(())), random.random()]")
            seen.append(value(child, "x"))
    assert seen[0] == seen[1]


def test_a_fork_changes_nothing_for_the_next_fork(child):
    run(child, "state = []\ndef f():\n    state.append(1)\n    return len(state)")
    forks = Forks(child, 2)
    for fork in (forks.take(), forks.take()):
        call = {"op": "call", "name": "f", "args": [], "kwargs": {}}
        assert [ask(fork.channel, call, soon())["value"] for _ in range(2)] == [1, 2]


def test_an_answer_without_the_right_nonce_is_refused(child):
    run(child, "import os, msgpack, struct")
    forged = "msgpack.packb({'ok': True, 'nonce': '0' * 16})"
    with pytest.raises(WireError, match="not asked"):
        run(child, f"body = {forged}\nos.write(3, struct.pack('>I', len(body)) + body)")


def test_an_interrupt_stops_a_cell_and_keeps_what_it_defined(child):
    token = child.start({"op": "cell", "source": "x = 1\nwhile True: pass"}, soon())
    with pytest.raises(WireError):
        child.finish(token, soon(0.2))
    child.interrupt()
    assert child.finish(token, soon())["type"] == "KeyboardInterrupt"
    assert value(child, "x") == 1


def test_closing_ends_everything_that_was_started(pool):
    with pool.child() as child:
        run(
            child,
            "import os, time\n"
            "for _ in range(3):\n"
            "    if os.fork() == 0:\n"
            "        os.setsid()\n"
            "        if os.fork() == 0:\n"
            "            time.sleep(600)\n"
            "        os._exit(0)\n"
            "    os.wait()\n",  # so that its own child is there, and an orphan
        )
        assert len(traces.processes(pool.users)) >= 4 or not pool.users
        assert "error" not in child.close()
    assert traces.processes(pool.users) == []


def test_closing_ends_processes_that_fork_faster_than_they_can_be_listed(pool):
    hop = """
import os, time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        while True:
            try:
                if os.fork():
                    os._exit(0)
            except OSError:
                pass
time.sleep(.2)
"""
    for _ in range(3):
        with pool.child() as child:
            run(child, hop)
            assert "error" not in child.close()
        assert traces.processes(pool.users) == []


def test_folders_too_deep_or_closed_to_be_removed_simply_are_removed(pool):
    deep = """
import os
os.mkdir('closed'); open('closed/in', 'w').close(); os.chmod('closed', 0)
for _ in range(3000):
    os.mkdir('d'); os.mkdir('e'); os.chdir('d')
"""
    with pool.child() as child:
        with suppress(WireError):  # the watch ends it, where it sees it in time
            run(child, deep)
        assert "error" not in child.close()
    assert traces.files(pool.users) == []


def test_the_command_lines_of_others_are_out_of_sight(child, level):
    """A grader may have been given its seed there."""
    if level == "uid":
        pytest.skip("without namespaces or Landlock they are public: `doctor` says so")
    me = os.getpid()
    assert attempt(child, f"open('/proc/{me}/cmdline').read()").startswith("raised")
    assert attempt(child, "open('/proc/self/cmdline').read()").startswith("'")


@pytest.fixture(autouse=True)
def leaves_no_files(pool):
    """No test may leave files of a student's behind."""
    yield
    assert traces.files(pool.users) == []


def test_a_process_that_exits_is_noticed_at_once(child):
    with pytest.raises(Closed):
        run(child, "import os; os._exit(3)")
    assert child.close()["status"] == 3


def test_a_level_that_leaves_a_secret_readable_does_not_hold(level, tmp_path):
    open_secret = Path("/tmp") / f"secret-{os.getpid()}"
    open_secret.write_text("x")
    try:
        problem = probe(level, [open_secret]).problem
    finally:
        open_secret.unlink()
    assert problem == "" if level != "uid" else "could read" in problem


def test_without_any_sandbox_grading_says_what_to_do(monkeypatch, level):
    del level
    monkeypatch.setattr(
        "autograder.sandbox.levels.probe", lambda name, private: FakeProbe(f"{name} is refused")
    )
    with pytest.raises(NoSandboxError, match=r"uid is refused(.|\n)*--trust-input"):
        choose([])
    assert choose([], trust_input=True)[0] == "none"
    with pytest.raises(NoSandboxError):
        choose([], required="uid", trust_input=True)


class FakeProbe:
    """A level that does not hold."""

    def __init__(self, problem: str):
        self.problem = problem


def test_a_sandbox_that_cannot_be_made_says_why(pool, monkeypatch):
    impossible = Places([2**40], pool._spawn, 0)  # no such user can be
    monkeypatch.setattr(pool, "_places", impossible)
    for _ in range(3):  # its place and its slot are given back
        with pytest.raises(SandboxError, match="could not be made"):
            pool.child().close()


def test_two_graders_on_one_machine_share_no_user(pool):
    with Pool(pool.level, {"labkit": ROOT / "notebooks" / "labkit"}, SMALL, slots=2) as other:
        assert len(other.users) == len(pool.users)
        assert set(other.users).isdisjoint(pool.users)


def test_a_process_is_moved_to_another_processor():
    """As a fork is that ends while others work."""
    have = processors.available()
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        processors.run_on(have[-1:], process.pid)
        assert os.sched_getaffinity(process.pid) == set(have[-1:])
        assert processors.available() == have, "this one stays where it was"
    finally:
        process.communicate(b"\n")
