"""A release: everything that is made from the masters and handed out.

Comes in: a course. Goes out: its notebooks/, and in one folder the student zip, the Gradescope
zips and the instructor's solved notebooks. All of it is made in memory and searched for leaks
first; nothing is written if students would see what is hidden.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import yaml
from nbformat import NotebookNode

from autograder import archives, leaks, masters, otter_build, otter_zip
from autograder.bundle_files import (
    data_files,
    files_below,
    instead_of_labkit,
    labkit_files,
    labkit_for,
)
from autograder.course import SECRET_FILE, TABLE, Course, read_table, secret
from autograder.masters import Master
from autograder.notebook import CourseError
from autograder.problems import minutes, problem_text

PROJECT = Path(__file__).resolve().parents[1]
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_SCRIPTS = ("run_autograder", "setup.sh")


@dataclass(frozen=True)
class Release:
    """The files of a release. `pages` are the solved notebooks as HTML, if they were run."""

    notebooks: tuple[Path, ...]
    student: Path
    gradescope: tuple[Path, ...]
    instructor: tuple[Path, ...]
    pages: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return (*self.notebooks, self.student, *self.gradescope, *self.instructor, *self.pages)


def assign(course: Course, out: Path, run: bool = False) -> Release:
    """Make a release in the folder `out`, and the bundle's notebooks/ anew.

    run  also run the solved notebooks, and write them as HTML

    Raises CourseError: for a master that cannot be used, a leak (every one is named, and nothing
    is written), a solved notebook that does not run to its end.
    """
    refuse_replaced(course.root)
    read = [masters.read(notebook.master) for notebook in course.notebooks]
    notebooks, secrets = _student_notebooks(course, read)
    handed_out = _student_files(course, notebooks)
    secrets += _other_secrets(course, read)
    _refuse_leaks(_visible(course, handed_out), secrets)

    solved = {m.name: otter_build.build(m.name, m.content, m.file).solved for m in read}
    for name, notebook in solved.items():
        notebook.metadata["homework"] = _homework(course, name, hidden=True)
    bundle = _grading_files(course)
    graded = {f"{course.name}-autograder.zip": archives.zipped(bundle | _scripts(), _SCRIPTS)}
    inner, pins = archives.zipped(bundle), _pins()
    for master in read:
        graded[f"{master.name}-autograder.zip"] = otter_zip.otter_zip(master, inner, pins)
    pages = _pages(course, solved, handed_out) if run else {}

    student = archives.zipped(handed_out)
    instructor = {f"{name}.ipynb": otter_build.to_bytes(solved[name]) for name in solved}
    return Release(
        notebooks=_write(course.root / "notebooks", notebooks),
        student=_write(out / "student", {f"{course.name}.zip": student})[0],
        gradescope=_write(out / "gradescope", graded),
        instructor=_write(out / "instructor", instructor),
        pages=_write(out / "instructor", pages),
    )


def refuse_replaced(root: Path) -> None:
    """Raises CourseError where a bundle has another form of a module of this project's labkit."""
    for file in instead_of_labkit(root):
        raise CourseError(
            f"{file}: labkit has a file of this name, which stays as it is: rename yours, or "
            "remove it if it is an older copy"
        )


def _student_notebooks(
    course: Course, read: list[Master]
) -> tuple[dict[str, bytes], list[leaks.Secret]]:
    """The student notebooks by file name, made from masters that carry tokens, and the tokens."""
    notebooks, secrets = {}, []
    for master in read:
        marked, tokens = leaks.with_tokens(master, course.seed)
        student = otter_build.build(master.name, marked.content, master.file).student
        student.metadata["homework"] = _homework(course, master.name, hidden=False)
        notebooks[f"{master.name}.ipynb"] = otter_build.to_bytes(student)
        secrets += tokens
    return notebooks, secrets


def _homework(course: Course, name: str, hidden: bool) -> dict[str, Any]:
    """What a notebook's own metadata says: to which homework it belongs, what the notebooks of that
    are, what its checks are called (with the hidden ones in solved notebooks alone), and which
    questions have hidden ones."""
    (notebook,) = (each for each in course.notebooks if each.name == name)
    checks = {
        question.name: [test.name for test in question.tests if hidden or not test.hidden]
        for question in notebook.questions
        if not question.manual
    }
    return {
        "name": course.name,
        "notebooks": [each.name for each in course.notebooks],
        "checks": checks,
        "hidden": [q.name for q in notebook.questions if any(test.hidden for test in q.tests)],
    }


def _student_files(course: Course, notebooks: Mapping[str, bytes]) -> dict[str, bytes]:
    """The student zip's files: notebooks, their text, labkit, data, and how to set up."""
    environment = _environment(course)
    name, requirements = _specified(environment, course.root)
    data = _data(course.root)
    listed = [f"- `{n.name}.ipynb`: {n.title}" for n in course.notebooks]
    problems = {
        f"problems/{Path(name).stem}.md": problem_text(nbformat.reads(content.decode(), 4))
        for name, content in notebooks.items()
    }
    hours = round(sum(map(minutes, problems.values())) / 60)
    readme = string.Template((_TEMPLATES / "student_readme.md").read_text("utf-8")).substitute(
        title=course.title,
        notebooks="\n".join(listed),
        time=f"\nAll parts together take about {hours} hours.\n" if hours > 1 else "",
        data=", and `data/`" if data else "",
        environment=name,
        submission=f"{course.name}-submission.zip",
        cell_seconds=f"{course.limits.cell_seconds:g}",
        function_seconds=f"{course.limits.question_seconds:g}",
    )
    return {
        **notebooks,
        **{name: text.encode() for name, text in problems.items()},
        **_read(labkit_for(course.root, [n.master for n in course.notebooks]), "labkit"),
        **data,
        "environment.yml": environment,
        "requirements.txt": requirements,
        "README.md": readme.encode(),
        "AGENTS.md": (_TEMPLATES / "student_agents.md").read_bytes(),
    }


def _environment(course: Course) -> bytes:
    """The bundle's own environment.yml, or else this project's, called after the homework."""
    own = course.root / "environment.yml"
    if own.is_file():
        return own.read_bytes()
    text = (PROJECT / "environment.yml").read_text("utf-8")
    return re.sub(r"(?m)^name: .*$", f"name: {course.name}", text, count=1).encode()


def _specified(environment: bytes, root: Path) -> tuple[str, bytes]:
    """What an environment is called, and what pip installs in it. Raises CourseError."""
    try:
        specification = yaml.safe_load(environment)
        (pip,) = (e["pip"] for e in specification["dependencies"] if isinstance(e, dict))
        return specification["name"], "".join(f"{line}\n" for line in pip).encode()
    except (yaml.YAMLError, LookupError, TypeError, ValueError):
        raise CourseError(
            f"{root / 'environment.yml'}: it is to have a name, and one list of what pip installs "
            "below '- pip:', which students without conda get as requirements.txt"
        ) from None


def _data(root: Path) -> dict[str, bytes]:
    return {f.relative_to(root).as_posix(): f.read_bytes() for f in data_files(root)}


def _tree(folder: Path, name: str) -> dict[str, bytes]:
    """The files below a folder, as they are called below `name`."""
    return _read({p.relative_to(folder).as_posix(): p for p in files_below(folder)}, name)


def _read(files: Mapping[str, Path], name: str) -> dict[str, bytes]:
    """What these files hold, as they are called below `name`."""
    return {f"{name}/{path}": file.read_bytes() for path, file in files.items()}


def _other_secrets(course: Course, read: list[Master]) -> list[leaks.Secret]:
    """What must not be seen beside the tokens: hidden lines, the secret, the seed."""
    labkit = _read(labkit_files(course.root), "labkit")
    public = [content.decode() for name, content in labkit.items() if name.endswith(".py")]
    public += read_table(course.root)["public_lines"]
    lines = leaks.hidden_lines(read, course.root, public)
    keys = {"the course's secret": secret(course.root), "the release's seed": course.seed}
    return lines + [
        leaks.Secret(leaks.squeezed(key), origin, False) for origin, key in keys.items()
    ]


def _visible(course: Course, handed_out: Mapping[str, bytes]) -> dict[str, bytes]:
    """Everything students may see: what they are handed, and what else lies in notebooks/."""
    published = _tree(course.root / "notebooks", "notebooks")
    also = {n: c for n, c in published.items() if n.removeprefix("notebooks/") not in handed_out}
    return {**handed_out, **also}


def _refuse_leaks(visible: Mapping[str, bytes], secrets: list[leaks.Secret]) -> None:
    found = leaks.find(visible, secrets)
    if found:
        shown = "\n".join(f"  {leak}" for leak in found[:12])
        more = f"\n  and {len(found) - 12} more" if len(found) > 12 else ""
        raise CourseError(
            f"nothing was written, because students would see what is hidden:\n{shown}{more}\n"
            f"Take it out; a line they may see goes into public_lines in {TABLE}."
        )


def _grading_files(course: Course) -> dict[str, bytes]:
    """What grades on another machine: the engine, and the bundle with its secret."""
    project = {name: (PROJECT / name).read_bytes() for name in _project_files()}
    return {
        **project,
        **_tree(PROJECT / "autograder", "autograder"),
        **_tree(course.root / "solutions", "solutions"),
        **_read(labkit_files(course.root), "notebooks/labkit"),
        **_data(course.root),
        SECRET_FILE: secret(course.root).encode(),
    }


def _project_files() -> list[str]:
    names = ["pyproject.toml", "constraints.txt", "README.md", "LICENSE"]
    missing = [name for name in names if not (PROJECT / name).is_file()]
    if missing:
        text = f"{PROJECT} has no {missing[0]}: a release is made from a checkout of the project"
        raise CourseError(text)
    return names


def _scripts() -> dict[str, bytes]:
    return {name: (_TEMPLATES / name).read_bytes() for name in _SCRIPTS}


def _pins() -> list[str]:
    """What the engine depends on, as `name==version; marker`, from pyproject and constraints."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    constraints = (PROJECT / "constraints.txt").read_text("utf-8")
    versions = {n.lower(): v for n, v in re.findall(r"^([\w.-]+)==(\S+)$", constraints, re.M)}
    pins = []
    for dependency in project["dependencies"]:
        name = re.match(r"[\w.-]+", dependency)
        assert name, dependency
        _, semicolon, marker = dependency.partition(";")
        pins.append(f"{name[0]}=={versions[name[0].lower()]}{semicolon}{marker}")
    return pins


def _pages(
    course: Course, solved: Mapping[str, NotebookNode], beside: Mapping[str, bytes]
) -> dict[str, bytes]:
    from autograder import solved_pages  # here: Jupyter's client takes seconds to import

    return {
        f"{name}.html": solved_pages.page(name, notebook, beside, [course.root])
        for name, notebook in solved.items()
    }


def _write(folder: Path, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    for name, content in files.items():
        archives.write(folder / name, content)
    return tuple(folder / name for name in files)
