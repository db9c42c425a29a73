"""Calls that came before in the same words: answered again without working out what they mean.

An answer that was told once is kept as text. Those of ``jobs.query`` differ from call to call in the id of
the job and its times alone: these are put into marked places. What concerns every call is done for every
call: it passes the gate, is written down, and counts as a use of its operation.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.server.http import Response
from bqsim.server.rest.reply import GZIP_FROM_BYTES, dumps, masked, wants_gzip
from bqsim.sim.control.answers import EXPLAIN_HEADER
from bqsim.sim.gate import UNSEEN_HEADER, Call, Gate
from bqsim.sim.recorder import RECORDING

from . import paging

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .book import Book, Recording
    from .jobs import Jobs, ReplayJob

# Plans that are kept, how many bytes of answers, and the longest answer and request among them.
PLANS_KEPT, KEPT_BYTES = 4096, 64 * 1024 * 1024
ANSWER_BYTES, REQUEST_BYTES = 256 * 1024, 64 * 1024
# Calls with one of these headers are answered the long way.
_APART = frozenset({"x-http-method-override", "if-none-match", UNSEEN_HEADER})
# The member that clients make anew for each request. Quotes within texts of JSON follow a backslash.
_REQUEST_ID = re.compile(rb'"requestId"\s*:\s*"([!#-\[\]-~]*)"')
# Shorter stretches of an answer are not worth compressing.
_PACKED_FROM_BYTES = 256
_STORED_BYTES = 0xFFFF
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
_GZIP_END = b"\x03\x00"

Key = tuple[str, str, bytes, bool]


@dataclass(slots=True)
class Plan:
    """How a call is answered when it comes again.

    ``text`` is its answer, ``work`` what it does, by the operation called ``name``; ``call`` has what is the
    same of all these calls at the gate.
    """

    call: Call
    name: str
    text: Text
    headers: Mapping[str, str]
    work: Work
    lines: bytes = b""

    def __post_init__(self) -> None:
        self.headers = {
            n: v for n, v in self.headers.items() if n not in (EXPLAIN_HEADER, "Content-Encoding")
        }
        self.lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in self.headers.items())


class Work(Protocol):
    """What a call does."""

    def fits(self, request_id: str) -> bool:
        """Whether it can be done so still."""
        ...

    def do(self, request_id: str) -> Sequence[bytes]:
        """Do it; the parts of its answer that are not always the same."""
        ...


class Text:
    """A text with places for parts that change: ``pieces`` stand between them, one more than there are.

    With ``gzip`` it is told compressed from a length on that is worth it; what does not change is compressed
    once.
    """

    def __init__(self, pieces: Sequence[bytes], gzip: bool) -> None:
        self._pieces, self._gzip = tuple(pieces), gzip
        self._packed = [_deflated(p) if len(p) >= _PACKED_FROM_BYTES else b"" for p in pieces] if gzip else []
        self.size = sum(map(len, (*self._pieces, *self._packed)))

    @property
    def places(self) -> int:
        """How many parts change."""
        return len(self._pieces) - 1

    def told(self, parts: Sequence[bytes]) -> tuple[bytes, bool]:
        """The body with these parts, and whether it is compressed."""
        pieces = self._pieces
        if len(pieces) == 1:
            text = pieces[0]
        else:
            both = [b""] * (2 * len(pieces) - 1)
            both[::2], both[1::2] = pieces, parts
            text = b"".join(both)
        if not self._gzip or len(text) < GZIP_FROM_BYTES:
            return text, False
        return self._compressed(text, parts), True

    def _compressed(self, text: bytes, parts: Sequence[bytes]) -> bytes:
        out, plain = [_GZIP_HEAD], b""
        for number, packed in enumerate(self._packed):
            if number:
                plain += parts[number - 1]
            if not packed:
                plain += self._pieces[number]
                continue
            out += (_stored(plain), packed)
            plain = b""
        out += (_stored(plain), _GZIP_END, struct.pack("<II", zlib.crc32(text), len(text) & 0xFFFFFFFF))
        return b"".join(out)


def _deflated(data: bytes) -> bytes:
    """Blocks of a compressed stream, which end at a byte and do not depend on what comes before."""
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


def _stored(data: bytes) -> bytes:
    """Blocks of a compressed stream that have ``data`` as it is."""
    parts = [data[i : i + _STORED_BYTES] for i in range(0, len(data), _STORED_BYTES)]
    return b"".join(b"\x00" + struct.pack("<HH", len(p), len(p) ^ _STORED_BYTES) + p for p in parts)


class Quick:
    """The plans of a replay. Used on the event loop."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._plans: OrderedDict[Key, Plan] = OrderedDict()
        self._targets: dict[tuple[str, str], int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._plans)

    def knows(self, http: HttpRequest) -> bool:
        """Whether there is a plan for a call of this method and target, whatever its body."""
        head = http.head
        if (head.method, head.target) not in self._targets:
            return False
        return _APART.isdisjoint(head.headers)

    def answer(self, http: HttpRequest, data: bytes) -> Response | None:
        """The answer to a call; None when it is to be worked out."""
        head = http.head
        key, request_id = key_of(http, data)
        plan = self._plans.get(key)
        if plan is None:
            return None
        kept, headers = plan.call, head.headers
        body = {**kept.body, "requestId": request_id} if request_id else kept.body
        call = Call(
            "rest", kept.method, kept.resource, kept.caller, body, headers, (), head.scope, len(data),
            raw=data, query=kept.query,
        )  # fmt: skip
        if not self._gate.quiet(call):
            return None
        self._plans.move_to_end(key)
        work = plan.work
        if not work.fits(request_id):
            self._forget(key)
            return None
        call.notes[RECORDING] = plan.name
        parts = self._gate.run(call, lambda: work.do(request_id))
        text, packed = plan.text.told(parts)
        lines = plan.lines + f"{EXPLAIN_HEADER}: {call.explain}\r\n".encode()
        told = {**plan.headers, EXPLAIN_HEADER: call.explain}
        if packed:
            told["Content-Encoding"] = "gzip"
            lines += b"Content-Encoding: gzip\r\n"
        return Response(200, text, told, lines=lines)

    def keep(self, http: HttpRequest, data: bytes, plan: Plan) -> None:
        """Keep a plan for calls like this one; those that were not used for longest are forgotten."""
        if plan.text.size > ANSWER_BYTES or len(data) > REQUEST_BYTES:
            return
        if not _APART.isdisjoint(http.head.headers):
            return
        key, request_id = key_of(http, data)
        if len(_REQUEST_ID.findall(data)) > 1 or request_id != str(plan.call.body.get("requestId") or ""):
            # Further members have that name: what differs between requests is not known.
            return
        if key in self._plans:
            self._forget(key)
        self._plans[key] = plan
        self._targets[key[:2]] = self._targets.get(key[:2], 0) + 1
        self._bytes += plan.text.size
        while len(self._plans) > PLANS_KEPT or self._bytes > KEPT_BYTES:
            self._forget(next(iter(self._plans)))

    def _forget(self, key: Key) -> None:
        self._bytes -= self._plans.pop(key).text.size
        self._targets[key[:2]] -= 1
        if not self._targets[key[:2]]:
            del self._targets[key[:2]]


def key_of(http: HttpRequest, data: bytes) -> tuple[Key, str]:
    """What tells calls apart that are answered alike, and the ``requestId`` of this one."""
    head, request_id = http.head, ""
    if data:
        found = _REQUEST_ID.search(data)
        if found is not None:
            request_id = found[1].decode()
            data = data[: found.start(1)] + data[found.end(1) :]
    return (head.method, head.target, data, wants_gzip(head.headers)), request_id


@dataclass(slots=True)
class SameAnswer:
    """Use an operation again whose answer is always the same."""

    book: Book
    recording: Recording
    project: str

    def fits(self, request_id: str) -> bool:
        return self.book.project == self.project

    def do(self, request_id: str) -> Sequence[bytes]:
        self.book.use_again(self.recording)
        return ()


@dataclass(slots=True)
class SamePage:
    """Tell a page of a job's result again, as long as the job is there."""

    jobs: Jobs
    job: ReplayJob

    def fits(self, request_id: str) -> bool:
        job = self.job
        return self.jobs.find(job.project, job.job_id) is job

    def do(self, request_id: str) -> Sequence[bytes]:
        return ()


# What stands in marked places while an answer is written.
_ID, _TIME, _TOKEN = "\ue000id\ue001", "\ue000time\ue001", "\ue000token\ue001"
_MARKS = re.compile("|".join((_ID, _TIME, _TOKEN)).encode())


class QueryText(Text):
    """The text of an answer to ``jobs.query`` with places for the job's id, its times and the next page's
    token. ValueError when it cannot be told where these are."""

    def __init__(self, answer: Mapping[str, Any], *, pretty: bool, gzip: bool, fields: str | None) -> None:
        marked = {**answer, "jobReference": {**answer["jobReference"], "jobId": _ID}, "queryId": _ID}
        for name in ("creationTime", "startTime", "endTime"):
            marked[name] = _TIME
        if "pageToken" in answer:
            marked["pageToken"] = _TOKEN
        if _MARKS.search(dumps(answer)):
            raise ValueError("the answer has the marks")
        text = dumps(masked(marked, fields) if fields else marked, pretty) + (b"\n" if pretty else b"")
        self.marks = tuple(mark.decode() for mark in _MARKS.findall(text))
        super().__init__(_MARKS.split(text), gzip)

    def parts(self, job_id: str, time_ms: str, following: int) -> Sequence[bytes]:
        """What stands in the places."""
        known = {_ID: job_id.encode(), _TIME: time_ms.encode()}
        if _TOKEN in self.marks:
            known[_TOKEN] = paging.encode(job_id, following).encode()
        return [known[mark] for mark in self.marks]


@dataclass(slots=True)
class QueryAgain:
    """Begin the job of a query again, which is done at once."""

    jobs: Jobs
    recording: Recording
    project: str
    location: str
    labels: Mapping[str, str] | None
    following: int
    called: str
    text: QueryText | None = None

    def fits(self, request_id: str) -> bool:
        jobs = self.jobs
        return jobs.book.project == self.called and not jobs.has_request(self.project, request_id)

    def do(self, request_id: str) -> Sequence[bytes]:
        jobs = self.jobs
        found = jobs.book.use_again(self.recording)
        job_id = jobs.begin_again(found, self.project, self.location, self.labels, request_id)
        assert self.text is not None
        return self.text.parts(job_id, str(found.play.start_us // 1000), self.following)
