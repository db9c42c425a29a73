"""Files of any format into rows: what loads, LOAD DATA and external tables have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, BinaryIO

from bqsim.errors import invalid
from bqsim.types import Field

from . import csv, ndjson
from .csv import CsvOptions
from .detect import SAMPLE_ROWS, detect_json
from .geojson import GEOMETRY
from .parsed import READING, ArrowOptions, Parsed
from .streams import seekable

if TYPE_CHECKING:
    import pyarrow as pa

# Formats whose files say what their columns are.
SELF_DESCRIBING = frozenset({"PARQUET", "AVRO", "ORC"})
# How errors name a format.
NAMES = {"NEWLINE_DELIMITED_JSON": "JSON"}


# The engine reads chunks of rows by several threads, and keeps so many rows together.
_CHUNK_ROWS = 122_880


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How files are to be read. ``format`` is the API's ``sourceFormat``.

    ``decimal_types`` are the types that decimals of files may have, ``names`` the column name character map.
    """

    format: str
    csv: CsvOptions = field(default_factory=CsvOptions)
    ignore_unknown: bool = False
    max_bad_records: int = 0
    infer_lists: bool = False
    logical_types: bool = False
    decimal_types: tuple[str, ...] = ()
    enum_as_string: bool = False
    geojson: bool = False
    names: str = "STRICT"

    @property
    def arrow(self) -> ArrowOptions:
        """What is about the files that are read as Arrow."""
        return ArrowOptions(self.decimal_types, self.enum_as_string, self.names)


def detect(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    """The fields of a file, and the options completed by what was detected.

    ``stream`` is a seekable binary file, read from its beginning.
    """
    return _DETECT[options.format](stream, options)


def batches(
    stream: BinaryIO, fields: Sequence[Field], options: FileOptions, *, size: int | None = None
) -> Iterator[Parsed]:
    """The rows of a file for ``fields``, at least one batch; ``stream`` as for :func:`detect`.

    A batch comes from about ``size`` bytes of the file, or from what the format divides its files into.
    Records of CSV and JSON that are bad are left out and told; reading ends early once they are more than
    ``max_bad_records``. Closing the iterator before its end ends the reading. Raises ``invalid`` for a file
    that cannot be read.
    """
    sizes = {} if size is None else {"size": size}
    for found in _BATCHES[options.format](stream, tuple(fields), options, sizes):
        if found.rows.num_rows > _CHUNK_ROWS:
            found.rows = _in_chunks(found.rows)
        yield found


def _in_chunks(rows: pa.Table) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches(rows.to_batches(max_chunksize=_CHUNK_ROWS), rows.schema)


def check_bad(options: FileOptions, bad: Sequence[str], rows: int, errors: int | None = None) -> None:
    """Raises ``invalid`` when more records are bad than ``max_bad_records``; ``rows`` are the good ones.

    ``errors`` is the number of bad records where ``bad`` has the first of them only.
    """
    errors = len(bad) if errors is None else errors
    if errors <= options.max_bad_records:
        return
    name = NAMES.get(options.format, options.format)
    raise invalid(
        f"{READING}{name} table encountered too many errors, giving up. Rows: {rows + errors}; "
        f"errors: {errors}. Please look into the errors[] collection for more details."
        if errors > 1
        else f"{READING}{bad[0]}"
    )


def _detect_csv(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    fields, found = csv.detect(stream, options.csv)
    return fields, replace(options, csv=found)


def _json(options: FileOptions) -> ndjson.JsonOptions:
    csv_options = options.csv
    return ndjson.JsonOptions(
        csv_options.encoding, options.ignore_unknown, csv_options.formats, geojson=options.geojson
    )


def _detect_json(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    rows = ndjson.sample_rows(stream, SAMPLE_ROWS, _json(options))
    if options.geojson:
        rows = [row.get("properties") or {} for row in rows]
    fields = detect_json(rows, options.csv.formats)
    return ((GEOMETRY, *fields) if options.geojson else fields), options


def _detect_parquet(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from . import parquet

    file = parquet.ParquetFile(seekable(stream), options.arrow)
    return file.detect(infer_lists=options.infer_lists), options


def _detect_orc(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from .read_orc import OrcFile

    return OrcFile(seekable(stream), options.arrow).detect(), options


def _detect_avro(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from .read_avro import AvroFile

    file = AvroFile(seekable(stream))
    return file.fields(logical_types=options.logical_types, decimals=options.decimal_types), options


_DETECT: dict[str, Callable[[BinaryIO, FileOptions], tuple[tuple[Field, ...], FileOptions]]] = {
    "CSV": _detect_csv,
    "NEWLINE_DELIMITED_JSON": _detect_json,
    "PARQUET": _detect_parquet,
    "ORC": _detect_orc,
    "AVRO": _detect_avro,
}

Fields = tuple[Field, ...]
Size = Mapping[str, int]


def _csv_batches(stream: BinaryIO, fields: Fields, options: FileOptions, size: Size) -> Iterator[Parsed]:
    return csv.batches(stream, fields, options.csv, most_bad=options.max_bad_records, **size)


def _json_batches(stream: BinaryIO, fields: Fields, options: FileOptions, size: Size) -> Iterator[Parsed]:
    return ndjson.batches(stream, fields, _json(options), most_bad=options.max_bad_records, **size)


def _parquet_batches(stream: BinaryIO, fields: Fields, options: FileOptions, size: Size) -> Iterator[Parsed]:
    from . import parquet

    return parquet.ParquetFile(seekable(stream), options.arrow).batches(fields)


def _orc_batches(stream: BinaryIO, fields: Fields, options: FileOptions, size: Size) -> Iterator[Parsed]:
    from .read_orc import OrcFile

    return OrcFile(seekable(stream), options.arrow).batches(fields)


def _avro_batches(stream: BinaryIO, fields: Fields, options: FileOptions, size: Size) -> Iterator[Parsed]:
    from .read_avro import AvroFile, batches

    return batches(AvroFile(seekable(stream)), fields, **size)


_BATCHES: dict[str, Callable[[BinaryIO, Fields, FileOptions, Size], Iterator[Parsed]]] = {
    "CSV": _csv_batches,
    "NEWLINE_DELIMITED_JSON": _json_batches,
    "PARQUET": _parquet_batches,
    "ORC": _orc_batches,
    "AVRO": _avro_batches,
}
