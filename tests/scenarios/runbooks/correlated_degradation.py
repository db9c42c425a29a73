"""Failures in clusters, slow days and fast nights: back-off that grows gets out of a cluster."""

from __future__ import annotations

from itertools import groupby
from statistics import mean

import pytest
from google.api_core import exceptions

from bqsim.sim.journal.backoff import GOOGLE_CLIENT, BackoffError
from tests.scenarios.harness import Runbook, World

CALLS = 192
STEP_S = 24 * 3600 / CALLS


def prepare(world: World) -> None:
    world.table(rows=2)


def good(world: World) -> None:
    """A look each seven and a half minutes, for a day."""
    began = world.clock.now_us()
    for _ in range(CALLS):
        assert world.client.get_table("d.t").num_rows == 2
        world.wait(STEP_S)
    calls = sorted(world.sim.journal.calls("bigquery.tables.get"), key=lambda call: call.time_us)
    runs = [len(list(same)) for ok, same in groupby(call.outcome.ok for call in calls) if not ok]
    assert len(runs) >= 2
    assert max(runs) >= 2
    hours: dict[bool, list[float]] = {True: [], False: []}
    for call in calls:
        hour = (call.time_us - began) / 3.6e9 % 24
        taken = sum(d.latency_s or 0.0 for d in call.decisions)
        if hour < 5 or 8 <= hour < 18:
            hours[hour >= 8].append(taken)
    assert mean(hours[True]) > 2 * mean(hours[False])
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)


def bad(world: World) -> None:
    """Three tries, one after another."""
    lost = 0
    for _ in range(CALLS):
        for attempt in range(3):
            try:
                world.client.get_table("d.t", retry=None)
                break
            except exceptions.ServiceUnavailable as error:
                lost += attempt == 2
                assert "machine" in world.sim.explain(error) or "rule" in world.sim.explain(error)
        world.wait(STEP_S)
    assert lost
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff()
    assert {finding.rule for finding in raised.value.findings} >= {"first_wait"}


RUNBOOK = Runbook(
    "correlated-degradation",
    good,
    bad,
    asks=(
        (
            {"method": "bigquery.tables.get"},
            (
                "rule 'ill' .*does not fire: machine",
                "rule 'recovering' .*does not fire: machine",
                "'tipping'",
            ),
        ),
        (
            {"method": "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession"},
            ("rule 'tipping' .*does not fire: transport",),
        ),
    ),
    prepare=prepare,
    rate=200.0,
)
