"""What all tests share: the levels of sandbox this machine can run, and warm pools at each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autograder.course import Limits
from autograder.sandbox import seal
from autograder.sandbox.levels import probe
from autograder.sandbox.pool import Pool
from tests import confined

ROOT = Path(__file__).resolve().parent.parent
SMALL = Limits(
    cell_seconds=1.0,
    notebook_seconds=8.0,
    question_seconds=2.0,
    memory_bytes=512 << 20,
    disk_bytes=8 << 20,
)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The homework as `autograder assign` releases it."""
    out = tmp_path_factory.mktemp("release") / "dist"
    script = Path(sys.executable).with_name("autograder")
    subprocess.run([script, "assign", "--out", out], check=True, capture_output=True, cwd=ROOT)
    return out


@pytest.fixture(scope="session")
def readable_python() -> None:
    """Levels without a mount namespace need a Python that another user can read."""
    confined.open_python()


def strongest_level() -> seal.Level:
    """The strongest level that holds on this machine; skips where none does."""
    for level in seal.LEVELS:
        if level != "none" and not probe(level).problem:
            return level
    pytest.skip("no sandbox can be had on this machine")


@pytest.fixture(scope="session", params=["namespaces", "landlock", "uid"])
def level(request: pytest.FixtureRequest, readable_python: None) -> seal.Level:
    """Each level that holds on this machine; the others are skipped with their reason."""
    del readable_python
    problem = probe(request.param).problem
    if problem:
        pytest.skip(f"level {request.param} does not hold on this machine: {problem}")
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def pool(level: seal.Level) -> Iterator[Pool]:
    """A warm process whose children run at `level`, with small limits."""
    with Pool(level, {"labkit": ROOT / "notebooks" / "labkit"}, SMALL, slots=2) as warm:
        yield warm


_AT_ONE_LEVEL = tuple(
    f"test_{name}.py" for name in ("hostile", "session", "grading", "turns", "two_way")
)
SOME_ATTACKS = set(  # quick ones of each topic
    """
    memory_in_many_processes disk_bomb_unseen deep_folders closed_folders exception_bomb
    endless_cell holds_the_interpreter exits_again_and_again kills_everything stops_the_notebook
    network escalates traces_others calls_of_32_bits writes_outside
    reads_files reads_proc reads_environment imports_the_grader walks_frames
    carries_inputs_in_an_exception carries_inputs_in_a_name carries_inputs_to_a_public_test
    answers_with_a_score forges_messages answers_twice sends_descriptors runs_another_program
    leaves_a_child hops_from_fork_to_fork leaves_shared_memory links_to_what_is_not_its_own
    patches_comparisons patches_the_codec patches_clocks forges_the_cost_count
    behaves_while_counted right_in_public leaves_files_for_the_next looks_for_what_was_left
    script_injection terminal_injection exceptions_without_text
    tensor_subclass array_protocols huge_values many_large_answers contains_itself
    """.split()
)


@pytest.fixture(autouse=True)
def no_figure_stays() -> Iterator[None]:
    """What one test draws is not there for the next."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture(autouse=True, scope="module")
def what_is_called_solutions_stays() -> Iterator[None]:
    """A file's tests may grade another bundle; the next file finds `solutions` as this one did."""
    path, modules = [*sys.path], _solutions()
    yield
    sys.path[:] = path
    for name in _solutions():
        del sys.modules[name]
    sys.modules.update(modules)


def _solutions() -> dict[str, ModuleType]:
    return {n: m for n, m in sys.modules.items() if n == "solutions" or n.startswith("solutions.")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a submission's code can do is tried at every level in `make test`; how notebooks run,
    and some of the hostile corpus, at the strongest one there. All of it, everywhere: `verify`."""
    for item in items:
        attack = getattr(item, "callspec", None) and item.callspec.params.get("attack")
        if attack is not None and attack.name not in SOME_ATTACKS:
            item.add_marker(pytest.mark.verify)
        weaker = "[landlock" in item.name or "[uid" in item.name
        if weaker and item.path.name in _AT_ONE_LEVEL:
            item.add_marker(pytest.mark.verify)


_ROWS = {  # how the names of corpus tests begin -> what they hold
    "test_a_right_": "right, full marks (cost as labelled)",
    "test_a_mistake_loses_": "wrong, loses exactly its checks",
    "test_a_mistake_is_told_": "wrong, cause named",
    "test_the_author_of_a_mistake_": "wrong, causes named (all in one test)",
}


def pytest_terminal_summary(terminalreporter) -> None:
    """The two-way table: right and wrong answers against their verdicts, by notebook."""
    counts: dict[tuple[str, str], list[int]] = {}
    for verdict in ("passed", "failed"):
        for report in terminalreporter.stats.get(verdict, []):
            file, _, name = report.nodeid.partition("::")
            notebook = Path(file).stem.removeprefix("test_corpus_")
            for begins, row in _ROWS.items():
                if "test_corpus_" in file and name.startswith(begins):
                    counts.setdefault((notebook, row), [0, 0])[verdict == "failed"] += 1
    if counts:
        seeds = os.environ.get("SEEDS", "3")
        terminalreporter.section(f"right and wrong answers, {seeds} seeds")
        for (notebook, row), (held, broken) in sorted(counts.items()):
            terminalreporter.write_line(f"{notebook:<8} {row:<40} {held:>4} hold, {broken} do not")
