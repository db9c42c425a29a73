from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bqsim.catalog.resources import Table, TableKind
from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import write_pb2
from bqsim.storage.write import rows
from bqsim.storage.write.readers import Readers, RowFormat, Source, WriterSchema, payload, writer_schema

from .conftest import FIELDS, SCHEMA, TABLE, opening, rows_of

TABLE_NOW = Table(TABLE, TableKind.TABLE, FIELDS, 1, 1, "e", "US")
ARROW = WriterSchema(RowFormat.ARROW, SCHEMA.serialize().to_pybytes())
BATCH = rows_of(range(3)).serialize().to_pybytes()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The schemas that readers were made for."""
    found: list[Any] = []
    real = rows.arrow_reader

    def arrow_reader(table: Table, schema: bytes) -> Any:
        found.append((table.fields, schema))
        return real(table, schema)

    monkeypatch.setattr(rows, "arrow_reader", arrow_reader)
    return found


def test_reader_is_kept_while_both_schemas_last(made: list[Any]) -> None:
    readers = Readers()
    for _ in range(3):
        found = readers.read(TABLE_NOW, Source(WriterSchema(RowFormat.ARROW, bytes(ARROW.data)), BATCH))
        assert found is not None
        assert found.num_rows == 3
    assert len(made) == 1
    described = replace(FIELDS[0], description="new")
    readers.read(replace(TABLE_NOW, fields=(described, FIELDS[1])), Source(ARROW, BATCH))
    assert len(made) == 2


def test_nothing_to_read() -> None:
    assert Readers().read(TABLE_NOW, Source(ARROW, b"")) is None


def test_schema_that_is_none_is_not_kept() -> None:
    readers = Readers()
    for _ in range(2):
        with pytest.raises(StorageFailure):
            readers.read(TABLE_NOW, Source(WriterSchema(RowFormat.ARROW, b"nonsense"), BATCH))
    assert readers.read(TABLE_NOW, Source(ARROW, memoryview(BATCH))) is not None


def test_parts_of_requests() -> None:
    arrow = write_pb2.AppendRowsRequest()
    arrow.ParseFromString(opening(rows_of([1]), "s"))
    assert writer_schema(arrow, RowFormat.ARROW) == ARROW
    assert payload(arrow, RowFormat.ARROW) == rows_of([1]).serialize().to_pybytes()
    assert writer_schema(write_pb2.AppendRowsRequest(), RowFormat.ARROW) is None
    proto = write_pb2.AppendRowsRequest()
    assert writer_schema(proto, RowFormat.PROTO) is None
    proto.proto_rows.writer_schema.proto_descriptor.name = "Row"
    proto.proto_rows.rows.serialized_rows.append(b"x")
    found = writer_schema(proto, RowFormat.PROTO)
    assert found is not None
    assert found.data == proto.proto_rows.writer_schema.SerializeToString()
    assert list(payload(proto, RowFormat.PROTO)) == [b"x"]
