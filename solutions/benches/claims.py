"""What the original homework says about speed, measured its way and fairly: 2(c), 2(e) and 2(f).

2(c) and 2(e) compare the recurrence with the convolution, on a CPU and on a GPU; 2(f) compares them
for a diagonal W. The fair way: taking turns on fresh inputs, W of radius 0.99, pair by pair, and on
a CPU the time of this thread alone. The original way: W = 0.05 randn, one call to warm up, the mean
of ten, one form after the other, and on a GPU a clock that does not wait, and convolutions that
round to TF32, torch's default. Both on one thread.

What was measured goes to data/measurements/<machine>.json, with the figure beside it.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from torch import Tensor

from autograder.bench import Row, bench, race, ratio
from autograder.sandbox import processors
from labkit import claims, recorded
from labkit import timing as fair
from labkit.checks import generator
from labkit.inputs import diagonal_ssm_inputs, ssm_inputs
from solutions.benches.ssm import plain, plain_diagonal
from solutions.reference import ssm, ssm_diagonal

ROOT = Path(__file__).resolve().parents[2]
T = (8, 32, 128, 256, 512)
D = 32
Args = tuple[Tensor, ...]
Form = Callable[..., Tensor]


@dataclass(frozen=True)
class Claim:
    """A part of the homework: two forms, where and at which sizes, and which side of 1 the original
    puts time(second) / time(first) on, if it puts it anywhere."""

    part: str
    forms: Mapping[str, Form]
    inputs: Callable[..., Args]
    H: Sequence[int]
    N: int
    device: str
    at_least: float | None = None
    at_most: float | None = None


DENSE: dict[str, Form] = {"recurrence": plain, "convolution": ssm.convolution}
DIAGONAL: dict[str, Form] = {
    "recurrence": plain_diagonal,
    "depthwise convolution": ssm_diagonal.convolution,
}
GPU_H = (4, 16, 64, 256, 512)
CLAIMS = (
    # "slower, since it performs more computations"
    Claim("2c", DENSE, ssm_inputs, (2, 4, 8, 16, 32), 32, "cpu", at_least=1),
    # "faster for small H"; what is small is not said
    Claim("2e", DENSE, ssm_inputs, GPU_H, 32, "cuda"),
    # "faster for all H"
    Claim("2f", DIAGONAL, diagonal_ssm_inputs, GPU_H, 512, "cuda", at_most=1),
    Claim("2f on a CPU", DIAGONAL, diagonal_ssm_inputs, (4, 16, 64, 256), 32, "cpu", at_most=1),
)


@bench("claims", "what the homework says about speed, its way and fairly. Times: second / first.")
def homework(full: bool) -> Iterator[Row | str]:
    with fair.using_threads(1):
        yield from measured(CLAIMS, rounds=25 if full else 9, root=ROOT)


def measured(
    claims_made: Sequence[Claim], rounds: int, root: Path, lengths: Sequence[int] = T
) -> Iterator[Row | str]:
    """Measure, write what was measured below `root`, and say where."""
    for device in dict.fromkeys(claim.device for claim in claims_made):
        here = [claim for claim in claims_made if claim.device == device]
        if device == "cuda" and not torch.cuda.is_available():
            parts = " and ".join(claim.part for claim in here)
            yield f"left out: {parts}, which needs a GPU"
            continue
        kept: dict[str, tuple[list[fair.Row], list[fair.Row]]] = {}
        for claim in here:
            ours: list[fair.Row] = []
            theirs: list[fair.Row] = []
            for H in claim.H:
                for steps in lengths:
                    yield from _at(claim, H, steps, rounds, ours, theirs)
            kept[claim.part] = ours, theirs
            yield _both(claim.part, ours, theirs)
        yield _kept(kept, device, root)


def _at(
    claim: Claim, H: int, steps: int, rounds: int, ours: list[fair.Row], theirs: list[fair.Row]
) -> Iterator[Row]:
    """One size: the row of the fair way, and that of the original's, kept for the file too."""
    source = generator("bench claims", claim.part, H, steps)
    sizes = {"H": H, "T": steps}

    def fresh() -> Args:
        made = claim.inputs(claim.N, steps, D, H, generator=source)
        return tuple(a.to(claim.device) for a in made)

    forms = {name: _on(claim.device, form) for name, form in claim.forms.items()}
    first, second = forms
    clock = time.thread_time if claim.device == "cpu" else fair.timer
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        turns = race(forms, fresh, rounds=rounds, budget=4.0, clock=clock)
    args = fresh()
    for name, form in forms.items():
        low, middle, high = statistics.quantiles(turns[name], n=4, method="inclusive")
        peak = fair.peak_bytes(lambda form=form: form(*args), claim.device)  # type: ignore[misc]
        spread = fair.Timing(middle, low, high, len(turns[name]))
        ours.append(fair.Row(name, sizes, spread, peak))
    where = f"{claim.part} {second}/{first} H={H} T={steps} N={claim.N}"
    yield ratio(
        f"{where} fair", turns[second], turns[first], at_least=claim.at_least, at_most=claim.at_most
    )
    W, *others = fresh()
    small = 0.05 * torch.randn(H, H, generator=source)
    small = small.diagonal().diag() if claim.forms is DIAGONAL else small
    means = {name: original(form, (small.to(W.device), *others)) for name, form in forms.items()}
    for name, mean in means.items():
        theirs.append(fair.Row(name, sizes, fair.Timing(mean, mean, mean, 1), 0))
    told = means[second] / means[first]
    yield Row(f"{where} the original way", told, told, told, 1)


def original(form: Form, args: Args) -> float:
    """Seconds as the original homework takes them."""
    form(*args)
    start = time.perf_counter()
    for _ in range(10):
        form(*args)
    return (time.perf_counter() - start) / 10


def _on(device: str, form: Form) -> Form:
    """The form, whose own tensors are made where its inputs are."""

    def there(*args: Tensor) -> Tensor:
        with torch.device(device):
            return form(*args)

    return there if device != "cpu" else form


def _both(part: str, ours: Sequence[fair.Row], theirs: Sequence[fair.Row]) -> str:
    figure, said = claims.drawn({part: (ours, theirs)})
    plt.close(figure)
    return said


def _kept(
    parts: Mapping[str, tuple[list[fair.Row], list[fair.Row]]], device: str, root: Path
) -> str:
    """Write rows and figure below `root`; the sentence that says where."""
    machine = name_of(device)
    with chdir(root):
        for part, (ours, theirs) in parts.items():
            recorded.keep(part, ours, machine)
            file = recorded.keep(part + claims.ORIGINAL, theirs, machine).resolve()
    figure, _ = claims.drawn(parts)
    figure.savefig(file.with_suffix(".svg"), metadata={"Date": None})
    plt.close(figure)
    return f"{machine}: written to {file.relative_to(root.resolve())}, and a figure beside it"


def name_of(device: str) -> str:
    """This machine by its processor's or GPU's model: no name of a host."""
    if device == "cuda":
        return recorded.machine(torch.device(device))
    return (
        f"{processors.model()}, {os.cpu_count()} cores, torch {torch.__version__.partition('+')[0]}"
    )
