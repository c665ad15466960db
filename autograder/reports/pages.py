"""Results -> pages: feedback for one submission's authors, and a report of the class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import mean, median

from autograder.course import Course
from autograder.intake import Submission
from autograder.reports import figures, timing
from autograder.reports.remarks import blocks
from autograder.reports.render import render
from autograder.reports.report import (
    cases,
    class_parts,
    common_causes,
    decisions,
    reported_hours,
)
from autograder.reports.wording import label, questions
from autograder.results import Result


def feedback_page(result: Result, course: Course, submission: Submission | None = None) -> str:
    """The page for a submission's authors, with their notebooks where those are at hand. It tells
    where a result differs; the likely cause too if the course tells it always (a page cannot know
    whether the due date has passed)."""
    notebooks = {notebook.name: notebook for notebook in course.notebooks}
    graded = {n.name for n in result.notebooks}
    read = {name for name, q in questions(result).items() if q.written}
    waiting = any(
        q.manual and q.points and label(n, q) not in read
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
        timing=timing.section(result),
    )


def unmade_page(result: Result, course: Course) -> str:
    """The page in place of one that cannot be made."""
    return render("unmade.html.j2", result=result, course=course)


def report_page(results: Sequence[Result], course: Course, again: Sequence[str] = ()) -> str:
    """The page for instructors: everything about the class, causes and seed among it. `again` is
    the command that graded it, for running one of it again."""
    graded = [r for r in results if r.possible > 0]
    shares = [r.score / r.possible for r in graded]
    parts = class_parts(results, course)
    hours = reported_hours(results)
    hardest = sorted((part for part in parts if part.possible), key=lambda part: part.share)
    return render(
        "report.html.j2",
        results=results,
        course=course,
        average=mean(shares) if shares else None,
        middle=median(shares) if shares else None,
        spread=figures.columns(_bins(shares), "How scores are spread", "Submissions by percent"),
        parts=parts,
        titles={n.name: n.title for n in course.notebooks if n.name in {p.notebook for p in parts}},
        stacked=figures.stacked,
        stripes=figures.stripes(),
        difficulty=figures.dots(
            [(_short(f"{p.part} {p.title}"), p.share) for p in hardest],
            "Share of the points that the class earned, the hardest question first",
        ),
        causes=common_causes(results),
        attention=cases(results, again),
        decided=list(decisions(results)),
        written=any(q.written for r in results for q in questions(r).values()),
        hours=hours,
        middle_hours=median(hours) if hours else 0,
        hours_spread=figures.columns(
            figures.binned(hours, _width(hours)), "Hours reported", "Submissions by hours"
        ),
        levels=Counter(r.level or "not run" for r in results).most_common(),
        devices=Counter(r.device for r in results).most_common(),
        missing=sorted({layer for r in results for layer in r.missing_layers}),
        seconds=sum(r.seconds for r in results),
        slowest=max((r.seconds for r in results), default=0.0),
        timing=timing.class_section(results),
        seeds=sorted({r.seed for r in results if r.seed}),
    )


def _bins(shares: Iterable[float]) -> list[tuple[str, int]]:
    """How many submissions earned 0-9%, 10-19%, ..., 90-99%, and 100% of their points."""
    counts = [0] * 11
    for share in shares:
        counts[min(10, max(0, math.floor(share * 10 + 1e-9)))] += 1
    return [
        *((f"{10 * i}-{10 * i + 9}", n) for i, n in enumerate(counts[:10])),
        ("all", counts[10]),
    ]


def _width(hours: Sequence[float]) -> float:
    """The width of a column, so that there are about ten."""
    return max(1.0, float(math.ceil(max(hours, default=1.0) / 10)))


def _short(text: str, most: int = 36) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
