"""Messages of the Storage API, held to their protos: what a message has that its proto does not know."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from .api_schema import Problem


@cache
def _responses() -> dict[str, Any]:
    """The classes of answers by method id."""
    from bqsim.server.grpc.methods import METHODS

    return {method.id: method.answer for method in METHODS}


def problems(method: str, data: bytes) -> list[Problem]:
    """What an answer of a gRPC method (``google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows``) has that
    its proto does not know: fields, values of enums, or bytes that are no message at all. KeyError for a
    method that is none."""
    from google.protobuf.message import DecodeError

    message = _responses()[method]()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        return [Problem("", f"{message.DESCRIPTOR.name} is expected: {error}")]
    return list(message_problems(message))


def message_problems(message: Any, path: str = "") -> Iterator[Problem]:
    """What a parsed message has that its proto does not know, with all messages in it."""
    from google.protobuf.unknown_fields import UnknownFieldSet

    for unknown in UnknownFieldSet(message):
        yield Problem(path, f"{message.DESCRIPTOR.name} has no field {unknown.field_number}")
    for field, value in message.ListFields():
        inside = f"{path}.{field.name}" if path else field.name
        values = value if _repeated(value) else [value]
        for at, one in enumerate(values):
            place = f"{inside}[{at}]" if _repeated(value) else inside
            if field.enum_type is not None and one not in field.enum_type.values_by_number:
                yield Problem(place, f"{field.enum_type.name} has no value {one}")
            elif field.message_type is not None and hasattr(one, "ListFields"):
                yield from message_problems(one, place)


def _repeated(value: Any) -> bool:
    return (
        not isinstance(value, (str, bytes)) and hasattr(value, "__len__") and not hasattr(value, "ListFields")
    )
