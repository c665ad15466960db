"""Otter's test files, run out here against the names of a remote notebook.

The test files are Otter's own, unmodified, and so are the scores that come of them. The messages
are ours: Otter's would print the line of the hidden test that failed.
"""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Protocol

from autograder.diagnosis import Call
from autograder.otter_tests import ExceptionTestFile, TestCase, TestCaseResult, light_otter
from autograder.sandbox.child import SandboxError
from labkit.checks import Mismatch, collecting_remarks, remark, seeded

BROKEN = "this check itself failed; that is not your code's doing"
_NUMBER = re.compile(r"\d+(?:,\d{3}(?!\d))*(?:\.\d+)?|\.\d+")
_LONG = re.compile(r"\d{5}|,|\.\d{4}")


@dataclass(frozen=True)
class Outcome:
    """What came of a test case: why it failed (None if it passed), the calls of the student's
    functions that it made, and what it asks a person to look at."""

    mismatch: Mismatch | None
    calls: tuple[Call, ...]
    remark: str

    @property
    def message(self) -> str:
        """For the student; "" if the test passed."""
        return "" if self.mismatch is None else str(self.mismatch)


class Names(Protocol):
    """What test files run against: names, the calls that were made of them, and whether messages
    may quote what they say."""

    calls: list[Call]
    quotes: bool  # whether messages may repeat the student's own words

    def get(self, name: str, default: object = None) -> object: ...

    def rest(self) -> object: ...


class SealedTestFile(ExceptionTestFile):  # type: ignore[misc]
    """Otter's test file, with inputs drawn from a seed and messages that hold no hidden line.

    outcomes  one for each test case that was run, by its number
    """

    outcomes: dict[int, Outcome]

    @property
    def wanted(self) -> list[str]:
        """The names that its test cases ask for."""
        asked = (inspect.signature(case.body.test_func).parameters for case in self.test_cases)
        return sorted({name for names in asked for name in names} - {"env"})

    def run_sealed(self, names: Names, key: Sequence[str], hidden: bool) -> None:
        """Run the test cases that are hidden, or those that are not; once both were run, the scores
        are Otter's. All public ones of a notebook come first: until then a student's process has
        seen nothing that its words, quoted in a message, could carry out."""
        self.outcomes = {} if not hidden else self.outcomes
        names.quotes = not hidden
        for number, case in enumerate(self.test_cases):
            if case.hidden != hidden:
                continue
            before = len(names.calls)
            with seeded(*key, number), collecting_remarks() as remarks:
                mismatch = _run(case, names, self.source)
            if hidden and mismatch is not None:
                mismatch = _discreet(mismatch)
            calls = tuple(names.calls[before:])
            self.outcomes[number] = Outcome(mismatch, calls, "; ".join(remarks))
        names.rest()
        self.test_case_results = [
            TestCaseResult(self.test_cases[number], outcome.message, outcome.mismatch is None)
            for number, outcome in sorted(self.outcomes.items())
        ]


def _discreet(mismatch: Mismatch) -> Mismatch:
    """The same without long numbers, each of which could be a hidden one that a student's function
    gave back as a shape, an error or a count."""
    text = _NUMBER.sub(lambda found: _rounded(found[0]), str(mismatch))
    return Mismatch(
        text,
        kind=mismatch.kind,
        actual=mismatch.actual,
        expected=mismatch.expected,
        name=mismatch.name,
    )


def _rounded(number: str) -> str:
    """A long number to three digits: 1,020 or 2.72e+08; a short one as it is."""
    if not _LONG.search(number):
        return number
    short = float(f"{float(number.replace(',', '')):.3g}")
    return f"{short:,.0f}" if 1000 <= short < 1e6 else f"{short:.3g}"


def _run(case: TestCase, names: Names, source: str) -> Mismatch | None:
    try:
        case.body.call_func(names)
    except Mismatch as mismatch:
        mismatch.__context__ = None  # it is kept, and frames hold all that they worked with
        return mismatch.with_traceback(None)
    except AssertionError as error:  # a test's own words, written to be read
        return Mismatch(str(error) or "this does not hold", kind="value")
    except (SandboxError, OSError):  # ours: what a student's process does is a Mismatch
        raise
    except Exception as error:
        if _is_ours(error):
            remark(f"this check itself failed: {_described(error, source)}")
            return Mismatch(BROKEN, kind="broken")
        # What came back was plain data of a shape that the test did not expect. The exception's
        # text may quote a hidden line, so only its type is told.
        said = f"what came back cannot be used here ({type(error).__name__})"
        return Mismatch(said, kind="type")
    return None


def _is_ours(error: Exception) -> bool:
    """Whether the test or a reference is at fault. Answers are plain data, and what a student's
    function raises is a Mismatch: so no answer leads to a name that is not there, and none to what
    was raised in `solutions`."""
    if isinstance(error, NameError | ImportError | SyntaxError):
        return True
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return True
    return _innermost(error)[0] != ""


def _innermost(error: Exception) -> tuple[str, int]:
    """The module of the bundle ("" for the test's own file) and the line in it that an exception
    came from, whatever library it was raised in."""
    found = "", 0
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = frame.f_globals.get("__name__", "")
        if module.partition(".")[0] == "solutions":
            found = module, line
        elif "OK_FORMAT" in frame.f_globals:
            found = "", line
    return found


def _described(error: Exception, source: str) -> str:
    """An exception and the line that it comes from, for those who can mend it."""
    said = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        return f"{said} ({error.filename}, line {error.lineno})"
    module, line = _innermost(error)
    if module:
        return f"{said} ({module}, line {line})"
    lines = source.split("\n")
    return f"{said}, at `{lines[line - 1].strip()}`" if 0 < line <= len(lines) else said


@cache
def compiled(text: str, question: str) -> SealedTestFile:
    """A test file as read: once for a class."""
    with light_otter():
        tests: SealedTestFile = SealedTestFile.from_string(text, question)
    return tests
