"""Incidents at the same time: each does what it does alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from google.api_core import exceptions

from bqsim.sim.journal.backoff import GOOGLE_CLIENT
from bqsim.simulator import Simulator
from tests.scenarios.harness import Runbook, again_on, under_way
from tests.scenarios.runbooks import RUNBOOKS, lost_answers, regional_brown_out, slow_metadata
from tests.scenarios.runbooks import eventual_consistency as consistency


def effects(call: Any) -> set[str]:
    return {decision.rule for decision in call.decisions}


def test_a_brown_out_with_slow_metadata(simulator: Simulator) -> None:
    brown_out = replace(regional_brown_out.RUNBOOK, rate=20.0, prepare=lambda world: None)
    with under_way(simulator, "two-at-once", brown_out, slow_metadata.RUNBOOK) as world:
        world.wait("3m")
        slow_metadata.another_deployment(world)
        refused = 0
        for _ in range(5):
            try:
                slow_metadata.add_tier(world, checked=True)
                break
            except exceptions.PreconditionFailed:
                refused += 1
                world.wait(50)
        assert refused == 1
        # Enough looks at the table for some to fail.
        for _ in range(60):
            world.client.get_table("d.t")
            world.wait(5)
        calls = world.sim.verify("bigquery.tables.get", times=(60, None))
        assert any({"brown-out", "old-metadata"} <= effects(call) for call in calls)
        assert max(call.duration_us for call in calls if call.outcome.ok) > 1_000_000
        world.sim.verify_backoff(policy=GOOGLE_CLIENT)
        assert slow_metadata.description(world) == "owner: ada\ntier: gold"


def test_lost_answers_of_a_table_just_created(simulator: Simulator) -> None:
    with under_way(
        simulator,
        "lost-and-late",
        replace(lost_answers.RUNBOOK, prepare=lambda world: None),
        consistency.RUNBOOK,
    ) as world:
        table = world.table()
        for n in range(consistency.BATCHES):
            rows = consistency.batch(n)
            assert world.client.insert_rows_json(table, rows, retry=again_on(exceptions.NotFound)) == []
        calls = world.sim.verify("bigquery.tabledata.insertAll", {"ok": False}, times=(3, None))
        assert set().union(*map(effects, calls)) >= {"not-known-yet", "rows-answer-lost"}
        world.sim.verify_exactly_once(in_doubt=True)
        world.over()
        assert world.numbers() == list(range(3 * consistency.BATCHES))


def test_all_of_them_fit_together(simulator: Simulator) -> None:
    unprepared: list[Runbook] = [replace(runbook, prepare=lambda world: None) for runbook in RUNBOOKS]
    with under_way(simulator, "all-at-once", *unprepared) as world:
        scenario = world.sim.scenario
        assert scenario is not None
        assert scenario.name == "+".join(runbook.name for runbook in RUNBOOKS)
        assert len(scenario.rules) > 20
        assert scenario.limits is not None
        assert {"concurrent_queries", "table_modifications_per_day"} <= scenario.limits.values.keys()
        text = str(world.sim.faults.explain({"method": "bigquery.jobs.insert", "job_type": "LOAD"}))
        assert text.count("\n") == len(scenario.rules) - 1
