"""A notebook's hidden checks, and plain functions to hold them to: no sandbox, no notebook.

Comes in: the name of a master. Goes out: a `Corpus`, which makes submissions from the solution
with some functions replaced, says which checks a submission loses, and what its author is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from autograder import masters, otter_build, plain_checks
from autograder.diagnosis import Call, Mistake, cause, in_a_row, known_mistakes
from autograder.plain_checks import Check, Function, copies, one_thread
from labkit.checks import Mismatch, gradients, seeded

ROOT = Path(__file__).resolve().parents[1]
SEEDS = tuple(f"seed {i}" for i in range(int(os.environ.get("SEEDS", "3"))))

RETURN_MISSING = "is a `return` missing?"

__all__ = ["SEEDS", "Corpus", "name_of", "one_thread", "read", "recorded", "sentence", "sentences"]


@dataclass(frozen=True)
class Corpus:
    """checks    what runs each hidden check on a namespace, by "question: test name"
    public    the same for the public tests
    solution  the source of the solution's cells
    mistakes  the known mistakes that lose a check of this notebook
    """

    checks: dict[str, Check]
    public: dict[str, Check]
    solution: tuple[str, ...]
    mistakes: tuple[Mistake, ...]

    @property
    def functions(self) -> set[str]:
        """The names that the checks ask a submission for."""
        return {name for check in self.checks for name in self.asked(check)}

    def asked(self, check: str) -> list[str]:
        """The names that one check asks for."""
        return (self.public | self.checks)[check].__self__._get_func_params()

    def submission(self, replacements: Mapping[str, Function]) -> dict[str, Any]:
        """The solution's names with some functions replaced; all call one another by name. Where
        the solution has a plain value, the function is one of nothing that returns another."""
        names: dict[str, Any] = {"torch": torch, "F": F, "np": np}
        for source in self.solution:
            exec(source, names)
        for name, function in replacements.items():
            made = FunctionType(function.__code__, names, name, function.__defaults__)
            names[name] = made if callable(names[name]) else made()
        return names

    def lost(
        self, names: Mapping[str, Any], seed: str, questions: Sequence[str] = ()
    ) -> dict[str, Exception]:
        """The checks that do not pass, and why; those of some questions only, if any are named."""
        checks = {check: self.checks[check] for check in self._of(questions)}
        return plain_checks.lost(checks, names, seed)

    def lost_in_public(self, names: Mapping[str, Any]) -> dict[str, Exception]:
        """The public tests that do not pass, and why."""
        return plain_checks.lost(self.public, names, "public")

    def told(self, wrong: Mistake, seed: str) -> dict[str, str]:
        """What the author of this mistake is told at each test it loses, public ones too: the
        sentence of a known mistake, or that a `return` is missing, or "". As in grading: a sentence
        has to explain every call that the question made of the function."""
        names = self.submission({wrong.function: wrong.run})
        questions = {check.split(":")[0] for check in wrong.fails}
        sentences = {}
        for question in questions:
            calls: list[Call] = []
            failures: dict[str, tuple[Mismatch, list[Call]]] = {}
            watched = {
                name: recorded(name, of, calls) if name in self.functions and callable(of) else of
                for name, of in names.items()
            }
            tests = {c: run for c, run in self.public.items() if c.split(":")[0] == question}
            tests |= {check: self.checks[check] for check in self._of([question])}
            for check, run in tests.items():
                before = len(calls)
                values = [name for name in self.asked(check) if not callable(names[name])]
                calls += [Call(name, (), names[name]) for name in values]
                try:
                    with seeded(seed, check):
                        run(watched)
                except Exception as error:
                    made = calls[before:]
                    kind = "raised" if made and made[-1].raised else "type"
                    failures[check] = (_mismatch(error, kind), made)
            for check, (mismatch, made) in failures.items():
                told = RETURN_MISSING if RETURN_MISSING in str(mismatch) else ""
                sentences[check] = told or cause(mismatch, made, calls, self.mistakes)
        return sentences

    def _of(self, questions: Sequence[str]) -> list[str]:
        return [c for c in self.checks if not questions or c.split(":")[0] in questions]


def read(name: str, copied: Mapping[str, Sequence[str]] | None = None) -> Corpus:
    """The corpus of the master called `name`.

    copied  for functions copied over from another notebook: what stands for each of its checks
            here, so that the mistakes known there serve here too
    """
    master = masters.read(ROOT / "solutions" / f"{name}.py")
    files = otter_build.build(master.name, master.content, master.file).test_files
    checks, public = plain_checks.checks(master.notebook(files))
    solution = tuple(
        cell.source
        for cell in master.cells
        if cell.block == "solution" and cell.node.cell_type == "code"
    )
    return Corpus(checks, public, solution, tuple(_mistakes(set(checks), copied or {})))


def sentence(wrong: Mistake) -> str:
    """What its author is to be told: its own sentence, but where the check says as much."""
    return RETURN_MISSING if wrong.says.startswith("nothing is returned") else wrong.says


def sentences(wrong: Mistake) -> set[str]:
    """All that its author may be told."""
    return {wrong.says, RETURN_MISSING, ""}


def _mismatch(error: Exception, kind: str) -> Mismatch:
    """As grading takes what a test raised, which is of this kind where it was no assertion."""
    if isinstance(error, Mismatch):
        return error
    return Mismatch(str(error), kind="value" if isinstance(error, AssertionError) else kind)


def _mistakes(checks: set[str], copied: Mapping[str, Sequence[str]]) -> Iterator[Mistake]:
    """The known mistakes, as this notebook has them: those that lose a check of it."""
    for known in known_mistakes():
        here = [copy for check in known.fails for copy in copied.get(check, (check,))]
        fails = tuple(dict.fromkeys(check for check in here if check in checks))
        if fails:
            yield replace(known, fails=fails)


def recorded(name: str, function: Function, calls: list[Call]) -> Function:
    """The function, noting each call. As in grading, it is given copies of its arguments."""

    def call_with_arguments(*args: Any) -> tuple[Any, list[Any]]:
        given = copies(args)
        try:
            value = function(*given)
        except Exception as error:
            calls.append(Call(name, args, raised=type(error).__name__))
            raise
        calls.append(Call(name, args, value))
        return value, given

    def call(*args: Any) -> Any:
        return call_with_arguments(*args)[0]

    def pull_back(args: Sequence[Any], wrt: Sequence[int], cotangent: torch.Tensor) -> list[Any]:
        pullback = (tuple(wrt), cotangent)
        try:
            grads = gradients(function, args, wrt, cotangent)
        except Exception as error:
            raised = type(error).__name__
            calls.append(Call(name, tuple(args), raised=raised, pullback=pullback))
            raise
        calls.append(Call(name, tuple(args), in_a_row(grads), pullback=pullback))
        return grads

    call.call_with_arguments = call_with_arguments  # type: ignore[attr-defined]
    call.gradients = pull_back  # type: ignore[attr-defined]
    return call


def name_of(wrong: Mistake) -> str:
    """A mistake's name in a test's id."""
    return f"{wrong.function}-{wrong.name}"
