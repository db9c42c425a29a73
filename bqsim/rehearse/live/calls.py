"""Jobs of a workload as calls of the API: when each is meant to start, and its configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bqsim.sim.slots.jobs import Jobs, Shapes, Source, Stage
from bqsim.sim.slots.labels import FAILS_MS, FLOOR_MS, SLOT_MS, UNITS, stages_written

# Text that costs nothing; how long the job takes is told by its labels.
SQL = "SELECT 1"
# How many labels a job may have, and how many of them tell of its work beside the stages.
_MOST_LABELS, _OF_WORK = 64, 4
# Plans of stages in labels, by shape and width, that are kept.
_KEPT = 4096
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
    # The slot time that is planned for it.
    slot_ms: float = 0.0


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

    ``texts`` gives the own text of jobs that have one; all others are a query that costs nothing. Labels tell
    the slot time, units and stages of each, and where in its work it is to fail. ``as_one`` counts jobs whose
    stages are too many for labels: they have one that takes as long with all slots that it wants.
    ``projects`` renames projects. ``reservations`` are the full names of those that jobs may ask for by a
    short one.
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
        self.as_one = 0
        self._plans = shapes.plans
        self._staged: dict[tuple[int, float], dict[str, str] | None] = {}
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
                part.limit_ms, part.batch, part.floor_ms, part.fails_at,
            )  # fmt: skip
            rows = zip(*(column.tolist() for column in columns), strict=True)
            for row, (at_ms, source, shape, group, *work) in enumerate(rows, first + start):
                # Also of rows that others send: turns count all jobs of a source.
                turn = self._turns[source]
                self._turns[source] = turn + 1
                if row % among == mine:
                    own = self._own(source, turn)
                    body = self._made(source, shape, own, *work)
                    yield self._call(row, at_ms / 1000, group, source, own, work[0], body)

    def one(self, jobs: Jobs, at: int, row: int, at_s: float) -> Call:
        """The call of one row of ``jobs``."""
        source, slot_ms = int(jobs.source[at]), float(jobs.slot_ms[at])
        turn = self._turns[source]
        self._turns[source] = turn + 1
        own = self._own(source, turn)
        body = self._made(
            source,
            int(jobs.shape[at]),
            own,
            slot_ms,
            float(jobs.width[at]),
            float(jobs.max_slots[at]),
            float(jobs.limit_ms[at]),
            int(jobs.batch[at]),
            float(jobs.floor_ms[at]),
            float(jobs.fails_at[at]),
        )
        return self._call(row, at_s, int(jobs.group[at]), source, own, slot_ms, body)

    def _made(
        self,
        source: int,
        shape: int,
        own: Own | None,
        slot_ms: float,
        width: float,
        most: float,
        limit_ms: float,
        batch: int,
        floor_ms: float,
        fails_at: float,
    ) -> dict[str, Any]:
        """The configuration without what runs, but with its labels."""
        room = _MOST_LABELS - _OF_WORK - len(own.configuration.get("labels") or {} if own else {})
        labels = {SLOT_MS: str(max(round(slot_ms), 0)), **self._shape_labels(shape, width, room)}
        body: dict[str, Any] = {
            "labels": labels,
            "query": {"priority": "BATCH" if batch else "INTERACTIVE"},
        }
        if floor_ms > 0:
            labels[FLOOR_MS] = str(round(floor_ms))
        if fails_at <= 1:
            # No later than at its end, whatever is rounded.
            labels[FAILS_MS] = str(math.floor(fails_at * round(slot_ms)))
        if most != np.inf:
            body["maxSlots"] = max(int(most), 1)
        if limit_ms != np.inf:
            body["jobTimeoutMs"] = str(max(int(limit_ms), 1))
        if self._asked[source]:
            body["reservation"] = self._asked[source]
        return body

    def _own(self, source: int, turn: int) -> Own | None:
        return self._texts(source, turn) if self._texts is not None else None

    def _shape_labels(self, shape: int, width: float, room: int) -> dict[str, str]:
        """How wide a job is: its units, or its stages with theirs, a label each."""
        plan = self._plans[shape]
        if len(plan) == 1:
            return {UNITS: str(_whole(plan[0].units * width))}
        key = shape, width
        if key not in self._staged:
            if len(self._staged) >= _KEPT:
                self._staged.clear()
            stages = [replace(stage, units=_whole(stage.units * width)) for stage in plan]
            self._staged[key] = stages_written(stages)
        found = self._staged[key]
        if found is None or len(found) > room:
            self.as_one += 1
            return {UNITS: str(max(round(chain_units(plan) * width), 1))}
        return found

    def _call(
        self,
        row: int,
        at_s: float,
        group: int,
        source: int,
        own: Own | None,
        slot_ms: float,
        body: dict[str, Any],
    ) -> Call:
        project, principal = self._projects[source], self._principals[source]
        if own is None:
            body["query"] |= {"query": SQL, "useLegacySql": False, "useQueryCache": False}
            return Call(row, at_s, group, project, body, "", principal, 0, "SELECT", slot_ms)
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
            slot_ms,
        )


def _whole(units: float) -> int:
    """Units as the model of slots takes them."""
    return max(1, math.ceil(units - 1e-9))
