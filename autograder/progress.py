"""What an instructor sees while a class is graded.

On a terminal a bar with rate and time left, and a line for each submission that went wrong. A pipe
stays quiet until the summary.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from autograder.reports.wording import first_word, plain
from autograder.results import Result


class _Rate(ProgressColumn):
    """How many a minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{60 * task.speed:.0f}/min" if task.speed else "")


class Shown:
    """The bar, there once anything is expected, and lines above it."""

    def __init__(self, progress: Progress, total: int, done: int, what: str):
        self._progress = progress
        self._quiet = progress.disable
        self._task = progress.add_task(what, total=total, completed=done, visible=total > 0)

    def expect(self, total: int) -> None:
        """As many are to be done from now on."""
        self._progress.reset(self._task, total=total, visible=total > 0)

    def advance(self, result: Result | None = None) -> None:
        """One more is done; a line for a result that went wrong."""
        if result is not None and result.status != "ok":
            self.say(f"{result.status:<10} {plain(result.submission, 60)}  {first_problem(result)}")
        self._progress.advance(self._task)

    def say(self, line: str, always: bool = False) -> None:
        """A line above the bar; where there is none, nothing, or to standard error `always`."""
        if self._quiet and always:
            print(line, file=sys.stderr)
        elif not self._quiet:
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def shown(console: Console, total: int, done: int = 0, what: str = "Grading") -> Iterator[Shown]:
    """A bar for `total` submissions, of which some are `done` already."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield Shown(progress, total, done, what)


def first_problem(result: Result) -> str:
    """What should be known first about a result, on one line."""
    return " ".join(plain(first_word(result), 100).split())
