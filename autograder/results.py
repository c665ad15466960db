"""What grading makes: one Result for each submission. Every report is a function of it.

Plain data only: everything here can be written as JSON and read back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

NOT_HANDED_IN = "this notebook was not handed in"  # a notebook's `problem`
Status = Literal["ok", "partly", "unreadable"]


@dataclass(frozen=True)
class TestResult:
    """One test case of a question. `message` is what its author may read: it holds no hidden
    source, input or expected value. `cause` is the sentence of the known mistake that explains
    the output, if one does; who may read it is the course's policy. `remark` asks a person to
    look at a test that passed; for instructors. `note` says what an instructor changed, and why."""

    name: str  # "right at any length"
    points: float
    passed: bool
    hidden: bool
    message: str = ""
    cause: str = ""
    remark: str = ""
    note: str = ""


@dataclass(frozen=True)
class QuestionResult:
    """One graded question. `problem` says why it could not run, if it could not. `written`: people
    read it and gave its score, with a `comment` (see `autograder.written.scores`)."""

    name: str  # Otter's name: "q2a"
    part: str  # "2a"
    title: str
    score: float
    possible: float
    tests: tuple[TestResult, ...] = ()
    problem: str = ""
    seconds: float = 0.0
    written: bool = False
    comment: str = ""


@dataclass(frozen=True)
class CellProblem:
    """A cell that did not run to its end, and what happened. `cell` counts all cells from 1."""

    cell: int
    kind: Literal["raised", "too long", "died", "skipped"]
    message: str


@dataclass(frozen=True)
class NotebookResult:
    """One notebook of a submission. `file` is the submitted file's name, empty where none was
    handed in; `identified_by` says how the file was recognised; `device` is where its tests put
    their tensors; the same `key` means that grading it again would give the same; `values` are the
    numbers that the class report shows."""

    name: str  # "q_coding_ssm_forward_cpu"
    title: str
    score: float
    possible: float
    status: Status
    file: str = ""
    identified_by: str = ""
    questions: tuple[QuestionResult, ...] = ()
    cells: tuple[CellProblem, ...] = ()
    problem: str = ""
    seconds: float = 0.0
    device: str = "cpu"
    key: str = ""
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TimedPair:
    """Time of `over` / time of `under`: the median of `n` paired ratios, and an interval that
    encloses the true one. The verdict is on `over`."""

    over: str  # "your convolution"
    under: str  # "the reference's convolution"
    ratio: float
    low: float
    high: float
    n: int
    verdict: Literal["faster", "slower", "undecided"]


@dataclass(frozen=True)
class TimedSize:
    """One size of a comparison: by contestant the seconds of a call (lower quartile, median, upper
    quartile) and peak memory; the pairs; `problem` says why there are none; `messages` is the
    largest share of a turn that messages took."""

    sizes: dict[str, int]
    seconds: dict[str, tuple[float, ...]] = field(default_factory=dict)
    peak_bytes: dict[str, int] = field(default_factory=dict)
    pairs: tuple[TimedPair, ...] = ()
    problem: str = ""
    messages: float = 0.0


@dataclass(frozen=True)
class Timing:
    """One comparison of a submission's functions with each other and with the reference's.

    machine   what measured: the processor's or the GPU's name
    checked   the name of the GPU on which its questions' tests ran again; "" where they did not
    problem   why nothing was measured, if nothing was
    crossing  what its author predicted: from which second size on `second` is faster, by first
              size; 0 for never
    notes     what a reader should know before believing the ratios
    score     points for time, of `possible` (0: shown only; what was not measured counts neither
              way)
    """

    notebook: str
    part: str
    title: str
    first: str
    second: str
    device: Literal["cpu", "cuda"]
    status: Literal["measured", "not correct", "not run here", "failed"]
    machine: str = ""
    checked: str = ""
    problem: str = ""
    sizes: tuple[TimedSize, ...] = ()
    crossing: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    score: float = 0.0
    possible: float = 0.0
    seconds: float = 0.0
    key: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What an instructor added to (or took from) a submission's score, or granted, and why."""

    points: float
    reason: str


@dataclass(frozen=True)
class Result:
    """One graded submission.

    submission  its id (a file's or folder's name without extension)
    members     who handed it in, one entry a student (empty where nobody is named)
    score       points earned of `possible`, automatic points only; adjustments included
    level       the sandbox level it ran at; missing_layers what that level lacks
    device      what its tests ran on: "cpu", and the name of every GPU where some ran again
    seed        the seed of its hidden inputs (for instructors)
    key         what the result depends on; the same key means grading again is not needed
    problems    what its author should know first: a missing notebook, an unreadable file
    timings     comparisons of its functions' times, where the homework asks for any
    adjustments what instructors decided about it since (see `autograder.overrides`)
    """

    submission: str
    score: float
    possible: float
    status: Status
    notebooks: tuple[NotebookResult, ...] = ()
    members: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    timings: tuple[Timing, ...] = ()
    level: str = ""
    missing_layers: tuple[str, ...] = ()
    device: str = "cpu"
    seed: str = ""
    bundle: str = ""
    seconds: float = 0.0
    key: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def devices(notebooks: Iterable[NotebookResult], timings: Iterable[Timing]) -> str:
    """A result's `device`, from those of its parts."""
    used = [n.device for n in notebooks if n.file] + [t.checked for t in timings if t.checked]
    return ", ".join(dict.fromkeys(used)) or "cpu"
