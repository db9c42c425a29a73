from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError

from .conftest import CALLER, Play, Stack

TABLE = {"projectId": "p", "datasetId": "d", "tableId": "t"}
EXTRACT = {"extract": {"sourceTable": TABLE, "destinationUris": ["gs://bucket/x"]}}
COPY = {"copy": {"sourceTable": TABLE, "destinationTable": {**TABLE, "tableId": "u"}}}


@pytest.mark.parametrize(("configuration", "kind"), [(EXTRACT, "EXTRACT"), (COPY, "COPY")])
def test_jobs_are_where_their_tables_are(play: Play, configuration: dict[str, Any], kind: str) -> None:
    async def body(s: Stack) -> None:
        await s.ok("CREATE SCHEMA eu OPTIONS (location = 'EU')")
        name = kind.lower()
        moved = {
            k: {**v, "datasetId": "eu"} if isinstance(v, dict) else v for k, v in configuration[name].items()
        }
        job, _, _ = s.service.transfers.job("p", {name: moved}, {}, CALLER)
        assert (job.type.value, job.location, job.configuration["jobType"]) == (kind, "EU", kind)

    play(body)


@pytest.mark.parametrize("configuration", [EXTRACT, COPY])
def test_a_dry_run_is_no_listed_job(play: Play, configuration: dict[str, Any]) -> None:
    async def body(s: Stack) -> None:
        insert = {"configuration": {**configuration, "dryRun": True}}
        with pytest.raises(BigQueryError, match="Not found: Table"):
            await s.service.insert("p", insert, CALLER)
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        job = await s.service.insert("p", insert, CALLER)
        assert (job.done, job.error) == (True, None)
        assert s.service.find("p", job.job_id) is None

    play(body)
