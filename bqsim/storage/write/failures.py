"""What calls of BigQueryWrite are refused with, whoever answers them."""

from __future__ import annotations

from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.storage.names import WriteStreamName, write_stream_of
from bqsim.storage.status import storage_error
from bqsim.storage.v1 import status_pb2


def application_stream(path: str, done: str) -> WriteStreamName:
    """The name of a stream that an application made. INVALID_ARGUMENT for others: default streams cannot be
    ``done``."""
    name = write_stream_of(path)
    if name.is_default:
        raise invalid_argument(
            f"The default stream cannot be {done}. Entity: {name.path}",
            code="INVALID_STREAM_TYPE",
            entity=name.path,
        )
    return name


def no_type(parent: str) -> StorageFailure:
    """A stream is to be made of no type."""
    return invalid_argument("The type of the write stream must be specified.", entity=parent)


def stream_finalized(name: WriteStreamName) -> StorageFailure:
    """An append to a finalized stream."""
    return invalid_argument("Stream has been finalized.", code="STREAM_FINALIZED", entity=name.path)


def wrong_offset(name: WriteStreamName, offset: int, expected: int) -> StorageFailure:
    """An append at another offset than the next one."""
    if offset < expected:
        where, status, code = "within", "ALREADY_EXISTS", "OFFSET_ALREADY_EXISTS"
    else:
        where, status, code = "beyond", "OUT_OF_RANGE", "OFFSET_OUT_OF_RANGE"
    text = f"The offset is {where} stream, expected offset {expected}, received {offset}"
    return StorageFailure(status, text, code=code, entity=name.path)


def no_offset(name: WriteStreamName) -> StorageFailure:
    """A flush up to no offset."""
    return invalid_argument(f"The offset must be specified. Entity: {name.path}", entity=name.path)


def flush_beyond(name: WriteStreamName, offset: int, end: int) -> StorageFailure:
    """A flush up to an offset that is not below ``end``."""
    text = (
        f"The flush offset is beyond stream, expected offset below {end},"
        f" received {offset}. Entity: {name.path}"
    )
    return StorageFailure("OUT_OF_RANGE", text, code="OFFSET_OUT_OF_RANGE", entity=name.path)


def not_committable(
    name: WriteStreamName, type_: str, *, committed: bool, finalized: bool
) -> status_pb2.StorageError | None:
    """Why a stream cannot be committed; ``type_`` is what its type is called."""
    if type_ != "PENDING":
        text = f"Stream must be created in pending mode, actual: {type_}"
        return storage_error("INVALID_STREAM_TYPE", name.path, text)
    if committed:
        return storage_error("STREAM_ALREADY_COMMITTED", name.path, "Stream has been committed already.")
    if not finalized:
        return storage_error("INVALID_STREAM_STATE", name.path, "Stream has not been finalized.")
    return None
