"""Results -> what the class report says, as plain records. The template only lays it out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from autograder.course import Course
from autograder.reports.wording import (
    cell_sentence,
    label,
    needs_a_person,
    plain,
    question_labels,
    questions,
)
from autograder.results import QuestionResult, Result

HOURS = "hours"  # what a notebook may report in its `values`
_MOST_HOURS = 200.0  # what is above is a slip of the keyboard
_MOST_LINES = 8


@dataclass(frozen=True)
class Part:
    """A question over the whole class: `mean` points of `possible`; how many of the `count`
    submissions that were graded on it earned all of them, and how many none."""

    notebook: str
    part: str
    title: str
    possible: float
    mean: float
    full: int
    count: int
    none: int = 0

    @property
    def share(self) -> float:
        return self.mean / self.possible if self.possible else 1.0

    @property
    def some(self) -> int:
        return self.count - self.full - self.none


@dataclass(frozen=True)
class Case:
    """A submission that a person should look at: what is known of it, one line each, and the
    command that runs it again."""

    result: Result
    lines: tuple[str, ...]
    command: str


def class_parts(results: Sequence[Result], course: Course) -> list[Part]:
    """Every question that somebody was graded on, in the course's order."""
    found = []
    for name in question_labels(course, results):
        asked = [q for r in results if (q := questions(r).get(name))]
        if asked:
            notebook, _, part = name.partition(" ")
            full = sum(map(_complete, asked))
            none = sum(q.score <= 0 and not _complete(q) for q in asked)
            average = mean(q.score for q in asked)
            found.append(
                Part(notebook, part, asked[0].title, asked[0].possible, average, full, len(asked),
                     none)
            )  # fmt: skip
    return found


def _complete(question: QuestionResult) -> bool:
    """All points earned; without any to earn, all that was asked is there (or counts no more)."""
    if question.possible > 0:
        return question.score >= question.possible
    return all(test.passed or test.note for test in question.tests)


def common_causes(results: Iterable[Result]) -> list[tuple[str, int]]:
    """Known mistakes with the number of submissions that made each, most common first."""
    return Counter(
        cause
        for result in results
        for cause in {t.cause for q in questions(result).values() for t in q.tests if t.cause}
    ).most_common()


def reported_hours(results: Iterable[Result]) -> list[float]:
    """The hours that submissions reported, where a notebook asks for them."""
    told = (n.values[HOURS] for r in results for n in r.notebooks if HOURS in n.values)
    return sorted(hours for hours in told if 0 < hours <= _MOST_HOURS)


def cases(results: Iterable[Result], again: Sequence[str] = ()) -> list[Case]:
    """What needs a person. `again` is the command that graded the class, without what tells one
    submission from another."""
    return [
        Case(result, tuple(_diagnosis(result)), _command(result, again))
        for result in results
        if needs_a_person(result)
    ]


def _command(result: Result, again: Sequence[str]) -> str:
    if not again:
        return ""
    words = [
        *again,
        "--submission",
        result.submission,
        *(["--seed", result.seed] * bool(result.seed)),
    ]
    return shlex.join(words)


def _diagnosis(result: Result) -> Iterator[str]:
    """All that is known, the most important first, on at most so many lines."""
    lines = [plain(problem, 300) for problem in result.problems]
    for notebook in result.notebooks:
        told = [notebook.problem] if notebook.problem and not result.problems else []
        told += [cell_sentence(problem) for problem in notebook.cells]
        lines += [plain(f"{notebook.name}: {text}", 300) for text in told]
        for question in notebook.questions:
            remarks = [f"{t.name}: {t.remark}" for t in question.tests if t.remark]
            told = [question.problem] if question.problem else []
            lines += [plain(f"{label(notebook, question)}: {text}", 300) for text in told + remarks]
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"... and {len(lines) - _MOST_LINES} more lines in its feedback"


def decisions(results: Iterable[Result]) -> Iterator[str]:
    """What instructors changed, with their reasons: tests first, each once, then submissions."""
    results = list(results)
    yield from dict.fromkeys(
        f"{label(n, q)}: {t.name}: {t.note}"
        for result in results
        for n in result.notebooks
        for q in n.questions
        for t in q.tests
        if t.note
    )
    for result in results:
        for more in result.adjustments:
            added = f"{more.points:+g} points, " if more.points else ""
            yield f"{result.submission}: {added}{more.reason}"
