"""What Otter makes of a master, released in a form that is the same every time.

Comes in: a checked master. Goes out: the solved notebook, the student notebook and Otter's test
files. Otter's own transformer does the work, in process, as `otter assign` runs it. Its first cell
and its last ones give way to ours, which find labkit, word the checks, and pack the submission.
"""

from __future__ import annotations

import copy
import string
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from otter.assign.assignment import Assignment
from otter.assign.notebook_transformer import NotebookTransformer
from otter.assign.tests_manager import AssignmentTestsManager

from autograder.notebook import IGNORED, CourseError

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_TEMPLATES = Path(__file__).resolve().parent / "templates"
_EXPORT = ("## Submission\n", "# Save your notebook first", "grader.export(")  # Otter's last cells


@dataclass(frozen=True)
class Built:
    """What Otter makes of a master: notebooks as it writes them, test files by question."""

    solved: NotebookNode
    student: NotebookNode
    test_files: dict[str, str]


def build(name: str, content: NotebookNode, file: Path) -> Built:
    """What `otter assign` makes of a master, in process: the solved notebook (with every test),
    the student notebook (with the public ones) and the test files (with every test).

    name     the notebook's name, which its cell `grader = otter.Notebook(...)` says
    content  the master as a notebook; it is left as it is
    file     for messages

    Raises CourseError.
    """
    assignment = Assignment(require_valid_keys=True)
    assignment.master = Path(f"{name}.ipynb")
    assignment.lang = "python"
    assignment.name = name  # the id that every copy of the notebook carries
    try:
        transformer = NotebookTransformer(assignment, AssignmentTestsManager(assignment))
        transformed = transformer.transform_notebook(copy.deepcopy(content))
        if assignment.tests.ok_format or assignment.tests.files:
            raise ValueError("its config is to say 'tests: {ok_format: false}', without files")
        if assignment.name != name:
            raise ValueError(f"its config's name is to be {name}, or is not needed")
        with tempfile.TemporaryDirectory() as folder:
            transformed.write_tests(folder, include_hidden=True, force_files=True)
            test_files = {f.stem: f.read_text("utf-8") for f in sorted(Path(folder).glob("*.py"))}
            solved = _written(transformed, Path(folder), sanitize=False)
            student = _written(transformed, Path(folder), sanitize=True)
        for question, text in test_files.items():
            compile(text, f"the test file of {question}", "exec")
    except OSError:
        raise  # this machine's doing: a full disk, too many open files
    except Exception as error:
        raise CourseError(f"{file}: Otter cannot use this master: {error}") from error
    student = canonical(student)
    student.cells += _hand_in()
    return Built(canonical(solved), student, test_files)


def _written(transformed: Any, folder: Path, sanitize: bool) -> NotebookNode:
    transformed.write_tests(str(folder), include_hidden=not sanitize, force_files=False)
    transformed.write_transformed_nb(folder / "notebook.ipynb", sanitize)
    notebook: NotebookNode = nbformat.read(folder / "notebook.ipynb", as_version=4)
    return notebook


def canonical(notebook: NotebookNode) -> NotebookNode:
    """The notebook as it is released: no outputs, fixed metadata, ids from question and position,
    and our set-up cell in Otter's place, right before the first code cell."""
    cells = [cell for cell in notebook.cells if cell.source.strip()]  # Otter ends with a blank one
    cells = [cell for cell in cells if not cell.source.startswith(_EXPORT)]
    init = next((cell for cell in cells if cell.source.startswith("# Initialize Otter")), None)
    if init is not None:
        cells.remove(init)
        init.source = _set_up(notebook.metadata["otter"]["assignment_name"])
        place = next((i for i, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
        cells.insert(place, init)
    counts: dict[str, int] = {}
    question = ""
    for cell in cells:
        question = cell.metadata.get("question", question)
        counts[question] = counts.get(question, 0) + 1
        cell.id = f"{question or 'text'}-{counts[question]}"
        kept = ("deletable", "editable", "jupyter", "otter", "tags")
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in kept})
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    if "otter" in notebook.metadata:
        metadata["otter"] = notebook.metadata.otter
    released: NotebookNode = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
    return released


def _set_up(name: str) -> str:
    template = string.Template((_TEMPLATES / "set_up_cell.txt").read_text("utf-8"))
    return template.substitute(name=name).strip()


def _hand_in() -> list[NotebookNode]:
    """What a student notebook ends with: what to do, and the cell that packs. Grading leaves it
    out."""
    text = (_TEMPLATES / "hand_in.md").read_text("utf-8").strip()
    locked = {"deletable": False, "editable": False}
    return [
        nbformat.v4.new_markdown_cell(text, id="text-hand-in", metadata=locked),
        nbformat.v4.new_code_cell(
            "grader.hand_in()", id="hand-in", metadata=locked | {"tags": [IGNORED]}
        ),
    ]


def to_bytes(notebook: NotebookNode) -> bytes:
    """The .ipynb file: sorted keys, UTF-8, a newline at the end."""
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return (text.rstrip("\n") + "\n").encode()
