"""Rows that were read, as stretches (:mod:`bqsim.record.shapes`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.record.messages import ARROW_END

# Keeps bytes: what they are, their media type, their preview; the reference to them.
Keep = Callable[[bytes, str, list[str]], dict[str, Any]]

JSON, ARROW, AVRO, NDJSON = (
    "application/json",
    "application/vnd.apache.arrow.stream",
    "application/avro",
    "application/x-ndjson",
)
# Rows of Arrow batches as they are kept: those that the service made depend on its moment.
_BATCH_ROWS = 65536


def shown(data: bytes, media: str) -> list[str]:
    """The preview of bytes."""
    from bqsim.record.cassette.preview import preview

    return preview(data, media)


def kept(keep: Keep, data: bytes, media: str, *, preview: bool = True) -> dict[str, Any]:
    """The reference to bytes."""
    return keep(data, media, shown(data, media) if preview else [])


@dataclass(slots=True)
class Pages:
    """Pages of rows in the REST API's form, by where they start."""

    keep: Keep
    stretches: dict[int, dict[str, Any]] = field(default_factory=dict)
    _after: dict[str, int] = field(default_factory=dict)
    end: int = 0

    def add(self, rows: Any, query: Mapping[str, str], following: Any, options: Mapping[str, str]) -> None:
        """Rows that a request with these parameters got; ``following`` is the token of the next page."""
        if not isinstance(rows, list):
            rows = []
        start = self._start(query)
        if isinstance(following, str) and following:
            self._after[following] = start + len(rows)
        if not rows:
            return
        for at, end in _missing(self.stretches, start, start + len(rows)):
            data = _json(rows[at - start : end - start])
            reference = kept(self.keep, data, JSON, preview=not self.stretches)
            stretch = {"start": at, "count": end - at, "format": "json", "data": reference}
            if options:
                stretch["options"] = dict(options)
            self.stretches[at] = stretch
        self.end = max(self.end, start + len(rows))

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(stretch["count"] for stretch in self.stretches.values())

    def ordered(self) -> list[dict[str, Any]]:
        """The stretches in order."""
        return [self.stretches[start] for start in sorted(self.stretches)]

    def _start(self, query: Mapping[str, str]) -> int:
        index = query.get("startIndex", "")
        token = query.get("pageToken", "")
        if token:
            return self._after.get(token, self.end)
        return int(index) if index.isdigit() and len(index) < 19 else 0


def format_options(query: Mapping[str, str], body: Any = None) -> dict[str, str]:
    """How times stand in rows: ``useInt64Timestamp``, ``timestampOutputFormat``, where asked for."""
    out = {}
    given = body.get("formatOptions") if isinstance(body, dict) else None
    for name in ("useInt64Timestamp", "timestampOutputFormat"):
        value: Any = query.get(f"formatOptions.{name}")
        if value is None and isinstance(given, dict):
            value = given.get(name)
        if value is not None:
            text = str(value)
            out[name] = text.lower() if text.lower() in ("true", "false") else text
    return out


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _missing(stretches: Mapping[int, dict[str, Any]], start: int, end: int) -> list[tuple[int, int]]:
    """What of the rows from ``start`` to ``end`` no stretch has."""
    out = []
    for known in sorted(stretches):
        last = known + stretches[known]["count"]
        if last <= start:
            continue
        if known >= end:
            break
        if known > start:
            out.append((start, known))
        start = max(start, last)
    if start < end:
        out.append((start, end))
    return out


@dataclass(slots=True)
class ReadStream:
    """What was read of one stream of a session: pieces by offset, each its bytes and rows."""

    pieces: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    whole: bool = False
    lost: bool = False

    def add(self, offset: int, data: bytes, count: int) -> None:
        known = self.pieces.get(offset)
        if known is None or known[1] < count:
            self.pieces[offset] = data, count

    @property
    def rows(self) -> int:
        """Up to which row it was read."""
        return max((offset + count for offset, (_, count) in self.pieces.items()), default=0)


@dataclass(slots=True)
class Reading:
    """What read sessions of one table or result told."""

    session: dict[str, Any] = field(default_factory=dict)
    format: str = ""
    schema: bytes = b""
    streams: dict[str, ReadStream] = field(default_factory=dict)

    def stream(self, name: str) -> ReadStream:
        """A stream by its name."""
        return self.streams.setdefault(name, ReadStream())

    def stretches(self, keep: Keep) -> list[dict[str, Any]]:
        """The rows of all streams, one stream after the other."""
        out: list[dict[str, Any]] = []
        base = 0
        for stream in self.streams.values():
            for stretch in self._of(stream, keep, not out):
                out.append({**stretch, "start": stretch["start"] + base})
            base += stream.rows
        return out

    def _of(self, stream: ReadStream, keep: Keep, preview: bool) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for start, pieces in _runs(stream.pieces):
            if self.format == "avro":
                stretch = self._avro(start, pieces, keep)
            else:
                stretch = self._arrow(start, pieces, keep, preview and not out)
            out.append(stretch)
        return out

    def _avro(self, start: int, pieces: list[tuple[int, bytes, int]], keep: Keep) -> dict[str, Any]:
        data = b"".join(data for _, data, _ in pieces)
        count = sum(count for _, _, count in pieces)
        schema = self.schema.decode("utf-8", "replace")
        reference = keep(data, "application/octet-stream", [f"{count} records of Avro, {len(data)} bytes"])
        return {"start": start, "count": count, "format": "avro", "data": reference, "schema": schema}

    def _arrow(
        self, start: int, pieces: list[tuple[int, bytes, int]], keep: Keep, preview: bool
    ) -> dict[str, Any]:
        raw = self.schema + b"".join(data for _, data, _ in pieces) + ARROW_END
        count = sum(count for _, _, count in pieces)
        try:
            data = _evened(raw, [(skip, count) for skip, _, count in pieces])
        except (ValueError, OSError):
            reference = keep(raw, "application/octet-stream", [])
            return {"start": start, "count": count, "format": "unreadable", "data": reference}
        reference = kept(keep, data, ARROW, preview=preview)
        return {"start": start, "count": count, "format": "arrow", "data": reference}


def _runs(
    pieces: Mapping[int, tuple[bytes, int]],
) -> list[tuple[int, list[tuple[int, bytes, int]]]]:
    """Runs of pieces that follow one another: where each starts, and of each piece how many rows of it were
    there already, its bytes, and how many are new."""
    runs: list[tuple[int, list[tuple[int, bytes, int]]]] = []
    end = -1
    for offset in sorted(pieces):
        data, count = pieces[offset]
        if offset + count <= end:
            continue
        skip = max(0, end - offset) if runs else 0
        if not runs or offset > end:
            runs.append((offset, []))
        runs[-1][1].append((skip, data, count - skip))
        end = offset + count
    return runs


def _evened(raw: bytes, wanted: list[tuple[int, int]]) -> bytes:
    """An IPC stream in batches that do not depend on how it was cut; of the n-th batch ``wanted[n]`` is how
    many rows to leave out and to take."""
    import pyarrow as pa

    with pa.ipc.open_stream(raw) as reader:
        batches = list(reader)
        schema = reader.schema
    taken = [batch.slice(*span) if span[0] else batch for batch, span in zip(batches, wanted, strict=False)]
    table = pa.Table.from_batches(taken, schema).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_table(table, max_chunksize=_BATCH_ROWS)
    out: bytes = sink.getvalue().to_pybytes()
    return out
