from __future__ import annotations

from decimal import Decimal

import pytest

from bqsim.engine.kernels.formatting import (
    escape_bytes,
    format_float,
    format_integer,
    format_numeric,
    format_text,
    parse_spec,
    quote_bytes,
    quote_string,
)


def test_parse_spec() -> None:
    spec = parse_spec("%-+8.3f")
    assert (spec.flags, spec.width, spec.precision, spec.letter) == ("-+", 8, 3, "f")
    assert not spec.is_plain
    assert parse_spec("%t").is_plain
    assert parse_spec("%.f").precision == 0


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    (
        ("%'d", -1234567, "-1,234,567"),
        ("%#X", 255, "0XFF"),
        ("%'o", 1234567, "455,3207"),
        ("%+.3d", 5, "+005"),
    ),
)
def test_integers(spec: str, value: int, text: str) -> None:
    assert format_integer(spec, value) == text


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    (
        ("%'.1f", 1234567.891, "1,234,567.9"),
        ("%010f", float("-inf"), "      -inf"),
        ("%F", float("nan"), "NAN"),
        ("%f", -0.0, "0.000000"),
    ),
)
def test_floats(spec: str, value: float, text: str) -> None:
    assert format_float(spec, value) == text


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    (
        ("%.0f", "2.5", "3"),
        ("%e", "0", "0.000000e+00"),
        ("%.2e", "9995", "1.00e+04"),
        ("%g", "100000", "100000"),
        ("%G", "0.00001", "1E-05"),
    ),
)
def test_numerics_round_half_away_from_zero(spec: str, value: str, text: str) -> None:
    assert format_numeric(spec, Decimal(value)) == text


def test_texts_count_code_points() -> None:
    assert format_text("%4.1s|"[:-1], "éa") == "   é"
    assert format_text("%-3t", "é") == "é  "


def test_quotes_are_chosen_to_escape_least() -> None:
    assert quote_string("it's") == '"it\'s"'
    assert quote_string('say "x"') == "'say \"x\"'"
    assert quote_string("\x01\n") == r'"\x01\n"'
    assert quote_bytes(b"\xff'") == 'b"\\xff\'"'
    assert escape_bytes(b"'\\\n") == r"\'\\\x0a"
