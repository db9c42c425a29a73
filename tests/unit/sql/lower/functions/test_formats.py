from __future__ import annotations

import datetime

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine, route_reason

TIMES = ("2021-01-03 09:05:07.123456", "1969-07-04 13:00:00.5", "2020-12-31 23:59:59", None)
ELEMENTS = (
    "%a %A %b %B %h %C %d %e %G %g",
    "%H %I %j %M %m %n%t%% %p %Q %S",
    "%s %U %u %V %W %w %Y %y %E4Y %EY",
    "%c | %D | %F | %R | %r | %T | %x | %X",
    "%E*S %E0S %E1S %E3S %E6S %E9S",
    "%Z %z %Ez",
    "%Od %OH {0} %%",
)


@pytest.mark.parametrize("form", ELEMENTS)
def test_formatting(warehouse: Warehouse, form: str) -> None:
    rows = [(t,) for t in TIMES]
    for kind in ("DATETIME", "TIMESTAMP"):
        assert_agrees(warehouse, f"FORMAT_{kind}('{form}', {kind}(x))", "x STRING", rows)
    assert_agrees(warehouse, f"FORMAT_DATE('{form}', DATE(DATETIME(x)))", "x STRING", rows)
    assert_agrees(warehouse, f"FORMAT_TIME('{form}', TIME(DATETIME(x)))", "x STRING", rows)


def test_formatting_in_zones(warehouse: Warehouse) -> None:
    zones = ("UTC", "America/New_York", "+05:30", "Asia/Kolkata", "Europe/London", None)
    rows = [(t, z) for t in (*TIMES, "1800-01-01") for z in zones]
    assert_agrees(
        warehouse, "FORMAT_TIMESTAMP('%F %T %Z %z %Ez %s', TIMESTAMP(x), z)", "x STRING, z STRING", rows
    )


def test_hours_without_zeros(warehouse: Warehouse) -> None:
    for element, shown in (("%k", " 9"), ("%l", " 9"), ("%P", "am")):
        assert_engine(warehouse, f"FORMAT_TIME('{element}', TIME '09:05:07')", shown)


def test_unknown_elements_take_the_other_route(warehouse: Warehouse) -> None:
    assert "%f" in route_reason(warehouse, "FORMAT_DATE('%f', DATE '2021-01-03')")
    assert warehouse.run("SELECT FORMAT_DATE('%f', DATE '2021-01-03')").route is Route.REFERENCE


@pytest.mark.parametrize(
    ("kind", "form", "texts"),
    [
        ("DATE", "%Y-%m-%d", ["2021-01-05", "2021-1-5", " 2021-01-05 ", "1800-01-05", None]),
        ("DATE", "%Y-%m-%d", ["2021-13-05"]),
        ("DATE", "%Y-%m-%d", ["2021-02-30"]),
        ("DATE", "%Y-%m-%d", ["2021/01/05"]),
        ("DATE", "%Y-%m-%d", ["2021-01-05x"]),
        ("DATE", "%Y%m%d", ["20210105"]),
        ("DATE", "%Y%m", ["20215", "12345"]),
        ("DATE", "%b %d %Y", ["Jan 5 2021", "january 5 2021"]),
        ("DATE", "%y", ["68", "69"]),
        ("DATE", "%C%y", ["2021"]),
        ("DATE", "%j %Y", ["60 2020"]),
        ("DATE", "%Y %j", ["2021 366"]),
        ("DATE", "%d%j", ["05032"]),
        ("DATE", "%j%d", ["03205"]),
        ("DATE", "%Q %Y", ["3 2021"]),
        ("DATE", "%Y", ["0"]),
        ("DATE", "%d", ["31"]),
        ("DATE", "%H", ["05"]),
        ("DATE", "%", ["%"]),
        ("DATE", "%%%Y", ["%2021"]),
        ("TIMESTAMP", "%Y-%m-%d %H:%M:%E*S", ["2021-01-05 10:11:12.123456789", "2021-01-05 10:11:12"]),
        ("TIMESTAMP", "%Y-%m-%d %H:%M:%S", ["2021-01-05 10:11:60", "2021-01-05 10:11:12"]),
        ("TIMESTAMP", "%Y-%m-%d %H:%M:%S", ["2021-01-05 24:11:12"]),
        ("TIMESTAMP", "%H:%M:%S%z", ["10:11:12+0530", "10:11:12+05"]),
        ("TIMESTAMP", "%H:%M:%S%z", ["10:11:12+1500"]),
        ("TIMESTAMP", "%H:%M:%S%Ez", ["10:11:12+05:30", "10:11:12Z", "10:11:12+0530"]),
        ("TIMESTAMP", "%H %Z", ["10 America/New_York", "10 EST", "10 +05:30"]),
        ("TIMESTAMP", "%H %Z", ["10 nowhere"]),
        ("TIMESTAMP", "%I:%M %p", ["12:30 AM", "12:30 pm", "1:05 PM"]),
        ("TIMESTAMP", "%s", ["1609841472", "-5"]),
        ("TIMESTAMP", "%c", ["Tue Jan  5 10:11:12 2021"]),
        ("DATETIME", "%Y-%m-%dT%T", ["2021-01-05T10:11:12", None]),
        ("DATETIME", "%z", ["+0100"]),
        ("TIME", "%r", ["01:02:03 PM"]),
        ("TIME", "%H:%M:%E*S", ["10:11:12.5", "23:59:60"]),
        ("TIME", "%Y", ["2021"]),
    ],
)
def test_parsing(warehouse: Warehouse, kind: str, form: str, texts: list[str | None]) -> None:
    assert_agrees(warehouse, f"PARSE_{kind}('{form}', x)", "x STRING", [(t,) for t in texts])


def test_parsing_with_a_format_of_each_row(warehouse: Warehouse) -> None:
    rows = [("%Y", "2021"), ("%d/%m/%Y", "05/01/2021"), (None, "2021"), ("%Y", None)]
    assert_agrees(warehouse, "PARSE_DATE(f, x)", "f STRING, x STRING", rows)


def test_the_short_form_of_a_date(warehouse: Warehouse) -> None:
    assert_engine(warehouse, "PARSE_DATE('%F', '2021-01-05')", datetime.date(2021, 1, 5))


def test_parsing_at_a_zone(warehouse: Warehouse) -> None:
    rows = [("2021-03-14 02:30", "America/New_York"), ("2021-11-07 01:30", "America/New_York")]
    rows += [("2021-03-14 02:30", z) for z in ("UTC", "+05:30")]
    assert_agrees(warehouse, "PARSE_TIMESTAMP('%Y-%m-%d %H:%M', x, z)", "x STRING, z STRING", rows)


@pytest.mark.parametrize(
    "shown", ["CAST({} AS STRING)", "FORMAT('%t %T %f', {0}, {0}, {0})", "TO_JSON_STRING({})"]
)
def test_nan_has_no_sign(warehouse: Warehouse, shown: str) -> None:
    """Zero times an infinity has a sign bit; its text has none."""
    rows = [(float("inf"),), (float("-inf"),)]
    assert_agrees(warehouse, shown.format("(0.0 * x)"), "x FLOAT64", rows)
