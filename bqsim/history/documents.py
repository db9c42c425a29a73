"""Rows of JSON files, whatever tool wrote them, read in pieces.

Lists of rows (``bq query --format=json``), a row a line (``bq extract``, the console, sinks), rows one after
another (``prettyjson`` of several calls), answers of the API with rows in ``f`` and ``v``, lists of jobs, and
the orients of ``DataFrame.to_json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from .errors import HistoryError

Row = tuple[int, Mapping[str, Any]]

_CHUNK = 256 * 1024
# So large a single value may be: answers of the API and data frames are one value as a whole.
LARGEST = 512 * 1024 * 1024
_SPACE = re.compile(r"[\s,]*")
_REMEDY = "Export again as newline-delimited JSON, CSV, Parquet or Avro"


def json_rows(stream: TextIO, place: str) -> Iterator[Row]:
    """Rows with the lines where they begin. :class:`HistoryError` when it is no JSON, or has no rows."""
    for line, value in _values(stream, place):
        if not isinstance(value, dict):
            raise HistoryError(place, f"a row is expected here, not {json.dumps(value)[:60]}", _REMEDY, line)
        for row in expanded(value, place, line):
            yield line, row


def _values(stream: TextIO, place: str) -> Iterator[tuple[int, Any]]:
    """The values of a list, or those that stand one after another."""
    decode = json.JSONDecoder().raw_decode
    text, at, line, size, ended = "", 0, 1, _CHUNK, False
    depth, opened = 0, False
    while True:
        start = _end(text, at)
        line += text.count("\n", at, start)
        at = start
        if at < len(text) and text[at] == "[" and not opened:
            depth, opened, at = 1, True, at + 1
            continue
        if at < len(text) and text[at] == "]" and depth:
            depth, at = 0, at + 1
            opened = False
            continue
        if at < len(text):
            opened = True
            try:
                value, end = decode(text, at)
            except json.JSONDecodeError as error:
                open_end = error.msg.startswith("Unterminated") or error.pos >= len(text) - 16
                if ended or not open_end or len(text) - at > LARGEST:
                    where = line + text.count("\n", at, min(error.pos, len(text)))
                    said = "the file ends within a value" if ended and open_end else error.msg
                    raise HistoryError(place, f"this is not JSON: {said}", _REMEDY, where) from None
            else:
                # A number at the end of a piece may go on; rows are no numbers.
                yield line, value
                line += text.count("\n", at, end)
                at, size = end, _CHUNK
                continue
        elif ended:
            if depth:
                raise HistoryError(place, "this is not JSON: the file ends within a list", _REMEDY, line)
            return
        piece = stream.read(size)
        ended = not piece
        text, at = text[at:] + piece, 0
        size = min(size * 2, LARGEST)


def _end(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def expanded(value: dict[str, Any], place: str, line: int) -> Iterator[Mapping[str, Any]]:
    """The rows in a value: itself, or those that it holds."""
    rows, schema = value.get("rows"), value.get("schema")
    if isinstance(schema, Mapping) and ("rows" in value or "jobComplete" in value):
        yield from fv_rows(rows or (), schema.get("fields") or (), place, line)
    elif isinstance(value.get("jobs"), list) and "jobReference" not in value:
        yield from (one for one in value["jobs"] if isinstance(one, Mapping))
    elif isinstance(value.get("entries"), list):
        yield from (one for one in value["entries"] if isinstance(one, Mapping))
    elif isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        names = value["columns"]
        yield from (dict(zip(names, cells, strict=False)) for cells in value["data"])
    elif isinstance(schema, Mapping) and isinstance(value.get("data"), list):
        yield from value["data"]
    elif value and all(isinstance(item, dict) for item in value.values()) and _is_frame(value):
        yield from _frame(value)
    else:
        yield value


def _is_frame(value: Mapping[str, Any]) -> bool:
    """Whether this is a data frame: columns of cells by index, or rows by index."""
    first = next(iter(value.values()))
    return "job_id" in value or (isinstance(first, dict) and "job_id" in first)


def _frame(value: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "job_id" not in value:
        yield from value.values()
        return
    for index in value["job_id"]:
        yield {name: cells.get(index) for name, cells in value.items()}


def fv_rows(
    rows: Sequence[Any], fields: Sequence[Mapping[str, Any]], place: str, line: int
) -> Iterator[dict[str, Any]]:
    """Rows of the API's form (``{"f": [{"v": …}]}``) by their schema."""
    for row in rows:
        if isinstance(row, Mapping) and "f" not in row:
            yield dict(row)
            continue
        try:
            yield _record(row, fields)
        except (TypeError, KeyError, ValueError):
            raise HistoryError(
                place, "a row does not fit its schema", "Save the whole answer", line
            ) from None


def _record(row: Any, fields: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {field["name"]: _cell(cell.get("v"), field) for field, cell in zip(fields, row["f"], strict=True)}


def _cell(value: Any, field: Mapping[str, Any]) -> Any:
    if value is None:
        return None
    if field.get("mode") == "REPEATED":
        one = {**field, "mode": "NULLABLE"}
        return [_cell(item.get("v"), one) for item in value]
    if field.get("type") in ("RECORD", "STRUCT"):
        return _record(value, field.get("fields") or ())
    return value
