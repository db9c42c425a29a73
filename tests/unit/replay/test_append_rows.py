"""Texts of rows by which appends are found."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from bqsim.errors import StorageFailure
from bqsim.replay.append_rows import Writer, recorded_texts, row_texts
from bqsim.storage.v1 import write_pb2

from .recorded import Store


def test_the_same_values_have_the_same_text() -> None:
    rows: list[dict[str, Any]] = [
        {"id": 1, "F": 1.5, "b": b"abc", "ok": True, "n": Decimal("1.50"), "d": dt.date(2024, 2, 29)},
        {"d": "2024-02-29", "n": "1.5", "ok": "true", "b": "YWJj", "f": "1.5", "ID": "1", "absent": None},
    ]
    first, second = row_texts(rows)
    assert first == second
    assert row_texts([{"a": {"x": None}, "l": []}, {}]) == ["{}", "{}"]
    assert row_texts([{"l": [1, 2]}]) != row_texts([{"l": [2, 1]}])
    assert row_texts([{"f": float("nan")}, {"f": float("inf")}]) == ['{"f":"NaN"}', '{"f":"Infinity"}']


def test_arrow_rows_are_found_in_recorded_json() -> None:
    table = pa.table({"id": [1, 2], "name": ["a", None]})
    batch = table.to_batches()[0]
    request = write_pb2.AppendRowsRequest()
    request.arrow_rows.writer_schema.serialized_schema = table.schema.serialize().to_pybytes()
    request.arrow_rows.rows.serialized_record_batch = batch.serialize().to_pybytes()
    store = Store()
    data = store.put(b'{"id":"0"}\n{"id":"1","name":"a"}\n{"id":"2"}\n')
    stretch = {"start": 4, "count": 2, "format": "ndjson", "data": data, "skip": 1}
    count, texts = Writer().rows(request)
    assert count == 2
    assert recorded_texts(store, [stretch]) == {4: texts[0], 5: texts[1]}


def test_rows_without_a_schema() -> None:
    request = write_pb2.AppendRowsRequest()
    request.proto_rows.rows.serialized_rows.append(b"\x08\x01")
    with pytest.raises(StorageFailure, match="writer_schema is missing"):
        Writer().rows(request)
