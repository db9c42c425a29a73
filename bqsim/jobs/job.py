"""A job: everything that BigQuery does asynchronously."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from copy import copy
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.catalog.refs import JobRef, TableRef
from bqsim.errors import BigQueryError
from bqsim.jobs.machine import State, Timeline
from bqsim.jobs.statistics import QueryStatistics, Statistics
from bqsim.sim.iam.gate import calling_groups

if TYPE_CHECKING:
    from bqsim.engine.pool import CancelToken
    from bqsim.jobs.results import ResultSet, TableResult
    from bqsim.sim.clock import Clock
    from bqsim.sim.progression.life import SlotUse
    from bqsim.sim.timers import Timer


class JobType(StrEnum):
    """The API's job types; ``configuration`` has a member of the lower-case name."""

    QUERY = "QUERY"
    LOAD = "LOAD"
    COPY = "COPY"
    EXTRACT = "EXTRACT"


class JobLife(Protocol):
    """What an observer keeps of a job."""

    def statistics(self, job: Job) -> dict[str, Any]:
        """Members of ``statistics`` that it adds: ``quotaDeferments`` and the like."""
        ...


class Job:
    """One job.

    ``configuration`` is the API's ``JobConfiguration`` as the job shows it. ``error`` is the final failure
    (None when the job succeeded or still runs), ``stop_error`` what a cancel or timeout asks it to end with;
    ``warnings`` are further ErrorProtos of ``status.errors``. ``result`` is set on a DONE query that returned
    rows. ``created`` is false for a query that ran without a job (``JOB_CREATION_OPTIONAL``): the reply then
    names only ``query_id``. ``life`` is what the simulation knows of the job,
    ``deferments`` the limits that it waited for, ``slots`` what it had of simulated slots. ``cached`` tells
    that its result is in the cache. Times are those of the simulation clock. ``groups`` are those that the
    ``caller`` came with.
    """

    __slots__ = (
        "__weakref__",
        "_error",
        "_waiters",
        "cached",
        "caller",
        "cancel_token",
        "children",
        "configuration",
        "created",
        "creation_reason",
        "deferments",
        "destination",
        "dry_run",
        "groups",
        "life",
        "noted",
        "number",
        "parent",
        "ref",
        "result",
        "script_statistics",
        "session_id",
        "slots",
        "statistics",
        "stop_error",
        "timeline",
        "transaction_id",
        "type",
        "warnings",
    )

    def __init__(
        self,
        ref: JobRef,
        type_: JobType,
        configuration: dict[str, Any],
        caller: str,
        now_us: int,
        *,
        number: int = 0,
        parent: Job | None = None,
    ) -> None:
        self.ref = ref
        self.type = type_
        self.configuration = configuration
        self.caller = caller
        self.groups: tuple[str, ...] = parent.groups if parent is not None else calling_groups()
        self.number = number
        self.parent = parent
        self.timeline = Timeline(now_us)
        self.children: list[Job] = []
        self._error: BigQueryError | None = None
        self.warnings: list[dict[str, Any]] = []
        self.statistics: Statistics | None = None
        self.result: ResultSet | TableResult | None = None
        self.destination: TableRef | None = None
        self.created = True
        self.creation_reason = "REQUESTED"
        self.dry_run = False
        self.session_id: str | None = None
        self.transaction_id: str | None = None
        self.script_statistics: Mapping[str, Any] | None = None
        self.cancel_token: CancelToken | None = None
        self.stop_error: BigQueryError | None = None
        self.life: JobLife | None = None
        self.deferments: list[str] = []
        self.noted = False
        self.cached = False
        self.slots: SlotUse | None = None
        self._waiters: list[asyncio.Future[None]] = []

    # -- states

    @property
    def error(self) -> BigQueryError | None:
        """The final failure. It is a copy: what was raised holds all that its frames held."""
        return copy(self._error)

    @error.setter
    def error(self, error: BigQueryError | None) -> None:
        self._error = copy(error)

    @property
    def state(self) -> State:
        return self.timeline.state

    @property
    def done(self) -> bool:
        return self.timeline.state is State.DONE

    def move(self, state: State, now_us: int) -> None:
        """Enter ``state``; reaching DONE wakes everybody who waits. Only on the event loop."""
        self.timeline.move(state, now_us)
        if state is State.DONE and self._waiters:
            self.wake()

    async def wait(self, timeout_s: float | None, clock: Clock | None = None) -> bool:
        """Wait until the job is DONE, at most ``timeout_s`` seconds of ``clock``; whether it is DONE.

        Without a clock the seconds are the wall's.
        """
        if self.done:
            return True
        if timeout_s is not None and timeout_s <= 0:
            return False
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)

        def give_up() -> None:
            if not waiter.done():
                waiter.set_result(None)

        timer: Timer | asyncio.TimerHandle | None = None
        if timeout_s is not None and clock is not None:
            timer = clock.call_later(timeout_s, give_up, loop)
        elif timeout_s is not None:
            timer = loop.call_later(timeout_s, give_up)
        try:
            await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return self.done

    def wake(self) -> None:
        """Let those who wait go on although the job is not DONE. Only on the event loop."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    @property
    def entered(self) -> Mapping[State, int]:
        """When each state was entered, in epoch microseconds."""
        return self.timeline.entered

    # -- what replies need

    @property
    def project(self) -> str:
        return self.ref.project

    @property
    def job_id(self) -> str:
        return self.ref.job_id

    @property
    def location(self) -> str:
        return self.ref.location

    @property
    def statement_type(self) -> str | None:
        """The type of a query's statement, None before it is known and for other jobs."""
        query = self.query_statistics
        return query.statement_type or None if query is not None else None

    @property
    def wrote(self) -> bool:
        """Whether the finished work of the job left more than a result that its client may read."""
        if self.type is not JobType.QUERY:
            return True
        if self.statement_type is None:
            return False
        return self.statement_type != "SELECT" or "destinationTable" in self.configuration["query"]

    @property
    def query_id(self) -> str:
        return self.ref.job_id

    @property
    def created_ms(self) -> int:
        return self.timeline.created_ms

    @property
    def start_ms(self) -> int | None:
        return self.timeline.ms(State.RUNNING)

    @property
    def end_ms(self) -> int | None:
        return self.timeline.ms(State.DONE)

    @property
    def slot_ms(self) -> int:
        """Slot milliseconds: those that it had of simulated slots, else the time the job was RUNNING; 0 for
        cached results and dry runs."""
        query = self.query_statistics
        if query is not None and (query.cache_hit or query.dry_run):
            return 0
        if self.slots is not None:
            return self.slots.slot_ms
        return self.timeline.run_ms

    @property
    def units(self) -> int:
        """Units of work of its one stage: the slots that it can use at once."""
        return self.slots.units if self.slots is not None else 1

    @property
    def query_statistics(self) -> QueryStatistics | None:
        """The statistics of a query job, None before it has any and for other jobs."""
        return self.statistics if isinstance(self.statistics, QueryStatistics) else None

    @property
    def labels(self) -> Mapping[str, str]:
        return self.configuration.get("labels") or {}

    def error_protos(self) -> list[dict[str, Any]]:
        """``status.errors``: the failure and the warnings."""
        return [self._error.error_proto(), *self.warnings] if self._error else list(self.warnings)

    def raise_for_error(self) -> None:
        """Raise the failure of a failed job."""
        if self.error is not None:
            raise self.error

    # -- JSON

    def etag(self) -> str:
        text = f"{self.ref.api_name}/{self.state}/{len(self.children)}/{self.stop_error is not None}"
        if self.deferments:
            text += str(self.deferments)
        if self.life is not None:
            text += str(self.life.statistics(self))
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()

    def status_json(self) -> dict[str, Any]:
        status: dict[str, Any] = {"state": self.state.value}
        if self.done:
            if self.error is not None:
                status["errorResult"] = self.error.error_proto()
            errors = self.error_protos()
            if errors:
                status["errors"] = errors
        return status

    def statistics_json(self) -> dict[str, Any]:
        times = (
            ("creationTime", self.created_ms),
            ("startTime", self.start_ms),
            ("endTime", self.end_ms),
        )
        out: dict[str, Any] = {name: str(ms) for name, ms in times if ms is not None}
        if self.done and self.start_ms is not None and not self.dry_run:
            out["totalSlotMs"] = str(self.slot_ms)
            out["finalExecutionDurationMs"] = str(self.timeline.run_ms)
        if self.slots is not None and self.slots.reservation_id:
            out["reservation_id"] = self.slots.reservation_id
            out["edition"] = self.slots.edition
        if self.statistics is not None:
            if self.type is JobType.QUERY:
                hidden = getattr(self.statistics, "row_level_security", False)
                out["totalBytesProcessed"] = str(0 if hidden else self.statistics.bytes_processed)
            out.update(self.statistics.to_json(self))
        if self.life is not None:
            for name, shown in self.life.statistics(self).items():
                out[name] = {**out.get(name, {}), **shown} if isinstance(shown, dict) else shown
        if self.children:
            out["numChildJobs"] = str(len(self.children))
        if self.parent is not None:
            out["parentJobId"] = self.parent.ref.job_id
        if self.script_statistics is not None:
            out["scriptStatistics"] = dict(self.script_statistics)
        if self.deferments:
            out["quotaDeferments"] = [*out.get("quotaDeferments", ()), *self.deferments]
        if self.session_id is not None:
            out["sessionInfo"] = {"sessionId": self.session_id}
        if self.transaction_id is not None:
            out["transactionInfo"] = {"transactionId": self.transaction_id}
        return out

    def reference_json(self) -> dict[str, str]:
        """The ``jobReference``; a dry run has no job id."""
        if self.dry_run:
            return {"projectId": self.ref.project, "location": self.ref.location}
        return self.ref.to_json()

    def to_json(self) -> dict[str, Any]:
        """The API's ``Job`` resource without ``selfLink``, which depends on the address of the server."""
        return {
            "kind": "bigquery#job",
            "etag": self.etag(),
            "id": f"{self.ref.project}:{self.ref.location}.{'' if self.dry_run else self.ref.job_id}",
            "user_email": self.caller,
            "configuration": self.configuration_json(),
            "jobReference": self.reference_json(),
            "statistics": self.statistics_json(),
            "status": self.status_json(),
            "principal_subject": f"user:{self.caller}",
            "jobCreationReason": {"code": self.creation_reason},
        }

    def configuration_json(self) -> dict[str, Any]:
        """The configuration, with the destination table that a query got."""
        if self.type is not JobType.QUERY or self.destination is None:
            return self.configuration
        query = dict(self.configuration["query"])
        if "destinationTable" not in query:
            query["destinationTable"] = self.destination.to_json()
            query.setdefault("createDisposition", "CREATE_IF_NEEDED")
            query.setdefault("writeDisposition", "WRITE_TRUNCATE")
        return {**self.configuration, "query": query}

    def list_json(self, *, full: bool) -> dict[str, Any]:
        """The job as ``jobs.list`` shows it; ``full`` is projection=full, which adds the configuration."""
        body = self.to_json()
        del body["etag"], body["principal_subject"], body["jobCreationReason"]
        body["state"] = self.state.value
        if self.done and self.error is not None:
            body["errorResult"] = self.error.error_proto()
        if not full:
            del body["configuration"]
        return body
