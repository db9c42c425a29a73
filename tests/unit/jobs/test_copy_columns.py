from __future__ import annotations

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Storage, Table, TableKind
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.jobs.copy_columns import columns_for, shaped
from bqsim.types import Field, Mode, TypeKind

INT, TEXT = TypeKind.INT64, TypeKind.STRING


def record(*names: str, mode: Mode = Mode.NULLABLE) -> Field:
    return Field("r", TypeKind.STRUCT, mode, fields=tuple(Field(n, INT) for n in names))


def table(*fields: Field) -> Table:
    columns = tuple(f"c{i}" for i in range(1, len(fields) + 1))
    storage = Storage("t1", columns, len(columns) + 1)
    return Table(TableRef("p", "d", "t"), TableKind.TABLE, fields, 0, 0, "", "US", storage=storage)


def test_columns_go_to_those_of_their_name() -> None:
    source = table(Field("a", INT), Field("B", TEXT))
    target = table(
        Field("b", TEXT), Field("l", INT, Mode.REPEATED), Field("A", INT), Field("q", INT, Mode.REQUIRED)
    )
    assert columns_for(target, source, {"q": "7"}).columns == ("c2", "[]", "c1", "7")


def test_limits_are_checked_where_they_differ() -> None:
    wide, narrow = Field("t", TEXT, max_length=9), Field("t", TEXT, max_length=3)
    assert columns_for(table(wide), table(wide), {}).columns == ("c1",)
    assert "maximum length 3" in columns_for(table(narrow), table(wide), {}).columns[0]


@pytest.mark.parametrize(
    ("given", "wanted", "value", "expected"),
    [
        (record("a", "b"), record("A", "B"), "{'_1': 1, '_2': 2}", {"_1": 1, "_2": 2}),
        (record("a", "b"), record("b", "a"), "{'_1': 1, '_2': 2}", {"_1": 2, "_2": 1}),
        (record("a"), record("x", "a"), "{'_1': 1}", {"_1": None, "_2": 1}),
        (record("a"), record("x", "a"), "CAST(NULL AS STRUCT(_1 BIGINT))", None),
        (
            record("a", mode=Mode.REPEATED),
            record("x", "a", mode=Mode.REPEATED),
            "[{'_1': 1}, {'_1': 2}]",
            [{"_1": None, "_2": 1}, {"_1": None, "_2": 2}],
        ),
    ],
)
def test_records(given: Field, wanted: Field, value: str, expected: object) -> None:
    engine = DuckDBEngine()
    try:
        assert engine.session().scalar(f"SELECT {shaped(given, wanted, value)}") == expected
    finally:
        engine.close()
