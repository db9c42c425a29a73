from __future__ import annotations

import pytest

from bqsim.cost.units import (
    BYTES,
    HOURS_PER_MONTH,
    SLOT_TIME,
    bytes_of,
    shown_bytes,
    shown_money,
    shown_share,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 KB", 1000),
        ("1 KiB", 1024),
        ("1 MB", 1_000_000),
        ("1 MiB", 1_048_576),
        ("1 GB", 1_000_000_000),
        ("1 GiB", 1_073_741_824),
        ("1 TB", 1_000_000_000_000),
        ("1 TiB", 1_099_511_627_776),
        ("TiB", 1_099_511_627_776),
        ("1.5 KiB", 1536),
        ("1_000 B", 1000),
        ("200 MiB", 209_715_200),
        ("12", 12),
        (12, 12),
    ],
)
def test_sizes(text: str | int, expected: int) -> None:
    assert bytes_of(text) == expected


@pytest.mark.parametrize("text", ["", "1 gb", "GIB", "ten GiB", "-1 GiB", "1 slot-h"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        bytes_of(text)


def test_decimal_and_binary_units_differ() -> None:
    assert BYTES["TiB"] / BYTES["TB"] == pytest.approx(1.0995116)
    assert SLOT_TIME["slot-h"] == 3600 * SLOT_TIME["slot-s"] == 3_600_000 * SLOT_TIME["slot-ms"]
    assert HOURS_PER_MONTH == 730


def test_how_figures_are_shown() -> None:
    assert shown_bytes(1536) == "1.50 KiB"
    assert shown_bytes(-(2**40)) == "-1.00 TiB"
    assert shown_bytes(12) == "12 B"
    assert shown_money(1234.5, "USD") == "1,234.50 USD"
    assert shown_money(0.0123, "EUR") == "0.0123 EUR"
    assert shown_money(-0.00001, "EUR") == "0.00 EUR"
    assert shown_share(0.125) == "+12.5 %"
    assert shown_share(float("inf")) == "from 0"
