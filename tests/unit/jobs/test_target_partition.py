from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RangePartitioning, Storage, Table, TableKind, TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.jobs.config import Target
from bqsim.jobs.target_partition import check_partition, check_partitioning, specification
from bqsim.types import Field, TypeKind

REF = TableRef("p", "d", "t")
FIELDS = (Field("day", TypeKind.DATE), Field("n", TypeKind.INT64))
DAY, MONTH = TimePartitioning("DAY", "day"), TimePartitioning("MONTH", "day")
TENS = RangePartitioning("n", 0, 100, 10)


def table(
    time: TimePartitioning | None = None,
    by_range: RangePartitioning | None = None,
    clustering: tuple[str, ...] = (),
) -> Table:
    return Table(
        REF,
        TableKind.TABLE,
        FIELDS,
        1,
        1,
        "e",
        "US",
        time_partitioning=time,
        range_partitioning=by_range,
        clustering=clustering,
        storage=Storage("t1", ("c1", "c2"), 3),
    )


def test_specifications() -> None:
    assert specification(None, None, ()) == "none"
    assert specification(DAY, None, ("n",)) == "interval(type:day,field:day) clustering(n)"
    assert specification(TimePartitioning("HOUR"), None, ()) == "interval(type:hour)"
    assert specification(None, TENS, ()) == "range(field:n,start:0,end:100,interval:10)"


def test_another_partitioning_is_refused() -> None:
    check_partitioning(table(DAY), Target(REF))
    check_partitioning(table(DAY), Target(REF, time_partitioning=TimePartitioning("DAY", "DAY", 5)))
    check_partitioning(table(DAY, clustering=("n",)), Target(REF, time_partitioning=DAY))
    for target in (Target(REF, time_partitioning=MONTH), Target(REF, range_partitioning=TENS)):
        with pytest.raises(BigQueryError, match="Expects partitioning specification interval"):
            check_partitioning(table(DAY), target)
    with pytest.raises(BigQueryError, match="none, but input partitioning specification is clustering"):
        check_partitioning(table(), Target(REF, clustering=("n",)))


@pytest.mark.parametrize(
    ("time", "by_range", "partition", "message"),
    [
        (DAY, None, "__UNPARTITIONED__", "Cannot write to the partition __UNPARTITIONED__"),
        (TimePartitioning("DAY"), None, "__NULL__", "Invalid partition __NULL__"),
        (DAY, None, "2026", "Invalid date partition format"),
        (None, TENS, "15", "Invalid partition id 15"),
        (None, None, "15", "not partitioned"),
    ],
)
def test_decorators_that_name_no_partition(
    time: TimePartitioning | None, by_range: RangePartitioning | None, partition: str, message: str
) -> None:
    with pytest.raises(BigQueryError, match=message):
        check_partition(table(time, by_range), Target(REF, partition=partition))


def test_decorators_that_do() -> None:
    check_partition(table(DAY), Target(REF, partition="20260101"))
    check_partition(table(DAY), Target(REF, partition="__NULL__"))
    check_partition(table(None, TENS), Target(REF, partition="20"))
    check_partition(table(), Target(REF))
