"""The fleet that is this machine alone: jobs on a thread pool, no server.

Threads are enough: the work is done in sandboxed processes, and a thread waits for one of them.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from autograder.jobs import Job, Outcome
from autograder.work import Machine


def run(machine: Machine, jobs: Sequence[Job], slots: int) -> Generator[Outcome]:
    """Do all jobs, and yield what came of each as it comes. A job that needs the whole worker runs
    alone, after the others. Closing the generator early ends what still runs. Raises
    NoSandboxError and SandboxError before anything is done."""
    if not jobs:
        return
    machine.warm(jobs[0])
    shared = [job for job in jobs if job.needs == "a slot"]
    alone = [job for job in jobs if job.needs != "a slot"]
    threads = ThreadPoolExecutor(slots)
    try:
        waiting: set[Future[Outcome]] = {threads.submit(machine.do, job) for job in shared}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
        for job in alone:
            yield machine.do(job)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        machine.close()
        threads.shutdown()
