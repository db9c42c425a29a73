"""Media uploads of load jobs in a replay: multipart and resumable, in chunks of any size."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.record.keys import job_request
from bqsim.server.identity import Caller
from bqsim.server.rest.media import MediaUploads, begun
from bqsim.server.rest.reply import Reply
from bqsim.server.rest.request import MAX_BODY_BYTES, base_url, parse_json
from bqsim.server.rest.resumable import Session, Sessions
from bqsim.server.rest.spool import Spool
from bqsim.server.rest.two_parts import TwoParts
from bqsim.sim.gate import Call

from .matching import content_digest
from .rest import CALLER, UPLOAD_WAIT_S

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.rest.methods import Match

    from .book import Book
    from .rest import ReplayApp

# Rows of larger contents are not compared one by one.
COMPARED_BYTES = 64 * 1024 * 1024
_PIECE = 1 << 20


class Sessioned:
    """What sessions of uploads use of a server: that of a replay tells failures itself."""

    def __init__(self, app: ReplayApp) -> None:
        self._app = app
        self.core: Any = app.core

    async def passed(
        self, call: Call, service: Callable[[], Awaitable[Reply]], http: HttpRequest, failure: Any = None
    ) -> Reply:
        """The reply of ``service`` behind the gate."""
        return await self._app.passed(call, service, http)


class Uploads(MediaUploads):
    """Uploads begin recorded load jobs."""

    quantum = 1

    def __init__(self, app: ReplayApp) -> None:
        super().__init__(app)
        self._app = app
        self.failure = app.failure
        sessioned: Any = Sessioned(app)
        self.sessions = Sessions(sessioned, self, lambda: None)

    async def multipart(self, match: Match, query: dict[str, str], http: HttpRequest) -> Reply:
        spool = Spool()
        try:
            async with TwoParts(http, spool.write) as parts:
                body = parse_json(await parts.metadata())

                async def service() -> Reply:
                    await parts.media()
                    return await self._insert(match, body, spool, http)

                return await self._app.passed(_call(match, body, http), service, http)
        finally:
            discard(spool)

    async def begin(self, match: Match, query: dict[str, str], http: HttpRequest, path: str) -> Reply:
        body = parse_json(await http.read(MAX_BODY_BYTES))
        spec = {"path": match.resource, "body": body}

        async def service() -> Reply:
            upload_id = self.sessions.begin(spec, Caller(CALLER), http).id
            return begun(f"{base_url(http.head.headers, self._app.core.settings)}{path}", upload_id)

        return await self._app.passed(_call(match, body, http), service, http)

    def call(self, session: Session, http: HttpRequest) -> Call:
        """The insertion of the job."""
        return _call(self._app.route("POST", session.spec["path"]), session.spec["body"], http)

    async def complete(self, session: Session, http: HttpRequest) -> Reply:
        """Begin the job."""
        match = self._app.route("POST", session.spec["path"])
        try:
            return await self._insert(match, session.spec["body"], session.spool, http)
        finally:
            discard(session.spool)

    async def _insert(self, match: Match, body: dict[str, Any], spool: Spool, http: HttpRequest) -> Reply:
        """Begin the recorded load job that has this configuration and content."""
        kind, request = job_request(body)
        if not kind:
            raise BigQueryError("required", "Required parameter is missing", location="configuration")
        digest = await asyncio.to_thread(digest_of, spool)
        book = self._app.core.book
        if kind == "load":
            digest = await asyncio.to_thread(recorded_digest, book, request, spool, digest)
        request["upload"] = {"digest": digest, "size": spool.size}
        job = self._app.begin(kind, request, match.path.get("projectId", ""), body)
        await job.wait(UPLOAD_WAIT_S, self._app.core.clock)
        return self._app.job_reply(job, http)


def digest_of(spool: Spool) -> str:
    """The SHA-256 of a complete content, in hex."""
    data = spool.data()
    if data is not None:
        return hashlib.sha256(data).hexdigest()
    digest = hashlib.sha256()
    with spool.take().open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()


def content_of(spool: Spool) -> bytes:
    """A complete content."""
    data = spool.data()
    return spool.take().read_bytes() if data is None else data


def discard(spool: Spool) -> None:
    """Forget a content, also where it is in a file."""
    path: Path | None = None if spool.data() is not None else spool.take()
    spool.discard()
    if path is not None:
        path.unlink(missing_ok=True)


def recorded_digest(book: Book, request: Mapping[str, Any], spool: Spool, digest: str) -> str:
    """The digest of the recorded content of a load job like ``request`` with the same rows in other bytes;
    ``digest`` when there is none."""
    if spool.size > COMPARED_BYTES:
        return digest
    asked = book.bindings.symbolised(dict(request))
    key = book.matching.key("load", asked)
    same = []
    for recording in book.recordings("load"):
        if book.matching.plain and recording.entry.key != key:
            continue
        operation = book.load(recording)
        if not book.matching.plain and book.matching.key("load", operation.request) != key:
            continue
        was = content_digest("load", operation.request)
        if was == digest:
            return digest
        if was and "$blob" in operation.request["upload"]:
            same.append((recording, operation.request["upload"], was))
    if not same:
        return digest
    load = (request.get("configuration") or {}).get("load") or {}
    format_ = str(load.get("sourceFormat") or "CSV").upper()
    rows = _rows(content_of(spool), format_)
    for recording, reference, was in same:
        recorded = book.cassettes[recording.cassette].blob(reference)
        if rows is not None and _equal(rows, _rows(recorded, format_)):
            return was
    return digest


def _rows(data: bytes, format_: str) -> Any:
    """The rows of a content in a form that can be compared; None where they cannot be read."""
    import gzip

    if data[:2] == b"\x1f\x8b":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError):
            return None
    if format_ == "CSV":
        return data.decode("utf-8", "replace").splitlines()
    if format_ == "NEWLINE_DELIMITED_JSON":
        import json

        from .append_rows import row_texts

        try:
            rows = [json.loads(line) for line in data.splitlines() if line.strip()]
            return row_texts(rows)
        except (ValueError, AttributeError):
            return None
    if format_ == "PARQUET":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_table(pa.BufferReader(data))
        except (pa.ArrowException, OSError):
            return None
    return data


def _equal(a: Any, b: Any) -> bool:
    if b is None:
        return False
    if hasattr(a, "schema"):
        # Files may differ in how columns are divided and what is said of them.
        return bool(a.replace_schema_metadata(None).equals(b.replace_schema_metadata(None)))
    return bool(a == b)


def _call(match: Match, body: dict[str, Any], http: HttpRequest) -> Call:
    return Call(
        "rest",
        match.method.id,
        match.resource,
        CALLER,
        body,
        http.head.headers,
        (),
        http.head.scope,
        http.head.length or 0,
    )
