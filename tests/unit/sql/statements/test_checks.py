from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bqsim.engine.duckdb import DuckDBSession
from bqsim.errors import BigQueryError
from bqsim.sql.statements.checks import missing, plain, stored
from bqsim.types import Field, Mode, TypeKind
from tests.unit.sql.warehouse import Warehouse


def field(kind: TypeKind, mode: Mode = Mode.NULLABLE, **more: object) -> Field:
    return Field("f", kind, mode, **more)  # type: ignore[arg-type]


NESTED = Field(
    "s", TypeKind.STRUCT, Mode.REPEATED, (Field("x", TypeKind.STRING, Mode.REQUIRED, max_length=2),)
)


@pytest.fixture
def session(warehouse: Warehouse) -> DuckDBSession:
    return warehouse.session


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (field(TypeKind.INT64), True),
        (field(TypeKind.INT64, Mode.REQUIRED), False),
        (field(TypeKind.INT64, Mode.REPEATED), False),
        (field(TypeKind.STRING, max_length=3), False),
        (field(TypeKind.STRUCT, fields=(field(TypeKind.INT64),)), True),
        (field(TypeKind.STRUCT, fields=(field(TypeKind.INT64, Mode.REQUIRED),)), False),
    ],
)
def test_plain(column: Field, expected: bool) -> None:
    assert plain(column) is expected


@pytest.mark.parametrize(
    ("column", "value", "result"),
    [
        (field(TypeKind.INT64, Mode.REPEATED), "CAST(NULL AS BIGINT[])", []),
        (field(TypeKind.STRING, max_length=2), "'éé'", "éé"),
        (field(TypeKind.STRUCT, fields=(NESTED,)), "{'_1': NULL}", {"_1": []}),
        (NESTED, "[{'_1': 'ab'}]", [{"_1": "ab"}]),
    ],
)
def test_values_that_are_stored(session: DuckDBSession, column: Field, value: str, result: object) -> None:
    assert session.scalar(f"SELECT {stored(column, 'v')} FROM (SELECT {value} AS v)") == result


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (NESTED, "[{'_1': NULL}]", "Required field s.x cannot be null"),
        (
            NESTED,
            "[{'_1': 'abc'}]",
            "Field s.x: STRING(2) has maximum length 2 but got a value with length 3",
        ),
        (NESTED, "[NULL]", "Array cannot have a null element; error in writing field s"),
        (
            field(TypeKind.NUMERIC, precision=3),
            "CAST(1000 AS DECIMAL(38, 9))",
            "Field f: NUMERIC(3) has precision 3 and scale 0"
            " but got a value that is not in range of [-999, 999]",
        ),
    ],
)
def test_values_that_are_not(session: DuckDBSession, column: Field, value: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        session.scalar(f"SELECT {stored(column, 'v')} FROM (SELECT {value} AS v)")
    assert caught.value.message == message


SCALES = st.integers(0, 9).flatmap(lambda s: st.tuples(st.integers(max(s, 1), s + 29), st.just(s)))
NINTHS = st.integers(-(10**38) + 1, 10**38 - 1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCALES, NINTHS | st.integers(-(10**12), 10**12), st.sampled_from(["", "ROUND_HALF_EVEN"]))
@example((38, 9), 10**38 - 1, "")
@example((29, 0), 10**38 - 5 * 10**8, "")
@example((29, 0), 10**38 - 5 * 10**8 - 1, "")
@example((9, 9), 10**9, "")
def test_numerics_of_every_precision(
    session: DuckDBSession, digits: tuple[int, int], ninths: int, mode: str
) -> None:
    precision, scale = digits
    attributes = {"roundingMode": mode} if mode else {}
    column = field(TypeKind.NUMERIC, precision=precision, scale=scale, attributes=attributes)
    with localcontext(prec=80):
        value = Decimal(ninths).scaleb(-9)
        rounding = ROUND_HALF_EVEN if mode else ROUND_HALF_UP
        rounded = value.quantize(Decimal(1).scaleb(-scale), rounding)
        fits = abs(rounded) < Decimal(10) ** (precision - scale)
    sql = f"SELECT {stored(column, 'v')} FROM (SELECT CAST('{value:f}' AS DECIMAL(38, 9)) AS v)"
    if fits:
        assert session.scalar(sql) == rounded
    else:
        with pytest.raises(BigQueryError, match="is not in range of"):
            session.scalar(sql)


def test_missing_values(session: DuckDBSession) -> None:
    assert session.scalar(f"SELECT {missing(field(TypeKind.INT64))}") is None
    assert session.scalar(f"SELECT {missing(field(TypeKind.INT64, Mode.REPEATED))}") == []
    with pytest.raises(BigQueryError, match="Required field f cannot be null"):
        session.scalar(f"SELECT {missing(field(TypeKind.INT64, Mode.REQUIRED))}")
