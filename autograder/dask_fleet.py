"""A fleet of machines on Dask.distributed: what is sent, where it may run, and what is lost.

Dask carries ids and text (jobs and outcomes as JSON), never an object of a student's. A worker
offers SLOT=n: n jobs at once. A job takes one SLOT, or all where it must be alone (a timing); one
that needs a GPU waits for a worker that offers GPU. A worker that ends while it works costs nothing
but time: its jobs are done elsewhere. A job that ends several workers is told as that.
"""

from __future__ import annotations

import ipaddress
import socket
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from distributed import Client, Future, as_completed
from distributed.scheduler import KilledWorker

from autograder.course import Course
from autograder.dask_worker import do_job
from autograder.fleet import FleetError
from autograder.grading import ungradable
from autograder.jobs import Grading, Job, Outcome, job_to_json, outcome_from_json

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_SAY_SECONDS = 2.0  # a job that waits for longer than this for a worker to join is told of

Say = Callable[[str], None]


def run(address: str, jobs: Sequence[Job], course: Course, say: Say) -> Generator[Outcome]:
    """Do all jobs on the fleet of the scheduler at `address`, and yield what came of each as it
    comes. Closing the generator early takes back what still waits. Raises FleetError."""
    refuse_open_networks([address])
    if not jobs:
        return
    with _client(address) as client:
        refuse_open_networks(_addresses(client))
        waiting = {}
        try:
            for job in _when_possible(client, jobs, say):
                waiting[_submit(client, job)] = job
            yield from _collect(client, waiting, course, say)
        finally:
            client.cancel(list(waiting), force=True)


def refuse_open_networks(addresses: Sequence[str]) -> None:
    """Raises FleetError for an address that others could reach without TLS."""
    for address in addresses:
        parts = urlsplit(address if "://" in address else f"tcp://{address}")
        if parts.scheme != "tls" and not _is_loopback(parts.hostname or ""):
            raise FleetError(
                f"{address} can be reached from other machines and is not encrypted: start "
                "scheduler and workers with TLS, and give tls://HOST:PORT (see docs/fleet.md)"
            )


def _is_loopback(host: str) -> bool:
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None)}
    except OSError:
        raise FleetError(f"no machine is called '{host}'") from None
    return all(ipaddress.ip_address(address).is_loopback for address in found)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FleetError(f"no scheduler answers at {address} ({why})") from None
    with client:
        yield client


def _addresses(client: Client) -> list[str]:
    about = client.scheduler_info(n_workers=-1)
    return [about["address"], *about["workers"]]


def _offers(client: Client) -> list[Mapping[str, float]]:
    """What each worker offers that offers a SLOT."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [w["resources"] for w in workers if w.get("resources", {}).get("SLOT", 0) >= 1]


def _when_possible(client: Client, jobs: Sequence[Job], say: Say) -> Iterator[Job]:
    """All jobs; first waits until there is a worker, since what a job takes depends on them."""
    began, told = time.monotonic(), False
    while not _offers(client):
        if not told and time.monotonic() - began > _SAY_SECONDS:
            say("waiting for a worker that offers SLOT (see docs/fleet.md)")
            told = True
        time.sleep(_LOOK_SECONDS)
    yield from jobs


def _submit(client: Client, job: Job) -> Future[str]:
    return client.submit(
        do_job,
        job_to_json(job),
        key=f"{job.kind}-{uuid.uuid4().hex}",
        resources=takes(job, _offers(client)),
        pure=False,
    )


def takes(job: Job, offers: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """What a job takes of a worker. All of it is the most that any worker has: a worker with fewer
    SLOTs then never gets the job, and one that has them has none left beside it."""
    slots = 1.0 if job.needs == "a slot" else max(o["SLOT"] for o in offers)
    return {"SLOT": slots} | ({"GPU": 1.0} if job.gpu else {})


def _collect(
    client: Client, waiting: dict[Future[str], Job], course: Course, say: Say
) -> Iterator[Outcome]:
    coming = as_completed(list(waiting), loop=client.loop)
    patience = _Patience(say)
    while waiting:
        if client.status != "running":
            raise FleetError("the scheduler is gone; what came is kept: run this again")
        for future in coming.next_batch(block=False):
            job = waiting.pop(future)
            yield _outcome(future, job, course)
        patience.look(client, list(waiting.values()))
        time.sleep(_LOOK_SECONDS / 4)


def _outcome(future: Future[str], job: Job, course: Course) -> Outcome:
    """What came of a job that is over, in whatever way."""
    if future.status == "finished":
        return outcome_from_json(future.result())
    error = future.exception() if future.status == "error" else None
    if isinstance(error, KilledWorker):
        why = (
            f"the grader ended {error.allowed_failures + 1} times while it worked on this: a "
            "person has to look"
        )
        result = None if job.submission is None else ungradable(course, job.submission, why)
        return Outcome(job.id, result, error=why, lost=error.allowed_failures + 1)
    return Outcome(job.id, error=repr(error) if error else "the fleet lost it")


class _Patience:
    """Says, once, what has to wait for a worker of a kind that is not there."""

    def __init__(self, say: Say):
        self._say = say
        self._since = time.monotonic()
        self._told = 0

    def look(self, client: Client, left: Sequence[Job]) -> None:
        wanting = sum(job.gpu for job in left)
        if wanting == self._told or time.monotonic() - self._since < _SAY_SECONDS:
            return
        if any(offer.get("GPU", 0) >= 1 for offer in _offers(client)):
            return
        self._told = wanting
        if wanting:
            self._say(f"{wanting} of the jobs wait for a worker that offers GPU")


def doctor(address: str, grading: Grading) -> Iterator[Outcome]:
    """What each machine of the fleet offers, measured while it does nothing else. Raises
    FleetError."""
    refuse_open_networks([address])
    with _client(address) as client:
        refuse_open_networks(_addresses(client))
        for name, worker in client.scheduler_info(n_workers=-1)["workers"].items():
            job = Job(name, "doctor", grading, needs="a whole worker")
            slots = worker.get("resources", {}).get("SLOT", 0)
            future = client.submit(
                do_job,
                job_to_json(job),
                workers=[name],
                resources={"SLOT": slots} if slots else None,
                pure=False,
            )
            yield outcome_from_json(future.result())
