"""Executes a notebook's cells, one at a time, as Jupyter would, without a kernel or a browser.

Comes in: the source of a cell. Goes out: how it ended. Figures are drawn and closed, prints go
nowhere, `%pip` and `!pip` do nothing (a sandbox has no network), `import otter` and `google.colab`
find stand-ins.
"""

from __future__ import annotations

import ast
import signal
import sys
import types
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import labkit.grader

_NO_INSTALL = ("pip", "conda", "mamba", "uv")
_DEFINES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


class _StandIn:
    """Stands in for labkit's `Grader`, for `otter.Notebook` and for Colab's modules: whatever a
    submission asks of them says nothing and costs nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **kwargs: None


def make_shell() -> InteractiveShell:
    """The IPython shell that every child inherits, made once in the warm process."""
    config = Config()
    config.HistoryManager.enabled = False  # else a database and a thread
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Minimal"
    shell = InteractiveShell.instance(config=config)
    for name in (*_NO_INSTALL, "matplotlib"):
        shell.register_magic_function(_nothing, "line", name)  # type: ignore[arg-type]
    for name, replacement in {
        "db": {},  # of folders that `%cd` was in, for one: else files, in a home that is read-only
        "system": lambda line: None if _installs(line) else shell.system_raw(line),  # wants no pty
        "ask_exit": _nothing,  # Jupyter runs the rest of a cell that says `exit()`
    }.items():
        setattr(shell, name, replacement)
    _keep_default_device_here()
    _put_module("otter", Notebook=_StandIn)
    _put_module("google.colab", **dict.fromkeys(("drive", "files", "userdata"), _StandIn()))
    labkit.grader.Grader = _StandIn  # type: ignore[misc, assignment]
    return shell


def _put_module(name: str, **names: Any) -> None:
    """Let `import` find a module that is not there, with these names in it."""
    module = types.ModuleType(name)
    vars(module).update(names)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    if parent:
        _put_module(parent, **{child: module}, __path__=[])


def _keep_default_device_here() -> None:
    """Let a notebook written for a GPU run where there is none: a default device of CUDA is then
    passed over, since every tensor made after it would raise."""
    import torch

    set_default_device = torch.set_default_device

    def set_device(device: Any) -> None:
        wanted = None if device is None else torch.device(device)
        if wanted is None or wanted.type != "cuda" or torch.cuda.is_available():
            set_default_device(device)

    torch.set_default_device = set_device


def _nothing(line: str = "") -> None:
    """A magic that is not needed in grading."""


def _installs(command: str) -> bool:
    words = command.replace("/", " ").split()
    return any(word in _NO_INSTALL for word in words[:4])


def run_cell(shell: InteractiveShell, source: str) -> dict[str, Any]:
    """Run one cell. Returns {"ok": True}, or {"ok": False, "type", "message", "line"}."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outcome = shell.run_cell(source, store_history=False, silent=False)
        error = outcome.error_before_exec or outcome.error_in_exec
    except KeyboardInterrupt as interrupt:  # it came just outside the cell's own code
        error = interrupt
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _close_figures()
    return {"ok": True} if error is None else describe(error)


def definitions(source: str) -> str:
    """The imports, functions and classes of a cell, on the lines where they stand."""
    try:
        source = TransformerManager().transform_cell(source)
        statements = ast.parse(source).body
    except Exception:  # run as a whole it would not run either
        return ""
    kept: set[int] = set()
    for one in statements:
        if isinstance(one, _DEFINES):
            first = min([one.lineno, *(d.lineno for d in getattr(one, "decorator_list", ()))])
            kept |= set(range(first, (one.end_lineno or first) + 1))
    lines = enumerate(source.split("\n"), 1)
    return "\n".join(line if number in kept else "" for number, line in lines)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: its type, its text and the line of the cell it came from."""
    try:
        message = str(error)[:2000]
    except Exception:  # a __str__ of the student's may raise anything
        message = ""
    return {
        "ok": False,
        "type": type(error).__name__[:100],
        "message": message,
        "line": _line(error),
    }


def _line(error: BaseException) -> int:
    """The last line of the student's own code that the exception passed through; 0 if none."""
    if isinstance(error, SyntaxError):
        return error.lineno or 0
    line, frame = 0, error.__traceback__
    while frame is not None:
        if "ipython-input" in frame.tb_frame.f_code.co_filename:
            line = frame.tb_lineno
        frame = frame.tb_next
    return line


def _close_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
