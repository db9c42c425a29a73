"""Protocol buffer values to columns: every type that the documentation lists, at its extremes."""

from __future__ import annotations

import datetime as dt
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.storage.errors import StorageFailure
from bqsim.types import Field, Mode, TypeKind
from tests.unit.storage.write.writers import P, canonical, enum, message, read_protos, read_values, table

UTC = dt.UTC
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
DATE_MIN, DATE_MAX = dt.date(1, 1, 1), dt.date(9999, 12, 31)
DATETIME_MIN, DATETIME_MAX = dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999)
MICROS_MIN, MICROS_MAX = -62135596800000000, 253402300799999999


def packed_time(t: Any) -> int:
    return t.hour << 32 | t.minute << 26 | t.second << 20 | t.microsecond


def packed_datetime(d: dt.datetime) -> int:
    return d.year << 46 | d.month << 42 | d.day << 37 | packed_time(d)


def decimal_bytes(value: Decimal, scale: int) -> bytes:
    number = int(value.scaleb(scale))
    return number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)


Wrapped = dict[str, Any]
COLOURS = enum("Colour", RED=0, GREEN=1, BLUE=-5)

# (kind, proto type, values given, canonical values).
CASES: list[tuple[TypeKind, Any, list[Any], list[Any]]] = [
    (TypeKind.BOOL, P.TYPE_BOOL, [True, False, None], [True, False, None]),
    (TypeKind.BOOL, P.TYPE_INT32, [0, -1, None], [False, True, None]),
    (TypeKind.BOOL, P.TYPE_INT64, [2, 0], [True, False]),
    (TypeKind.BOOL, P.TYPE_UINT32, [2, 0], [True, False]),
    (TypeKind.BOOL, P.TYPE_UINT64, [2**64 - 1, 0], [True, False]),
    (TypeKind.BOOL, ".google.protobuf.BoolValue", [{"value": True}, {}, None], [True, False, None]),
    (TypeKind.BYTES, P.TYPE_BYTES, [b"\xff\x00", b"", None], [b"\xff\x00", b"", None]),
    (TypeKind.BYTES, P.TYPE_STRING, ["é", None], ["é".encode(), None]),
    (TypeKind.BYTES, ".google.protobuf.BytesValue", [{"value": b"a"}, {}, None], [b"a", b"", None]),
    (TypeKind.DATE, P.TYPE_INT32, [-719162, 2932896, None], [DATE_MIN, DATE_MAX, None]),
    (TypeKind.DATE, P.TYPE_INT64, [-719162, 2932896, None], [DATE_MIN, DATE_MAX, None]),
    (TypeKind.DATE, P.TYPE_SINT32, [1], [dt.date(1970, 1, 2)]),
    (TypeKind.DATE, P.TYPE_STRING, ["0001-01-01", "9999-12-31", None], [DATE_MIN, DATE_MAX, None]),
    (TypeKind.DATE, P.TYPE_STRING, ["2020-1-2", "2020-01-02"], [dt.date(2020, 1, 2)] * 2),
    (
        TypeKind.DATETIME,
        P.TYPE_INT64,
        [packed_datetime(DATETIME_MIN), packed_datetime(DATETIME_MAX), None],
        [DATETIME_MIN, DATETIME_MAX, None],
    ),
    (
        TypeKind.DATETIME,
        P.TYPE_STRING,
        ["0001-01-01", "9999-12-31T23:59:59.999999", None],
        [DATETIME_MIN, DATETIME_MAX, None],
    ),
    (TypeKind.DATETIME, P.TYPE_STRING, ["2020-1-2 3:4"], [dt.datetime(2020, 1, 2, 3, 4)]),
    (
        TypeKind.TIME,
        P.TYPE_INT64,
        [0, packed_time(dt.time.max), None],
        [dt.time.min, dt.time.max, None],
    ),
    (
        TypeKind.TIME,
        P.TYPE_STRING,
        ["00:00", "23:59:59.999999", None],
        [dt.time.min, dt.time.max, None],
    ),
    (TypeKind.TIME, P.TYPE_STRING, ["1:2:3"], [dt.time(1, 2, 3)]),
    (TypeKind.FLOAT64, P.TYPE_DOUBLE, [1.7e308, -5e-324, None], [1.7e308, -5e-324, None]),
    (TypeKind.FLOAT64, P.TYPE_FLOAT, [0.5, None], [0.5, None]),
    (TypeKind.FLOAT64, ".google.protobuf.DoubleValue", [{"value": 2.5}, {}, None], [2.5, 0.0, None]),
    (TypeKind.FLOAT64, ".google.protobuf.FloatValue", [{"value": 2.5}, None], [2.5, None]),
    (TypeKind.GEOGRAPHY, P.TYPE_STRING, [" POINT(1 2) ", None], ["POINT(1 2)", None]),
    (TypeKind.INT64, P.TYPE_INT64, [INT64_MIN, INT64_MAX, None], [INT64_MIN, INT64_MAX, None]),
    (TypeKind.INT64, P.TYPE_SFIXED64, [INT64_MIN], [INT64_MIN]),
    (TypeKind.INT64, P.TYPE_INT32, [-(2**31), 2**31 - 1], [-(2**31), 2**31 - 1]),
    (TypeKind.INT64, P.TYPE_UINT32, [2**32 - 1, None], [2**32 - 1, None]),
    (TypeKind.INT64, COLOURS, [-5, 1, None], [-5, 1, None]),
    (TypeKind.INT64, ".google.protobuf.Int32Value", [{"value": -1}, {}, None], [-1, 0, None]),
    (TypeKind.INT64, ".google.protobuf.Int64Value", [{"value": INT64_MIN}, None], [INT64_MIN, None]),
    (TypeKind.INT64, ".google.protobuf.UInt32Value", [{"value": 2**32 - 1}], [2**32 - 1]),
    (TypeKind.JSON, P.TYPE_STRING, ['{"b": 1, "a": [ ]}', "null", None], ['{"a":[],"b":1}', "null", None]),
    (TypeKind.JSON, P.TYPE_STRING, ['"\\ud800x"'], ['"\ufffdx"']),
    (TypeKind.STRING, P.TYPE_STRING, ["", "é€😀", None], ["", "é€😀", None]),
    (TypeKind.STRING, COLOURS, [-5, 0, None, 1], ["BLUE", "RED", None, "GREEN"]),
    (TypeKind.STRING, ".google.protobuf.StringValue", [{"value": "x"}, {}, None], ["x", "", None]),
    (
        TypeKind.TIMESTAMP,
        P.TYPE_INT64,
        [MICROS_MIN, MICROS_MAX, None],
        [DATETIME_MIN.replace(tzinfo=UTC), DATETIME_MAX.replace(tzinfo=UTC), None],
    ),
    (TypeKind.TIMESTAMP, P.TYPE_INT32, [1], [dt.datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)]),
    (TypeKind.TIMESTAMP, P.TYPE_UINT32, [1], [dt.datetime(1970, 1, 1, microsecond=1, tzinfo=UTC)]),
    (
        TypeKind.TIMESTAMP,
        ".google.protobuf.Timestamp",
        [{"seconds": -62135596800}, {"seconds": 253402300799, "nanos": 999999999}, {}, None],
        [
            DATETIME_MIN.replace(tzinfo=UTC),
            DATETIME_MAX.replace(tzinfo=UTC),
            dt.datetime(1970, 1, 1, tzinfo=UTC),
            None,
        ],
    ),
    (
        TypeKind.TIMESTAMP,
        P.TYPE_STRING,
        ["2020-01-02 03:04:05"],
        [dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)],
    ),
    (
        TypeKind.TIMESTAMP,
        P.TYPE_STRING,
        ["2020-01-02T03:04:05Z"],
        [dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)],
    ),
    (
        TypeKind.TIMESTAMP,
        P.TYPE_STRING,
        ["2020-01-02 03:04:05+02", "2020-01-02 03:04 UTC"],
        [dt.datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC), dt.datetime(2020, 1, 2, 3, 4, tzinfo=UTC)],
    ),
    (
        TypeKind.INTERVAL,
        P.TYPE_STRING,
        ["1-2 3 4:5:6.7", "-10000-0 -3660000 0:0:0", None],
        [pa.MonthDayNano([14, 3, 14706700000000]), pa.MonthDayNano([-120000, -3660000, 0]), None],
    ),
    (
        TypeKind.INTERVAL,
        ".google.protobuf.Duration",
        [{"seconds": -1, "nanos": -5}, {}, None],
        [pa.MonthDayNano([0, 0, -1000000005]), pa.MonthDayNano([0, 0, 0]), None],
    ),
]
GREATEST = {
    TypeKind.NUMERIC: Decimal("99999999999999999999999999999.999999999"),
    TypeKind.BIGNUMERIC: Decimal(2**255 - 1).scaleb(-38, Context(prec=100)),
}
for _kind, _scale in ((TypeKind.NUMERIC, 9), (TypeKind.BIGNUMERIC, 38)):
    _top = GREATEST[_kind]
    CASES += [
        (_kind, P.TYPE_INT32, [-(2**31), 5, None], [Decimal(-(2**31)), Decimal(5), None]),
        (_kind, P.TYPE_INT64, [INT64_MIN, INT64_MAX], [Decimal(INT64_MIN), Decimal(INT64_MAX)]),
        (_kind, P.TYPE_UINT32, [2**32 - 1], [Decimal(2**32 - 1)]),
        (_kind, P.TYPE_UINT64, [2**64 - 1], [Decimal(2**64 - 1)]),
        (
            _kind,
            P.TYPE_DOUBLE,
            [0.5, -1e20, 123456789.25, None, -0.0],
            [Decimal("0.5"), Decimal("-1e20"), Decimal("123456789.25"), None, Decimal(0)],
        ),
        (_kind, P.TYPE_FLOAT, [0.25, None], [Decimal("0.25"), None]),
        (
            _kind,
            P.TYPE_STRING,
            [str(_top), str(_top.copy_negate()), "1e-3", " +.5 ", None],
            [_top, _top.copy_negate(), Decimal("0.001"), Decimal("0.5"), None],
        ),
        (_kind, P.TYPE_STRING, ["12.5", "-7", None], [Decimal("12.5"), Decimal(-7), None]),
        (
            _kind,
            P.TYPE_BYTES,
            [decimal_bytes(v, _scale) for v in (Decimal(0), Decimal("-1.5"), Decimal(10**9))] + [None],
            [Decimal(0), Decimal("-1.5"), Decimal(10**9), None],
        ),
        (
            _kind,
            ".google.protobuf.BytesValue",
            [{"value": b"\x01"}, None],
            [Decimal(1).scaleb(-_scale), None],
        ),
    ]


@pytest.mark.parametrize(("kind", "type_", "values", "expected"), CASES)
def test_values(kind: TypeKind, type_: Any, values: list[Any], expected: list[Any]) -> None:
    rows = read_values(Field("x", kind), type_, values)
    assert canonical(rows) == expected
    if None in values:
        assert rows.missing["x"].tolist() == [v is None for v in values]
    else:
        assert rows.missing == {}


@pytest.mark.parametrize(("kind", "type_", "values", "expected"), CASES)
def test_repeated_values(kind: TypeKind, type_: Any, values: list[Any], expected: list[Any]) -> None:
    field = Field("x", kind, Mode.REPEATED)
    inner = [type_] if not isinstance(type_, int) else (type_, P.LABEL_REPEATED)
    given = [v for v in values if v is not None]
    rows = read_values(field, inner, [given, None, given[:1]])
    wanted = [v for v in expected if v is not None]
    assert canonical(rows) == [wanted, [], wanted[:1]]
    assert rows.missing["x"].tolist() == [False, True, False]


# (kind, proto type, value, its message before the field's name).
BAD: list[tuple[TypeKind, Any, Any, str]] = [
    (TypeKind.DATE, P.TYPE_INT32, -719163, "Date field value is out of range: -719163"),
    (TypeKind.DATE, P.TYPE_INT32, 2932897, "Date field value is out of range: 2932897"),
    (TypeKind.DATE, P.TYPE_INT64, INT64_MAX, f"Date field value is out of range: {INT64_MAX}"),
    (TypeKind.DATE, P.TYPE_STRING, "2020-02-30", "Invalid date: '2020-02-30'"),
    (TypeKind.DATE, P.TYPE_STRING, "0000-01-01", "Invalid date: '0000-01-01'"),
    (TypeKind.TIMESTAMP, P.TYPE_INT64, INT64_MIN, f"Timestamp field value is out of range: {INT64_MIN}"),
    (
        TypeKind.TIMESTAMP,
        P.TYPE_INT64,
        MICROS_MAX + 1,
        f"Timestamp field value is out of range: {MICROS_MAX + 1}",
    ),
    (TypeKind.TIMESTAMP, P.TYPE_STRING, "soon", "Invalid timestamp: 'soon'"),
    (TypeKind.TIMESTAMP, P.TYPE_STRING, "2020-01-01 10", "Invalid timestamp: '2020-01-01 10'"),
    (
        TypeKind.TIMESTAMP,
        ".google.protobuf.Timestamp",
        {"seconds": 1, "nanos": -1},
        "Timestamp field value is out of range: seconds: 1 nanos: -1",
    ),
    (TypeKind.DATETIME, P.TYPE_INT64, 0, "Invalid packed DATETIME value: 0"),
    (TypeKind.DATETIME, P.TYPE_INT64, -1, "Invalid packed DATETIME value: -1"),
    (
        TypeKind.DATETIME,
        P.TYPE_INT64,
        2021 << 46 | 2 << 42 | 29 << 37,
        f"Invalid packed DATETIME value: {2021 << 46 | 2 << 42 | 29 << 37}",
    ),
    (TypeKind.DATETIME, P.TYPE_STRING, "2020-01-01 25:00", 'Invalid datetime string "2020-01-01 25:00"'),
    (TypeKind.TIME, P.TYPE_INT64, 24 << 32, f"Invalid packed TIME value: {24 << 32}"),
    (TypeKind.TIME, P.TYPE_INT64, 60 << 20, f"Invalid packed TIME value: {60 << 20}"),
    (TypeKind.TIME, P.TYPE_INT64, 1 << 37, f"Invalid packed TIME value: {1 << 37}"),
    (TypeKind.TIME, P.TYPE_STRING, "24:00:00", 'Invalid time string "24:00:00"'),
    (TypeKind.TIME, P.TYPE_STRING, "10", 'Invalid time string "10"'),
    (TypeKind.JSON, P.TYPE_STRING, "{", "Invalid JSON value: {"),
    (TypeKind.JSON, P.TYPE_STRING, "NaN", "Invalid JSON value: NaN"),
    (TypeKind.JSON, P.TYPE_STRING, "[" * 300000, "Invalid JSON value: " + "[" * 200),
    (TypeKind.INTERVAL, P.TYPE_STRING, "1 day", "Invalid INTERVAL value: 1 day"),
    (
        TypeKind.INTERVAL,
        ".google.protobuf.Duration",
        {"seconds": INT64_MIN},
        f"Interval field value is out of range: seconds: {INT64_MIN} nanos: 0",
    ),
    (TypeKind.NUMERIC, P.TYPE_DOUBLE, 1e30, "Invalid NUMERIC value: 1e+30"),
    (TypeKind.NUMERIC, P.TYPE_DOUBLE, float("nan"), "Invalid NUMERIC value: nan"),
    (TypeKind.NUMERIC, P.TYPE_FLOAT, float("inf"), "Invalid NUMERIC value: inf"),
    (TypeKind.NUMERIC, P.TYPE_STRING, "1e29", "Invalid NUMERIC value: 1e29"),
    (TypeKind.NUMERIC, P.TYPE_STRING, "", "Invalid NUMERIC value: "),
    (TypeKind.NUMERIC, P.TYPE_BYTES, b"", "Invalid NUMERIC value: 0x"),
    (TypeKind.NUMERIC, P.TYPE_BYTES, b"\0" * 17, "Invalid NUMERIC value: 0x" + "00" * 17),
    (
        TypeKind.NUMERIC,
        P.TYPE_BYTES,
        (10**38).to_bytes(16, "little"),
        "Invalid NUMERIC value: 0x" + (10**38).to_bytes(16, "little").hex(),
    ),
    (
        TypeKind.NUMERIC,
        P.TYPE_BYTES,
        (-(10**38)).to_bytes(16, "little", signed=True),
        "Invalid NUMERIC value: 0x" + (-(10**38)).to_bytes(16, "little", signed=True).hex(),
    ),
    (TypeKind.BIGNUMERIC, P.TYPE_DOUBLE, 1e39, "Invalid BIGNUMERIC value: 1e+39"),
    (TypeKind.BIGNUMERIC, P.TYPE_BYTES, b"\0" * 33, "Invalid BIGNUMERIC value: 0x" + "00" * 33),
]


@pytest.mark.parametrize(("kind", "type_", "value", "text"), BAD)
def test_bad_values(kind: TypeKind, type_: Any, value: Any, text: str) -> None:
    rows = read_values(Field("x", kind), type_, [None, value, None, value])
    assert rows.errors == ((1, f"{text} on field x."), (3, f"{text} on field x."))


@pytest.mark.parametrize(("kind", "type_", "value", "text"), BAD)
def test_bad_repeated_values(kind: TypeKind, type_: Any, value: Any, text: str) -> None:
    inner = [type_] if not isinstance(type_, int) else (type_, P.LABEL_REPEATED)
    field = Field("r", TypeKind.STRUCT, Mode.REPEATED, (Field("x", kind, Mode.REPEATED),))
    descriptor = message(r=[message("R", x=inner)])
    rows = read_protos(table(field), descriptor, [{}, {"r": [{}, {"x": [value, value]}]}, {"r": [{}]}])
    assert rows.errors == ((1, f"{text} on field r.x."),)


def test_utf8() -> None:
    field = Field("x", TypeKind.STRING)
    descriptor = message(x=P.TYPE_STRING)
    rows = read_protos(table(field), descriptor, [b"\x0a\x01a", b"\x0a\x02\xc3\x28", b"\x0a\x01\xff"])
    assert rows.errors == ((1, "Invalid UTF-8 value on field x."), (2, "Invalid UTF-8 value on field x."))


def test_unknown_numbers_of_enums_are_absent() -> None:
    rows = read_protos(
        table(Field("x", TypeKind.STRING)), message(x=COLOURS), [b"\x08\x01", b"\x08\x07", b"\x08\x7f"]
    )
    assert canonical(rows) == ["GREEN", None, None]


REFUSED = [
    (TypeKind.INT64, P.TYPE_UINT64, "uint64", "INTEGER"),
    (TypeKind.INT64, P.TYPE_STRING, "string", "INTEGER"),
    (TypeKind.INT64, ".google.protobuf.UInt64Value", "message", "INTEGER"),
    (TypeKind.FLOAT64, P.TYPE_INT64, "int64", "FLOAT"),
    (TypeKind.STRING, P.TYPE_BYTES, "bytes", "STRING"),
    (TypeKind.STRING, P.TYPE_INT64, "int64", "STRING"),
    (TypeKind.BOOL, P.TYPE_STRING, "string", "BOOLEAN"),
    (TypeKind.TIMESTAMP, P.TYPE_DOUBLE, "double", "TIMESTAMP"),
    (TypeKind.TIMESTAMP, ".google.protobuf.Duration", "message", "TIMESTAMP"),
    (TypeKind.JSON, ".google.protobuf.StringValue", "message", "JSON"),
    (TypeKind.DATE, COLOURS, "enum", "DATE"),
    (TypeKind.RANGE, P.TYPE_STRING, "string", "RANGE"),
    (TypeKind.STRUCT, P.TYPE_STRING, "string", "RECORD"),
]


@pytest.mark.parametrize(("kind", "type_", "shown", "api_type"), REFUSED)
def test_refused_types(kind: TypeKind, type_: Any, shown: str, api_type: str) -> None:
    nested = (Field("y", TypeKind.INT64),) if kind is TypeKind.STRUCT else ()
    with pytest.raises(StorageFailure) as caught:
        read_values(Field("x", kind, fields=nested), type_, [])
    assert caught.value.status == "INVALID_ARGUMENT"
    assert caught.value.message == (
        "The proto field mismatched with BigQuery field at Row.x, "
        f"the proto field type {shown}, BigQuery field type {api_type}"
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(st.datetimes(), min_size=1, max_size=5))
def test_packed_datetimes_round_trip(values: list[dt.datetime]) -> None:
    rows = read_values(Field("x", TypeKind.DATETIME), P.TYPE_INT64, [packed_datetime(v) for v in values])
    assert canonical(rows) == values
    rows = read_values(Field("x", TypeKind.DATETIME), P.TYPE_STRING, [v.isoformat() for v in values])
    assert canonical(rows) == values
    rows = read_values(Field("x", TypeKind.TIME), P.TYPE_INT64, [packed_time(v) for v in values])
    assert canonical(rows) == [v.time() for v in values]
    rows = read_values(Field("x", TypeKind.TIME), P.TYPE_STRING, [v.time().isoformat() for v in values])
    assert canonical(rows) == [v.time() for v in values]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([(TypeKind.NUMERIC, 9, 38), (TypeKind.BIGNUMERIC, 38, 76)]), st.data())
def test_decimals_round_trip(kind: tuple[TypeKind, int, int], data: st.DataObject) -> None:
    type_kind, scale, precision = kind
    top = 10**precision - 1
    numbers = data.draw(st.lists(st.one_of(st.integers(-top, top), st.integers(-1000, 1000)), min_size=1))
    values = [Decimal(n).scaleb(-scale, Context(prec=100)) for n in numbers]
    given_bytes = [n.to_bytes(n.bit_length() // 8 + 1, "little", signed=True) for n in numbers]
    assert canonical(read_values(Field("x", type_kind), P.TYPE_BYTES, given_bytes)) == values
    assert canonical(read_values(Field("x", type_kind), P.TYPE_STRING, [f"{v:f}" for v in values])) == values


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e28, 1e28) | st.integers(-(10**15), 10**15).map(lambda n: n / 10**9), min_size=1))
def test_doubles_into_numeric_round_half_away_from_zero(values: list[float]) -> None:
    from bqsim.types.parse import to_decimal

    rows = read_values(Field("x", TypeKind.NUMERIC), P.TYPE_DOUBLE, values)
    assert canonical(rows) == [to_decimal(Decimal(v), TypeKind.NUMERIC) for v in values]
