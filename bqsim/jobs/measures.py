"""Sizes of files and results that jobs meet while they work, held against the limits."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from bqsim.engine.formats.parsed import READING
from bqsim.errors import invalid
from bqsim.sim.limits.model import Moment
from bqsim.sim.limits.work import Working, working

if TYPE_CHECKING:
    import pyarrow as pa

# Formats whose rows are lines.
_LINES = frozenset({"CSV", "NEWLINE_DELIMITED_JSON"})
GZIP = b"\x1f\x8b"


class FileMeasure:
    """Holds the files of a load job against its limits, while they are read."""

    def __init__(self, format_: str) -> None:
        self._work = working()
        self._lines = format_ in _LINES
        self._files = 0
        self._bytes = 0
        self._stream: MeasuredStream | None = None
        longest = _cap(self._work, "row_bytes") if self._work is not None else None
        self._longest = longest if self._lines else None

    def check(self, inputs: Sequence[Sized]) -> None:
        """Raises ``BigQueryError`` for the limit that the files exceed already by their sizes."""
        self._files = len(inputs)
        if self._work is not None:
            self._work.charge(Moment.RUN, {"files": len(inputs), "bytes": sum(one.size for one in inputs)})

    def around(self, size: int, stream: BinaryIO) -> BinaryIO:
        """A stream to read a file of ``size`` bytes from, which is measured. What is packed is unpacked."""
        self.done()
        if self._work is None:
            return stream
        packed = stream.read(2) == GZIP
        stream.seek(0)
        kind = "compressed_file_bytes" if packed else "file_bytes"
        self._work.charge(Moment.RUN, {"files": self._files, kind: size})
        if not self._lines:
            self._bytes += size
            return stream
        unpacked = cast("BinaryIO", gzip.GzipFile(fileobj=stream)) if packed else stream
        self._stream = MeasuredStream(unpacked, rows=self._longest is not None)
        return cast("BinaryIO", self._stream)

    def charge(self) -> None:
        """Hold what has been read so far against the limits. Raises ``BigQueryError``."""
        if self._work is None:
            return
        stream = self._stream
        sizes = {"files": self._files, "bytes": self._bytes + (stream.size if stream else 0)}
        if stream is not None and self._longest is not None and stream.longest > self._longest:
            sizes["row_bytes"] = stream.longest
        self._work.charge(Moment.RUN, sizes)

    def done(self) -> None:
        """A file has been read to its end."""
        if self._stream is not None:
            self._stream.end()
            self.charge()
            self._bytes += self._stream.size
            self._stream = None


class Sized(Protocol):
    """Something of ``size`` bytes."""

    @property
    def size(self) -> int: ...


class MeasuredStream(io.RawIOBase):
    """A seekable stream that knows how far it was read (``size``), and with ``rows`` its longest line."""

    def __init__(self, stream: BinaryIO, *, rows: bool) -> None:
        super().__init__()
        self._stream = stream
        self._rows = rows
        self._line = 0
        self.size = 0
        self.longest = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def read(self, size: int | None = -1) -> bytes:
        try:
            data = self._stream.read(-1 if size is None else size)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise invalid(f"{READING}Failed to decompress the gzip data.") from error
        new = self._stream.tell() - self.size
        if new > 0:
            if self._rows:
                self._measure(data[-new:])
            self.size += new
        return data

    def readinto(self, buffer: Any) -> int:
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _measure(self, data: bytes) -> None:
        first, last = data.find(b"\n"), data.rfind(b"\n")
        if first < 0:
            self._line += len(data)
            self.longest = max(self.longest, self._line)
            return
        self.longest = max(self.longest, self._line + first)
        if last - first > self.longest:
            self.longest = max(self.longest, *map(len, data[first + 1 : last].splitlines()))
        self._line = len(data) - last - 1

    def end(self) -> None:
        """Nothing follows."""
        self.longest = max(self.longest, self._line)


def charge_result(rows: pa.Table) -> None:
    """Hold a result without a destination table against the limits of its job."""
    work = working()
    if work is None or work.statement_type in ("", "SCRIPT"):
        return
    work.charge(Moment.COMMIT, {"result_bytes": rows.nbytes, "columns": rows.num_columns})
    longest = _cap(work, "row_bytes")
    if longest is not None and rows.nbytes > longest:
        work.charge(Moment.RUN, {"row_bytes": widest_row(rows)})


def widest_row(rows: pa.Table) -> int:
    """The bytes of the largest row: texts by their length, other values by their share of the column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows.num_rows:
        return 0
    total: pa.Array | None = None
    rest = 0
    for column in rows.columns:
        type_ = column.type
        if not (pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_binary(type_)):
            rest += -(-column.nbytes // rows.num_rows)
            continue
        lengths = pc.fill_null(pc.cast(pc.binary_length(column), pa.int64()), 0)
        total = lengths if total is None else pc.add(total, lengths)
    return rest + (int(pc.max(total).as_py()) if total is not None else 0)


def _cap(work: Working, measure: str) -> int | None:
    return work.enforcement.limits.cap(measure, replace(work.facts, moment=Moment.RUN))
