"""Media uploads of load jobs: multipart and resumable."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.upload import Upload
from bqsim.server.identity import Caller
from bqsim.sim.scenario.model import Network
from bqsim.sim.scenario.words import RESETS

from . import jobs
from .methods import Match
from .multipart import Part, boundary_of, read_parts
from .reply import Reply
from .request import MAX_BODY_BYTES, Request, parse_json
from .validate import validate

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.http import Response

    from .app import RestApp

# Content beyond this size goes to a file.
SPOOL_BYTES = 8 * 1024 * 1024
# Page "API uploads": the address of a resumable upload is good for a week.
SESSION_LIFE_US = 7 * 24 * 3600 * 1_000_000
MAX_SESSIONS = 10_000
PREFIXES = ("/upload/bigquery/v2/", "/resumable/upload/bigquery/v2/", "/upload/", "/resumable/upload/")

_RANGE = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15})|\*)/(\d{1,15}|\*)\Z")


class Spool:
    """Uploaded content: in memory, from :data:`SPOOL_BYTES` on in a file."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._file: IO[bytes] | None = None

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self.size += len(piece)
        if self._file is None:
            self._pieces.append(piece)
            if self.size <= SPOOL_BYTES:
                return
            self._file = tempfile.NamedTemporaryFile(prefix="bqsim-upload-", delete=False)  # noqa: SIM115
            piece = b"".join(self._pieces)
            self._pieces.clear()
        self._file.write(piece)

    def finish(self) -> Upload:
        """The complete content; a file belongs to whoever gets it."""
        if self._file is None:
            return Upload(data=b"".join(self._pieces))
        self._file.close()
        return Upload(path=Path(self._file.name))

    def discard(self) -> None:
        """Forget the content."""
        self._pieces.clear()
        if self._file is not None:
            self._file.close()
            Path(self._file.name).unlink(missing_ok=True)


@dataclass(slots=True)
class Session:
    """A resumable upload: the job it is for, what has arrived, and the answer once it is complete."""

    match: Match
    body: dict[str, Any]
    caller: Caller
    created_us: int
    spool: Spool = field(default_factory=Spool)
    total: int | None = None
    answer: Reply | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Uploads:
    """The service behind ``/upload`` and ``/resumable/upload``."""

    def __init__(self, app: RestApp) -> None:
        self._app = app
        self._core = app.core
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a request below the upload prefixes."""
        reply = await self._route(path, query, http)
        return await self._app.answer(reply, query, http)

    async def _route(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        prefix = next((p for p in PREFIXES if path.startswith(p)), None)
        if prefix is None:
            raise BigQueryError("notFound", "Not Found")
        verb = http.head.method
        if "upload_id" in query and verb in ("PUT", "POST", "DELETE"):
            return await self._continue(query["upload_id"], http)
        match = self._app.route(verb, path[len(prefix) :])
        if not match.method.media:
            raise BigQueryError("notFound", "Not Found")
        kind = query.get("uploadType") or query.get("upload_protocol")
        if kind is None:
            kind = "resumable" if prefix.startswith("/resumable") else "multipart"
        if kind == "multipart":
            return await self._multipart(match, query, http)
        if kind == "resumable":
            return await self._begin(match, query, http, path)
        raise invalid(f"Upload type {kind[:40]} is not supported for this method.", "uploadType")

    def _request(self, match: Match, query: dict[str, str], http: HttpRequest) -> Request:
        headers = http.head.headers
        caller = self._core.authenticator.caller(headers.get("authorization", ""))
        return Request(self._core, match.method.id, match.path, query, headers, caller, {}, http)

    async def _pass(self, request: Request, match: Match, service: Any) -> Reply:
        assert request.http is not None
        return await self._app.passed(request.call(match.resource), service, request.http)

    # Multipart

    async def _multipart(self, match: Match, query: dict[str, str], http: HttpRequest) -> Reply:
        boundary = boundary_of(http.head.headers.get("content-type", ""), "related")
        metadata = bytearray()
        spool = Spool()
        parts, taken = 0, False
        media, admitted = asyncio.Event(), asyncio.Event()

        def on_part(part: Part) -> None:
            nonlocal parts
            parts += 1
            if parts > 2:
                raise invalid("A multipart upload has two parts: metadata and media.")
            part.write = spool.write if parts == 2 else add_metadata
            if parts == 2:
                media.set()

        def add_metadata(piece: bytes) -> None:
            metadata.extend(piece)
            if len(metadata) > MAX_BODY_BYTES:
                raise BigQueryError("requestTooLarge", "The metadata of the upload is too large.")

        async def pieces() -> AsyncIterator[bytes]:
            async for piece in http.pieces():
                yield piece
                if media.is_set():
                    # The gate is asked before the rest is read.
                    await admitted.wait()

        async def service() -> Reply:
            nonlocal taken
            admitted.set()
            await reading
            taken = True
            return await jobs.insert(request, spool.finish())

        reading = asyncio.create_task(read_parts(pieces(), boundary, on_part))
        begun = asyncio.create_task(media.wait())
        try:
            await asyncio.wait((reading, begun), return_when=asyncio.FIRST_COMPLETED)
            if not media.is_set():
                await reading
                raise invalid("A multipart upload has two parts: metadata and media.")
            request = self._request(match, query, http)
            request.body = _metadata(bytes(metadata))
            return await self._pass(request, match, service)
        finally:
            begun.cancel()
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if not taken:
                spool.discard()

    # Resumable

    async def _begin(self, match: Match, query: dict[str, str], http: HttpRequest, path: str) -> Reply:
        request = self._request(match, query, http)
        request.body = _metadata(await http.read(MAX_BODY_BYTES))
        length = http.head.headers.get("x-upload-content-length", "")

        async def service() -> Reply:
            self._expire()
            upload_id = self._core.draws.hex_id("upload", 32)
            session = Session(match, request.body, request.caller, self._core.clock.now_us())
            if length.isdigit() and len(length) <= 15:
                session.total = int(length)
            self._sessions[upload_id] = session
            location = f"{request.base_url()}{path}?uploadType=resumable&upload_id={upload_id}"
            return Reply(None, 200, headers={"Location": location, "X-GUploader-UploadID": upload_id})

        return await self._pass(request, match, service)

    def _expire(self) -> None:
        horizon = self._core.clock.now_us() - SESSION_LIFE_US
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.created_us > horizon and len(self._sessions) < MAX_SESSIONS:
                return
            oldest.spool.discard()
            self._sessions.popitem(last=False)

    async def _continue(self, upload_id: str, http: HttpRequest) -> Reply:
        session = self._sessions.get(upload_id)
        if session is None:
            raise BigQueryError("notFound", "Not found: the upload session is unknown or has expired")
        if http.head.method == "DELETE":
            session.spool.discard()
            del self._sessions[upload_id]
            return Reply(None, 499)
        async with session.lock:
            if session.answer is None and not _is_last(http):
                await self._receive(session, http)
                if session.total != session.spool.size:
                    return _state(session, upload_id)
            if session.answer is None:
                return await self._finish(session, upload_id, http)
        return session.answer

    async def _receive(self, session: Session, http: HttpRequest, most: int | None = None) -> None:
        """Take the chunk of one request, ``most`` bytes of it; what arrived before it broke off is kept."""
        given = http.head.headers.get("content-range")
        start, stop, total = _content_range(given, http.head.length)
        if total is not None:
            if session.total is not None and session.total != total:
                raise invalid(f"The size of the upload changed from {session.total} to {total} bytes.")
            session.total = total
        if start is None or start > session.spool.size:
            return
        skip = session.spool.size - start
        received = 0
        async for piece in http.pieces():
            if most is not None:
                piece = piece[: most - received]
            received += len(piece)
            if stop is not None and received > stop - start + 1:
                raise invalid("The request body is longer than its Content-Range.")
            session.spool.write(piece[skip:])
            skip -= min(skip, len(piece))
            if received == most:
                return
        if given is None:
            session.total = session.spool.size
        if session.total is not None and session.spool.size > session.total:
            raise invalid("The upload is longer than its announced size.")

    async def _finish(self, session: Session, upload_id: str, http: HttpRequest) -> Reply:
        """Take the last chunk, if it has not come, and begin the job."""
        request = self._request(session.match, {}, http)
        request.caller = session.caller
        request.body = session.body
        entered = False

        async def service() -> Reply:
            nonlocal entered
            entered = True
            if session.total != session.spool.size:
                await self._receive(session, http)
            if session.total != session.spool.size:
                return _state(session, upload_id)
            # Kept here: the answer counts though its first sending may fail.
            session.answer = await jobs.insert(request, session.spool.finish())
            return session.answer

        reply = await self._pass(request, session.match, service)
        if reply.fault is not None and not entered:
            await self._break_off(session, reply.fault, http)
        return reply

    async def _break_off(self, session: Session, fault: Network, http: HttpRequest) -> None:
        """A connection that is reset before its answer breaks in the middle of what it brings."""
        if fault.what in RESETS and fault.at == "before_headers":
            middle = (http.head.length or 0) // 2
            await self._receive(session, http, middle if fault.byte is None else fault.byte)


def _is_last(http: HttpRequest) -> bool:
    """Whether a request brings the end of the content."""
    given = http.head.headers.get("content-range")
    _, stop, total = _content_range(given, http.head.length)
    return given is None or (stop is not None and stop + 1 == total)


def _state(session: Session, upload_id: str) -> Reply:
    """308: what has arrived."""
    size = session.spool.size
    headers = {"Range": f"bytes=0-{size - 1}"} if size else {}
    return Reply(None, 308, headers={**headers, "X-GUploader-UploadID": upload_id})


def _metadata(data: bytes) -> dict[str, Any]:
    return validate(parse_json(data), "Job")


def _content_range(text: str | None, length: int | None) -> tuple[int | None, int | None, int | None]:
    """First and last byte (None for a status query) and total size (None when unknown) of a chunk."""
    if text is None:
        return 0, None, length
    match = _RANGE.match(text.strip())
    if match is None:
        raise invalid(f"Malformed Content-Range: {text[:100]}", "Content-Range")
    first, last, total = match.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return None, None, size
    start, stop = int(first), int(last)
    if stop < start or (size is not None and stop >= size):
        raise invalid(f"Malformed Content-Range: {text[:100]}", "Content-Range")
    return start, stop, size
