"""Resumable uploads: sessions that take content in several requests, for whatever it is.

A chunk may repeat what has arrived, never leave a gap; what arrived before a connection broke is kept; a
status query (``bytes */…``) tells how much that is. Of two clients at once the one that came last goes on.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.errors import BigQueryError, invalid
from bqsim.objects.files import read_json, write_json
from bqsim.server.identity import Caller
from bqsim.sim.gate import Call
from bqsim.sim.scenario.model import Network
from bqsim.sim.scenario.words import RESETS

from .reply import Reply
from .spool import Spool

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .app import RestApp

# Page "Resumable uploads": the address of a session is good for a week.
SESSION_LIFE_US = 7 * 24 * 3600 * 1_000_000
MAX_SESSIONS = 10_000

_RANGE = re.compile(r"bytes (?:(\d{1,15})-(\d{1,15}|\*)|\*)/(\d{1,15}|\*)\Z")
_ID = re.compile(r"[0-9a-f]{32}\Z")


@dataclass(slots=True)
class Session:
    """A resumable upload: what it is for, what has arrived, and the answer once it is complete.

    ``turn`` counts the requests that brought content: only that of the last one is taken.
    """

    id: str
    spec: dict[str, Any]
    caller: Caller
    created_us: int
    spool: Spool
    total: int | None = None
    answer: Reply | None = None
    turn: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Purpose(Protocol):
    """What uploads of one API are for."""

    @property
    def quantum(self) -> int:
        """Chunks other than the last count by whole so many bytes."""
        ...

    def call(self, session: Session, http: HttpRequest) -> Call:
        """The call at the gate of the request that brings the last chunk."""
        ...

    async def complete(self, session: Session, http: HttpRequest) -> Reply:
        """Use the content of a complete upload, whose spool it owns from now on."""
        ...

    def failure(self, error: Exception, http: HttpRequest) -> Reply:
        """The answer to a failed call."""
        ...


class Sessions:
    """The uploads of one API. With a ``folder`` they outlive the process."""

    def __init__(self, app: RestApp, purpose: Purpose, folder: Callable[[], Path | None]) -> None:
        self._app = app
        self._purpose = purpose
        self._folder = folder
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    # Sessions

    def begin(self, spec: dict[str, Any], caller: Caller, http: HttpRequest) -> Session:
        """A new session; ``X-Upload-Content-Length`` tells how much is to come."""
        self._expire()
        upload_id = self._app.core.draws.hex_id("upload", 32)
        folder = self._folder()
        spool = Spool(None if folder is None else folder / f"{upload_id}.data", self._purpose.quantum)
        session = Session(upload_id, spec, caller, self._app.core.clock.now_us(), spool)
        length = http.head.headers.get("x-upload-content-length", "")
        if length.isdigit() and len(length) <= 15:
            session.total = int(length)
        self._sessions[upload_id] = session
        self._keep(session)
        return session

    def find(self, upload_id: str) -> Session | None:
        """A session that lives, also one from before the server's restart."""
        session = self._sessions.get(upload_id)
        if session is None:
            session = self._read(upload_id)
        if session is not None and session.created_us <= self._horizon_us():
            self.forget(session)
            return None
        return session

    def forget(self, session: Session) -> None:
        """End a session; what has arrived goes with it, unless its purpose has it."""
        session.turn += 1
        if session.answer is None:
            session.spool.discard()
        self._sessions.pop(session.id, None)
        folder = self._folder()
        if folder is not None:
            (folder / f"{session.id}.json").unlink(missing_ok=True)

    def _horizon_us(self) -> int:
        return self._app.core.clock.now_us() - SESSION_LIFE_US

    def _expire(self) -> None:
        while self._sessions:
            oldest = next(iter(self._sessions.values()))
            if oldest.created_us > self._horizon_us() and len(self._sessions) < MAX_SESSIONS:
                return
            self.forget(oldest)

    def _keep(self, session: Session) -> None:
        folder = self._folder()
        if folder is None:
            return
        answer = session.answer
        known = {
            "spec": session.spec,
            "caller": asdict(session.caller),
            "created_us": session.created_us,
            "total": session.total,
            "answer": answer and {"body": answer.body, "headers": dict(answer.headers)},
        }
        write_json(folder / f"{session.id}.json", known)

    def _read(self, upload_id: str) -> Session | None:
        folder = self._folder()
        if folder is None or not _ID.match(upload_id):
            return None
        known = read_json(folder / f"{upload_id}.json")
        if known is None:
            return None
        caller = Caller(known["caller"]["email"], tuple(known["caller"]["groups"]))
        answer = known["answer"] and Reply(known["answer"]["body"], headers=known["answer"]["headers"])
        spool = Spool() if answer else Spool(folder / f"{upload_id}.data", self._purpose.quantum)
        total = known["total"]
        session = Session(upload_id, known["spec"], caller, known["created_us"], spool, total, answer)
        self._sessions[upload_id] = session
        return session

    # Requests

    async def proceed(self, upload_id: str, http: HttpRequest) -> Reply:
        """Answer a request of a session: a chunk, a status query, or its end (DELETE)."""
        session = self.find(upload_id)
        if session is None:
            raise _unknown()
        if http.head.method == "DELETE":
            self.forget(session)
            return Reply(None, 499)
        if session.answer is None:
            content_range = parse_content_range(http)
            if not content_range.is_last:
                await self._receive(session, http, content_range)
                if session.total != session.spool.size:
                    return _state(session)
            return await self._finish(session, http, content_range)
        return session.answer

    async def _receive(
        self, session: Session, http: HttpRequest, given: ContentRange, most: int | None = None
    ) -> None:
        """Take the chunk of one request, ``most`` bytes of it; what arrived before it broke off is kept."""
        total = given.total
        if total is not None and session.total != total:
            if session.total is not None:
                raise invalid(f"The size of the upload changed from {session.total} to {total} bytes.")
            if total < session.spool.size:
                raise invalid("The upload is longer than its announced size.")
            session.total = total
            self._keep(session)
        if given.start is None:
            return
        session.turn += 1
        session.spool.settle(whole=False)
        if given.start > session.spool.size:
            return
        turn = session.turn
        try:
            await self._take(session, http, given, turn, most)
        finally:
            if session.turn == turn:
                session.spool.settle(whole=session.spool.arrived == session.total)

    async def _take(
        self, session: Session, http: HttpRequest, given: ContentRange, turn: int, most: int | None
    ) -> None:
        assert given.start is not None
        spool, position = session.spool, given.start
        async for piece in http.pieces():
            if session.turn != turn:
                raise BigQueryError("backendError", "Another request goes on with this upload.")
            if most is not None:
                piece = piece[: most - (position - given.start)]
            new = piece[max(0, spool.arrived - position) :]
            position += len(piece)
            if given.stop is not None and position > given.stop + 1:
                raise invalid("The request body is longer than its Content-Range.")
            if session.total is not None and spool.arrived + len(new) > session.total:
                raise invalid("The upload is longer than its announced size.")
            spool.write(new)
            if most is not None and position - given.start >= most:
                return
        if given.is_last and session.total is None:
            session.total = spool.arrived
            self._keep(session)

    async def _finish(self, session: Session, http: HttpRequest, given: ContentRange) -> Reply:
        """Take the last chunk, if it has not come, and use the content."""
        entered = False

        async def service() -> Reply:
            nonlocal entered
            entered = True
            if session.total != session.spool.size:
                await self._receive(session, http, given)
            if session.total != session.spool.size:
                return _state(session)
            async with session.lock:
                return session.answer or await self._complete(session, http)

        call = self._purpose.call(session, http)
        reply = await self._app.passed(call, service, http, self._purpose.failure)
        if reply.fault is not None and not entered:
            await self._break_off(session, reply.fault, http, given)
        return reply

    async def _complete(self, session: Session, http: HttpRequest) -> Reply:
        if self._sessions.get(session.id) is not session:
            raise _unknown()
        try:
            answer = await self._purpose.complete(session, http)
        except BigQueryError as error:
            if error.http < 500:
                self.forget(session)
            raise
        # Kept here: the answer counts though its first sending may fail.
        session.answer = answer
        self._keep(session)
        return answer

    async def _break_off(
        self, session: Session, fault: Network, http: HttpRequest, given: ContentRange
    ) -> None:
        """A connection that is reset before its answer breaks in the middle of what it brings."""
        if fault.what in RESETS and fault.at == "before_headers":
            middle = (http.head.length or 0) // 2
            most = middle if fault.byte is None else fault.byte
            await self._receive(session, http, replace(given, open=True), most)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """What a request brings: first and last byte (None: a status query; None: not told), total size (None:
    not known). ``open``: not to be taken as the end of the content."""

    start: int | None
    stop: int | None
    total: int | None
    open: bool = False

    @property
    def is_last(self) -> bool:
        """Whether the request brings the end of the content."""
        if self.start is None or self.open:
            return False
        return self.stop is None or self.stop + 1 == self.total


def parse_content_range(http: HttpRequest) -> ContentRange:
    """The ``Content-Range`` of a request; one without brings everything."""
    text = http.head.headers.get("content-range")
    if text is None:
        return ContentRange(0, None, http.head.length)
    match = _RANGE.match(text.strip())
    if match is None:
        raise invalid(f"Malformed Content-Range: {text[:100]}", "Content-Range")
    first, last, total = match.groups()
    size = None if total == "*" else int(total)
    if first is None:
        return ContentRange(None, None, size)
    start, stop = int(first), None if last == "*" else int(last)
    if stop is not None and (stop < start or (size is not None and stop >= size)):
        raise invalid(f"Malformed Content-Range: {text[:100]}", "Content-Range")
    return ContentRange(start, stop, size)


def _unknown() -> BigQueryError:
    return BigQueryError("notFound", "Not found: the upload session is unknown or has expired")


def _state(session: Session) -> Reply:
    """308: what has arrived."""
    size = session.spool.size
    headers = {"Range": f"bytes=0-{size - 1}"} if size else {}
    return Reply(None, 308, headers={**headers, "X-GUploader-UploadID": session.id})
