"""Wrong programs nobody thought of: mutants of the solutions against the hidden checks.

Every mutant whose results are wrong, on inputs other than those of the checks, has to lose a
check. One that survives shows a hole in the checks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import torch

from labkit.checks import as_tensor, seeded
from solutions.reference import kernel_cases, ssm, ssm_diagonal
from tests import corpus
from tests.mutants import TooLong, bounded, function_named, mutants

SECONDS = 2.0  # of the processor's time, for all that one mutant is asked
ROUNDING = {torch.float32: 1e-3, torch.float64: 1e-9}  # wrong by more than this is wrong


@dataclass(frozen=True)
class Judge:
    """Arguments that decide whether a mutant is wrong, and how its result is read."""

    arguments: Callable[[], Iterable[tuple[Any, ...]]]
    read: Callable[[object], torch.Tensor] = as_tensor


def of(cases: Callable[[], Iterable[Any]], **options: Any) -> Judge:
    """The arguments of cases that the checks do not draw."""
    return Judge(lambda: (case.args for case in cases()), **options)


def sizes() -> Iterable[tuple[int, ...]]:
    return [(2, 3, 5, 7), (3, 50, 2, 40), (1000, 3, 2, 1), (1, 1, 1, 1), (2, 9, 300, 4)]


def doubled(make: Callable[[], Iterable[Any]]) -> Callable[[], Iterable[Any]]:
    """The same cases in float64 as well."""
    return lambda: [*make(), *ssm_diagonal.in_double(make())]


LENGTHS = (1, 2, 5, 12, 33)
FORWARD = partial(ssm.cases, T=LENGTHS, radius=0.97)
KERNEL = partial(ssm.kernel_cases, T=LENGTHS, radius=0.97)
DIAGONAL = doubled(partial(ssm_diagonal.cases, T=LENGTHS, radius=0.97))
SYSTEMS = of(partial(kernel_cases.systems, L=(0, *LENGTHS), radius=0.97))
NOTEBOOKS = {
    "q_ssm_convolution_kernel": {
        "ssm_kernel": SYSTEMS,
        "kernel_output": of(lambda: (c for _, c in kernel_cases.driven((0, *LENGTHS), 0.97))),
        "kernel_by_doubling": SYSTEMS,
        "kernel_diagonal": of(partial(kernel_cases.diagonals, L=(0, *LENGTHS))),
        "kernel_identity_plus_rank_one": of(
            partial(kernel_cases.rank_ones, (0.0, 1e-12, 1e-3, 0.5, 20.0), (0, 1, 5, 12))
        ),
    },
    "q_coding_ssm_forward_cpu": {
        "unrolled_ssm_forward": of(FORWARD),
        "make_conv_kernel": of(KERNEL, read=ssm.by_lag),
        "conv_ssm_forward": of(FORWARD),
        "largest_difference": Judge(
            lambda: [(torch.tensor([1.0, -2.0]), torch.tensor([4.0, 5.0]))]
        ),
        "recurrent_flops": Judge(sizes),
        "convolution_flops": Judge(sizes),
    },
    "q_coding_ssm_forward_gpu": {
        "unrolled_ssm_forward": of(doubled(FORWARD)),
        "make_conv_kernel": of(doubled(KERNEL), read=ssm.by_lag),
        "conv_ssm_forward": of(doubled(FORWARD)),
        "make_diag_depthwise_kernel": of(
            doubled(partial(ssm_diagonal.kernel_cases, T=LENGTHS, radius=0.97)),
            read=ssm_diagonal.by_lag,
        ),
        "diag_conv_ssm_forward": of(DIAGONAL),
        "diag_unrolled_ssm_forward": of(DIAGONAL),
    },
    "q_referee_a_model": {},  # plain values: see test_corpus_referee
    "q_homework_process": {},
}


@pytest.mark.parametrize(
    ("notebook", "function"), [(name, f) for name, judges in NOTEBOOKS.items() for f in judges]
)
def test_a_mutant_that_is_wrong_loses_a_check(notebook, function):
    master, judge = corpus.read(notebook), NOTEBOOKS[notebook][function]
    questions = {c.split(":")[0] for c in master.checks if function in master.asked(c)}
    right, survivors, wrong = master.submission({}), [], 0
    with corpus.one_thread(), seeded("judge"):
        asked = [(arguments, judge.read(right[function](*arguments))) for arguments in
                 map(copies, judge.arguments())]  # fmt: skip
    for mutant in mutants(function_named(function, master.solution)):
        names = master.submission({})
        with corpus.one_thread():
            exec(mutant.source, names)
            if not is_wrong(names[function], judge, asked):
                continue
            wrong += 1
            if not loses(master, names, questions):
                survivors.append(mutant.change)
    assert wrong >= 3, "there are no mutants to speak of"
    assert not survivors, f"wrong, and past every check of {sorted(questions)}: {survivors}"


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_function_that_has_a_solution_in_code_has_a_judge(notebook):
    master = corpus.read(notebook)
    functions = {name for name in master.functions if callable(master.submission({})[name])}
    assert functions == set(NOTEBOOKS[notebook])


def copies(arguments: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(a.clone() if isinstance(a, torch.Tensor) else a for a in arguments)


def is_wrong(function: Callable[..., Any], judge: Judge, asked: Iterable[Any]) -> bool:
    """Does it fail, change its arguments, or return something else than the solution?"""
    for arguments, expected in asked:
        given = copies(arguments)
        try:
            with bounded(SECONDS):
                value = judge.read(function(*given))
        except (Exception, TooLong):
            return True
        tensors = [a for a in arguments if isinstance(a, torch.Tensor)]
        changed = any(
            isinstance(a, torch.Tensor) and not torch.equal(a, b)
            for a, b in zip(given, arguments, strict=True)
        )
        allowed = ROUNDING[tensors[0].dtype if tensors else torch.float64]
        scale = float(expected.abs().max()) if expected.numel() else 1.0
        if changed or value.shape != expected.shape:
            return True
        if not bool(((value - expected).abs() <= allowed * (scale or 1.0)).all()):
            return True
    return False


def loses(master: corpus.Corpus, names: dict[str, Any], questions: Iterable[str]) -> bool:
    try:
        with bounded(SECONDS):
            return bool(master.lost(names, "mutants", sorted(questions)))
    except TooLong:
        return True
