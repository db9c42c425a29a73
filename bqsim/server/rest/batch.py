"""Batches: several API calls in one ``multipart/mixed`` request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid
from bqsim.server.http1 import BadRequest, Head, Response, parse_head

from .multipart import Part, boundary_of, read_parts
from .reply import JSON_HEADERS, header_lines
from .request import MAX_BODY_BYTES

if TYPE_CHECKING:
    from bqsim.server.http1 import Request as HttpRequest

    from .app import RestApp

MAX_CALLS = 1000


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
        """Run the calls of a batch in order; the answer has one part for each."""
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
    first, _, rest = text.partition(b"\n")
    if first.count(b" ") == 1:
        first += b" HTTP/1.1"
    lines = [
        line for line in rest.split(b"\n") if not line.lower().startswith((b"content-length:", b"host:"))
    ]
    host = outer.headers.get("host", "localhost").encode("latin-1", "replace")
    head = parse_head(b"\r\n".join((first, b"Host: " + host, *(line for line in lines if line))))
    if head.target.startswith(("/batch", "http:", "https:")):
        raise BadRequest(400, "A call of a batch must be an API call with a relative path.")
    headers = dict(head.headers)
    for name in ("authorization", "user-agent"):
        if name in outer.headers:
            headers.setdefault(name, outer.headers[name])
    headers.pop("accept-encoding", None)
    return Head(head.method, head.target, headers, length, True, False)


def _encode(answers: list[tuple[str, Response]]) -> Response:
    boundary = "batch_bqsim"
    while any(boundary.encode() in answer.body for _, answer in answers):
        boundary += "_"
    out = []
    for content_id, answer in answers:
        inner_id = content_id.strip("<>")
        headers = {"Content-Type": "application/http"}
        if inner_id:
            headers["Content-ID"] = f"<response-{inner_id}>"
        phrase = HTTPStatus(answer.status).phrase
        out.append(
            f"--{boundary}\r\n".encode()
            + header_lines(headers)
            + f"\r\nHTTP/1.1 {answer.status} {phrase}\r\n".encode()
            + answer.headers
            + b"Content-Length: %d\r\n\r\n" % len(answer.body)
            + answer.body
            + b"\r\n"
        )
    out.append(f"--{boundary}--\r\n".encode())
    content_type = JSON_HEADERS.partition(b"\r\n")[0]
    mixed = JSON_HEADERS.replace(content_type, f"Content-Type: multipart/mixed; boundary={boundary}".encode())
    return Response(200, b"".join(out), mixed)
