"""The policy of a repository: how much more a query may cost, who owns it, how often it runs, budgets.

A YAML file, by default ``cost-policy.yaml``; what is wrong in it is told with its line.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

from bqsim.sim.scenario import kinds as k
from bqsim.sim.scenario.tree import Problem

from .causes_known import CAUSES
from .documents import DAY, FREE, SHARE, SIZE, read_document, refuse, share_of
from .model import Query, Workload
from .pricing import COMMITMENTS, EDITIONS
from .robust import Rules
from .schedule import scheduled

Text = Annotated[str, k.TEXT]
Name = Annotated[str, k.NAME]
Glob = Annotated[str, k.GLOB]
Flag = Annotated[bool, k.FLAG]
Share = Annotated[str, SHARE]
Size = Annotated[int, SIZE]
Number = Annotated[float, k.AMOUNT]
FAIL, WARN, IGNORE = "fail", "warn", "ignore"
Severity = Annotated[str, k.word("severity", (FAIL, WARN, IGNORE))]


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What may be added before it counts: more than ``relative`` of what it was and more than
    ``absolute``."""

    relative: Share = "0"
    absolute: Size = 0

    def exceeded(self, before: float, after: float) -> bool:
        """Whether a rise is more than is tolerated."""
        return after - before > max(share_of(self.relative) * before, self.absolute)


@dataclass(frozen=True, slots=True)
class Slots:
    """How recorded slot time is compared: runs left out at first, runs needed after them, confidence."""

    discard: Annotated[int, k.COUNT] = 2
    runs: Annotated[int, k.ORDINAL] = 5
    confidence: Share = "95 %"
    relative: Share = "10 %"
    deviations: Number = 1.0

    @property
    def rules(self) -> Rules:
        return Rules(
            self.discard, self.runs, share_of(self.confidence), share_of(self.relative), self.deviations
        )


@dataclass(frozen=True, slots=True)
class Pricing:
    """How queries are paid for: ``model`` on-demand or editions. ``on`` is the day of the prices;
    ``capacity`` a file that describes the reservations. ``free`` is how much of the bytes that are free a
    month is for these queries: 1 all, 0 nothing."""

    model: Annotated[str, k.word("pricing model", ("on-demand", "editions"))] = "on-demand"
    region: Name = "us"
    edition: Annotated[str, k.word("edition", EDITIONS)] = "ENTERPRISE"
    commitment: Annotated[str, k.word("commitment", COMMITMENTS)] = "none"
    currency: Text = ""
    on: Annotated[dt.date, DAY] | None = None
    files: tuple[Name, ...] = ()
    capacity: Text = ""
    free: Annotated[float, FREE] = 0.0


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What becomes of verdicts that are no regression by themselves."""

    grown: Severity = WARN
    new: Severity = WARN
    gone: Severity = IGNORE
    error: Severity = FAIL
    risk: Severity = WARN
    slots: Severity = FAIL


@dataclass(frozen=True, slots=True)
class QueryRule:
    """What holds for queries whose names match: the first rule that tells something counts."""

    match: Glob
    owner: Text | None = None
    labels: Mapping[Name, Text] = field(default_factory=dict)
    schedule: Text | None = None
    runs_per_month: Number | None = None
    tolerance: Tolerance | None = None
    skip: Flag = False


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent, of all queries that match all that is told: ``per_run`` bytes of each one, the rest
    by the month: ``bytes`` billed, ``money`` in the currency of prices, ``slot_hours``."""

    name: Text = ""
    query: Glob | None = None
    owner: Glob | None = None
    labels: Mapping[Name, Glob] = field(default_factory=dict)
    per_run: Size | None = None
    bytes: Size | None = None
    money: Number | None = None
    slot_hours: Number | None = None

    def covers(self, query: Query) -> bool:
        """Whether a query counts."""
        return (
            (self.query is None or fnmatchcase(query.name, self.query))
            and (self.owner is None or fnmatchcase(query.owner, self.owner))
            and all(fnmatchcase(query.labels.get(n, ""), p) for n, p in self.labels.items())
        )

    @property
    def shown(self) -> str:
        """What it is called: its name, or whom it is for."""
        parts = [f"query {self.query}" if self.query else "", f"owner {self.owner}" if self.owner else ""]
        parts += [f"{n}={p}" for n, p in self.labels.items()]
        return self.name or ", ".join(filter(None, parts)) or "everything"


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it; what is not told is as here."""

    tolerance: Tolerance = Tolerance()
    slots: Slots = Slots()
    pricing: Pricing = Pricing()
    verdicts: Verdicts = Verdicts()
    causes: Mapping[Annotated[str, k.word("cause", tuple(CAUSES))], Severity] = field(default_factory=dict)
    queries: tuple[QueryRule, ...] = ()
    budgets: tuple[Budget, ...] = ()
    streamed: tuple[Glob, ...] = ()

    def severity(self, cause: str) -> str:
        """What a cause does by itself, when no more bytes are read."""
        return self.causes.get(cause, CAUSES[cause].severity)

    def tolerance_of(self, query: Query) -> Tolerance:
        """What a query may cost more."""
        for rule in self.queries:
            if rule.tolerance is not None and fnmatchcase(query.name, rule.match):
                return rule.tolerance
        return self.tolerance

    def applied(self, workload: Workload) -> Workload:
        """The workload with the owners, labels and schedules of the policy, without what it skips."""
        found = [self._applied(query) for query in workload.queries]
        return replace(workload, queries=tuple(q for q in found if q is not None))

    def _applied(self, query: Query) -> Query | None:
        for rule in self.queries:
            if not fnmatchcase(query.name, rule.match):
                continue
            if rule.skip:
                return None
            if rule.owner and not query.owner:
                query = replace(query, owner=rule.owner)
            if rule.labels:
                query = replace(query, labels={**rule.labels, **query.labels})
            if query.rate.source == "assumed":
                if rule.runs_per_month is not None:
                    n = rule.runs_per_month
                    query = replace(query, rate=type(query.rate)(n, n, n, "schedule"))
                elif rule.schedule:
                    query = replace(query, rate=scheduled(rule.schedule))
        return query


def load_policy(path: str | Path | None) -> Policy:
    """The policy of a file; without one what holds by default. Raises CostError with file and line."""
    if path is None:
        return Policy()
    policy, reader = read_document(path, Policy, "cost policy")
    problems = []
    for rule in policy.queries:
        if rule.schedule:
            try:
                scheduled(rule.schedule)
            except ValueError as error:
                problems.append(Problem(reader.place(rule, "schedule"), str(error)))
    for budget in policy.budgets:
        limits = (budget.per_run, budget.bytes, budget.money, budget.slot_hours)
        if all(limit is None for limit in limits):
            text = "a budget needs a limit: per_run, bytes, money or slot_hours"
            problems.append(Problem(reader.place(budget), text))
    refuse(problems, "cost policy")
    return policy
