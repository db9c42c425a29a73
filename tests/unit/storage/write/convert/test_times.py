from __future__ import annotations

import datetime as dt

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.write.convert import times
from bqsim.storage.write.convert.scope import Scope

PACKED = st.tuples(
    st.integers(0, 10001), st.integers(0, 15), st.integers(0, 31), st.integers(0, 25), st.integers(0, 61)
)


@given(st.lists(PACKED, min_size=1))
def test_packed_datetimes_are_checked_part_by_part(parts: list[tuple[int, int, int, int, int]]) -> None:
    wanted = {}
    for i, (year, month, day, hour, minute) in enumerate(parts):
        try:
            wanted[i] = dt.datetime(year, month, day, hour, minute)
        except ValueError:
            continue
    packed = [y << 46 | mo << 42 | d << 37 | h << 32 | mi << 26 for y, mo, d, h, mi in parts]
    found: dict[int, str] = {}
    array = times.datetime_of_packed(pa.array(packed), Scope(found, "x"))
    assert set(found) == set(range(len(parts))) - set(wanted)
    assert {i: v for i, v in enumerate(array.to_pylist()) if i in wanted} == wanted


def test_arbitrary_bits_under_nulls() -> None:
    array = pa.Array.from_buffers(
        pa.int64(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer((-1).to_bytes(8, "little", signed=True) * 2)]
    )
    found: dict[int, str] = {}
    assert times.time_of_packed(array, Scope(found, "x")).null_count == 1
    assert list(found) == [1]


def test_no_values() -> None:
    empty = pa.array([], pa.int64())
    for convert in (times.date_of_days, times.timestamp_of_micros, times.datetime_of_packed):
        assert len(convert(empty, Scope({}))) == 0
    assert len(times.interval_checked(pa.array([], pa.month_day_nano_interval()), Scope({}))) == 0
