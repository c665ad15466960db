"""What a notebook's first cell makes: `grader.check` for a question, `grader.hand_in` at the end.

Comes in: the name of a released notebook, whose file carries its public tests in Otter's format.
Goes out: verdicts that say what was run, what came and what was wanted. In grading a stand-in takes
the place of `Grader`; what decides a score is not here.
"""

from __future__ import annotations

import ast
import functools
import html
import importlib.util
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit import handin
from labkit.answers import told
from labkit.checks import Mismatch

OTTER = "otter-grader==7.0.0"  # for Colab, which has none
BLUE, GREEN, VERMILLION = "#0072B2", "#009E73", "#D55E00"  # as in labkit.plots, which is slow
_WORDING = ("axes", "about", "show")  # of labkit.checks.same
FOLLOW = (
    "Hidden checks, on other inputs, follow when you have handed in. They decide the score: "
    "a public check that passes is a good sign and not yet a point."
)


@dataclass(frozen=True)
class Outcome:
    """One public check: its name, what it runs, and why it failed ("" if it passed)."""

    name: str
    source: str
    problem: str = ""
    unanswered: bool = False


@dataclass(frozen=True)
class Verdict:
    """What the checks of one part say; a notebook shows it as HTML, else it is text. `public`: they
    are not all there is (they are where nothing is hidden, or in an instructor's solved notebook).
    """

    part: str
    outcomes: tuple[Outcome, ...]
    public: bool = True

    @property
    def passed(self) -> bool:
        return not any(outcome.problem for outcome in self.outcomes)

    @property
    def unanswered(self) -> bool:
        return all(outcome.unanswered for outcome in self.outcomes)

    @property
    def headline(self) -> str:
        count, failed = len(self.outcomes), sum(bool(o.problem) for o in self.outcomes)
        checks = f"{'public ' if self.public else ''}check{'' if count == 1 else 's'}"
        if self.unanswered:
            return f"{self.part}: not answered yet ({self.outcomes[0].problem})"
        if self.passed:
            return f"{self.part}: {f'all {count}' if count > 1 else 'the'} {checks} passed"
        return f"{self.part}: {failed} of {count} {checks} failed"

    def _repeats(self) -> Iterator[tuple[Outcome, bool]]:
        """Each outcome, and whether what is wrong is what was wrong right above."""
        problems = [outcome.problem for outcome in self.outcomes]
        for outcome, above in zip(self.outcomes, ["", *problems], strict=False):
            yield outcome, outcome.problem == above != ""

    def __repr__(self) -> str:
        if self.unanswered:
            return self.headline
        lines = [self.headline]
        for outcome, repeats in self._repeats():
            above = ": the same as above" if repeats else ""
            lines.append(f"  {'✗' if outcome.problem else '✓'} {outcome.name}{above}")
            if outcome.problem and not repeats:
                lines.append(textwrap.indent(outcome.problem, "      "))
                lines.append(textwrap.indent(outcome.source, "      | "))
        return "\n".join([*lines, FOLLOW] if self.public else lines)

    def _repr_html_(self) -> str:
        colour = BLUE if self.unanswered else GREEN if self.passed else VERMILLION
        text = f"<p><strong>{html.escape(self.headline)}</strong></p>"
        if not self.unanswered:
            items = "".join(_item(*each) for each in self._repeats())
            text += f'<ul style="list-style: none; padding-left: 0">{items}</ul>'
            text += f"<p>{FOLLOW}</p>" if self.public else ""
        return f'<div style="border-left: 5px solid {colour}; padding-left: 12px">{text}</div>'


def _item(outcome: Outcome, repeats: bool) -> str:
    name, source = html.escape(outcome.name), html.escape(outcome.source)
    if not outcome.problem:
        return f"<li>✓ {name}</li>"
    if repeats:
        return f"<li>✗ <strong>{name}</strong>: the same as above</li>"
    return (
        f"<li>✗ <strong>{name}</strong>"
        f'<pre style="white-space: pre-wrap">{html.escape(outcome.problem)}</pre>'
        f"<details open><summary>What this check ran</summary><pre>{source}</pre></details></li>"
    )


class Grader:
    """Checks the answers of the notebook `name`, and packs it to be handed in."""

    def __init__(self, name: str):
        self.name = name
        if importlib.util.find_spec("otter") is None and _on_colab():
            subprocess.run([sys.executable, "-m", "pip", "install", "-q", OTTER], check=True)
            importlib.invalidate_caches()
        import otter.test_files  # noqa: F401  (slow the first time: here, and not at a check)

    @functools.cached_property  # once: while the notebook is saved, its file is half written
    def _tests(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The public tests by question, from the notebook's own file or another copy of it, and
        what is known of the homework: what they are called, where hidden ones follow."""
        for path in handin.copies(self.name, Path()):
            metadata = handin.read(path)["metadata"]
            tests = metadata.get("otter", {}).get("tests", {})
            if tests:
                return tests, metadata.get("homework", {})
        text = f"{self.name}.ipynb is not in this folder, and its public checks are in it"
        raise handin.Problem(f"{text}: put it back beside labkit, and run this cell again")

    def check(self, question: str, env: Mapping[str, Any] | None = None) -> Verdict:
        """Run the public checks of `question` ("q2a") on what the notebook has defined."""
        from otter.test_files.exception_test import ExceptionTestFile

        tests, homework = self._tests
        if question not in tests:
            raise handin.Problem(f"there is no {question} here, only {', '.join(sorted(tests))}")
        given = vars(sys.modules["__main__"]) if env is None else env
        cases = ExceptionTestFile.from_string(tests[question]).test_cases
        names = homework.get("checks", {}).get(question, [case.name for case in cases])
        sources = _sources(tests[question])
        outcomes = [
            _outcome(str(name), case.body, sources, given)
            for name, case in zip(names, cases, strict=True)
        ]
        part = question.removeprefix("q").replace("_", " ").strip()
        follow = question in homework.get("hidden", tests) and not any(c.hidden for c in cases)
        return Verdict(part, tuple(outcomes), public=follow)

    def hand_in(self) -> None:
        """Write the zip to hand in, and say what is unanswered or missing."""
        if _on_colab():
            print(handin.ON_COLAB)
            return
        print(handin.pack(handin.own_file(self.name, Path())))


def _on_colab() -> bool:
    return "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ


def _sources(text: str) -> dict[str, str]:
    """What each test function of a test file runs, without its imports and without what only words
    the message of a comparison."""
    tree = ast.parse(text)
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            call.keywords = [word for word in call.keywords if word.arg not in _WORDING]
    return {
        node.name: "\n".join(
            ast.unparse(line)
            for line in node.body
            if not isinstance(line, ast.Import | ast.ImportFrom)
        )
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def _outcome(name: str, case: Any, sources: Mapping[str, str], env: Mapping[str, Any]) -> Outcome:
    """Run one of Otter's test cases on what `env` holds."""
    source = sources.get(case.test_func.__name__, "")
    code = case.test_func.__code__
    asked = code.co_varnames[: code.co_argcount]
    missing = [each for each in asked if each != "env" and each not in env]
    if missing:
        text = f"{' and '.join(missing)}: not there; run the cell where your answer goes"
        return Outcome(name, source, text, unanswered=True)
    try:
        case.call_func(env)
    except Exception as error:
        unanswered = isinstance(error, Mismatch) and error.kind == "unanswered"
        return Outcome(name, source, told(error), unanswered)
    return Outcome(name, source)
