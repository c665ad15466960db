"""One run in Gradescope's container: ROOT/submission -> ROOT/results/results.json."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

from autograder import intake, reports
from autograder.archives import write as write_file
from autograder.course import Course
from autograder.grading import Grader, public_files
from autograder.intake import Submission
from autograder.sandbox.levels import NoSandboxError, choose
from autograder.sandbox.pool import Pool

_APOLOGY = (
    "The autograder itself failed on this submission; this is not your code's doing. Your "
    "instructors can see the reason; you do not need to hand in again."
)


def run(course: Course, root: Path) -> None:
    """Grade what lies in ROOT/submission. There is always a results.json; where the grader itself
    fails, it says so, and that is the only case without a score."""
    try:
        results = _results(course, root)
    except Exception as error:  # whatever it is: Gradescope shows nothing without a results.json
        traceback.print_exc()
        why = str(error) if isinstance(error, NoSandboxError) else repr(error)
        results = {"output": _APOLOGY, "tests": [], "extra_data": {"grader_failed": why}}
    text = json.dumps(results, indent=2, ensure_ascii=False)
    write_file(root / "results" / "results.json", text.encode())


def _results(course: Course, root: Path) -> dict[str, Any]:
    submission = _submission(course, root)
    private = [course.root / "solutions", root / "submission", root / "results"]
    level, missing = choose([p for p in private if p.exists()])
    with Pool(level, public_files(course.root), course.limits) as pool:
        result = Grader(course, pool, missing).grade(submission)
    return reports.results_json(result, course)


def _submission(course: Course, root: Path) -> Submission:
    """What was handed in, with the names and times of submission_metadata.json, if there is one."""
    members, metadata = who(root / "submission_metadata.json")
    folder = root / "submission"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return intake.read_one(
        files, course, name="submission", whole=True, members=members, metadata=metadata
    )


def who(path: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """Members and metadata, as Gradescope's file says; nothing where it cannot be read."""
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return (), {}
    if not isinstance(data, dict):
        return (), {}
    users = data.get("users")
    users = users if isinstance(users, list) else []
    names = [str(user["name"]) for user in users if isinstance(user, dict) and "name" in user]
    metadata = {"source": "Gradescope", "submitted": str(data.get("created_at", ""))}
    return tuple(names), metadata
