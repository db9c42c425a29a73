"""Rows into files: the formats of exports (pages *Exporting table data*, *EXPORT DATA statement*)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

# Extensions of GZIP streams are the writer's caller's: names are given by the user.
_GZIP_LEVEL = 6


class Sink(Protocol):
    """What takes the bytes of a file."""

    def write(self, data: bytes, /) -> int: ...


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a file is to be written; options of other formats are without effect."""

    compression: str = "NONE"
    header: bool = True
    delimiter: str = ","
    logical_types: bool = False


Write = Callable[[Sequence[Field], "pa.Table", Sink, WriteOptions], None]


def _csv(fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions) -> None:
    from .write_csv import write_csv

    write_csv(fields, rows, out, header=options.header, delimiter=options.delimiter)


def _json(fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions) -> None:
    from .write_json import write_json

    write_json(fields, rows, out)


def _avro(fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions) -> None:
    from .write_avro import write_avro

    write_avro(fields, rows, out, options.compression, logical_types=options.logical_types)


def _parquet(fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions) -> None:
    from .write_parquet import write_parquet

    write_parquet(fields, rows, out, options.compression)


# Formats, and the compressions that each may have beside NONE.
WRITERS: dict[str, tuple[Write, frozenset[str]]] = {
    "CSV": (_csv, frozenset({"GZIP"})),
    "JSON": (_json, frozenset({"GZIP"})),
    "AVRO": (_avro, frozenset({"DEFLATE", "SNAPPY"})),
    "PARQUET": (_parquet, frozenset({"SNAPPY", "GZIP", "ZSTD"})),
}
# Formats whose streams are compressed as a whole.
_STREAMS = frozenset({"CSV", "JSON"})


def check_writable(format_: str, fields: Sequence[Field]) -> None:
    """Raises ``invalid`` when a format cannot hold fields."""
    if format_ != "CSV":
        return
    for field in fields:
        if field.mode is Mode.REPEATED:
            raise invalid(
                "Operation cannot be performed on a table with repeated fields. "
                f"Field: {field.name} is repeated."
            )
        if field.kind is TypeKind.STRUCT:
            raise invalid(f"Operation cannot be performed on a nested schema. Field: {field.name}")


def write_file(
    format_: str, fields: Sequence[Field], rows: pa.Table, out: Sink, options: WriteOptions
) -> None:
    """Write canonical rows as a whole file of a format; ``out`` is not closed."""
    write, _ = WRITERS[format_]
    if format_ in _STREAMS and options.compression == "GZIP":
        # Without a time in its header, so that the same rows give the same bytes.
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, _File(out), mtime=0) as packed:
            write(fields, rows, packed, options)
        return
    write(fields, rows, out, options)


class _File:
    """A sink as :class:`gzip.GzipFile` wants one."""

    def __init__(self, out: Sink) -> None:
        self.write = out.write

    def flush(self) -> None:
        return None

    def seekable(self) -> bool:
        return False


def chunks(rows: pa.Table, size: int) -> Any:
    """Slices of ``size`` rows, each with one chunk a column; nothing of no rows."""
    for start in range(0, rows.num_rows, size):
        part = rows.slice(start, size)
        columns = [c.combine_chunks() for c in part.columns]
        yield [c.chunk(0) if hasattr(c, "chunks") else c for c in columns], part.num_rows
