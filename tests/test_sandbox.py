"""What student code can and cannot do in a sandbox, tried at every level this machine can run."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autograder.channel import Channel
from autograder.forks import Forks
from autograder.sandbox import kernel, levels, processors, seal, tidy, watch
from autograder.sandbox import pool as pools
from autograder.sandbox.child import Child, SandboxError, ask
from autograder.sandbox.levels import NoSandboxError, choose, probe
from autograder.sandbox.places import Places
from autograder.sandbox.pool import Pool
from autograder.wire import Closed, WireError
from tests import traces
from tests.conftest import ROOT, SMALL, strongest_level

LABKIT = {"labkit": ROOT / "notebooks" / "labkit"}


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
        "[][0] if __import__('ctypes').CDLL(None).timer_create(1, None, bytes(64)) else 0",
        "__import__('fcntl').fcntl(0, 10, 18)",  # F_SETSIG, SIGCONT
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


@pytest.fixture
def private_folder():
    """A folder of the grader's own, closed to other users and at a place that anyone can name."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["SOCK_STREAM", "SOCK_DGRAM", "SOCK_SEQPACKET"])
@pytest.mark.parametrize("by", ["socket", "socketpair"])
def test_the_graders_own_local_servers_cannot_be_reached(child, private_folder, kind, by):
    """Its session bus, its ssh-agent, Docker's socket."""
    path = str(private_folder / "server")
    with socket.socket(socket.AF_UNIX, getattr(socket, kind)) as server:
        server.bind(path)
        if kind != "SOCK_DGRAM":
            server.listen()
        ends = f"__import__('socket').{by}(1, __import__('socket').{kind} | 0o2000000)"
        line = ends if by == "socket" else f"{ends}[0]"
        assert attempt(child, f"{line}.connect({path!r})").startswith("raised")
        if kind == "SOCK_DGRAM":
            assert attempt(child, f"{line}.sendto(b'x', {path!r})").startswith("raised")


def test_the_probe_sees_a_server_that_can_be_reached():
    with levels._private_servers() as servers:
        assert all(map(levels._answers, servers))


def test_a_pair_of_sockets_can_be_had(child):
    """An event loop wakes itself by one."""
    assert run(child, "import asyncio\nasync def f(): return 3\n")["ok"]
    source = "loop = asyncio.new_event_loop()\nx = loop.run_until_complete(f())\nloop.close()"
    assert run(child, source)["ok"]
    assert value(child, "x") == 3


def test_files_and_processes_of_the_grader_stay_as_they_are(child, private_folder):
    """Landlock asks nobody about a file's mode and times, nor about a process's limits."""
    mine = private_folder / "mine.txt"
    mine.write_text("x")
    raw = "__import__('ctypes').CDLL(None).syscall"
    value = "__import__('ctypes').byref((__import__('ctypes').c_uint64 * 2)())"
    with subprocess.Popen(["sleep", "60"]) as process:
        before = state(mine, process.pid)
        for call in (
            f"os.chmod({str(mine)!r}, 0o777)",
            f"os.utime({str(mine)!r}, (1, 1))",
            f"os.setxattr({str(mine)!r}, 'user.x', b'x')",
            f"os.setpriority(os.PRIO_PROCESS, {process.pid}, 19)",
            f"os.setpriority(os.PRIO_USER, {os.getuid()}, 19)",
            f"os.sched_setscheduler({process.pid}, os.SCHED_IDLE, os.sched_param(0))",
            f"__import__('resource').prlimit({process.pid}, 0, (1, 1))",
            f"{raw}(452, -100, {os.fsencode(mine)!r}, 0o777, 0)",  # fchmodat2
            f"{raw}(463, -100, {os.fsencode(mine)!r}, 0, b'user.x', {value}, 16)",  # setxattrat
        ):
            attempt(child, call.replace("os.", "__import__('os')."))
            assert state(mine, process.pid) == before, call
        process.kill()


def state(file: Path, process: int) -> list[object]:
    status = file.stat()
    return [
        oct(status.st_mode),
        status.st_mtime,
        os.listxattr(file),
        os.getpriority(os.PRIO_PROCESS, process),
        os.sched_getscheduler(process),
        resource.prlimit(process, resource.RLIMIT_CPU),
    ]


def test_what_all_submissions_read_stays_as_it_is_for_the_next(pool):
    with pool.child() as child:
        for name in ("labkit", "labkit/checks.py"):
            assert attempt(child, f"__import__('os').chmod({name!r}, 0)").startswith("raised")
        held = "__import__('os').fchmod(open('labkit/checks.py').fileno(), 0)"
        assert attempt(child, held).startswith("raised")
    with pool.child() as child:
        assert attempt(child, "len(open('labkit/checks.py').read()) > 0") == "True"


def test_shared_memory_of_one_submission_is_gone_for_the_next(pool):
    path = f"/dev/shm/answers-{os.getpid()}"
    with pool.child() as child:
        attempt(child, f"open({path!r}, 'w').write('x')")
    try:
        with pool.child() as child:
            assert attempt(child, f"open({path!r}).read()").startswith("raised")
    finally:
        Path(path).unlink(missing_ok=True)


def test_the_graders_shared_memory_counts_for_no_submission(child):
    with tempfile.NamedTemporaryFile(dir="/dev/shm") as mine:
        mine.write(bytes(2 * SMALL.disk_bytes))
        mine.flush()
        assert run(child, f"import time\ntime.sleep({3 * watch.INTERVAL})")["ok"]


def test_a_temporary_folder_of_the_graders_own_costs_no_submission_its_files(
    level, tmp_path, monkeypatch
):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with Pool(level, LABKIT, SMALL) as pool, pool.child() as child:
        assert attempt(child, "len(open('labkit/checks.py').read()) > 0") == "True"


def test_a_machine_may_lack_a_folder_that_everyone_may_write_to(monkeypatch):
    monkeypatch.setattr(tidy, "_OPEN_TO_ALL", (*tidy._OPEN_TO_ALL, "/no/such/folder"))
    tidy.sweep(64999, tempfile.mkdtemp(prefix="student-"))


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
    assert seal.python_paths() == (*before, str(own), str(link))


def test_links_of_folders_by_which_a_python_is_found_are_shown_too(tmp_path, monkeypatch):
    """A store of Pythons has a link for 3.11; a checkout is reached by a link in a home."""
    shown, store, home = seal.python_paths(), tmp_path / "store", tmp_path / "home"
    for folder in (store, home):
        folder.mkdir()
    (store / "cpython-3.11.7").symlink_to(os.path.realpath(sys.base_prefix))
    (store / "cpython-3.11").symlink_to("cpython-3.11.7")
    (home / "course").symlink_to("../store/../course")
    (tmp_path / "course").symlink_to(os.path.realpath(sys.prefix))
    monkeypatch.setattr(sys, "base_prefix", str(store / "cpython-3.11"))
    monkeypatch.setattr(sys, "prefix", str(home / "course"))
    links = ("home/course", "course", "store/cpython-3.11", "store/cpython-3.11.7")
    assert sorted(seal.python_paths()) == sorted([*shown, *(str(tmp_path / at) for at in links)])


def test_a_way_to_a_python_that_goes_up_and_down_again_needs_no_link(monkeypatch):
    before = seal.python_paths()
    name = Path(sys.executable).name
    monkeypatch.setattr(sys, "executable", f"{sys.prefix}/lib/../bin/{name}")
    assert seal.python_paths() == before


def test_links_that_lead_nowhere_but_round_come_to_an_end(tmp_path, monkeypatch):
    (tmp_path / "python").symlink_to("python")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert seal.python_paths()[-1] == str(tmp_path / "python")


def test_a_checkout_that_is_reached_by_a_link_has_namespaces(level, tmp_path):
    if level != "namespaces":
        pytest.skip("the others have no root of their own")
    (tmp_path / "home").symlink_to(sys.prefix)
    python = tmp_path / "home" / "bin" / Path(sys.executable).name
    source = "from autograder.sandbox.levels import probe; print(probe('namespaces').problem)"
    done = subprocess.run([python, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_link_by_which_a_python_is_found_opens_no_folder(pool, level, monkeypatch):
    """Where a checkout is reached by a link, the folder it leads to holds hidden files too."""
    if level == "uid":
        pytest.skip("without namespaces or Landlock what all may read can be read")
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        folder.chmod(0o755)
        (folder / "checkout").mkdir()
        (folder / "checkout" / "hidden.py").write_text("x = 3")
        (folder / "link").symlink_to("checkout")
        paths = (*seal.python_paths(), str(folder / "link"))
        monkeypatch.setattr(seal, "python_paths", lambda: paths)
        with pool.child() as child:
            assert attempt(child, f"open({str(folder / 'link/hidden.py')!r}).read()").startswith(
                "raised"
            )
    finally:
        shutil.rmtree(folder)


LOCKS = {
    "flock": "fcntl.flock(f, fcntl.LOCK_SH)",
    "a lock of a process": "fcntl.lockf(f, fcntl.LOCK_SH, 77, 4242)",
    "a lock of an open file": "fcntl.fcntl(f, 37, struct.pack('hhqqi', 0, 0, 4242, 77, 0))",
}
LOOKS = {
    "flock": "fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)",
    "F_GETLK": "fcntl.fcntl(f, 5, struct.pack('hhqqi', 1, 0, 0, 0, 0))",
    "F_OFD_GETLK": "fcntl.fcntl(f, 36, struct.pack('hhqqi', 1, 0, 0, 0, 0))",
    "F_GETLK with a number of 64 bits": "raw(72, f.fileno(), 5 | 1 << 32, room) and room.raw",
    "/proc/locks": "[line for line in open('/proc/locks') if '4242' in line]",
}
ONE_FILE = """
import ctypes, fcntl, struct
f = open('labkit/checks.py')
raw = ctypes.CDLL(None).syscall
raw.argtypes = [ctypes.c_long] * 3 + [ctypes.c_char_p]
room = ctypes.create_string_buffer(struct.pack('hhqqi', 1, 0, 0, 0, 0), 64)
"""


@pytest.mark.parametrize("lock", LOCKS)
def test_two_submissions_cannot_talk_by_locks_of_a_file_that_both_read(pool, lock):
    with pool.child() as one, pool.child() as other:
        for child in (one, other):
            assert run(child, ONE_FILE)["ok"]
        before = [attempt(other, look) for look in LOOKS.values()]
        attempt(one, LOCKS[lock])
        after = [attempt(other, look) for look in LOOKS.values()]
        for look, was, now in zip(LOOKS, before, after, strict=True):
            assert now == was, f"what one sandbox locks another one sees, by {look}"


@pytest.mark.parametrize("call", ["inotify_init()", "inotify_init1(0)"])
def test_a_submission_cannot_see_when_another_opens_a_file(child, call):
    assert attempt(child, f"__import__('ctypes').CDLL(None).{call}") == "-1", "it can watch files"


def test_programs_that_lock_a_file_of_their_own_go_on(child):
    source = """
import fcntl, sqlite3, tempfile
with tempfile.TemporaryFile() as f:
    fcntl.flock(f, fcntl.LOCK_EX)
    fcntl.lockf(f, fcntl.LOCK_EX)
with sqlite3.connect("mine.db") as base:
    base.execute("create table t (x)")
    base.execute("insert into t values (3)")
x = sqlite3.connect("mine.db").execute("select x from t").fetchone()[0]
"""
    assert run(child, source)["ok"]
    assert value(child, "x") == 3


def test_two_submissions_cannot_talk_by_files_in_shared_memory(pool):
    if pool.level == "uid":
        pytest.skip("what every user may read can be read there: `doctor` says so")
    path = f"/dev/shm/word-{os.getpid()}"
    with pool.child() as one, pool.child() as other:
        attempt(one, f"(open({path!r}, 'w').write('x'), __import__('os').chmod({path!r}, 0o666))")
        assert attempt(other, f"open({path!r}).read()").startswith("raised"), (
            "a file of one sandbox can be read in another"
        )


def needs_shared_memory(pool: Pool) -> None:
    if pool.level == "landlock":
        pytest.skip("/dev/shm, which is everybody's, is closed there")


def test_worker_processes_can_be_used(child, pool):
    needs_shared_memory(pool)
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
        assert child.close()["gone"]
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
            assert child.close()["gone"]
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
        assert child.close()["gone"]
    assert traces.files(pool.users) == []


@pytest.mark.parametrize("name", ["\n{}", "{}"])
def test_folders_are_removed_whatever_their_names(pool, name):
    """Where what is removed gets a name for a while, a student may have used it already."""
    source = f"""
import os
for i in range(4):
    os.makedirs({name!r}.format(i) + '/x/y/z')
    os.makedirs({name!r}.format(i) + '/' + {name!r}.format(i) + '/y/z')
try:
    open('/dev/shm/left', 'w').close()
except OSError:
    pass
"""
    with pool.child() as child:
        assert run(child, source)["ok"]
        child.close()
    assert works_of(pool) == [], "its folder is left"
    assert traces.files(pool.users) == [], "its files are left"


def test_what_cannot_be_removed_keeps_nothing_else(monkeypatch):
    above = tempfile.mkdtemp()
    work, stuck, rest = tempfile.mkdtemp(), f"{above}/stuck", f"{above}/the rest"
    for path in (stuck, rest):
        os.mkdir(path)
    removes = tidy.remove

    def fails(path: str) -> None:
        if path in (work, stuck):
            raise OSError(f"no way to remove {path}")
        removes(path)

    monkeypatch.setattr(tidy, "remove", fails)
    monkeypatch.setattr(tidy, "_OPEN_TO_ALL", (above,))
    try:
        with pytest.raises(OSError, match=f"no way to remove {work}"):
            tidy.sweep(os.getuid(), work)
        assert not os.path.exists(rest), "the sweep stopped at what it could not remove"
    finally:
        for path in (work, above):
            shutil.rmtree(path, ignore_errors=True)


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


@pytest.mark.parametrize("hidden", ["no", "in a folder that cannot be listed"])
def test_a_level_that_leaves_a_secret_readable_does_not_hold(level, hidden):
    private = Path("/tmp") / f"private-{os.getpid()}"
    secret = private / "solutions" / "secret"
    secret.parent.mkdir(parents=True)
    secret.write_text("x")
    private.chmod(0o711 if hidden != "no" else 0o755)
    secret.parent.chmod(0o711 if hidden != "no" else 0o755)
    try:
        problem = probe(level, [private]).problem
    finally:
        shutil.rmtree(private)
    said = f"could read {private if hidden == 'no' else secret} (chmod go-rwx {private} would"
    assert problem == "" if level != "uid" else said in problem


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
    assert works_of(pool) == [], "its folder is left"


def test_where_something_may_still_run_nobody_else_is_put(level):
    """As where the supervisor was killed, which would have ended it."""
    with Pool(level, LABKIT, SMALL) as pool:
        (user,) = pool.users or [os.getuid()]
        with pool.child() as child:
            supervisor, sealed = running(pool)
            assert user_of(sealed) == user
            os.kill(supervisor, signal.SIGKILL)
            assert not child.close().get("gone")
        another = pool.users[-1] if pool.users else user
        assert len(pool.users) in (0, 2), "its user is given to the next"
        for _ in range(2):
            with pool.child() as child:
                assert user_of(running(pool)[1]) == another
                assert child.close()["gone"]


def running(pool: Pool) -> tuple[int, int]:
    """The supervisor and the sealed process of a pool's only sandbox."""
    *_, supervisor, sealed = watch.descendants(pool.process_id)
    return supervisor, sealed


def user_of(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("Uid:")[2].split()[0])


def works_of(pool: Pool) -> list[Path]:
    """Work folders of a pool's sandboxes that are still there."""
    return [path for path in Path("/tmp").glob("student-*") if of_pool(path, pool)]


def of_pool(work: Path, pool: Pool) -> bool:
    with suppress(OSError):  # another program's
        return (work / "labkit").readlink().parent == pool._public
    return False


def test_a_warm_process_that_cannot_fork_is_said_to_be_so_and_the_next_one_works(
    level, monkeypatch
):
    if level != strongest_level():
        pytest.skip("it is the same at every level")

    class Threaded(Channel):
        def receive(self, deadline: float | None = None) -> Any:
            return {**super().receive(deadline), "threads": 2}

    with Pool(level, LABKIT, SMALL) as pool:
        os.kill(pool.process_id, signal.SIGKILL)
        pool._process.wait()
        told: list[str] = []

        def ask_for_one() -> None:
            with pytest.raises(SandboxError) as error:
                pool.child()
            told.append(str(error.value))

        with monkeypatch.context() as patched:
            patched.setattr(pools, "Channel", Threaded)
            asking = threading.Thread(target=ask_for_one, daemon=True)
            asking.start()
            asking.join(60)
        if not told:
            pool._lock = threading.Lock()  # else this test would wait for it too
        assert told == ["the warm process has 2 threads and cannot fork"]
        with pool.child() as child:
            assert run(child, "x = 1")["ok"]


def test_what_the_kernel_says_is_in_an_error():
    with pytest.raises(OSError, match="madvise: Invalid argument"):
        kernel.advise(1, 1, 9999)


def test_two_graders_on_one_machine_share_no_user(pool):
    with Pool(pool.level, LABKIT, SMALL, slots=2) as other:
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
