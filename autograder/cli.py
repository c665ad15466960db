"""The commands. Each parses its arguments, calls one module, and says what came of it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from autograder.course import Course
from autograder.intake import Submission
from autograder.sandbox.seal import LEVELS, Level

if TYPE_CHECKING:
    from autograder.timing_jobs import Gpu

_HERE = Path(__file__).resolve().parent.parent

bundle_option = click.option(
    "--bundle",
    type=click.Path(path_type=Path, file_okay=False),
    default=_HERE,
    help="The homework: a folder with solutions/course.toml. Default: this project's own.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="course-autograder")
def main() -> None:
    """Release a homework, and grade what comes back, with the score out of its code's reach."""
    os.environ["MPLBACKEND"] = "Agg"  # figures go into pages
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every letter
            stream.reconfigure(errors="replace")


@main.command()
@bundle_option
@click.option("--out", type=click.Path(path_type=Path), default=Path("dist"), show_default=True)
@click.option("--run", is_flag=True, help="Also execute the solved notebooks, to HTML.")
def assign(bundle: Path, out: Path, run: bool) -> None:
    """Masters -> notebooks/, the student zip, the Gradescope zips, the instructor's solved copies.

    Refuses to write anything if a student could see what they must not."""
    from autograder import release
    from autograder.notebook import CourseError

    course = _load(bundle)
    if run:
        click.echo("Running the solved notebooks, one after another: this takes minutes.", err=True)
    try:
        made = release.assign(course, out, run=run)
    except CourseError as error:
        _stop(str(error))
    except OSError as error:
        _stop(f"the release cannot be written: {error}")
    here = Path.cwd()
    for path in made.files:
        click.echo(f"  {path.relative_to(here) if path.is_relative_to(here) else path}")


@main.command()
@bundle_option
def check(bundle: Path) -> None:
    """Whether a homework does what it says: solutions, tests, known mistakes, names in its table.

    Grades the solved notebooks, which are to get every point, and the untouched ones, which are to
    get none; tries every known mistake. Exit status 1 where something is wrong: a line for each."""
    course = _load(bundle)
    from autograder import checking
    from autograder.sandbox.child import SandboxError
    from autograder.sandbox.levels import NoSandboxError

    found = False
    try:
        for problem in checking.problems(course):
            found = True
            click.echo(f"autograder: {problem}", err=True)
    except (NoSandboxError, SandboxError) as error:
        _stop(str(error))
    if found:
        sys.exit(1)
    click.echo(f"Nothing is wrong with {course.name}.")


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@bundle_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where reports go.")
@click.option("--only", metavar="NAME", help="Take every file for this notebook.")
@click.option("--jobs", type=click.IntRange(1), help="At once. Default: one a processor.")
@click.option("--scheduler", metavar="ADDRESS", help="Grade on the fleet of a Dask scheduler.")
@click.option("--seed", help="In place of the release's own secret.")
@click.option("--require-level", type=click.Choice(LEVELS), help="Refuse a weaker sandbox.")
@click.option("--trust-input", is_flag=True, help="Allow no sandbox at all. Know your authors.")
@click.option("--fresh", is_flag=True, help="Grade again what OUT already has results for.")
@click.option("--timing", type=click.Choice(["show", "skip"]), default="show", show_default=True)
@click.option(
    "--gpu",
    type=click.Choice(["auto", "require", "skip"]),
    default="auto",
    show_default=True,
    help="Time on a GPU too: where there is one; always; never.",
)
@click.option("--submission", "chosen", multiple=True, metavar="ID", help="Only this one; repeat.")
def grade(
    paths: tuple[Path, ...],
    bundle: Path,
    out: Path,
    only: str | None,
    jobs: int | None,
    seed: str | None,
    require_level: Level | None,
    trust_input: bool,
    fresh: bool,
    timing: str,
    gpu: Gpu,
    chosen: tuple[str, ...],
    scheduler: str | None,
) -> None:
    """Grade notebooks, zips, folders of them, or LMS exports.

    A PATH that is a folder is a class: each entry is one submission. Exit status: 0 every
    submission got a result, whatever it scored; 1 the grader failed on some; 2 bad arguments."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same as Ctrl-C
    _refuse_within(paths, out)
    course = _load(bundle, seed, apart=True)  # first: see load_apart
    from autograder import intake
    from autograder.fleet import Stopped, grade_class
    from autograder.jobs import FleetError
    from autograder.notebook import CourseError
    from autograder.overrides import OverridesError
    from autograder.sandbox import processors
    from autograder.sandbox.child import SandboxError
    from autograder.sandbox.levels import NoSandboxError
    from autograder.timing_jobs import NoGpuError

    names = [n.name for n in course.notebooks]
    if only is not None and only not in names:
        _stop(f"--only {only}: this homework has {', '.join(names)}")
    taken = intake.read(paths, course, only)
    for error in taken.errors:
        click.echo(f"autograder: {error}", err=True)
    submissions = _chosen(taken.submissions, chosen)
    if not submissions:
        sys.exit(2)
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        _stop(f"--out {out}: {error.strerror}")
    try:
        summary = grade_class(
            _with_only(course, only),
            submissions,
            out,
            private=[*paths, out],
            jobs=jobs or processors.count(),
            required=require_level,
            trust_input=trust_input,
            fresh=fresh,
            timing=timing == "show",
            gpu=gpu,
            again=_again(paths, bundle, out, only),
            scheduler=scheduler or "",
        )
    except (CourseError, NoSandboxError, NoGpuError, FleetError, OverridesError) as error:
        _stop(str(error))
    except (Stopped, SandboxError) as stopped:
        _stop(str(stopped), status=1)
    if summary.failed:
        sys.exit(1)
    if taken.errors:
        sys.exit(2)


@main.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@bundle_option
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where grades are.")
def written(paths: tuple[Path, ...], bundle: Path, out: Path) -> None:
    """Lay out written answers for people: a page a question, a document a submission.

    Goes beside the grades, into OUT/written. Scores and comments go into OUT/written.csv, which
    the next `autograder grade` reads."""
    from autograder import intake
    from autograder.written.scores import WrittenError
    from autograder.written.writing import write_all

    _refuse_within(paths, out)
    course = _load(bundle)
    taken = intake.read(paths, course)
    for error in taken.errors:
        click.echo(f"autograder: {error}", err=True)
    if not taken.submissions:
        sys.exit(2)
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_all(course, taken.submissions, out, click.echo)
    except (OSError, WrittenError) as error:
        _stop(f"--out {out}: {error}")
    if taken.errors:
        sys.exit(2)


@main.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@bundle_option
@click.option(
    "--canvas",
    "gradebook",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="GRADEBOOK",
    help="As exported from Canvas: fill in this homework's column.",
)
@click.option("--assignment", metavar="NAME", help="Canvas's name for it. Default: the title.")
@click.option("--anonymous", is_flag=True, help="Scores without names.")
def export(
    out: Path, bundle: Path, gradebook: Path | None, assignment: str | None, anonymous: bool
) -> None:
    """Grades in OUT -> OUT/canvas.csv to import there, OUT/anonymous.csv without names.

    What Gradescope reads is in OUT already: results.json of each submission. Exit status 1 where
    somebody has no row in the gradebook; each is named."""
    from autograder import archives
    from autograder.export import ExportError, canvas, earlier, results
    from autograder.export import anonymous as without_names
    from autograder.overrides import OverridesError

    if gradebook is None and not anonymous:
        _stop("say what to export: --canvas GRADEBOOK, or --anonymous")
    course = _load(bundle)
    try:
        graded = results(out, course)
        for name in earlier(out, graded):
            said = "was graded earlier, and is exported: to leave it out, move its folder away"
            click.echo(f"autograder: {out / name}: {said}", err=True)
        if anonymous:
            archives.write(out / "anonymous.csv", without_names.table(graded, course))
            click.echo(f"{len(graded)} submissions: {out / 'anonymous.csv'}")
        if gradebook is not None:
            filled = canvas.fill(gradebook.read_bytes(), graded, assignment or course.title)
            archives.write(out / "canvas.csv", filled.content)
            click.echo(f"{filled.count} rows filled in: {out / 'canvas.csv'}")
            for line in filled.left:
                click.echo(f"autograder: {line}", err=True)
            sys.exit(1 if filled.left else 0)
    except (ExportError, OverridesError, OSError) as error:
        _stop(str(error))


@main.command()
@bundle_option
@click.option("--root", type=click.Path(path_type=Path), default=Path("/autograder"))
def gradescope(bundle: Path, root: Path) -> None:
    """What Gradescope's run_autograder calls: grade ROOT/submission into ROOT/results."""
    if not root.is_dir():
        _stop(f"--root {root}: there is no such folder")
    from autograder.notebook import CourseError

    try:
        course = _loaded(bundle, apart=True)  # first: see load_apart
    except Exception as error:  # whatever it is: Gradescope shows nothing without a results.json
        from autograder.gradescope import apologize

        apologize(error, root)
        if isinstance(error, CourseError | OSError):
            _stop(str(error))
        raise
    from autograder.gradescope import run

    run(course, root)


@main.command()
@bundle_option
@click.option("--scheduler", metavar="ADDRESS", help="Of each machine of a fleet instead.")
def doctor(bundle: Path, scheduler: str | None) -> None:
    """What this machine offers: the sandbox and what each level lacks, processors, GPU."""
    from autograder.doctor import report
    from autograder.fleet import doctors
    from autograder.jobs import FleetError

    if scheduler is None:
        click.echo(report([bundle / "solutions"]))
        return
    try:
        for outcome in doctors(scheduler, _load(bundle)):
            click.echo(f"{outcome.where}\n{outcome.text or outcome.error}\n")
    except FleetError as error:
        _stop(str(error))


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@bundle_option
@click.option("--json", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@click.option("--full", is_flag=True, help="All sizes: takes much longer.")
def bench(names: tuple[str, ...], bundle: Path, file: Path | None, full: bool) -> None:
    """Measure what is claimed, here and now: ratios with 95% intervals, as a table.

    Each NAME is a bench; without one, all of them run. With --json the rows are written to FILE
    too, as [{bench, name, ratio, low, high, n}, ...]. A name says what is divided by what."""
    from autograder import bench as measured
    from autograder.bundle_in_use import use_bundle
    from autograder.course import read_table
    from autograder.notebook import CourseError
    from autograder.sandbox.child import SandboxError
    from autograder.sandbox.levels import NoSandboxError

    use_bundle(bundle.resolve())
    try:
        read_table(bundle.resolve())
        benches = measured.choose(names)
    except (CourseError, measured.UnknownBench) as error:
        _stop(str(error))
    if file is not None and (problem := measured.can_write(file)):
        _stop(f"--json {file}: {problem}")
    try:
        rows = measured.run(benches, full, click.echo)
    except (NoSandboxError, SandboxError) as error:
        _stop(str(error), status=1)
    if file is not None:
        file.write_text(measured.as_json(rows), "utf-8")


def _chosen(submissions: list[Submission], chosen: tuple[str, ...]) -> list[Submission]:
    """The submissions with these ids; all of them where none is named."""
    found = [s for s in submissions if not chosen or s.id in chosen]
    for name in set(chosen) - {s.id for s in found}:
        _stop(f"--submission {name}: there is none of this id; see the names in grades.csv")
    return found


def _refuse_within(paths: tuple[Path, ...], out: Path) -> None:
    """Stop where results would lie among submissions: the next run would take them for one."""
    for path in paths:
        if os.path.isdir(path) and out.resolve().is_relative_to(path.resolve()):
            why = f"lies in {path}, where the next run would take it for a submission"
            _stop(f"--out {out} {why}: give a folder beside it")


def _again(paths: tuple[Path, ...], bundle: Path, out: Path, only: str | None) -> list[str]:
    """The command that grades one of these again, beside the grades, without saying which."""
    command = [_program(), "grade", *map(str, paths), "--out", f"{out}-again", "--fresh"]
    command += ["--bundle", str(bundle)] if bundle != _HERE else []
    return [*command, "--only", only] if only else command


def _program() -> str:
    """This program as it was called, like .venv/bin/autograder: short where the PATH has it."""
    called = Path(sys.argv[0])
    known = called.name != "autograder" or shutil.which(called.name) == str(called)
    return "autograder" if known else str(called)


def _with_only(course: Course, only: str | None) -> Course:
    """The course with no other notebook than `only`, where that is given."""
    if only is None:
        return course
    return replace(course, notebooks=tuple(n for n in course.notebooks if n.name == only))


def _load(bundle: Path, seed: str | None = None, apart: bool = False) -> Course:
    """The bundle, which can be imported from then on; `apart` saves memory for what grades."""
    from autograder.notebook import CourseError

    try:
        loaded = _loaded(bundle, apart)
    except (CourseError, OSError) as error:
        _stop(str(error))
    return loaded if seed is None else replace(loaded, seed=seed)


def _loaded(bundle: Path, apart: bool) -> Course:
    """The same. Raises CourseError, OSError."""
    from autograder import course

    root = bundle.resolve()
    engine = partial(import_module, "autograder.grading")  # torch: as long as reading the bundle
    loaded = course.load_apart(root, meanwhile=engine) if apart else course.load(root)
    from autograder.bundle_in_use import use_bundle

    use_bundle(root)
    return loaded


def _stop(reason: str, status: int = 2) -> NoReturn:
    """End with this status and one line that says why."""
    click.echo(f"autograder: {reason}", err=True)
    sys.exit(status)
