"""What all tests share: the levels of sandbox this machine can run, and warm pools at each."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.course import Limits
from autograder.sandbox import kernel, seal
from autograder.sandbox.levels import probe
from autograder.sandbox.pool import Pool

ROOT = Path(__file__).resolve().parent.parent
SMALL = Limits(
    cell_seconds=1.0,
    notebook_seconds=8.0,
    question_seconds=2.0,
    memory_bytes=512 << 20,
    disk_bytes=8 << 20,
)


@pytest.fixture(scope="session")
def readable_python() -> None:
    """Levels without a mount namespace need a Python that another user can read. Where it lies
    below a closed folder (a home), show that folder open, to this process and its children only.
    """
    if os.getuid() != 0:
        return
    closed = [
        folder
        for prefix in seal.python_paths()
        for folder in Path(prefix).parents
        if not folder.stat().st_mode & 0o001
    ]
    if closed:
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    for folder in sorted(set(closed)):
        _show_open(folder)


def _show_open(folder: Path) -> None:
    entries = {entry.name: os.open(entry, os.O_PATH) for entry in folder.iterdir()}
    kernel.mount("tmpfs", str(folder), "tmpfs", options="mode=0755")
    for name, descriptor in entries.items():
        target = folder / name
        source = f"/proc/self/fd/{descriptor}"
        if os.path.isdir(source):
            target.mkdir()
        else:
            target.touch()
        kernel.mount(source, str(target), flags=kernel.MS_BIND | kernel.MS_REC)
        os.close(descriptor)


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


_AT_ONE_LEVEL = ("test_hostile.py", "test_session.py", "test_grading.py", "test_turns.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a submission's code can do is tried at every level in `make test`; how notebooks run,
    and the hostile corpus, at the strongest one there, and at every level in `make verify`."""
    for item in items:
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
