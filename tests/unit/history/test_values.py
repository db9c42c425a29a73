"""Cells are read the same, whichever of the forms of a value they have."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.history.values import is_empty, items_of, members, micros, truth, whole
from bqsim.history.views import lowered, stages_of

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
TIMES = st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2200, 1, 1))


@given(
    TIMES,
    st.sampled_from(["", "Z", " UTC", "UTC", "+00:00", " GMT", " +00:00", "+0000"]),
    st.sampled_from(" T"),
)
def test_times_of_all_tools(moment: dt.datetime, zone: str, between: str) -> None:
    us = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
    day = moment.strftime("%Y-%m-%d")
    assert micros(f"{moment.year:04}{day[-6:]}{between}{moment:%H:%M:%S.%f}{zone}") == us
    assert micros(f"  {day}{between}{moment:%H:%M:%S.%f}789{zone} ") == us
    second = us // 1_000_000 * 1_000_000
    assert micros(f"{day}{between}{moment:%H:%M:%S}{zone}") == second
    assert (
        micros(f"{day}{between}{moment:%H:%M:%S}.{us % 1_000_000 // 100_000}{zone}")
        == us // 100_000 * 100_000
    )


@given(TIMES, st.integers(-12, 12))
def test_times_of_other_zones(moment: dt.datetime, hours: int) -> None:
    us = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(microseconds=1)
    assert micros(f"{moment:%Y-%m-%d %H:%M:%S.%f}{hours:+03}:00") == us - hours * 3_600_000_000


@given(st.integers(0, 10**11 - 1))
def test_counted_times(number: int) -> None:
    assert micros(number) == micros(str(number)) == micros(f"{number}.0") == number * 1_000_000
    ms = number + 10**11
    assert micros(ms) == micros(str(ms)) == micros(f" {ms} ") == ms * 1000
    us = ms * 1000 + 7
    assert micros(us) == micros(str(us)) == us
    assert micros(us * 1000 + 999) == micros(str(us * 1000 + 999)) == us


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30 00:00:00",
        "2026-01-01 24:00:00",
        "2026-01-01 00:00:60",
        "2026-01-01 00:00:00.",
        "2026-01-01 00:00:00.1234567890",
        "2026-01-01 00:00:00 CET",
        "2026-01-01 00:00:00+01 UTC",
        "20260101T000000",
        "2026-W01-1 00:00:00",
    ],
)
def test_no_times(text: str) -> None:
    with pytest.raises(ValueError, match="is no time"):
        micros(text)


@given(st.integers())
def test_whole_numbers(number: int) -> None:
    assert whole(number) == whole(str(number)) == whole(f" {number} ") == number


@pytest.mark.parametrize(
    "value", [None, "", " ", "null", " NULL ", "NaT", "nan", "<NA>", "None", float("nan")]
)
def test_nothing(value: object) -> None:
    assert is_empty(value)
    assert (micros(value), whole(value), truth(value)) == (0, 0, False)


@pytest.mark.parametrize("value", ["none", "nil", "nothing", "0", 0, False, "NULLs"])
def test_something(value: object) -> None:
    assert not is_empty(value)


@pytest.mark.parametrize(
    ("value", "said"), [("x", "'x' is no number"), ("1 2", "'1 2' is no number"), ("²", "'²' is no number")]
)
def test_no_numbers(value: str, said: str) -> None:
    with pytest.raises(ValueError) as refused:
        whole(value)
    assert str(refused.value) == said


def test_members_in_any_spelling() -> None:
    assert members({"projectId": 1, "project_id": 2}, "project_id") == 2
    assert members({"projectId": 1}, "project_id") == 1
    assert members({"PROJECTID": None}, "project_id") is None
    assert members({"other": 1, "ProjectId": 3}, "name", "project_id") == 3
    assert members({f"k{n}": n for n in range(200)} | {"projectId": 9}, "project_id") == 9
    assert members([("project_id", 1)], "project_id") is None


def test_stages_of_several_spellings_in_one_plan() -> None:
    stages = stages_of(
        [
            {"id": "0", "slot_ms": "5", "input_stages": [], "start_ms": "1767225600000"},
            {"id": 1, "slotMs": 6, "inputStages": ["0"], "parallelInputs": "3", "endMs": 1767225601000},
            {"id": 2, "SLOT_MS": "7", "name": "S02"},
            "no stage",
        ]
    )
    assert [(one.id, one.slot_ms, one.inputs, one.parallel_inputs) for one in stages] == [
        (0, 5, (), 1),
        (1, 6, (0,), 3),
        (2, 7, (), 1),
        (0, 0, (), 1),
    ]
    assert (stages[0].start_us, stages[1].end_us) == (1767225600_000_000, 1767225601_000_000)


def test_items_are_unwrapped() -> None:
    assert items_of([{"v": 1}, {"v": 1, "w": 2}, 3]) == [1, {"v": 1, "w": 2}, 3]
    assert items_of('[{"v": [1]}]') == [[1]]
    assert items_of("{}") == items_of(None) == items_of({"a": 1}) == []


def test_rows_are_lowered_by_their_own_columns() -> None:
    assert lowered({"JOB_ID": 1, " User_Email ": 2}) == {"job_id": 1, "user_email": 2}
    assert lowered({"job_id": 1, "error_result.reason": "x", "error_result_message": None}) == {
        "job_id": 1,
        "error_result": {"reason": "x"},
    }
    assert lowered({"job_id": 1, 2: 3}) == {"job_id": 1}  # type: ignore[dict-item]
    assert lowered({"session_id": "s", "session_info_session_id": "t"}) == {
        "session_id": "s",
        "session_info": {"session_id": "t"},
    }
