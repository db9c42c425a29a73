"""Jobs: begin, read, list, cancel, wait."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bqclient.errors import AlreadyExistsError, BigQueryError, JobTimeoutError, NotFoundError, UsageError
from bqclient.models.attributes import ms_of_time
from bqclient.models.job import Job
from bqclient.models.references import JobReference
from bqclient.runtime import Deadline

from . import polling
from .job_errors import RESTARTS, Again, error_of_job, may_restart
from .locations import Locations
from .paging import items

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

# How often another id is taken when a job of somebody else's has the one that was made.
_IDS = 5
_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}\Z")
# What tells whether two configurations ask for the same, by kind.
_IDENTITY: Mapping[str, tuple[str, ...]] = {
    "query": ("query", "destinationTable", "writeDisposition", "parameterMode"),
    "load": ("sourceUris", "destinationTable", "writeDisposition", "sourceFormat"),
    "extract": ("sourceTable", "destinationUris", "destinationUri", "destinationFormat"),
    "copy": ("sourceTable", "sourceTables", "destinationTable", "writeDisposition"),
}


class Jobs:
    """Jobs of the client's project."""

    def __init__(self, client: BigQueryClient) -> None:
        self._core = client.core
        self.locations = Locations(client.core.rest)

    # --- begin ---

    def new_id(self, prefix: str | None = None) -> str:
        """An id ``prefix_YYYYMMDD_HHMMSS_hex``."""
        runtime = self._core.runtime
        made = (
            f"{prefix or self._core.config.job_prefix}_{runtime.now():%Y%m%d_%H%M%S}_{runtime.unique()[:12]}"
        )
        return _checked(made)

    def new_reference(self, *, prefix: str | None = None, location: str | None = None) -> JobReference:
        """The reference of a job to be: a new id, in ``location`` or the client's."""
        config = self._core.config
        return JobReference(config.project, self.new_id(prefix), location or config.location)

    async def insert(
        self,
        configuration: Mapping[str, Any],
        *,
        job_id: str | None = None,
        job_id_prefix: str | None = None,
        location: str | None = None,
        deadline: Deadline | None = None,
        sending: Callable[[JobReference], None] | None = None,
    ) -> Job:
        """Begin a job, once, however often the call is sent; the job as it is then.

        ``configuration`` is the API's ``JobConfiguration``. With a ``job_id`` that a job for the same work
        has, that job is returned; AlreadyExistsError when it does other work. Without one an id is made. It
        runs where the datasets are that it names, unless ``location`` is given. ``sending`` is told its
        reference before it is sent.
        """
        core = self._core
        deadline = deadline or core.deadline()
        wanted = self._labelled(configuration)
        where = location or await self.locations.of_configuration(wanted, deadline) or core.config.location
        for _ in range(1 if job_id else _IDS):
            ref = JobReference(
                core.config.project, _checked(job_id) if job_id else self.new_id(job_id_prefix), where
            )
            if sending is not None:
                sending(ref)
            body = {"jobReference": ref.to_api(), "configuration": wanted}
            try:
                reply = await core.rest.call(
                    "jobs.insert", {"projectId": ref.project}, body=body, deadline=deadline
                )
            except AlreadyExistsError as taken:
                if taken.reason != "duplicate" or "Job" not in taken.message:
                    # It is a table that exists.
                    raise
                # Either an earlier sending made it, or whoever called before with that id.
                if job_id or taken.ambiguous:
                    found = await polling.get(core, ref, deadline, late=True)
                    if _same(wanted, found.configuration):
                        return found
                if job_id:
                    raise
                refusal = taken
            else:
                return Job.from_api(reply.data)
        raise refusal

    async def run(
        self,
        configuration: Mapping[str, Any],
        *,
        job_id_prefix: str | None = None,
        timeout: float | None = None,
        location: str | None = None,
    ) -> Job:
        """Begin a job and wait until it is done. Raises the job's error, or JobTimeoutError.

        A job that failed inside the service is begun again as another one with another id; not so a script,
        some of whose statements may have been carried out.
        """
        deadline = Deadline.after(self._core.runtime, timeout)
        again = Again(self._core, "jobs.insert", deadline)
        while True:
            try:
                job = await self.insert(
                    configuration,
                    job_id_prefix=job_id_prefix,
                    location=location,
                    deadline=deadline.sooner(self._core.config.timeout),
                )
                return await self._wait(job.reference, deadline, job)
            except BigQueryError as error:
                if not (failed_inside(error) and may_restart(configuration)):
                    raise
                if not await again.after(error, RESTARTS[error.reason]):
                    raise

    # --- read ---

    async def get(self, job: JobReference | Job | str, *, location: str | None = None) -> Job:
        """Read a job. Raises NotFoundError, also where it is in another location."""
        return await polling.get(self._core, self.reference(job, location))

    def reference(self, job: JobReference | Job | str, location: str | None = None) -> JobReference:
        """The reference of a job: an id is taken for one of the client's project and location."""
        if isinstance(job, Job):
            return job.reference
        if isinstance(job, JobReference):
            return job
        return JobReference(self._core.config.project, _checked(job), location or self._core.config.location)

    async def list(
        self,
        *,
        states: Iterable[str] = (),
        parent: JobReference | Job | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        all_users: bool = False,
        projection: str = "full",
        limit: int | None = None,
        page_size: int | None = None,
    ) -> AsyncIterator[Job]:
        """Jobs, the newest first.

        ``states``: pending, running, done. ``parent``: the statements of that script. ``projection``:
        ``minimal`` leaves out configurations.
        """
        query = {
            "stateFilter": tuple(s.lower() for s in states) or None,
            "parentJobId": self.reference(parent).job if parent else None,
            "minCreationTime": created_after and ms_of_time(created_after),
            "maxCreationTime": created_before and ms_of_time(created_before),
            "allUsers": all_users or None,
            "projection": projection.lower(),
        }
        path = {"projectId": self._core.config.project}
        async for item in items(
            self._core.rest, "jobs.list", path, "jobs", query, page_size=page_size, limit=limit
        ):
            yield Job.from_api(item)

    async def children(self, script: JobReference | Job | str) -> tuple[Job, ...]:
        """The jobs of a script's statements, in the order in which they began."""
        found = [job async for job in self.list(parent=script)]
        return tuple(sorted(found, key=lambda job: int(job.statistics.get("creationTime") or 0)))

    # --- end ---

    async def cancel(
        self,
        job: JobReference | Job | str,
        *,
        location: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> Job:
        """Ask for a job to stop; ``wait`` until it has. It may end otherwise, and may be billed."""
        core, ref = self._core, self.reference(job, location)
        reply = await core.rest.call("jobs.cancel", polling.path_of(ref), query={"location": ref.location})
        found = Job.from_api(reply.data["job"])
        if wait:
            async for later in polling.watch(core, ref, Deadline.after(core.runtime, timeout), found):
                found = later
        return found

    async def cancel_quietly(self, ref: JobReference, seconds: float = 10.0) -> None:
        """Ask for a job to stop, whatever becomes of that: the caller's own error is what counts."""
        work = self._core.rest.call(
            "jobs.cancel",
            polling.path_of(ref),
            query={"location": ref.location},
            deadline=self._core.deadline(seconds),
        )
        with suppress(BigQueryError):
            # Also when the caller's task is being cancelled, and is so again.
            await asyncio.shield(asyncio.ensure_future(work))

    async def delete(self, job: JobReference | Job | str, *, location: str | None = None) -> None:
        """Forget a job that is done, and its statements' jobs. Raises ResourceInUseError while it runs."""
        ref = self.reference(job, location)
        try:
            await self._core.rest.call("jobs.delete", polling.path_of(ref), query={"location": ref.location})
        except NotFoundError as gone:
            if not gone.ambiguous:
                raise

    # --- wait ---

    async def wait_for_completion(
        self, job: JobReference | Job | str, timeout: float | None = None, *, location: str | None = None
    ) -> Job:
        """Wait until a job is done. Raises its error, or JobTimeoutError: it goes on then."""
        known = job if isinstance(job, Job) else None
        deadline = Deadline.after(self._core.runtime, timeout)
        return await self._wait(self.reference(job, location), deadline, known)

    async def watch(
        self, job: JobReference | Job | str, timeout: float | None = None, *, location: str | None = None
    ) -> AsyncIterator[Job]:
        """A job as it is now, and again after 1 s, 1.5 s, … 30 s, until it is done.

        Its error is not raised: look at ``error``. Raises JobTimeoutError.
        """
        deadline = Deadline.after(self._core.runtime, timeout)
        async for found in polling.watch(self._core, self.reference(job, location), deadline):
            yield found

    async def _wait(self, ref: JobReference, deadline: Deadline, job: Job | None) -> Job:
        if job is not None and job.kind == "QUERY" and not job.done:
            # The service tells at once when a query is done, so that nothing is slept away.
            with suppress(JobTimeoutError):
                await polling.results(self._core, ref, deadline, {"maxResults": 0})
            job = None
        async for found in polling.watch(self._core, ref, deadline, job):
            job = found
        assert job is not None
        if failure := error_of_job(job):
            raise failure
        self._tell(job)
        return job

    # --- details ---

    def _tell(self, job: Job) -> None:
        if (told := self._core.observability) is not None:
            told.finished(
                job.kind.lower(),
                job.reference.project,
                job_id=job.id,
                bytes_processed=job.bytes_processed,
                bytes_billed=job.bytes_billed,
                cache_hit=job.cache_hit,
                seconds=job.seconds,
            )

    def _labelled(self, configuration: Mapping[str, Any]) -> Mapping[str, Any]:
        labels = self._core.config.labels
        return (
            {**configuration, "labels": {**labels, **configuration.get("labels", {})}}
            if labels
            else configuration
        )


def failed_inside(error: BigQueryError) -> bool:
    """Whether an error is a job's that may succeed as another one, rather than a call's."""
    return error.reason in RESTARTS and (error.job is not None or error.reason.startswith("job"))


def _same(asked: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a job that is there does the work that was asked for, as far as that is written down."""
    for kind, names in _IDENTITY.items():
        if kind not in asked:
            continue
        if kind not in found:
            return False
        one, other = asked[kind], found[kind]
        return all(one.get(n) == other.get(n) for n in names if one.get(n) and other.get(n))
    return True


def _checked(job_id: str) -> str:
    if not _ID.match(job_id):
        raise UsageError(
            f"{job_id!r} is no id of a job: letters, digits, '_' and '-', 1,024 of them at most."
        )
    return job_id
