"""A notebook's tests, run again with tensors on a GPU: what passes on a CPU need not pass there."""

from __future__ import annotations

import copy
from contextlib import ExitStack

from autograder.comparisons import Comparison
from autograder.notebook import Notebook
from autograder.sealed_tests import compiled
from autograder.session import Session


def device_name(session: Session, device: str) -> str:
    """What a device is called where a session runs: "cpu", or the GPU's own name."""
    names = session.names(device)
    try:
        return str(names.ask({"op": "device"}).get("name", ""))
    finally:
        names.close()


def lost_on_device(
    session: Session, notebook: Notebook, comparison: Comparison, seed: str
) -> list[str]:
    """The tests of the questions a comparison needs that do not pass where tensors are on its
    device, each with what its author may be told."""
    asked = [question for question in notebook.questions if question.name in comparison.needs]
    with ExitStack() as stack:
        runs = []
        for question in asked:
            tests = copy.copy(compiled(notebook.test_files[question.name], question.name))
            names = session.names(comparison.device)
            stack.callback(names.close)
            runs.append((question, tests, names))
        for hidden in (False, True):  # all public ones first: see `run_sealed`
            for question, tests, names in runs:
                tests.run_sealed(names, (seed, notebook.name, question.name), hidden)
    return [
        f"{question.part}, {question.tests[number].name}, with tensors on the GPU: "
        f"{outcome.mismatch}"
        for question, tests, _ in runs
        for number, outcome in sorted(tests.outcomes.items())
        if outcome.mismatch is not None
    ]
