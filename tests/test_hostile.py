"""Submissions written to gain, learn, break or delay something: none does, at any level, but what
the level's own list says.

`make test` tries a few of each topic at the strongest level, `make verify` all at every level.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import doctor, intake, reports
from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.grading import Grader
from autograder.leaks import squeezed
from autograder.results import Result
from autograder.sandbox.levels import NOT_STOPPED
from autograder.sandbox.pool import Pool
from tests import traces
from tests.hostile import Attack, attacks
from tests.hostile_zips import HONEST, ZIPS

ROOT = Path(__file__).resolve().parents[1]
NEIGHBOUR = ROOT / "data" / "submissions" / "eli_bias_forgotten.ipynb"
CPU = "q_coding_ssm_forward_cpu"
ALL = attacks()
SLOWEST = 150.0  # seconds: all limits used up, on a machine busy with other things
LIMITS = Limits(
    cell_seconds=2.0,
    notebook_seconds=6.0,
    question_seconds=3.0,
    memory_bytes=512 << 20,
    disk_bytes=16 << 20,
)


@pytest.fixture(scope="module")
def course() -> courses.Course:
    loaded = courses.load(ROOT)
    only = tuple(n for n in loaded.notebooks if n.name == CPU)
    return replace(loaded, limits=LIMITS, notebooks=only)


@pytest.fixture(scope="module")
def grader(level, course) -> Iterator[Grader]:
    with Pool(level, public_files(ROOT), LIMITS) as pool:
        yield Grader(course, pool)


@pytest.fixture(scope="module")
def submit(grader, course, tmp_path_factory):
    """Grade a notebook, given as a percent script or as the path of one."""
    folder = tmp_path_factory.mktemp("submissions")

    def graded(source: str) -> Result:
        path = folder / "submission.py"
        path.write_text(source, "utf-8", errors="surrogatepass")
        return grader.grade(read(path, course))

    return graded


def read(path: Path, course: courses.Course) -> intake.Submission:
    (submission,) = intake.read([path], course, CPU).submissions
    return submission


@pytest.fixture(scope="module")
def grade_neighbour(grader, course):
    """Grade an honest submission in the same sandboxes, with time to spare on a busy machine."""
    patient = Grader(replace(course, limits=Limits()), grader.pool)
    return lambda: timeless(patient.grade(read(NEIGHBOUR, course)))


@pytest.fixture(scope="module")
def neighbour_alone(grade_neighbour) -> str:
    return grade_neighbour()


def timeless(result: Result) -> str:
    """All of a result but its times, and what a person is told of them."""
    text = re.sub(r'"seconds": [0-9.e-]+', '"seconds": 0', json.dumps(asdict(result)))
    return re.sub(r'"remark": "[^"]*its time by[^"]*"', '"remark": ""', text)


def shown(result: Result, course: courses.Course) -> str:
    """All that students are shown: Gradescope's results (its extra_data is for instructors)
    and their page."""
    results = reports.results_json(result, course)
    del results["extra_data"]
    text = json.dumps(results, ensure_ascii=False)
    return text + reports.feedback_page(result, course)


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_nothing_is_gained_learnt_or_left_behind(
    attack: Attack, grader, submit, course, level, grade_neighbour, neighbour_alone, request
):
    for hole in NOT_STOPPED[level]:
        if attack.name in hole.attacks:
            expected = pytest.mark.xfail(strict=not hole.depends, reason=f"{level}: {hole.says}")
            request.applymarker(expected)
    result = submit(attack.source)
    assert result.score <= attack.honest
    assert result.seconds < SLOWEST, "the result came late"
    learnt_nothing(shown(result, course), course)
    left_nothing(grader)
    assert grade_neighbour() == neighbour_alone, "the next submission felt it"


@pytest.mark.parametrize("name", ZIPS)
def test_a_hostile_zip_gains_nothing(name: str, grader, course, tmp_path, grade_neighbour,
                                     neighbour_alone):  # fmt: skip
    path = tmp_path / "zips" / "submission.zip"
    path.parent.mkdir()
    path.write_bytes(ZIPS[name]())
    result = grader.grade(read(path, course))
    assert result.score <= HONEST
    assert result.notebooks or result.problems
    learnt_nothing(shown(result, course), course)
    left_nothing(grader)
    assert not list(tmp_path.rglob("out.py")), "a file was unpacked"
    assert grade_neighbour() == neighbour_alone, "the next submission felt it"


def learnt_nothing(seen: str, course: courses.Course) -> None:
    assert "FOUND" not in seen, seen[seen.index("FOUND") :][:300]
    for secret in hidden_lines(course):
        assert secret not in squeezed(seen), "a hidden line was shown"


def left_nothing(grader: Grader) -> None:
    assert traces.processes(grader.pool.users) == []
    assert traces.files(grader.pool.users) == []
    assert traces.shared_memory(grader.pool.users) == []
    if not grader.pool.users:
        since = grader.pool._public.stat().st_mtime
        assert traces.of_this_user(grader.pool.process_id, since) == []
    assert not list(Path("/tmp").glob("FOUND*")), "code ran outside"


def hidden_lines(course: courses.Course) -> list[str]:
    (notebook,) = course.notebooks
    lines = [line for text in notebook.test_files.values() for line in text.splitlines()]
    hidden = [squeezed(line) for line in lines if "ssm." in line]
    assert len(hidden) > 5
    return [*hidden, course.seed]


def test_the_corpus_says_of_each_level_what_exists():
    assert len(ALL) >= 100
    named = {a for holes in NOT_STOPPED.values() for hole in holes for a in hole.attacks}
    assert named <= {attack.name for attack in ALL}


def test_doctor_names_what_a_level_does_not_stop():
    said = doctor.report([])
    for holes in NOT_STOPPED.values():
        for hole in holes:
            assert hole.says in said


QUICK = """exits_in_a_cell raises_to_the_top exception_bomb closed_folders leaves_a_child
leaves_shared_memory sends_descriptors forges_messages patches_comparisons huge_values""".split()


@pytest.mark.parametrize("part", ["quick", pytest.param("whole", marks=pytest.mark.verify)])
def test_what_grading_holds_stays_flat_over_the_corpus(part, submit, grader):
    """Over some of it (that fills what is kept on purpose), then over it: no more than before."""
    quick = [attack for attack in ALL if attack.name in QUICK]
    assert len(quick) == len(QUICK)
    for attack in quick:
        submit(attack.source)
    time.sleep(1)
    before, memory = held(grader), memory_held(grader)
    for attack in quick if part == "quick" else ALL:
        submit(attack.source)
    for _ in range(50):  # sandboxes are made ahead, and ended, in the background
        more = {name: dict(found - before[name]) for name, found in held(grader).items()}
        if not any(more.values()):
            break
        time.sleep(0.2)
    assert not any(more.values()), f"held in addition: {more}"
    grown = {name: now - memory[name] for name, now in memory_held(grader).items()}
    assert max(grown.values()) < 32 << 20, f"bytes of memory in addition: {grown}"


def held(grader: Grader) -> dict[str, Counter[str]]:
    """What this process, the warm one and what lies below them hold of the machine."""
    warm, users = grader.pool.process_id, grader.pool.users
    return {
        "open files": Counter(traces.descriptors()),
        "open files of the warm process": Counter(traces.descriptors(warm)),
        "processes": Counter(traces.below(os.getpid())),
        "shared memory": Counter(traces.shared_memory(users)),
        "files": Counter(traces.files(users)),
    }


def memory_held(grader: Grader) -> dict[str, int]:
    traces.give_back_memory()
    return {"here": traces.memory(os.getpid()), "warm": traces.memory(grader.pool.process_id)}


def test_a_page_escapes_what_a_submission_says(submit, course):
    (attack,) = [attack for attack in ALL if attack.name == "script_injection"]
    page = reports.feedback_page(submit(attack.source), course)
    assert "alert(1)" in page, "the message is shown"
    assert "<script" not in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
