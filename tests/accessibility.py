"""What a page or a notebook puts in the way of people who read with their ears, with a keyboard or
without red and green.

Comes in: HTML. Goes out: findings in words, none for a page that is fine. `of_page` takes a whole
page, `of_fragment` a piece of one (an output of a notebook), `of_notebook` a notebook as its author
sees it: its text as one document, its outputs as fragments.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tinycss2
from bs4 import BeautifulSoup, Tag
from nbconvert.filters import markdown2html
from tinycss2.color3 import parse_color

LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, for text of any size
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_ACTIVE = ("a", "button", "input", "select", "textarea", "summary", "option")


def of_page(html: str) -> list[str]:
    """Findings of a whole page: structure, names, keyboard, and the contrast of its style sheet."""
    page = BeautifulSoup(html, "html.parser")
    findings = []
    root = page.find("html")
    if not isinstance(root, Tag) or not root.get("lang"):
        findings.append("the page does not say its language: <html lang=...>")
    if not page.title or not page.title.get_text(strip=True):
        findings.append("the page has no title")
    if len(page.find_all("main")) != 1:
        findings.append("the page is to have one <main>")
    sheets = "\n".join(style.get_text() for style in page.find_all("style"))
    return [*findings, *_headings(page), *of_fragment(html), *_contrast(sheets)]


def of_fragment(html: str) -> list[str]:
    """Findings that need no whole page: pictures, links, controls, tables, ids, inline styles."""
    piece = BeautifulSoup(html, "html.parser")
    checks = (_pictures, _names, _tables, _keyboard, _ids, _inline_contrast)
    return [finding for check in checks for finding in check(piece)]


def of_notebook(notebook: Mapping[str, Any]) -> list[str]:
    """Findings of a notebook: its Markdown cells as one document, and each of its outputs."""
    cells = notebook["cells"]
    text = [markdown2html("".join(c["source"])) for c in cells if c["cell_type"] == "markdown"]
    whole = BeautifulSoup("\n".join(text), "html.parser")
    for anchor in whole.select("a.anchor-link"):  # nbconvert's own, beside each heading
        anchor.decompose()
    findings = [*_headings(whole), *of_fragment(str(whole))]
    for cell in cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            where = f"an output of cell {cell.get('id', '')}"
            if {"image/png", "image/jpeg", "image/svg+xml"} & set(data):
                findings.append(f"{where} is a picture without alternative text")
            if "text/html" in data:
                page = "".join(data["text/html"])
                findings += [f"{where}: {finding}" for finding in of_fragment(page)]
    return findings


def _headings(page: BeautifulSoup) -> Iterator[str]:
    """One h1, which comes first, and no level skipped on the way down."""
    found = [(int(tag.name[1]), tag.get_text(" ", strip=True)) for tag in page.find_all(_HEADINGS)]
    first = [text for level, text in found if level == 1]
    if len(first) != 1:
        yield f"there are {len(first)} first-level headings, and one is asked for: {first}"
    if found and found[0][0] != 1:
        yield f"the first heading, '{found[0][1]}', is not of the first level"
    for (before, _), (level, text) in itertools.pairwise(found):
        if level > before + 1:
            yield f"the heading '{text}' is of level {level}, after one of level {before}"
    yield from (f"a heading of level {level} is empty" for level, text in found if not text)


def _pictures(page: BeautifulSoup) -> Iterator[str]:
    for image in page.find_all("img"):
        if image.get("alt") is None:
            yield f"a picture has no alternative text: {_start(image)}"
        elif not image["alt"].strip() and image.get("role") != "presentation":
            yield f"a picture's alternative text is empty: {_start(image)}"
    for drawing in page.find_all("svg"):
        hidden = drawing.find_parent(attrs={"aria-hidden": "true"}) or drawing.get("aria-hidden")
        named = drawing.get("aria-label") or drawing.get("aria-labelledby") or drawing.title
        if not hidden and not (drawing.get("role") == "img" and named):
            yield f"a drawing has neither role='img' with a name nor aria-hidden: {_start(drawing)}"


def _names(page: BeautifulSoup) -> Iterator[str]:
    for link in page.find_all("a"):
        if not _name(link):
            yield f"a link has no text: {_start(link)}"
    for control in page.find_all(["button", "summary"]):
        if not _name(control):
            yield f"a {control.name} has no text: {_start(control)}"
    labelled = {label.get("for") for label in page.find_all("label")}
    for field in page.find_all(["input", "select", "textarea"]):
        named = field.get("aria-label") or field.get("id") in labelled or field.find_parent("label")
        if field.get("type") != "hidden" and not named:
            yield f"a field has no label: {_start(field)}"
    for details in page.find_all("details"):
        if details.find("summary", recursive=False) is None:
            yield f"something folds without a summary: {_start(details)}"


def _tables(page: BeautifulSoup) -> Iterator[str]:
    for table in page.find_all("table"):
        if table.find("th") is None and table.get("role") != "presentation":
            yield f"a table has no header cells: {_start(table)}"


def _keyboard(page: BeautifulSoup) -> Iterator[str]:
    for tag in page.find_all(attrs={"tabindex": re.compile(r"^[1-9]")}):
        yield f"a tabindex above 0 changes the order of the keyboard: {_start(tag)}"
    for tag in page.find_all(attrs={"onclick": True}):
        if tag.name not in _ACTIVE:
            yield f"what can be clicked cannot be reached by keyboard: {_start(tag)}"
    for link in page.find_all("a"):
        if not link.get("href") and not link.get("id"):
            yield f"a link without href cannot be reached by keyboard: {_start(link)}"


def _ids(page: BeautifulSoup) -> Iterator[str]:
    ids = [tag["id"] for tag in page.find_all(id=True)]
    yield from (
        f"the id '{each}' is given twice" for each in sorted({i for i in ids if ids.count(i) > 1})
    )
    for tag in page.find_all(attrs={"aria-labelledby": True}):
        for name in tag["aria-labelledby"].split():
            if name not in ids:
                yield f"aria-labelledby names '{name}', which is not there"


def _inline_contrast(page: BeautifulSoup) -> Iterator[str]:
    for tag in page.find_all(style=True):
        told = _declarations(tinycss2.parse_blocks_contents(tag["style"], skip_whitespace=True))
        if "color" in told:
            back = told.get("background", told.get("background-color", "#ffffff"))
            yield from _pair(told["color"], back, {}, f"style of {_start(tag)}")


def _contrast(sheet: str) -> Iterator[str]:
    """Every text colour of a style sheet on every background it may stand on, in every theme that
    its custom properties make (light, dark, print)."""
    rules = list(_rules(tinycss2.parse_stylesheet(sheet, skip_comments=True)))
    base: dict[str, str] = {}
    themes: dict[str, dict[str, str]] = {"": base}
    for media, selector, told in rules:
        themes.setdefault(media, {})
        if selector in (":root", "html", "body"):
            themes[media] |= {k: v for k, v in told.items() if k.startswith("--")}
        if "outline" in told and told["outline"] in ("none", "0"):
            yield f"{selector} hides where the keyboard is: outline: {told['outline']}"
    pairs = set()
    backs = {_back(told) for _, _, told in rules if _back(told) and "color" not in told}
    for _, selector, told in rules:
        if "color" in told:
            for back in {_back(told)} - {""} or backs or {"#ffffff"}:
                pairs.add((selector, told["color"], back))
    for media, theme in themes.items():
        for selector, front, back in sorted(pairs):
            yield from _pair(front, back, {**base, **theme}, f"{selector} {media}".strip())


def _rules(nodes: Any, media: str = "") -> Iterator[tuple[str, str, dict[str, str]]]:
    """(media query, selector, declarations) of each rule, those in media queries too."""
    for node in nodes:
        if node.type == "at-rule" and node.lower_at_keyword == "media" and node.content:
            query = "@media " + tinycss2.serialize(node.prelude).strip()
            yield from _rules(tinycss2.parse_rule_list(node.content, skip_comments=True), query)
        elif node.type == "qualified-rule":
            content = tinycss2.parse_blocks_contents(node.content, skip_whitespace=True)
            yield media, tinycss2.serialize(node.prelude).strip(), _declarations(content)


def _declarations(content: Any) -> dict[str, str]:
    return {
        node.lower_name: tinycss2.serialize(node.value).strip()
        for node in content
        if node.type == "declaration"
    }


def _back(told: Mapping[str, str]) -> str:
    back = told.get("background", told.get("background-color", ""))
    return "" if back in ("none", "transparent", "inherit") else back


def _pair(front: str, back: str, theme: Mapping[str, str], where: str) -> Iterator[str]:
    colours = [parse_color(re.sub(r"var\((--[\w-]+)\)", lambda m: theme.get(m[1], ""), c).strip())
               for c in (front, back)]  # fmt: skip
    if all(hasattr(c, "alpha") and c.alpha == 1 for c in colours):
        ratio = contrast(tuple(colours[0][:3]), tuple(colours[1][:3]))
        if ratio < LEAST_CONTRAST:
            yield f"contrast {ratio:.1f} of {front} on {back}, {LEAST_CONTRAST} is least: {where}"


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """The contrast ratio of two colours (red, green, blue from 0 to 1), from 1 to 21.

    >>> contrast((0, 0, 0), (1, 1, 1))
    21.0
    """
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _name(tag: Tag) -> str:
    pictures = [image.get("alt", "") for image in tag.find_all("img")]
    return " ".join([tag.get_text(strip=True), tag.get("aria-label", ""), *pictures]).strip()


def _start(tag: Tag) -> str:
    return str(tag)[:90].replace("\n", " ")
