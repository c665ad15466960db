"""Pages of written answers: one a question for those who read them, one document a submission.

A question's page shows everybody's answer under an alias, in an order of its own, with the rubric
beside: it is for instructors. A submission's document has one question a page, always the same
pages, so that one outline on Gradescope fits all; it holds no rubric.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from autograder.course import Course
from autograder.intake import Cell, Submission
from autograder.notebook import Notebook, Question
from autograder.reports.markdown import finder, render
from autograder.reports.render import render as page
from autograder.reports.wording import plain
from autograder.written.answers import answer_cells, written_questions
from autograder.written.scores import label

LONGEST_CODE = 10_000
_UNMADE = Markup("<p>This answer cannot be laid out ({}). Read it in its notebook.</p>")


@dataclass(frozen=True)
class Shown:
    """An answer, fit to be shown: `blocks` of HTML, in order; none where nothing was written."""

    name: str
    blocks: tuple[Markup, ...]


@dataclass(frozen=True)
class Asked:
    """A written question with the pages about it."""

    notebook: Notebook
    question: Question

    @property
    def label(self) -> str:
        return label(self.notebook, self.question)

    @property
    def file(self) -> str:
        return f"{self.label.replace(' ', '-')}.html"

    @property
    def text(self) -> Markup:
        """What was asked, without its heading."""
        cells = [g.source for g in self.notebook.given
                 if g.question == self.question.name and g.kind == "markdown"]  # fmt: skip
        asked = "\n\n".join(cell for cell in cells if not cell.startswith("_Type your answer"))
        return render(asked.partition(self.question.title)[2] or asked)


def asked(course: Course) -> list[Asked]:
    return [Asked(notebook, question) for notebook, question in written_questions(course)]


def blocks(cells: Sequence[Cell], submission: Submission) -> tuple[Markup, ...]:
    """The cells of an answer as HTML."""
    beside = submission.pictures
    return tuple(
        code(cell.source) if cell.kind == "code"
        else render(cell.source, finder(dict(cell.pictures), beside))
        for cell in cells
    )  # fmt: skip


def code(source: str) -> Markup:
    return Markup("<pre><code>{}</code></pre>").format(plain(source, LONGEST_CODE))


def question_page(
    this: Asked, course: Course, submissions: Sequence[Submission], names: Mapping[str, str]
) -> tuple[str, tuple[int, int]]:
    """Everybody's answer to one question, and how many answered of those who handed in its
    notebook. `names` are aliases by id."""
    answers = [
        Shown(names[s.id], _answer(s, this))
        for s in submissions
        if this.notebook.name in s.notebooks
    ]
    answers.sort(key=lambda a: _shuffled(this.label, a.name))
    questions = asked(course)
    place = questions.index(this)
    written = [a for a in answers if a.blocks]
    html = page(
        "question.html.j2",
        course=course,
        asked=this,
        answers=written,
        empty=[a.name for a in answers if not a.blocks],
        rubric=render(this.question.rubric),
        before=questions[place - 1] if place else None,
        after=questions[place + 1] if place + 1 < len(questions) else None,
    )
    return html, (len(written), len(answers))


def document(submission: Submission, course: Course) -> str:
    """One submission's answers, a question a page."""
    sheets = []
    for this in asked(course):
        handed_in = this.notebook.name in submission.notebooks
        answer = _answer(submission, this) if handed_in else ()
        why = "Nothing was written." if handed_in else "This notebook was not handed in."
        sheets.append((this, answer, why))
    return page("document.html.j2", course=course, submission=submission, sheets=sheets)


def index_page(course: Course, counts: Mapping[str, tuple[int, int]]) -> str:
    """Where readers begin: the questions, and how many answers each has. `counts` are
    (answered, handed in) by a question's label."""
    return page("written.html.j2", course=course, questions=asked(course), counts=counts)


def _answer(submission: Submission, this: Asked) -> tuple[Markup, ...]:
    """The answer as HTML; where it cannot be laid out, a note in its place."""
    try:
        cells = submission.notebooks[this.notebook.name].cells
        return blocks(answer_cells(cells, this.notebook)[this.question.name], submission)
    except Exception as error:  # whatever a stranger's text led to, it costs this answer alone
        return (_UNMADE.format(type(error).__name__),)


def _shuffled(question: str, name: str) -> str:
    """Orders the answers to a question in a way that says nothing about their authors."""
    return hashlib.sha256(f"{question}\0{name}".encode()).hexdigest()
