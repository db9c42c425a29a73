"""What tables may be partitioned and clustered by."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.catalog.layout import check_layout
from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import RangePartitioning, Table, TableKind, TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind

pytestmark = pytest.mark.fidelity(
    "fields:Table: clustering and partitioning",
    "approximated",
    "What is refused is what the service refuses; not all of its texts are known.",
)

FIELDS = (
    Field("n", TypeKind.INT64),
    Field("dt", TypeKind.DATE),
    Field("ts", TypeKind.TIMESTAMP),
    Field("days", TypeKind.DATE, Mode.REPEATED),
    Field("f", TypeKind.FLOAT64),
    Field("s", TypeKind.STRUCT, fields=(Field("x", TypeKind.INT64),)),
)


def table(**layout: Any) -> Table:
    return Table(TableRef("p", "d", "t"), TableKind.TABLE, FIELDS, 0, 0, "", "US", **layout)


@pytest.mark.parametrize(
    "layout",
    [
        {"time_partitioning": TimePartitioning("DAY")},
        {"time_partitioning": TimePartitioning("MONTH", "DT")},
        {"time_partitioning": TimePartitioning("HOUR", "ts"), "clustering": ("n", "dt")},
        {"range_partitioning": RangePartitioning("n", 0, 10_000, 1)},
    ],
)
def test_good_layouts(layout: dict[str, Any]) -> None:
    check_layout(table(**layout))


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        (
            {"time_partitioning": TimePartitioning("DAY", "zz")},
            "The field specified for partitioning cannot be found in the schema.",
        ),
        (
            {"time_partitioning": TimePartitioning("DAY", "s.x")},
            "The field specified for partitioning can only be a top-level field.",
        ),
        (
            {"time_partitioning": TimePartitioning("DAY", "n")},
            "The field specified for partitioning has type INTEGER; it must be of type TIMESTAMP",
        ),
        (
            {"time_partitioning": TimePartitioning("DAY", "days")},
            "The field specified for partitioning has type ARRAY; it must be of type TIMESTAMP",
        ),
        ({"time_partitioning": TimePartitioning("HOUR", "dt")}, "The field dt of type DATE cannot be"),
        ({"time_partitioning": TimePartitioning("DAY", None, -1)}, "Invalid value for timePartitioning"),
        (
            {"range_partitioning": RangePartitioning("f", 0, 10, 1)},
            "The field specified for partitioning has type FLOAT; it must be of type INTEGER.",
        ),
        ({"range_partitioning": RangePartitioning("n", 0, 20_001, 2)}, "Range partitioning has 10001"),
        (
            {
                "time_partitioning": TimePartitioning("DAY"),
                "range_partitioning": RangePartitioning("n", 0, 10, 1),
            },
            "Cannot specify both time partitioning and range partitioning",
        ),
        (
            {"clustering": ("zz",)},
            "The field specified for clustering cannot be found in the schema. Invalid field: zz.",
        ),
        ({"clustering": ("f",)}, "Field f of type FLOAT64 is not supported for clustering."),
        ({"clustering": ("days",)}, "Field days of type ARRAY<DATE> is not supported for clustering."),
        ({"clustering": ("n", "N")}, "Clustering field n is specified more than once."),
        ({"clustering": ("a", "b", "c", "d", "e")}, "Too many clustering fields: 5."),
    ],
)
def test_bad_layouts(layout: dict[str, Any], message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        check_layout(table(**layout))
    assert caught.value.message.startswith(message)
    assert caught.value.error_proto()["reason"] == "invalid"
