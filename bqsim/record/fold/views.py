"""One call as folding sees it: its JSON, its parameters, what became of it; batches as the calls in them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from bqsim.record.messages import message_of
from bqsim.record.model import GRPC, REST, Content, Exchange, Headers, Part
from bqsim.record.routes import BATCH, identify, query_of

# Answers after which clients send the request again.
RETRYABLE = frozenset((408, 429, 500, 502, 503, 504))
_RETRYABLE_CODES = frozenset(
    ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "INTERNAL", "RESOURCE_EXHAUSTED", "UNKNOWN")
)
_RETRYABLE_REASONS = frozenset(("rateLimitExceeded", "backendError", "internalError", "jobBackendError"))
_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)


class View:
    """A call; everything that is asked of it is computed once. Nothing here raises, whatever was sent."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.method = exchange.method
        self.resource = exchange.resource
        self.started_s = exchange.started_s
        self.ended_s = max(exchange.ended_s, exchange.started_s)

    @cached_property
    def query(self) -> dict[str, str]:
        return query_of(self.exchange.target)

    @cached_property
    def body(self) -> Any:
        """The JSON that was sent; of an upload in two parts that of the first; None when there is none."""
        content = self.exchange.request
        if "multipart/related" in content.media.lower():
            parts = self.parts
            return json_of(parts[0][1]) if parts else None
        return json_of(content.data) if content.kept else None

    @cached_property
    def parts(self) -> list[tuple[dict[str, str], bytes]]:
        """The parts of a multipart request."""
        return multipart(self.exchange.request.data, self.exchange.request.media)

    @cached_property
    def answer(self) -> Any:
        """The JSON of the answer; None when it has none."""
        return json_of(self.exchange.response.data) if self.exchange.response.kept else None

    @cached_property
    def job(self) -> dict[str, Any]:
        """The job reference in the answer."""
        return _dict(_dict(self.answer).get("jobReference"))

    def asked(self, number: int = 0) -> Any:
        """The n-th message that was sent; None when there is none."""
        parts = self.exchange.request.parts
        return message_of(self.method, "request", parts[number].data) if number < len(parts) else None

    def told(self, number: int = 0) -> Any:
        """The n-th message of the answer; None when there is none."""
        parts = self.exchange.response.parts
        return message_of(self.method, "response", parts[number].data) if number < len(parts) else None

    @property
    def grpc(self) -> bool:
        return self.exchange.transport == GRPC

    @property
    def ok(self) -> bool:
        """Whether the whole answer came, and was none of an error."""
        exchange = self.exchange
        if exchange.broken:
            return False
        return exchange.code == "OK" if self.grpc else 200 <= exchange.status < 400

    @property
    def silent(self) -> bool:
        """Whether no answer came at all."""
        return not self.exchange.status and not self.exchange.code

    @cached_property
    def reason(self) -> str:
        error = _dict(_dict(self.answer).get("error"))
        errors = error.get("errors")
        first = _dict(errors[0]) if isinstance(errors, list) and errors else {}
        return str(first.get("reason", "") or "")

    @property
    def retryable(self) -> bool:
        """Whether clients send such a request again after this answer."""
        exchange = self.exchange
        if self.ok:
            return False
        if exchange.broken or self.silent:
            return True
        if self.grpc:
            return exchange.code in _RETRYABLE_CODES
        return exchange.status in RETRYABLE or self.reason in _RETRYABLE_REASONS

    @property
    def error(self) -> dict[str, Any]:
        """The answer of a call that was refused, as operations have it."""
        exchange = self.exchange
        out: dict[str, Any] = {}
        if self.grpc:
            out["code"], out["message"] = exchange.code or "UNKNOWN", exchange.message
            details = self.header("grpc-status-details-bin", exchange.trailers)
            if details:
                out["details"] = details
        else:
            out["status"] = exchange.status
            if self.answer is not None:
                out["body"] = self.answer
            elif exchange.response.data:
                out["text"] = exchange.response.data.decode("utf-8", "replace")
            if retry := self.header("retry-after", exchange.response_headers):
                out["headers"] = {"retry-after": retry}
        if exchange.broken:
            out["broken"] = exchange.broken
        return out

    @property
    def failure(self) -> dict[str, Any]:
        """The answer that a client got before the one that counts."""
        out = {"method": self.method, **self.error}
        if self.reason:
            out["reason"] = self.reason
        return out

    @staticmethod
    def header(name: str, headers: Headers) -> str:
        return next((value for key, value in headers if key == name), "")

    def sent_header(self, name: str) -> str:
        return self.header(name, self.exchange.request_headers)

    def told_header(self, name: str) -> str:
        return self.header(name, self.exchange.response_headers)


def expanded(exchange: Exchange) -> list[Exchange]:
    """The calls of a batch; another exchange, or a batch that cannot be read, as it is."""
    if exchange.method != BATCH:
        return [exchange]
    asked = multipart(exchange.request.data, exchange.request.media)
    told = {
        _content_id(headers): data
        for headers, data in multipart(exchange.response.data, exchange.response.media)
    }
    in_turn = list(multipart(exchange.response.data, exchange.response.media))
    out = []
    for number, (headers, data) in enumerate(asked):
        first, inner, body = _http(data)
        words = first.split(" ")
        if len(words) < 2:
            return [exchange]
        target = words[1]
        if "://" in target:
            target = "/" + target.partition("://")[2].partition("/")[2]
        answer = told.get("response-" + _content_id(headers)) if _content_id(headers) else None
        if answer is None and number < len(in_turn):
            answer = in_turn[number][1]
        out.append(_inner(exchange, words[0], target, inner, body, answer))
    return out or [exchange]


def _inner(
    outer: Exchange, verb: str, target: str, headers: Headers, body: bytes, answer: bytes | None
) -> Exchange:
    method, resource = identify(REST, verb, target, "")
    status, told = 0, b""
    told_headers: Headers = ()
    if answer is not None:
        line, told_headers, told = _http(answer)
        words = line.split(" ")
        status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return replace(
        outer,
        method=method,
        resource=resource,
        verb=verb,
        target=target,
        request_headers=headers,
        request=_whole(body, headers),
        status=status,
        response_headers=told_headers,
        response=_whole(told, told_headers),
    )


def _whole(data: bytes, headers: Headers) -> Content:
    parts = (Part(data),) if data else ()
    return Content(parts, len(data), "", View.header("content-type", headers))


def _http(data: bytes) -> tuple[str, Headers, bytes]:
    """The first line, headers and body of an HTTP message in a part."""
    head, _, body = data.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    pairs = (line.partition(":") for line in lines if ":" in line)
    return first.strip(), tuple((n.strip().lower(), v.strip()) for n, _, v in pairs), body.rstrip(b"\n")


def _content_id(headers: dict[str, str]) -> str:
    return unquote(headers.get("content-id", "").strip().strip("<>"))


def multipart(data: bytes, media: str) -> list[tuple[dict[str, str], bytes]]:
    """The parts of a multipart body with their headers; none when it has no boundary."""
    found = _BOUNDARY.search(media)
    if not found:
        return []
    mark = b"--" + found[1].strip().encode("latin-1", "replace")
    out = []
    for piece in (b"\n" + data).split(b"\n" + mark)[1:]:
        if piece.startswith(b"--"):
            break
        rest = piece.partition(b"\n")[2]
        end = re.search(rb"\r?\n\r?\n", b"\n" + rest)
        if end is None:
            continue
        head = rest[: max(0, end.start() - 1)].decode("latin-1")
        body = rest[end.end() - 1 :]
        pairs = (line.partition(":") for line in head.splitlines() if ":" in line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        out.append((headers, body.removesuffix(b"\r")))
    return out


def json_of(data: bytes) -> Any:
    """JSON, or None for what is none."""
    if not data.strip():
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


class Source:
    """Calls by where they are: of which exchange, and which in it (of batches)."""

    def __init__(self, exchanges: Sequence[Exchange]) -> None:
        self.exchanges = exchanges
        self._last: tuple[int, list[Exchange]] = (-1, [])

    def __len__(self) -> int:
        return len(self.exchanges)

    def calls(self, index: int) -> list[Exchange]:
        if self._last[0] != index:
            self._last = index, expanded(self.exchanges[index])
        return self._last[1]

    def view(self, index: int, part: int) -> View:
        return View(self.calls(index)[part])
