"""Cells that build on answers still to come: they say what is missing, and the notebook goes on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labkit.checks import Mismatch, as_tensor

_HERE = str(Path(__file__).parent)
_TEST = "<string>"  # the file name of a check's code


@contextmanager
def needs(*parts: str) -> Iterator[None]:
    """Run a block that uses the answers to `parts`; where it fails, print why, and go on.

    >>> with needs("2a", "2b"):
    ...     raise ValueError("sizes do not match")
    This cell needs 2a and 2b first. It stopped here:
      ValueError: sizes do not match
      in this cell: raise ValueError("sizes do not match")
    """
    try:
        yield
    except Exception as error:
        listed = " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))
        print(f"This cell needs {listed} first. It stopped here:\n  {told(error)}")


def answered(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, which raises Mismatch where it returns nothing instead of returning it."""

    def call(*args: Any) -> Any:
        value = function(*args)
        return as_tensor(None) if value is None else value

    return call


def told(error: Exception) -> str:
    """The error in a line, and the line of the notebook that it came from."""
    if isinstance(error, Mismatch):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames[1:] if "site-packages" not in f.filename and _HERE not in f.filename]
    place = own[-1].name if own and own[-1].filename != _TEST else ""  # "" where a test raised it
    if place in ("", "<module>") and isinstance(error, TypeError) and "NoneType" in str(error):
        return "nothing came back (None): is a function still to be answered?"
    if not place and isinstance(error, AssertionError):
        return str(error)
    text = f"{type(error).__name__}: {error}".split("\n")[0]
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        text = f"{error}: run the cell that makes it, or mend its spelling"
    if not place:
        return f"{text}\n  in the check itself, which goes on with what came back: is it as asked?"
    if not own[-1].line:
        return text
    where = "this cell" if place == "<module>" else place
    return f"{text}\n  in {where}: {own[-1].line}"
