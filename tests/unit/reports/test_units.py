import pytest

from bqsim.reports.units import labels, shown


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "bytes", "0 B"),
        (1536, "bytes", "1.5 KiB"),
        (-(1 << 30), "bytes", "-1 GiB"),
        (0.00025, "s", "250 µs"),
        (90, "s", "1.5 min"),
        (1234, "ms", "1.23 s"),
        (7.2e6, "slot-ms", "2 slot-h"),
        (0.0375, "USD", "$0.0375"),
        (-5, "USD", "-$5"),
        (12.5, "%", "12.5%"),
        (31, "rows", "31 rows"),
        (31000, "", "31k"),
        (1_700_000_000_000_000, "time", "2023-11-14 22:13:20"),
        (float("inf"), "bytes", "inf"),
    ],
)
def test_a_figure_is_told_in_the_unit_that_fits(value: float, unit: str, text: str) -> None:
    assert shown(value, unit) == text


def test_labels_share_a_scale_and_tell_ticks_apart() -> None:
    assert labels([0, 0.5, 1], "") == ["0.0", "0.5", "1.0"]
    assert labels([0, 1 << 29, 1 << 30], "bytes") == ["0.0 GiB", "0.5 GiB", "1.0 GiB"]
    assert labels([0, 0.25], "USD") == ["$0.00", "$0.25"]


def test_labels_of_a_logarithm_have_each_their_scale() -> None:
    assert labels([1, 1024, 1 << 20], "bytes", log=True) == ["1 B", "1 KiB", "1 MiB"]
    assert labels([100, 1e3, 1e5], "ms", log=True) == ["100 ms", "1 s", "100 s"]


def test_labels_of_times_tell_days_or_hours() -> None:
    day = 86_400_000_000
    assert labels([0, day], "time") == ["01 Jan", "02 Jan"]
    assert labels([0, day // 4], "time") == ["00:00", "06:00"]
    assert labels([0, day + day // 2], "time") == ["01 Jan 00:00", "02 Jan 12:00"]


def test_labels_are_not_thirds_of_minutes_or_hours() -> None:
    assert labels([0, 20, 40, 60], "s") == ["0 s", "20 s", "40 s", "60 s"]
    assert labels([0, 600e3, 1200e3, 3600e3], "ms") == ["0 min", "10 min", "20 min", "60 min"]
    assert labels([0, 30, 60, 90], "s") == ["0.0 min", "0.5 min", "1.0 min", "1.5 min"]
