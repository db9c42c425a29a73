from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.scenario.durations import format_duration, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90m", 5400),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("500ms", 0.5),
        ("250us", 0.00025),
        ("1.5h", 5400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("-5m", -300),
        ("2.5", 2.5),
        (2.5, 2.5),
        (3, 3),
        (0, 0),
        (timedelta(minutes=2), 120),
    ],
)
def test_durations(written: str | float | timedelta, seconds: float) -> None:
    assert parse_duration(written) == pytest.approx(seconds, rel=1e-12)


@pytest.mark.parametrize("written", ["", "m", "1x", "1h-3m", "one", "1h30", "٣m", "1e3s", "--1s", "1,5h"])
def test_wrong_durations(written: str) -> None:
    with pytest.raises(ValueError, match="expected a duration such as"):
        parse_duration(written)


@pytest.mark.parametrize("written", [float("nan"), float("inf"), 10**400, "9" * 500 + "d", "36601d"])
def test_boundless_durations(written: str | float) -> None:
    with pytest.raises(ValueError, match=r"longer than 100 years|not nan"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("seconds", "written"), [(5400, "1h30m"), (0.5, "500ms"), (0, 0), (-300, "-5m"), (1e-9, 1e-9)]
)
def test_shortest_spelling(seconds: float, written: str | float) -> None:
    assert format_duration(seconds) == written


@given(st.floats(min_value=-3e9, max_value=3e9))
def test_spelling_is_exact(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@given(st.integers(0, 3 * 10**15))
def test_spelling_of_whole_microseconds_is_exact(us: int) -> None:
    assert parse_duration(format_duration(us / 10**6)) == us / 10**6
