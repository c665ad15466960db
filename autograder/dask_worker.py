"""What a Dask worker runs: one function, from text to text.

The worker's own files decide: the bundle is that of AUTOGRADER_BUNDLE (default: this project's).
One warm grader serves all jobs of the process, as many at once as the worker has threads.
"""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from distributed import get_worker

from autograder import course as courses
from autograder.bundle_in_use import use_bundle
from autograder.jobs import job_from_json, outcome_to_json
from autograder.work import Machine

BUNDLE_VARIABLE = "AUTOGRADER_BUNDLE"

_machine: Machine | None = None
_lock = threading.Lock()


def do_job(text: str) -> str:
    """Do a job, and say what came of it: both as JSON (see `autograder.jobs`)."""
    return outcome_to_json(_here().do(job_from_json(text)))


def _here() -> Machine:
    """This process's machine, made at its first job."""
    global _machine  # noqa: PLW0603  one a process, as Dask gives us no other place
    with _lock:
        if _machine is None:
            worker = get_worker()
            root = Path(os.environ.get(BUNDLE_VARIABLE) or Path(__file__).resolve().parents[1])
            use_bundle(root.resolve())
            private = [Path(worker.local_directory)]
            slots = max(1, worker.state.nthreads)
            _machine = Machine(courses.load(root), slots, private, str(worker.name))
            atexit.register(_machine.close)
        return _machine
