"""A stranger's cells as HTML, as long as the page has room for them."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from autograder.intake import Cell, Submission
from autograder.reports.markdown import LONGEST, Picture, finder, render
from autograder.reports.wording import plain

LONGEST_CODE = 10_000
NOT_SHOWN = Markup("<p>Not shown: this page is long enough.</p>")


@dataclass
class Room:
    """What more may be shown; whoever shows something takes it.

    text      characters, as they were written
    pictures  characters of pictures, as data
    html      characters of what is made of the text
    names     of pictures, found or not: each is searched for among all
    longest   characters of one cell of Markdown, always
    around    the room of the page, where this is that of one answer
    """

    text: int
    pictures: int
    html: int
    names: int = 500
    longest: int = LONGEST
    around: Room | None = None

    def show(self, cell: Cell, submission: Submission) -> Markup:
        """The cell as HTML, or that there is no room for it."""
        most = LONGEST_CODE if cell.kind == "code" else self.longest
        if not self._take("text", min(len(cell.source), most)):
            return NOT_SHOWN
        before = self.pictures
        if cell.kind == "code":
            html = code(cell.source)
        else:
            find = finder(dict(cell.pictures), submission.pictures)
            html = render(cell.source, self._picture(find), most)
        size = max(0, len(html) - (before - self.pictures))
        return html if self._take("html", size) else NOT_SHOWN

    def _picture(self, find: Picture) -> Picture:
        def found(name: str) -> str | None:
            uri = find(name) if self._take("names", 1) else None
            return uri if uri and self._take("pictures", len(uri)) else None

        return found

    def _take(self, what: str, amount: int) -> bool:
        """Whether there was so much left, here and around; then it is taken."""
        rooms = [room for room in (self, self.around) if room]
        if any(getattr(room, what) < amount for room in rooms):
            return False
        for room in rooms:
            setattr(room, what, getattr(room, what) - amount)
        return True


def code(source: str) -> Markup:
    return Markup("<pre><code>{}</code></pre>").format(plain(source.strip("\n"), LONGEST_CODE))
