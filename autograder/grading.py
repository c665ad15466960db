"""One submission -> one Result: run its notebooks in sandboxes, and their tests out here.

All public tests of a notebook run before its first hidden one; see `autograder.sealed_tests`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite
from pathlib import Path

import torch

from autograder.bundle_in_use import use_bundle
from autograder.course import Course
from autograder.diagnosis import cause, known_mistakes
from autograder.intake import Submission, SubmittedNotebook
from autograder.jobs import notebook_to_plain
from autograder.notebook import Notebook, Question
from autograder.remote import RemoteNamespace
from autograder.results import (
    NOT_HANDED_IN,
    CellProblem,
    NotebookResult,
    QuestionResult,
    Result,
    Status,
    TestResult,
    devices,
)
from autograder.sandbox.pool import Pool
from autograder.sandbox.seal import Level
from autograder.sealed_tests import Outcome, SealedTestFile, compiled
from autograder.session import Session
from autograder.stages import stage
from labkit.checks import Mismatch


@dataclass
class _Asked:
    """A question while it is graded: its tests, the names they ask, the seconds it took."""

    question: Question
    tests: SealedTestFile
    names: RemoteNamespace
    seconds: float = 0.0

    @classmethod
    def of(cls, question: Question, notebook: Notebook, session: Session, device: str) -> _Asked:
        tests = copy.copy(compiled(notebook.test_files[question.name], question.name))
        return cls(question, tests, session.names(device, tests.wanted))


class Grader:
    """Grades submissions of one course. Make it once for a class: test files are compiled and
    mistakes are read once. Thread-safe.

    device  where tests put the tensors that they give to functions
    """

    device = "cpu"

    def __init__(self, course: Course, pool: Pool, missing_layers: Sequence[str] = ()):
        use_bundle(course.root)
        torch.set_num_threads(1)  # checks are small: threads would wait for one another
        self.course = course
        self.pool = pool
        self._missing_layers = tuple(missing_layers)
        self._mistakes = known_mistakes()

    def grade(self, submission: Submission, before: Result | None = None) -> Result:
        """The result of one submission; whatever its code does, there is one.

        before  an earlier result: of its notebooks, those that nothing has touched are taken over
        """
        started = time.monotonic()
        result = self.result(submission, list(self.notebooks(submission, before)))
        return replace(result, seconds=round(time.monotonic() - started, 3))

    def notebooks(
        self, submission: Submission, before: Result | None = None
    ) -> Iterator[NotebookResult]:
        """The same, one notebook after another."""
        kept = {n.key: n for n in before.notebooks if n.key} if before else {}
        for notebook in self.course.notebooks:
            if submission.whole or notebook.name in submission.notebooks:
                yield self._grade_notebook(notebook, submission.notebooks.get(notebook.name), kept)

    def result(self, submission: Submission, graded: Sequence[NotebookResult]) -> Result:
        """The result of a submission whose notebooks have these."""
        return Result(
            submission=submission.id,
            members=submission.members,
            score=sum(notebook.score for notebook in graded),
            possible=sum(notebook.possible for notebook in graded),
            status=_status(submission, graded),
            notebooks=tuple(graded),
            problems=submission.problems,
            level=self.pool.level,
            device=devices(graded, ()),
            missing_layers=self._missing_layers,
            seed=self.course.seed,
            bundle=self.course.version,
            seconds=sum(notebook.seconds for notebook in graded),
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
                problem=NOT_HANDED_IN,
            )
        key = _notebook_key(self.course, notebook, submitted, self.pool.level)
        if key in kept:
            return kept[key]
        started = time.monotonic()
        with self._session(notebook, submitted) as session:
            questions, problems = self._grade_questions(notebook, session)
            values = _values(notebook, session)
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
            device=self.device,
            key=key,
            values=values,
        )

    def _session(self, notebook: Notebook, submitted: SubmittedNotebook) -> Session:
        """The notebook in a sandbox, with as many forks ahead as its tests will ask for."""
        forks = sum(not q.manual for q in notebook.questions) + bool(notebook.reported)
        return Session(self.pool, submitted.cells, self.course.limits, forks)

    def _grade_questions(
        self, notebook: Notebook, session: Session
    ) -> tuple[list[QuestionResult], tuple[CellProblem, ...]]:
        """The automatic questions, all their public tests before the first hidden one; and what was
        wrong with cells until then: in a run after that, their words could hold hidden inputs."""
        asked = [
            _Asked.of(q, notebook, session, self.device) for q in notebook.questions if not q.manual
        ]
        for one in asked:
            self._run_tests(one, notebook, hidden=False)
        problems = session.problems
        results = []
        while asked:
            one = asked.pop(0)  # and let go of what its calls returned
            self._run_tests(one, notebook, hidden=True)
            one.names.close()
            results.append(self._question_result(one))
        return results, problems

    def _run_tests(self, one: _Asked, notebook: Notebook, hidden: bool) -> None:
        started = time.monotonic()
        key = (self.course.seed, notebook.name, one.question.name)
        with stage("tests"):
            one.tests.run_sealed(one.names, key, hidden)
        one.seconds += time.monotonic() - started

    def _question_result(self, one: _Asked) -> QuestionResult:
        question = one.question
        outcomes = [outcome for _, outcome in sorted(one.tests.outcomes.items())]
        results = [
            TestResult(
                name=test.name,
                points=test.points,
                passed=outcome.mismatch is None,
                hidden=test.hidden,
                message=outcome.message,
                cause=cause(outcome.mismatch, outcome.calls, one.names.calls, self._mistakes),
                remark=outcome.remark,
            )
            for test, outcome in zip(question.tests, outcomes, strict=True)
        ]
        return QuestionResult(
            name=question.name,
            part=question.part,
            title=question.title,
            score=float(one.tests.score),
            possible=float(question.points),
            tests=tuple(results),
            problem=_problem(outcomes),
            seconds=round(one.seconds, 3),
        )


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


def _notebook_key(
    course: Course, notebook: Notebook, submitted: SubmittedNotebook, level: Level
) -> str:
    """What the result of one notebook depends on; its sandbox too, so that a result's `level` is
    true of all its notebooks."""
    content = json.dumps([notebook_to_plain(submitted), notebook.reported])
    limits = repr(course.limits)
    return _key(notebook.version, course.seed, limits, engine_version(), level, content)


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


def _values(notebook: Notebook, session: Session) -> dict[str, float]:
    """Of the numbers that the class report shows, those that are there and finite."""
    found: dict[str, float] = {}
    if not notebook.reported:
        return found
    names = session.names(wanted=notebook.reported)
    for name in notebook.reported:
        with suppress(Mismatch):
            value = names.get(name)
            if isinstance(value, int | float) and type(value) is not bool and isfinite(value):
                found[name] = float(value)
    names.close()
    return found


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
