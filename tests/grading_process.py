"""Grades a class in a process that a test can kill, and start again, without the seconds that the
imports take: run as `python -m tests.grading_process BUNDLE CLASS OUT`. For each line on its input
it forks a process that grades CLASS into OUT, says its id, and then how it ended."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from autograder import course as courses
from autograder import intake
from autograder.bundle_in_use import use_bundle
from autograder.fleet import Stopped, grade_class


def main() -> None:
    bundle, folder, out = (Path(argument).resolve() for argument in sys.argv[1:])
    use_bundle(bundle)
    course = courses.load(bundle)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            os._exit(grade(course, folder, out))
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def grade(course: courses.Course, folder: Path, out: Path) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        summary = grade_class(course, intake.read([folder], course).submissions, out, jobs=2)
    except Stopped as stopped:
        print(f"autograder: {stopped}", file=sys.stderr, flush=True)
        return 1
    return 3 if summary.failed else 0


if __name__ == "__main__":
    main()
