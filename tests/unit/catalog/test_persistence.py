"""Every resource reads back from its record as it was."""

from __future__ import annotations

import json

import pytest

from bqsim.catalog.history import DroppedDataset, TableVersion
from bqsim.catalog.persistence import Resource, from_record, key_of, to_record
from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import (
    Dataset,
    RangePartitioning,
    Routine,
    Storage,
    Table,
    TableKind,
    TimePartitioning,
)
from bqsim.types import Field, Mode, TypeKind

RANGE = Field("r", TypeKind.RANGE, range_element=TypeKind.DATE)
TABLE = Table(
    ref=TableRef("p", "d", "t"),
    kind=TableKind.SNAPSHOT,
    fields=(
        Field("a", TypeKind.INT64, Mode.REQUIRED, attributes={"policyTags": {"names": ["x"]}}),
        Field(
            "s", TypeKind.STRUCT, Mode.REPEATED, (Field("r", TypeKind.RANGE, range_element=TypeKind.DATE),)
        ),
        Field("n", TypeKind.NUMERIC, precision=5, scale=0, default="1", collation="und:ci"),
    ),
    created_ms=1,
    modified_ms=2,
    etag="e",
    location="EU",
    version=3,
    storage=Storage("t1", ("c1", "c2", "c4"), 5),
    num_rows=7,
    labels={"k": "v"},
    time_partitioning=TimePartitioning("DAY", "a", 5),
    range_partitioning=RangePartitioning("a", 0, 10, 2),
    require_partition_filter=True,
    clustering=("a",),
    primary_key=("a", "n"),
    base_table=TableRef("p", "d", "base"),
    snapshot_ms=9,
    metadata={"x": [1, {"y": None}]},
)
DATASET = Dataset(DatasetRef("p", "d"), "US", 1, 2, "e", labels={"a": "b"}, metadata={"access": [{"r": 1}]})
ROUTINE = Routine(RoutineRef("p", "d", "f"), 1, 2, "e", "CREATE FUNCTION f() AS (1)", {"language": "SQL"})


@pytest.mark.parametrize(
    "resource",
    [TABLE, DATASET, ROUTINE, TableVersion(TABLE, 5, None), DroppedDataset(DATASET, (TABLE,), (ROUTINE,), 8)],
    ids=lambda r: type(r).__name__,
)
def test_round_trip(resource: Resource) -> None:
    assert from_record(type(resource), to_record(resource)) == resource


def test_a_record_leaves_out_defaults() -> None:
    plain = Table(TableRef("p", "d", "t"), TableKind.TABLE, (), 1, 2, "e", "US")
    assert set(json.loads(to_record(plain))) == {
        "ref", "kind", "fields", "created_ms", "modified_ms", "etag", "location",
    }  # fmt: skip


def test_keys_name_the_resource() -> None:
    assert key_of(TABLE.ref) == "p.d.t" and key_of(DATASET.ref) == "p.d" and key_of(ROUTINE.ref) == "p.d.f"
