"""What the engine reads from a Parquet file itself is what reading it here gives."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.engine.convert import from_engine
from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.engine.formats import files
from bqsim.engine.formats.direct import direct
from bqsim.engine.formats.files import FileOptions
from bqsim.engine.protocol import FileNotRead
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind

MICROS = st.integers(-62_135_596_800_000_000 - 5, 253_402_300_799_999_999 + 5)
COLUMNS: tuple[tuple[Any, st.SearchStrategy[Any]], ...] = (
    (pa.bool_(), st.booleans()),
    (pa.int8(), st.integers(-128, 127)),
    (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint32(), st.integers(0, 2**32 - 1)),
    (pa.uint64(), st.integers(0, 2**63) | st.just(2**64 - 1)),
    (pa.float32(), st.floats(width=32)),
    (pa.float64(), st.floats()),
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    (pa.binary(), st.binary(max_size=5)),
    (pa.date32(), st.integers(-719_164, 2_932_898)),
    (pa.time64("us"), st.integers(0, 86_399_999_999)),
    (pa.time32("ms"), st.integers(0, 86_399_999)),
    (pa.timestamp("us"), MICROS),
    (pa.timestamp("us", "UTC"), MICROS),
    (pa.timestamp("ms"), MICROS.map(lambda v: v // 1000)),
    (pa.timestamp("ns"), MICROS.map(lambda v: v // 100)),
    (pa.decimal128(9, 2), st.decimals(-9_999_999, 9_999_999, places=2)),
    (pa.decimal128(38, 9), st.decimals(-(10**12), 10**12, places=9)),
    (pa.decimal128(30, 20), st.decimals(-(10**9), 10**9, places=9)),
)


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    engine = DuckDBEngine()
    session = engine.session()
    yield session
    session.close()
    engine.close()


def read_here(path: Path, fields: tuple[Field, ...], options: FileOptions) -> pa.Table:
    with path.open("rb") as stream:
        return pa.concat_tables([found.rows for found in files.batches(stream, fields, options)])


def read_directly(
    session: DuckDBSession, path: Path, fields: tuple[Field, ...], options: FileOptions
) -> pa.Table:
    with path.open("rb") as stream, session.admitted(stream) as name:
        assert name is not None
        found = direct(session, name, stream, fields, options)
        rows = session.query(found.select, fields)
        assert found.rows == rows.num_rows
        return rows


def same(session: DuckDBSession, path: Path, fields: tuple[Field, ...] | None = None, **given: Any) -> bool:
    """Whether the engine read a file itself; what it gave must be as here."""
    options = FileOptions("PARQUET", **given)
    if fields is None:
        with path.open("rb") as stream:
            fields = files.detect(stream, options)[0]
    try:
        found = read_directly(session, path, fields, options)
    except FileNotRead:
        return False
    expected = from_engine(read_here(path, fields, options), fields)
    assert str(found.to_pylist()) == str(expected.to_pylist())
    assert found.schema.types == expected.schema.types
    return True


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    count = draw(st.integers(0, 4))
    columns = []
    for type_, values in draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=4)):
        shape = draw(st.sampled_from(("plain", "plain", "list", "struct", "lists in structs")))
        if shape == "list":
            type_, values = pa.list_(type_), st.lists(values | st.none(), max_size=3)
        elif shape == "struct":
            type_, values = pa.struct([("a", type_), ("B", pa.int64())]), st.fixed_dictionaries({"a": values})
        elif shape == "lists in structs":
            type_ = pa.list_(pa.struct([("a", pa.list_(type_))]))
            values = st.lists(st.fixed_dictionaries({"a": st.lists(values, max_size=2)}), max_size=2)
        items = draw(st.lists(values | st.none(), min_size=count, max_size=count))
        columns.append(pa.array(items, type_))
    return pa.table(columns, [f"f{i}" for i in range(len(columns))])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables(), infer=st.booleans(), dictionary=st.booleans(), groups=st.integers(1, 3))
def test_every_file_gives_the_same(
    session: DuckDBSession, tmp_path: Path, table: pa.Table, infer: bool, dictionary: bool, groups: int
) -> None:
    path = tmp_path / "rows.parquet"
    pq.write_table(table, path, use_dictionary=dictionary, row_group_size=groups)
    try:
        same(session, path, infer_lists=infer)
    except BigQueryError as error:
        # What is refused here must have been refused by the engine too.
        raise AssertionError(error.message) from error


ORDINARY = {
    "id": pa.array([1, None, 3]),
    "small": pa.array([1, 2, None], pa.uint16()),
    "name": pa.array(["a", "", None]),
    "data": pa.array([b"\xff", b"", None]),
    "ratio": pa.array([1.5, float("nan"), None], pa.float32()),
    "ok": pa.array([True, False, None]),
    "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    "time": pa.array([dt.time(), dt.time(23, 59, 59, 999999), None]),
    "at": pa.array([dt.datetime(2024, 1, 1), None, None], pa.timestamp("us", "Asia/Tokyo")),
    "local": pa.array([dt.datetime(2024, 1, 1), None, None], pa.timestamp("ms")),
    "amount": pa.array([Decimal("1.50"), None, Decimal("-9999999.99")], pa.decimal128(9, 2)),
    "tags": pa.array([["a"], [], None]),
    "Point.x": pa.array([1, 2, 3]),
    "shape": pa.array([{"A": 1, "list": [{"x": 1.5}]}, None, {"A": None, "list": []}]),
    "word": pa.array(["a", "b", "a"]).dictionary_encode(),
}


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("infer", [False, True])
def test_ordinary_files_are_read_directly(session: DuckDBSession, tmp_path: Path, infer: bool) -> None:
    assert same(session, write(tmp_path / "f", **ORDINARY), infer_lists=infer)


def test_fields_go_by_name_and_may_be_missing(session: DuckDBSession, tmp_path: Path) -> None:
    path = write(tmp_path / "f", Id=pa.array([1, 2]), at=pa.array([0, 1], pa.timestamp("us")))
    fields = (
        Field("AT", TypeKind.TIMESTAMP),
        Field("id", TypeKind.INT64, Mode.REQUIRED),
        Field("no", TypeKind.STRING),
        Field("none", TypeKind.INT64, Mode.REPEATED),
    )
    with path.open("rb") as stream, session.admitted(stream) as name:
        assert name is not None
        found = direct(session, name, stream, fields, FileOptions("PARQUET"))
        rows = session.query(found.select, fields)
    assert rows.column(1).to_pylist() == [1, 2]
    assert rows.column(2).null_count == 2
    assert same(session, path, fields[:3])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        (pa.array([2**64 - 1], pa.uint64()), Field("f", TypeKind.INT64)),
        (pa.array([-719_163], pa.date32()), Field("f", TypeKind.DATE)),
        (pa.array([2**31 - 1], pa.date32()), Field("f", TypeKind.DATE)),
        (pa.array([2**63 - 1], pa.timestamp("us")), Field("f", TypeKind.DATETIME)),
        (pa.array([2**62], pa.timestamp("ms", "UTC")), Field("f", TypeKind.TIMESTAMP)),
        (pa.array([[2**31 - 1]], pa.list_(pa.date32())), Field("f", TypeKind.DATE, Mode.REPEATED)),
        (pa.array([1, 2], pa.timestamp("ns")), Field("f", TypeKind.DATETIME)),
        (pa.array([1]), Field("f", TypeKind.STRING)),
        (pa.array([1]), Field("f", TypeKind.INT64, Mode.REPEATED)),
        (pa.array([[1]]), Field("f", TypeKind.INT64)),
        (pa.array([1]), Field("f", TypeKind.STRUCT, fields=(Field("a", TypeKind.INT64),))),
        (pa.array([{"a": 1}]), Field("f", TypeKind.INT64)),
        (pa.array(["{}"]), Field("f", TypeKind.JSON)),
        (pa.array([Decimal("1.5")], pa.decimal128(38, 10)), Field("f", TypeKind.NUMERIC)),
        (pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())), Field("f", TypeKind.INT64)),
        (pa.array([1]), Field("other", TypeKind.INT64, Mode.REQUIRED)),
    ],
)
def test_what_needs_a_closer_look_is_left(
    session: DuckDBSession, tmp_path: Path, values: pa.Array, field: Field
) -> None:
    assert not same(session, write(tmp_path / "f", f=values), (field,))


def test_totals_are_found_while_the_values_are_read(session: DuckDBSession, tmp_path: Path) -> None:
    path = write(tmp_path / "f", id=pa.array([1, None, 3]), name=pa.array(["é", None, "b"]))
    fields = (Field("id", TypeKind.INT64), Field("name", TypeKind.STRING))
    totals = ("8 * count(c1)", "COALESCE(sum(2 + strlen(c2)), 0)", "sum(c1)")
    options = FileOptions("PARQUET")
    with path.open("rb") as stream, session.admitted(stream) as name:
        assert name is not None
        assert direct(session, name, stream, fields, options, totals).totals == (16, 7, 4)
        assert direct(session, name, stream, fields, options).totals == ()
    empty = write(tmp_path / "g", id=pa.array([], pa.int64()), name=pa.array([], pa.string()))
    with empty.open("rb") as stream, session.admitted(stream) as name:
        assert name is not None
        assert direct(session, name, stream, fields, options, totals).totals == (0, 0, 0)


@pytest.mark.parametrize("nested", [False, True])
def test_statistics_of_a_file_that_are_wrong_are_not_believed(
    session: DuckDBSession, tmp_path: Path, nested: bool
) -> None:
    good, beyond = (n.to_bytes(4, "little", signed=True) for n in (19_000, 2**31 - 2))
    days = pa.array([0, 2**31 - 2], pa.date32())
    path = tmp_path / "f"
    table = pa.table({"f": pa.ListArray.from_arrays([0, 1, 2], days) if nested else days})
    pq.write_table(table, path, use_dictionary=False, compression="none")
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    told = data[footer:].count(beyond)
    path.write_bytes(data[:footer] + data[footer:].replace(beyond, good))
    assert told
    mode = Mode.REPEATED if nested else Mode.NULLABLE
    with pytest.raises(FileNotRead):
        read_directly(session, path, (Field("f", TypeKind.DATE, mode),), FileOptions("PARQUET"))


def test_names_that_differ_in_case_alone_are_left(session: DuckDBSession, tmp_path: Path) -> None:
    path = write(tmp_path / "f", a=pa.array([1]), A=pa.array([2]))
    assert not same(session, path, (Field("a", TypeKind.INT64),))
    path = write(tmp_path / "g", a=pa.array([{"x": 1, "X": 2}]))
    assert not same(session, path, (Field("a", TypeKind.STRUCT, fields=(Field("x", TypeKind.INT64),)),))


def test_texts_that_are_not_utf8_are_left(session: DuckDBSession, tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]
    )
    path = write(tmp_path / "f", f=bad)
    assert not same(session, path, (Field("f", TypeKind.STRING),))


@pytest.mark.parametrize("seed", range(40))
def test_the_engine_outlives_damaged_files(session: DuckDBSession, tmp_path: Path, seed: int) -> None:
    path = write(tmp_path / "f", **ORDINARY)
    data = bytearray(path.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.choice((1, 5))):
        data[chance.randrange(4, len(data) // 2)] = chance.choice((0, 255, chance.randrange(256)))
    path.write_bytes(data)
    options = FileOptions("PARQUET")
    with path.open("rb") as stream, session.admitted(stream) as name, suppress(BigQueryError, FileNotRead):
        assert name is not None
        fields = files.detect(stream, options)[0]
        session.query(direct(session, name, stream, fields, options).select, fields)
    assert session.scalar("SELECT 1") == 1


def test_damaged_pages_are_left(session: DuckDBSession, tmp_path: Path) -> None:
    path = write(tmp_path / "f", f=pa.array([f"text {i}" for i in range(1000)]))
    data = bytearray(path.read_bytes())
    data[8:200] = bytes(192)
    path.write_bytes(data)
    assert not same(session, path, (Field("f", TypeKind.STRING),))
