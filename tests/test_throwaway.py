"""The place to throw away (tests/throwaway.py): what runs there hurts nothing here. And what the
page on security says of the attacks that ran there is what was measured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import attacks_table, measure_attacks, throwaway
from tests.hostile import attacks

needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can make such a place")


@pytest.fixture
def run(tmp_path):
    """Run a line of bash in a place; its result is what it wrote to `out`."""
    (tmp_path / "given").write_text("given")

    def in_a_place(line: str, seconds: float = 30) -> throwaway.Outcome:
        try:
            return throwaway.run(["/bin/bash", "-c", line], tmp_path, "out", seconds)
        except OSError as error:
            if error.errno is None and "Operation not permitted" not in str(error):
                raise  # it is not this machine that refuses
            pytest.skip(f"no such place can be made here: {str(error).splitlines()[-1]}")

    return in_a_place


def groups() -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"**/throwaway-{os.getpid()}"))


@needs_root
def test_what_runs_in_a_place_hurts_nothing_outside(run):
    outside = Path("/etc/planted-by-a-test")
    came = run(f"cat given > out; touch {outside} /dev/shm/left; echo x >> {__file__}; kill -9 -1")
    assert came.result == "given"
    assert not outside.exists(), "it wrote to this machine"
    assert not Path(__file__).read_text().endswith("x\n"), "it wrote to this machine"
    assert came.left == ("/dev/shm/left",)
    assert not came.late
    assert groups() == []


@needs_root
def test_a_place_ends_on_time_with_all_that_runs_there(run):
    mark = "86399.25"
    came = run(f"setsid sleep {mark} & setsid sleep {mark}", seconds=3)
    assert came.late
    assert came.result is None
    alive = subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True, check=False)
    assert alive.stdout == b"", "a process outlived it"
    assert groups() == []


@needs_root
def test_what_a_command_takes_is_bounded_and_told(run):
    came = run(
        "for i in {1..100}; do sleep 3 & done; head -c 90M /dev/zero > big; wait; echo 1 > out"
    )
    assert came.result == "1\n"
    assert 100 <= came.threads < throwaway.THREADS
    assert 90 << 20 <= came.disk < throwaway.DISK
    assert came.disk <= came.memory <= throwaway.MEMORY


@pytest.mark.verify
@needs_root
def test_a_command_that_wants_all_memory_gets_what_the_place_has(run):
    came = run("head -c 20G /dev/zero | tail -c 19G > /dev/null; echo ended > out")
    assert came.result == "ended\n", "the place itself ended"
    assert came.memory == pytest.approx(throwaway.MEMORY, rel=0.01)


def test_the_page_says_of_the_attacks_what_was_measured():
    said = attacks_table.PAGE.read_text("utf-8")
    assert attacks_table.text(measure_attacks.measured()) in said, (
        "docs/security.md is not what tests/measured_attacks.jsonl holds: "
        "python -m tests.measure_attacks --at namespaces landlock uid otter --table"
    )


@pytest.mark.verify
def test_every_attack_was_measured_everywhere():
    there = {(row["attack"], row["at"]) for row in measure_attacks.measured()}
    everything = {(attack.name, place) for attack in attacks() for place in attacks_table.PLACES}
    assert sorted(everything - there) == []
