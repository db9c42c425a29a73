"""The recorder: a tap that keeps calls without their secrets, and makes a cassette of them."""

from __future__ import annotations

import codecs
import hashlib
import queue
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.sim.clock import Clock, RealClock

from .cassette.cassette import Cassette
from .exchanges import JOURNAL, JournalWriter, Spooled
from .model import GRPC, Content, Exchange, Headers, Part
from .routes import identify

if TYPE_CHECKING:
    from .redact.policy import Policy

KEEP_BYTES = 8 << 20
# Of bodies that are too large so much is looked at for their preview.
_SHOWN_BYTES = 64 << 10
# Lines that are longer are not shown.
_SHOWN_LINE = 1000
# Bodies that are kept, whatever their size, lie in a file beyond so many bytes.
_SPOOL_BYTES = 8 << 20
# Calls that ended wait for their redaction; beyond so many bytes whoever ends one does it itself.
_WAITING_BYTES = 64 << 20


class Recorder:
    """Records what passes into ``folder``; thread-safe.

    ``policy`` says what is removed. Of bodies larger than ``keep_bytes`` only size, digest and a preview are
    kept; None keeps all. ``names`` are names that stand for others: ``{"orders": "orders_dev"}`` writes
    ``${name:orders}`` wherever the calls had ``orders_dev``. With ``existing``, the recording adds to that
    cassette; operations of keys that were recorded anew replace the older ones when ``replace``.
    ``FileExistsError`` when the folder holds an unfinished recording (:func:`.recovery.recover` finishes it).
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        policy: Policy | None = None,
        clock: Clock | None = None,
        upstream: str = "",
        keep_bytes: int | None = KEEP_BYTES,
        names: Mapping[str, str] | None = None,
        existing: Cassette | None = None,
        replace: bool = False,
    ) -> None:
        from .redact.policy import Policy
        from .redact.redactor import Redactor

        self.folder = Path(folder)
        journal = self.folder / JOURNAL
        if journal.exists():
            raise FileExistsError(f"{journal} is of a recording that was not finished: recover or delete it")
        self.policy = policy or Policy.default()
        self.redactor = Redactor(self.policy)
        self.clock = clock or RealClock()
        self.keep_bytes = keep_bytes
        self.upstream = upstream
        self._began_us = self.clock.now_us()
        self._existing, self._replace = existing, replace
        about = {"began_us": self._began_us, "names": dict(names or {})}
        self._journal = JournalWriter(journal, about)
        self._lock = threading.Lock()
        self._count = 0
        self._open: dict[int, _Call] = {}
        self._waiting: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        self._waiting_bytes = 0
        self._failure: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="bqsim-recorder", daemon=True)
        self._worker.start()
        self._cassette: Cassette | None = None

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> _Call:
        """See :class:`bqsim.record.tap.Tap`."""
        with self._lock:
            self._count += 1
            call = _Call(self, self._count, transport, verb, target, headers, host)
            self._open[call.number] = call
        return call

    def finish(self) -> Cassette:
        """End the recording and write its cassette; calls under way are kept as far as they went. Any number
        of times. Raises what writing the journal failed with."""
        from .recovery import recover

        if self._cassette is None:
            with self._lock:
                left = list(self._open.values())
            for call in left:
                call.ended(broken="closed")
            self._waiting.put(None)
            self._worker.join()
            self._journal.close()
            if self._failure is not None:
                raise self._failure
            self._cassette = recover(
                self.folder, policy=self.policy, existing=self._existing, replace=self._replace
            )
        return self._cassette

    def now_s(self) -> float:
        """Seconds since the recording began."""
        return (self.clock.now_us() - self._began_us) / 1e6

    def _ended(self, call: _Call) -> None:
        with self._lock:
            if self._open.pop(call.number, None) is None:
                return
            self._waiting_bytes += call.held
            busy = self._waiting_bytes > _WAITING_BYTES
        if busy:
            self._keep(call)
        else:
            self._waiting.put(call)

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            self._keep(call)

    def _keep(self, call: _Call) -> None:
        try:
            self._journal.add(*call.record())
        except Exception as error:  # told by finish(): taps never raise
            self._failure = self._failure or error
        finally:
            call.forget()
            with self._lock:
                self._waiting_bytes -= call.held


class _Body:
    """One direction of a call: its pieces, or what is told of them when they are too many.

    With ``spool``, what goes beyond is written to its file, without secrets, as it comes.
    """

    def __init__(self, keep: int | None, encoding: str, spool: _Spool) -> None:
        self.pieces: list[Part] = []
        self.size = 0
        self.kept = True
        self.held = 0
        self.spool = spool
        self._keep = keep
        self._hash = hashlib.sha256()
        self._decoder = zlib.decompressobj(zlib.MAX_WBITS | 32) if encoding in ("gzip", "deflate") else None

    def add(self, data: bytes, at_s: float) -> None:
        if self._decoder is not None:
            try:
                data = self._decoder.decompress(data)
            except zlib.error:
                self._decoder = None
        self.size += len(data)
        self._hash.update(data)
        if self.spool.begun:
            self.spool.add(data, at_s)
            return
        if not self.kept and self.held >= _SHOWN_BYTES:
            return
        self.pieces.append(Part(bytes(data), at_s))
        self.held += len(data)
        if self._keep is not None and self.size > self._keep:
            self.kept = False
            self._cut()
        elif self._keep is None and self.held > _SPOOL_BYTES:
            for piece in self.pieces:
                self.spool.add(piece.data, piece.at_s)
            self.pieces, self.held = [], 0

    def _cut(self) -> None:
        """Hold only what the preview shows."""
        kept, size = [], 0
        for piece in self.pieces:
            kept.append(Part(piece.data[: _SHOWN_BYTES - size], piece.at_s))
            size += len(kept[-1].data)
            if size >= _SHOWN_BYTES:
                break
        self.pieces, self.held = kept, size

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()


class _Spool:
    """The file of a body that is too large for memory: ``redact`` takes secrets from a piece of it, ``rest``
    gives what is left at its end. Each piece is a part when ``messages``."""

    def __init__(
        self, path: Path, redact: Callable[[bytes], bytes], rest: Callable[[], bytes], messages: bool
    ) -> None:
        self.path = path
        self._redact, self._rest, self._messages = redact, rest, messages
        self._file: Any = None
        self._parts: list[tuple[int, float]] = []

    @property
    def begun(self) -> bool:
        return self._file is not None

    def add(self, data: bytes, at_s: float) -> None:
        if self._file is None:
            self._file = self.path.open("wb")
        self._put(self._redact(data), at_s)

    def _put(self, data: bytes, at_s: float) -> None:
        self._file.write(data)
        if self._messages or not self._parts:
            self._parts.append((len(data), at_s))
        else:
            self._parts[0] = self._parts[0][0] + len(data), at_s

    def done(self) -> Spooled | None:
        """What lies in the file; None when nothing does."""
        if self._file is None:
            return None
        rest = self._rest()
        if rest:
            self._put(rest, self._parts[-1][1])
        self._file.close()
        return Spooled(self.path, self._parts)

    def forget(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
            self.path.unlink(missing_ok=True)


class _Call:
    """See :class:`bqsim.record.tap.Call`."""

    def __init__(
        self,
        recorder: Recorder,
        number: int,
        transport: str,
        verb: str,
        target: str,
        headers: Headers,
        host: str,
    ) -> None:
        self.number = number
        self._recorder = recorder
        self._transport, self._verb, self._target = transport, verb, target
        self._headers, self._host = headers, host
        self._started_s = recorder.now_s()
        self._first_s = self._ended_s = 0.0
        self._method, self._resource = identify(transport, verb, target, host)
        self._table = _table(self._resource)
        self._messages = recorder.redactor.grpc(self._method) if transport == GRPC else None
        self._sent = self._body("request", headers)
        self._received = self._body("response", ())
        self._status = 0
        self._answer_headers: Headers = ()
        self._end: tuple[str, Headers, str, str] = ("", (), "", "")

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._sent.held + self._received.held

    def _at(self) -> float:
        return self._recorder.now_s() - self._started_s

    def sent(self, data: bytes) -> None:
        self._sent.add(data, self._at())

    def answered(self, status: int, headers: Headers) -> None:
        self._status, self._answer_headers = status, headers
        self._first_s = self._first_s or self._recorder.now_s()
        if not self._received.size:
            self._received = self._body("response", headers)

    def received(self, data: bytes) -> None:
        self._first_s = self._first_s or self._recorder.now_s()
        self._received.add(data, self._at())

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None:
        self._end = code, trailers, message, broken
        self._ended_s = self._recorder.now_s()
        self._recorder._ended(self)

    def _body(self, way: str, headers: Headers) -> _Body:
        recorder = self._recorder
        path = recorder.folder / f"{JOURNAL}.{self.number}.{way}"
        if self._messages is not None:
            redact = self._messages.sent if way == "request" else self._messages.received
            spool = _Spool(path, redact, bytes, True)
            return _Body(recorder.keep_bytes, "", spool)
        stream = recorder.redactor.stream(_media(headers), table=self._table)
        return _Body(recorder.keep_bytes, _encoding(headers), _Spool(path, stream.feed, stream.end, False))

    def forget(self) -> None:
        """Remove what lies in files."""
        self._sent.spool.forget()
        self._received.spool.forget()

    def record(self) -> tuple[Exchange, Spooled | None, Spooled | None]:
        """The call without its secrets, and the files in which its bodies lie."""
        redactor = self._recorder.redactor
        code, trailers, message, broken = self._end
        exchange = Exchange(
            self.number,
            self._transport,
            self._method,
            redactor.text(self._resource),
            self._verb,
            redactor.target(self._target),
            redactor.headers(self._headers),
            self._content(self._sent, self._headers, "request"),
            self._status,
            code,
            redactor.text(message) if message else "",
            redactor.headers(self._answer_headers),
            redactor.headers(trailers),
            self._content(self._received, self._answer_headers, "response"),
            broken,
            round(self._started_s, 6),
            round(self._first_s, 6),
            round(self._ended_s, 6),
        )
        return exchange, self._sent.spool.done(), self._received.spool.done()

    def _content(self, body: _Body, headers: Headers, way: str) -> Content:
        redactor = self._recorder.redactor
        media = _media(headers)
        if not body.kept:
            # Messages have no lines.
            shown = [] if self._messages is not None else _shown(redactor, body, media, self._table)
            return Content((), body.size, body.digest, media, tuple(shown))
        parts: tuple[Part, ...] = ()
        if self._messages is not None:
            redact = self._messages.sent if way == "request" else self._messages.received
            parts = tuple(Part(redact(p.data), p.at_s) for p in body.pieces)
        elif body.pieces:
            data = b"".join(p.data for p in body.pieces)
            parts = (Part(redactor.content(data, media, table=self._table), body.pieces[-1].at_s),)
        return Content(parts, body.size, body.digest, media)


def _table(resource: str) -> str:
    """``project.dataset.table`` of a resource path; '' for none."""
    parts = resource.split("/")
    return ".".join(parts[1:6:2]) if len(parts) >= 6 and parts[4] == "tables" else ""


def _shown(redactor: Any, body: _Body, media: str, table: str) -> list[str]:
    """The first lines of what was not kept, where it is text. Secrets go from all of it at once: names of
    columns and the beginnings of keys stand on other lines than what is secret."""
    data = b"".join(p.data for p in body.pieces)
    try:
        # A character may be cut in two at the end.
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return []
    if not text or "\0" in text or max(map(len, text.split("\n", 12)[:12])) > _SHOWN_LINE:
        return []
    shown = redactor.content(text.encode(), media, table=table).decode("utf-8", "replace")
    return [line.rstrip("\r")[:_SHOWN_LINE] for line in shown.split("\n", 12)[:12]]


def _header(headers: Iterable[tuple[str, str]], name: str) -> str:
    return next((value for key, value in headers if key == name), "")


def _encoding(headers: Headers) -> str:
    return _header(headers, "content-encoding").strip().lower()


def _media(headers: Headers) -> str:
    return _header(headers, "content-type")
