"""What grading loads and holds: nothing that it has no use for."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.hostile import attacks

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"
UNUSED = "otter IPython pandas nbconvert nbformat jupytext jsonschema sympy matplotlib"


def said_by(code: str, *arguments: object) -> str:
    """What a program prints that can import what the grader can, in a process of its own."""
    paths = f"import sys; sys.path[:0] = [{str(ROOT / 'notebooks')!r}, {str(ROOT)!r}]\n"
    command = [sys.executable, "-c", paths + code, *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


GRADES = f"""
from autograder.cli import main
main(sys.argv[1:], standalone_mode=False)
print('loaded:', *sorted(set({UNUSED!r}.split()) & set(sys.modules)))
"""


def test_who_grades_holds_no_library_that_only_reads_masters_or_runs_notebooks(tmp_path):
    handed_in = tmp_path / "autograder" / "submission" / "q_tiny.py"
    handed_in.parent.mkdir(parents=True)
    handed_in.write_text("def mean_square(x):\n    return (x * x).mean()\n")
    out, root = tmp_path / "grades", tmp_path / "autograder"
    by_command = ["grade", handed_in, "--bundle", TINY, "--out", out]
    on_gradescope = ["gradescope", "--bundle", TINY, "--root", root]
    for command, file in (
        (by_command, out / "q_tiny" / "results.json"),
        (on_gradescope, root / "results" / "results.json"),
    ):
        assert said_by(GRADES, *command).splitlines()[-1] == "loaded:"
        tests = json.loads(file.read_text())["tests"]
        assert sum(test["score"] for test in tests) > 0


def test_a_course_that_was_read_apart_is_the_same():
    assert said_by(
        "from autograder import course\n"
        "root = course.Path(sys.argv[1])\n"
        "apart = course.load_apart(root)\n"
        "assert 'otter' not in sys.modules\n"
        "print(apart == course.load(root), len(apart.notebooks[0].solved))",
        TINY,
    ).startswith("True ")


def test_what_is_wrong_with_a_course_that_is_read_apart_is_told(tmp_path):
    assert "course.toml is missing" in said_by(
        "from autograder import course\n"
        "try: course.load_apart(course.Path(sys.argv[1]))\n"
        "except course.CourseError as error: print(error)",
        tmp_path,
    )


def test_without_shared_memory_a_course_is_read_all_the_same():
    """Its processes' locks lie in /dev/shm, which may be read-only, or missing."""
    assert said_by(
        "import _multiprocessing\n"
        "class Refused:\n"
        "    SEM_VALUE_MAX = 1\n"
        "    def __init__(self, *_): raise OSError(30, 'Read-only file system')\n"
        "_multiprocessing.SemLock = Refused\n"
        "from autograder import course\n"
        "print(course.load_apart(course.Path(sys.argv[1])).name)",
        TINY,
    ).startswith("tiny")


READS = """
from autograder.sealed_tests import compiled
text = '''
OK_FORMAT = False
from otter.test_files import test_case
name, points = "q1", None
@test_case(points=2, hidden=True)
def test_it(env):
    assert env.get("x") == 1
'''
file = compiled(text, "q1")
"""


def test_a_test_file_is_read_and_run_without_the_rest_of_otter():
    loaded = said_by(
        READS + "file.run({'x': 1})\n"
        "print(file.score, *sorted({'otter', 'IPython', 'pandas', 'nbformat'} & set(sys.modules)))"
    )
    assert loaded == "2"


def test_otter_can_be_imported_afterwards_with_the_same_classes():
    same = said_by(
        READS + "import otter, otter.assign\n"
        "from otter.test_files import GradingResults, test_case\n"
        "again = compiled(text + '#', 'q1')\n"
        "print(otter.Notebook.__name__, GradingResults([file, again]).total,\n"
        "      isinstance(again.test_cases[0].body, test_case))"
    )
    assert same == "Notebook 0 True"


def test_tests_on_a_gpu_load_no_more_of_otter():
    loaded = said_by(
        READS + "from types import SimpleNamespace as Any\n"
        "from autograder.on_device import lost_on_device\n"
        "names = Any(calls=[], quotes=True, get={'x': 2}.get, rest=list, close=list)\n"
        "notebook = Any(name='q', test_files={'q1': text}, questions=[\n"
        "    Any(name='q1', part='1', tests=[Any(name='it is one')])])\n"
        "comparison = Any(needs=['q1'], device='cuda')\n"
        "for _ in range(2):\n"
        "    (lost,) = lost_on_device(Any(names=lambda device: names), notebook, comparison, 's')\n"
        "print(lost.partition(',')[0], *sorted({'otter', 'pandas'} & set(sys.modules)))"
    )
    assert loaded == "1"


def test_a_test_file_is_read_where_a_stand_in_is_called_otter():
    said = said_by(
        "import types\nsys.modules['otter'] = stand_in = types.ModuleType('otter')"
        + READS
        + "print(len(file.test_cases), sys.modules['otter'] is stand_in)"
    )
    assert said == "1 True"


def test_gradients_load_no_symbolic_algebra():
    """It takes 35 MB, in the trusted process and in the warm one."""
    loaded = said_by(
        "import torch\nfrom labkit.checks import gradients\n"
        "gradients(torch.exp, (torch.ones(2),), [0], torch.ones(2))\n"
        "print('sympy' in sys.modules)"
    )
    assert loaded == "False"


FLOODS = """
import resource
from autograder import course as courses
course = courses.load_apart(courses.Path(sys.argv[1]))
from autograder import intake
from autograder.bundle_in_use import public_files
from autograder.grading import Grader
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool

most = []
with Pool(choose([])[0], public_files(course.root), course.limits) as pool:
    grader = Grader(course, pool)
    for path in sys.argv[2:]:
        only = "q_coding_ssm_forward_cpu"
        (submission,) = intake.read([courses.Path(path)], course, only).submissions
        assert grader.grade(submission).score == 0
        most.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print([round((held - most[0]) / 1e6) for held in most[1:]])
"""
JUST_SMALL_ENOUGH = """# %%
import torch

def unrolled_ssm_forward(W, U, b, x):
    return torch.zeros(1 << 20)

make_conv_kernel = lambda W, T: torch.zeros((1 << 20) - 100, dtype=torch.float64)
conv_ssm_forward = lambda W, U, b, x: [[x[:0]] for _ in range(20_000)]
"""
ROOM_FOR_LISTS = """# %%
import os, struct

def unrolled_ssm_forward(W, U, b, x):
    body = b"\\xdd\\0\\0\\xff\\xff" * 1_500_000
    for fd in range(3, 16):
        try:
            os.write(fd, struct.pack(">I", len(body)))
            for start in range(0, len(body), 65536):
                os.write(fd, body[start : start + 65536])
        except OSError:
            pass
"""


def test_who_grades_holds_little_of_what_floods_it(tmp_path):
    """The largest answers that are taken, one after the other, and larger ones."""
    known = {attack.name: attack.source for attack in attacks()}
    names = ("many_large_answers", "floods_the_socket", "small_numbers_that_grow")
    sources = {
        "nothing": "# %%\nimport torch\n",
        **{name: known[name] for name in names},
        "just_small_enough": JUST_SMALL_ENOUGH,
        "room_for_lists": ROOM_FOR_LISTS,
    }
    files = [tmp_path / f"{name}.py" for name in sources]
    for file, source in zip(files, sources.values(), strict=True):
        file.write_text(source)
    added = json.loads(said_by(FLOODS, ROOT, *files).splitlines()[-1])
    taken = dict(zip(list(sources)[1:], added, strict=True))
    assert max(added) < 150, f"megabytes in addition to a notebook that does nothing: {taken}"
