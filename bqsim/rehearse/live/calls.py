"""Jobs of a workload as calls of the API: when each is meant to start, and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bqsim.sim.slots.jobs import Jobs, Shapes, Source, Stage

# Text that costs nothing; how long the job takes is told by its labels.
SQL = "SELECT 1"
SLOT_MS, UNITS, FLOOR_MS = "bqsim_slot_ms", "bqsim_units", "bqsim_floor_ms"
# Rows that become plain numbers at once: few enough that sends never wait for it.
_SLICE = 512


@dataclass(frozen=True, slots=True)
class Call:
    """A job to send: ``row`` is its number in the workload, ``at_s`` counts from the begin of the plan."""

    row: int
    at_s: float
    group: int
    project: str
    configuration: Mapping[str, Any]
    location: str = ""
    principal: str = ""
    # What it reads, for the least that is billed.
    tables: int = 1
    statement_type: str = ""


@dataclass(frozen=True, slots=True)
class Own:
    """What a job of a history or a cassette runs itself. ``kind`` is that of its configuration."""

    kind: str
    configuration: Mapping[str, Any]
    location: str = ""
    tables: int = 1
    statement_type: str = ""


# The own text of a job by the place of its source in the workload and its turn among the jobs of that source.
Texts = Callable[[int, int], Own | None]


def chain_units(plan: Sequence[Stage]) -> float:
    """How many slots a plan takes on average when it has all that it asks for: its slot time by the time of
    its longest way."""
    ends: list[float] = []
    for stage in plan:
        begin = max((ends[one] for one in stage.inputs), default=0.0)
        ends.append(begin + stage.share / stage.units)
    longest = max(ends)
    return sum(stage.share for stage in plan) / longest if longest > 0 else 1.0


class Maker:
    """Makes calls of the rows of a workload.

    ``texts`` gives the own text of jobs that have one; all others are a query that costs nothing, with their
    slot time and units in labels. ``projects`` renames projects. ``reservations`` are the full names of
    those that jobs may ask for by a short one.
    """

    def __init__(
        self,
        shapes: Shapes,
        sources: Sequence[Source],
        *,
        texts: Texts | None = None,
        projects: Mapping[str, str] | None = None,
        reservations: Mapping[str, str] | None = None,
    ) -> None:
        named = projects or {}
        known = reservations or {}
        self._texts = texts
        self._units = [max(stage.units for stage in plan) for plan in shapes.plans]
        self._effective = [chain_units(plan) for plan in shapes.plans]
        self._single = [len(plan) == 1 for plan in shapes.plans]
        self._projects = [named.get(one.project, one.project) for one in sources]
        self._principals = [one.principal for one in sources]
        self._asked = [known.get(one.reservation, one.reservation) for one in sources]
        self._turns = [0] * len(sources)

    def calls(self, jobs: Jobs, first: int, share: tuple[int, int] = (0, 1)) -> Iterator[Call]:
        """The calls of a chunk whose first row is ``first``; of those only each that is ``share[0]`` modulo
        ``share[1]``. Chunks are given in order."""
        mine, among = share
        for start in range(0, len(jobs), _SLICE):
            part = jobs.take(slice(start, start + _SLICE))
            columns = (
                part.at_ms, part.source, part.shape, part.group, part.slot_ms, part.width, part.max_slots,
                part.limit_ms, part.batch, part.floor_ms,
            )  # fmt: skip
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for row, (at_ms, source, shape, group, *work) in enumerate(rows, first + start):
                # Also of rows that others send: turns count all jobs of a source.
                turn = self._turns[source]
                self._turns[source] = turn + 1
                if row % among == mine:
                    body = self._made(source, shape, *work)
                    yield self._call(row, at_ms / 1000, group, source, turn, body)

    def one(self, jobs: Jobs, at: int, row: int, at_s: float) -> Call:
        """The call of one row of ``jobs``."""
        source = int(jobs.source[at])
        turn = self._turns[source]
        self._turns[source] = turn + 1
        body = self._made(
            source,
            int(jobs.shape[at]),
            float(jobs.slot_ms[at]),
            float(jobs.width[at]),
            float(jobs.max_slots[at]),
            float(jobs.limit_ms[at]),
            int(jobs.batch[at]),
            float(jobs.floor_ms[at]),
        )
        return self._call(row, at_s, int(jobs.group[at]), source, turn, body)

    def _made(
        self,
        source: int,
        shape: int,
        slot_ms: float,
        width: float,
        most: float,
        limit_ms: float,
        batch: int,
        floor_ms: float,
    ) -> dict[str, Any]:
        """The configuration without what runs, but with its labels."""
        units = np.ceil(self._units[shape] * width) if self._single[shape] else self._effective[shape] * width
        body: dict[str, Any] = {
            "labels": {SLOT_MS: str(max(round(slot_ms), 0)), UNITS: str(max(round(float(units)), 1))},
            "query": {"priority": "BATCH" if batch else "INTERACTIVE"},
        }
        if floor_ms > 0:
            body["labels"][FLOOR_MS] = str(round(floor_ms))
        if most != np.inf:
            body["maxSlots"] = max(int(most), 1)
        if limit_ms != np.inf:
            body["jobTimeoutMs"] = str(max(int(limit_ms), 1))
        if self._asked[source]:
            body["reservation"] = self._asked[source]
        return body

    def _call(self, row: int, at_s: float, group: int, source: int, turn: int, body: dict[str, Any]) -> Call:
        own = self._texts(source, turn) if self._texts is not None else None
        project, principal = self._projects[source], self._principals[source]
        if own is None:
            body["query"] |= {"query": SQL, "useLegacySql": False, "useQueryCache": False}
            return Call(row, at_s, group, project, body, "", principal, 0, "SELECT")
        configuration = {name: value for name, value in own.configuration.items() if name != "jobType"}
        labels = {**(configuration.get("labels") or {}), **body.pop("labels")}
        priority = body.pop("query")
        configuration |= {**body, "labels": labels}
        if own.kind == "query":
            configuration["query"] = {**configuration["query"], **priority}
        return Call(
            row,
            at_s,
            group,
            project,
            configuration,
            own.location,
            principal,
            own.tables,
            own.statement_type,
        )
