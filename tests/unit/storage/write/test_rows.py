"""The two readers give the same rows."""

from __future__ import annotations

import pyarrow as pa

from bqsim.storage.write.rows import ReadRows, RowReader, arrow_reader, proto_reader
from bqsim.types import Field, Mode, TypeKind

from .writers import REPEATED, P, message, message_class, schema_of, table

TARGET = table(
    Field("a", TypeKind.INT64), Field("l", TypeKind.STRING, Mode.REPEATED), Field("z", TypeKind.BOOL)
)


def test_both_readers() -> None:
    descriptor = message(a=P.TYPE_INT64, l=(P.TYPE_STRING, REPEATED))
    class_ = message_class(descriptor)
    values = [{"a": 1, "l": ["x"]}, {"l": []}, {"a": 3, "l": ["y", "z"]}]
    protos: RowReader = proto_reader(TARGET, schema_of(descriptor))
    schema = pa.schema([("a", pa.int64()), ("l", pa.list_(pa.string()))])
    batch = pa.RecordBatch.from_pylist(values, schema)
    arrows: RowReader = arrow_reader(TARGET, schema.serialize().to_pybytes())
    first: ReadRows = protos.read([class_(**v).SerializeToString() for v in values])
    second = arrows.read(batch.serialize().to_pybytes())
    assert protos.fields == arrows.fields == first.fields == second.fields == TARGET.fields[:2]
    assert first.columns.equals(second.columns)
    assert first.errors == second.errors == ()
    assert first.change_types is second.change_types is None
    # An empty array is a value in Arrow; protocol buffers cannot tell it from none.
    assert first.missing["l"].tolist() == [False, True, False]
    assert "l" not in second.missing
    assert first.missing["a"].tolist() == second.missing["a"].tolist() == [False, True, False]
