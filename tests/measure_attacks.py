"""Measure the table of docs/security.md: what each attack gets, at each level and with stock Otter.

    python -m tests.measure_attacks [--at namespaces landlock uid otter] [--only NAME...] [--table]

What is measured is appended to tests/measured_attacks.jsonl as it comes, a row an attack and place.
A row that is there is not measured again, unless the attack has changed: a run that was
interrupted goes on. `--table` writes what the file holds into docs/security.md.

Under stock Otter an attack runs in the grader's own kernel with nothing between it and the machine:
each is given a machine to throw away (tests/throwaway.py). The zip is what `otter assign` makes of
the same master, without the plugin that seals it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import jupytext
import nbformat

from autograder import course as courses
from autograder import intake, masters, reports
from autograder.benches.stock import stock_zip
from autograder.bundle_in_use import public_files
from autograder.course import Limits
from autograder.grading import Grader
from autograder.sandbox.pool import Pool
from tests import attacks_table, confined, throwaway, traces
from tests.hostile import Attack, attacks
from tests.test_hostile import CPU, LIMITS, ROOT

OTTER_SECONDS = 90  # stock Otter takes 11 for a notebook that does nothing, on an idle machine
FILE = ROOT / "tests" / "measured_attacks.jsonl"
Measure = Callable[[Attack], str]


def verdict(score: float, honest: float, seen: str, left: Iterable[str]) -> str:
    """What an attack got, in words; "nothing" where it got nothing."""
    got = []
    if score > honest + 1e-9:
        got.append(f"scored {score:g} for {honest:g}")
    if "FOUND" in seen:
        got.append("learnt something")
    if list(left):
        got.append("left something")
    return ", ".join(got) or "nothing"


@contextmanager
def in_a_sandbox(level: str) -> Iterator[Measure]:
    """Gives a function from an attack to its verdict in our sandbox."""
    course = courses.load(ROOT)
    only = tuple(n for n in course.notebooks if n.name == CPU)
    course = replace(course, limits=LIMITS, notebooks=only)
    with (
        tempfile.TemporaryDirectory() as folder,
        Pool(level, public_files(ROOT), LIMITS) as pool,  # type: ignore[arg-type]
    ):
        grader = Grader(course, pool)

        def measure(attack: Attack) -> str:
            path = Path(folder) / "submission.py"
            path.write_text(attack.source, "utf-8", errors="surrogatepass")
            (submission,) = intake.read([path], course, CPU).submissions
            result = grader.grade(submission)
            results = reports.results_json(result, course)
            del results["extra_data"]
            seen = json.dumps(results) + reports.feedback_page(result, course)
            left = [*traces.processes(pool.users), *traces.files(pool.users)]
            return verdict(result.score, attack.honest, seen, left)

        yield measure


@contextmanager
def under_stock_otter() -> Iterator[Measure]:
    """Gives a function from an attack to its verdict under `otter run`."""
    otter = str(Path(sys.executable).with_name("otter"))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        master = masters.read(ROOT / "solutions" / f"{CPU}.py")
        (folder / "stock.zip").write_bytes(stock_zip(master))
        command = [otter, "run", "--no-logo", "-a", "stock.zip", "submission.ipynb"]

        def measure(attack: Attack) -> str:
            nbformat.write(jupytext.reads(attack.source, "py:percent"), folder / "submission.ipynb")
            return _otters(attack, throwaway.run(command, folder, "results.json", OTTER_SECONDS))

        yield measure


def _otters(attack: Attack, came: throwaway.Outcome) -> str:
    """The verdict on what came of `otter run`."""
    limits = Limits()
    got = []
    if came.late:
        got.append("no result in time")
    else:
        try:
            tests = json.loads(came.result or "")["tests"]
            score = sum(float(test.get("score") or 0) for test in tests)
            got.append(verdict(score, attack.honest, came.result or "", came.left))
        except (ValueError, KeyError, TypeError):
            got.append("no result")
    if came.memory > limits.memory_bytes:
        got.append(f"took {came.memory / 1e9:.1f} GB of memory")
    if came.disk > limits.disk_bytes:
        got.append(f"took {came.disk / 1e6:.0f} MB of disk")
    if came.threads > limits.processes:
        got.append(f"had {came.threads} processes or threads")
    return ", ".join(got).removeprefix("nothing, ")


def row_key(attack: Attack, place: str) -> dict[str, str]:
    """What a row is found by: another text of the attack is another attack."""
    digest = hashlib.sha256(f"{attack.source}{attack.honest}".encode(errors="surrogatepass"))
    return {"attack": attack.name, "at": place, "digest": digest.hexdigest()[:12]}


def measured() -> list[dict[str, str]]:
    """The rows there are, of the attacks as they are now."""
    lines = FILE.read_text("utf-8").splitlines() if FILE.exists() else []
    now = {attack.name: row_key(attack, "")["digest"] for attack in attacks()}
    return [row for row in map(json.loads, lines) if now.get(row["attack"]) == row["digest"]]


def measure_all(place: str, chosen: list[Attack]) -> None:
    """Append a row for each attack that has none at this place."""
    there = {(row["attack"], row["at"]) for row in measured()}
    missing = [attack for attack in chosen if (attack.name, place) not in there]
    if not missing:
        return
    with under_stock_otter() if place == "otter" else in_a_sandbox(place) as measure:
        for attack in missing:
            row = {**row_key(attack, place), "got": measure(attack)}
            with FILE.open("a", encoding="utf-8") as file:
                print(json.dumps(row), file=file)
            print(place, attack.name, row["got"], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at", nargs="*", default=[], help="levels, or otter")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--table", action="store_true")
    asked = parser.parse_args()
    confined.open_python()
    chosen = [attack for attack in attacks() if not asked.only or attack.name in asked.only]
    for place in asked.at:
        measure_all(place, chosen)
    if asked.table:
        attacks_table.write(measured())


if __name__ == "__main__":
    main()
