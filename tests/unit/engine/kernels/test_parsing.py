from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.engine.kernels import dates, parsing
from bqsim.errors import BigQueryError

EPOCH = datetime.datetime(1970, 1, 1)
datetimes = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999))


def _micros(time: datetime.datetime) -> int:
    return (time - EPOCH) // datetime.timedelta(microseconds=1)


@given(datetimes)
def test_what_is_printed_is_read(time: datetime.datetime) -> None:
    text = time.isoformat(sep=" ")
    assert parsing.parse_datetime("%Y-%m-%d %H:%M:%E*S", text) == _micros(time)
    assert parsing.parse_date("%j/%E4Y", f"{time:%j}/{time.year:04d}") == (time.date() - EPOCH.date()).days
    assert dates.parse_datetime(text) == _micros(time)
    assert dates.parse_timestamp(text + "Z", "+05:00") == _micros(time)


@pytest.mark.parametrize(
    ("form", "kind"), [("%H", "DATE"), ("%E3S", "DATE"), ("%Y", "TIME"), ("%Ez", "DATETIME"), ("%Z", "TIME")]
)
def test_elements_that_a_type_lacks(form: str, kind: str) -> None:
    with pytest.raises(BigQueryError, match=f"^Invalid format: {form} is not allowed for the {kind} type"):
        getattr(parsing, f"parse_{kind.lower()}")(form, "1")


def test_unknown_elements_are_named() -> None:
    with pytest.raises(BigQueryError, match="%W"):
        parsing.parse_date("%Y %W", "2021 1")
