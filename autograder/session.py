"""One notebook, run once in a sandbox, and ready to be asked about what it defined.

Comes in: the code cells of a submission. Goes out: what went wrong with which cell, and forks of
the process that holds the notebook's names. A cell that runs too long is interrupted, as Jupyter's
stop button would; one that takes the whole process down is left out, and the rest runs again.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from autograder.course import Limits
from autograder.forks import Fork, Forks
from autograder.intake import Cell
from autograder.notebook import IGNORED
from autograder.patience import Allowance, Patience
from autograder.remote import Budget, RemoteNamespace, say
from autograder.results import CellProblem
from autograder.sandbox import processors
from autograder.sandbox.child import Child, ForkForbiddenError
from autograder.sandbox.freeze import Account
from autograder.sandbox.pool import Pool
from autograder.stages import stage
from autograder.wire import Closed, TimedOut, WireError

_STAY_SECONDS = 5.0
_GRACE_SECONDS = 2.0  # between the interrupt and the end of a cell that does not heed it
_RERUNS = 3  # without the cell that died; after that, without anything from there on
_RUNS_OF_TIME = 2  # all runs of a notebook together may take this many times its limit
_DEFINITION = re.compile(r"^(?:async\s|def\s|class\s|import\s|from\s|@)", re.MULTILINE)


def _counts(cell: Cell) -> bool:
    """Whether it is run: one that measures and draws is not."""
    return IGNORED not in cell.tags


def _defines(cell: Cell) -> bool:
    """Whether something is defined in a cell that is not run: that much of it is."""
    return bool(_DEFINITION.search(cell.source))


class Session:
    """A notebook in a sandbox. Use as a context manager; `problems` is known once it is entered.

    forks  how many will be asked for, so that they are made ahead
    """

    def __init__(self, pool: Pool, cells: Sequence[Cell], limits: Limits, forks: int = 1):
        self._pool = pool
        self._limits = limits
        self._cells = [c for c in cells if c.kind == "code" and (_counts(c) or _defines(c))]
        self._left_out: set[int] = set()
        self._problems: dict[int, CellProblem] = {}
        self._all_runs = Allowance(_RUNS_OF_TIME * limits.notebook_seconds)
        self._expected = forks
        self._child: Child | None = None
        self._lost = False
        self._patience = Patience(self._account)

    def __enter__(self) -> Session:
        try:
            self._run()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        with stage("ending"):
            self._close()
            self._pool.make_ahead()

    @property
    def problems(self) -> tuple[CellProblem, ...]:
        """The cells that did not run to their end, in order."""
        return tuple(self._problems[number] for number in sorted(self._problems))

    def names(self, device: str = "cpu", wanted: Sequence[str] = ()) -> RemoteNamespace:
        """The notebook's names, for one question, which has its own time to use. `device` is where
        tensors go that its functions are given; `wanted` are the names it will ask for."""
        budget = Budget(self._limits.question_seconds, self._limits.question_bytes)
        return RemoteNamespace(self.fork, self.reap, self._patience, budget, device, wanted)

    def freeze(self) -> Account:
        """Stop everything in the sandbox, until `thaw`; how its time was spent so far. Raises
        Closed, TimedOut."""
        assert self._child is not None
        return self._child.freeze()

    def thaw(self) -> None:
        """Let everything that `freeze` stopped go on."""
        assert self._child is not None
        self._child.thaw()

    def _account(self) -> Account:
        assert self._child is not None
        return self._child.account()

    def _run(self) -> None:
        """Run the cells until a run comes through, leaving out what took the process down."""
        for rerun in range(_RERUNS + 2):
            child = self._start()
            with stage("cells"):
                died = self._run_cells(child)
            if died is None:
                return
            self._close()
            later = [c.number for c in self._cells if c.number > died]
            self._left_out.add(died)
            if rerun >= _RERUNS:
                for number in later:
                    self._skip(number, "cells before it ended the process again and again")
        self._start()  # nothing of it can be run: an empty notebook

    def _start(self) -> Child:
        with stage("sandbox"):
            self._child = self._pool.child()
        self._patience.new_sandbox()
        self._forks = Forks(self._child, self._expected)
        return self._child

    def _run_cells(self, child: Child) -> int | None:
        """Run every cell that is not left out; the number of the one that ended the process."""
        run = Allowance(self._limits.notebook_seconds)
        for cell in self._cells:
            if cell.number in self._left_out:
                continue
            if min(run.left, self._all_runs.left) <= 0:
                self._skip(cell.number, "the time for the whole notebook was used up")
            elif not self._run_cell(child, cell, run):
                return cell.number
        return None

    def _run_cell(self, child: Child, cell: Cell, run: Allowance) -> bool:
        """Run one cell, and interrupt it when its time is up; False if the process is lost."""
        alone = Allowance(self._limits.cell_seconds)
        limits = alone, run, self._all_runs
        seconds = min(limit.left for limit in limits)
        try:
            self._try_cell(child, cell, seconds, limits)
        except WireError:
            over = child.close().get("over")
            if over:
                said = f"used more than a submission may in all its processes ({over})"
            elif alone.spent < seconds:
                said = "ended the whole process (an exit, a crash, or too much memory)"
            else:
                said = f"ran longer than {seconds:.3g} seconds and could not be interrupted"
            self._note(cell.number, "died", f"{said}, and was left out")
            return False
        return True

    def _try_cell(
        self, child: Child, cell: Cell, seconds: float, limits: Sequence[Allowance]
    ) -> None:
        nonce = child.start(
            {
                "op": "cell",
                "source": cell.source,
                "whole": _counts(cell),
                "processors": processors.available(),
            },
            time.monotonic() + seconds,
        )
        try:
            answer = self._patience.within(lambda by: child.finish(nonce, by), *limits)
        except TimedOut:
            child.interrupt()
            child.finish(nonce, time.monotonic() + _GRACE_SECONDS)
            self._note(
                cell.number,
                "too long",
                f"ran longer than {seconds:.3g} seconds and was stopped; what it had defined by "
                "then is kept",
            )
            return
        if answer.get("ok") is not True:
            self._note(cell.number, "raised", f"raised {say(answer)}")

    def _note(self, number: int, kind: str, message: str) -> None:
        self._problems[number] = CellProblem(number, kind, message)  # type: ignore[arg-type]

    def _skip(self, number: int, why: str) -> None:
        self._left_out.add(number)
        self._note(number, "skipped", f"was not run: {why}")

    def fork(self) -> Fork:
        """A fork of the notebook's process; of a new run if that process is gone. Raises Closed
        where a new run cannot be forked either: then there is nothing to ask any more."""
        if self._lost:
            raise Closed("the notebook's process cannot be reached")
        try:
            return self._take()
        except WireError:
            self._close()
        self._run()
        try:
            return self._take()
        except WireError as error:
            self._lost = True
            raise Closed(str(error)) from None

    def _take(self) -> Fork:
        """A fork, or, where CUDA forbids one, the notebook's process itself: then the notebook is
        run again for whoever asks next."""
        assert self._child is not None
        try:
            fork = self._forks.take()
            if not self._forks.more:
                self._pool.make_ahead()
            return fork
        except ForkForbiddenError:
            self._child.ask({"op": "stay"}, time.monotonic() + _STAY_SECONDS)
            if self._pool.devices:  # elsewhere no honest process is asked twice
                self._all_runs = Allowance(_RUNS_OF_TIME * self._limits.notebook_seconds)
            return Fork(self._child.channel, None)

    def reap(self, fork: Fork, wait: bool = True) -> int | None:
        """End a fork; where waited for, how it ended (None where that cannot be learnt)."""
        fork.channel.close()
        if fork.alone:
            assert self._child is not None
            ended = self._child.close().get("status")
            return ended if isinstance(ended, int) else None
        try:
            return self._forks.reap(fork, wait)
        except WireError:
            self._close()  # it does not answer; the next question starts a new one
            return None

    def _close(self) -> None:
        if self._child is not None:
            self._forks.close()
            self._child.end()
