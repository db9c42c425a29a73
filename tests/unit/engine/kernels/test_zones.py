from __future__ import annotations

import datetime
import zoneinfo
from importlib import resources

import numpy as np
import pytest

from bqsim.engine.kernels.zones import zone
from bqsim.errors import BigQueryError

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
NAMES = (
    "UTC", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Dublin", "Asia/Kolkata",
    "Asia/Tehran", "Australia/Lord_Howe", "Africa/Casablanca", "Africa/Accra", "America/Nuuk",
    "Pacific/Apia", "EST5EDT",
)  # fmt: skip


def _expected(name: str) -> zoneinfo.ZoneInfo:
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as file:
        return zoneinfo.ZoneInfo.from_file(file, name)


@pytest.mark.parametrize("name", NAMES)
def test_offsets_are_those_of_the_database(name: str) -> None:
    known = _expected(name)
    step = datetime.timedelta(days=61, hours=7, minutes=13)
    times = [datetime.datetime(1850, 1, 1) + step * i for i in range(1600)]
    times += [datetime.datetime(y, m, 15, 12) for y in (3, 2400, 5000, 9998) for m in (1, 4, 7, 10)]
    seconds = np.array([int((t.replace(tzinfo=datetime.UTC) - EPOCH).total_seconds()) for t in times])
    at = [t.replace(tzinfo=datetime.UTC).astimezone(known).utcoffset() for t in times]
    local = [t.replace(tzinfo=known).utcoffset() for t in times]
    assert zone(name).at(seconds).tolist() == [o.total_seconds() for o in at if o is not None]
    assert zone(name).at_local(seconds).tolist() == [o.total_seconds() for o in local if o is not None]


@pytest.mark.parametrize(("local", "hours"), [("2023-03-12 02:30:00", -5), ("2023-11-05 01:30:00", -4)])
def test_skipped_and_repeated_times_have_the_offset_before(local: str, hours: int) -> None:
    time = datetime.datetime.fromisoformat(local).replace(tzinfo=datetime.UTC)
    seconds = np.array([int((time - EPOCH).total_seconds())])
    assert zone("America/New_York").at_local(seconds).tolist() == [hours * 3600]


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("+5", 18000),
        ("-05:30", -19800),
        ("+0530", 19800),
        ("UTC+3", 10800),
        ("+123", 43380),
        ("-14:00", -50400),
    ],
)
def test_fixed_offsets(name: str, seconds: int) -> None:
    assert zone(name).at(np.array([0, 10**11])).tolist() == [seconds, seconds]


@pytest.mark.parametrize(
    "name", ["nowhere", "utc", "+14:01", "+05:60", "5", "+", "../tzdata", "Europe", "Europe/London "]
)
def test_unknown_zones(name: str) -> None:
    with pytest.raises(BigQueryError, match="Invalid time zone: "):
        zone(name)


def test_no_zone() -> None:
    with pytest.raises(BigQueryError, match="Invalid empty time zone"):
        zone("")
