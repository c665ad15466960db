"""The written answers of a class -> OUT/written/, and OUT/written.csv to fill in."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

from rich.progress import track

from autograder.archives import write
from autograder.course import Course
from autograder.decisions import handed_in
from autograder.intake import Submission
from autograder.written import pages, pdf, scores

FOLDER = "written"
DOCUMENTS = "documents"


def write_all(
    course: Course, submissions: Sequence[Submission], out: Path, say: Callable[[str], None]
) -> None:
    """Everything that readers need, in `out`: pages for them, documents for Gradescope, and a file
    for scores, in which nothing that is there already is changed. Raises WrittenError."""
    folder = out / FOLDER
    names = {name: a for a, name in scores.aliases(course, [s.id for s in submissions]).items()}
    table = out / scores.FILE
    before = _before(table)
    filled = scores.blank(course, handed_in(course, submissions), before)
    shutil.rmtree(folder, ignore_errors=True)
    counts = {}
    for asked in pages.asked(course):
        page, counts[asked.label] = pages.question_page(asked, course, submissions, names)
        write(folder / asked.file, page.encode("utf-8", "replace"))
    write(folder / "index.html", pages.index_page(course, counts).encode())
    _documents(course, submissions, folder / DOCUMENTS, say)
    if filled != before:
        write(table, filled.encode())
    say(f"Read: {folder / 'index.html'}")
    say(f"Write scores and comments into {table}, then run autograder grade again")


def _before(table: Path) -> str:
    try:
        return table.read_text("utf-8") if table.is_file() else ""
    except UnicodeDecodeError:
        raise scores.WrittenError(f"{table}: it cannot be read; save it as CSV in UTF-8") from None


def _documents(
    course: Course, submissions: Sequence[Submission], folder: Path, say: Callable[[str], None]
) -> None:
    path = pdf.browser()
    if path is None:
        say("No Chromium here: documents are HTML, whose pages a browser prints. A long answer "
            "takes several; install Chromium for PDFs of one page a question")  # fmt: skip
    with pdf.printer(path) if path else nullcontext() as printed:
        for submission in track(submissions, "Documents", disable=not sys.stdout.isatty()):
            html = pages.document(submission, course)
            try:
                made = printed(html) if printed else None
            except Exception as error:  # what a browser does with a stranger's page is its own
                made = None
                say(f"{submission.id}: no PDF, but HTML ({type(error).__name__} in the browser)")
            if made is None:
                write(folder / f"{submission.id}.html", html.encode("utf-8", "replace"))
                continue
            write(folder / f"{submission.id}.pdf", made.pdf)
            if made.cut:
                say(f"{submission.id}: {made.cut} pages could not hold all of their answer")
