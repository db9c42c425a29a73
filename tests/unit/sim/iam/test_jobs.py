from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.iam.jobs import job_checks

T = {"datasetId": "d", "tableId": "t$20240101"}
U = {"projectId": "q", "datasetId": "d", "tableId": "u"}


def checks(body: dict[str, Any]) -> list[str]:
    return [f"{c.permission.removeprefix('bigquery.')}@{c.path}" for c in job_checks("p", body)]


def job(**configuration: Any) -> list[str]:
    return checks({"configuration": configuration})


CREATE = "tables.create@projects/p/datasets/d"
FILL = "tables.updateData@projects/p/datasets/d/tables/t"


def test_query_into_a_table() -> None:
    assert job(query={"query": "SELECT 1"}) == []
    assert job(query={"destinationTable": T}) == [CREATE, FILL]
    assert job(query={"destinationTable": T, "createDisposition": "CREATE_NEVER"}) == [FILL]
    assert checks({"query": "SELECT 1"}) == []


def test_load() -> None:
    assert job(load={"destinationTable": T}) == [
        CREATE,
        FILL,
        "tables.update@projects/p/datasets/d/tables/t",
    ]


def test_extract() -> None:
    assert job(extract={"sourceTable": U}) == ["tables.export@projects/q/datasets/d/tables/u"]
    for decorated in ("u$20260101", "u@-1000", "u$20260101@0"):
        source = {**U, "tableId": decorated}
        assert job(extract={"sourceTable": source}) == ["tables.export@projects/q/datasets/d/tables/u"]
    model = {"datasetId": "d", "modelId": "m"}
    assert job(extract={"sourceModel": model}) == ["models.export@projects/p/datasets/d/models/m"]


def test_copy() -> None:
    source = "projects/q/datasets/d/tables/u"
    reads = [f"tables.get@{source}", f"tables.getData@{source}"]
    assert job(copy={"sourceTable": U, "destinationTable": T}) == [*reads, CREATE, FILL]
    assert job(copy={"sourceTables": [U], "destinationTable": T}) == [*reads, CREATE, FILL]
    snapshot = job(copy={"sourceTable": U, "destinationTable": T, "operationType": "SNAPSHOT"})
    assert f"tables.createSnapshot@{source}" in snapshot


def test_reservation() -> None:
    path = "projects/p/locations/us/reservations/r"
    assert job(query={}, reservation=path) == [f"reservations.use@{path}"]
    assert checks({"query": "SELECT 1", "reservation": path}) == [f"reservations.use@{path}"]
    assert job(query={}, reservation="none") == []


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"load": {}},
        {"load": {"destinationTable": {"tableId": "t"}}},
        {"load": {"destinationTable": []}},
        {"copy": {"sourceTables": 5}},
        {"copy": {"sourceTables": [None, {"datasetId": "d"}]}},
        {"extract": {}},
        {"query": 5},
    ],
)
def test_malformed_jobs_are_left_to_the_service(configuration: dict[str, Any]) -> None:
    assert job(**configuration) == []
