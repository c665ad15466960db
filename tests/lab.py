"""JupyterLab on loopback and headless Chromium, driven as a person would: click, type, run, look.

Used by tests/test_browser.py and tests/screenshots.py. Nothing here waits a fixed time: each step
waits for what it needs to see, for as long as a busy machine may take.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright

PATIENCE = 180  # seconds for any one step; a quiet machine needs five
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
_FIRST = "Run this first"  # how a released notebook's first cell begins
_SETTINGS = {
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},  # all cells in the page
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}


@contextlib.contextmanager
def jupyter_lab(folder: Path, state: Path) -> Iterator[str]:
    """JupyterLab serving `folder`; yields its address with a token. Its settings, its kernels'
    files and its log stay in `state`; server and kernels are gone afterwards."""
    token = secrets.token_hex(16)
    for name, content in _SETTINGS.items():
        file = state / "settings" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    environment = os.environ | {
        "HOME": str(state),
        "IPYTHONDIR": str(state / "ipython"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", "--allow-root"]
    command += [f"--ServerApp.root_dir={folder}", f"--IdentityProvider.token={token}"]
    with (
        (state / "lab.log").open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log) as server,
    ):
        try:
            yield wait_for(lambda: _address(server, state), "JupyterLab to start") + token
        finally:
            server.terminate()  # it ends its kernels, then itself
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(PATIENCE)
            server.kill()


def _address(server: subprocess.Popen[bytes], state: Path) -> str:
    """Where it serves, once it does; it may have had to take another port than the first."""
    if server.poll() is not None:
        raise RuntimeError(f"JupyterLab ended: {(state / 'lab.log').read_text()[-2000:]}")
    for file in (state / "runtime").glob("jpserver-*.json"):
        with contextlib.suppress(ValueError):  # half written
            return str(json.loads(file.read_text())["url"]) + "lab/tree/{}?token="
    return ""


def wait_for(what: Callable[[], Any], name: str) -> Any:
    """The first true value of `what`, asked again and again; raises TimeoutError with `name`."""
    deadline = time.monotonic() + PATIENCE
    while not (value := what()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {PATIENCE} s for {name}")
        time.sleep(0.1)
    return value


@contextlib.contextmanager
def browser_page(failure: Path | None = None) -> Iterator[Page]:
    """A page of a headless Chromium. Where the block fails, what it showed is kept as `failure`."""
    with sync_playwright() as playwright:
        sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium refuses its own one to root
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE)
        try:
            yield page
        except Exception:
            if failure is not None:
                page.screenshot(path=failure)
            raise
        finally:
            browser.close()


class OpenNotebook:
    """A notebook in JupyterLab, as the person before the screen has it."""

    def __init__(self, page: Page, address: str, name: str):
        self.page = page
        page.goto(address.format(name))
        self.cell(_FIRST).wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        wait_for(self._answers, "the kernel to answer")

    def _answers(self) -> bool:
        """Whether the first cell has run. While JupyterLab is still connecting, it may ask which
        kernel is meant, or forget what it was told to run: so answer, and tell it again."""
        select = self.page.locator(".jp-Dialog .jp-mod-accept")
        if select.is_visible():
            select.click()
        prompt = self.cell(_FIRST).locator(".jp-InputArea-prompt").inner_text()
        number = prompt.strip("[]: \u00a0")
        if not number:
            self.cell(_FIRST).locator(".jp-InputArea-prompt").click()
            self.page.keyboard.press("Control+Enter")
        return number.isdigit()

    def cell(self, text: str) -> Locator:
        """The first cell that holds `text` in what was typed into it."""
        editor = self.page.locator(".jp-InputArea", has_text=text)
        return self.page.locator(".jp-Cell", has=editor).first

    def output(self, text: str) -> Locator:
        return self.cell(text).locator(".jp-OutputArea-output")

    def run_all(self) -> None:
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    def type_into(self, text: str, source: str) -> None:
        """Replace what stands in the cell that holds `text`."""
        editor = self.cell(text).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.insert_text(source)

    def run(self, text: str) -> None:
        """Run the cell that holds `text`, with Ctrl+Enter."""
        self.cell(text).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def save(self) -> None:
        self.page.keyboard.press("ControlOrMeta+S")
