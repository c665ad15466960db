"""A stranger's Markdown -> HTML that is safe to show: nothing in it runs, loads or leads anywhere
unseen.

Comes in: Markdown as notebooks have it (tables, HTML, LaTeX between dollar signs, pictures), and
the pictures that were handed in with it. Goes out: HTML of a few harmless tags. Formulas become
MathML, or stay as they were written where they are not understood; pictures are those handed in,
as data; whatever else is cut out or shown as text. Three things keep it safe, each alone enough:
the tags and attributes are a short list (bleach), our own MathML is put in afterwards and holds
only escaped text, and the page's Content-Security-Policy allows no script and no network.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any
from urllib.parse import unquote

from bleach.html5lib_shim import Filter
from bleach.sanitizer import Cleaner
from markdown_it import MarkdownIt
from markupsafe import Markup
from mdit_py_plugins.amsmath import amsmath_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from autograder.reports.mathml import Unknown, mathml
from autograder.reports.wording import plain

Picture = Callable[[str], str | None]  # finds a data URI by a name in the text

LONGEST = 30_000  # characters of one answer that are shown
_ELEMENTS = 1000  # of HTML that a text may make, and one more for each of its characters
_AS_WRITTEN = Markup("<p>It grows too large as HTML. As it was written:</p><pre>{}</pre>")
_TAGS = frozenset(
    "p br hr em strong b i u s del ins sub sup code pre kbd blockquote ul ol li dl dt dd table "
    "thead tbody tr th td img a span div center".split()
)
_TITLES = {f"h{level}" for level in range(1, 7)}  # an answer's headings are not the page's
_ATTRIBUTES = {"img": ["src", "alt", "width"], "a": ["href"], "ol": ["start"]}
_TAG = re.compile(r"""(<(?:"[^"]*"|'[^']*'|[^'">])*>)""")
_HELD = re.compile("([0-9a-f]{32})-([0-9]{1,9})-")
_WIDTH = re.compile(r"[1-9][0-9]{1,3}")


def render(source: str, picture: Picture = lambda name: None, longest: int = LONGEST) -> Markup:
    """The first `longest` characters of Markdown as HTML. `picture` finds what was handed in by the
    name that the text calls it: "attachment:image.png", "plots/a.png"."""
    drawn, text = _Drawn(), plain(source, longest)
    rough = _markdown().render(text, {"drawn": drawn})
    try:
        clean = _cleaner(picture, _ELEMENTS + len(text)).clean(rough)
    except _TooManyError:
        return _AS_WRITTEN.format(text)
    parts = _TAG.split(clean)  # texts, and every second one a tag
    return Markup("".join(drawn.put_into(part, tag=i % 2 == 1) for i, part in enumerate(parts)))


class _Drawn:
    """Formulas, drawn at once, and put in when the rest is clean. The mark where one goes cannot
    be known before, so no stranger writes it."""

    def __init__(self) -> None:
        self._formulas: list[str] = []
        self._mark = secrets.token_hex(16)

    def hold(self, formula: str) -> str:
        """Take a formula; gives what stands in its place."""
        self._formulas.append(formula)
        return f"{self._mark}-{len(self._formulas) - 1}-"

    def put_into(self, part: str, tag: bool) -> str:
        """The part with its formulas; a tag has none, wherever they were meant to go."""

        def formula(held: re.Match[str]) -> str:
            number = int(held[2])
            if held[1] != self._mark or number >= len(self._formulas):
                return held[0]
            return "" if tag else self._formulas[number]

        return _HELD.sub(formula, part)


def finder(*places: Mapping[str, str]) -> Picture:
    """Finds a picture by a name in a text: first in `places` as it stands, then by its last part,
    for a path that is another on its author's machine; Canvas puts who and when before it."""

    def find(name: str) -> str | None:
        wanted = unquote(name).removeprefix("attachment:").removeprefix("./")
        for place in places:
            if wanted in place:
                return place[wanted]
        last = f"/{wanted}".replace("\\", "/").rpartition("/")[2]
        ends = (f"/{last}", f"_{last}")
        found = (uri for place in places for n, uri in place.items() if f"/{n}".endswith(ends))
        return next(found, None) if last else None

    return find


@cache
def _markdown() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    reader.validateLink = lambda url: True  # type: ignore[method-assign]  # bleach decides
    reader.use(dollarmath_plugin, allow_labels=False, double_inline=True)
    reader.use(amsmath_plugin)
    for rule in ("math_inline", "math_inline_double", "math_block", "amsmath"):
        reader.add_render_rule(rule, _hold)
    return reader


def _hold(self: Any, tokens: Any, index: int, options: Any, env: dict[str, _Drawn]) -> str:
    """In place of a formula: a mark."""
    token = tokens[index]
    display = token.type != "math_inline"
    try:
        drawn = mathml(token.content, display)
    except Unknown:
        mark = "" if token.type == "amsmath" else "$$" if display else "$"
        drawn = f'<code class="tex">{html.escape(f"{mark}{token.content}{mark}")}</code>'
    held = env["drawn"].hold(drawn)
    return f"<p>{held}</p>" if token.type in ("math_block", "amsmath") else held


class _TooManyError(Exception):
    """A text makes more elements than it may."""


class Limited:
    """Makes elements, so many at most. A tag that is not closed is opened again in all paragraphs
    after it, as browsers do: a short text could make millions."""

    def __init__(self, make: Callable[..., Any], most: int):
        self._make, self._left = make, most

    def __call__(self, *given: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise _TooManyError
        return self._make(*given)


def _cleaner(picture: Picture, most: int) -> Cleaner:
    """`most`: elements that its parser makes before it gives up."""
    cleaner = Cleaner(
        tags=_TAGS | _TITLES,
        attributes=_ATTRIBUTES,
        protocols={"http", "https", "mailto", "attachment", "data"},
        strip=False,  # what is not allowed is shown as the text that it is
        strip_comments=True,
        filters=[partial(_Rewritten, picture=picture)],
    )
    tree = cleaner.parser.tree
    tree.elementClass = Limited(tree.elementClass, most)
    return cleaner


class _Rewritten(Filter):  # type: ignore[misc]
    """After the cleaning: pictures become data or a note, links the text that they are, headings
    bold lines."""

    def __init__(self, source: Any, picture: Picture):
        super().__init__(source)
        self._picture = picture

    def __iter__(self) -> Iterator[Any]:
        links: list[str] = []
        for token in super().__iter__():
            kind, name = token["type"], token.get("name")
            if name == "img":
                yield from self._shown(token)
            elif name in _TITLES and kind == "StartTag":
                yield {**token, "name": "p", "data": {(None, "class"): "title"}}
            elif name in _TITLES and kind == "EndTag":
                yield {**token, "name": "p"}
            elif name == "a" and kind == "StartTag":
                links.append(token["data"].get((None, "href"), ""))
            elif name == "a" and kind == "EndTag":
                address = links.pop() if links else ""
                yield _text(f" ({address})" if address else "")
            else:
                yield token

    def _shown(self, token: Any) -> Iterator[Any]:
        given = {name: value for (_, name), value in token["data"].items()}
        name, alt = given.get("src", ""), given.get("alt", "") or "a picture without a description"
        uri = self._picture(name) if name else None
        if uri is None:
            yield _text(
                f"[picture not handed in, too large, or of a kind not shown: {name or alt}]"
            )
            return
        data = {(None, "src"): uri, (None, "alt"): alt}
        if _WIDTH.fullmatch(given.get("width", "")):
            data[None, "width"] = given["width"]
        yield {"type": "EmptyTag", "name": "img", "namespace": token["namespace"], "data": data}


def _text(text: str) -> dict[str, str]:
    return {"type": "Characters", "data": text}
