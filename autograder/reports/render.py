"""The templates that all pages are made from, and the words they share.

Each page is one file: no script, no network, style and pictures within. Templates escape all text
(autoescape), and the page's own policy forbids whatever is not its style or a picture in it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2

from autograder.reports.wording import (
    STATUS,
    cell_sentence,
    first_word,
    plain,
    points,
    score_sentence,
)

_HERE = Path(__file__).resolve().parent


def render(template: str, **values: Any) -> str:
    """The page that a template makes of these values."""
    return environment().get_template(template).render(values)


@cache
def environment() -> jinja2.Environment:
    """Where templates are found, with the words that they share."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader([_HERE / "templates", _HERE]),
        autoescape=True,
        extensions=["jinja2.ext.do"],
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "plain": plain,
        "points": points,
        "folder": lambda name: quote(name, safe=""),
        "sentence": lambda text: f"{text[:1].upper()}{text[1:]}.",
        "status": STATUS.__getitem__,
        "percent": lambda share: f"{100 * share:.0f}%",
    }
    made.globals |= {
        "cell_sentence": cell_sentence,
        "first_word": first_word,
        "score_sentence": score_sentence,
    }
    return made
