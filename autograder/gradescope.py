"""One run in Gradescope's container: ROOT/submission -> ROOT/results/results.json.

The grading comes first, and is written before anything is timed; every timing is written as it
comes. So whatever happens to the timing, what was graded is there.
"""

from __future__ import annotations

import json
import signal
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder import intake, reports
from autograder.archives import write as write_file
from autograder.bundle_in_use import public_files
from autograder.course import Course
from autograder.grading import Grader, engine_version, ungradable
from autograder.intake import Submission
from autograder.jobs import Grading, Job, Outcome
from autograder.notebook import CourseError
from autograder.results import Result
from autograder.sandbox.levels import NoSandboxError, choose
from autograder.sandbox.pool import Pool
from autograder.stopwatch import SLOTS, Stopwatch
from autograder.timing_jobs import time_class, untimed
from autograder.work import timed

_APOLOGY = (
    "The autograder itself failed on this submission; this is not your code's doing. Your "
    "instructors can see the reason; you do not need to hand in again."
)
_CONTAINER_SECONDS = 38 * 60.0  # of 40 minutes at most: Gradescope ends it then, results or none
NOT_GRADED = "not graded: the time that Gradescope gives was used up before it was this one's turn"
LATE = "not run here: the time for it on Gradescope was used up"


class _TimeUp(BaseException):
    """Of no kind that anybody on the way takes for a fault of theirs."""


def run(course: Course, root: Path) -> None:
    """Grade what lies in ROOT/submission. There is always a results.json; where the grader itself
    fails, it says so, and that is the only case without a score; where the time is used up, it
    has what was graded by then."""
    end, graded = time.monotonic() + _CONTAINER_SECONDS, False
    try:
        for result in _results(course, root, end):
            _write(reports.results_json(result, course), root)
            graded = True
    except Exception as error:  # whatever it is: Gradescope shows nothing without a results.json
        traceback.print_exc()
        if not graded:
            apologize(error, root)


def apologize(error: Exception, root: Path) -> None:
    """The results.json of a run in which the grader itself failed: why is for instructors."""
    why = str(error) if isinstance(error, CourseError | NoSandboxError) else repr(error)
    _write({"output": _APOLOGY, "tests": [], "extra_data": {"grader_failed": why}}, root)


def _write(results: dict[str, Any], root: Path) -> None:
    text = json.dumps(results, indent=2, ensure_ascii=False)
    write_file(root / "results" / "results.json", text.encode())


def _results(course: Course, root: Path, end: float) -> Iterator[Result]:
    """What was graded; then the same again with each timing more, until `end` at the latest."""
    submission = _submission(course, root)
    private = [course.root / "solutions", root / "submission", root / "results"]
    level, missing = choose([p for p in private if p.exists()])
    with Pool(level, public_files(course.root), course.limits, SLOTS) as pool:
        result = _graded(Grader(course, pool, missing), submission, end)
        yield result
        seconds = min(course.timing_on_gradescope, end - time.monotonic())
        names = tuple(n.name for n in course.notebooks)
        yield from time_class(
            course,
            [submission],
            {submission.id: result},
            before={},
            grading=Grading(course.seed, names, course.version, engine_version(), level),
            timing=course.timing_on_gradescope > 0,
            gpu=False,
            run=_one_by_one(Stopwatch(course, pool), seconds),
        )


def _graded(grader: Grader, submission: Submission, end: float) -> Result:
    """The result; of notebooks that are not graded by `end`, that they are not."""
    left = {n.name: n for n in ungradable(grader.course, submission, NOT_GRADED).notebooks}
    notebooks = dict(left)
    with suppress(_TimeUp), _time_limit(end - time.monotonic()):
        for notebook in grader.notebooks(submission):
            notebooks[notebook.name] = notebook
    return grader.result(submission, list(notebooks.values()))


def _one_by_one(
    stopwatch: Stopwatch, seconds: float
) -> Callable[[Sequence[Job]], Generator[Outcome]]:
    """What does timing jobs here, as many as `seconds` allow."""

    def do(jobs: Sequence[Job]) -> Generator[Outcome]:
        end = time.monotonic() + seconds
        for job in jobs:
            try:
                with _time_limit(end - time.monotonic()):
                    outcome = Outcome(job.id, timing=timed(stopwatch, job))
            except _TimeUp:
                outcome = Outcome(job.id, timing=replace(untimed(job), problem=LATE))
            except Exception as error:  # the others go on
                outcome = Outcome(job.id, error=repr(error))
            yield outcome

    return do


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Raises _TimeUp within, after so many seconds, wherever it is. For the main thread."""

    def ring(*_: object) -> None:
        raise _TimeUp

    before = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6))
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _submission(course: Course, root: Path) -> Submission:
    """What was handed in, with the names and times of submission_metadata.json, if there is one."""
    members, metadata = who(root / "submission_metadata.json")
    folder = (root / "submission").resolve()
    paths = [folder] if folder.is_dir() else []
    return intake.read_one(
        paths, course, name="submission", whole=True, members=members, metadata=metadata
    )


def who(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Members and metadata, as Gradescope's file says; nothing where it cannot be read."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return (), {}
    if not isinstance(data, dict):
        return (), {}
    users = data.get("users")
    users = users if isinstance(users, list) else []
    names = [str(user["name"]) for user in users if isinstance(user, dict) and "name" in user]
    metadata = {"source": "Gradescope", "submitted": str(data.get("created_at", ""))}
    return tuple(names), metadata
