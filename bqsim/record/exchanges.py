"""Exchanges on disk: a journal that grows by one record as each call ends, and is read in any order.

A record is a line of JSON (the exchange without its bytes, and how long its parts are), its bytes, and a line
break. A record that was cut short by the end of a process is not read, nor what follows it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from .model import Content, Exchange, Headers, Part

JOURNAL = "exchanges.journal"
_FORMAT = "bqsim-exchanges"
# So much of a file is held while it is copied.
_BLOCK = 1 << 20


def _content_head(content: Content) -> dict[str, Any]:
    head: dict[str, Any] = {"parts": [[len(p.data), round(p.at_s, 6)] for p in content.parts]}
    if content.size:
        head["size"] = content.size
    if content.digest:
        head["digest"] = content.digest
    if content.media:
        head["media"] = content.media
    if content.preview:
        head["preview"] = content.preview
    return head


def _content(head: dict[str, Any], data: bytes, at: int) -> tuple[Content, int]:
    parts = []
    for size, at_s in head["parts"]:
        parts.append(Part(data[at : at + size], at_s))
        at += size
    content = Content(
        tuple(parts),
        head.get("size", 0),
        head.get("digest", ""),
        head.get("media", ""),
        tuple(head.get("preview", ())),
    )
    return content, at


_PLAIN = (
    "number",
    "transport",
    "method",
    "resource",
    "verb",
    "target",
    "status",
    "code",
    "message",
    "broken",
    "started_s",
    "first_byte_s",
    "ended_s",
)
_HEADERS = ("request_headers", "response_headers", "trailers")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A body that lies in a file: its parts by size, and when each passed."""

    path: Path
    parts: Sequence[tuple[int, float]]


def packed(exchange: Exchange, request: Spooled | None = None, response: Spooled | None = None) -> list[Any]:
    """The record of an exchange: pieces of bytes, and files that stand for theirs. Bodies that lie in files
    have no parts in the exchange."""
    head: dict[str, Any] = {name: getattr(exchange, name) for name in _PLAIN if getattr(exchange, name)}
    head.update({name: getattr(exchange, name) for name in _HEADERS if getattr(exchange, name)})
    pieces: list[Any] = []
    size = 0
    for way, content, spooled in (
        ("request", exchange.request, request),
        ("response", exchange.response, response),
    ):
        head[way] = _content_head(content)
        if spooled is not None:
            head[way]["parts"] = [[length, round(at_s, 6)] for length, at_s in spooled.parts]
            pieces.append(spooled.path)
            size += sum(length for length, _ in spooled.parts)
        else:
            pieces.append(content.data)
            size += len(content.data)
    head["bytes"] = size
    line = json.dumps(head, separators=(",", ":")).encode() + b"\n"
    if request is None and response is None:
        return [b"".join((line, *pieces, b"\n"))]
    return [line, *pieces, b"\n"]


def unpacked(head: dict[str, Any], data: bytes) -> Exchange:
    """The exchange of a record's line and bytes."""
    request, at = _content(head["request"], data, 0)
    response, _ = _content(head["response"], data, at)
    values: dict[str, Any] = {name: head[name] for name in _PLAIN if name in head}
    for name in _HEADERS:
        values[name] = headers_of(head.get(name, ()))
    for name in ("verb", "target", "method", "resource", "transport"):
        values.setdefault(name, "")
    values.setdefault("number", 0)
    return Exchange(request=request, response=response, **values)


def headers_of(pairs: Any) -> Headers:
    """Headers from JSON."""
    return tuple((name, value) for name, value in pairs)


class JournalWriter:
    """Appends records; each is with the operating system when :meth:`add` returns. Thread-safe."""

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("wb", buffering=0)
        self._write(json.dumps({"format": _FORMAT, **about}).encode() + b"\n")

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def add(
        self, exchange: Exchange, request: Spooled | None = None, response: Spooled | None = None
    ) -> None:
        """Keep an exchange. ``OSError`` when the disk is full."""
        record = packed(exchange, request, response)
        with self._lock:
            if self._file.closed:
                return
            for piece in record:
                if isinstance(piece, bytes):
                    self._write(piece)
                    continue
                with piece.open("rb") as file:
                    while block := file.read(_BLOCK):
                        self._write(block)

    def close(self) -> None:
        """Nothing more is kept."""
        with self._lock:
            self._file.close()


class Journal(Sequence[Exchange]):
    """The exchanges of a journal in the order in which they began; read from disk one by one.

    ``about`` is what its writer told; ``whole`` tells whether its last record was not cut short.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.about: dict[str, Any] = {}
        self.whole = True
        self._file = path.open("rb")
        self._lock = threading.Lock()
        self._places: list[int] = self._scan()

    def _scan(self) -> list[int]:
        places: list[tuple[int, int]] = []
        file = self._file
        size = self.path.stat().st_size
        try:
            self.about = json.loads(file.readline())
        except ValueError:
            self.whole = False
            return []
        while True:
            at = file.tell()
            line = file.readline()
            if not line:
                break
            try:
                head = json.loads(line)
                end = file.tell() + head["bytes"] + 1
            except (ValueError, KeyError, TypeError):
                self.whole = False
                break
            if end > size:
                self.whole = False
                break
            places.append((head.get("number", 0), at))
            file.seek(end)
        places.sort()
        return [at for _, at in places]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Exchange: ...
    @overload
    def __getitem__(self, index: slice) -> list[Exchange]: ...
    def __getitem__(self, index: int | slice) -> Exchange | list[Exchange]:
        if isinstance(index, slice):
            return [self._read(at) for at in self._places[index]]
        return self._read(self._places[index])

    def __iter__(self) -> Iterator[Exchange]:
        return (self._read(at) for at in self._places)

    def _read(self, at: int) -> Exchange:
        with self._lock:
            self._file.seek(at)
            head = json.loads(self._file.readline())
            data = self._file.read(head["bytes"])
        return unpacked(head, data)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
