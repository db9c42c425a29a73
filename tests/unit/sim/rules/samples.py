"""Rules, clocks and events for the tests of rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.gate import Call
from bqsim.sim.rules import Facts, Hit, RuleBook, call_facts
from bqsim.sim.scenario.model import Effect, Error, Match, Rule

BACKEND_ERROR = Error("backendError")


class HandClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.us = 1_000_000_000

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)

    def move(self, seconds: float) -> None:
        self.us += round(seconds * 1_000_000)


def rule(id: str, match: Match | None = None, effect: Effect = BACKEND_ERROR, **fields: Any) -> Rule:
    return Rule(id, effect, match or Match(), **fields)


def book(
    *rules: Rule, clock: Clock | None = None, seed: int = 7, machines: Mapping[str, str] | None = None
) -> RuleBook:
    made = RuleBook(clock or HandClock(), Draws(seed))
    made.replace(rules, machines)
    return made


def query(sql: str = "SELECT 1", *, project: str = "p", **members: Any) -> Facts:
    """A call of jobs.query."""
    body = {"query": sql, **members}
    return call_facts(Call("rest", "bigquery.jobs.query", f"projects/{project}/queries", "me@x", body))


def call(method: str = "bigquery.tables.get", resource: str = "projects/p/datasets/d/tables/t") -> Facts:
    return call_facts(Call("rest", method, resource, "me@x", {}))


def ids(hits: list[Hit]) -> list[str]:
    return [hit.rule.id for hit in hits]
