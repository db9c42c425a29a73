"""Usual texts of a batch are read as each of them is."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine import kernels as registry
from bqsim.engine.kernels.dates import parse_datetime, parse_local_timestamp, parse_timestamp
from bqsim.errors import BigQueryError

KERNELS = registry.kernels()
_GIVEN = (
    "2020-02-29 12:34:56",
    "2020-02-29T12:34:56Z",
    "2020-2-9",
    "2021-02-29",
    "2020-02-29t1:2:3.5z",
    "2020-02-29 12:34:56+05:30",
    "2020-02-29 12:34:56-3",
    "2020-02-29 12:34:56 Europe/Paris",
    "2020-02-29 12:34:60.5",
    "2020-02-29 24:00:00",
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999999",
    "9999-12-31 23:59:59-01",
    "0000-01-01",
    "10000-01-01",
    "2020-03-29 02:30:00",
    "2020-10-25 02:30:00",
    "2020-02-29 12:34:56+15",
    "2020-02-29 12:34:56+05:61",
    "2020-02-29 ",
    "2020-02-29 12:34:56.1234567",
    "x",
    "",
    "2020-02-29+00",
    "2020-02-29 12:34:56 UTC",
    "2020-02-29 12:34:56+0530",
    "2020-02-29Z",
)


def _texts() -> list[str]:
    random = Random(9)
    found = list(_GIVEN)
    for _ in range(400):
        text = random.choice(_GIVEN)
        at = random.randrange(len(text) + 1)
        found.append(
            text[:at]
            + random.choice(("", " ", "0", "1", ":", "-", ".", "Z"))
            + text[at + random.randrange(2) :]
        )
    return found


def _outcome(function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except BigQueryError:
        return None


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "-03:30", "Nowhere/None"])
def test_timestamps(zone: str) -> None:
    texts = _texts()
    expected = [_outcome(parse_timestamp, text, zone) for text in texts]
    found = KERNELS["bq_safe_parse_timestamp_text"].function(pa.array(texts), pa.array([zone] * len(texts)))
    assert found.cast(pa.int64()).to_pylist() == expected
    good = [text for text, value in zip(texts, expected, strict=True) if value is not None]
    found = KERNELS["bq_parse_timestamp_text"].function(pa.array(good), pa.array([zone] * len(good)))
    assert found.cast(pa.int64()).to_pylist() == [value for value in expected if value is not None]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_local_times(zone: str) -> None:
    texts = [text for text in _texts() if _outcome(parse_local_timestamp, text, zone) is not None]
    found = KERNELS["bq_local_string_to_timestamp"].function(pa.array(texts), pa.array([zone] * len(texts)))
    assert found.cast(pa.int64()).to_pylist() == [parse_local_timestamp(text, zone) for text in texts]


def test_datetimes() -> None:
    texts = [*_texts(), None]
    expected = [None if text is None else _outcome(parse_datetime, text) for text in texts]
    found = KERNELS["bq_safe_parse_datetime_text"].function(pa.array(texts))
    assert found.cast(pa.int64()).to_pylist() == expected
    with pytest.raises(BigQueryError, match="Invalid datetime string"):
        KERNELS["bq_parse_datetime_text"].function(pa.array(["2020-01-01", "x"]))
