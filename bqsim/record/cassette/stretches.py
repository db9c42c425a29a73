"""Recorded rows cut short, in whatever format they are."""

from __future__ import annotations

import io
import json
from typing import Any

from bqsim.record.model import Operation

from .cassette import Cassette
from .errors import CassetteError
from .preview import preview
from .writer import CassetteWriter

MEDIA = {
    "json": "application/json",
    "arrow": "application/vnd.apache.arrow.stream",
    "avro": "application/octet-stream",
    "ndjson": "application/x-ndjson",
}


def lists_of(operation: Operation) -> list[list[dict[str, Any]]]:
    """The lists of stretches of rows that an operation has: of what it sent, of what it got."""
    found = (operation.request.get("rows"), operation.result.get("rows"))
    return [rows for rows in found if isinstance(rows, list) and all(isinstance(r, dict) for r in rows)]


def first_rows(
    stretches: list[dict[str, Any]],
    most: int | None,
    pages: int | None,
    cassette: Cassette,
    writer: CassetteWriter,
) -> list[dict[str, Any]]:
    """The stretches with no more than ``most`` rows in all, and no more than ``pages`` stretches. What is cut
    becomes a blob of ``writer``."""
    made: list[dict[str, Any]] = []
    left = most
    for stretch in stretches if pages is None else stretches[:pages]:
        count = int(stretch.get("count", 0))
        if left is None or count <= left:
            made.append(stretch)
            left = None if left is None else left - count
            continue
        if left > 0 and (cut := _cut(stretch, left, cassette, writer)) is not None:
            made.append(cut)
        break
    return made


def _cut(
    stretch: dict[str, Any], count: int, cassette: Cassette, writer: CassetteWriter
) -> dict[str, Any] | None:
    """The first ``count`` rows of a stretch; None when it cannot be cut."""
    form = stretch.get("format")
    if not isinstance(stretch.get("data"), dict) or form not in MEDIA:
        return None
    data = cassette.blob(stretch["data"])
    try:
        made = _rows(form, data, count, stretch.get("schema"))
    except (ValueError, TypeError, KeyError, EOFError, IndexError) as error:
        raise CassetteError(
            cassette.blobs.path(stretch["data"]["$blob"]), f"its rows cannot be read: {error}", "Record anew"
        ) from None
    media = MEDIA[form]
    return {**stretch, "count": count, "data": writer.blob(made, media, preview(made, media))}


def _rows(form: str, data: bytes, count: int, schema: Any) -> bytes:
    if form == "json":
        rows = json.loads(data)[:count]
        return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if form == "ndjson":
        lines = [line for line in data.split(b"\n") if line.strip()]
        return b"".join(line + b"\n" for line in lines[:count])
    if form == "arrow":
        return _arrow(data, count)
    return _avro(data, count, schema)


def _arrow(data: bytes, count: int) -> bytes:
    import pyarrow as pa

    with pa.ipc.open_stream(data) as reader:
        table = reader.read_all().slice(0, count).combine_chunks()
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return bytes(out.getvalue().to_pybytes())


def _avro(data: bytes, count: int, schema: Any) -> bytes:
    import fastavro

    parsed = fastavro.parse_schema(json.loads(schema) if isinstance(schema, str) else schema)
    source = io.BytesIO(data)
    for _ in range(count):
        fastavro.schemaless_reader(source, parsed, None)
    return data[: source.tell()]


def plain_rows(stretches: list[dict[str, Any]], cassette: Cassette, most: int) -> list[Any]:
    """Up to ``most`` rows of stretches as JSON, each in the form that it was recorded in, to compare them."""
    import pyarrow as pa

    rows: list[Any] = []
    for stretch in stretches:
        if len(rows) >= most or not isinstance(stretch.get("data"), dict):
            break
        data, form = cassette.blob(stretch["data"]), stretch.get("format")
        wanted = most - len(rows)
        if form == "json":
            rows += json.loads(data)[:wanted]
        elif form == "ndjson":
            rows += [json.loads(line) for line in data.split(b"\n")[:wanted] if line.strip()]
        elif form == "arrow":
            with pa.ipc.open_stream(data) as reader:
                rows += [list(row.values()) for row in reader.read_all().slice(0, wanted).to_pylist()]
        else:
            rows.append(stretch["data"].get("$blob"))
    return rows[:most]
