"""What instructors decide after grading, in a small file beside the grades: OUT/overrides.toml.

Comes in: that file, and a Result as it was graded. Goes out: the Result as it counts. Nothing is
run again, the graded result is kept as it was, and each decision stands in the reports with its
reason. For example:

    [[void]]    # a test that counts for nobody
    test = "q_coding_ssm_forward_cpu 2a: right at any length"
    reason = "its tolerance was too tight"

    [[points]]  # a test that is worth something else
    test = "q_coding_ssm_forward_cpu 2c: the work of the recurrence"
    points = 2
    reason = "as announced in lecture"

    [[adjust]]  # points for one submission, more or fewer
    submission = "ada"
    points = 1.5
    reason = "explained it in office hours"

    [[extend]]  # more time for one submission; being late is the LMS's business, so it is only told
    submission = "ben"
    until = 2026-12-01
    reason = "ill"
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.near import meant
from autograder.reports.wording import label
from autograder.results import Adjustment, NotebookResult, QuestionResult, Result, TestResult

FILE = "overrides.toml"
_KEYS: dict[str, dict[str, tuple[type, ...]]] = {
    "void": {"test": (str,)},
    "points": {"test": (str,), "points": (int, float)},
    "adjust": {"submission": (str,), "points": (int, float)},
    "extend": {"submission": (str,), "until": (date,)},
}
_MEANT = {str: "text", float: "a number", date: "a date like 2026-12-01"}


class OverridesError(Exception):
    """An overrides file that cannot be used. The text names the entry and what to do."""


@dataclass(frozen=True)
class Overrides:
    """tests        a test's label ("q_x 2a: right at any length") -> what it is worth, and a note
    submissions  a submission's id -> its adjustments, in the order of the file"""

    tests: Mapping[str, tuple[float, str]] = field(default_factory=dict)
    submissions: Mapping[str, tuple[Adjustment, ...]] = field(default_factory=dict)

    def apply(self, result: Result) -> Result:
        """The result as it counts."""
        notebooks = tuple(self._notebook(notebook) for notebook in result.notebooks)
        granted = self.submissions.get(result.submission, ())
        extra = sum(adjustment.points for adjustment in granted)
        return replace(
            result,
            notebooks=notebooks,
            score=max(0.0, result.score + _change(result.notebooks, notebooks, "score") + extra),
            possible=result.possible + _change(result.notebooks, notebooks, "possible"),
            adjustments=granted,
        )

    def _notebook(self, notebook: NotebookResult) -> NotebookResult:
        questions = tuple(
            self._question(label(notebook, question), question) for question in notebook.questions
        )
        return replace(
            notebook,
            questions=questions,
            score=notebook.score + _change(notebook.questions, questions, "score"),
            possible=notebook.possible + _change(notebook.questions, questions, "possible"),
        )

    def _question(self, name: str, question: QuestionResult) -> QuestionResult:
        tests = tuple(self._test(f"{name}: {test.name}", test) for test in question.tests)
        change = [(now.points - before.points, now.passed)
                  for before, now in zip(question.tests, tests, strict=True)]  # fmt: skip
        return replace(
            question,
            tests=tests,
            score=question.score + sum(more for more, passed in change if passed),
            possible=question.possible + sum(more for more, _ in change),
        )

    def _test(self, name: str, test: TestResult) -> TestResult:
        if name not in self.tests:
            return test
        worth, note = self.tests[name]
        return replace(test, points=worth, note=note)


def read(file: Path, course: Course, submissions: Collection[str]) -> Overrides:
    """The overrides in `file`, which may be about these submissions and those that have a result
    beside it; none where there is no file. Raises OverridesError."""
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Overrides()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OverridesError(f"{file} cannot be read as TOML: {error}") from None
    known = {
        f"{label(notebook, question)}: {test.name}": test.points
        for notebook in course.notebooks
        for question in notebook.questions
        for test in question.tests
    }
    graded = {path.parent.name for path in file.parent.glob("*/result.json")} | {*submissions}
    tests: dict[str, tuple[float, str]] = {}
    places: dict[str, str] = {}
    granted: dict[str, tuple[Adjustment, ...]] = {}
    for kind, entry, where in _entries(file, table):
        reason = entry["reason"]
        if kind in ("void", "points"):
            test = entry["test"]
            if test not in known:
                raise OverridesError(f"{where}: no test is called '{test}'{_near(test, known)}")
            worth = float(entry.get("points", 0))
            if worth < 0:
                raise OverridesError(f"{where}: 'points' of a test are to be 0 or more")
            instead = f"counts for nobody: {reason}"
            if kind == "points":
                instead = f"worth {worth:g} instead of {known[test]:g}: {reason}"
            if test in tests:
                raise OverridesError(f"{where}: {places[test]} is about '{test}' too: keep one")
            tests[test], places[test] = (worth, instead), where
        else:
            more = Adjustment(float(entry.get("points", 0)), reason)
            if kind == "extend":
                more = Adjustment(0.0, f"extended to {entry['until']}: {reason}")
            name = entry["submission"]
            if name not in graded:
                said = f"no submission is called '{name}'{_near(name, graded)}"
                raise OverridesError(f"{where}: {said}")
            granted[name] = (*granted.get(name, ()), more)
    return Overrides(tests, granted)


def _entries(file: Path, table: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Every entry with its kind and, for messages, its place; checked."""
    for kind, entries in table.items():
        if kind not in _KEYS:
            raise OverridesError(f"{file}: '{kind}' is not known{_near(kind, _KEYS)}")
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise OverridesError(f"{file}: write [[{kind}]], with two brackets, above each entry")
        for number, entry in enumerate(entries, 1):
            where = f"{file}, [[{kind}]] number {number}"
            wanted = {**_KEYS[kind], "reason": (str,)}
            for key in entry:
                if key not in wanted:
                    raise OverridesError(f"{where}: '{key}' is not a key{_near(key, wanted)}")
            for key, types in wanted.items():
                value = entry.get(key)
                if isinstance(value, bool) or not isinstance(value, types):
                    meant = _MEANT[types[-1]]
                    raise OverridesError(f"{where}: give '{key}' ({meant})")
                if isinstance(value, float) and not isfinite(value):
                    raise OverridesError(f"{where}: '{key}' is to be a finite number")
            if not entry["reason"].strip():
                raise OverridesError(f"{where}: give a reason: its authors will read it")
            yield kind, entry, where


def _near(name: str, known: Collection[str]) -> str:
    return meant(name, known, f"; known: {', '.join(list(known)[:4])} ...")


def _change(before: tuple[Any, ...], after: tuple[Any, ...], name: str) -> float:
    """By how much a number grew, summed over records."""
    pairs = zip(before, after, strict=True)
    return float(sum(getattr(new, name) - getattr(old, name) for old, new in pairs))
