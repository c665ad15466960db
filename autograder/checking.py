"""Whether a homework does what it says, before anybody gets it.

Comes in: a course. Goes out: a line for each thing that is wrong. Its solved notebooks are graded
in a sandbox as submissions are, and so are the untouched ones; its known mistakes are tried in the
solution's place; the names in its table are looked up.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autograder import intake, masters, otter_build, plain_checks, release
from autograder.bundle_in_use import public_files
from autograder.comparisons import Comparison, imported
from autograder.course import TABLE, Course
from autograder.diagnosis import Mistake, known_mistakes
from autograder.grading import Grader
from autograder.near import meant
from autograder.notebook import CourseError, Notebook, Question
from autograder.results import Result
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool
from labkit.checks import same

_SEEDS = 2
_Names = dict[str, dict[str, Any]]  # by notebook, what its solution defines


def problems(course: Course) -> Iterator[str]:
    """A line for each thing that is wrong with the homework, as it is found. Raises
    NoSandboxError."""
    try:
        release.refuse_replaced(course.root)
        mistakes = known_mistakes()
    except CourseError as error:  # nothing is graded without them
        yield str(error)
        return
    yield from _graded(course)
    with plain_checks.one_thread(), _beside_data(course.root):
        found = list(_looked_up(course, mistakes))
    yield from found


def _looked_up(course: Course, mistakes: Sequence[Mistake]) -> Iterator[str]:
    """Names in the table that lead nowhere, and mistakes that do not lose what they say."""
    names = {notebook.name: solved_names(notebook) for notebook in course.notebooks}
    yield from _reported(course, names)
    for number, comparison in enumerate(course.comparisons, 1):
        where = f"{course.root / TABLE}, [[timing]] number {number} ({comparison.part})"
        for text in _timing(course, comparison, names[comparison.notebook]):
            yield f"{where}: {text}"
    for wrong in mistakes:
        for text in _mistake(course, wrong, names):
            yield f"{inspect.getsourcefile(wrong.run)}, {wrong.name}: {text}"


def _graded(course: Course) -> Iterator[str]:
    """Solved notebooks that do not get every point, and untouched ones that get any."""
    level, missing = choose([course.root / "solutions"])
    with (
        tempfile.TemporaryDirectory() as place,
        Pool(level, public_files(course.root), course.limits, 1) as pool,
    ):
        solved, untouched = _submissions(course, Path(place))
        said: set[str] = set()
        for number in range(_SEEDS):
            seeded = replace(course, seed=f"{course.seed} {number}")
            grader = Grader(seeded, pool, missing)
            found = [
                *_lost(course, grader.grade(solved)),
                *_won(course, grader.grade(untouched)),
            ]
            yield from (line for line in found if line not in said)
            said.update(found)


def _submissions(course: Course, place: Path) -> tuple[intake.Submission, intake.Submission]:
    """The homework solved, and as students get it."""
    for notebook in course.notebooks:
        master = masters.read(notebook.master)
        built = otter_build.build(master.name, master.content, master.file)
        for name, content in (("solved", built.solved), ("untouched", built.student)):
            (place / name).mkdir(exist_ok=True)
            (place / name / f"{notebook.name}.ipynb").write_bytes(otter_build.to_bytes(content))
    solved, untouched = (
        intake.read_one(sorted((place / name).iterdir()), course, name=name)
        for name in ("solved", "untouched")
    )
    return solved, untouched


def _lost(course: Course, result: Result) -> Iterator[str]:
    masters = {notebook.name: notebook.master for notebook in course.notebooks}
    for notebook in result.notebooks:
        for cell in notebook.cells:
            yield f"{masters[notebook.name]}: cell {cell.cell} of the solution {cell.message}"
        for question in notebook.questions:
            for test in question.tests:
                if not test.passed:
                    where = f"{masters[notebook.name]}, question {question.name}"
                    said = test.remark or test.message
                    yield f"{where}: the solution does not pass '{test.name}': {said}"


def _won(course: Course, result: Result) -> Iterator[str]:
    masters = {notebook.name: notebook.master for notebook in course.notebooks}
    for notebook in result.notebooks:
        for question in notebook.questions:
            for test in question.tests:
                if test.passed and test.points:
                    where = f"{masters[notebook.name]}, question {question.name}"
                    text = f"an untouched notebook gets {test.points:g} points for '{test.name}'"
                    yield f"{where}: {text}"


@contextlib.contextmanager
def _beside_data(root: Path) -> Iterator[None]:
    """Within, what cells say is not heard, figures are not shown, and `data/` is the homework's."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    with tempfile.TemporaryDirectory() as place, open(os.devnull, "w") as nowhere:
        (Path(place) / "data").symlink_to(root / "data")
        with contextlib.chdir(place), contextlib.redirect_stdout(nowhere):
            yield


def solved_names(notebook: Notebook) -> dict[str, Any]:
    """What the notebook's own answers define. A cell that raises is passed over: grading the solved
    notebook names it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for source in notebook.solved:
        lines = (line for line in source.split("\n") if line.lstrip()[:1] not in ("%", "!"))
        with contextlib.suppress(Exception):
            exec(compile("\n".join(lines), notebook.name, "exec"), names)
    return names


def _reported(course: Course, names: _Names) -> Iterator[str]:
    for notebook in course.notebooks:
        for name in notebook.reported:
            value = names[notebook.name].get(name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                text = f"[reported] {notebook.name}: its solution has no number '{name}'"
                yield f"{course.root / TABLE}: {text}{meant(name, names[notebook.name])}"


def _timing(course: Course, comparison: Comparison, names: Mapping[str, Any]) -> Iterator[str]:
    (notebook,) = (n for n in course.notebooks if n.name == comparison.notebook)
    graded = [question.name for question in notebook.questions if not question.manual]
    for name in comparison.needs:
        if name not in graded:
            yield f"needs: {notebook.name} has no graded question '{name}'{meant(name, graded)}"
    if comparison.crossing and comparison.crossing not in names:
        near = meant(comparison.crossing, names)
        yield f"crossing: {notebook.name} does not define '{comparison.crossing}'{near}"
    functions = list(comparison.functions.values())
    for name in functions:
        if not callable(names.get(name)):
            yield f"{notebook.name} does not define the function '{name}'{meant(name, names)}"
    for key in ("inputs", "oracle"):
        try:
            imported(getattr(comparison, key))
        except Exception as error:
            yield f"{key}: {type(error).__name__}: {error}"
            return
    sizes = {**comparison.fixed, **comparison.grid()[0]}
    try:
        made = imported(comparison.inputs)(**sizes, generator=torch.Generator().manual_seed(0))
        expected = imported(comparison.oracle)(*made)
    except Exception as error:
        given = ", ".join(f"{name}={value}" for name, value in sizes.items())
        yield f"inputs and oracle at {given}, generator=...: {type(error).__name__}: {error}"
        return
    for name in functions:
        if callable(names.get(name)):
            try:
                same(names[name](*plain_checks.copies(made)), expected, rtol=comparison.rtol)
            except Exception as error:
                yield f"the solution's {name} does not give what oracle does: {error}"


def _mistake(course: Course, wrong: Mistake, names: _Names) -> Iterator[str]:
    """What is wrong with a known mistake: its names, or which tests it loses."""
    tests = {f"{q.name}: {t.name}": (n, q) for n in course.notebooks for q in n.questions
             for t in q.tests}  # fmt: skip
    if not wrong.fails:
        yield "fails: say which tests it loses"
    for name in wrong.fails:
        if name not in tests:
            yield f"fails: there is no test '{name}'{meant(name, tests)}"
    asked = {name for n in course.notebooks for name in n.defines}
    if wrong.function not in asked:
        yield f"no test asks for '{wrong.function}'{meant(wrong.function, asked)}"
    elif wrong.fails and tests.keys() >= set(wrong.fails):
        lost = [tests[name] for name in wrong.fails]
        for notebook in course.notebooks:
            questions = [q for q in notebook.questions if (notebook, q) in lost]
            if questions:
                yield from _tried(course, notebook, questions, wrong, names[notebook.name])


def _tried(
    course: Course,
    notebook: Notebook,
    questions: Sequence[Question],
    wrong: Mistake,
    names: dict[str, Any],
) -> Iterator[str]:
    """How what the mistake loses of these questions differs from what it is said to. Public tests
    count where they are named."""
    if wrong.function not in names:
        return  # the solution has no such name: grading it says so
    hidden, public = plain_checks.checks(notebook)
    begins = tuple(f"{question.name}: " for question in questions)
    tried = {name: run for name, run in hidden.items() if name.startswith(begins)}
    tried |= {name: run for name, run in public.items() if name in wrong.fails}
    said = {name for name in wrong.fails if name in tried}
    right = names[wrong.function]
    try:
        names[wrong.function] = wrong.run if callable(right) else wrong.run()
        for number in range(_SEEDS):
            lost = set(plain_checks.lost(tried, names, f"{course.seed} {number}"))
            if lost != said:
                for name in sorted(said - lost):
                    yield f"it does not lose '{name}'"
                for name in sorted(lost - said):
                    yield f"it loses '{name}' too"
                return
    finally:
        names[wrong.function] = right
