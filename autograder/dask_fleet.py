"""A fleet of machines on Dask.distributed: what is sent, where it may run, and what is lost.

Dask carries ids and text (jobs and outcomes as JSON), never an object of a student's. A worker
offers SLOT=n: n jobs at once. A job takes one SLOT, or all where it must be alone (a timing); one
that needs a GPU waits for a worker that offers GPU. A worker that ends while it works costs nothing
but time: its jobs are done elsewhere, by a smaller one if that is the largest left. A job that ends
several workers is told as that.
"""

from __future__ import annotations

import ipaddress
import socket
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from distributed import Client, Future
from distributed.scheduler import KilledWorker
from distributed.security import Security

from autograder.course import Course
from autograder.dask_worker import do_job
from autograder.grading import ungradable
from autograder.jobs import FleetError, Grading, Job, Outcome, job_to_json, outcome_from_json

_CONNECT_SECONDS = 10.0
_LOOK_SECONDS = 0.2
_SETTINGS = " (DASK_DISTRIBUTED__COMM__...: see docs/fleet.md)"
_SAY_SECONDS = 2.0  # a job that waits for longer than this for a worker to join is told of

Say = Callable[[str], None]
Offer = Mapping[str, float]  # {"SLOT": 2, "GPU": 1}
Waiting = dict[Future[str], tuple[Job, Offer]]  # on the fleet: jobs, and what each takes


def run(address: str, jobs: Sequence[Job], course: Course, say: Say) -> Generator[Outcome]:
    """Do all jobs on the fleet of the scheduler at `address`, and yield what came of each as it
    comes. Closing the generator early takes back what still waits. Raises FleetError."""
    refuse_open_networks([address])
    if not jobs:
        return
    with _client(address) as client:
        refuse_open_networks(_addresses(client))
        waiting: Waiting = {}
        try:
            yield from _collect(client, list(jobs), waiting, course, say)
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


def _check_settings(address: str) -> None:
    """Raises FleetError where Dask's TLS settings and the address do not fit: Dask would say so
    late, and not well."""
    tls, security = urlsplit(address).scheme == "tls", Security()
    try:
        ready = security.get_connection_args("client")["ssl_context"] is not None
    except OSError as error:
        why = str(error.strerror or error)
        raise FleetError(
            f"the key or certificate for TLS cannot be used: {why}{_SETTINGS}"
        ) from None
    if tls and not ready:
        raise FleetError(f"{address} wants a key and a certificate, and none are set{_SETTINGS}")
    if not tls and security.require_encryption:
        raise FleetError(f"{address} is not encrypted, and Dask's settings want that{_SETTINGS}")


@contextmanager
def _client(address: str) -> Iterator[Client]:
    _check_settings(address)
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


def _offers(client: Client) -> list[Offer]:
    """What each worker offers that offers a SLOT."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    return [w["resources"] for w in workers if w.get("resources", {}).get("SLOT", 0) >= 1]


def offers_gpu(address: str) -> bool:
    """Whether a worker of this fleet offers GPU. Raises FleetError."""
    refuse_open_networks([address])
    with _client(address) as client:
        return any(offer.get("GPU", 0) >= 1 for offer in _offers(client))


def takes(job: Job, offers: Sequence[Offer]) -> dict[str, float] | None:
    """What a job takes of a worker; None while no worker could do it.

    All of a worker is the most that any which could do it has: one with fewer SLOTs then never
    gets the job, and one that has them has none left beside it."""
    slots = [o["SLOT"] for o in offers if not job.gpu or o.get("GPU", 0) >= 1]
    if not slots:
        return None
    taken = {"SLOT": 1.0 if job.needs == "a slot" else max(slots)}
    return taken | {"GPU": 1.0} if job.gpu else taken


def _outgrown(job: Job, taken: Offer, offers: Sequence[Offer]) -> bool:
    """Whether a job takes more than any worker has by now, and could be done for less. One that
    nobody could do stays as it is: its worker may be about to start again."""
    fits = any(all(o.get(name, 0) >= n for name, n in taken.items()) for o in offers)
    return not fits and takes(job, offers) is not None


def _submit(client: Client, job: Job, taken: dict[str, float]) -> Future[str]:
    key = f"{job.kind}-{uuid.uuid4().hex}"
    return client.submit(do_job, job_to_json(job), key=key, resources=taken, pure=False)


def _collect(
    client: Client, held: list[Job], waiting: Waiting, course: Course, say: Say
) -> Iterator[Outcome]:
    """Outcomes as they come, of jobs that are `held` back until a worker joins that could do them,
    and then `waiting` on the fleet."""
    patience = _Patience(say)
    while held or waiting:
        if client.status != "running":
            raise FleetError("the scheduler is gone; what came is kept: run this again")
        for future in list(waiting):
            if future.status not in ("pending", "lost"):  # lost with its worker, it is done again
                yield _outcome(future, waiting.pop(future)[0], course)
        offers = _offers(client)
        for future in [f for f, sent in waiting.items() if _outgrown(*sent, offers)]:
            client.cancel([future], force=True)
            held.append(waiting.pop(future)[0])
        possible = [(job, taken) for job in held if (taken := takes(job, offers)) is not None]
        for job, taken in possible:
            future = _submit(client, job, taken)
            held.remove(job)
            waiting[future] = job, taken
        patience.look([*held, *(job for job, _ in waiting.values())], offers)
        time.sleep(_LOOK_SECONDS)


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
        result = None
        if job.kind == "grade" and job.submission is not None:
            result = ungradable(course, job.submission, why)
        return Outcome(job.id, result, error=why, lost=error.allowed_failures + 1)
    return Outcome(job.id, error=repr(error) if error else "the fleet lost it")


class _Patience:
    """Says what has to wait for a worker of a kind that is not there, once for each number."""

    def __init__(self, say: Say):
        self._say = say
        self._since = time.monotonic()
        self._told = ""

    def look(self, left: Sequence[Job], offers: Sequence[Offer]) -> None:
        """Look at the jobs that are left, and at what workers offer."""
        wanting = sum(takes(job, offers) is None for job in left)
        if wanting == 0 or time.monotonic() - self._since < _SAY_SECONDS:
            return
        text = f"{wanting} of the jobs wait for a worker that offers GPU"
        if not offers:
            text = "waiting for a worker that offers SLOT (see docs/fleet.md)"
        if text != self._told:
            self._say(text)
            self._told = text


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
