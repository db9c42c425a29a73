"""CSV."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import pyarrow as pa
import pyarrow.csv as pc_csv

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, empty_table, table_of

from .detect import SAMPLE_ROWS, detect_csv
from .parsed import READING, Parsed
from .texts import convert
from .time_formats import TimeFormats

# Delimiters that auto-detection knows.
DELIMITERS = (",", "|", "\t", ";")
_BLOCK_BYTES = 16 << 20
_NOT_IN_CSV = (TypeKind.STRUCT,)


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """How a file is written. ``skip_leading_rows`` None is "not given"; ``quote`` empty is no quoting.

    ``by_name``: the last of the leading rows names the columns. Without ``control_characters`` rows with
    ASCII 0 are bad.
    """

    delimiter: str | None = None
    quote: str = '"'
    skip_leading_rows: int | None = None
    null_marker: str = ""
    allow_jagged_rows: bool = False
    allow_quoted_newlines: bool = False
    ignore_unknown: bool = False
    encoding: str = "utf-8"
    null_markers: tuple[str, ...] = ()
    by_name: bool = False
    control_characters: bool = True
    formats: TimeFormats = field(default_factory=TimeFormats)

    @property
    def nulls(self) -> tuple[str, ...]:
        """The texts that are NULL."""
        return self.null_markers or (self.null_marker,)


def detect(data: bytes, options: CsvOptions) -> tuple[tuple[Field, ...], CsvOptions]:
    """The fields of a CSV file, and the options completed by what was detected."""
    text = _text(data[: 1 << 22], options)
    delimiter = options.delimiter or _delimiter(text)
    sample = list(islice(_rows(text, options, delimiter), SAMPLE_ROWS + 1 + (options.skip_leading_rows or 0)))
    fields, skip = detect_csv(
        [[_null(t, options) for t in row] for _, row in sample], options.skip_leading_rows
    )
    return fields, replace(options, delimiter=delimiter, skip_leading_rows=skip)


def _delimiter(text: str) -> str:
    """The delimiter that splits the first lines into equally many columns, the most of them."""
    lines = [line for line in text.splitlines()[:20] if line]

    def score(delimiter: str) -> int:
        counts = {line.count(delimiter) for line in lines}
        return counts.pop() if len(counts) == 1 else 0

    return max(DELIMITERS, key=score)


def read_csv(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    """The rows of ``data``; columns go to ``fields`` by position."""
    for f in fields:
        if f.mode is Mode.REPEATED or f.kind in _NOT_IN_CSV:
            raise invalid(
                f"Field {f.name} has nested or repeated type, which is not supported by the CSV format"
            )
    if not data:
        return Parsed(fields, empty_table(fields))
    if options.encoding != "utf-8":
        data = _text(data, options).encode()
    if options.by_name:
        return _read_by_name(data, fields, options)
    return _read(data, fields, options)


def _read(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    checked = not options.control_characters and b"\0" in data
    table = None if checked else _read_in_bulk(data, fields, options)
    if table is not None:
        columns, wrong = _converted(table.columns, fields, options)
        if not wrong:
            return Parsed(fields, table_of(columns))
    return _read_by_row(data, fields, options)


def _read_by_name(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    """The rows of a file whose last leading row names its columns; columns that it lacks are NULL."""
    options = replace(options, skip_leading_rows=options.skip_leading_rows or 1)
    leading = list(
        islice(_rows(_text(data, options), options, options.delimiter or ","), options.skip_leading_rows)
    )
    header = [str(name) for name in leading[-1][1]] if leading else []
    known = {f.name.casefold(): f for f in fields}
    unknown = [name for name in header if name.casefold() not in known]
    if unknown and not options.ignore_unknown:
        raise invalid(f"{READING}CSV header has column {unknown[0]}, which the schema does not have.")
    columns = tuple(known.get(name.casefold(), Field(name, TypeKind.STRING)) for name in header)
    found = _read(data, columns, options)
    places = {name.casefold(): i for i, name in reversed(list(enumerate(header)))}
    arrays = []
    for f in fields:
        place = places.get(f.name.casefold())
        if place is None and f.mode is Mode.REQUIRED:
            raise invalid(f"{READING}Required column {f.name} is missing in the CSV header.")
        missing = pa.nulls(found.rows.num_rows, arrow_type(f.type))
        arrays.append(pa.chunked_array([missing]) if place is None else found.rows.column(place))
    return Parsed(fields, table_of(arrays), found.bad)


def _text(data: bytes, options: CsvOptions) -> str:
    try:
        return data.decode(options.encoding if options.encoding != "utf-8" else "utf-8-sig", "replace")
    except LookupError:
        raise invalid(f"Unsupported encoding: {options.encoding}", "encoding") from None


def _read_in_bulk(data: bytes, fields: Sequence[Field], options: CsvOptions) -> pa.Table | None:
    """All columns as text when every row has all columns, else None."""
    names = [f"c{i}" for i in range(1, len(fields) + 1)]
    reading = pc_csv.ReadOptions(
        column_names=names,
        skip_rows=options.skip_leading_rows or 0,
        block_size=min(max(len(data), 1), _BLOCK_BYTES),
    )
    parsing = pc_csv.ParseOptions(
        delimiter=options.delimiter or ",",
        quote_char=options.quote or False,
        double_quote=True,
        newlines_in_values=options.allow_quoted_newlines,
        ignore_empty_lines=len(fields) > 1,
    )
    converting = pc_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=list(options.nulls),
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    try:
        return pc_csv.read_csv(
            io.BytesIO(data), read_options=reading, parse_options=parsing, convert_options=converting
        )
    except pa.ArrowInvalid:
        return None


def _converted(
    columns: Sequence[pa.ChunkedArray], fields: Sequence[Field], options: CsvOptions
) -> tuple[list[pa.ChunkedArray], dict[int, tuple[int, str]]]:
    """Canonical columns, and for each bad row its first bad column with the message."""
    converted: list[pa.ChunkedArray] = []
    wrong: dict[int, tuple[int, str]] = {}
    for i, (column, target) in enumerate(zip(columns, fields, strict=True)):
        values, bad = convert(column, target, options.formats)
        if target.mode is Mode.REQUIRED and values.null_count:
            nulls = values.is_null().to_pylist()
            bad = {
                **{
                    r: f"Required column value for column index: {i} is missing"
                    for r, n in enumerate(nulls)
                    if n
                },
                **bad,
            }
        converted.append(values)
        for row, message in bad.items():
            wrong.setdefault(row, (i, message))
    return converted, wrong


# -- row by row, to say which row is bad and why


def _read_by_row(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    bad: list[str] = []
    kept: list[tuple[int, list[str | None]]] = []
    rows = _rows(_text(data, options), options, options.delimiter or ",")
    for position, row in islice(rows, options.skip_leading_rows or 0, None):
        problem = _width_problem(row, fields, options, position)
        if not options.control_characters and any("\0" in value for value in row):
            problem = (
                f"Error detected while parsing row starting at position: {position}. "
                "Error: Bad character (ASCII 0) encountered."
            )
        if problem:
            bad.append(problem)
            continue
        texts = [_null(t, options) for t in row[: len(fields)]]
        kept.append((position, texts + [None] * (len(fields) - len(texts))))
    columns = [pa.chunked_array([pa.array([r[i] for _, r in kept], pa.string())]) for i in range(len(fields))]
    converted, wrong = _converted(columns, fields, options)
    for number, (column, message) in sorted(wrong.items()):
        position, texts = kept[number]
        bad.append(_value_problem(texts[column], fields[column], column, position, message))
    table = table_of(converted)
    if wrong:
        table = table.filter(pa.array([r not in wrong for r in range(len(kept))]))
    return Parsed(fields, table, bad)


class _Quoted(str):
    """A value that was quoted in the file, so that it is text even when it looks like NULL."""

    __slots__ = ()


def _null(text: str, options: CsvOptions) -> str | None:
    return None if text in options.nulls and not isinstance(text, _Quoted) else str(text)


def _rows(text: str, options: CsvOptions, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file with the byte positions where they start."""
    position = 0
    lines = io.StringIO(text, newline="").readlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        taken = 1
        if options.quote and options.allow_quoted_newlines:
            while line.count(options.quote) % 2 and at + taken < len(lines):
                line += lines[at + taken]
                taken += 1
        if line.strip("\r\n"):
            yield position, _split(line.rstrip("\r\n"), options.quote, delimiter)
        position += len(line.encode())
        at += taken


def _split(line: str, quote: str, delimiter: str) -> list[str]:
    """The values of a row; those in quotes are marked as such."""
    if not quote or quote not in line:
        return line.split(delimiter)
    values: list[str] = []
    at = 0
    while True:
        is_quoted = line.startswith(quote, at)
        text, at = _quoted(line, at + 1, quote) if is_quoted else ("", at)
        end = line.find(delimiter, at)
        text += line[at:] if end < 0 else line[at:end]
        values.append(_Quoted(text) if is_quoted else text)
        if end < 0:
            return values
        at = end + 1


def _quoted(line: str, at: int, quote: str) -> tuple[str, int]:
    """The text in quotes that begins at ``at``, and where the line goes on behind it."""
    parts: list[str] = []
    while True:
        end = line.find(quote, at)
        if end < 0:
            return "".join((*parts, line[at:])), len(line)
        parts.append(line[at:end])
        at = end + 1
        if not line.startswith(quote, at):
            return "".join(parts), at
        parts.append(quote)
        at += 1


def _width_problem(
    row: Sequence[str], fields: Sequence[Field], options: CsvOptions, position: int
) -> str | None:
    if len(row) > len(fields) and not options.ignore_unknown:
        return (
            f"Too many values in row starting at position: {position}. "
            f"Found {len(row)} column(s) while expected {len(fields)}."
        )
    if len(row) < len(fields) and not options.allow_jagged_rows:
        return (
            f"CSV table references column position {len(row)}, but line starting at position:{position} "
            f"contains only {len(row)} columns."
        )
    return None


def _value_problem(text: str | None, field: Field, column: int, position: int, message: str) -> str:
    if text is None:
        return f"{message} in row starting at position: {position}"
    return (
        f"Could not parse '{text}' as {field.kind.value} for field {field.name} (position {column}) "
        f"starting at location {position} with message '{message}'"
    )
