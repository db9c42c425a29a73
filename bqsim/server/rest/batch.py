"""Batches: several API calls in one ``multipart/mixed`` request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid
from bqsim.server.http import BadRequest, Head, Response

from .multipart import Part, boundary_of, read_parts
from .reply import JSON_HEADERS, one_line
from .request import MAX_BODY_BYTES

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest

    from .app import RestApp

MAX_CALLS = 1000
_REQUEST_LINE = re.compile(r"([A-Z]{1,20}) (\S+)(?: HTTP/1\.[01])?\s*")
# The API whose clients name calls by whole addresses.
_ABSOLUTE = "/batch/storage/"
# What a call takes from the batch request when it does not say it itself.
_INHERITED = ("host", "authorization", "user-agent", "x-bqsim-scope")


@dataclass(slots=True)
class InnerRequest:
    """A call inside a batch, in the shape of an HTTP request."""

    head: Head
    body: bytes

    async def read(self, limit: int) -> bytes:
        """The body."""
        return self.body


class Batch:
    """The service behind ``/batch/bigquery/v2``."""

    def __init__(self, app: RestApp) -> None:
        self._app = app

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Run the calls of a batch in order; the answer has one part for each.

        The connection has one fault, that of the first call which has any.
        """
        boundary = boundary_of(http.head.headers.get("content-type", ""), "mixed")
        parts: list[tuple[Mapping[str, str], bytearray]] = []

        def on_part(part: Part) -> None:
            if len(parts) >= MAX_CALLS:
                raise invalid(f"The batch request exceeds the limit of {MAX_CALLS} calls.")
            body = bytearray()
            parts.append((part.headers, body))

            def write(piece: bytes) -> None:
                body.extend(piece)
                if len(body) > MAX_BODY_BYTES:
                    raise invalid("A call of the batch is too large.")

            part.write = write

        await read_parts(http.pieces(), boundary, on_part)
        answers = []
        for headers, body in parts:
            answers.append((headers.get("content-id", ""), await self._call(bytes(body), http)))
        return _encode(answers)

    async def _call(self, text: bytes, http: HttpRequest) -> Response:
        head, _, body = text.lstrip(b"\r\n").replace(b"\r\n", b"\n").partition(b"\n\n")
        try:
            inner = _inner_head(head.rstrip(b"\n"), len(body), http.head)
        except BadRequest as error:
            return self._app.refusal(error.status, str(error))
        request: Any = InnerRequest(inner, body)
        return await self._app.handle(request)


def _inner_head(text: bytes, length: int, outer: Head) -> Head:
    """The head of a call; what it does not say itself is taken from the batch request."""
    first, *lines = text.decode("latin-1").split("\n")
    match = _REQUEST_LINE.fullmatch(first)
    if match is None:
        raise BadRequest(400, "Malformed request line.")
    verb, target = match[1], match[2]
    if outer.target.startswith(_ABSOLUTE) and "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    if target.startswith(("/batch", "http:", "https:")):
        raise BadRequest(400, "A call of a batch must be an API call with a relative path.")
    headers = {name: outer.headers[name] for name in _INHERITED if name in outer.headers}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise BadRequest(400, "Malformed header.")
        headers[name.strip().lower()] = value.strip()
    headers.pop("accept-encoding", None)
    return Head(verb, target, headers, length, outer.scope)


def _encode(answers: list[tuple[str, Response]]) -> Response:
    boundary = "batch_bqsim"
    while any(boundary.encode() in answer.body for _, answer in answers):
        boundary += "_"
    out = []
    for content_id, answer in answers:
        lines = ["Content-Type: application/http"]
        if content_id:
            lines.append(f"Content-ID: <response-{one_line(content_id.strip('<>'))}>")
        lines += ["", f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines.append(f"Content-Length: {len(answer.body)}")
        head = "\r\n".join((f"--{boundary}", *lines, "", "")).encode("latin-1", "replace")
        out.append(head + answer.body + b"\r\n")
    out.append(f"--{boundary}--\r\n".encode())
    headers = {**JSON_HEADERS, "Content-Type": f"multipart/mixed; boundary={boundary}"}
    fault = next((answer.fault for _, answer in answers if answer.fault is not None), None)
    return Response(200, b"".join(out), headers, fault)
