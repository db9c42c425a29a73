"""Texts of a batch are read as the steps of one text read them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine import kernels as registry
from bqsim.engine.kernels import parsing
from bqsim.engine.kernels.parsing_batches import pattern
from bqsim.errors import BigQueryError

KERNELS = registry.kernels()
_DATES = (
    "2020-02-29",
    "2021-02-29",
    "0001-01-01",
    "9999-12-31",
    "0000-01-01",
    " 2020-1-5 ",
    "2020-13-01",
    "10000-01-01",
    "20-01-01",
    "",
)
_NAMES = (
    "5 Jan 2020",
    "05 january 2020",
    "29 FEB 2021",
    "1 ſep 2020",
    "31 Dec 69",
    "Monday 7 June 1999",
    "Fri  7 Jun 1999",
    "x",
)
_TIMES = (
    "12:34:56",
    "1:2:3",
    "23:59:60",
    "24:00:00",
    "12:34:56.",
    "12:34:56.123456789",
    "12:34:56.5",
    "07:08:09 pm",
    "12:00:00 AM",
    "0:1:2 AM",
)
_STAMPS = (
    "2020-02-29 12:34:56",
    "2020-02-29T12:34:56.25+05:30",
    "2020-02-29 12:34:56Z",
    "2020-03-29 02:30:00",
    "2020-02-29 12:34:56-0800",
    "9999-12-31 23:59:59.999999-01:00",
    "2020-02-29 12:34:56+14:30",
    "2020-02-29 12:34:60.5",
    "2020-02-2912:34:56",
    "1582-10-10 00:00:00",
)
_FORMATS = {
    "DATE": (
        "%Y-%m-%d",
        "%F",
        "%d %b %Y",
        "%e %B %Y",
        "%d %b %y",
        "%A %e %B %Y",
        "%a %d %b %Y",
        "%Y%m%d",
        "%Y-%j",
        "%j %Y",
        "%y-%m-%d",
        "%%%Y",
        "%Y-%m-%d %m",
        "%D",
    ),
    "TIME": (
        "%H:%M:%S",
        "%T",
        "%I:%M:%S %p",
        "%I:%M:%S %P",
        "%H:%M:%E*S",
        "%H:%M:%E3S",
        "%R",
        "%H%M",
        "%X",
        "%I:%M:%S",
        "%H:%M:%S %p",
        "%E*S.",
    ),
    "DATETIME": ("%Y-%m-%d %H:%M:%S", "%F %T", "%F %H:%M:%E*S", "%FT%T", "%c"),
    "TIMESTAMP": (
        "%F %T",
        "%F %H:%M:%E*S%Ez",
        "%FT%H:%M:%E*S%Ez",
        "%F %T%z",
        "%F %H:%M:%E2S",
        "%F %T%Z",
        "%s",
    ),
}
_FUNCTIONS: dict[str, Callable[..., int]] = {
    "DATE": parsing.parse_date,
    "TIME": parsing.parse_time,
    "DATETIME": parsing.parse_datetime,
    "TIMESTAMP": parsing.parse_timestamp,
}


def texts() -> list[str]:
    random = Random(3)
    found = [*_DATES, *_NAMES, *_TIMES, *_STAMPS]
    for _ in range(300):
        text = random.choice(found)
        at = random.randrange(len(text) + 1)
        found.append(
            text[:at]
            + random.choice(("", " ", "0", "1", ":", "-", ".", "pm"))
            + text[at + random.randrange(2) :]
        )
    return found


def outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except BigQueryError as error:
        return error.message


@pytest.mark.parametrize(
    ("kind", "form"), [(kind, form) for kind, forms in _FORMATS.items() for form in forms]
)
def test_batches_are_read_as_rows(kind: str, form: str) -> None:
    zones = ("UTC", "Europe/Berlin", "-03:30") if kind == "TIMESTAMP" else (None,)
    for zone in zones:
        more = () if zone is None else (zone,)
        given = texts()
        expected = [outcome(_FUNCTIONS[kind], form, text, *more) for text in given]
        columns = [pa.array([value] * len(given)) for value in (form, *more)]
        columns.insert(1, pa.array(given))
        found = KERNELS[f"bq_safe_parse_{kind.lower()}"].function(*columns)
        integer = pa.int32() if kind == "DATE" else pa.int64()
        assert found.cast(integer).to_pylist() == [v if isinstance(v, int) else None for v in expected]
        good = [text for text, value in zip(given, expected, strict=True) if isinstance(value, int)]
        if good:
            columns = [pa.array([value] * len(good)) for value in (form, *more)]
            columns.insert(1, pa.array(good))
            found = KERNELS[f"bq_parse_{kind.lower()}"].function(*columns)
            assert found.cast(integer).to_pylist() == [v for v in expected if isinstance(v, int)]


@pytest.mark.parametrize("form", ["%Y %Y", "%Y%y", "%H %I", "%m %j", "%s", "%bx", "", "abc"])
def test_formats_for_the_steps(form: str) -> None:
    assert pattern(form, "TIMESTAMP") is None


def test_nulls_and_failures_are_null_when_safe() -> None:
    columns = (pa.array(["%F"] * 3), pa.array(["2020-01-01", None, "x"]))
    assert KERNELS["bq_safe_parse_date"].function(*columns).cast(pa.int32()).to_pylist() == [
        18262,
        None,
        None,
    ]
    with pytest.raises(BigQueryError, match="Failed to parse input string"):
        KERNELS["bq_parse_date"].function(pa.array(["%F"]), pa.array(["2020-01-"]))
