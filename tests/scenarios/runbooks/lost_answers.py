"""Work that is done, and answered with a failure: ids make it safe to ask again."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from requests.exceptions import ConnectionError as Broken

from bqsim.sim.journal.backoff import GOOGLE_CLIENT, BackoffError
from bqsim.sim.journal.ledger import LedgerError
from tests.scenarios.harness import Runbook, World

BATCHES = 4
FAILED = (exceptions.ServiceUnavailable, Broken)


def prepare(world: World) -> None:
    world.table("jobs")
    world.table("rows")


def insert(n: int) -> str:
    return f"INSERT d.jobs (n) VALUES ({n})"


def batch(n: int) -> list[dict[str, Any]]:
    return [{"n": 10 * n + i, "s": "x"} for i in range(3)]


WANTED = sorted(row["n"] for n in range(BATCHES) for row in batch(n))


def good(world: World) -> None:
    for n in range(BATCHES):
        world.client.query(insert(n)).result()
        assert world.client.insert_rows_json(f"{world.project}.d.rows", batch(n)) == []
    world.sim.verify("bigquery.jobs.insert", {"rule": ["job-answer-lost"]}, times=2)
    world.sim.verify("bigquery.tabledata.insertAll", {"rule": ["rows-answer-lost"]}, times=2)
    world.sim.verify("bigquery.tabledata.insertAll", {"rule": ["connection-lost"]}, times=1)
    world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    world.sim.verify_exactly_once(in_doubt=True)
    world.over()
    assert (world.numbers("jobs"), world.numbers("rows")) == (list(range(BATCHES)), WANTED)


def bad(world: World) -> None:
    """It tries again by itself, each time with a new job id, and streams without insertIds."""
    table = f"{world.project}.d.rows"
    for n in range(BATCHES):
        until_done(world, lambda n=n: world.client.query(insert(n), retry=None, job_retry=None).result())
        until_done(
            world,
            lambda n=n: world.client.insert_rows_json(
                table, batch(n), row_ids=bigquery.AutoRowIDs.DISABLED, retry=None
            ),
        )
    with pytest.raises(LedgerError, match="more than once"):
        world.sim.verify_exactly_once()
    with pytest.raises(BackoffError) as raised:
        world.sim.verify_backoff(policy=GOOGLE_CLIENT)
    assert {finding.rule for finding in raised.value.findings} >= {"job_id"}
    world.over()
    assert len(world.numbers("jobs")) > BATCHES
    assert len(world.numbers("rows")) > len(WANTED)


def until_done(world: World, ask: Any) -> None:
    for _ in range(10):
        try:
            ask()
            return
        except FAILED:
            world.wait(2)


RUNBOOK = Runbook(
    "lost-answers",
    good,
    bad,
    asks=(
        ({"method": "bigquery.jobs.insert"}, ("rule 'job-answer-lost' .*fires", "'connection-lost'")),
        ({"method": "bigquery.tabledata.insertAll"}, ("'rows-answer-lost' .*fires", "'connection-lost'")),
    ),
    prepare=prepare,
)
