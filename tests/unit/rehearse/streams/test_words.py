from __future__ import annotations

import pytest

from bqsim.rehearse.reporting.words import factor
from bqsim.rehearse.streams.words import sentences

from .plans import told

INF, NAN = float("inf"), float("nan")


def test_the_first_quota_to_be_passed_is_told() -> None:
    assert sentences(told("row_bytes: 1000, bytes: {constant: 1250000000}, location: EU")) == [
        "At 2.4 times the load 'AppendRows bytes per second' of project in eu passes 3,000,000,000 bytes a "
        "second"
    ]
    text = "row_bytes: 1000, bytes: {constant: 500000000}, connection_rate: 60000, location: EU"
    assert sentences(told(text)) == [
        "At 2.4 times the load 'Concurrent AppendRows connections' of project in eu passes 20,000 connections"
    ]


def test_a_quota_that_is_passed_is_told_with_what_clients_see() -> None:
    bursts = "{size: 240000000000, every: 1h, first: 1m, spread: 60s}"
    found = told(f"row_bytes: 1000, bytes: {{bursts: {bursts}}}")
    passed, late, headroom = sentences(found)
    assert passed.startswith(
        "'AppendRows bytes per second' of project in us is passed: 133.3 % of 3,000,000,000 bytes a second "
        "at the most, first after 60.0 s, 10.0 % of the time and 25.0 % of the bytes; clients see "
        "RESOURCE_EXHAUSTED / quotaExceeded: Exceeds 'AppendRows throughput' quota"
    )
    assert late == "With retries, 99 % of the bytes of stream are taken within 18.8 s"
    assert headroom == "'AppendRows bytes per second' of project in us is kept up to 0.75 times the load"


def test_what_is_never_taken_and_what_is_left_are_told() -> None:
    found = told("row_bytes: 1000, bytes: {constant: 4000000}, connections: 2", seconds=100)
    passed, late, drained, headroom = sentences(found)
    assert passed == (
        "What the connections of stream carry is passed: 200.0 % of 2,000,000 bytes a second at the most, "
        "first at the begin, 100.0 % of the time and 50.0 % of the bytes"
    )
    assert late == "With retries, 99 % of the bytes of stream are taken within 98.6 s"
    assert drained == "100 s after the last of it came, all that waited is taken"
    assert headroom == "What the connections of stream carry is kept up to 0.5 times the load"
    never = told("method: insertAll, row_bytes: 20 MiB, rows_per_request: 1, rows: {constant: 1}")
    assert "With retries, 99 % of the bytes of stream are taken within never, and 100.0 % never are" not in (
        sentences(never)
    )
    assert "100.0 % of the bytes of stream are never taken" in sentences(never)


def test_quotas_that_do_not_depend_on_the_load_are_told() -> None:
    found = told("row_bytes: 1000, rows: {bursts: {size: 1, every: 1d, first: 10h}}")
    assert sentences(found) == ["No quota of the streams depends on how much comes"]
    held = told(
        "row_bytes: 1000, rows: {constant: 1}, connections: 10",
        more="quotas: {values: {write_connections: 5}}",
    )
    assert sentences(held)[-1] == (
        "'Concurrent AppendRows connections' of project in us is passed however little comes"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (2.3999999999, "2.4"),
        (2.399, "2.39"),
        (0.0123456, "0.0123"),
        (1234.5, "1,234"),
        (0.0, "0"),
        (INF, "any"),
        (NAN, "–"),
    ],
)
def test_factors_are_rounded_down(value: float, said: str) -> None:
    assert factor(value) == said
