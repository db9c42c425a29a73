"""Twenty minutes of a 503 now and then: who tries again with back-off does not notice."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from bqsim.sim.journal.backoff import GOOGLE_CLIENT, BackoffError
from tests.scenarios.harness import Runbook, World

STEPS = 150
STEP_S = 8.0
RATE = 100.0


def prepare(world: World) -> None:
    world.table(rows=3)
    world.table("sink")


def good(world: World) -> None:
    """Google's client as it is: a look at a table, and every tenth time a row, for twenty minutes."""
    for step in range(STEPS):
        assert world.client.get_table("d.t").num_rows == 3
        if step % 10 == 0:
            world.client.query(f"INSERT d.sink (n) VALUES ({step})").result()
        world.wait(STEP_S)
    failed = world.sim.verify("bigquery.*", {"ok": False}, times=(3, None))
    assert {call.outcome.text for call in failed} == {"503 backendError"}
    assert {rule for call in failed for rule in (d.rule for d in call.decisions if d.rule)} >= {"brown-out"}
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    world.sim.verify_exactly_once(in_doubt=True)
    # When it is over, it is over.
    assert "window" in str(world.sim.faults.explain("method: bigquery.tables.get"))
    world.over()
    assert world.numbers("sink") == list(range(0, STEPS, 10))


def bad(world: World) -> None:
    """One takes every failure for the last word, another tries again at once."""
    lost = 0
    for _ in range(STEPS):
        try:
            world.client.get_table("d.t", retry=None)
        except exceptions.ServiceUnavailable as error:
            lost += 1
            assert "brown-out" in world.sim.explain(error) or "fading" in world.sim.explain(error)
            with pytest.raises(BackoffError) as raised:
                hammer(world)
        world.wait(STEP_S)
    assert lost >= 3
    assert {finding.rule for finding in raised.value.findings} >= {"first_wait"}


def hammer(world: World) -> None:
    """Ask until it works, without a pause; on a slow machine calls are to take no seconds of the scenario."""
    world.clock.scale(1)
    for _ in range(50):
        try:
            world.client.get_table("d.t", retry=None)
            break
        except exceptions.ServiceUnavailable:
            continue
    world.clock.scale(RATE)
    world.sim.verify_backoff()


RUNBOOK = Runbook(
    "regional-brown-out",
    good,
    bad,
    asks=(
        ({"method": "bigquery.tables.get"}, ("rule 'brown-out' .*does not fire: window", "'fading-in'")),
        ({"method": "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"}, ("does not fire: transport",)),
    ),
    prepare=prepare,
    rate=RATE,
)
