"""How a notebook runs: what happens to cells that raise, hang, exit, and to those around them."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import torch

from autograder.course import Limits
from autograder.forks import Forks
from autograder.intake import Cell
from autograder.remote import RemoteNamespace, _alike
from autograder.sandbox.pool import Pool
from autograder.session import Session
from labkit.checks import Mismatch

ROOT = Path(__file__).parents[1]
FAST = Limits(cell_seconds=0.5, notebook_seconds=4.0, question_seconds=1.0, memory_bytes=512 << 20)


def session(pool, *sources: str, limits: Limits = FAST, tags: dict[int, str] | None = None):
    cells = [
        Cell(number, "code", source, frozenset({(tags or {}).get(number, "")} - {""}))
        for number, source in enumerate(sources, 1)
    ]
    return Session(pool, cells, limits)


def problems(running: Session) -> list[tuple[int, str]]:
    return [(p.cell, p.kind) for p in running.problems]


def get(running: Session, name: str):
    names = running.names()
    try:
        return names.get(name)
    finally:
        names.close()


def test_cells_share_their_names_as_in_a_notebook(pool):
    with session(pool, "a = 1", "b = a + 1", "%matplotlib inline\nc = b + 1") as running:
        assert problems(running) == []
        assert get(running, "c") == 3


def test_a_cell_that_raises_is_reported_and_the_rest_runs(pool):
    with session(pool, "a = 1", "nonsense", "def f(:\n", "b = a") as running:
        assert problems(running) == [(2, "raised"), (3, "raised")]
        assert running.problems[0].message == (
            "raised NameError: name 'nonsense' is not defined (line 1 of its cell)"
        )
        assert get(running, "b") == 1


def test_a_notebook_that_wants_cuda_everywhere_runs_where_there_is_none(pool):
    sources = "import torch\ntorch.set_default_device('cuda')", "x = torch.ones(2)"
    with session(pool, *sources, "torch.set_default_device(None)\ny = x + 1") as running:
        assert problems(running) == []
        assert get(running, "y").tolist() == [2.0, 2.0]


def test_measurement_cells_are_skipped_in_silence(pool):
    with session(pool, "a = 1", "a = 2", tags={2: "otter_ignore"}) as running:
        assert problems(running) == []
        assert get(running, "a") == 1


def test_what_a_measurement_cell_defines_is_there_all_the_same(pool):
    source = """
with open("measured", "w") as file:
    file.write("slowly")
import math as m
from fractions import (
    Fraction,
)
@staticmethod
def helper(x):
    return x + 1
class Kept: pass
helper(1) / 0
"""
    uses = "b = [helper(m.floor(1.5)), Fraction(1) == 1, Kept.__name__]"
    looks = "import os\nc = os.path.exists('measured')"
    tags = {1: "otter_ignore", 4: "otter_ignore"}
    unfit = "def g(:\n'''\\"
    with session(pool, source, uses, looks, unfit, tags=tags) as running:
        assert problems(running) == []
        assert get(running, "b") == [2, True, "Kept"]
        assert get(running, "c") is False, "the rest of the cell is not run"


@pytest.mark.parametrize(
    "line",
    [
        "!no-such-command --version",
        "!exit 3",
        "%cd /content/drive/MyDrive",
        "%cd .",
        "exit()",
        "from google.colab import drive, files; drive.mount('/content/drive')",
        "import google.colab; google.colab.files.download('x')",
    ],
)
def test_what_is_of_no_use_in_grading_does_not_end_its_cell(pool, line):
    with session(pool, f"{line}\na = 1") as running:
        assert problems(running) == []
        assert get(running, "a") == 1


def test_one_function_that_takes_too_long_costs_the_others_nothing(pool):
    source = "v = 3\ndef slow(): \n    while True: pass\ndef f(): return 2"
    with session(pool, source) as running:
        names = running.names(wanted=["f", "slow", "v"])
        began = time.monotonic()
        for _ in range(5):
            with pytest.raises(Mismatch, match="slow: it did not finish within 1 seconds"):
                names.get("slow")()
        taken = time.monotonic() - began
        assert names.get("v") == 3
        assert names.get("f")() == 2
        assert taken < 4, "its time is taken once"
        names.close()


def test_where_words_are_not_quoted_a_known_cause_is_told_and_the_sizes(pool):
    source = "import torch\ndef f(x, n): return x @ x.double()\ndef g(x): raise ValueError(x)"
    with session(pool, source) as running:
        names = running.names()
        names.quotes = False
        with pytest.raises(Mismatch) as caught:
            names.get("f")(torch.ones(2, 2), 7)
        assert str(caught.value) == (
            "f raised RuntimeError: tensors of two types meet, such as float32 and float64 (line 2 "
            "of its cell); the sizes of this call: (2, 2), 7"
        )
        with pytest.raises(Mismatch) as caught:
            names.get("g")(torch.full((3,), 0.25))
        assert str(caught.value) == (
            "g raised ValueError (line 3 of its cell); the sizes of this call: (3,)"
        )
        names.close()


def test_a_sandbox_is_closed_where_its_run_fails(pool, monkeypatch):
    def fail(self, child):
        raise RuntimeError("the grader's own")

    in_use, wanted = set(pool._in_use), session(pool, "a = 1")
    monkeypatch.setattr(Session, "_run_cells", fail)
    with pytest.raises(RuntimeError, match="own"):
        wanted.__enter__()
    assert pool._in_use == in_use, "its slot is given back"


def test_a_cell_that_runs_too_long_is_stopped_and_the_rest_runs(pool):
    with session(pool, "a = 1\nwhile True: pass", "b = a") as running:
        assert problems(running) == [(1, "too long")]
        assert get(running, "b") == 1


def test_a_cell_that_will_not_be_interrupted_is_left_out(pool):
    stubborn = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"
    with session(pool, "b = 1", stubborn, "c = b") as running:
        assert problems(running) == [(2, "died")]
        assert "could not be interrupted" in running.problems[0].message
        assert get(running, "c") == 1
        assert "not defined" in unusable(get(running, "signal"))


def unusable(value) -> str:
    with pytest.raises(Mismatch) as caught:
        value()
    return str(caught.value)


@pytest.mark.parametrize(
    "end",
    [
        "import os; os._exit(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL); os._exit(1)",
        "import ctypes; ctypes.string_at(0)",
    ],
    ids=["exit", "kill", "segfault"],
)
def test_a_cell_that_ends_the_process_is_left_out_and_the_rest_runs_again(pool, end):
    with session(pool, "a = 1", end, "b = a") as running:
        assert problems(running) == [(2, "died")]
        assert get(running, "b") == 1


def test_after_several_deaths_what_came_before_them_still_counts(pool):
    sources = ["a = 1", *["import os; os._exit(1)"] * 6, "b = 2"]
    with session(pool, *sources) as running:
        kinds = dict(problems(running))
        assert [kinds[n] for n in (2, 3, 4, 5)] == ["died"] * 4
        assert [kinds[n] for n in (6, 7, 8)] == ["skipped"] * 3
        assert get(running, "a") == 1


def test_when_the_time_for_the_notebook_is_used_up_the_rest_is_skipped(pool):
    limits = replace(FAST, notebook_seconds=1.0)
    with session(pool, "a = 1", *["import time; time.sleep(.4)"] * 4, limits=limits) as running:
        assert problems(running)[-1] == (5, "skipped")
        assert get(running, "a") == 1


def failure(names: RemoteNamespace, name: str = "f", *args) -> str:
    with pytest.raises(Mismatch) as caught:
        names.get(name)(*args)
    return str(caught.value)


def test_each_question_starts_from_the_notebook_as_it_was(pool):
    with session(pool, "n = [0]\ndef f():\n    n[0] += 1\n    return n[0]") as running:
        for _ in range(2):
            names = running.names()
            assert [names.get("f")(), names.get("f")()] == [1, 2]
            names.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise ValueError('no\\nway')", "f raised ValueError: no way (line 3 of its cell)"),
        ("import os; os._exit(7)", "f: its process ended: it exited with status 7"),
        ("while True: pass", "f: it did not finish within 1 seconds"),
        ("import sys; sys.exit(3)", "f raised SystemExit: 3"),
        ("raise KeyboardInterrupt", "f raised KeyboardInterrupt"),
        ("return [None] * (1 << 21)", "f: its answer is larger than a grader takes: make a tensor"),
        ("return torch.zeros(300, 300).tolist()", "f: its answer is larger than a grader takes"),
        ("v = []\n    for _ in range(99): v = [v]\n    return v", "f: its answer holds lists in"),
        ("return {0.5: 1}", "f: its answer holds a dict with a key that is neither a text nor"),
        ("import msgpack; return msgpack.ExtType(7, b'')", "f: what came back cannot be read"),
        ("return torch.zeros(1 << 24)", "f: its answer is larger than a grader takes"),
        ("return torch.zeros(1).expand(1 << 20, 1 << 20)", "f: its answer is larger than"),
        ("return [torch.zeros(1 << 20)] * 9", "f: its answer is larger than a grader takes"),
        ("f(); return 1", "f raised RecursionError"),
        ("class E(Exception):\n        def __str__(self): return 1/0\n    raise E", "f raised E"),
    ],
)
def test_a_function_that_does_not_return_costs_only_its_call(pool, body, said):
    source = f"import torch\ndef f():\n    {body}\ndef g(): return 1"
    with session(pool, source) as running:
        names = running.names()
        try:
            assert said in failure(names)
            if "within" not in said:
                assert names.get("g")() == 1
        finally:
            names.close()
        later = running.names()
        assert later.get("g")() == 1
        later.close()
        assert running.problems == ()


def test_all_answers_of_a_question_together_are_bounded(pool):
    limits = replace(FAST, question_bytes=3 << 20)
    with session(pool, "import torch\ndef f(): return torch.zeros(1 << 18)", limits=limits) as one:
        names = one.names()
        f = names.get("f")
        f(), f()
        assert "its answers together are larger than a grader takes" in failure(names)
        names.close()
        assert one.names().get("f")().shape == (1 << 18,), "another question has its own allowance"


def test_a_missing_name_says_so_when_it_is_used(pool):
    with session(pool, "a = 1") as running:
        names = running.names()
        assert "`f` is not defined" in failure(names)
        names.close()


def test_values_arrive_plain_and_unanswered_ones_as_ellipsis(pool):
    source = "import numpy as np\na = ...\nb = (1, np.float32(2))\nclass C: pass\nc = C()"
    with session(pool, source) as running:
        assert get(running, "a") is ...
        assert get(running, "b") == [1, 2.0]
        assert get(running, "c").type_name == "object", "a name of the student's own is a text"


def test_a_plain_value_is_noted_for_diagnosis(pool):
    with session(pool, "answer = [1, 2]") as running:
        names = running.names()
        names.get("answer")
        names.close()
        assert [(call.function, call.args, call.value) for call in names.calls] == [
            ("answer", (), [1, 2])
        ]


def test_changed_arguments_are_seen(pool):
    import torch

    from labkit.checks import leaves_inputs_alone

    with session(pool, "def f(x):\n    x += 1\n    return x\ndef g(x): return x + 1") as running:
        names = running.names()
        with pytest.raises(Mismatch, match="changed its argument number 1"):
            leaves_inputs_alone(names.get("f"), torch.ones(2))
        leaves_inputs_alone(names.get("g"), torch.ones(2))
        names.close()


def test_gradients_come_back(pool):
    import torch

    from labkit.checks import gradients

    with session(pool, "def f(x, y): return x * y") as running:
        names = running.names()
        x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
        dx, dy = gradients(names.get("f"), (x, y), (0, 1), torch.ones(2))
        assert dx.tolist() == [3.0, 4.0]
        assert dy.tolist() == [1.0, 2.0]
        (call,) = names.calls
        assert call.value.tolist() == [3.0, 4.0, 1.0, 2.0]
        assert call.pullback[0] == (0, 1)
        names.close()


def test_a_question_that_takes_the_notebook_down_costs_the_next_one_nothing(pool):

    source = (
        "import os, signal\ndef f():\n    os.kill(os.getppid(), signal.SIGKILL)\n    return 1\n"
    )
    with session(pool, source + "def g(): return 2") as running:
        names = running.names()
        with suppress(Mismatch):
            names.get("f")()
        names.close()
        assert get(running, "g") is not None
        later = running.names()
        assert later.get("g")() == 2
        later.close()


def test_a_fork_made_ahead_is_the_same_fork(pool):
    """State that one question changes is untouched in the next, though its fork was made before."""
    cells = [Cell(1, "code", "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)")]
    with Session(pool, cells, FAST, forks=3) as made:
        for _ in range(3):
            names = made.names()
            assert [names.get("f")(1), names.get("f")(1)] == [1, 2]
            names.close()


def test_a_question_that_ends_its_process_leaves_the_fork_made_ahead_to_the_next(pool):
    cells = [Cell(1, "code", "import os\ndef f(x):\n    return os._exit(7) if x else x")]
    with Session(pool, cells, FAST, forks=2) as made:
        names = made.names()
        with pytest.raises(Mismatch, match="it exited with status 7"):
            names.get("f")(1)
        names.close()
        names = made.names()
        assert names.get("f")(0) == 0
        names.close()
    assert made.problems == ()


def test_an_answer_that_nobody_waits_for_is_not_kept():
    class Talkative:
        """A child whose answers are all alike, and long."""

        def __init__(self):
            self.nonces = map(str, count())

        def start(self, request, deadline):
            return next(self.nonces)

        def start_fork(self, number, deadline):
            return next(self.nonces), None

        def finish(self, nonce, deadline):
            return {"status": 0, "said": "x" * (1 << 20)}

    forks = Forks(Talkative(), 30)
    tracemalloc.start()
    for _ in range(20):
        forks.reap(forks.take(), wait=False)
    assert forks.reap(forks.take(), wait=True) == 0
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 3 << 20, "more than what is said of the fork made ahead"


def test_the_next_sandbox_is_made_when_no_fork_is_waited_for(monkeypatch):
    """It needs the processor that forks get ready on."""
    cells = [Cell(1, "code", "x = 1")]
    with Pool("none", {"labkit": ROOT / "notebooks" / "labkit"}, FAST) as pool:
        begun: list[str] = []
        monkeypatch.setattr(pool, "make_ahead", lambda: begun.append("one"))
        with Session(pool, cells, FAST, forks=2) as running:
            first = running.fork()
            assert not begun, "another fork is expected"
            second = running.fork()
            assert begun, "all are there"
            for fork in (first, second):
                running.reap(fork)
        begun.clear()
        with Session(pool, cells, FAST, forks=2):
            pass
        assert begun, "the notebook is done with"


STATE = "import os\nseen = []\ndef f(x):\n    seen.append(x)\n    return len(seen)\n"


def test_a_fork_that_rested_goes_on_where_it_was(pool):
    with session(pool, STATE) as running:
        names, other = running.names(), running.names()
        assert names.get("f")(1) == 1
        names.rest()
        assert other.get("f")(1) == 1, "another question has its own fork meanwhile"
        assert names.get("f")(1) == 2
        names.close()
        other.close()


def test_a_fork_that_was_ended_while_it_rested_is_replaced(pool):
    """Whoever ended it, its own question has not begun to ask again."""
    killer = "import signal\ndef g(pid): os.kill(pid, signal.SIGKILL)\ndef me(): return os.getpid()"
    with session(pool, STATE + killer) as running:
        names, other = running.names(), running.names()
        assert names.get("f")(1) == 1
        victim = names.get("me")()
        names.rest()
        other.get("g")(victim)
        other.close()
        assert names.get("f")(1) == 1, "a new fork, as the notebook left it"
        names.close()
        assert running.problems == ()


def test_names_that_are_wanted_are_looked_up_in_one_message(pool):
    source = "a = [1]\ndef f(): return 2\n"
    with session(pool, source) as running:
        names = running.names(wanted=["a", "b", "f"])
        names.get("a").append(2)
        asked = []
        names.ask = asked.append
        assert names.get("a") == [1], "each test gets a value of its own"
        assert names.get("f").__name__ == "f"
        assert names.get("b").type_name == "nothing"
        assert asked == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("torch.zeros(1 << 24)", "its answer is larger than a grader takes"),
        ("[0.0] * 70_000", "its answer is larger than a grader takes: make a tensor of its lists"),
        ("{0.5: 1}", "its answer holds a dict with a key that is neither a text nor an integer"),
        ("[{(1, 2): 3}]", "its answer holds a dict with a key that is neither a text nor"),
        ("{None: 1}", "its answer holds a dict with a key that is neither a text nor an integer"),
        ("msgpack.ExtType(7, b'')", "what came back cannot be read"),
    ],
    ids=["tensor", "list", "float as key", "tuple as key", "None as key", "no message"],
)
def test_a_wanted_value_that_cannot_be_sent_costs_the_others_nothing(pool, value, said):
    source = f"import msgpack, torch\nbad = {value}\na = 1\ndef f(): return 2"
    with session(pool, source) as running:
        names = running.names(wanted=["a", "bad", "f"])
        assert names.get("a") == 1
        with pytest.raises(Mismatch, match=f"^bad: {said}"):
            names.get("bad")
        assert names.get("f")() == 2
        names.close()


def test_names_of_which_one_cannot_be_sent_are_asked_for_together_once(pool):
    with session(pool, "a = 1\nb = 2\nbad = {0.5: 1}") as running:
        names = running.names(wanted=["a", "b", "bad"])
        asked, ask = [], names.ask
        names.ask = lambda request: asked.append(request["names"]) or ask(request)
        assert names.get("a") + names.get("b") == 3
        assert asked == [["a", "b", "bad"], ["a"], ["b"]]
        names.close()


def test_where_the_notebooks_process_is_lost_nobody_claims_to_know_how_it_ended(pool):
    with session(pool, "def f(): return 1") as running:
        running._lost = True
        names = running.names()
        assert failure(names).startswith("f: its process ended: it is not known how")


def test_a_fork_that_cannot_be_reaped_ended_nobody_knows_how(pool):
    with session(pool, "a = 1") as running:
        fork = running.fork()
        running._child.end()
        assert running.reap(fork) is None


@pytest.mark.parametrize(
    ("counted", "otherwise", "alike"),
    [
        (torch.ones(2), torch.ones(2) * (1 + 1e-6), True),
        (torch.ones(2), torch.zeros(2), False),
        (None, torch.ones(2), False),
        (torch.ones(2), "nothing", False),
        (None, None, True),
    ],
)
def test_what_a_function_returns_while_it_is_counted_is_what_it_returns(counted, otherwise, alike):
    """Or a function could work side by side, or not at all, while somebody looks."""
    assert _alike(counted, otherwise) == alike
