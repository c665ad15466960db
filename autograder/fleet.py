"""A class of submissions -> their results, several at once, each written as it comes.

Results that OUT already holds for the same submission, bundle, seed and grader are kept; where only
one notebook's tests were corrected, only that notebook is graded again. What an instructor decided
since (OUT/overrides.toml) is applied to whatever is shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from autograder import overrides, reports
from autograder.course import Course
from autograder.grading import Grader, public_files, result_key
from autograder.intake import Submission
from autograder.reports.wording import plain, points
from autograder.results import Result
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import Level


@dataclass(frozen=True)
class Summary:
    """What came of a class, as it counts: `failed` names the submissions on which the grader itself
    failed."""

    results: tuple[Result, ...]
    failed: tuple[str, ...]


def grade_class(
    course: Course,
    submissions: Sequence[Submission],
    out: Path,
    *,
    private: Sequence[Path] = (),
    jobs: int = 1,
    required: Level | None = None,
    trust_input: bool = False,
    fresh: bool = False,
) -> Summary:
    """Grade every submission, write its reports and the class's into `out`, and say so on the
    terminal. Raises NoSandboxError, and OverridesError before anything is graded."""
    console = Console()
    decided = overrides.read(out / overrides.FILE, course)
    before = {s.id: reports.score_shown(out, s.id) for s in submissions}
    keys = {s.id: result_key(course, s) for s in submissions}
    earlier = {} if fresh else {s.id: reports.read(out, s.id) for s in submissions}
    kept = {name: r for name, r in earlier.items() if r is not None and r.key == keys[name]}
    todo = [s for s in submissions if s.id not in kept]
    results, failed = {}, []
    for identifier, result in kept.items():
        results[identifier] = decided.apply(result)
        reports.write(results[identifier], course, out)
    if todo:
        level, missing = choose([course.root / "solutions", *private], required, trust_input)
        jobs = min(jobs, len(todo))
        with (
            Pool(level, public_files(course.root), course.limits, jobs, ahead=True) as pool,
            _progress(console, len(submissions), len(kept)) as advance,
            ThreadPoolExecutor(jobs) as threads,
        ):
            grader = Grader(course, pool, missing)
            futures = {threads.submit(grader.grade, s, earlier.get(s.id)): s for s in todo}
            for future in as_completed(futures):
                submission = futures[future]
                try:
                    result = replace(future.result(), key=keys[submission.id])
                    results[submission.id] = decided.apply(result)
                    reports.write(results[submission.id], course, out)
                    reports.keep(result, out)  # last: where it is there, all are
                except Exception as error:  # ours, not the student's: the others go on
                    failed.append(submission.id)
                    said = f"autograder: the grader failed on {submission.id}: {error!r}"
                    print(said, file=sys.stderr)
                advance()
    ordered = [results[s.id] for s in submissions if s.id in results]
    reports.write_class(ordered, course, out)
    reports.show(ordered, course, console)
    for line in _changes(before, ordered):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    console.print(f"Report: {out / 'report.html'}", soft_wrap=True)
    return Summary(tuple(ordered), tuple(failed))


def _changes(before: Mapping[str, float | None], results: Sequence[Result]) -> Iterator[str]:
    """A line for each score that is another than what was shown before."""
    for result in results:
        shown = before[result.submission]
        if shown is not None and abs(shown - result.score) > 1e-9:
            scores = f"{points(shown)} -> {points(result.score)} of {points(result.possible)}"
            yield f"Score changed: {plain(result.submission, 120)}  {scores}"


@contextmanager
def _progress(console: Console, total: int, done: int) -> Iterator[Any]:
    """A progress bar on a terminal; nothing in a pipe."""
    columns = (
        TextColumn("Grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("grading", total=total, completed=done)
        yield lambda: progress.advance(task)
