"""What limits know of calls."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.gate import Call
from bqsim.sim.limits import Facts, Moment
from bqsim.sim.limits.calls import (
    INSERT_ALL,
    Nowhere,
    described_traits,
    facts_of,
    leaf_columns,
    record_levels,
)

DATASET = "projects/p/datasets/d"
NESTED = [{"name": "a"}, {"name": "r", "fields": [{"name": "b"}, {"name": "s", "fields": [{"name": "c"}]}]}]


class World(Nowhere):
    def traits_of(self, project: str, dataset: str, table: str) -> frozenset[str] | None:
        return frozenset({"partitioned"}) if table == "t" else None


def facts(method: str, resource: str, body: Any = None, **more: Any) -> Facts:
    return facts_of(Call("rest", method, resource, "ann@example.com", body, **more), Moment.CALL, World())


@pytest.mark.parametrize(
    ("resource", "body", "dataset", "table"),
    [
        ("projects", None, "", ""),
        (DATASET, None, "p:d", ""),
        (f"{DATASET}/tables/t$20260101", None, "p:d", "p:d.t"),
        (f"{DATASET}/tables/a%20b", None, "p:d", "p:d.a b"),
        (f"{DATASET}/tables", {"tableReference": {"tableId": "n"}}, "p:d", "p:d.n"),
        ("projects/p/datasets", {"datasetReference": {"datasetId": "new"}}, "p:new", ""),
    ],
)
def test_names(resource: str, body: Any, dataset: str, table: str) -> None:
    found = facts("bigquery.tables.get", resource, body)
    assert (found.dataset, found.table) == (dataset, table)


@pytest.mark.parametrize(
    ("resource", "body", "query", "region"),
    [
        ("projects/p/jobs", {"jobReference": {"location": "EU"}}, {}, "eu"),
        ("projects/p/queries", {"location": "asia-east1"}, {}, "asia-east1"),
        ("projects/p/jobs/j", None, {"location": "EU"}, "eu"),
        ("projects/p/locations/us-east1/sessions/s", None, {}, "us-east1"),
        (DATASET, None, {}, "us"),
    ],
)
def test_regions(resource: str, body: Any, query: dict[str, str], region: str) -> None:
    assert facts("bigquery.jobs.get", resource, body, query=query).region == region


def test_streamed_rows() -> None:
    body = {"rows": [{"json": {"n": 1}}, {"json": {"n": 22}, "insertId": "ab"}], "templateSuffix": "x"}
    found = facts(INSERT_ALL, f"{DATASET}/tables/t", body, size=70)
    assert found.flags == {"insert_id"}
    assert found.table == "p:d.tx"
    sizes = dict(found.sizes)
    assert (sizes["bytes"], sizes["rows"], sizes["row_bytes"]) == (70, 2, 9)
    assert (sizes["insert_id_characters"], sizes["template_tables"]) == (2, 1)
    assert facts(INSERT_ALL, f"{DATASET}/tables/t", {"rows": "no"}).sizes["rows"] == 0


def test_table_resources() -> None:
    body = {"schema": {"fields": NESTED}, "view": {"query": "SELECT 1"}}
    found = facts("bigquery.tables.patch", f"{DATASET}/tables/t", body)
    assert found.flags == {"partitioned"}
    sizes = dict(found.sizes)
    assert (sizes["columns"], sizes["record_levels"], sizes["view_characters"]) == (3, 2, 8)
    ingestion = {"tableReference": {"tableId": "n"}, "timePartitioning": {"type": "DAY"}}
    assert facts("bigquery.tables.insert", f"{DATASET}/tables", ingestion).flags == {
        "partitioned",
        "ingestion_time",
    }


def test_the_size_of_the_head() -> None:
    found = facts("bigquery.jobs.get", "projects/p", headers={"a": "bc"}, query={"x": "y"})
    assert found.sizes["header_bytes"] == len("projects/p") + 7 + 4


def test_shapes_of_schemas() -> None:
    assert (leaf_columns(NESTED), record_levels(NESTED)) == (3, 2)
    assert (leaf_columns(None), record_levels([{"fields": "x"}, 3])) == (0, 1)
    assert described_traits({"rangePartitioning": {"field": "n"}}) == {"partitioned"}
