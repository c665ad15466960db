"""The same grading under stock Otter: `otter run`, or an autograder zip made by `otter assign`.

Stock Otter runs a submission and its hidden tests in one kernel, whose pickles it then loads. This
plugin takes the submission away before that kernel starts, so that it runs an empty notebook;
grades it in the sandbox; and puts the outcome into Otter's own results. What fails here is let
through by Otter, which then ends without a result: nobody gets a score that was not made here.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from otter.plugins import AbstractOtterPlugin
from otter.test_files import GradingResults
from otter.test_files.abstract_test import TestCaseResult

from autograder import course as courses
from autograder import intake
from autograder.archives import unzipped
from autograder.archives import write as write_file
from autograder.bundle_in_use import public_files, use_bundle
from autograder.grading import Grader
from autograder.results import QuestionResult, Result
from autograder.sandbox.levels import choose
from autograder.sandbox.pool import Pool

_FILES = Path("../source/files")  # seen from the submission's folder, where Otter runs plugins


class SealedGrading(AbstractOtterPlugin):  # type: ignore[misc]
    """Configuration: `notebook`, the course's name for it; `bundle`, a zip in source/files."""

    def before_grading(self, config: Any) -> None:
        """Read what was handed in, and leave Otter only a name: the folder would be the kernel's
        own, where a `torch.py` shadows torch, and Otter would unpickle a log that lies there."""
        del config
        bundle = (_FILES / self.plugin_config["bundle"]).resolve()
        self._root = Path(tempfile.mkdtemp(prefix="bundle-"))
        for name, content in unzipped(bundle.read_bytes()).items():
            write_file(self._root / name, content)
        use_bundle(self._root)
        self._course = courses.load(self._root)
        submitted = Path(self.submission_path)
        self._submission = intake.read_one(
            [submitted],
            self._course,
            name=submitted.stem,
            whole=False,
            only=self.plugin_config["notebook"],
        )
        _clear(submitted)

    def before_execution(self, submission: Any) -> Any:
        """Nothing of the student's reaches Otter's kernel."""
        metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
        return nbformat.v4.new_notebook(metadata=metadata)

    def after_grading(self, results: GradingResults) -> None:
        """Grade in the sandbox, and make the outcome Otter's."""
        try:
            result = self._grade()
        finally:
            shutil.rmtree(self._root, ignore_errors=True)
        questions = {q.name: q for n in result.notebooks for q in n.questions}
        for name, test_file in results.results.items():
            test_file.test_case_results = _otters(test_file, questions.get(name))
        told = [
            *result.problems,
            *(f"Cell {c.cell} {c.message}" for n in result.notebooks for c in n.cells),
        ]
        results.set_output("\n".join(told))

    def _grade(self) -> Result:
        level, missing = choose([self._root / "solutions"])
        with Pool(level, public_files(self._root), self._course.limits) as pool:
            return Grader(self._course, pool, missing).grade(self._submission)


def _otters(test_file: Any, question: QuestionResult | None) -> list[TestCaseResult]:
    """Our verdicts on a question's tests, in their order, as Otter holds them."""
    if question is None:
        return [TestCaseResult(case, "not graded", False) for case in test_file.test_cases]
    return [
        TestCaseResult(case, " ".join(filter(None, (test.message, test.cause))), test.passed)
        for case, test in zip(test_file.test_cases, question.tests, strict=True)
    ]


def _clear(submitted: Path) -> None:
    """Remove everything from the submission's folder but Otter's tests and an empty notebook."""
    folder = submitted.parent
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            if entry.name != "tests":
                shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
    if submitted.suffix == ".ipynb":
        nbformat.write(nbformat.v4.new_notebook(), submitted)
    else:
        submitted.write_text("")
