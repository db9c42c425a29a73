"""Writers' schemas and rows for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.storage.v1 import formats_pb2
from bqsim.storage.write.rows import ReadRows, arrow_reader, proto_reader
from bqsim.types import Field, TypeKind
from bqsim.types.values import python_values

P = descriptor_pb2.FieldDescriptorProto
OPTIONAL, REQUIRED, REPEATED = P.LABEL_OPTIONAL, P.LABEL_REQUIRED, P.LABEL_REPEATED


def table(*fields: Field, key: Sequence[str] = ()) -> Table:
    ref = TableRef("p", "d", "t")
    return Table(ref, TableKind.TABLE, fields, 0, 0, "e", "US", primary_key=tuple(key))


def message(name: str = "Row", **fields: Any) -> Any:
    """A descriptor: by field name a type, (type, label), a descriptor, or [descriptor] of a repeated one."""
    descriptor = descriptor_pb2.DescriptorProto(name=name)
    for number, (field_name, given) in enumerate(fields.items(), 1):
        label = OPTIONAL
        if isinstance(given, list):
            (given,), label = given, REPEATED
        if isinstance(given, tuple):
            given, label = given
        field = descriptor.field.add(name=field_name, number=number, label=label)
        if isinstance(given, int):
            field.type = given
        elif isinstance(given, str):
            field.type, field.type_name = P.TYPE_MESSAGE, given
        elif isinstance(given, descriptor_pb2.EnumDescriptorProto):
            field.type, field.type_name = P.TYPE_ENUM, given.name
            descriptor.enum_type.add().CopyFrom(given)
        else:
            field.type, field.type_name = P.TYPE_MESSAGE, given.name
            descriptor.nested_type.add().CopyFrom(given)
    return descriptor


def enum(name: str, **values: int) -> Any:
    descriptor = descriptor_pb2.EnumDescriptorProto(name=name)
    for value_name, number in values.items():
        descriptor.value.add(name=value_name, number=number)
    return descriptor


def message_class(descriptor: Any) -> Any:
    """The Python class of a message; it may name the messages of google.protobuf."""
    from google.protobuf import duration_pb2, timestamp_pb2, wrappers_pb2

    pool = descriptor_pool.DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(name="rows.proto", syntax="proto2")
    for module in (duration_pb2, timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
        file.dependency.append(module.DESCRIPTOR.name)
    file.message_type.add().CopyFrom(descriptor)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(descriptor.name))


def schema_of(descriptor: Any) -> Any:
    return formats_pb2.ProtoSchema(proto_descriptor=descriptor)


def read_protos(target: Table, descriptor: Any, rows: Sequence[Mapping[str, Any] | bytes]) -> ReadRows:
    """Rows given by the keyword arguments of their message, or serialised."""
    class_ = message_class(descriptor)
    payload = [r if isinstance(r, bytes) else class_(**r).SerializePartialToString() for r in rows]
    return proto_reader(target, schema_of(descriptor)).read(payload)


def read_arrow(target: Table, batch: pa.RecordBatch) -> ReadRows:
    reader = arrow_reader(target, batch.schema.serialize().to_pybytes())
    return reader.read(batch.serialize().to_pybytes())


def read_array(field: Field, array: pa.Array, type_: pa.DataType | None = None) -> ReadRows:
    """One Arrow column for a table of one field."""
    column = array if type_ is None else pa.array(array, type_)
    return read_arrow(table(field), pa.RecordBatch.from_arrays([column], names=[field.name]))


def read_values(field: Field, type_: Any, values: Sequence[Any]) -> ReadRows:
    """One column of protobuf values (None: absent) for a table of one field."""
    rows = [{} if v is None else {field.name: v} for v in values]
    return read_protos(table(field), message(**{field.name: type_}), rows)


def canonical(rows: ReadRows, column: int = 0) -> list[Any]:
    """The canonical Python values of a column; fails on errors of rows."""
    assert rows.errors == ()
    # Arrow calls the 77th digit of BIGNUMERIC invalid.
    rows.columns.validate(full=rows.fields[column].kind is not TypeKind.BIGNUMERIC)
    return python_values(rows.columns.column(column), rows.fields[column].type)
