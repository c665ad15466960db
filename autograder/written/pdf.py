"""A document's HTML -> a PDF in which every sheet is one page, by the Chromium of this machine.

A long answer is set smaller until its page holds it, so that every submission has the same pages
and one outline fits all. The browser is told to run no script and to load nothing; it keeps its
own sandbox wherever it can (not for root, for whom Chromium has none).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 60.0
_SMALLEST = 0.15  # of the usual size: some forty pages of text on one

# Ours, and the only script there is: it measures and sets sizes. Gives the number of sheets whose
# text is longer than its page even so.
_FIT = """(smallest) => {
  let cut = 0;
  for (const sheet of document.querySelectorAll('.sheet')) {
    const space = sheet.querySelector('.space'), text = sheet.querySelector('.fit');
    sheet.style.cssText = 'height: 9.9in; display: flex; flex-direction: column; overflow: hidden';
    space.style.cssText = 'flex: 1; min-height: 0; overflow: hidden';
    const fits = () => text.getBoundingClientRect().height <= space.getBoundingClientRect().height
      && text.scrollWidth <= text.clientWidth + 1;
    for (let zoom = 1; !fits() && zoom > smallest; ) {
      zoom = Math.max(smallest, zoom * 0.95);
      text.style.zoom = zoom;
    }
    if (!fits()) {
      cut += 1;
      sheet.querySelector('.foot').append(' · longer than this page: see the page of the question');
    }
  }
  return cut;
}"""


class Printed(NamedTuple):
    """A PDF, and how many of its pages could not hold all of their answer."""

    pdf: bytes
    cut: int


Print = Callable[[str], Printed]


def browser() -> str | None:
    """The path of a Chromium; None where there is none that can be used."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if found := next(filter(None, map(shutil.which, _NAMES)), None):
        return found
    with suppress(Exception), sync_playwright() as playwright:  # one that playwright has fetched
        path = playwright.chromium.executable_path
        return path if Path(path).is_file() else None
    return None


@contextmanager
def printer(path: str) -> Iterator[Print]:
    """A browser that prints one document after another."""
    from playwright.sync_api import sync_playwright

    root = hasattr(os, "getuid") and os.getuid() == 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, chromium_sandbox=not root)
        context = chromium.new_context(
            java_script_enabled=False,
            offline=True,
            color_scheme="light",
            viewport={"width": 816, "height": 1056},
        )

        def one(html: str) -> Printed:
            page = context.new_page()
            try:
                page.set_default_timeout(1000 * _SECONDS)
                page.emulate_media(media="print")
                page.set_content(html, wait_until="load")
                cut = int(page.evaluate(_FIT, _SMALLEST))
                pdf = page.pdf(prefer_css_page_size=True, print_background=True, outline=False)
                return Printed(pdf, cut)
            finally:
                page.close()

        try:
            yield one
        finally:
            chromium.close()
