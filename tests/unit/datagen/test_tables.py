from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.datagen import (
    ColumnSpec,
    DataGenerator,
    DataSpec,
    Distribution,
    Lengths,
    Sequence,
    SpecError,
    TableSpec,
    generate,
)
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_schema
from bqsim.types.values import fit, python_values

SCALARS = [kind for kind in TypeKind if kind not in (TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.RANGE)]


def field(kind: str, name: str = "c", mode: str = "NULLABLE", **more: Any) -> Field:
    return Field(name, TypeKind(kind), Mode(mode), **more)


def values(one: Field, spec: ColumnSpec | None = None, rows: int = 1000, **more: Any) -> list[Any]:
    columns = {} if spec is None else {one.name: spec}
    table = generate([one], rows, columns=columns, **more)
    table.validate(full=True)
    return python_values(table.column(0), one.type)


def ipc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as out:
        for batch in table.combine_chunks().to_batches():
            out.write_batch(batch)
    return sink.getvalue().to_pybytes()


@st.composite
def fields(draw: st.DrawFn, name: str, depth: int = 2) -> Field:
    kind = draw(st.sampled_from([*SCALARS, TypeKind.RANGE] + [TypeKind.STRUCT] * (depth > 0) * 3))
    mode = draw(st.sampled_from(list(Mode)))
    if kind is TypeKind.STRUCT:
        count = draw(st.integers(1, 3))
        nested = tuple(draw(fields(f"n{i}", depth - 1)) for i in range(count))
        return Field(name, kind, mode, nested)
    if kind is TypeKind.RANGE:
        element = draw(st.sampled_from([TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIMESTAMP]))
        return Field(name, kind, mode, range_element=element)
    if kind in (TypeKind.STRING, TypeKind.BYTES):
        return Field(name, kind, mode, max_length=draw(st.none() | st.integers(1, 40)))
    if kind in (TypeKind.NUMERIC, TypeKind.BIGNUMERIC) and draw(st.booleans()):
        scale = draw(st.integers(0, 9))
        whole = draw(st.integers(0 if scale else 1, 29))
        return Field(name, kind, mode, precision=scale + whole, scale=scale)
    return Field(name, kind, mode)


schemas = st.integers(1, 4).flatmap(lambda n: st.tuples(*(fields(f"f{i}") for i in range(n))))


def obeyed(value: Any, one: Field) -> None:
    """The value is one that the field may hold."""
    if one.mode is Mode.REPEATED:
        for item in value:
            obeyed(item, Field(one.name, one.kind, Mode.REQUIRED, one.fields, one.range_element))
    elif value is None:
        assert one.mode is Mode.NULLABLE
    elif one.kind is TypeKind.STRUCT:
        for item, nested in zip(value, one.fields, strict=True):
            obeyed(item, nested)
    elif one.kind is TypeKind.RANGE:
        assert value["start"] < value["end"]
    else:
        assert fit(value, one) == value


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas, st.integers(0, 40), st.integers(0, 2**63 - 1), st.sampled_from([0.0, 0.3, 1.0]))
def test_any_schema_is_filled_as_it_demands(
    schema: tuple[Field, ...], rows: int, seed: int, null_share: float
) -> None:
    table = generate(schema, rows, seed=seed, null_share=null_share)
    table.validate(full=True)
    assert table.schema == arrow_schema(schema)
    assert table.num_rows == rows
    for one, column in zip(schema, table.columns, strict=True):
        for value in python_values(column, one.type):
            obeyed(value, one)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(schemas, st.integers(1, 30), st.integers(1, 30))
def test_rows_do_not_depend_on_batches_count_or_other_columns(
    schema: tuple[Field, ...], rows: int, step: int
) -> None:
    whole = generate(schema, 40, seed=3, null_share=0.2)
    spec = DataSpec((TableSpec("", schema, rows, null_share=0.2),), 3)
    batched = pa.concat_tables(DataGenerator(spec).batches(rows=step))
    assert batched.to_pylist() == whole.slice(0, rows).to_pylist()
    last = generate(schema[-1:], 40, seed=3, null_share=0.2)
    assert last.column(0).to_pylist() == whole.columns[-1].to_pylist()


EVERY = (
    *(field(kind, f"a_{kind.lower()}") for kind in SCALARS),
    field("RANGE", "period", range_element=TypeKind.DATETIME),
    field("STRING", "email"),
    field("STRING", "city", "REPEATED"),
    field("STRUCT", "who", fields=(field("STRING", "name"), field("INT64", "age", "REQUIRED"))),
)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    one, same, other = (
        hashlib.sha256(ipc(generate(EVERY, 3000, seed=seed, null_share=0.1))).digest() for seed in (7, 7, 8)
    )
    assert one == same != other


@pytest.mark.parametrize("kind", ["INT64", "STRING", "NUMERIC", "BOOL", "JSON", "BYTES", "FLOAT64"])
def test_null_share(kind: str) -> None:
    got = values(field(kind), ColumnSpec(null_share=0.25), 20_000, seed=1)
    assert 0.235 < sum(v is None for v in got) / 20_000 < 0.265


def test_null_share_of_structs_and_of_the_whole_table() -> None:
    who = field("STRUCT", fields=(field("INT64", "a"), field("INT64", "b", "REQUIRED")))
    got = values(who, ColumnSpec(null_share=0.5), 10_000, null_share=0.1)
    there = [v for v in got if v is not None]
    assert 0.48 < len(there) / 10_000 < 0.52
    assert 0.08 < sum(v[0] is None for v in there) / len(there) < 0.12
    assert all(v[1] is not None for v in there)


@pytest.mark.parametrize("kind", [k.value for k in SCALARS if k is not TypeKind.BOOL])
def test_distinct_and_unique_of_every_type(kind: str) -> None:
    assert len({repr(v) for v in values(field(kind), ColumnSpec(distinct=50), 5000)}) == 50
    assert len({repr(v) for v in values(field(kind), ColumnSpec(unique=True), 1500)}) == 1500


@pytest.mark.parametrize("element", ["DATE", "DATETIME", "TIMESTAMP"])
def test_unique_ranges(element: str) -> None:
    got = values(field("RANGE", range_element=TypeKind(element)), ColumnSpec(unique=True), 5000)
    assert len({repr(v) for v in got}) == 5000


def test_skew_follows_zipfs_law() -> None:
    got = Counter(values(field("INT64"), ColumnSpec(distinct=100, skew=1.0), 100_000))
    counts = [count for _, count in got.most_common()]
    harmonic = sum(1 / n for n in range(1, 101))
    for rank in (1, 2, 5, 10):
        assert counts[rank - 1] == pytest.approx(100_000 / harmonic / rank, rel=0.06)
    assert len(got) == 100


def test_a_skew_without_a_cardinality_is_over_a_thousand_values() -> None:
    got = Counter(values(field("STRING"), ColumnSpec(skew=1.2), 50_000))
    assert 900 < len(got) <= 1000
    assert got.most_common(1)[0][1] > 8000


def test_categories_come_by_their_weights() -> None:
    spec = ColumnSpec(values=("new", "paid", "lost"), weights=(6, 3, 1))
    got = Counter(values(field("STRING"), spec, 50_000))
    assert {k: round(v / 50_000, 2) for k, v in got.items()} == pytest.approx(
        {"new": 0.6, "paid": 0.3, "lost": 0.1}, abs=0.011
    )


def test_normal_lognormal_and_uniform_numbers() -> None:
    normal = np.array(
        values(field("FLOAT64"), ColumnSpec(distribution=Distribution("normal", 50, 5)), 50_000)
    )
    assert normal.mean() == pytest.approx(50, abs=0.1)
    assert normal.std() == pytest.approx(5, rel=0.02)
    spec = ColumnSpec(distribution=Distribution("lognormal", 2, 0.5))
    logs = np.log(values(field("FLOAT64"), spec, 50_000))
    assert logs.mean() == pytest.approx(2, abs=0.02)
    assert logs.std() == pytest.approx(0.5, rel=0.02)
    dice = Counter(values(field("INT64"), ColumnSpec(low=1, high=6), 60_000))
    assert sorted(dice) == [1, 2, 3, 4, 5, 6]
    assert max(dice.values()) < 10_400 and min(dice.values()) > 9_600
    floats = np.array(values(field("FLOAT64"), ColumnSpec(low=-2, high=3), 20_000))
    assert -2 <= floats.min() < -1.99 and 2.99 < floats.max() <= 3


@pytest.mark.parametrize("kind", ["INT64", "NUMERIC", "BIGNUMERIC", "FLOAT64"])
def test_a_distribution_is_cut_off_and_rounded(kind: str) -> None:
    decimals = None if kind == "INT64" else 1
    spec = ColumnSpec(distribution=Distribution("normal", 0, 10), low=-4, high=12, decimals=decimals)
    got = values(field(kind), spec, 5000)
    assert min(got) == -4 and max(got) == 12
    assert all(round(v, 1) == v for v in got)


def test_decimals_keep_precision_and_scale() -> None:
    got = values(field("NUMERIC", precision=5, scale=5), rows=5000)
    assert min(got) >= 0 and max(got) < 1 and len(set(got)) == 100
    spec = ColumnSpec(distribution=Distribution("normal", 0, 10**9))
    wide = values(field("BIGNUMERIC", precision=7, scale=2), spec, 2000)
    assert max(abs(v) for v in wide) <= 99999.99  # type: ignore[type-var]


def test_times_lie_in_their_range() -> None:
    stamps = values(field("TIMESTAMP"), ColumnSpec(low="2026-03-01T00:00:00Z", high="2026-03-02 00:00:00+00"))
    assert {v.date().isoformat() for v in stamps} == {"2026-03-01"}
    days = values(field("DATE"), ColumnSpec(low="2026-03-01", high="2026-03-08"), 500)
    assert {v.day for v in days} == {1, 2, 3, 4, 5, 6, 7}
    clocks = values(field("TIME"), ColumnSpec(low="09:00:00", high="17:00:00"))
    assert {v.hour for v in clocks} == set(range(9, 17))
    early = values(field("DATETIME"), ColumnSpec(high="1999-01-01T00:00:00"))
    assert {v.year for v in early} <= set(range(1993, 1999))


def test_sequences() -> None:
    assert values(field("INT64"), ColumnSpec(sequence=Sequence(10, -3)), 4) == [10, 7, 4, 1]
    assert [str(v) for v in values(field("NUMERIC"), ColumnSpec(sequence=Sequence("0.5", 0.25)), 3)] == [
        "0.500000000",
        "0.750000000",
        "1.000000000",
    ]
    days = values(field("DATE"), ColumnSpec(sequence=Sequence("2024-02-28", 1)), 3)
    assert [v.isoformat() for v in days] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    ticks = values(field("TIMESTAMP"), ColumnSpec(sequence=Sequence("2026-01-01T00:00:00Z", 0.5)), 3)
    assert [v.microsecond for v in ticks] == [0, 500_000, 0]
    assert values(field("INT64", "id"), rows=3) == [1, 2, 3]


def test_lengths_of_arrays() -> None:
    one = field("INT64", "c", "REPEATED")
    even = Counter(map(len, values(one, ColumnSpec(length=Lengths(1, 4)), 8000)))
    assert sorted(even) == [1, 2, 3, 4] and min(even.values()) > 1800
    poisson = [len(v) for v in values(one, ColumnSpec(length=Lengths(0, 50, "poisson", 5)), 8000)]
    assert np.mean(poisson) == pytest.approx(5, abs=0.1)
    tail = Counter(len(v) for v in values(one, ColumnSpec(length=Lengths(0, 50, "geometric", 2)), 8000))
    assert tail[0] / 8000 == pytest.approx(1 / 3, abs=0.02)
    assert tail[0] > tail[1] > tail[2] > tail[4]


def test_nested_fields_are_told_by_name() -> None:
    line = field("STRUCT", "lines", "REPEATED", fields=(field("INT64", "no"), field("STRING", "sku")))
    spec = ColumnSpec(
        length=Lengths(2, 2),
        fields={"NO": ColumnSpec(sequence=Sequence()), "sku": ColumnSpec(pattern="SKU-##?")},
    )
    rows = values(line, spec, 2)
    assert [[item[0] for item in row] for row in rows] == [[1, 2], [3, 4]]
    assert all(len(item[1]) == 7 and item[1].startswith("SKU-") for row in rows for item in row)


SHOP = DataSpec(
    (
        TableSpec(
            "orders",
            (
                field("INT64", "id"),
                field("STRING", "customer"),
                field("STRING", "place"),
                field("INT64", "first"),
            ),
            20_000,
            {
                "customer": ColumnSpec(references="Customers.Email", relation="who", skew=1.0),
                "place": ColumnSpec(references="customers.city", relation="who", skew=1.0),
                "first": ColumnSpec(references="orders.id", null_share=0.5),
            },
        ),
        TableSpec(
            "customers",
            (field("STRING", "email", "REQUIRED"), field("STRING", "city")),
            200,
            {"email": ColumnSpec(provider="email", unique=True)},
        ),
    ),
    seed=5,
)


def test_foreign_keys_refer_to_rows_that_are_there() -> None:
    shop = DataGenerator(SHOP)
    orders, customers = shop.rows("orders"), shop.rows("CUSTOMERS")
    pairs = set(zip(*(c.to_pylist() for c in customers.columns), strict=True))
    used = Counter(zip(orders.column(1).to_pylist(), orders.column(2).to_pylist(), strict=True))
    assert set(used) <= pairs and len(used) == 200
    assert used.most_common(1)[0][1] == pytest.approx(20_000 / 5.878, rel=0.1)
    assert {v for v in orders.column(3).to_pylist() if v} <= set(range(1, 20_001))


def test_one_to_one_keys() -> None:
    badge = TableSpec(
        "badges",
        (field("STRING", "owner"),),
        200,
        {"owner": ColumnSpec(references="customers.email", unique=True)},
    )
    spec = DataSpec((badge, SHOP.tables[1]), 5)
    assert sorted(DataGenerator(spec).rows().column(0).to_pylist()) == sorted(
        DataGenerator(spec).rows("customers").column(0).to_pylist()
    )


def related(column: ColumnSpec, one: Field, *others: TableSpec) -> DataSpec:
    return DataSpec((TableSpec("t", (one,), 10, {one.name: column}), *others))


def test_bad_references_are_told() -> None:
    customers = SHOP.tables[1]
    with pytest.raises(
        SpecError, match=r"t\.c: refers to unknown table 'customer'; did you mean 'customers'\?"
    ):
        DataGenerator(related(ColumnSpec(references="customer.email"), field("STRING"), customers)).rows()
    with pytest.raises(SpecError, match=r"unknown column of customers 'emial'; did you mean 'email'\?"):
        DataGenerator(related(ColumnSpec(references="customers.emial"), field("STRING"), customers)).rows()
    with pytest.raises(
        SpecError, match=r"is of type INT64 and cannot refer to customers.email of type STRING"
    ):
        DataGenerator(related(ColumnSpec(references="customers.email"), field("INT64"), customers)).rows()
    with pytest.raises(SpecError, match=r"refers to itself: t\.c → t\.c"):
        DataGenerator(related(ColumnSpec(references="t.c"), field("STRING"))).rows()
    with pytest.raises(SpecError, match=r"characters does not fit into 3"):
        DataGenerator(
            related(ColumnSpec(references="customers.email"), field("STRING", max_length=3), customers)
        ).rows()
    empty = TableSpec("empty", (field("INT64", "k"),), 0)
    with pytest.raises(SpecError, match=r"t\.c: refers to a column without values"):
        DataGenerator(
            related(ColumnSpec(references="empty.k"), field("INT64", mode="REQUIRED"), empty)
        ).rows()
    nothing = DataGenerator(related(ColumnSpec(references="empty.k"), field("INT64"), empty)).rows()
    assert nothing.column(0).null_count == 10
    gaps = TableSpec("gaps", (field("INT64", "k"),), 50, null_share=0.5)
    with pytest.raises(SpecError, match=r"a relation needs a column without NULLs: not gaps\.k"):
        DataGenerator(related(ColumnSpec(references="gaps.k", relation="r"), field("INT64"), gaps)).rows()


def test_tables_are_checked() -> None:
    table = SHOP.tables[1]
    for spec, problem in (
        (DataSpec(()), "at least one table"),
        (DataSpec((table, table)), "two tables"),
        (DataSpec((TableSpec("t", (), 1),)), "at least one field"),
        (DataSpec((TableSpec("t", table.fields, -1),)), "0 or more rows"),
        (DataSpec((TableSpec("t", table.fields, 1, null_share=2),)), "null_share is from 0 to 1"),
    ):
        with pytest.raises(SpecError, match=problem):
            DataGenerator(spec)
    with pytest.raises(SpecError, match="unknown table 'order'; did you mean 'orders'"):
        DataGenerator(SHOP).rows("order")
