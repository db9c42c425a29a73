"""Rows into files: the formats of exports (pages *Exporting table data*, *EXPORT DATA statement*)."""

from __future__ import annotations

import gzip
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

# Extensions of GZIP streams are the writer's caller's: names are given by the user.
_GZIP_LEVEL = 6
# About how many bytes of rows become text at a time.
_CHUNK_BYTES = 64 * 1024**2
# So many threads make texts of rows.
_THREADS = 2


class Sink(Protocol):
    """What takes the bytes of a file."""

    def write(self, data: bytes | memoryview, /) -> int: ...


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a file is to be written; options of other formats are without effect."""

    compression: str = "NONE"
    header: bool = True
    delimiter: str = ","
    logical_types: bool = False


class FileWriter(Protocol):
    """A file that is being written; it is whole once it is closed. The sink is not closed."""

    def write(self, rows: pa.Table, /) -> None:
        """Append canonical rows."""
        ...

    def close(self) -> None: ...


Open = Callable[[Sequence[Field], Sink, WriteOptions], FileWriter]


def _csv(fields: Sequence[Field], out: Sink, options: WriteOptions) -> FileWriter:
    from .write_csv import CsvWriter

    return CsvWriter(fields, out, header=options.header, delimiter=options.delimiter)


def _json(fields: Sequence[Field], out: Sink, options: WriteOptions) -> FileWriter:
    from .write_json import JsonWriter

    return JsonWriter(fields, out)


def _avro(fields: Sequence[Field], out: Sink, options: WriteOptions) -> FileWriter:
    from .write_avro import AvroWriter

    return AvroWriter(fields, out, options.compression, logical_types=options.logical_types)


def _parquet(fields: Sequence[Field], out: Sink, options: WriteOptions) -> FileWriter:
    from .write_parquet import ParquetWriter

    return ParquetWriter(fields, out, options.compression)


# Page "Exporting table data": formats, and the compressions that each may have beside NONE.
WRITERS: dict[str, tuple[Open, frozenset[str]]] = {
    "CSV": (_csv, frozenset({"GZIP"})),
    "JSON": (_json, frozenset({"GZIP"})),
    "AVRO": (_avro, frozenset({"DEFLATE", "SNAPPY"})),
    "PARQUET": (_parquet, frozenset({"SNAPPY", "GZIP", "ZSTD"})),
}
COMPRESSIONS = frozenset({"NONE"}).union(*(kinds for _, kinds in WRITERS.values()))
# Formats whose streams are compressed as a whole.
_STREAMS = frozenset({"CSV", "JSON"})
_TABS = {"tab": "\t", "\\t": "\t"}


def delimiter_of(text: str | None) -> str | None:
    """The character that a field delimiter names: itself, or ``tab`` and ``\\t``; a comma for none. None when
    it is not one character."""
    delimiter = _TABS.get(text, text) if text else ","
    return delimiter if delimiter is not None and len(delimiter) == 1 else None


def check_writable(format_: str, fields: Sequence[Field]) -> None:
    """Raises ``invalid`` when a format cannot hold fields."""
    if format_ == "AVRO":
        _check_avro(fields, "")
    if format_ != "CSV":
        return
    for field in fields:
        if field.mode is Mode.REPEATED or field.kind is TypeKind.STRUCT:
            raise invalid(f"Operation cannot be performed on a nested schema. Field: {field.name}")


def _check_avro(fields: Sequence[Field], outer: str) -> None:
    """Page "Exporting table data": the type RANGE is not exported to Avro."""
    for field in fields:
        if field.kind is TypeKind.RANGE:
            raise invalid(f"Type RANGE is not supported for export format AVRO. Field: {outer}{field.name}")
        _check_avro(field.fields, f"{outer}{field.name}.")


def open_file(format_: str, fields: Sequence[Field], out: Sink, options: WriteOptions) -> FileWriter:
    """Begin a file of a format; the sink takes its bytes as rows come."""
    writer, _ = WRITERS[format_]
    if format_ in _STREAMS and options.compression == "GZIP":
        return _Packed(lambda packed: writer(fields, packed, options), out)
    return writer(fields, out, options)


def write_file(
    format_: str, fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions
) -> None:
    """Write canonical rows as a whole file of a format; ``out`` is not closed."""
    file = open_file(format_, fields, out, options)
    file.write(rows)
    file.close()


class _Packed:
    """A file whose stream is compressed as a whole."""

    def __init__(self, open_: Callable[[Sink], FileWriter], out: Sink) -> None:
        # Without a time in its header, so that the same rows give the same bytes.
        self._stream = gzip.GzipFile("", "wb", _GZIP_LEVEL, _File(out), mtime=0)
        self._file = open_(self._stream)

    def write(self, rows: pa.Table) -> None:
        self._file.write(rows)

    def close(self) -> None:
        self._file.close()
        self._stream.close()


class _File:
    """A sink as :class:`gzip.GzipFile` wants one."""

    def __init__(self, out: Sink) -> None:
        self.write = out.write

    def flush(self) -> None:
        return None

    def seekable(self) -> bool:
        return False


def chunks(rows: pa.Table, size: int) -> Any:
    """Slices of ``size`` rows, fewer where they are wide, with one chunk a column; nothing of no rows."""
    if rows.nbytes > _CHUNK_BYTES:
        size = max(1, min(size, _CHUNK_BYTES * rows.num_rows // rows.nbytes))
    for start in range(0, rows.num_rows, size):
        part = rows.slice(start, size)
        columns = [c.combine_chunks() for c in part.columns]
        yield [c.chunk(0) if hasattr(c, "chunks") else c for c in columns], part.num_rows


def converted(
    convert: Callable[[Sequence[Any], int], memoryview], rows: pa.Table, size: int
) -> Iterator[memoryview]:
    """The texts of :func:`chunks`, in order; further ones are made meanwhile, by other threads."""
    parts = chunks(rows, size)
    if rows.num_rows <= size:
        for columns, count in parts:
            yield convert(columns, count)
        return
    pending: deque[Future[memoryview]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for columns, count in parts:
            pending.append(pool.submit(convert, columns, count))
            if len(pending) > _THREADS:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def lines(texts: Any, *, ended: bool = False) -> memoryview:
    """Texts as the bytes of lines; none of them is NULL. ``ended``: they have their line breaks."""
    import numpy as np
    import pyarrow.compute as pc

    from bqsim.types.arrow import compute

    if not ended:
        texts = compute(pc.binary_join_element_wise, texts, "", "\n")
    _, offsets, data = texts.buffers()
    if data is None or not len(texts):
        return memoryview(b"")
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[int(bounds[0]) : int(bounds[-1])]
