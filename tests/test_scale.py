"""A large class: nothing grows, and the end is as fast as the beginning."""

from __future__ import annotations

import itertools
import os
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from autograder import course as courses
from autograder import intake, local, masters
from autograder.benches import samples
from autograder.bundle_in_use import use_bundle
from autograder.grading import engine_version
from autograder.jobs import Grading, Job
from autograder.work import Machine
from tests import traces
from tests.mixed_class import mixed_class

ROOT = Path(__file__).resolve().parents[1]
TINY = ROOT / "tests" / "bundles" / "tiny"
MB = 1 << 20


@dataclass(frozen=True)
class Held:
    """What grading holds of the machine at one moment; memory in MB."""

    seconds: float
    memory: float
    warm_memory: float
    descriptors: int
    warm_descriptors: int
    processes: int
    files: int

    @classmethod
    def now(cls, machine: Machine) -> Held:
        (pool,) = machine._pools.values()
        warm = pool.process_id
        return cls(
            seconds=time.monotonic(),
            memory=resident(os.getpid()),
            warm_memory=resident(warm),
            descriptors=len(os.listdir("/proc/self/fd")),
            warm_descriptors=len(os.listdir(f"/proc/{warm}/fd")),
            processes=len(traces.processes(pool.users)),
            files=len(traces.files(pool.users)),
        )


def resident(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.fixture
def tiny():
    use_bundle(TINY)
    course = courses.load(TINY)
    limits = replace(course.limits, cell_seconds=3.0, memory_bytes=256 * MB)
    yield replace(course, limits=limits)
    use_bundle(ROOT)


@pytest.mark.verify
@pytest.mark.parametrize("hundreds", [10])
def test_a_class_of_a_thousand_leaves_nothing_behind_and_does_not_slow_down(
    tiny, tmp_path, hundreds, capsys
):
    """Ten times the same hundred, so that each takes as long: right, half done, broken, hostile."""
    made = samples.read(masters.read(tiny.notebooks[0].master))
    for name, content in mixed_class(made, 100, seed=10):
        (tmp_path / name).write_bytes(content)
    hundred = intake.read([tmp_path], tiny).submissions
    grading = Grading(tiny.seed, ("q_tiny",), tiny.version, engine_version())
    jobs = [
        Job(f"{s.id}-{round_}", "grade", grading, replace(s, id=f"{s.id}-{round_}"))
        for round_ in range(hundreds)
        for s in hundred
    ]
    held, verdicts = [], {}
    with Machine(tiny, 2) as machine, closing(local.run(machine, jobs, 2)) as outcomes:
        for number, outcome in enumerate(outcomes):
            assert outcome.error == ""
            if number % 100 == 0 or number == len(jobs) - 1:
                held.append(Held.now(machine))
            verdict = (outcome.result.score, outcome.result.status)
            name = outcome.id.rpartition("-")[0]
            assert verdicts.setdefault(name, verdict) == verdict, f"{outcome.id}: another verdict"
    spent = [after.seconds - before.seconds for before, after in itertools.pairwise(held)]
    with capsys.disabled():
        print(
            f"\nlast hundred / first: {spent[-1] / spent[0]:.2f}; a hundred took {spent[-1]:.0f} s"
        )
        for one in held:
            print(f"  {one}")
    settled, last = held[2], held[-1]
    assert last.descriptors <= settled.descriptors + 4
    assert last.warm_descriptors <= settled.warm_descriptors + 2
    assert last.processes <= settled.processes + 12, "two at work, two ahead, two on their way out"
    assert last.files <= 4
    assert last.memory <= 1.1 * settled.memory + 20
    assert last.warm_memory <= 1.1 * settled.warm_memory + 20
    assert spent[-1] <= 2 * spent[0], "the last hundred took much longer than the first"
