"""Changes of rows by their keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import ChangeLog, Dataset, Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.statements.claims import Claims
from bqsim.sql.statements.storage import storage_of
from bqsim.sql.statements.writes import Writer, created, finish_creation, writing
from bqsim.storage.errors import StorageFailure
from bqsim.storage.write import cdc
from bqsim.storage.write.cdc import DELETED_US, ChangeMode, apply_changes, change_errors, change_mode
from bqsim.storage.write.rows import ReadRows
from bqsim.types import Field, TypeKind
from bqsim.types.values import table_from_rows
from tests.unit.sql.warehouse import Warehouse, clear, new_warehouse

REF = TableRef("p", "d", "t")
UPSERT, DELETE = "UPSERT", "DELETE"


@pytest.fixture(scope="module")
def shared() -> Iterator[Warehouse]:
    warehouse = new_warehouse()
    yield warehouse
    warehouse.session.close()
    warehouse.engine.close()
    warehouse.googlesql.close()


@pytest.fixture
def warehouse(shared: Warehouse) -> Warehouse:
    clear(shared)
    return shared


def read(
    fields: Sequence[Field],
    rows: Sequence[Sequence[Any]],
    types: Sequence[str | None],
    numbers: Sequence[str | None] | None = None,
    missing: Mapping[str, Sequence[bool]] | None = None,
) -> ReadRows:
    return ReadRows(
        columns=table_from_rows(fields, rows),
        fields=tuple(fields),
        missing={name: np.array(flags) for name, flags in (missing or {}).items()},
        errors=(),
        change_types=list(types),
        sequence_numbers=None if numbers is None else list(numbers),
        num_rows=len(rows),
    )


def insert(writer: Writer, rows: ReadRows) -> int:
    return writer.append(rows.columns, rows.fields)


def apply(
    warehouse: Warehouse,
    rows: Sequence[Sequence[Any]],
    types: Sequence[str | None],
    numbers: Sequence[str | None] | None = None,
    session: Session | None = None,
) -> Writer:
    """Apply changes of whole rows to table ``t``."""
    catalog, claims = warehouse.catalog, warehouse.executor.claims
    with writing(catalog, claims, session or warehouse.session, REF) as writer:
        apply_changes(writer, read(writer.table.fields, rows, types, numbers), defaults={}, insert=insert)
    return writer


def log_of(table: Table) -> ChangeLog:
    log = storage_of(table).changes
    assert log is not None
    return log


def test_the_published_example(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64, name STRING, salary INT64, PRIMARY KEY (id) NOT ENFORCED)")
    warehouse.run("INSERT INTO t VALUES (100, 'Charlie', 2000), (101, 'Tal', 3000), (102, 'Lee', 5000)")
    rows: list[list[Any]] = [[100, None, None], [101, "Tal", 8000], [105, "Izumi", 6000]]
    writer = apply(warehouse, rows, [DELETE, UPSERT, UPSERT])
    expected = [[101, "Tal", 8000], [102, "Lee", 5000], [105, "Izumi", 6000]]
    assert warehouse.rows("SELECT * FROM t ORDER BY id") == expected
    assert (writer.inserted, writer.removed) == (2, 2)
    assert warehouse.table("t").num_rows == 3


def test_the_last_change_of_a_key_in_a_batch_wins(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    rows: list[list[Any]] = [[1, "a"], [2, "b"], [1, "c"], [2, None], [3, "d"], [3, "e"]]
    apply(warehouse, rows, [UPSERT, UPSERT, UPSERT, DELETE, DELETE, UPSERT])
    assert warehouse.rows("SELECT * FROM t ORDER BY id") == [[1, "c"], [3, "e"]]
    apply(warehouse, [[1, "f"]], [UPSERT])
    apply(warehouse, [[1, "g"], [9, None]], [UPSERT, DELETE])
    assert warehouse.rows("SELECT * FROM t ORDER BY id") == [[1, "g"], [3, "e"]]
    assert warehouse.table("t").num_rows == 2


# Pairs of the published comparison examples: the second is the later one.
ORDERED = [
    ("77", "7B"),
    ("FFF/B", "FFF/ABC"),
    ("BA/FFFFFFFF", "ABC"),
    ("ABC", "FFF/ABC"),
    ("0/0/0/0", "0/0/0/1"),
    ("7fffffffffffffff", "FFFFFFFFFFFFFFFF"),
    ("a", "B"),
    ("1", "1/1"),
]


@pytest.mark.parametrize(("low", "high"), ORDERED)
def test_sequence_numbers_compare_by_sections(warehouse: Warehouse, low: str, high: str) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "high"], [1, "low"]], [UPSERT, UPSERT], [high, low])
    assert warehouse.rows("SELECT v FROM t") == [["high"]]
    apply(warehouse, [[1, "late"]], [UPSERT], [low])
    assert warehouse.rows("SELECT v FROM t") == [["high"]]
    apply(warehouse, [[1, "again"]], [UPSERT], [high])
    assert warehouse.rows("SELECT v FROM t") == [["again"]]


def test_equal_numbers_are_ordered_by_arrival(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"], [1, "b"]], [UPSERT, UPSERT], ["1", "1/0/0/0"])
    assert warehouse.rows("SELECT v FROM t") == [["b"]]


def test_a_change_that_comes_too_late_after_a_delete_is_ignored(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, None]], [DELETE], ["5"])
    version = warehouse.table("t").version
    apply(warehouse, [[1, "late"], [2, "new"]], [UPSERT, UPSERT], ["4", "4"])
    assert warehouse.rows("SELECT * FROM t") == [[2, "new"]]
    apply(warehouse, [[1, "back"]], [UPSERT], ["6"])
    assert warehouse.rows("SELECT * FROM t ORDER BY id") == [[1, "back"], [2, "new"]]
    assert warehouse.table("t").version > version


def test_a_batch_of_which_nothing_applies_makes_no_version(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"]], [UPSERT], ["5"])
    before = warehouse.table("t")
    writer = apply(warehouse, [[1, "b"], [7, None]], [UPSERT, DELETE], ["4", "1"])
    assert (writer.inserted, writer.removed) == (0, 0)
    assert warehouse.table("t") == before


def test_changes_without_a_number_come_before_those_with_one(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "numbered"], [1, "plain"]], [UPSERT, UPSERT], ["0", None])
    assert warehouse.rows("SELECT v FROM t") == [["numbered"]]
    apply(warehouse, [[1, "plain"]], [UPSERT])
    assert warehouse.rows("SELECT v FROM t") == [["numbered"]]
    apply(warehouse, [[2, "plain"]], [UPSERT])
    apply(warehouse, [[2, "numbered"]], [UPSERT], ["0"])
    assert warehouse.rows("SELECT v FROM t ORDER BY id") == [["numbered"], ["numbered"]]


def test_the_number_of_a_deleted_key_is_forgotten_in_the_end(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, None], [2, "kept"]], [DELETE, UPSERT], ["5", "5"])
    now = warehouse.catalog.clock.now_us()
    monkeypatch.setattr(warehouse.catalog.clock, "now_us", lambda: now + DELETED_US + 60_000_000)
    apply(warehouse, [[1, "old"], [2, "old"]], [UPSERT, UPSERT], ["4", "4"])
    assert warehouse.rows("SELECT v FROM t ORDER BY id") == [["old"], ["kept"]]


KEYS: list[tuple[str, Any, Any]] = [
    ("INT64", -(2**63), 2**63 - 1),
    ("STRING", "", "é\x00'"),
    ("BYTES", b"\x00\xff", b""),
    ("BOOL", True, False),
    ("NUMERIC", Decimal("0.000000001"), Decimal(10) ** 28),
    ("BIGNUMERIC", Decimal("-1E-38"), Decimal(5) * 10**37),
    ("DATE", dt.date(1, 1, 1), dt.date(9999, 12, 31)),
    ("DATETIME", dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)),
    ("TIMESTAMP", dt.datetime(1, 1, 1, tzinfo=dt.UTC), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),
]


@pytest.mark.parametrize(("sql_type", "one", "other"), KEYS, ids=[k[0] for k in KEYS])
@pytest.mark.parametrize("numbers", [None, ["1", "1", "1"]], ids=["plain", "numbered"])
def test_keys_of_every_type(
    warehouse: Warehouse, sql_type: str, one: Any, other: Any, numbers: list[str] | None
) -> None:
    warehouse.run(f"CREATE TABLE t (id {sql_type} PRIMARY KEY NOT ENFORCED, v INT64)")
    rows = [[one, 1], [other, 2], [None, 3]]
    apply(warehouse, rows, [UPSERT] * 3, numbers)
    apply(warehouse, [[k, v + 10] for k, v in rows], [UPSERT, DELETE, UPSERT], numbers)
    assert warehouse.rows("SELECT v FROM t ORDER BY v") == [[11], [13]]


def test_keys_of_several_columns_and_nulls(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (v INT64, a STRING, b INT64, PRIMARY KEY (b, a) NOT ENFORCED)")
    apply(warehouse, [[1, "x", 1], [2, "x", None], [3, None, None], [4, "y", 1]], [UPSERT] * 4, ["1"] * 4)
    apply(warehouse, [[5, "x", None], [6, None, None]], [UPSERT, DELETE], ["2"] * 2)
    assert warehouse.rows("SELECT v FROM t ORDER BY v") == [[1], [4], [5]]


def test_no_rows_change_nothing(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    before = warehouse.table("t")
    apply(warehouse, [], [])
    assert warehouse.table("t") == before


def test_keys_are_compared_as_they_are_stored(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id NUMERIC(10, 2) NOT NULL, v INT64, PRIMARY KEY (id) NOT ENFORCED)")
    apply(warehouse, [[Decimal("1.004"), 1], [Decimal("1.0"), 2]], [UPSERT, UPSERT], ["1", "1"])
    assert warehouse.rows("SELECT * FROM t") == [[Decimal("1.00"), 2]]
    with pytest.raises(BigQueryError, match="Required field id cannot be null"):
        apply(warehouse, [[None, 1]], [DELETE])


def test_a_delete_needs_no_more_than_the_key(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 NOT NULL, v STRING NOT NULL, PRIMARY KEY (id) NOT ENFORCED)")
    warehouse.run("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
    fields = warehouse.table("t").fields[:1]
    with writing(warehouse.catalog, warehouse.executor.claims, warehouse.session, REF) as writer:
        apply_changes(writer, read(fields, [[1]], [DELETE]), defaults={}, insert=insert)
    assert warehouse.rows("SELECT * FROM t") == [[2, "b"]]


def test_missing_key_values_are_their_defaults(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t (id INT64 DEFAULT 7, b STRING DEFAULT 'x', v INT64, PRIMARY KEY (id, b) NOT ENFORCED)"
    )
    table = warehouse.table("t")
    defaults = warehouse.executor.defaults(warehouse.session, table, table.fields)
    rows = read([table.fields[0], table.fields[2]], [[None, 1], [7, 2], [8, 3], [None, 4]], [UPSERT] * 4)
    rows = replace(rows, missing={"id": np.array([True, False, False, True])})
    seen: list[ReadRows] = []
    with writing(warehouse.catalog, warehouse.executor.claims, warehouse.session, REF) as writer:
        apply_changes(writer, rows, defaults=defaults, insert=lambda _, taken: seen.append(taken))
    (taken,) = seen
    assert taken.columns.column(1).to_pylist() == [3, 4]
    assert taken.missing["id"].tolist() == [False, True]
    assert (taken.num_rows, taken.change_types, taken.sequence_numbers) == (2, None, None)


def test_dml_that_mutates_is_refused_after_upserts(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"]], [UPSERT])
    refusal = "DELETE/UPDATE/MERGE DMLs are currently not supported over tables that had UPSERT streams."
    for sql in (
        "UPDATE t SET v = 'b' WHERE TRUE",
        "DELETE FROM t WHERE TRUE",
        "MERGE t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
    ):
        assert warehouse.error(sql) == refusal
    warehouse.run("INSERT INTO t VALUES (2, 'b')")
    apply(warehouse, [[2, "c"]], [UPSERT])
    assert warehouse.rows("SELECT v FROM t ORDER BY id") == [["a"], ["c"]]


def test_truncate_forgets_the_numbers(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"]], [UPSERT], ["9"])
    warehouse.run("TRUNCATE TABLE t")
    apply(warehouse, [[1, "b"]], [UPSERT], ["1"])
    assert warehouse.rows("SELECT v FROM t") == [["b"]]


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_truncate_in_a_transaction(warehouse: Warehouse, end: str) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"]], [UPSERT], ["9"])
    warehouse.script(f"BEGIN TRANSACTION; TRUNCATE TABLE t; INSERT INTO t VALUES (2, 'c'); {end} TRANSACTION")
    apply(warehouse, [[1, "b"]], [UPSERT], ["1"])
    expected = [["b"], ["c"]] if end == "COMMIT" else [["a"]]
    assert warehouse.rows("SELECT v FROM t ORDER BY id") == expected


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE OR REPLACE TABLE t CLONE t",
        "CREATE OR REPLACE TABLE t COPY t",
        "CREATE OR REPLACE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING) AS SELECT * FROM t",
    ],
)
def test_a_table_in_its_place_starts_anew(warehouse: Warehouse, sql: str) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    apply(warehouse, [[1, "a"]], [UPSERT], ["9"])
    warehouse.run("CREATE TABLE s CLONE t" if "CLONE t" in sql else "CREATE TABLE s COPY t")
    warehouse.run(sql.replace("CLONE t", "CLONE s").replace("COPY t", "COPY s"))
    assert storage_of(warehouse.table("t")).changes is None
    warehouse.run("UPDATE t SET v = 'b' WHERE TRUE")


def test_changes_of_the_schema_keep_the_numbers(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (v STRING, id INT64 PRIMARY KEY NOT ENFORCED, w INT64)")
    apply(warehouse, [["a", 1, 1]], [UPSERT], ["5"])
    warehouse.run("ALTER TABLE t RENAME COLUMN id TO key")
    warehouse.run("ALTER TABLE t ADD COLUMN more INT64")
    warehouse.run("ALTER TABLE t DROP COLUMN v")
    warehouse.run("ALTER TABLE t ALTER COLUMN w SET DATA TYPE NUMERIC")
    apply(warehouse, [[1, None, None]], [UPSERT], ["4"])
    assert warehouse.rows("SELECT key, w, more FROM t") == [[1, Decimal(1), None]]
    apply(warehouse, [[1, None, 6]], [UPSERT], ["6"])
    assert warehouse.rows("SELECT key, w, more FROM t") == [[1, None, 6]]
    warehouse.run("ALTER TABLE t ALTER COLUMN key SET DATA TYPE NUMERIC")
    assert log_of(warehouse.table("t")).columns == ()
    apply(warehouse, [[Decimal("1.5"), None, 1], [Decimal(1), None, 7]], [UPSERT] * 2, ["1", "1"])
    assert warehouse.rows("SELECT more FROM t ORDER BY more") == [[1], [7]]


def test_another_key_begins_another_log(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (a INT64, b STRING, PRIMARY KEY (a) NOT ENFORCED)")
    apply(warehouse, [[1, "x"]], [UPSERT], ["5"])
    warehouse.run("ALTER TABLE t DROP PRIMARY KEY")
    warehouse.run("ALTER TABLE t ADD PRIMARY KEY (b) NOT ENFORCED")
    apply(warehouse, [[2, "x"], [3, "y"]], [UPSERT, UPSERT], ["1", "1"])
    assert warehouse.rows("SELECT * FROM t ORDER BY b") == [[2, "x"], [3, "y"]]


def test_a_rolled_back_batch_leaves_nothing(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    before = warehouse.table("t")
    catalog, claims = warehouse.catalog, warehouse.executor.claims
    with (
        pytest.raises(ZeroDivisionError),
        writing(catalog, claims, warehouse.session, REF) as writer,
    ):
        apply_changes(writer, read(before.fields, [[1, "a"]], [UPSERT], ["9"]), defaults={}, insert=insert)
        raise ZeroDivisionError
    assert warehouse.table("t") == before
    apply(warehouse, [[1, "b"]], [UPSERT], ["1"])
    assert warehouse.rows("SELECT v FROM t") == [["b"]]


def test_batches_of_one_transaction(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v STRING)")
    with writing(warehouse.catalog, warehouse.executor.claims, warehouse.session, REF) as writer:
        for value, kind, number in (("a", UPSERT, "1"), ("b", UPSERT, "3"), ("c", DELETE, "2")):
            rows = read(writer.table.fields, [[1, value]], [kind], [number])
            apply_changes(writer, rows, defaults={}, insert=insert)
    assert warehouse.rows("SELECT * FROM t") == [[1, "b"]]
    assert warehouse.table("t").num_rows == 1


def test_joined_batches_keep_their_order() -> None:
    fields = [Field("id", TypeKind.INT64), Field("v", TypeKind.STRING)]
    first = read(fields, [[1, "a"], [2, None]], [UPSERT, DELETE], missing={"v": [False, True]})
    second = read(fields, [[1, "b"]], [UPSERT], ["5"])
    assert cdc.joined([first]) is first
    both = cdc.joined([first, second, first])
    assert both.columns.column(0).to_pylist() == [1, 2, 1, 1, 2]
    assert both.missing["v"].tolist() == [False, True, False, False, True]
    assert both.change_types == [UPSERT, DELETE, UPSERT, UPSERT, DELETE]
    assert both.sequence_numbers == [None, None, "5", None, None]
    assert both.num_rows == 5
    assert cdc.joined([first, first]).sequence_numbers is None


def test_the_watermark_is_that_of_the_last_change(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED)")
    sql = "SELECT upsert_stream_apply_watermark FROM d.INFORMATION_SCHEMA.TABLES"
    assert warehouse.rows(sql) == [[None]]
    apply(warehouse, [[1]], [UPSERT])
    assert warehouse.rows(sql) != [[None]]


def test_the_log_goes_with_the_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED)")
    apply(warehouse, [[1]], [UPSERT])
    names = storage_of(warehouse.table("t")).engine_tables
    assert len(names) == 2
    warehouse.run("DROP TABLE t")
    with warehouse.catalog.change(warehouse.session) as change:
        assert set(change.forget(change.time_us + 1)) >= set(names)


def test_numbers_survive_a_restart(tmp_path: Path) -> None:
    for number, value in (("5", 1), ("4", 2), ("6", 3)):
        clock = RealClock()
        catalog, engine = Catalog(clock, Draws(1), projects=["p"]), DuckDBEngine(tmp_path, threads=1)
        catalog.load(engine.metadata())
        session = engine.session()
        if catalog.find_table(REF) is None:
            _create(catalog, session)
        with writing(catalog, Claims(), session, REF) as writer:
            rows = read(writer.table.fields, [[1, value]], [UPSERT], [number])
            apply_changes(writer, rows, defaults={}, insert=insert)
        table = storage_of(catalog.table(REF)).engine_table
        live = session.query(f"SELECT c2 FROM {table} WHERE _end IS NULL", [Field("v", TypeKind.INT64)])
        assert live.column(0).to_pylist() == [1 if number == "4" else value]
        assert catalog.next_engine_table() == "t2"
        session.close()
        engine.close()


def _create(catalog: Catalog, session: DuckDBSession) -> None:
    dataset = Dataset(REF.dataset_ref, "US", 0, 0, "etag")
    fields = (Field("id", TypeKind.INT64), Field("v", TypeKind.INT64))
    table = Table(REF, TableKind.TABLE, fields, 0, 0, "etag", "US", primary_key=("ID",))
    with catalog.change(session) as change:
        change.put_dataset(dataset)
        finish_creation(change, created(catalog, session, change, table))


# Pseudo columns


def _pseudo(types: Sequence[str | None], numbers: Sequence[str | None] | None = None) -> ReadRows:
    return read([], [[]] * len(types), types, numbers)


def test_the_first_row_sets_the_mode() -> None:
    assert change_mode(_pseudo(["DELETE", None])) is ChangeMode.UPSERT
    assert change_mode(_pseudo([None, "UPSERT"])) is ChangeMode.INSERT
    assert change_mode(replace(_pseudo(["x"]), change_types=None)) is ChangeMode.INSERT
    assert change_mode(replace(_pseudo([]), num_rows=0)) is None


def test_words_of_the_other_mode_are_row_errors() -> None:
    text = "The given value is not a valid CHANGE_TYPE"
    found = change_errors(_pseudo(["INSERT", None, "", "UPSERT", "upsert"]), ChangeMode.INSERT)
    assert found == [(3, f"{text} in insert mode: UPSERT"), (4, f"{text}: upsert")]
    found = change_errors(_pseudo(["UPSERT", "INSERT", None, "DELETE", "x"]), ChangeMode.UPSERT)
    assert found == [
        (1, f"{text} in upsert mode: INSERT"),
        (2, f"{text} in upsert mode: UNSPECIFIED"),
        (4, f"{text}: x"),
    ]


def test_sequence_numbers_have_a_form() -> None:
    good = ["0", "ffffFFFF00000000", "1/2/3/4", "0/0/0/0", None]
    assert change_errors(_pseudo([UPSERT] * len(good), good), ChangeMode.UPSERT) == []
    bad = ["", "/", "1/", "/1", "1//2", "g", "12345678901234567", "1/2/3/4/5", "-1", "0x1", " 1", "1\n", "é"]
    found = change_errors(_pseudo([UPSERT] * len(bad), bad), ChangeMode.UPSERT)
    assert [i for i, _ in found] == list(range(len(bad)))
    assert found[4][1].startswith("The given value is not a valid CHANGE_SEQUENCE_NUMBER: 1//2.")


def test_a_table_without_a_key_takes_no_upserts(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (id INT64)")
    with pytest.raises(StorageFailure, match="required to create an upsert stream") as caught:
        cdc.check_upserts(warehouse.table("t"))
    assert caught.value.status == "INVALID_ARGUMENT"
    with pytest.raises(StorageFailure, match="more than 16 columns"):
        cdc.check_upserts(replace(warehouse.table("t"), primary_key=tuple(f"c{i}" for i in range(17))))
    cdc.check_upserts(replace(warehouse.table("t"), primary_key=("id",)))
    assert cdc.arrow_refused().status == "INVALID_ARGUMENT"


# A model: what a dictionary would do.

_numbers = st.none() | st.lists(st.integers(0, 3), min_size=1, max_size=4).map(
    lambda sections: "/".join(f"{n:x}" for n in sections)
)
_change = st.tuples(st.integers(0, 4), st.sampled_from([UPSERT, UPSERT, DELETE]), _numbers)
_batches = st.lists(st.lists(_change, min_size=1, max_size=8), min_size=1, max_size=6)


def _order(number: str | None) -> tuple[int, ...]:
    if number is None:
        return (-1,)
    sections = [int(s, 16) for s in number.split("/")]
    return (*sections, *[0] * (4 - len(sections)))


@given(_batches)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_random_changes_end_as_in_a_dictionary(
    shared: Warehouse, batches: list[list[tuple[int, str, str | None]]]
) -> None:
    shared.run("CREATE OR REPLACE TABLE t (id INT64 PRIMARY KEY NOT ENFORCED, v INT64)")
    applied: dict[int, tuple[int, ...]] = {}
    expected: dict[int, int] = {}
    arrival = 0
    for batch in batches:
        rows = []
        for key, kind, number in batch:
            arrival += 1
            rows.append([key, arrival])
            if _order(number) < applied.get(key, (-1,)):
                continue
            applied[key] = _order(number)
            expected.pop(key, None)
            if kind == UPSERT:
                expected[key] = arrival
        numbers = [n for _, _, n in batch]
        apply(shared, rows, [k for _, k, _ in batch], None if not any(numbers) else numbers)
        assert shared.rows("SELECT id, v FROM t ORDER BY id") == [list(x) for x in sorted(expected.items())]
        assert shared.table("t").num_rows == len(expected)
