"""Rows of messages as Arrow record batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bqclient.errors import StorageError

if TYPE_CHECKING:
    import pyarrow as pa

    from .messages import Message
    from .read_session import ReadSession

Decode = Callable[["Message"], "pa.RecordBatch"]


def arrow_decoder(session: ReadSession) -> Decode:
    """Decodes messages of Arrow. The one copy that is made puts the rows where Arrow wants them."""
    import pyarrow as pa

    schema, shown = session.schema, session.shown
    read = pa.ipc.read_record_batch

    def decode(message: Message) -> pa.RecordBatch:
        try:
            batch = read(payload_of(message), schema)
        except pa.ArrowInvalid as error:
            raise StorageError("Rows of a stream are no Arrow data of the session's schema.") from error
        if batch.num_rows != message.row_count:
            raise StorageError(
                f"A message of {message.row_count} rows carries {batch.num_rows}.", retryable=True
            )
        if shown is not None:
            batch = pa.RecordBatch.from_arrays([batch.column(name) for name in shown.names], schema=shown)
        return batch

    return decode


def payload_of(message: Message) -> pa.Buffer:
    """The serialised rows, decompressed, in aligned memory of their own."""
    import pyarrow as pa

    size = message.rest.uncompressed_byte_size
    if size > 0:
        return pa.decompress(message.rows, size, codec="lz4_raw")
    made = pa.allocate_buffer(len(message.rows))
    memoryview(made).cast("B")[:] = message.rows
    return made
