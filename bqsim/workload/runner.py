"""Workloads run at an endpoint: an open loop, whose starts do not wait for answers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bqsim.history import JobRecord
from bqsim.history.resources import job_of_resource
from bqsim.sim.clock import Clock, RealClock
from bqsim.sim.draws import Draws

from .caller import Caller, Refusal
from .items import Item

MIB = 1024 * 1024
_LEAST_BILLED = 10 * MIB
_MILLION = 1_000_000
# Statements whose cost nobody can tell before.
_UNKNOWN_COST = frozenset({"SCRIPT", "CALL", "EXECUTE_IMMEDIATE"})
DONE, CAPPED, STOPPED = "done", "over the cap", "stopped"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item.

    ``state`` is ``done`` (also when it failed), ``over the cap`` or ``stopped``. ``job`` is as the service
    told it; ``rows`` of its result. Seconds since the first intended start: ``latency_s`` counts from the
    intended start, ``late_s`` is how much later than that it was sent. ``order`` counts ends from 1.
    """

    item: Item
    state: str = DONE
    job: JobRecord | None = None
    reason: str = ""
    message: str = ""
    rows: int | None = None
    late_s: float = 0.0
    latency_s: float = 0.0
    order: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a dry run told of an item: ``bytes`` it would process, or the ``reason`` of its refusal."""

    item: Item
    bytes: int = 0
    reason: str = ""
    message: str = ""

    @property
    def billed(self) -> int:
        """What the service bills at most: whole MiB, ten for each table that is read. Of what could not be
        estimated, since what it reads is not there yet, the least."""
        if not self.bytes:
            return _LEAST_BILLED if self.reason else 0
        least = _LEAST_BILLED * max(1, len(self.item.recorded.tables))
        return max(least, -(-self.bytes // MIB) * MIB)


@dataclass(slots=True)
class Run:
    """A run that is over, or was stopped: ``outcomes`` in the order of the items."""

    outcomes: list[Outcome] = field(default_factory=list)
    retried: int = 0
    seconds: float = 0.0
    estimates: list[Estimate] = field(default_factory=list)


class Runner:
    """Runs items at ``caller``'s endpoint, at most ``concurrency`` at once.

    ``cap_bytes`` bounds the bytes billed: each query is estimated first and limited to its estimate; those
    that would go beyond are left out, as are those whose cost cannot be told. ``run_id`` is part of the jobs'
    ids.
    """

    def __init__(
        self,
        caller: Caller,
        *,
        concurrency: int = 64,
        clock: Clock | None = None,
        cap_bytes: int | None = None,
        run_id: str = "",
    ) -> None:
        self._caller, self._clock = caller, clock or RealClock()
        self._cap = cap_bytes
        self._run_id = run_id or Draws().hex_id("workload.run", 8)
        self._gate = asyncio.Semaphore(concurrency)
        self._stopping = asyncio.Event()
        self._running: dict[int, Mapping[str, Any]] = {}
        self._ended: dict[int, asyncio.Event] = {}
        self._sessions: dict[str, str] = {}
        self._spent = 0
        self._order = 0

    @property
    def ended(self) -> int:
        """How many jobs have ended."""
        return self._order

    def stop(self) -> None:
        """Start nothing more and cancel what runs."""
        self._stopping.set()

    async def estimate(self, items: Sequence[Item]) -> list[Estimate]:
        """Dry runs of all queries."""
        return list(await asyncio.gather(*(self._estimated(one) for one in items if one.kind == "query")))

    async def _estimated(self, item: Item) -> Estimate:
        configuration = {**self._configuration(item, within=False), "dryRun": True}
        async with self._gate:
            try:
                job = await self._caller.call("POST", item.project, "jobs", {"configuration": configuration})
            except Refusal as refusal:
                return Estimate(item, 0, refusal.reason, str(refusal))
        record = job_of_resource(job)
        return Estimate(item, record.bytes_processed, record.error_reason, record.error_message)

    async def run(self, items: Sequence[Item]) -> Run:
        """Run the items at their times. Returns early when it is stopped."""
        run = Run()
        if self._cap is not None:
            run.estimates = await self.estimate(items)
        limits = {one.item.number: one for one in run.estimates}
        self._ended = {one.number: asyncio.Event() for one in items}
        begun_us = self._clock.now_us()
        watching = asyncio.create_task(self._cancelling())
        try:
            run.outcomes = list(
                await asyncio.gather(*(self._item(one, begun_us, limits.get(one.number)) for one in items))
            )
        finally:
            watching.cancel()
        run.seconds = (self._clock.now_us() - begun_us) / _MILLION
        run.retried = self._caller.retried
        return run

    async def _item(self, item: Item, begun_us: int, estimate: Estimate | None) -> Outcome:
        meant_us = begun_us + round(item.at_s * _MILLION)
        try:
            await self._until(self._clock.sleep((meant_us - self._clock.now_us()) / _MILLION))
            for number in item.after:
                if number in self._ended:
                    await self._until(self._ended[number].wait())
            if self._stopping.is_set():
                return Outcome(item, STOPPED)
            async with self._gate:
                if self._stopping.is_set():
                    return Outcome(item, STOPPED)
                return await self._started(item, meant_us, estimate)
        finally:
            self._ended[item.number].set()

    async def _until(self, wait: Any) -> None:
        """Wait, but no longer than until the run is stopped."""
        tasks = [asyncio.ensure_future(wait), asyncio.ensure_future(self._stopping.wait())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _started(self, item: Item, meant_us: int, estimate: Estimate | None) -> Outcome:
        configuration = self._configuration(item)
        if self._cap is not None and item.kind == "query":
            over = self._over(item, estimate)
            if over:
                return Outcome(item, CAPPED, reason=over)
            assert estimate is not None
            self._spent += estimate.billed
            limit = str(max(estimate.billed, _LEAST_BILLED))
            configuration["query"] = {**configuration["query"], "maximumBytesBilled": limit}
        late_s = max(0.0, (self._clock.now_us() - meant_us) / _MILLION)
        job_id = f"bqsim_workload_{self._run_id}_{item.number:06}"
        job: JobRecord | None = None
        rows: int | None = None
        reason = message = ""
        state = DONE
        try:
            resource = await self._caller.insert(item.project, job_id, configuration, item.recorded.location)
            self._running[item.number] = resource
            if self._stopping.is_set():
                await self._caller.cancel(resource)
            found, rows = await self._caller.finished(resource)
            job = job_of_resource(found, job_id)
            reason, message = job.error_reason, job.error_message
            if item.session and item.session not in self._sessions and job.session:
                self._sessions[item.session] = job.session
            if reason == "stopped" and self._stopping.is_set():
                state = STOPPED
        except Refusal as refusal:
            reason, message = refusal.reason, str(refusal)
        finally:
            self._running.pop(item.number, None)
        self._order += 1
        latency_s = (self._clock.now_us() - meant_us) / _MILLION
        return Outcome(item, state, job, reason, message, rows, late_s, latency_s, self._order)

    def _over(self, item: Item, estimate: Estimate | None) -> str:
        """Why the cap keeps an item from running; '' when it does not."""
        kind = item.recorded.statement_type
        if estimate is None or kind in _UNKNOWN_COST or ";" in item.sql.rstrip().rstrip(";"):
            return "its cost cannot be told before"
        if self._cap is not None and self._spent + estimate.billed > self._cap:
            return f"{estimate.billed} bytes billed would go beyond the cap"
        return ""

    def _configuration(self, item: Item, *, within: bool = True) -> dict[str, Any]:
        """The configuration, in this run's session where it was in one."""
        configuration = {name: value for name, value in item.configuration.items() if name != "jobType"}
        if item.kind != "query":
            return configuration
        query = dict(configuration.get("query") or {})
        others = [one for one in query.get("connectionProperties") or () if one.get("key") != "session_id"]
        query.pop("createSession", None)
        query.pop("connectionProperties", None)
        if item.session and within:
            session = self._sessions.get(item.session)
            if session is None:
                query["createSession"] = True
            else:
                others.append({"key": "session_id", "value": session})
        if others:
            query["connectionProperties"] = others
        configuration["query"] = query
        return configuration

    async def _cancelling(self) -> None:
        await self._stopping.wait()
        for resource in list(self._running.values()):
            try:
                await self._caller.cancel(resource)
            except Refusal:
                # It may be over already; whoever waits for it is told.
                continue
