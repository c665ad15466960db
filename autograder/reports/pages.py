"""Results -> pages: feedback for one submission's authors, and a report of the class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from autograder.course import Course
from autograder.intake import Submission
from autograder.reports.remarks import blocks
from autograder.reports.render import render
from autograder.reports.wording import label, needs_a_person, question_labels, questions
from autograder.results import Result


@dataclass(frozen=True)
class Part:
    """A question over the whole class: `mean` points of `possible`, and how many of the `count`
    submissions that were graded on it earned all of them."""

    notebook: str
    part: str
    title: str
    possible: float
    mean: float
    full: int
    count: int


def feedback_page(result: Result, course: Course, submission: Submission | None = None) -> str:
    """The page for a submission's authors, with their notebooks where those are at hand. It tells
    where a result differs; the likely cause too if the course tells it always (a page cannot know
    whether the due date has passed)."""
    notebooks = {notebook.name: notebook for notebook in course.notebooks}
    graded = {n.name for n in result.notebooks}
    read = {name for name, q in questions(result).items() if q.written}
    waiting = any(
        q.manual and q.points and f"{n.name} {q.part}" not in read
        for n in course.notebooks
        if n.name in graded
        for q in n.questions
    )
    return render(
        "feedback.html.j2",
        result=result,
        course=course,
        tell_cause=course.tell_cause == "always",
        written_follows=waiting,
        blocks={n.name: blocks(n, notebooks.get(n.name), submission) for n in result.notebooks},
    )


def report_page(results: Sequence[Result], course: Course) -> str:
    """The page for instructors: everything about the class, causes and seed among it."""
    graded = [r for r in results if r.possible > 0]
    shares = [r.score / r.possible for r in graded]
    return render(
        "report.html.j2",
        results=results,
        course=course,
        average=mean(shares) if shares else None,
        middle=median(shares) if shares else None,
        bins=_bins(shares),
        parts=class_parts(results, course),
        causes=common_causes(results),
        attention=[r for r in results if needs_a_person(r)],
        decided=list(decisions(results)),
        levels=Counter(r.level or "not run" for r in results).most_common(),
        devices=Counter(r.device for r in results).most_common(),
        missing=sorted({layer for r in results for layer in r.missing_layers}),
        seconds=sum(r.seconds for r in results),
        slowest=max((r.seconds for r in results), default=0.0),
        seeds=sorted({r.seed for r in results if r.seed}),
    )


def class_parts(results: Sequence[Result], course: Course) -> list[Part]:
    """Every question that somebody was graded on, in the course's order."""
    found = []
    for name in question_labels(course, results):
        asked = [q for r in results if (q := questions(r).get(name))]
        if asked:
            notebook, _, part = name.partition(" ")
            full = sum(q.score >= q.possible for q in asked)
            average = mean(q.score for q in asked)
            found.append(
                Part(notebook, part, asked[0].title, asked[0].possible, average, full, len(asked))
            )
    return found


def common_causes(results: Iterable[Result]) -> list[tuple[str, int]]:
    """Known mistakes with the number of submissions that made each, most common first."""
    return Counter(
        cause
        for result in results
        for cause in {t.cause for q in questions(result).values() for t in q.tests if t.cause}
    ).most_common()


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


def _bins(shares: Iterable[float]) -> list[int]:
    """How many submissions earned 0-9%, 10-19%, ..., 90-99%, and 100% of their points."""
    counts = [0] * 11
    for share in shares:
        counts[min(10, max(0, math.floor(share * 10 + 1e-9)))] += 1
    return counts
