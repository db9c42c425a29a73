"""What jobs are charged for."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.refs import JobRef, TableRef
from bqsim.jobs.charges import chain_depth, changed_table, dependents, job_facts, leaf_columns, record_levels
from bqsim.jobs.job import Job, JobType
from bqsim.jobs.places import Places
from bqsim.types import STRING, Field, Mode, TypeKind, field_of

from .conftest import Play, Stack

TARGET = {"projectId": "p", "datasetId": "d", "tableId": "t$20260101"}


def job(type_: JobType, **body: Any) -> Job:
    return Job(JobRef("p", "US", "j"), type_, {type_.value.lower(): body}, "ann@example.com", 0)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("INSERT INTO d.t (n) VALUES (1)", "p:d.t"),
        ("insert d.t select 1", "p:d.t"),
        ("UPDATE `other.d.t` SET n = 1 WHERE TRUE", "other:d.t"),
        ("DELETE FROM my-project.d.t WHERE TRUE", "my-project:d.t"),
        ("DELETE t WHERE TRUE", "p:base.t"),
        ("MERGE INTO d.t USING s ON TRUE WHEN MATCHED THEN DELETE", "p:d.t"),
        ("TRUNCATE TABLE d.t", "p:d.t"),
        ("SELECT 1", None),
        ("INSERT INTO", None),
    ],
)
def test_the_table_that_a_statement_changes(sql: str, table: str | None) -> None:
    found = changed_table(sql, "p", {"datasetId": "base"})
    assert (found.api_name if found is not None else None) == table


def test_a_name_without_dataset_is_of_no_table() -> None:
    assert changed_table("DELETE t WHERE TRUE", "p") is None


def test_facts_of_a_query(play: Play) -> None:
    async def body(stack: Stack) -> None:
        made = job(JobType.QUERY, query="SELECT 'é'", priority="BATCH", destinationTable=TARGET)
        facts = job_facts(made, stack.catalog, sandbox=True)
        assert facts.flags == {"on_demand", "sandbox", "batch", "writes"}
        assert (facts.table, facts.region, facts.statement_type) == ("p:d.t", "us", "SELECT")
        assert dict(facts.sizes) == {"characters": 10, "unresolved_bytes": 11, "parameters": 0}

    play(body)


def test_who_has_a_reservation_does_not_pay_on_demand(play: Play) -> None:
    async def body(stack: Stack) -> None:
        made = job(JobType.QUERY, query="SELECT 1", priority="BATCH")
        assert job_facts(made, stack.catalog, reserved=True).flags == {"batch"}

    play(body)


def test_facts_of_extracts(play: Play) -> None:
    async def body(stack: Stack) -> None:
        made = job(JobType.EXTRACT, sourceTable=TARGET, destinationUris=["gs://b/1*", "gs://b/2*"])
        facts = job_facts(made, stack.catalog)
        assert (facts.job_type, dict(facts.sizes)) == ("EXTRACT", {"wildcard_uris": 2})
        made = job(JobType.EXTRACT, sourceTable=TARGET, destinationUri="gs://b/1")
        assert dict(job_facts(made, stack.catalog).sizes) == {"wildcard_uris": 0}

    play(body)


def test_facts_of_copies(play: Play) -> None:
    async def body(stack: Stack) -> None:
        await stack.ok("CREATE TABLE d.t (n INT64)")
        await stack.ok("CREATE SNAPSHOT TABLE d.s CLONE d.t")
        source = {"projectId": "p", "datasetId": "d", "tableId": "s@-1000"}
        made = job(JobType.COPY, sourceTable=source, destinationTable=TARGET, operationType="SNAPSHOT")
        facts = job_facts(made, stack.catalog)
        assert {"snapshot", "writes"} <= facts.flags
        assert dict(facts.sizes) == {"sources": 1, "chain_depth": 2, "dependents": 1}
        assert chain_depth(TableRef("p", "d", "s"), stack.catalog) == 1
        assert dependents(TableRef("p", "d", "t"), stack.catalog) == 1

    play(body)


def test_places(play: Play) -> None:
    async def body(stack: Stack) -> None:
        await stack.ok("CREATE SCHEMA far OPTIONS (location = 'EU')", location="EU")
        await stack.ok("CREATE TABLE far.t (d DATE) PARTITION BY d", location="EU")
        places = Places(stack.catalog, "US")
        assert [places.region_of("p", name) for name in ("far", "none", None)] == ["eu", "us", "us"]
        assert places.traits_of("p", "far", "t") == frozenset({"partitioned"})
        assert places.traits_of("p", "far", "none") is None

    play(body)


def test_shapes() -> None:
    inner = Field("r", TypeKind.STRUCT, Mode.NULLABLE, fields=(field_of("a", STRING), field_of("b", STRING)))
    fields = (field_of("n", STRING), inner)
    assert (leaf_columns(fields), record_levels(fields)) == (3, 1)
