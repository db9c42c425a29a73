"""Caps: on the bytes billed (queries are estimated before they are sent, and limited to their estimate), and
on slot time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bqsim.history.resources import job_of_resource
from bqsim.workload.caller import Caller, Refusal
from bqsim.workload.runner import MIB

from .calls import Call

_LEAST_BILLED = 10 * MIB
# Statements whose cost nobody can tell before.
_UNKNOWN_COST = frozenset({"SCRIPT", "CALL", "EXECUTE_IMMEDIATE"})
_AT_ONCE = 8

# A dry run of a configuration in a project and location: the bytes that it would process.
Estimate = Callable[[str, Mapping[str, Any], str], Awaitable[int]]


def dry_runs(caller: Caller) -> Estimate:
    """Estimates by dry runs, which are free. Raises :class:`~bqsim.workload.caller.Refusal`."""

    async def estimate(project: str, configuration: Mapping[str, Any], location: str) -> int:
        reference = {"projectId": project, **({"location": location} if location else {})}
        body = {"jobReference": reference, "configuration": {**configuration, "dryRun": True}}
        return job_of_resource(await caller.call("POST", project, "jobs", body)).bytes_processed

    return estimate


@dataclass(frozen=True, slots=True)
class Told:
    """What an estimate told: whole MiB billed at most; None when nobody can tell."""

    billed: int | None


class SlotSpending:
    """At most ``cap_ms`` slot-milliseconds are used: by jobs that are over, as the service tells, and by
    those that run, as they are planned."""

    def __init__(self, cap_ms: float) -> None:
        self._cap_ms = cap_ms
        self._planned_ms = 0.0
        self.used_ms = 0.0

    @property
    def over(self) -> bool:
        """Whether jobs used more than they may, against their plan: nothing may run any more."""
        return self.used_ms > self._cap_ms

    def admitted(self, call: Call) -> bool:
        """Whether an attempt may be sent; it counts from now on."""
        if self.used_ms + self._planned_ms + call.slot_ms > self._cap_ms:
            return False
        self._planned_ms += call.slot_ms
        return True

    def ended(self, call: Call, used_ms: float | None) -> None:
        """An attempt is over; None: nobody knows what it used, and it counts as planned."""
        self._planned_ms -= call.slot_ms
        self.used_ms += call.slot_ms if used_ms is None else used_ms


class Spending:
    """At most ``cap_bytes`` are billed. Each text is estimated once."""

    def __init__(self, estimate: Estimate, cap_bytes: int) -> None:
        self._estimate, self._cap = estimate, cap_bytes
        self._found: dict[str, asyncio.Task[Told]] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._spent = 0

    @property
    def spent(self) -> int:
        """Bytes that are billed at most for what was sent."""
        return self._spent

    async def prepare(self, calls: Iterable[Call]) -> int:
        """Estimate these before anything is sent; how many bytes they would be billed, each once."""
        told = await asyncio.gather(*(self._told(call) for call in calls if "query" in call.configuration))
        return sum(one.billed or 0 for one in told)

    async def admitted(self, call: Call) -> Call | None:
        """The call, limited to its estimate; None when that goes beyond the cap or cannot be told."""
        if "query" not in call.configuration:
            # Loads, copies and exports are free.
            return call
        told = await self._told(call)
        if told.billed is None or self._spent + told.billed > self._cap:
            return None
        self._spent += told.billed
        query = {**call.configuration["query"], "maximumBytesBilled": str(max(told.billed, _LEAST_BILLED))}
        return replace(call, configuration={**call.configuration, "query": query})

    async def _told(self, call: Call) -> Told:
        query = call.configuration["query"]
        if call.statement_type in _UNKNOWN_COST or ";" in str(query["query"]).rstrip().rstrip(";"):
            return Told(None)
        key = json.dumps([call.project, call.location, query], sort_keys=True, default=str)
        task = self._found.get(key)
        if task is None:
            task = self._found[key] = asyncio.create_task(self._asked(call))
        return await asyncio.shield(task)

    async def _asked(self, call: Call) -> Told:
        async with self._gate:
            try:
                found = await self._estimate(call.project, call.configuration, call.location)
            except Refusal:
                # What it reads may not be there yet; then it fails, or costs the least.
                return Told(_LEAST_BILLED)
        if not found:
            return Told(0)
        return Told(max(_LEAST_BILLED * max(1, call.tables), -(-found // MIB) * MIB))
