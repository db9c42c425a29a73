"""CSV row by row: what tells which row is bad and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bqsim.types import Field, TypeKind

if TYPE_CHECKING:
    from .csv import CsvOptions

# How messages name the types that the API has other names for.
_NAMES = {TypeKind.FLOAT64: "DOUBLE"}
# Types of which a bad value has no further explanation.
_PLAIN = frozenset(
    {
        TypeKind.INT64,
        TypeKind.FLOAT64,
        TypeKind.BOOL,
        TypeKind.NUMERIC,
        TypeKind.BIGNUMERIC,
        TypeKind.DATE,
    }
)


class Quoted(str):
    """A value that was quoted in the file, so that it is text even when it looks like NULL."""

    __slots__ = ()


class BadRow(list[str]):
    """A row that is not written as CSV; ``problem`` says why. It has the values before the problem."""

    problem = ""


def split_rows(
    data: bytes, options: CsvOptions, *, cut: bool = False
) -> Iterator[tuple[int, int, list[str]]]:
    """The rows of a file that are not blank: where each begins and ends, and its values.

    ``cut``: the end of the file is missing, and so is a row that has not ended.
    """
    at = 0
    while at < len(data):
        end, following = _line(data, at)
        if end > at:
            row, following = _row(data, at, end, following, options)
            if cut and (following > len(data) or (following == len(data) and data[-1:] != b"\n")):
                return
            yield at, min(following, len(data)), row
        at = following


def rows_end(data: bytes, options: CsvOptions) -> int:
    """How many of some bytes are whole rows."""
    return max((end for _, end, _ in split_rows(data, options, cut=True)), default=0)


def _line(data: bytes, at: int) -> tuple[int, int]:
    """Where the line at ``at`` ends, and where the next one begins."""
    feed = data.find(b"\n", at)
    back = data.find(b"\r", at, feed if feed >= 0 else len(data))
    if back >= 0:
        return back, back + (2 if feed == back + 1 else 1)
    return (len(data), len(data)) if feed < 0 else (feed, feed + 1)


def _row(data: bytes, at: int, end: int, following: int, options: CsvOptions) -> tuple[list[str], int]:
    """The values of the row at ``at``, those in quotes marked as such, and where the next row begins.

    ``end`` and ``following`` are those of its first line. The next row begins behind the end of the data when
    quotes that may hold line ends are not closed.
    """
    quote, delimiter = options.quote_bytes, options.delimiter_bytes
    values: list[str] = []
    while True:
        if quote and data.startswith(quote, at):
            whole = options.allow_quoted_newlines
            text, at = _quoted(data, at + len(quote), len(data) if whole else end, quote)
            if at < 0:
                found = _bad(values, f"Missing close quote character ({options.quote})")
                return found, len(data) + 1 if whole else following
            values.append(Quoted(text.decode("utf-8", "replace")))
            if at > end:
                end, following = _line(data, at)
            if at < end and not data.startswith(delimiter, at):
                problem = f"Data between close quote character ({options.quote}) and field separator"
                return _bad(values, problem), following
        else:
            stop = data.find(delimiter, at, end)
            stop = end if stop < 0 else stop
            values.append(data[at:stop].decode("utf-8", "replace"))
            at = stop
        if at >= end:
            return values, following
        at += len(delimiter)


def _bad(row: list[str], problem: str) -> BadRow:
    found = BadRow(row)
    found.problem = problem
    return found


def _quoted(data: bytes, at: int, end: int, quote: bytes) -> tuple[bytes, int]:
    """The text in quotes that begins at ``at``, and where it goes on behind it; -1 when it is open."""
    parts: list[bytes] = []
    while True:
        close = data.find(quote, at, end)
        if close < 0:
            return b"", -1
        parts.append(data[at:close])
        at = close + len(quote)
        if not data.startswith(quote, at):
            return b"".join(parts), at
        parts.append(quote)
        at += len(quote)


def row_problem(row: list[str], width: int, options: CsvOptions, position: int) -> str | None:
    """What is wrong with a row that is to have ``width`` values, whatever they are."""
    if isinstance(row, BadRow):
        return f"Error detected while parsing row starting at position: {position}. Error: {row.problem}."
    if not options.control_characters and any("\0" in value for value in row):
        return (
            f"Error detected while parsing row starting at position: {position}. "
            "Error: Bad character (ASCII 0) encountered."
        )
    if len(row) > width and not options.ignore_unknown:
        return (
            f"Too many values in row starting at position: {position}. "
            f"Found {len(row)} column(s) while expected {width}."
        )
    if len(row) < width and not options.allow_jagged_rows:
        return (
            f"CSV table references column position {len(row)}, but line starting at position:{position} "
            f"contains only {len(row)} columns."
        )
    return None


def value_problem(text: str | None, fields: Sequence[Field], column: int, position: int, message: str) -> str:
    """What is wrong with a value; ``text`` None is a missing one."""
    if text is None:
        return f"{message} in row starting at position: {position}"
    field = fields[column]
    told = message.startswith(("Failed to parse", "Field ")) or field.kind not in _PLAIN
    return (
        f"Could not parse '{text}' as {_NAMES.get(field.kind, field.kind.value)} for field {field.name} "
        f"(position {column}) starting at location {position} with message "
        f"'{message if told else 'Unable to parse'}'"
    )
