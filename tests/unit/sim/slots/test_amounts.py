from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sim.latency.base import Load
from bqsim.sim.rules.facts import Facts, job_facts
from bqsim.sim.scenario.load import parse
from bqsim.sim.slots.amounts import Amounts, labelled
from bqsim.sim.slots.jobs import Stage
from bqsim.sim.slots.live import Work

MIB = 2**20


@pytest.mark.parametrize(
    ("labels", "work"),
    [
        ({"bqsim_slot_ms": "2500"}, Work(2500, 3)),
        ({"bqsim_slot_ms": "2500", "bqsim_units": "7", "bqsim_floor_ms": "40"}, Work(2500, 7, 40)),
        ({"bqsim_slot_ms": "0"}, Work(0, 1)),
        ({"bqsim_slot_ms": "2000", "bqsim_fails_ms": "500"}, Work(2000, 2, fails_at=0.25)),
        ({"bqsim_floor_ms": "40", "bqsim_fails_ms": "0"}, Work(0, 1, 40, fails_at=0.0)),
        (
            {"bqsim_slot_ms": "2000", "bqsim_stage_1": "1_4", "bqsim_stage_2": "3_8", "bqsim_units": "3"},
            Work(2000, 8, stages=(Stage(0.25, 4.0), Stage(0.75, 8.0, (0,)))),
        ),
        ({"bqsim_slot_ms": "2000", "bqsim_stage_1": "1_4", "bqsim_stage_2": "wide"}, Work(2000, 2)),
        ({"bqsim_stage_1": "1_4"}, None),
        ({"bqsim_floor_ms": "40"}, Work(0, 1, 40)),
        ({"bqsim_units": "7"}, None),
        ({"bqsim_slot_ms": "many"}, None),
        ({"bqsim_slot_ms": "nan"}, None),
        ({"bqsim_slot_ms": "-1"}, None),
        ({"team": "a"}, None),
        (None, None),
    ],
    ids=[
        "units",
        "all",
        "none",
        "failing",
        "failing floor",
        "stages",
        "wrong stages",
        "stages alone",
        "floor",
        "units alone",
        "text",
        "nan",
        "negative",
        "others",
        "no labels",
    ],
)
def test_labels(labels: Any, work: Work | None) -> None:
    assert labelled({"labels": labels}) == work


def facts(sql: str = "SELECT 1", kind: str = "query") -> Facts:
    configuration = {kind: {"query": sql}}
    return job_facts(project="p", job_id="j", configuration=configuration, state="PENDING")


class Sizes:
    """Tells the size of a job, and counts how often it is asked."""

    def __init__(self, size: int = 100 * MIB, statement_type: str = "SELECT") -> None:
        self.load = Load(bytes=size, statement_type=statement_type)
        self.asked = 0

    async def __call__(self) -> Load:
        self.asked += 1
        return self.load


def amount(rules: str, about: Facts, sizes: Sizes, seed: int = 1) -> tuple[Work | None, str]:
    clock = SimulationClock(rate=0)
    found = Amounts(clock, Draws(seed), parse(f"slot_work:\n{rules}").slot_work if rules else ())
    return asyncio.run(found.of(about, sizes))


def test_the_first_rule_that_matches_counts() -> None:
    rules = "- {match: {sql: heavy}, slot_time: 40s, units: 10, floor: 2s}\n- {slot_time: 1500ms}"
    sizes = Sizes()
    assert amount(rules, facts("SELECT heavy"), sizes) == (Work(40_000, 10, 2_000), "slot_work-1")
    assert amount(rules, facts(), sizes) == (Work(1_500, 2), "slot_work-2")
    assert amount(rules, facts(kind="load"), sizes) == (Work(1_500, 2), "slot_work-2")
    assert sizes.asked == 0


def test_work_by_bytes() -> None:
    sizes = Sizes()
    rules = "- {slot_time: {distribution: 1s, per_mib: 10ms}, unit_s: 0.5}"
    assert amount(rules, facts(), sizes) == (Work(2_000, 4), "slot_work-1")
    # Queries that nothing is said of: 15 slot-milliseconds, and ten for each MiB.
    work, rule = amount("", facts(), sizes)
    assert work is not None and rule == "slot_work-1"
    assert (round(work.slot_ms, 6), work.units, round(work.floor_ms, 6)) == (1_015, 2, 150)
    assert sizes.asked == 2


def test_what_needs_none() -> None:
    assert amount("", facts(kind="copy"), Sizes()) == (None, "")
    assert amount("", facts("SELEC"), Sizes(0, "")) == (None, "")


def test_draws_follow_from_the_seed() -> None:
    rules = "- {slot_time: {lognormal: {p50: 3s, p95: 60s}}, floor: {uniform: {low: 0s, high: 1s}}}"
    drawn = [amount(rules, facts(), Sizes(), seed)[0] for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] is not None and 0 < drawn[0].floor_ms < 1_000
