from __future__ import annotations

from typing import Any

import pytest

from bqsim.datagen import (
    ColumnSpec,
    DataGenerator,
    Distribution,
    Lengths,
    Sequence,
    SpecError,
    generate,
    read_columns,
    read_schema,
    read_spec,
)
from bqsim.datagen.read import read_column

SCHEMA = [
    {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
    {"name": "email", "type": "STRING"},
    {"name": "total", "type": "NUMERIC"},
    {"name": "placed", "type": "TIMESTAMP"},
    {"name": "ready", "type": "BOOL"},
    {"name": "tags", "type": "STRING", "mode": "REPEATED"},
    {"name": "who", "type": "RECORD", "fields": [{"name": "age", "type": "INT64"}]},
]


def test_every_option_is_read() -> None:
    body = {
        "a": {"null_share": 0.5, "unique": True, "provider": "numerify", "arguments": {"text": "%"}},
        "b": {"values": {"x": 3, "y": 1}, "distinct": 2},
        "c": {"values": [1, 2], "weights": [1, 2]},
        "d": {"min": 1, "max": 5.5, "decimals": 1, "distribution": "normal"},
        "e": {"distribution": {"kind": "lognormal", "mean": 2, "deviation": 3}},
        "f": {"from": "2026-01-01", "to": "2026-02-01"},
        "g": {"sequence": {"start": "2026-01-01", "step": 7}},
        "h": {"sequence": True},
        "i": {"references": "t.c", "relation": "r", "skew": 1.5},
        "j": {"length": 4, "fields": {"k": {"pattern": "##"}}},
        "l": {"length": {"min": 1, "max": 9, "distribution": "poisson", "mean": 3}},
    }
    assert read_columns(body) == {
        "a": ColumnSpec(null_share=0.5, unique=True, provider="numerify", arguments={"text": "%"}),
        "b": ColumnSpec(values=("x", "y"), weights=(3, 1), distinct=2),
        "c": ColumnSpec(values=(1, 2), weights=(1, 2)),
        "d": ColumnSpec(low=1, high=5.5, decimals=1, distribution=Distribution("normal")),
        "e": ColumnSpec(distribution=Distribution("lognormal", 2, 3)),
        "f": ColumnSpec(low="2026-01-01", high="2026-02-01"),
        "g": ColumnSpec(sequence=Sequence("2026-01-01", 7)),
        "h": ColumnSpec(sequence=Sequence()),
        "i": ColumnSpec(references="t.c", relation="r", skew=1.5),
        "j": ColumnSpec(length=Lengths(4, 4), fields={"k": ColumnSpec(pattern="##")}),
        "l": ColumnSpec(length=Lengths(1, 9, "poisson", 3)),
    }


def test_a_whole_specification_gives_rows() -> None:
    tables = {
        "users": {"schema": SCHEMA[:2], "rows": 20, "columns": {"email": {"unique": True}}},
        "orders": {
            "schema": {"fields": SCHEMA[:2]},
            "rows": 50,
            "columns": {"email": {"references": "users.email"}},
        },
    }
    shop = DataGenerator(read_spec({"seed": 9, "locale": "de_DE", "null_share": 0.1, "tables": tables}))
    users = shop.rows("users").column(1).to_pylist()
    orders = shop.rows("orders").column(1)
    assert orders.null_count > 0
    assert set(orders.drop_null().to_pylist()) <= set(users)


@pytest.mark.parametrize("body", [SCHEMA, {"fields": SCHEMA}, {"id": "p:d.t", "schema": {"fields": SCHEMA}}])
def test_a_schema_in_each_of_its_forms(body: Any) -> None:
    assert [f.name for f in read_schema(body)][:2] == ["id", "email"]


WRONG_SPECS: list[tuple[Any, str]] = [
    ([], "an object is wanted"),
    ({"tabels": {}}, "unknown key 'tabels'; did you mean 'tables'?"),
    ({}, "tables: an object of at least one table is wanted"),
    ({"tables": {"t": {"rows": 1}}}, "tables.t: 'schema' is missing"),
    ({"tables": {"t": {"schema": SCHEMA}}}, "tables.t: 'rows' is missing"),
    ({"tables": {"t": {"schema": SCHEMA, "rows": -1}}}, "tables.t.rows: 0 or more rows are wanted"),
    ({"tables": {"t": {"schema": SCHEMA, "rows": "9"}}}, "tables.t.rows: a whole number is wanted, not '9'"),
    (
        {"tables": {"t": {"schema": [], "rows": 1}}},
        "tables.t.schema: a list of the fields of a schema is wanted",
    ),
    (
        {"tables": {"t": {"schema": [{"name": "a", "type": "INTT"}], "rows": 1}}},
        "tables.t.schema: Invalid value for type: INTT is not a valid value",
    ),
    ({"tables": {"t": 1}, "seed": 1.5}, "tables.t: an object is wanted"),
    ({"null_share": 2, "tables": {}}, "null_share: a share from 0 to 1 is wanted, not 2"),
    (
        {"tables": {"t": {"schema": SCHEMA, "rows": 1, "columns": {"id": {"uniqe": True}}}}},
        "tables.t.columns.id: unknown option 'uniqe'; did you mean 'unique'?",
    ),
]


@pytest.mark.parametrize(("body", "message"), WRONG_SPECS)
def test_wrong_specifications_are_told_with_their_path(body: Any, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_spec(body)
    assert str(caught.value) == message


WRONG_VALUES: list[tuple[dict[str, Any], str]] = [
    ({"unique": 1}, "c.unique: true or false is wanted, not 1"),
    ({"distinct": 1.5}, "c.distinct: a whole number is wanted, not 1.5"),
    ({"skew": "high"}, "c.skew: a number is wanted, not 'high'"),
    ({"provider": ""}, "c.provider: a text is wanted, not ''"),
    ({"arguments": []}, "c.arguments: an object of arguments by name is wanted"),
    ({"values": []}, "c.values: a list of values, or an object of their weights, is wanted"),
    ({"values": {"a": "x"}}, "c.values.a: a number is wanted, not 'x'"),
    ({"weights": 1}, "c.weights: a list of numbers is wanted"),
    ({"min": []}, "c.min: a number or a text is wanted, not []"),
    ({"min": 1, "from": 2}, "c: 'from' and its other spelling exclude each other"),
    ({"sequence": {"begin": 1}}, "c.sequence: unknown key 'begin'; it can be start, step"),
    ({"length": {"least": 1}}, "c.length: unknown key 'least'; it can be min, max, distribution, mean"),
    (
        {"distribution": {"kind": "normal", "sigma": 1}},
        "c.distribution: unknown key 'sigma'; it can be kind, mean, deviation",
    ),
    ({"fields": []}, "c.fields: an object of columns by name is wanted"),
]


@pytest.mark.parametrize(("body", "message"), WRONG_VALUES)
def test_wrong_options_are_told(body: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_column(body, "c")
    assert str(caught.value) == message


WRONG_COLUMNS: list[tuple[str, dict[str, Any], str]] = [
    ("emial", {}, "unknown column 'emial'; did you mean 'email'?"),
    ("id", {"null_share": 0.5}, "id: a REQUIRED column has no NULLs"),
    ("tags", {"null_share": 0.5}, "tags: a REPEATED column has no NULLs; a length of 0 is an empty array"),
    ("id", {"null_share": 1.5}, "id: null_share is from 0 to 1"),
    ("id", {"distinct": 0}, "id: distinct is 1 or more"),
    ("id", {"skew": -1}, "id: skew is 0 or more"),
    ("id", {"unique": True, "distinct": 3}, "id: unique and distinct exclude each other"),
    ("id", {"unique": True, "skew": 1}, "id: unique and skew exclude each other"),
    ("id", {"sequence": True, "skew": 1}, "id: sequence and skew exclude each other"),
    ("id", {"sequence": True, "min": 1}, "id: sequence and min and max, from and to exclude each other"),
    ("id", {"provider": "pyint", "values": [1]}, "id: provider and values exclude each other"),
    ("id", {"pattern": "##"}, "id: pattern is not for a column of type INT64"),
    ("id", {"decimals": 1}, "id: decimals is not for a column of type INT64"),
    ("id", {"length": 3}, "id: length is for a REPEATED column"),
    ("id", {"fields": {"a": {}}}, "id: fields is not for a column of type INT64"),
    ("id", {"min": 3, "max": 2}, "id: min 3 is greater than max 2"),
    ("id", {"min": "x"}, "id: Cannot convert value to integer (bad value): x"),
    ("id", {"min": -(2**63), "max": 2**63 - 1}, "id: -9223372036854775808 with 0 decimals is beyond 62 bits"),
    ("id", {"values": [1, "1"]}, "id: value '1' is listed twice"),
    ("id", {"values": ["x"]}, "id: Cannot convert value to integer (bad value): x"),
    ("id", {"values": [1, 2], "unique": True}, "id: 10 different values are wanted, but there are only 2"),
    ("id", {"values": [1, 2], "distinct": 3}, "id: 3 different values are wanted, but there are only 2"),
    ("id", {"values": [1, 2], "weights": [1]}, "id: there are as many weights as values"),
    ("id", {"values": [1, 2], "weights": [0, 0]}, "id: weights are 0 or more, and not all 0"),
    ("id", {"values": [1, 2], "weights": [1, 1], "skew": 1}, "id: weights and skew exclude each other"),
    ("id", {"min": 1, "max": 5, "unique": True}, "id: 10 different values are wanted, but there are only 5"),
    ("id", {"sequence": {"step": 1.5}}, "id: step 1.5 has more than 0 decimals"),
    ("total", {"sequence": {"step": 0.125}}, "total: step 0.125 has more than 2 decimals"),
    ("id", {"sequence": {"start": 2**62}}, "id: 4611686018427387904 with 0 decimals is beyond 62 bits"),
    (
        "placed",
        {"sequence": {"start": "9999-12-31T23:59:58Z"}},
        "placed: 10 different values are wanted, but there are only 2",
    ),
    ("id", {"sequence": {"step": 0}}, "id: the step of a sequence must not be zero"),
    (
        "id",
        {"distribution": "gauss"},
        "id: unknown distribution 'gauss'; it can be uniform, normal, lognormal",
    ),
    ("id", {"distribution": {"kind": "normal", "deviation": -1}}, "id: deviation is 0 or more"),
    (
        "id",
        {"skew": 1, "distinct": 20_000_000, "max": 10**9},
        "id: a skew is over at most 10000000 different values, not 20000000",
    ),
    ("email", {"references": "users"}, "email: references is a table and a column: table.column"),
    ("email", {"relation": "r"}, "email: relation belongs to references"),
    ("email", {"arguments": {"a": 1}}, "email: arguments belong to a provider"),
    ("email", {"pattern": "ü"}, "email: a pattern is of ASCII characters"),
    ("email", {"sequence": True}, "email: sequence is not for a column of type STRING"),
    ("total", {"decimals": 10}, "total: at most 9 decimals fit, not 10"),
    (
        "total",
        {"min": 0.001, "max": 0.002},
        "total: no value with 2 decimals lies between 0.001000000 and 0.002000000",
    ),
    (
        "placed",
        {"from": "2026-01-01", "to": "2025-01-01"},
        "placed: from 2026-01-01 is not before to 2025-01-01",
    ),
    ("placed", {"distribution": "normal"}, "placed: distribution is not for a column of type TIMESTAMP"),
    ("ready", {"min": 0}, "ready: min and max, from and to is not for a column of type BOOL"),
    ("tags", {"length": {"min": 3, "max": 2}}, "tags: a length from 3 to 2 cannot be"),
    (
        "tags",
        {"length": {"distribution": "gauss"}},
        "tags: unknown distribution of lengths 'gauss'; it can be uniform, poisson, geometric",
    ),
    ("who", {"values": [1]}, "who: values is not for a column of type STRUCT"),
    ("who", {"fields": {"agee": {}}}, "who: unknown column 'agee'; did you mean 'age'?"),
    ("who", {"fields": {"age": {"max": "x"}}}, "who.age: Cannot convert value to integer (bad value): x"),
]


@pytest.mark.parametrize(("column", "body", "message"), WRONG_COLUMNS)
def test_columns_that_cannot_be_are_refused(column: str, body: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        generate(read_schema(SCHEMA), 10, columns=read_columns({column: body}))
    assert str(caught.value) == message
