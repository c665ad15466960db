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
from autograder.intake import Submission
from autograder.notebook import Notebook, Question
from autograder.reports.cells import Room
from autograder.reports.markdown import render
from autograder.reports.render import render as page
from autograder.reports.wording import label
from autograder.written.answers import answer_cells, written_questions

_PICTURES, _HTML = 12_000_000, 3_000_000  # characters of one answer: the largest picture is 11 MB
_IN_A_PAGE = 100_000_000  # characters of all answers to a question, of text and of pictures
_IN_A_DOCUMENT = 50_000_000
_TEXT = 100_000  # characters of one answer, as it was written
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


def question_page(
    this: Asked, course: Course, submissions: Sequence[Submission], names: Mapping[str, str]
) -> tuple[str, tuple[int, int]]:
    """Everybody's answer to one question, and how many answered of those who handed in its
    notebook. `names` are aliases by id."""
    room = _room(_IN_A_PAGE)
    answers = [
        Shown(names[s.id], _answer(s, this, room))
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
    sheets, room = [], _room(_IN_A_DOCUMENT)
    for this in asked(course):
        handed_in = this.notebook.name in submission.notebooks
        answer = _answer(submission, this, room) if handed_in else ()
        why = "Nothing was written." if handed_in else "This notebook was not handed in."
        sheets.append((this, answer, why))
    return page("document.html.j2", course=course, submission=submission, sheets=sheets)


def index_page(course: Course, counts: Mapping[str, tuple[int, int]]) -> str:
    """Where readers begin: the questions, and how many answers each has. `counts` are
    (answered, handed in) by a question's label."""
    return page("written.html.j2", course=course, questions=asked(course), counts=counts)


def _room(size: int) -> Room:
    """The room of a page, whose text is limited by what is made of it."""
    return Room(text=size, pictures=size, html=size, names=size)


def _answer(submission: Submission, this: Asked, page: Room) -> tuple[Markup, ...]:
    """The answer's cells as HTML; where it cannot be laid out, a note in its place."""
    room = Room(_TEXT, _PICTURES, _HTML, around=page)
    try:
        cells = submission.notebooks[this.notebook.name].cells
        answer = answer_cells(cells, this.notebook)[this.question.name]
        return tuple(room.show(cell, submission) for cell in answer)
    except Exception as error:  # whatever a stranger's text led to, it costs this answer alone
        return (_UNMADE.format(type(error).__name__),)


def _shuffled(question: str, name: str) -> str:
    """Orders the answers to a question in a way that says nothing about their authors."""
    return hashlib.sha256(f"{question}\0{name}".encode()).hexdigest()
