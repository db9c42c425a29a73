"""CSV in bulk: rows of the usual form as columns of text, which leaves all others to the reader by rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv

from .csv_rows import BadRow, rows_end, split_rows
from .streams import lines_end

if TYPE_CHECKING:
    from .csv import CsvOptions

_FEED, _RETURN = 10, 13


def columns_of(data: bytes, width: int, options: CsvOptions) -> list[pa.ChunkedArray] | None:
    """The values of whole rows as columns of text, NULL where they are; None when some row needs a look."""
    quote, delimiter = options.quote_bytes, options.delimiter_bytes
    if len(delimiter) != 1 or delimiter[0] > 127 or len(quote) > 1 or (quote and quote[0] > 127):
        return None
    if not options.control_characters and b"\0" in data:
        return None
    quoted = bool(quote) and quote in data
    if quoted and not _well_quoted(data, options):
        return None
    first = next(split_rows(data, options), None)
    if first is None:
        return [pa.chunked_array([], pa.string())] * width
    found = len(first[2])
    too_wide, too_narrow = found > width, found < width
    if isinstance(first[2], BadRow) or (too_wide and not options.ignore_unknown):
        return None
    if too_narrow and not options.allow_jagged_rows:
        return None
    table = _read(data, found, options, quoted=quoted)
    if table is None:
        return None
    columns = list(table.columns[:width])
    return columns + [pa.chunked_array([pa.nulls(len(table), pa.string())])] * (width - len(columns))


def _read(data: bytes, width: int, options: CsvOptions, *, quoted: bool) -> pa.Table | None:
    names = [f"c{i}" for i in range(width)]
    try:
        return pc_csv.read_csv(
            pa.BufferReader(data),
            read_options=pc_csv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
            parse_options=pc_csv.ParseOptions(
                delimiter=options.delimiter_bytes.decode(),
                quote_char=options.quote_bytes.decode() if quoted else False,
                double_quote=True,
                newlines_in_values=quoted and options.allow_quoted_newlines,
                ignore_empty_lines=True,
            ),
            convert_options=pc_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(options.nulls),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def end_of_rows(data: bytes, options: CsvOptions) -> int:
    """How many of some bytes, which begin with a row, are whole rows."""
    quote = options.quote_bytes
    if not options.allow_quoted_newlines or not quote or quote not in data:
        return lines_end(data)
    if len(quote) > 1 or len(options.delimiter_bytes) > 1:
        return rows_end(data, options)
    quotes = _places(data, quote)
    at = len(data)
    if not _paired(data, quotes, options):
        return rows_end(data, options)
    while (at := data.rfind(b"\n", 0, at)) >= 0:
        before = int(np.searchsorted(quotes, at))
        if before % 2 == 0:
            return at + 1
        # It is in quotes: go on in front of them.
        at = int(quotes[before - 1])
    return rows_end(data, options)


def _places(data: bytes, quote: bytes) -> Any:
    return np.flatnonzero(np.frombuffer(data, np.uint8) == quote[0])


def _well_quoted(data: bytes, options: CsvOptions) -> bool:
    """Whether quotes are only around values, and doubled within them."""
    quotes = _places(data, options.quote_bytes)
    if len(quotes) % 2 or not _paired(data, quotes, options):
        return False
    if options.allow_quoted_newlines:
        return True
    view = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero((view == _FEED) | (view == _RETURN))
    return not (np.searchsorted(quotes, ends) & 1).any()


def _paired(data: bytes, quotes: Any, options: CsvOptions) -> bool:
    """Whether each opening quote begins a value or doubles a closing one, and each closing one ends a value
    or is doubled. The last may be open."""
    view = np.frombuffer(data, np.uint8)
    delimiter = options.delimiter_bytes[0]
    opening, closing = quotes[0::2], quotes[1::2]
    front = view[np.maximum(opening - 1, 0)]
    begins = (opening == 0) | (front == delimiter) | (front == _FEED) | (front == _RETURN)
    begins[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
    if not begins.all():
        return False
    last = len(data) - 1
    behind = view[np.minimum(closing + 1, last)]
    ends = (closing == last) | (behind == delimiter) | (behind == _FEED) | (behind == _RETURN)
    return bool((ends | (behind == options.quote_bytes[0])).all())
