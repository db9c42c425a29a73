from __future__ import annotations

import random
import struct
from decimal import Decimal
from typing import Any

import pytest

from bqsim.engine.duckdb import DuckDBSession
from bqsim.engine.kernels.casts import escape_value, parse_numeric_with_exponent
from bqsim.errors import BigQueryError

NAN, INF = float("nan"), float("inf")


def _cast(session: DuckDBSession, source: str, target: str, value: Any) -> Any:
    kinds = {"string": "VARCHAR", "float64": "DOUBLE", "numeric": "DECIMAL(38,9)", "bytes": "BLOB"}
    quoted = "'" + str(value).replace("'", "''") + "'"
    return session.scalar(f"SELECT bq_cast_{source}_to_{target}(CAST({quoted} AS {kinds[source]}))")


def _failure(session: DuckDBSession, source: str, target: str, value: Any) -> str:
    with pytest.raises(BigQueryError) as caught:
        _cast(session, source, target, value)
    assert caught.value.reason.name == "invalidQuery"
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    (
        ("1", 1),
        (" \t+12\n", 12),
        ("-0x1F", -31),
        ("0X7fffffffffffffff", 2**63 - 1),
        ("-0x8000000000000000", -(2**63)),
        ("9223372036854775807", 2**63 - 1),
        ("0x" + "0" * 40 + "1", 1),
    ),
)
def test_string_to_int64(session: DuckDBSession, text: str, value: int) -> None:
    assert _cast(session, "string", "int64", text) == value


@pytest.mark.parametrize(
    ("text", "shown"),
    (
        ("abc", "abc"),
        ("", ""),
        ("1.0", "1.0"),
        ("1e3", "1e3"),
        ("1_0", "1_0"),
        ("  x ", "x "),
        ("0x", "0x"),
        ("9223372036854775808", "9223372036854775808"),
        ("it's", r"it\'s"),
        ("é", r"\303\251"),
        ("a" * 33, "a" * 32 + "..."),
    ),
)
def test_bad_int64_value(session: DuckDBSession, text: str, shown: str) -> None:
    assert _failure(session, "string", "int64", text) == f"Bad int64 value: {shown}"


@pytest.mark.parametrize(
    ("text", "value"),
    (
        ("1.5", 1.5),
        (" .5 ", 0.5),
        ("1e400", INF),
        ("-1e400", -INF),
        ("inf", INF),
        ("-Infinity", -INF),
        ("0x1p3", 8.0),
        ("0x.8", 0.5),
        ("-0x1p99999", -INF),
        ("1e-400", 0.0),
        ("0.1", 0.1),
    ),
)
def test_string_to_float64(session: DuckDBSession, text: str, value: float) -> None:
    assert _cast(session, "string", "float64", text) == value


@pytest.mark.parametrize("text", ("", "1_0", "1d", "0x", "1e", "--1", "1,000", "in f"))
def test_bad_double_value(session: DuckDBSession, text: str) -> None:
    assert _failure(session, "string", "float64", text) == f"Bad double value: {text}"


@pytest.mark.parametrize(("text", "value"), (("true", True), ("FALSE", False), ("tRuE", True)))
def test_string_to_bool(session: DuckDBSession, text: str, value: bool) -> None:
    assert _cast(session, "string", "bool", text) is value


def test_bad_bool_value(session: DuckDBSession) -> None:
    assert _failure(session, "string", "bool", "yes") == "Bad bool value: yes"
    assert _failure(session, "string", "bool", " true") == "Bad bool value:  true"


@pytest.mark.parametrize(
    ("text", "value"),
    (
        ("1.5", "1.5"),
        ("1.0000000005", "1.000000001"),
        ("-1.0000000005", "-1.000000001"),
        ("1e28", "1e28"),
        ("99999999999999999999999999999.999999999", "99999999999999999999999999999.999999999"),
        ("99999999999999999999999999999.999999999e0", "99999999999999999999999999999.999999999"),
        ("0e1000", "0"),
        ("1e-400", "0"),
        (" .5\t", "0.5"),
        ("15e-10", "0"),
        ("1.5e-9", "0.000000002"),
    ),
)
def test_string_to_numeric(session: DuckDBSession, text: str, value: str) -> None:
    assert _cast(session, "string", "numeric", text) == Decimal(value)


@pytest.mark.parametrize(
    "text", ("", "x", "1e29", "0x1F", "inf", ".5e-9", "99999999999999999999999999999.9999999995")
)
def test_invalid_numeric_value(session: DuckDBSession, text: str) -> None:
    assert _failure(session, "string", "numeric", text) == f"Invalid NUMERIC value: {escape_value(text)}"


@pytest.mark.parametrize(
    ("value", "text"),
    (
        (1.0, "1"),
        (-0.0, "0"),
        (0.1, "0.1"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e15, "1e+15"),
        (1 / 3, "0.33333333333333331"),
        (5e-324, "4.94065645841247e-324"),
        (9007199254740992.0, "9007199254740992"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (NAN, "nan"),
        (-INF, "-inf"),
        (123456.789, "123456.789"),
    ),
)
def test_float64_to_string(session: DuckDBSession, value: float, text: str) -> None:
    assert _cast(session, "float64", "string", value) == text


def test_float64_text_reads_back() -> None:
    draws = random.Random(7)
    for _ in range(2000):
        [value] = struct.unpack("d", struct.pack("Q", draws.getrandbits(64)))
        if value == value:
            short, long = f"{value:.15g}", f"{value:.17g}"
            assert float(short if float(short) == value else long) == value


@pytest.mark.parametrize(
    ("value", "number"),
    (
        (2.5, 3),
        (-2.5, -3),
        (0.49999999999999994, 0),
        (-9223372036854775808.0, -(2**63)),
        (4503599627370497.5, 4503599627370498),
    ),
)
def test_float64_to_int64_rounds_half_away(session: DuckDBSession, value: float, number: int) -> None:
    assert _cast(session, "float64", "int64", value) == number


def test_float64_out_of_range(session: DuckDBSession) -> None:
    assert _failure(session, "float64", "int64", 9223372036854775808.0) == "int64 out of range: 9.22337e+18"
    assert _failure(session, "float64", "numeric", 1e30) == "numeric out of range: 1e+30"
    illegal = "Illegal conversion of non-finite floating point number to"
    assert _failure(session, "float64", "int64", NAN) == f"{illegal} an integer: nan"
    assert _failure(session, "float64", "numeric", -INF) == f"{illegal} numeric: -inf"


def test_float64_to_numeric_is_exact(session: DuckDBSession) -> None:
    draws = random.Random(11)
    values = [1e29, 1e28, 5e-10, -5e-10, 1.5e-9, 4.9e-10, 0.1, -0.0]
    values += [draws.uniform(-1, 1) * 10 ** draws.randint(-12, 28) for _ in range(200)]
    values += [(2 * draws.randrange(10**9) + 1) / 2 ** draws.randint(1, 50) for _ in range(100)]
    for value in values:
        wanted = Decimal(value).quantize(Decimal("1e-9"), "ROUND_HALF_UP", _wide())
        assert _cast(session, "float64", "numeric", repr(value)) == wanted, value


def _wide() -> Any:
    from decimal import Context

    return Context(prec=100)


@pytest.mark.parametrize(
    ("value", "text"), (("1.500000000", "1.5"), ("100", "100"), ("0", "0"), ("-0.000000001", "-0.000000001"))
)
def test_numeric_to_string(session: DuckDBSession, value: str, text: str) -> None:
    assert _cast(session, "numeric", "string", value) == text


def test_numeric_to_int64(session: DuckDBSession) -> None:
    assert _cast(session, "numeric", "int64", "2.5") == 3
    assert _cast(session, "numeric", "int64", "-2.5") == -3
    assert (
        _failure(session, "numeric", "int64", "9223372036854775807.5")
        == "int64 out of range: 9223372036854775807.5"
    )


def test_numeric_to_float64_rounds_once(session: DuckDBSession) -> None:
    draws = random.Random(13)
    for _ in range(300):
        text = str(
            Decimal(draws.randrange(-(10 ** draws.randint(1, 37)), 10 ** draws.randint(1, 37))).scaleb(-9)
        )
        text = f"{Decimal(text):f}"
        assert _cast(session, "numeric", "float64", text) == float(text), text


def test_bytes_to_string(session: DuckDBSession) -> None:
    assert session.scalar("SELECT bq_cast_bytes_to_string(encode('é'))") == "é"
    for bad in ("ff", "eda080", "c080", "e282"):
        with pytest.raises(BigQueryError, match=r"^Invalid cast of bytes to UTF8 string$"):
            session.scalar(f"SELECT bq_cast_bytes_to_string(unhex('{bad}'))")


@pytest.mark.parametrize("target", ("int64", "float64", "bool", "numeric", "bytes"))
def test_null_stays_null_and_try_catches(session: DuckDBSession, target: str) -> None:
    assert session.scalar(f"SELECT bq_cast_string_to_{target}(CAST(NULL AS VARCHAR))") is None
    if target != "bytes":
        assert session.scalar(f"SELECT TRY(bq_cast_string_to_{target}('no'))") is None


def test_parse_numeric_with_exponent_refuses_other_text() -> None:
    assert parse_numeric_with_exponent("12") is None
    assert parse_numeric_with_exponent("1e2x") is None
