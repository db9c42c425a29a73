from __future__ import annotations

from typing import Any

import pytest

from bqsim.seeding.literals import labels_literal, partitioning_of_ddl, partitioning_of_ids, text_literal


def _time(unit: str, field: str | None = None) -> dict[str, Any]:
    return {"timePartitioning": {"type": unit} | ({"field": field} if field else {})}


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("day", _time("DAY", "day")),
        ("`day`", _time("DAY", "day")),
        ("DATE(ts)", _time("DAY", "ts")),
        ("DATE(_PARTITIONTIME)", _time("DAY")),
        ("_PARTITIONDATE", _time("DAY")),
        ("TIMESTAMP_TRUNC(ts, HOUR)", _time("HOUR", "ts")),
        ("TIMESTAMP_TRUNC(_PARTITIONTIME, MONTH)", _time("MONTH")),
        ("DATE_TRUNC(day, year)", _time("YEAR", "day")),
        (
            "RANGE_BUCKET(id, GENERATE_ARRAY(0, 100, 10))",
            {"rangePartitioning": {"field": "id", "range": {"start": "0", "end": "100", "interval": "10"}}},
        ),
    ],
)
def test_partition_by(clause: str, expected: dict[str, Any]) -> None:
    ddl = "CREATE TABLE `p.d.t`\n(\n  id INT64\n)\nPARTITION BY {}\n{}OPTIONS(\n  x=1\n);"
    assert partitioning_of_ddl(ddl.format(clause, "")) == expected
    assert partitioning_of_ddl(ddl.format(clause, "CLUSTER BY a, b\n")) == expected


def test_no_partitioning() -> None:
    assert partitioning_of_ddl("CREATE TABLE `p.d.t` (id INT64);") == {}


def test_ids_tell_units_and_ranges() -> None:
    assert partitioning_of_ids("day", "DATE", ["__NULL__", "202601"]) == _time("MONTH", "day")
    assert partitioning_of_ids("_PARTITIONTIME", "TIMESTAMP", ["2026010203"]) == _time("HOUR")
    bounds = partitioning_of_ids("id", "INT64", ["20", "50", "__UNPARTITIONED__"])["rangePartitioning"][
        "range"
    ]
    assert bounds == {"start": "20", "end": "80", "interval": "30"}


def test_literals_of_options() -> None:
    assert text_literal('"a \\"b\\"\\n"') == 'a "b"\n'
    assert text_literal("plain") == "plain"
    assert labels_literal('[STRUCT("team", "sales"), STRUCT("x", "")]') == {"team": "sales", "x": ""}
