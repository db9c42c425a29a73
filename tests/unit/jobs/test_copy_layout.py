from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RangePartitioning, Table, TableKind, TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.jobs.copy_layout import check_alike, check_layout, layout, same_fields
from bqsim.jobs.sources import Rows
from bqsim.types import Field, Mode, TypeKind

FIELDS = (Field("day", TypeKind.DATE), Field("n", TypeKind.INT64))
PLAIN = Table(TableRef("p", "d", "t"), TableKind.TABLE, FIELDS, 0, 0, "", "US")
INGESTION = replace(PLAIN, time_partitioning=TimePartitioning("DAY"))
COLUMN = replace(PLAIN, time_partitioning=TimePartitioning("DAY", "day"))
HOURS = replace(PLAIN, time_partitioning=TimePartitioning("HOUR"))
RANGE = replace(PLAIN, range_partitioning=RangePartitioning("n", 0, 10, 1))
CLUSTERED = replace(PLAIN, clustering=("n",))


def rows(table: Table, partition: str | None = None) -> Rows:
    return Rows(table, None, "", partition)


def test_layouts() -> None:
    found = [layout(t) for t in (PLAIN, INGESTION, COLUMN, RANGE)]
    assert found == ["Non partitioned", "Partitioned", "Column partitioned", "Column partitioned"]


@pytest.mark.parametrize(
    ("source", "target", "partition"),
    [
        (rows(PLAIN), PLAIN, None),
        (rows(PLAIN), INGESTION, None),
        (rows(PLAIN), INGESTION, "20260101"),
        (rows(INGESTION), INGESTION, None),
        (rows(INGESTION, "20260101"), INGESTION, "20260202"),
        (rows(INGESTION, "20260101"), PLAIN, None),
        (rows(COLUMN, "20260101"), COLUMN, "20260101"),
        (rows(replace(COLUMN, time_partitioning=TimePartitioning("DAY", "DAY", 5))), COLUMN, None),
        (rows(CLUSTERED), PLAIN, None),
        (rows(CLUSTERED), replace(CLUSTERED, clustering=("N",)), None),
    ],
)
def test_what_fits(source: Rows, target: Table, partition: str | None) -> None:
    check_layout(source, target, partition)


@pytest.mark.parametrize(
    ("source", "target", "partition", "text"),
    [
        (rows(PLAIN), COLUMN, None, "Failed to copy Non partitioned table to Column partitioned table"),
        (rows(INGESTION), PLAIN, None, "Failed to copy Partitioned table to Non partitioned table"),
        (rows(COLUMN, "20260101"), PLAIN, None, "Failed to copy Column partitioned table"),
        (rows(INGESTION), INGESTION, "20260101", "into one partition"),
        (rows(HOURS), INGESTION, None, "Incompatible table partitioning specification"),
        (rows(PLAIN), CLUSTERED, None, "incompatible clustering fields"),
    ],
)
def test_what_does_not_fit(source: Rows, target: Table, partition: str | None, text: str) -> None:
    with pytest.raises(BigQueryError, match=text):
        check_layout(source, target, partition)


def test_several_sources() -> None:
    check_alike([rows(PLAIN), rows(CLUSTERED)])
    with pytest.raises(BigQueryError, match="same partitioning"):
        check_alike([rows(PLAIN), rows(COLUMN)])
    with pytest.raises(BigQueryError, match="same schema"):
        check_alike([rows(PLAIN), rows(replace(PLAIN, fields=FIELDS[:1]))])


def test_fields_are_the_same_but_for_case_and_description() -> None:
    other = (replace(FIELDS[0], name="DAY", description="x"), FIELDS[1])
    assert same_fields(FIELDS, other)
    assert not same_fields(FIELDS, (FIELDS[0], replace(FIELDS[1], mode=Mode.REPEATED)))
