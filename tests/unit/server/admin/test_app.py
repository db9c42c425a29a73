from __future__ import annotations

from typing import Any

import pytest

from bqsim import __version__
from tests.conftest import Http


def test_health(rest: Http) -> None:
    assert rest.raw("GET", "/bqsim/v1/health").json == {
        "status": "ready",
        "version": __version__,
        "grpcPort": rest.simulator.grpc_port,
    }


def test_route_of_a_job(rest: Http) -> None:
    job = rest.query("SELECT 1 AS x").json["jobReference"]["jobId"]
    found = rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/{job}/route").json
    assert (found["statementType"], found["route"], found["reason"]) == ("SELECT", "ENGINE", "")
    assert rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/none/route").status == 404


def test_pruning_of_a_job(rest: Http) -> None:
    rest.dataset()
    rest.query(
        "CREATE TABLE d.days PARTITION BY day CLUSTER BY n AS SELECT DATE '2026-01-01' + x AS day, x AS n"
        " FROM UNNEST([0, 1, 2]) AS x"
    )

    def pruning(sql: str) -> list[dict[str, Any]]:
        job = rest.query(sql).json["jobReference"]["jobId"]
        found = rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/{job}/pruning").json
        return found["statements"]  # type: ignore[no-any-return]

    [one] = pruning("SELECT n FROM d.days WHERE day > '2026-01-01' AND ABS(n) = 1")
    assert one["tables"] == [
        {
            "table": {"projectId": rest.project, "datasetId": "d", "tableId": "days"},
            "bytesRead": "32",
            "bytesOfBlocksLeftOut": "0",
            "partitions": {"read": 2, "total": 3},
            "scans": [
                [
                    {"column": "day", "filtering": "PRUNES"},
                    {"column": "n", "filtering": "NOT_COMPARABLE"},
                ]
            ],
        }
    ]
    assert [len(found["tables"]) for found in pruning("SELECT 1; SELECT n FROM d.days;")] == [0, 1]
    assert rest.raw("GET", f"/bqsim/v1/projects/{rest.project}/jobs/none/pruning").status == 404


def test_routes_are_counted(rest: Http) -> None:
    before = rest.raw("GET", "/bqsim/v1/routes").json
    rest.query(f"SELECT '{rest.project}'")
    after = rest.raw("GET", "/bqsim/v1/routes").json
    assert after["statements"] == before["statements"] + 1
    assert sum(r["share"] for r in after["routes"].values()) == pytest.approx(1.0)


def test_unknown_pages_are_404(rest: Http) -> None:
    for path in ("/bqsim", "/bqsim/v1/nothing", "/bqsim/v2/health"):
        assert rest.raw("GET", path).status == 404
