"""A load that fails at the same row each time: reasons tell which failures may be tried again."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.sim.journal.verify import VerificationError
from tests.scenarios.harness import Runbook, World

ROWS = 1_200
POISON = 1_000
FEED = "".join(
    json.dumps({"n": n, "s": "x"} if n != POISON else {"n": "twelve", "s": "x"}) + "\n" for n in range(ROWS)
).encode()
RESTARTED = {"jobBackendError", "jobInternalError", "backendError", "internalError"}


def prepare(world: World) -> None:
    world.table()


def load(world: World, feed: str, bad_records: int = 0) -> Any:
    config = bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON", labels={"feed": feed}, max_bad_records=bad_records
    )
    target = f"{world.project}.d.t"
    return world.client.load_table_from_file(io.BytesIO(FEED), target, job_config=config, rewind=True)


def ended(job: Any) -> Any:
    try:
        job.result()
    except exceptions.GoogleAPICallError:
        assert job.error_result is not None
    return job


def good(world: World) -> None:
    feed, allowed, reasons, ids = "raw", 0, [], set()
    for _ in range(5):
        job = ended(load(world, feed, allowed))
        ids.add(job.job_id)
        if job.error_result is None:
            break
        reasons.append(job.error_result["reason"])
        if reasons[-1] in RESTARTED:
            world.wait(5)
        else:
            assert "Rows: 1001" in job.errors[0]["message"]
            feed, allowed = "quarantined", 10
    assert reasons == ["jobBackendError", "invalid"]
    assert len(ids) == 3
    assert job.output_rows == ROWS - 1
    assert job.errors
    world.sim.verify_backoff()
    world.over()
    assert world.numbers() == [n for n in range(ROWS) if n != POISON]


def bad(world: World) -> None:
    """One never looks at its job; another starts the same load again and again."""
    load(world, "raw")
    world.wait("10m")
    for _ in range(6):
        failed = ended(load(world, "raw"))
        assert failed.error_result is not None
        world.wait(1)
    assert "rule 'poison'" in world.sim.explain(failed)
    with pytest.raises(VerificationError, match="at most 3 calls"):
        world.sim.verify("bigquery.jobs.insert", {"job_type": "LOAD"}, times=(0, 3))
    world.over()
    assert world.numbers() == []


LOAD = {"method": "bigquery.jobs.insert", "state": "RUNNING", "job_type": "LOAD"}
RUNBOOK = Runbook(
    "poisoned-load",
    good,
    bad,
    asks=(
        ({**LOAD, "labels": {"feed": "raw"}}, ("rule 'outage' .*fires", "rule 'poison'")),
        ({**LOAD, "labels": {"feed": "clean"}}, ("rule 'poison' .*does not fire: label",)),
        ({**LOAD, "job_type": "QUERY"}, ("rule 'outage' .*does not fire: job_type",)),
    ),
    prepare=prepare,
    rate=500.0,
)
