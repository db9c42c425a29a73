from __future__ import annotations

from decimal import Decimal

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.statements.conversions import converted
from bqsim.types import Field, Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse

INT = Field("f", TypeKind.INT64)


def struct(*fields: Field, mode: Mode = Mode.NULLABLE) -> Field:
    return Field("s", TypeKind.STRUCT, mode, fields)


@pytest.mark.parametrize(
    ("old", "new", "value", "expected"),
    [
        (INT, INT, "1", 1),
        (INT, Field("f", TypeKind.NUMERIC), "7::BIGINT", Decimal(7)),
        (INT, Field("f", TypeKind.FLOAT64), "7::BIGINT", 7.0),
        (Field("f", TypeKind.STRING), Field("f", TypeKind.STRING, max_length=9), "'a'", "a"),
        (
            Field("f", TypeKind.INT64, Mode.REPEATED),
            Field("f", TypeKind.FLOAT64, Mode.REPEATED),
            "[1::BIGINT, 2]",
            [1.0, 2.0],
        ),
        (
            struct(INT),
            struct(INT, Field("g", TypeKind.STRING), Field("h", TypeKind.DATE, Mode.REPEATED)),
            "{'_1': 1::BIGINT}",
            {"_1": 1, "_2": None, "_3": []},
        ),
        (
            struct(struct(INT, mode=Mode.REPEATED)),
            struct(struct(Field("f", TypeKind.FLOAT64), mode=Mode.REPEATED)),
            "{'_1': [{'_1': 1::BIGINT}]}",
            {"_1": [{"_1": 1.0}]},
        ),
        (struct(INT), struct(INT, INT), "CAST(NULL AS STRUCT(_1 BIGINT))", None),
    ],
)
def test_values(warehouse: Warehouse, old: Field, new: Field, value: str, expected: object) -> None:
    assert (
        warehouse.session.scalar(f"SELECT {converted('v', old, new)} FROM (SELECT {value} AS v)") == expected
    )


def test_what_cannot_be_converted() -> None:
    with pytest.raises(BigQueryError, match="Changing a column from DATE to JSON"):
        converted("v", Field("f", TypeKind.DATE), Field("f", TypeKind.JSON))
