"""A notebook's checks, run here on plain functions: no sandbox, and nothing between the two.

For answers by a homework's own authors: the solution, and known mistakes in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, update_wrapper
from typing import Any

import torch

from autograder.notebook import Notebook
from autograder.sealed_tests import compiled
from labkit.checks import cost_of, seeded
from labkit.timing import using_threads

Check = Callable[[Mapping[str, Any]], None]
Function = Callable[..., Any]


def checks(notebook: Notebook) -> tuple[dict[str, Check], dict[str, Check]]:
    """What runs each hidden check on a namespace, by "question: test name"; and the public ones."""
    hidden: dict[str, Check] = {}
    public: dict[str, Check] = {}
    for question in notebook.questions:
        if question.manual:
            continue
        cases = compiled(notebook.test_files[question.name], question.name).test_cases
        for test, case in zip(question.tests, cases, strict=True):
            kept = hidden if test.hidden else public
            kept[f"{question.name}: {test.name}"] = case.body.call_func
    return hidden, public


def lost(checks: Mapping[str, Check], names: Mapping[str, Any], seed: str) -> dict[str, Exception]:
    """The checks that do not pass, and why."""
    errors: dict[str, Exception] = {}
    given = {name: GivenCopies(of) if callable(of) else of for name, of in names.items()}
    for check, run in checks.items():
        try:
            with seeded(seed, check):
                run(given)
        except Exception as error:
            errors[check] = error
    return errors


class GivenCopies:
    """A function as grading calls it: what it does to its arguments stays with it."""

    def __init__(self, function: Function):
        self._function = function
        update_wrapper(self, function)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self._function(*copies(args), **options)

    def call_with_arguments(self, *args: Any) -> tuple[Any, list[Any]]:
        """The value of a call, and the arguments as the call left them."""
        given = copies(args)
        return self._function(*given), given

    def cost(self, *args: Any) -> Any:
        """Work and span of a call."""
        return cost_of(self._function, *copies(args))


def copies(args: Sequence[Any]) -> list[Any]:
    """Arguments that a function may change."""
    return [a.clone() if isinstance(a, torch.Tensor) else a for a in args]


one_thread = partial(using_threads, 1)  # else small products wait for a busy second core
