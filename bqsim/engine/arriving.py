"""Rows that arrive while the engine takes them: batches as one Arrow stream, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import copy_context

import pyarrow as pa

from bqsim.types import Field
from bqsim.types.arrow import empty_table

from .convert import to_engine

# How much of the rows just written the engine may keep in its cache.
TRIM_BYTES = 128 * 1024 * 1024


class ArrivingBatches:
    """Canonical batches as a stream that the engine pulls, from threads of its own.

    The batches are made in the context of whoever made the stream. What making one fails with is kept in
    :attr:`error`: the engine has no more of it than a text.
    """

    def __init__(
        self, batches: Iterable[pa.Table], fields: Sequence[Field], trim: Callable[[], None]
    ) -> None:
        """``trim`` is called after each :data:`TRIM_BYTES` of rows."""
        self._trim = trim
        self._batches = iter(batches)
        self._fields = tuple(fields)
        self._context = copy_context()
        self.error: BaseException | None = None
        self.schema = to_engine(empty_table(self._fields), self._fields).schema
        self.reader: pa.RecordBatchReader | None = pa.RecordBatchReader.from_batches(
            self.schema, self._pulled()
        )

    def close(self) -> None:
        """Let go of what the batches are made of."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            self._context.run(close)
        # The reader holds what refers to it where no collector looks.
        self.reader = self.error = None

    def _pulled(self) -> Iterator[pa.RecordBatch]:
        untrimmed = 0
        while True:
            try:
                rows = self._context.run(next, self._batches, None)
            except BaseException as error:
                self.error = error
                raise
            if rows is None:
                return
            arrived = to_engine(rows, self._fields)
            if arrived.schema != self.schema:
                arrived = arrived.cast(self.schema)
            yield from arrived.to_batches()
            untrimmed += arrived.nbytes
            if untrimmed >= TRIM_BYTES:
                untrimmed = 0
                self._trim()
