"""Which rows of a source are where: the unit of streams, of their splits and of sampling."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bqsim.types import Field, TypeKind
from bqsim.types.arrow import to_numpy

from .sources import ResultRows, Source, StoredRows

if TYPE_CHECKING:
    from bqsim.engine.protocol import Session

# Rows of one block where rows are narrow: what the engine reads at least at once.
BLOCK_ROWS = 2048
BLOCK_BYTES = 1 << 20
# Block maps that are remembered.
MAPS = 64

_COUNTS = (Field("block", TypeKind.INT64), Field("rows", TypeKind.INT64))


@dataclass(frozen=True, slots=True)
class Blocks:
    """Rows ``[0, end)`` in blocks of ``size``.

    ``ends[i]`` is the number of live rows in the blocks up to ``i`` (int64). ``whole`` says that every row
    lives.
    """

    size: int
    end: int
    ends: Any
    whole: bool

    @property
    def count(self) -> int:
        return len(self.ends)

    @property
    def rows(self) -> int:
        """Live rows."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def live(self, low: int, high: int) -> int:
        """Live rows of blocks ``[low, high)``."""
        return self._before(high) - self._before(low)

    def _before(self, block: int) -> int:
        return int(self.ends[block - 1]) if block else 0

    def cut(self, low: int, high: int, row: float) -> int:
        """The border between blocks of ``[low, high)`` that is next to the live row ``row`` of them."""
        wanted = self._before(low) + row
        above = int(np.searchsorted(self.ends[low:high], wanted)) + low + 1
        if above > low + 1 and wanted - self._before(above - 1) < self._before(above) - wanted:
            above -= 1
        return above

    def span(self, low: int, high: int) -> tuple[int, int]:
        """The rows ``[start, end)`` of blocks ``[low, high)``."""
        return low * self.size, min(high * self.size, self.end)


def block_rows(row_bytes: float) -> int:
    """The size of blocks for rows of this many bytes: a power of two."""
    size = BLOCK_ROWS
    while size > 1 and size * row_bytes > BLOCK_BYTES:
        size //= 2
    return size


class BlockMaps:
    """Finds the blocks of sources, remembering some. Thread-safe."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, Blocks] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session, source: Source, size: int) -> Blocks:
        """The blocks of ``size`` rows."""
        if isinstance(source, ResultRows):
            return _whole(source.result.num_rows, size)
        key = (source.key, size)
        with self._lock:
            known = self._known.get(key)
            if known is not None:
                self._known.move_to_end(key)
                return known
        found = _stored(session, source, size)
        with self._lock:
            self._known[key] = found
            if len(self._known) > MAPS:
                self._known.popitem(last=False)
        return found


def _whole(rows: int, size: int) -> Blocks:
    count = -(-rows // size)
    ends = np.minimum(np.arange(1, count + 1, dtype=np.int64) * size, rows)
    return Blocks(size, rows, ends, True)


def _stored(session: Session, source: StoredRows, size: int) -> Blocks:
    engine_table = source.storage.engine_table
    if source.row_count is not None:
        # As many rows as lived then are all there are: none has died and none has come.
        found = session.scalar(f"SELECT [count(*), COALESCE(max(rowid) + 1, 0)] FROM {engine_table}")
        if found == [source.row_count, source.row_count]:
            return _whole(source.row_count, size)
    counted = session.query(
        f"SELECT rowid // {size} AS block, count(*) AS n FROM {engine_table} WHERE {source.live}"
        " GROUP BY ALL ORDER BY ALL",
        _COUNTS,
    )
    if not counted.num_rows:
        return _whole(0, size)
    blocks, rows = (to_numpy(column.combine_chunks(), 0) for column in counted.columns)
    live = np.zeros(int(blocks[-1]) + 1, np.int64)
    live[blocks] = rows
    return Blocks(size, len(live) * size, np.cumsum(live), False)
