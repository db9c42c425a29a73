"""What a reader finds good, the engine stores; what it refuses, the engine would refuse too."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError
from bqsim.sql.statements.storage import storage_of, with_storage
from bqsim.sql.statements.writes import Writer
from bqsim.storage.write.rows import ReadRows
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_schema
from bqsim.types.values import fit, python_values

from .writers import REPEATED, P, message, read_protos, table

K = TypeKind
EVEN = {"roundingMode": "ROUND_HALF_EVEN"}
FIELDS = (
    Field("n", K.NUMERIC, precision=5, scale=2),
    Field("e", K.NUMERIC, precision=3, attributes=EVEN),
    Field("b", K.BIGNUMERIC, precision=4, scale=1),
    Field("s", K.STRING, max_length=2),
    Field("y", K.BYTES, Mode.REPEATED, max_length=2),
    Field("q", K.INT64, Mode.REQUIRED),
    Field(
        "r",
        K.STRUCT,
        Mode.REPEATED,
        (Field("x", K.STRING, Mode.REQUIRED, max_length=1), Field("m", K.NUMERIC, precision=2, scale=1)),
    ),
)
NUMBER = P.TYPE_STRING
DESCRIPTOR = message(
    n=NUMBER,
    e=NUMBER,
    b=NUMBER,
    s=P.TYPE_STRING,
    y=(P.TYPE_BYTES, REPEATED),
    q=P.TYPE_INT64,
    r=[message("R", x=P.TYPE_STRING, m=NUMBER)],
)


def near(bound: int) -> st.SearchStrategy[str]:
    """Decimal texts, many of them near ``bound``."""
    close = st.integers(-20, 20).map(lambda n: Decimal(bound) + Decimal(n).scaleb(-3, Context(prec=50)))
    return st.one_of(close, close.map(lambda d: -d), st.decimals(-2000, 2000, places=3)).map(str)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


ROWS = optional(
    n=near(1000),
    e=near(1000),
    b=near(1000),
    s=st.text(max_size=3),
    y=st.lists(st.binary(max_size=3), max_size=2),
    q=st.integers(-(2**63), 2**63 - 1),
    r=st.lists(optional(x=st.text(max_size=2), m=near(10)), max_size=2),
)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    engine = DuckDBEngine(None)
    opened = engine.session()
    yield opened
    opened.close()
    engine.close()


def store(session: Session, rows: ReadRows) -> list[list[Any]]:
    """The rows as the engine stores them, by column."""
    with session.transaction():
        target = with_storage(session, "target", table(*FIELDS))
        Writer(session, target, 1).append(rows.columns, rows.fields)
    try:
        columns = ", ".join(storage_of(target).columns)
        stored = session.query(f"SELECT {columns} FROM target ORDER BY rowid", FIELDS)
        return [python_values(c, f.type) for c, f in zip(stored.columns, FIELDS, strict=True)]
    finally:
        session.drop_table("target")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_the_engine_agrees(session: Session, given_rows: list[dict[str, Any]]) -> None:
    target = table(*FIELDS)
    rows = read_protos(target, DESCRIPTOR, given_rows)
    assert rows.columns.schema == arrow_schema(FIELDS)
    bad = {index for index, _ in rows.errors}
    for index, row in enumerate(given_rows):
        single = read_protos(target, DESCRIPTOR, [row])
        assert bool(single.errors) == (index in bad)
        if index in bad:
            with pytest.raises(BigQueryError):
                store(session, single)
    good = [row for index, row in enumerate(given_rows) if index not in bad]
    if good:
        stored = store(session, read_protos(target, DESCRIPTOR, good))
        assert stored[5] == [row["q"] for row in good]
        assert stored[0] == [fit(Decimal(row["n"]), FIELDS[0]) if "n" in row else None for row in good]
