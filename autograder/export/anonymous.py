"""Scores without names: for research, or for a colleague. A row a submission, under aliases of
their own, sorted by them; no ids, times, comments or causes, and not the aliases that readers of
written answers see, so that the two cannot be joined."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from autograder.course import Course
from autograder.reports.table import number
from autograder.reports.wording import question_labels, questions
from autograder.results import Result
from autograder.written.scores import aliases


def table(results: Sequence[Result], course: Course) -> bytes:
    labels = question_labels(course, results)
    names = {i: a for a, i in aliases(course, [r.submission for r in results], "export").items()}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["submission", "score", "possible", "status", *labels])
    for result in sorted(results, key=lambda r: names[r.submission]):
        scores = {name: question.score for name, question in questions(result).items()}
        writer.writerow(
            [names[result.submission], number(result.score), number(result.possible),
             result.status, *(number(scores[n]) if n in scores else "" for n in labels)]
        )  # fmt: skip
    return text.getvalue().encode()
