"""Permissions that come and go: patience of minutes comes through, neither none nor haste does."""

from __future__ import annotations

import pytest
from google.api_core import exceptions

from bqsim.sim.journal.backoff import BackoffError
from tests.scenarios.harness import Runbook, World

ROWS = 20


def prepare(world: World) -> None:
    world.table(rows=ROWS)


def read(world: World) -> int:
    return sum(1 for _ in world.client.list_rows(f"{world.project}.d.t"))


def patiently(world: World) -> int:
    """Up to a quarter of an hour, ever longer pauses, the first of more than a minute."""
    for pause in (70, 100, 150, 220, 300):
        try:
            return read(world)
        except exceptions.Forbidden as error:
            assert "Permission bigquery.tables.getData denied" in error.message
            world.wait(pause)
    return read(world)


def good(world: World) -> None:
    found = []
    for _ in range(9):
        found.append(patiently(world))
        world.wait("4m")
    assert found == [ROWS] * 9
    denied = world.sim.verify("bigquery.tabledata.list", {"reason": "accessDenied"}, times=(2, None))
    assert {d.rule for call in denied for d in call.decisions} == {"grant-spreads", "revoked-by-mistake"}
    world.sim.verify_backoff()


def bad(world: World) -> None:
    found = 0
    for _ in range(9):
        try:
            found += read(world) > 0
        except exceptions.Forbidden as error:
            assert "deny" in world.sim.explain(error)
        world.wait("4m")
    assert found < 9
    world.sim.load(RUNBOOK.file)
    world.sim.journal.clear()
    for _ in range(60):
        try:
            read(world)
        except exceptions.Forbidden:
            world.wait(1)
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff()
    assert {finding.rule for finding in raised.value.findings} >= {"not_retryable"}


RUNBOOK = Runbook(
    "flaky-permissions",
    good,
    bad,
    asks=(
        (
            {"method": "bigquery.tabledata.list"},
            ("'revoked-by-mistake' .*does not fire: window", "'grant-spreads'"),
        ),
        ({"method": "bigquery.tabledata.insertAll"}, ("does not fire: method",)),
    ),
    prepare=prepare,
)
