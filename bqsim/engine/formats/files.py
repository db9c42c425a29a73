"""Files of any format into rows: what loads, LOAD DATA and external tables have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from bqsim.errors import invalid, unsupported
from bqsim.types import Field

from .csv import CsvOptions, read_csv
from .csv import detect as detect_csv
from .detect import SAMPLE_ROWS, detect_json
from .geojson import GEOMETRY, features
from .ndjson import read_ndjson, sample_rows
from .parsed import READING, Parsed, unpacked
from .time_formats import TimeFormats

# Formats whose files say what their columns are.
SELF_DESCRIBING = frozenset({"PARQUET", "AVRO", "ORC"})
# How errors name a format.
NAMES = {"NEWLINE_DELIMITED_JSON": "JSON"}


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


def detect(stream: BinaryIO, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    """The fields of a file, and the options completed by what was detected.

    ``stream`` is a seekable binary file, read from its beginning.
    """
    stream.seek(0)
    return _DETECT[options.format](unpacked(stream.read()), options)


def batches(stream: BinaryIO, fields: Sequence[Field], options: FileOptions) -> Iterator[Parsed]:
    """The rows of a file for ``fields``, in batches of bounded memory; ``stream`` as for :func:`detect`.

    Closing the iterator before its end ends the reading. Raises ``invalid`` for a file that cannot be read.
    """
    stream.seek(0)
    yield _READ[options.format](unpacked(stream.read()), tuple(fields), options)


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


def _detect_csv(data: bytes, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from dataclasses import replace

    if options.csv.formats != TimeFormats():
        raise unsupported("Schema detection with formats of dates and times, or a time zone,")
    fields, csv = detect_csv(data, options.csv)
    return fields, replace(options, csv=csv)


def _utf8(data: bytes, options: FileOptions) -> bytes:
    encoding = options.csv.encoding
    return data if encoding == "utf-8" else data.decode(encoding, "replace").encode()


def _detect_json(data: bytes, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    if options.csv.formats != TimeFormats():
        raise unsupported("Schema detection with formats of dates and times, or a time zone,")
    rows = sample_rows(_utf8(data, options), SAMPLE_ROWS)
    if options.geojson:
        rows = [row.get("properties") or {} for row in rows]
    fields = detect_json(rows)
    return ((GEOMETRY, *fields) if options.geojson else fields), options


def _detect_parquet(data: bytes, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from . import parquet

    return parquet.detect(_parquet(data, options), infer_lists=options.infer_lists), options


def _detect_orc(data: bytes, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from . import parquet
    from .read_orc import read_orc

    table = parquet.renamed(parquet.with_decimals(read_orc(data), options.decimal_types), options.names)
    return parquet.detect(table, infer_lists=True), options


def _detect_avro(data: bytes, options: FileOptions) -> tuple[tuple[Field, ...], FileOptions]:
    from .read_avro import AvroFile

    file = AvroFile(data)
    return file.fields(logical_types=options.logical_types, decimals=options.decimal_types), options


_DETECT: dict[str, Callable[[bytes, FileOptions], tuple[tuple[Field, ...], FileOptions]]] = {
    "CSV": _detect_csv,
    "NEWLINE_DELIMITED_JSON": _detect_json,
    "PARQUET": _detect_parquet,
    "ORC": _detect_orc,
    "AVRO": _detect_avro,
}


def _read_json(data: bytes, fields: tuple[Field, ...], options: FileOptions) -> Parsed:
    data = _utf8(data, options)
    data = features(data) if options.geojson else data
    formats = options.csv.formats
    return read_ndjson(data, fields, ignore_unknown=options.ignore_unknown, formats=formats)


def _parquet(data: bytes, options: FileOptions) -> Any:
    """A file as Arrow, as the options say of names, enums and decimals."""
    from . import parquet

    table = parquet.read_file(data, enum_as_string=options.enum_as_string)
    return parquet.renamed(parquet.with_decimals(table, options.decimal_types), options.names)


def _read_parquet(data: bytes, fields: tuple[Field, ...], options: FileOptions) -> Parsed:
    from . import parquet

    return parquet.read_parquet(_parquet(data, options), fields)


def _read_orc(data: bytes, fields: tuple[Field, ...], options: FileOptions) -> Parsed:
    from . import parquet
    from .read_orc import read_orc

    return parquet.read_parquet(parquet.renamed(read_orc(data), options.names), fields)


def _read_avro(data: bytes, fields: tuple[Field, ...], options: FileOptions) -> Parsed:
    from .read_avro import AvroFile, read_avro

    return read_avro(AvroFile(data), fields)


_READ: dict[str, Callable[[bytes, tuple[Field, ...], FileOptions], Parsed]] = {
    "CSV": lambda data, fields, options: read_csv(data, fields, options.csv),
    "NEWLINE_DELIMITED_JSON": _read_json,
    "PARQUET": _read_parquet,
    "ORC": _read_orc,
    "AVRO": _read_avro,
}
