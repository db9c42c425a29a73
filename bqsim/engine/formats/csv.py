"""CSV."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import BinaryIO

import pyarrow as pa

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, empty_table, table_of

from .csv_bulk import columns_of, end_of_rows
from .csv_rows import Quoted, row_problem, split_rows, value_problem
from .detect import SAMPLE_ROWS, detect_csv
from .parsed import READING, Parsed, together
from .pipeline import ahead
from .streams import blocks, pieces, utf8
from .texts import convert
from .time_formats import TimeFormats

# Delimiters that auto-detection knows.
DELIMITERS = (",", "|", "\t", ";")
# How much is parsed at once, and how little is no longer divided to find the rows that are bad.
BLOCK_BYTES = 8 << 20
_LEAST_BYTES = 64 << 10
_PARTS = 8
# How much of a file is looked at to detect what it holds.
_SAMPLE_BYTES = 4 << 20
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

    @property
    def delimiter_bytes(self) -> bytes:
        """What divides values in a file as UTF-8: of a file in UTF-8 the first byte of the delimiter (page
        *fieldDelimiter*)."""
        found = (self.delimiter or ",").encode()
        return found[:1] if self.encoding == "utf-8" else found

    @property
    def quote_bytes(self) -> bytes:
        """What is around values in a file as UTF-8."""
        found = self.quote.encode()
        return found[:1] if self.encoding == "utf-8" else found


def detect(stream: BinaryIO, options: CsvOptions) -> tuple[tuple[Field, ...], CsvOptions]:
    """The fields of a CSV file, and the options completed by what was detected."""
    data = utf8(stream, options.encoding).read(_SAMPLE_BYTES)
    cut = len(data) == _SAMPLE_BYTES
    options = replace(options, delimiter=options.delimiter or _delimiter(data))
    rows = split_rows(data, options, cut=cut)
    sample = list(islice(rows, SAMPLE_ROWS + 1 + (options.skip_leading_rows or 0)))
    fields, skip = detect_csv(
        [[_null(t, options) for t in row] for _, _, row in sample], options.skip_leading_rows, options.formats
    )
    return fields, replace(options, skip_leading_rows=skip)


def _delimiter(data: bytes) -> str:
    """The delimiter that splits the first lines into equally many columns, the most of them."""
    lines = [line for line in data[: 1 << 20].splitlines()[:20] if line]

    def score(delimiter: str) -> int:
        counts = {line.count(delimiter.encode()) for line in lines}
        return counts.pop() if len(counts) == 1 else 0

    return max(DELIMITERS, key=score)


def read_csv(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    """The rows of ``data``; columns go to ``fields`` by position."""
    return together(fields, list(batches(io.BytesIO(data), fields, options, most_bad=len(data))))


def batches(
    stream: BinaryIO,
    fields: Sequence[Field],
    options: CsvOptions,
    *,
    size: int = BLOCK_BYTES,
    most_bad: int = 0,
) -> Iterator[Parsed]:
    """The rows of a file, of about ``size`` bytes at a time; columns go to ``fields`` by position.

    Ends early after the rows in which more than ``most_bad`` were bad.
    """
    for f in fields:
        if f.mode is Mode.REPEATED or f.kind in _NOT_IN_CSV:
            raise invalid(
                f"Field {f.name} has nested or repeated type, which is not supported by the CSV format"
            )
    found = blocks(utf8(stream, options.encoding), size, partial(end_of_rows, options=options))
    first = next(found, None)
    if first is None:
        yield Parsed(tuple(fields), empty_table(fields))
        return
    skip = options.skip_leading_rows
    leading = skip or (1 if options.by_name else 0)
    header, position, rest = _without_leading(first, leading, found, options)
    read: Callable[[tuple[int, bytes]], Parsed]
    read = partial(_read_block, fields=tuple(fields), options=options, most_bad=most_bad)
    if options.by_name:
        read = _by_name(tuple(fields), header, options, most_bad)

    def all_blocks() -> Iterator[tuple[int, bytes]]:
        yield position, rest
        yield from found

    for parsed in ahead(read, all_blocks()):
        yield parsed
        if len(parsed.bad) > most_bad:
            return


def _without_leading(
    block: tuple[int, bytes], count: int, more: Iterator[tuple[int, bytes]], options: CsvOptions
) -> tuple[list[str], int, bytes]:
    """The last of ``count`` leading rows, and where what is behind them begins, with it."""
    header: list[str] = []
    found: tuple[int, bytes] | None = block
    while found is not None:
        position, data = found
        at = 0
        for _, end, row in islice(split_rows(data, options), count):
            header, at, count = row, end, count - 1
        if not count:
            return header, position + at, data[at:]
        found = next(more, None)
    return header, 0, b""


def _read_block(
    block: tuple[int, bytes], fields: tuple[Field, ...], options: CsvOptions, most_bad: int
) -> Parsed:
    """The rows of a block: in bulk, those parts of it that are not of the usual form row by row."""
    position, data = block
    columns = columns_of(data, len(fields), options)
    if columns is not None:
        values, wrong = _converted(columns, fields, options)
        if not wrong:
            return Parsed(fields, table_of(values))
    end: Callable[[bytes], int] = partial(end_of_rows, options=options)
    divided = list(pieces(data, _PARTS, end)) if len(data) > _LEAST_BYTES else []
    if len(divided) < 2:
        return _read_by_row(data, fields, options, position)
    parts: list[Parsed] = []
    bad = 0
    for at, piece in divided:
        parts.append(_read_block((position + at, piece), fields, options, most_bad))
        bad += len(parts[-1].bad)
        if bad > most_bad:
            break
    return together(fields, parts)


def _by_name(
    fields: tuple[Field, ...], header: Sequence[str], options: CsvOptions, most_bad: int
) -> Callable[[tuple[int, bytes]], Parsed]:
    """Reads blocks of a file whose last leading row names its columns; columns that it lacks are NULL."""
    known = {f.name.casefold(): f for f in fields}
    unknown = [name for name in header if name.casefold() not in known]
    if unknown and not options.ignore_unknown:
        raise invalid(f"{READING}CSV header has column {unknown[0]}, which the schema does not have.")
    columns = tuple(known.get(name.casefold(), Field(name, TypeKind.STRING)) for name in header)
    places = {name.casefold(): i for i, name in reversed(list(enumerate(header)))}
    for f in fields:
        if f.name.casefold() not in places and f.mode is Mode.REQUIRED:
            raise invalid(f"{READING}Required column {f.name} is missing in the CSV header.")

    def read(block: tuple[int, bytes]) -> Parsed:
        found = _read_block(block, columns, options, most_bad)
        arrays = []
        for f in fields:
            place = places.get(f.name.casefold())
            missing = pa.chunked_array([pa.nulls(found.rows.num_rows, arrow_type(f.type))])
            arrays.append(missing if place is None else found.rows.column(place))
        return Parsed(fields, table_of(arrays), found.bad)

    return read


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


def _read_by_row(data: bytes, fields: tuple[Field, ...], options: CsvOptions, position: int) -> Parsed:
    """The rows of what begins at ``position`` of the file, and what is wrong with those that are bad."""
    problems: dict[int, str] = {}
    kept: list[tuple[int, list[str | None]]] = []
    for begin, _, row in split_rows(data, options):
        problem = row_problem(row, len(fields), options, position + begin)
        if problem:
            problems[position + begin] = problem
            continue
        texts = [_null(t, options) for t in row[: len(fields)]]
        kept.append((position + begin, texts + [None] * (len(fields) - len(texts))))
    columns = [pa.chunked_array([pa.array([r[i] for _, r in kept], pa.string())]) for i in range(len(fields))]
    converted, wrong = _converted(columns, fields, options)
    for number, (column, message) in wrong.items():
        at, texts = kept[number]
        problems[at] = value_problem(texts[column], fields, column, at, message)
    table = table_of(converted)
    if wrong:
        table = table.filter(pa.array([r not in wrong for r in range(len(kept))]))
    return Parsed(fields, table, [text for _, text in sorted(problems.items())])


def _null(text: str, options: CsvOptions) -> str | None:
    return None if text in options.nulls and not isinstance(text, Quoted) else str(text)
