"""Estimates over the control API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import bqsim
from bqsim.seeding import Api, ApiError, seed

SEED = """
datasets:
  d:
    tables:
      t:
        schema: {id: INT64 NOT NULL, day: DATE NOT NULL, note: STRING}
        partition_by: day
        cluster_by: id
        statistics:
          columns: {note: 4000}
          partitions:
            "20260101": {rows: 1000, bytes: 18000}
            "20260102": {rows: 1000, bytes: 18000}
      u: {schema: {id: INT64 NOT NULL}, statistics: {rows: 50}}
    views:
      v: SELECT id FROM d.t
"""


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with bqsim.start(project="p") as sim:
        found = Api(sim.url, "p")
        seed(found, SEED)
        yield found


def estimate(api: Api, sql: str, **more: Any) -> dict[str, Any]:
    configuration = {"query": {"query": sql, "useLegacySql": False, **more}}
    return api.control("POST", "projects/p/estimate", {"configuration": configuration})


def test_what_a_query_reads_and_why(api: Api) -> None:
    found = estimate(
        api, "SELECT v.id FROM d.v JOIN d.u USING (id) JOIN d.t ON t.id = u.id WHERE t.day = '2026-01-01'"
    )
    assert found["statementType"] == "SELECT"
    assert {one["tables"][0]: one["bytes"] for one in found["bytesOfTables"]} == {
        "p.d.t": "24000",
        "p.d.u": "400",
    }
    assert found["bytesProcessed"] == found["bytesAtMost"] == "24400"
    assert found["bytesBilled"] == str(20 * 2**20)
    assert found["columnsRead"]["p.d.t"] == ["id", "day"]
    assert found["views"] == [{"projectId": "p", "datasetId": "d", "tableId": "v"}]
    assert found["outputColumns"] == ["id"]
    assert found["deterministic"] is True
    (pruning,) = found["pruning"]
    assert pruning["partitions"] == {"read": 2, "total": 2}
    assert [scan[0]["filtering"] for scan in pruning["scans"]] == ["NO_FILTER", "PRUNES"]


def test_what_differs_from_run_to_run(api: Api) -> None:
    assert estimate(api, "SELECT RAND() AS r FROM d.u")["deterministic"] is False


def test_statements_that_change_tables(api: Api) -> None:
    found = estimate(api, "DELETE FROM d.t WHERE day = '2026-01-01' AND id = 5")
    assert found["statementType"] == "DELETE"
    assert found["pruning"][0]["partitions"] == {"read": 1, "total": 2}
    assert int(found["bytesBilled"]) >= 10 * 2**20


def test_several_at_once_each_with_its_error(api: Api) -> None:
    queries = [
        {"query": {"query": sql, "useLegacySql": False}}
        for sql in ("SELECT 1", "SELECT x FROM d.none", "SELEC")
    ]
    first, second, third = api.control("POST", "projects/p/estimate", {"queries": queries})["estimates"]
    assert first["bytesProcessed"] == "0"
    assert second["error"]["reason"] == "notFound"
    assert third["error"]["reason"] == "invalidQuery"


@pytest.mark.parametrize("body", [{}, {"configuration": {"load": {}}}, {"queries": [5]}, {"other": 1}])
def test_wrong_bodies(api: Api, body: dict[str, Any]) -> None:
    with pytest.raises(ApiError):
        api.control("POST", "projects/p/estimate", body)


def test_parameters_by_position_are_given_to_dry_runs(api: Api) -> None:
    given = [{"parameterType": {"type": "DATE"}, "parameterValue": {"value": "2026-01-01"}}]
    options = {"parameterMode": "POSITIONAL", "queryParameters": given}
    found = estimate(api, "SELECT day FROM d.t WHERE day = ?", **options)
    assert found["partitions"] == 1
    job = api.call(
        "POST",
        "jobs",
        {
            "configuration": {
                "dryRun": True,
                "query": {"query": "SELECT ? AS n", "useLegacySql": False, **options},
            }
        },
    )
    assert job["statistics"]["query"]["schema"]["fields"][0]["type"] == "DATE"
    assert "undeclaredQueryParameters" not in job["statistics"]["query"]
