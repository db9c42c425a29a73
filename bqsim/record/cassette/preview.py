"""What a reviewer is shown of bytes: a few lines of what they hold."""

from __future__ import annotations

import io
import json
from typing import Any

MOST_LINES = 12
_WIDEST = 110
_SHOWN = MOST_LINES - 2
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def preview(data: bytes, media: str = "") -> list[str]:
    """Up to 12 lines that show what ``data`` holds. Never raises, whatever it is."""
    if not data:
        return ["empty"]
    kind = media.partition(";")[0].strip().lower()
    for fits, shown in (
        (data.startswith((_GZIP, _ZSTD)), _packed),
        (data.startswith((b"ARROW1", b"\xff\xff\xff\xff")), _arrow),
        (data.startswith(b"PAR1"), _parquet),
        (data.startswith(b"Obj\x01"), _avro),
    ):
        if fits and (lines := shown(data, kind)):
            return _fitted(lines)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _fitted(_binary(data))
    if "\0" in text[:4096]:
        return _fitted(_binary(data))
    if text.lstrip()[:1] in ("{", "["):
        lines = _json(text) or _ndjson(text)
        if lines:
            return _fitted(lines)
    return _fitted(_text(text, "CSV" if kind == "text/csv" else "text"))


def _fitted(lines: list[str]) -> list[str]:
    """The lines so that they fit: control characters are shown, long lines are cut."""
    shown = ["".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line) for line in lines]
    return [line if len(line) <= _WIDEST else line[: _WIDEST - 1] + "…" for line in shown[:MOST_LINES]]


def _binary(data: bytes) -> list[str]:
    lines = [f"{len(data):,} bytes"]
    for at in range(0, min(len(data), 64), 16):
        piece = data[at : at + 16]
        plain = "".join(chr(b) if 32 <= b < 127 else "." for b in piece)
        lines.append(f"{at:04x}  {piece.hex(' '):<47}  {plain}")
    return lines


def _packed(data: bytes, kind: str) -> list[str]:
    from bqsim.record.redact.packed import unpacked

    name = "gzip" if data.startswith(_GZIP) else "zstd"
    try:
        inside = unpacked(data)
    except ValueError:
        return [f"{name} that cannot be read", *_binary(data)]
    return [f"{name}, {len(data):,} bytes, of {len(inside):,}:", *preview(inside)[: MOST_LINES - 1]]


def _text(text: str, name: str) -> list[str]:
    lines = text.split("\n")
    count = len(lines) - (lines[-1] == "")
    shown = [line.rstrip("\r") for line in lines[:_SHOWN]]
    if shown and shown[-1] == "" and count < len(shown):
        shown.pop()
    more = [f"… {count - _SHOWN:,} more lines"] if count > _SHOWN else []
    return [f"{name}, {count:,} line{'s' * (count != 1)}", *shown, *more]


def _json(text: str) -> list[str]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if isinstance(value, list):
        return _rows(
            f"JSON, {len(value):,} item{'s' * (len(value) != 1)}",
            [compact(v) for v in value[:_SHOWN]],
            len(value),
        )
    if isinstance(value, dict) and isinstance(value.get("rows"), list):
        rows = value["rows"]
        names = ", ".join(name for name in value if name != "rows")
        return _rows(f"JSON with {names}; {len(rows):,} rows", [compact(r) for r in rows[:_SHOWN]], len(rows))
    if isinstance(value, dict):
        return _rows(
            "JSON", [f"{name}: {compact(item)}" for name, item in list(value.items())[:_SHOWN]], len(value)
        )
    return ["JSON", compact(value)]


def compact(value: Any) -> str:
    """A value in a line; rows of the REST API's form as lists of their cells."""
    try:
        return json.dumps(_cells(value), ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return "…"


def _cells(value: Any) -> Any:
    if isinstance(value, dict):
        if set(value) == {"f"} and isinstance(value["f"], list):
            return [_cells(cell.get("v")) if isinstance(cell, dict) else cell for cell in value["f"]]
        if set(value) == {"v"}:
            return _cells(value["v"])
        return {name: _cells(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_cells(item) for item in value]
    return value


def _rows(title: str, lines: list[str], count: int) -> list[str]:
    more = [f"… {count - len(lines):,} more"] if count > len(lines) else []
    return [title, *lines, *more]


def _ndjson(text: str) -> list[str]:
    lines = [line for line in text.split("\n") if line.strip()]
    try:
        for line in lines[:_SHOWN]:
            json.loads(line)
    except (ValueError, RecursionError):
        return []
    return _rows(
        f"NDJSON, {len(lines):,} row{'s' * (len(lines) != 1)}",
        [line.strip() for line in lines[:_SHOWN]],
        len(lines),
    )


def _arrow(data: bytes, kind: str) -> list[str]:
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(data) if data.startswith(b"ARROW1") else pa.ipc.open_stream(data)
        table = reader.read_all()
    except (pa.ArrowException, OSError, ValueError):
        return []
    return _table("Arrow", table)


def _parquet(data: bytes, kind: str) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        first = next(file.iter_batches(batch_size=_SHOWN), None)
    except (pa.ArrowException, OSError, ValueError):
        return []
    schema = file.schema_arrow
    rows = [] if first is None else first.to_pylist()
    return _listed("Parquet", file.metadata.num_rows, schema, rows)


def _avro(data: bytes, kind: str) -> list[str]:
    import fastavro

    try:
        reader = fastavro.reader(io.BytesIO(data))
        rows, count = [], 0
        for row in reader:
            if count < _SHOWN:
                rows.append(row)
            count += 1
        schema: Any = reader.writer_schema
    except (ValueError, TypeError, EOFError, KeyError, IndexError, OSError):
        return []
    names = ", ".join(f["name"] for f in schema.get("fields", ())) if isinstance(schema, dict) else ""
    return _rows(f"Avro, {count:,} rows: {names}", [compact(_values(row)) for row in rows], count)


def _table(name: str, table: Any) -> list[str]:
    return _listed(name, table.num_rows, table.schema, table.slice(0, _SHOWN).to_pylist())


def _listed(name: str, count: int, schema: Any, rows: list[dict[str, Any]]) -> list[str]:
    columns = ", ".join(f"{field.name} {field.type}" for field in schema)
    return _rows(f"{name}, {count:,} rows: {columns}", [compact(_values(row)) for row in rows], count)


def _values(row: Any) -> Any:
    return list(row.values()) if isinstance(row, dict) else row
