"""One submission -> one Result: run its notebooks in sandboxes, run Otter's test files out here.

The test files are Otter's own, unmodified. They run in this process against the names of a remote
notebook; scores are what Otter computes; only the messages are ours, since Otter's would print the
line of the hidden test that failed.
"""

from __future__ import annotations

import copy
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import torch
from otter.test_files import TestCase
from otter.test_files.abstract_test import TestCaseResult
from otter.test_files.exception_test import ExceptionTestFile

from autograder.course import Course, Notebook, Question, labkit_folder
from autograder.diagnosis import Call, explain, known_mistakes
from autograder.intake import Submission, SubmittedNotebook
from autograder.jobs import notebook_to_plain
from autograder.results import (
    NotebookResult,
    QuestionResult,
    Result,
    Status,
    TestResult,
)
from autograder.sandbox.pool import Pool
from autograder.session import Session
from autograder.stages import stage
from labkit.checks import Mismatch, collecting_remarks, seeded


@dataclass(frozen=True)
class Outcome:
    """What came of a test case: why it failed (None if it passed), the calls of the student's
    functions that it made, and what it asks a person to look at."""

    mismatch: Mismatch | None
    calls: tuple[Call, ...]
    remark: str


class Names(Protocol):
    """What test files run against: names, and the calls that were made of them."""

    calls: list[Call]

    def get(self, name: str, default: object = None) -> object: ...


class SealedTestFile(ExceptionTestFile):  # type: ignore[misc]
    """Otter's test file, with inputs drawn from a seed and messages that hold no hidden line."""

    def run_sealed(self, names: Names, key: Sequence[str]) -> list[Outcome]:
        """Run every test case; one outcome each. The scores are Otter's."""
        self.test_case_results = []
        outcomes = []
        for number, case in enumerate(self.test_cases):
            before = len(names.calls)
            with seeded(*key, number), collecting_remarks() as remarks:
                mismatch = _run(case, names)
            message = "" if mismatch is None else str(mismatch)
            self.test_case_results.append(TestCaseResult(case, message, mismatch is None))
            outcomes.append(Outcome(mismatch, tuple(names.calls[before:]), "; ".join(remarks)))
        return outcomes


def _run(case: TestCase, names: Names) -> Mismatch | None:
    try:
        case.body.call_func(names)
    except Mismatch as mismatch:
        return mismatch
    except AssertionError as error:  # a test's own words, written to be read
        return Mismatch(str(error) or "this does not hold", kind="value")
    except Exception as error:
        # What came back was plain data of a shape that the test did not expect. The exception's
        # text may quote a hidden line, so only its type is told.
        said = f"what came back cannot be used here ({type(error).__name__})"
        return Mismatch(said, kind="type")
    return None


class Grader:
    """Grades submissions of one course. Make it once for a class: test files are compiled and
    mistakes are read once. Thread-safe."""

    def __init__(self, course: Course, pool: Pool, missing_layers: Sequence[str] = ()):
        use_bundle(course.root)
        torch.set_num_threads(1)  # checks are small: threads would wait for one another
        self.course = course
        self._pool = pool
        self._missing_layers = tuple(missing_layers)
        self._mistakes = known_mistakes()
        self._compiled = cache(SealedTestFile.from_string)

    def grade(self, submission: Submission, before: Result | None = None) -> Result:
        """The result of one submission; whatever its code does, there is one.

        before  an earlier result: of its notebooks, those that nothing has touched are taken over
        """
        started = time.monotonic()
        kept = {n.key: n for n in before.notebooks if n.key} if before else {}
        results = [
            self._grade_notebook(notebook, submission.notebooks.get(notebook.name), kept)
            for notebook in self.course.notebooks
            if submission.whole or notebook.name in submission.notebooks
        ]
        return Result(
            submission=submission.id,
            members=submission.members,
            score=sum(r.score for r in results),
            possible=sum(r.possible for r in results),
            status=_status(submission, results),
            notebooks=tuple(results),
            problems=submission.problems,
            level=self._pool.level,
            missing_layers=self._missing_layers,
            seed=self.course.seed,
            bundle=self.course.version,
            seconds=round(time.monotonic() - started, 3),
            metadata=dict(submission.metadata),
        )

    def _grade_notebook(
        self,
        notebook: Notebook,
        submitted: SubmittedNotebook | None,
        kept: Mapping[str, NotebookResult],
    ) -> NotebookResult:
        automatic = [q for q in notebook.questions if not q.manual]
        if submitted is None:
            return NotebookResult(
                name=notebook.name,
                title=notebook.title,
                score=0.0,
                possible=notebook.possible,
                status="ok",
                questions=tuple(_unmet(q, "its notebook was not handed in") for q in automatic),
                problem="this notebook was not handed in",
            )
        key = _notebook_key(self.course, notebook, submitted)
        if key in kept:
            return kept[key]
        started = time.monotonic()
        limits = self.course.limits
        with Session(self._pool, submitted.cells, limits, len(automatic)) as session:
            questions = [self._grade_question(notebook, q, session) for q in automatic]
            problems = session.problems
        broken = bool(problems) or any(q.problem for q in questions)
        return NotebookResult(
            name=notebook.name,
            title=notebook.title,
            score=sum(q.score for q in questions),
            possible=notebook.possible,
            status="partly" if broken else "ok",
            file=submitted.file,
            identified_by=submitted.identified_by,
            questions=tuple(questions),
            cells=problems,
            seconds=round(time.monotonic() - started, 3),
            key=key,
        )

    def _grade_question(
        self, notebook: Notebook, question: Question, session: Session
    ) -> QuestionResult:
        started = time.monotonic()
        tests = copy.copy(self._compiled(notebook.test_files[question.name], question.name))
        names = session.names()
        try:
            key = (self.course.seed, notebook.name, question.name)
            with stage("tests"):
                outcomes = tests.run_sealed(names, key)
        finally:
            names.close()
        results = [
            TestResult(
                name=test.name,
                points=test.points,
                passed=outcome.mismatch is None,
                hidden=test.hidden,
                message="" if outcome.mismatch is None else str(outcome.mismatch),
                cause=self._cause(outcome, names.calls),
                remark=outcome.remark,
            )
            for test, outcome in zip(question.tests, outcomes, strict=True)
        ]
        return QuestionResult(
            name=question.name,
            part=question.part,
            title=question.title,
            score=float(tests.score),
            possible=float(question.points),
            tests=tuple(results),
            problem=_problem(outcomes),
            seconds=round(time.monotonic() - started, 3),
        )

    def _cause(self, outcome: Outcome, calls: Sequence[Call]) -> str:
        """The known mistake that explains the failing call, and every other call of the same
        function in this question."""
        mismatch = outcome.mismatch
        if mismatch is None or not outcome.calls:
            return ""
        if mismatch.kind not in ("value", "shape", "not finite", "inputs", "raised"):
            return ""
        wrong = outcome.calls[-1]
        others = [call for call in calls if call is not wrong]
        return explain([*others, wrong], mismatch, self._mistakes)


def ungradable(course: Course, submission: Submission, why: str) -> Result:
    """The result of a submission that could not be graded at all, which is worth 0 until a person
    has looked. It has no key: the next run tries again."""
    notebooks = tuple(
        NotebookResult(
            name=notebook.name,
            title=notebook.title,
            score=0.0,
            possible=notebook.possible,
            status="partly",
            questions=tuple(_unmet(q, why) for q in notebook.questions if not q.manual),
            problem=why,
        )
        for notebook in course.notebooks
        if submission.whole or notebook.name in submission.notebooks
    )
    return Result(
        submission=submission.id,
        members=submission.members,
        score=0.0,
        possible=sum(n.possible for n in notebooks),
        status="partly",
        notebooks=notebooks,
        problems=(why, *submission.problems),
        seed=course.seed,
        bundle=course.version,
        metadata=dict(submission.metadata),
    )


def result_key(course: Course, submission: Submission) -> str:
    """What a result depends on: the submission, the bundle, the seed and this program."""
    limits = repr(course.limits)
    return _key(submission.digest, course.version, course.seed, limits, engine_version())


def _notebook_key(course: Course, notebook: Notebook, submitted: SubmittedNotebook) -> str:
    content = json.dumps(notebook_to_plain(submitted))
    limits = repr(course.limits)
    return _key(notebook.version, course.seed, limits, engine_version(), content)


def _key(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


@cache
def engine_version() -> str:
    """A hash of this program."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _unmet(question: Question, why: str) -> QuestionResult:
    tests = tuple(TestResult(t.name, t.points, False, t.hidden, why) for t in question.tests)
    return QuestionResult(
        question.name, question.part, question.title, 0.0, float(question.points), tests
    )


def _problem(outcomes: Sequence[Outcome]) -> str:
    """Why a question could not run to its end: its process was lost, or took too long."""
    for outcome in outcomes:
        if outcome.mismatch is not None and outcome.mismatch.kind in ("died", "too long"):
            return str(outcome.mismatch)
    return ""


def _status(submission: Submission, results: Sequence[NotebookResult]) -> Status:
    if not submission.notebooks:
        return "unreadable"
    return "partly" if any(r.status != "ok" for r in results) else "ok"


def use_bundle(root: Path) -> None:
    """Make `labkit` and `solutions` importable, from this bundle and by absolute path.

    The modules of another bundle, if one was used before in this process, are forgotten."""
    places = [str(root / "notebooks"), str(root)]
    if sys.path[:2] == places:
        return
    sys.path[:] = [*places, *(p for p in sys.path if p not in places)]
    for name in [n for n in sys.modules if n == "solutions" or n.startswith("solutions.")]:
        del sys.modules[name]


def public_files(root: Path) -> dict[str, Path]:
    """What lies beside a student's notebook: labkit, and the data that notebooks read."""
    files = {"labkit": labkit_folder(root)}
    data = root / "data"
    if data.is_dir():
        files |= {f"data/{p.name}": p for p in sorted(data.iterdir()) if p.name != "submissions"}
    return files


__all__ = ["Grader", "SealedTestFile", "public_files", "result_key", "use_bundle"]
