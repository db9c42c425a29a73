"""Arrow columns to columns of a table: every type that the documentation lists, at its extremes."""

from __future__ import annotations

import ctypes
import datetime as dt
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.rows import arrow_reader
from bqsim.types import Field, Mode, TypeKind
from tests.unit.storage.write.writers import canonical, read_array, read_arrow, table

UTC = dt.UTC
K = TypeKind
EXACT = Context(prec=100)
US, TS = pa.timestamp("us"), pa.timestamp("us", "UTC")
DATES = [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]
TIMES = [dt.time.min, None, dt.time.max]
DATETIMES = [dt.datetime(1, 1, 1), None, dt.datetime(9999, 12, 31, 23, 59, 59, 999999)]
TIMESTAMPS = [v and v.replace(tzinfo=UTC) for v in DATETIMES]
NUMERICS = [Decimal("99999999999999999999999999999.999999999"), None, Decimal("-1.5")]
BIGNUMERICS = [Decimal(10**76 - 1).scaleb(-38, EXACT), None, Decimal("-1.5")]
INTERVALS = [pa.MonthDayNano([-120000, 3660000, -5]), None, pa.MonthDayNano([1, 2, 3])]
TEXTS = ["", None, "é😀"]

SAME: list[tuple[TypeKind, pa.DataType, list[Any]]] = [
    (K.BOOL, pa.bool_(), [True, None, False]),
    (K.BYTES, pa.binary(), [b"", None, b"\xff"]),
    (K.BYTES, pa.large_binary(), [b"", None, b"\xff"]),
    (K.BYTES, pa.binary_view(), [b"", None, b"\xff"]),
    (K.BYTES, pa.binary(2), [b"ab", None, b"\xff\x00"]),
    (K.DATE, pa.date32(), DATES),
    (K.DATETIME, US, DATETIMES),
    (K.TIME, pa.time64("us"), TIMES),
    (K.TIMESTAMP, TS, TIMESTAMPS),
    (K.TIMESTAMP, pa.timestamp("us", "+00:00"), TIMESTAMPS),
    (K.FLOAT64, pa.float64(), [1.7e308, None, -5e-324]),
    (K.FLOAT64, pa.float32(), [0.5, None, -2.0]),
    (K.GEOGRAPHY, pa.string(), ["POINT(1 2)", None]),
    *(
        (K.INT64, getattr(pa, f"int{bits}")(), [-(2 ** (bits - 1)), None, 2 ** (bits - 1) - 1])
        for bits in (8, 16, 32, 64)
    ),
    *((K.INT64, getattr(pa, f"uint{bits}")(), [0, None, 2**bits - 1]) for bits in (8, 16, 32)),
    (K.INT64, pa.uint64(), [0, None, 2**63 - 1]),
    (K.JSON, pa.string(), ['{"a":1}', None]),
    (K.NUMERIC, pa.decimal128(38, 9), NUMERICS),
    (K.NUMERIC, pa.decimal128(5, 2), [Decimal("999.99"), None, Decimal("-0.01")]),
    (K.NUMERIC, pa.decimal128(29, 0), [Decimal(10**29 - 1), None]),
    (K.BIGNUMERIC, pa.decimal256(76, 38), BIGNUMERICS),
    (K.BIGNUMERIC, pa.decimal256(40, 5), [Decimal("1.23456"), None]),
    (K.BIGNUMERIC, pa.decimal128(38, 9), NUMERICS),
    (K.STRING, pa.string(), TEXTS),
    (K.STRING, pa.large_string(), TEXTS),
    (K.STRING, pa.string_view(), TEXTS),
    (K.INTERVAL, pa.month_day_nano_interval(), INTERVALS),
]


@pytest.mark.parametrize(("kind", "type_", "values"), SAME)
def test_values(kind: TypeKind, type_: pa.DataType, values: list[Any]) -> None:
    rows = read_array(Field("x", kind), values, type_)
    assert canonical(rows) == values
    assert rows.missing["x"].tolist() == [v is None for v in values]


@pytest.mark.parametrize(("kind", "type_", "values"), SAME)
@pytest.mark.parametrize("wrap", [pa.list_, pa.large_list, lambda t: pa.list_(t, 2)])
def test_repeated_values(kind: TypeKind, type_: pa.DataType, values: list[Any], wrap: Any) -> None:
    given = [v for v in values if v is not None][:1] * 2
    rows = read_array(Field("x", kind, Mode.REPEATED), [given, None, given], wrap(type_))
    assert canonical(rows) == [given, [], given]
    assert rows.missing["x"].tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("kind", "type_", "values", "expected"),
    [
        (K.DATE, pa.int32(), [-719162, None], [DATES[0], None]),
        (K.DATE, pa.string(), ["2020-01-02", None], [dt.date(2020, 1, 2), None]),
        (K.DATE, pa.large_string(), ["2020-1-2"], [dt.date(2020, 1, 2)]),
        (K.JSON, pa.string(), ['{ "b": 1, "a": 2 }'], ['{"a":2,"b":1}']),
        (K.GEOGRAPHY, pa.string_view(), [" POINT(1 2)\n"], ["POINT(1 2)"]),
        (K.INTERVAL, pa.string(), ["1-0 0 0:0:0", None], [pa.MonthDayNano([12, 0, 0]), None]),
    ],
)
def test_converted_values(kind: TypeKind, type_: pa.DataType, values: list[Any], expected: list[Any]) -> None:
    assert canonical(read_array(Field("x", kind), values, type_)) == expected


@pytest.mark.parametrize(
    ("kind", "array", "text"),
    [
        (K.DATE, pa.array([2932897], pa.int32()), "Date field value is out of range: 2932897"),
        (
            K.DATE,
            pa.array([-719163], pa.int32()).view(pa.date32()),
            "Date field value is out of range: -719163",
        ),
        (K.DATETIME, pa.array([2**62]).view(US), f"Datetime field value is out of range: {2**62}"),
        (K.TIMESTAMP, pa.array([-(2**63)]).view(TS), f"Timestamp field value is out of range: {-(2**63)}"),
        (K.INT64, pa.array([2**63], pa.uint64()), f"Int64 field value is out of range: {2**63}"),
        (
            K.INTERVAL,
            pa.array([pa.MonthDayNano([120001, 0, 0])]),
            "Interval field value is out of range: months: 120001 days: 0",
        ),
        (
            K.INTERVAL,
            pa.array([pa.MonthDayNano([0, -(2**31), 0])]),
            f"Interval field value is out of range: months: 0 days: {-(2**31)}",
        ),
        (K.JSON, pa.array(["x"]), "Invalid JSON value: x"),
    ],
)
def test_bad_values(kind: TypeKind, array: pa.Array, text: str) -> None:
    assert read_array(Field("x", kind), array).errors == ((0, f"{text} on field x."),)


@pytest.mark.parametrize(
    ("kind", "type_", "shown", "api_type"),
    [
        (K.TIMESTAMP, pa.timestamp("ns", "UTC"), "timestamp[ns, tz=UTC]", "TIMESTAMP"),
        (K.TIMESTAMP, US, "timestamp[us]", "TIMESTAMP"),
        (K.TIMESTAMP, pa.timestamp("us", "Asia/Tokyo"), "timestamp[us, tz=Asia/Tokyo]", "TIMESTAMP"),
        (K.TIMESTAMP, pa.int64(), "int64", "TIMESTAMP"),
        (K.DATETIME, TS, "timestamp[us, tz=UTC]", "DATETIME"),
        (K.DATETIME, pa.timestamp("ms"), "timestamp[ms]", "DATETIME"),
        (K.DATE, pa.date64(), "date64[ms]", "DATE"),
        (K.TIME, pa.time32("ms"), "time32[ms]", "TIME"),
        (K.FLOAT64, pa.float16(), "halffloat", "FLOAT"),
        (K.FLOAT64, pa.int64(), "int64", "FLOAT"),
        (K.NUMERIC, pa.decimal128(38, 10), "decimal128(38, 10)", "NUMERIC"),
        (K.NUMERIC, pa.decimal128(38, 8), "decimal128(38, 8)", "NUMERIC"),
        (K.NUMERIC, pa.decimal256(20, 2), "decimal256(20, 2)", "NUMERIC"),
        (K.NUMERIC, pa.decimal256(76, 38), "decimal256(76, 38)", "NUMERIC"),
        (K.BIGNUMERIC, pa.decimal256(76, 37), "decimal256(76, 37)", "BIGNUMERIC"),
        (K.STRING, pa.binary(), "binary", "STRING"),
        (K.STRING, pa.dictionary(pa.int32(), pa.string()), None, "STRING"),
        (K.INT64, pa.null(), "null", "INTEGER"),
        (K.INT64, pa.duration("us"), "duration[us]", "INTEGER"),
        (K.STRUCT, pa.map_(pa.string(), pa.string()), "map<string, string>", "RECORD"),
        (K.STRUCT, pa.struct([]), "struct<>", "RECORD"),
        (K.RANGE, pa.string(), "string", "RANGE"),
    ],
)
def test_refused_types(kind: TypeKind, type_: pa.DataType, shown: str | None, api_type: str) -> None:
    nested = (Field("y", K.INT64),) if kind is K.STRUCT else ()
    schema = pa.schema([pa.field("x", type_)]).serialize().to_pybytes()
    with pytest.raises(StorageFailure) as caught:
        arrow_reader(table(Field("x", kind, fields=nested)), schema)
    start = "The arrow field mismatched with BigQuery field at x, the arrow field type "
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.message.startswith(start + (shown or ""))
    assert caught.value.message.endswith(f", BigQuery field type {api_type}")


def test_repetition_must_agree() -> None:
    with pytest.raises(StorageFailure, match="arrow field type repeated int64, BigQuery field type INTEGER"):
        read_array(Field("x", K.INT64), pa.array([[1]]))
    with pytest.raises(StorageFailure, match="arrow field type int64, BigQuery field type REPEATED INTEGER"):
        read_array(Field("x", K.INT64, Mode.REPEATED), pa.array([1]))


class _ArrowSchema(ctypes.Structure):
    """The C data interface, by which types come that pyarrow has no constructor for."""


_RELEASE = ctypes.CFUNCTYPE(None, ctypes.POINTER(_ArrowSchema))
_ArrowSchema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", _RELEASE),
    ("private_data", ctypes.c_void_p),
]


@_RELEASE
def _release(schema: Any) -> None:
    schema.contents.release = _RELEASE()


@pytest.mark.parametrize(
    ("format_", "stand_in", "expected"),
    [
        (b"tiM", pa.array([14, None, -120000], pa.int32()), [(14, 0, 0), None, (-120000, 0, 0)]),
        (
            b"tiD",
            pa.Array.from_buffers(
                pa.int64(), 2, [None, pa.py_buffer(np.array([3, 5, -3660000, -1], np.int32))]
            ),
            [(0, 3, 5_000_000), (0, -3660000, -1_000_000)],
        ),
    ],
)
@pytest.mark.parametrize("repeated", [False, True])
def test_intervals_of_other_units(
    format_: bytes, stand_in: pa.Array, expected: list[Any], repeated: bool
) -> None:
    schema = _ArrowSchema(format=format_, name=b"", release=_release)
    type_ = pa.DataType._import_from_c(ctypes.addressof(schema))
    column, mode = stand_in, Mode.NULLABLE
    if repeated:
        type_, mode = pa.list_(type_), Mode.REPEATED
        column = pa.ListArray.from_arrays(pa.array([0, 1], pa.int32()), stand_in)
    serialized = pa.schema([pa.field("x", type_)]).serialize().to_pybytes()
    batch = pa.RecordBatch.from_arrays([column], names=["x"])
    reader = arrow_reader(table(Field("x", K.INTERVAL, mode)), serialized)
    rows = reader.read(batch.serialize().to_pybytes())
    wanted = [v and pa.MonthDayNano(v) for v in expected]
    assert canonical(rows) == ([wanted[:1]] if repeated else wanted)


def test_the_77th_digit_of_bignumeric() -> None:
    word = np.frombuffer(
        (2**255 - 1).to_bytes(32, "little") + (-(2**255)).to_bytes(32, "little", signed=True)
    )
    array = pa.Array.from_buffers(pa.decimal256(76, 38), 2, [None, pa.py_buffer(word)])
    values = canonical(read_array(Field("x", K.BIGNUMERIC), array))
    assert [int(v.scaleb(38, EXACT)) for v in values] == [2**255 - 1, -(2**255)]


def test_canonical_columns_are_not_copied() -> None:
    fields = [Field("i", K.INT64), Field("s", K.STRING), Field("t", K.TIMESTAMP), Field("d", K.DATE)]
    arrays = [
        pa.array([1, 2]),
        pa.array(["a", "b"]),
        pa.array([1, 2]).view(TS),
        pa.array([1, 2], pa.date32()),
    ]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f.name for f in fields])
    payload = batch.serialize().to_pybytes()
    start = pa.py_buffer(payload).address
    rows = arrow_reader(table(*fields), batch.schema.serialize().to_pybytes()).read(payload)
    for column in rows.columns.columns:
        assert start <= column.chunk(0).buffers()[1].address < start + len(payload)


def test_elements_behind_null_lists_do_not_count() -> None:
    values = pa.array([1, None, 2], pa.int64())
    offsets, bitmap = np.array([0, 1, 2, 3], np.int32), np.array([0b101], np.uint8)
    lists = pa.Array.from_buffers(
        pa.list_(pa.int64()), 3, [pa.py_buffer(bitmap), pa.py_buffer(offsets)], 1, 0, [values]
    )
    assert canonical(read_array(Field("x", K.INT64, Mode.REPEATED), lists)) == [[1], [], [2]]


def test_null_elements() -> None:
    rows = read_array(Field("x", K.INT64, Mode.REPEATED), pa.array([[1], [2, None], [], [None]]))
    text = "Array cannot have a null element; error in writing field x on field x."
    assert rows.errors == ((1, text), (3, text))


def test_ranges() -> None:
    field = Field("r", K.RANGE, range_element=K.DATE)
    type_ = pa.struct([("END", pa.date32()), ("start", pa.date32())])
    day = dt.date(2020, 1, 1)
    values = [{"start": day, "END": None}, None, {"start": None, "END": None}]
    assert canonical(read_array(field, values, type_)) == [
        {"start": day, "end": None},
        None,
        {"start": None, "end": None},
    ]
    rows = read_array(field, [{"start": day, "END": day}], type_)
    assert rows.errors == ((0, "Invalid RANGE value: the start must be before the end on field r."),)
    with pytest.raises(StorageFailure, match=r"extra fields: 'r\.middle'"):
        read_array(field, [], pa.struct([("middle", pa.date32())]))
    with pytest.raises(StorageFailure, match=r"field at r\.start, the arrow field type int64"):
        read_array(field, [], pa.struct([("start", pa.int64())]))


def test_structs() -> None:
    inner = (
        Field("Name", K.STRING, max_length=3),
        Field("n", K.INT64, Mode.REQUIRED),
        Field("l", K.DATE, Mode.REPEATED),
    )
    field = Field("s", K.STRUCT, fields=inner)
    type_ = pa.struct([("N", pa.int64()), ("name", pa.string())])
    values = [{"N": 1, "name": "abc"}, None, {"N": None, "name": "abcd"}, {"N": 2, "name": None}]
    rows = read_array(field, values, type_)
    assert rows.errors == (
        (2, "Field s.Name: STRING(3) has maximum length 3 but got a value with length 4 on field s.Name."),
    )
    rows = read_array(field, [values[0], None, {"N": None, "name": None}], type_)
    assert rows.errors == ((2, "Required field s.n cannot be null on field s.n."),)
    assert canonical(read_array(field, [values[0], None, values[3]], type_)) == [
        ["abc", 1, []],
        None,
        [None, 2, []],
    ]


def test_values_of_null_structs_are_hidden() -> None:
    child = pa.array([1, 2], pa.int64())
    struct = pa.StructArray.from_arrays([child], names=["a"], mask=pa.array([False, True]))
    field = Field("s", K.STRUCT, fields=(Field("a", K.INT64),))
    rows = read_array(field, struct)
    assert canonical(rows) == [[1], None]
    assert rows.columns.column(0).chunk(0).field(0).to_pylist() == [1, None]


def test_extension_types_are_their_storage() -> None:
    array = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"0" * 16], pa.binary(16)))
    assert canonical(read_array(Field("x", K.BYTES), array)) == [b"0" * 16]


def test_names_in_any_case_and_order() -> None:
    batch = pa.RecordBatch.from_pydict({"B": [1], "a": ["x"]})
    target = table(Field("A", K.STRING), Field("b", K.INT64), Field("c", K.INT64))
    rows = read_arrow(target, batch)
    assert [f.name for f in rows.fields] == ["A", "b"]
    assert rows.columns.to_pylist() == [{"c1": "x", "c2": 1}]
