"""Answers of AppendRows."""

from __future__ import annotations

from collections.abc import Sequence

from bqsim.storage.errors import StorageFailure
from bqsim.storage.status import status_message
from bqsim.storage.table_schema import table_schema
from bqsim.storage.v1 import write_pb2
from bqsim.types import Field

ROW_ERRORS = (
    "Errors found while processing rows. Please refer to the row_errors field for details."
    " The list may not be complete because of the size limitations."
)
# The text that the errors of the rows of one answer may have together.
MAX_ROW_ERROR_BYTES = 256 * 1024

RowErrors = Sequence[tuple[int, str]]


def appended(stream: str, offset: int | None, changed: Sequence[Field] | None = None) -> bytes:
    """The answer to an append that went in at ``offset`` (None for a default stream).

    ``changed`` are the fields of the table when they are news to the writer.
    """
    response = write_pb2.AppendRowsResponse(write_stream=stream)
    response.append_result.SetInParent()
    if offset is not None:
        response.append_result.offset.value = offset
        response.append_result.offset.SetInParent()
    return _serialized(response, changed)


def failed(
    stream: str, failure: StorageFailure, row_errors: RowErrors = (), changed: Sequence[Field] | None = None
) -> bytes:
    """The answer to an append that failed as a whole."""
    response = write_pb2.AppendRowsResponse(write_stream=stream)
    entity = failure.entity or stream
    response.error.CopyFrom(status_message(failure, with_entity(failure.message, entity), entity))
    used = 0
    for index, message in row_errors:
        used += len(message) + 16
        if used > MAX_ROW_ERROR_BYTES:
            break
        response.row_errors.add(index=index, code="FIELDS_ERROR", message=message)
    return _serialized(response, changed)


def with_entity(message: str, entity: str) -> str:
    """The text as the service ends it: with what it is about."""
    return message if " Entity: " in message or not entity else f"{message} Entity: {entity}"


def _serialized(response: write_pb2.AppendRowsResponse, changed: Sequence[Field] | None) -> bytes:
    if changed is not None:
        response.updated_schema.CopyFrom(table_schema(changed))
    message: bytes = response.SerializeToString()
    return message
