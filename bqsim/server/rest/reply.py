"""Answers: JSON bodies, the error envelope, etags, partial answers and compression."""

from __future__ import annotations

import hashlib
import json
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.errors import REASONS, BigQueryError
from bqsim.server.http import Response
from bqsim.sim.iam.unauthenticated import Unauthenticated
from bqsim.sim.scenario.model import Network

from .fields import apply_mask, parse_mask

GZIP_FROM_BYTES = 1024
JSON_HEADERS: Mapping[str, str] = {
    "Content-Type": "application/json; charset=UTF-8",
    "Vary": "Origin, X-Origin, Referer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "X-XSS-Protection": "0",
    "Server": "bqsim",
}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_pretty = json.JSONEncoder(ensure_ascii=False, indent=2).encode

# Statuses of failures that no reason of BigQuery's table has.
_STATUSES = {405: "UNIMPLEMENTED", 408: "DEADLINE_EXCEEDED", 410: "NOT_FOUND", 411: "INVALID_ARGUMENT"}


class Raw(bytes):
    """JSON text that goes into the answer as it is: the rows of a page."""


@dataclass(slots=True)
class Reply:
    """What a handler answers: a JSON object (members may be :class:`Raw`), or none.

    ``etag`` is the resource's, also put into a header; None where the service gives none. ``fault`` is what
    befalls the answer on its way.
    """

    body: Mapping[str, Any] | None = None
    status: int = 200
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Network | None = None


def etag_of(body: Mapping[str, Any]) -> str:
    """An etag of a list: it changes when the answer does."""
    return hashlib.blake2b(_encode(body).encode("utf-8", "replace"), digest_size=12).hexdigest()


def dumps(body: Mapping[str, Any], pretty: bool = False) -> bytes:
    """A JSON object as UTF-8 text; :class:`Raw` members of the top level are spliced in."""
    raw = [name for name, value in body.items() if type(value) is Raw]
    encode = _encode_pretty if pretty else _encode
    if not raw:
        return encode(body).encode("utf-8", "replace")
    plain = {name: value for name, value in body.items() if type(value) is not Raw}
    text = encode(plain).encode("utf-8", "replace") if plain else b"{}"
    parts = [text[:-1].rstrip()]
    for name in raw:
        separator = b"," if len(parts) > 1 or plain else b""
        parts.append(
            separator + (b'\n  "' if pretty else b'"') + name.encode() + (b'": ' if pretty else b'":')
        )
        parts.append(body[name])
    parts.append(b"\n}" if pretty else b"}")
    return b"".join(parts)


def masked(body: Mapping[str, Any], fields: str) -> dict[str, Any]:
    """The parts of ``body`` that the ``fields`` text selects."""
    mask = parse_mask(fields)
    opened = {
        name: json.loads(value) if type(value) is Raw and mask.get(name, mask.get("*")) else value
        for name, value in body.items()
    }
    out = apply_mask(opened, mask)
    assert isinstance(out, dict)
    return out


def wants_gzip(headers: Mapping[str, str]) -> bool:
    """The service compresses when both the accepted encodings and the user agent name gzip."""
    return "gzip" in headers.get("accept-encoding", "") and "gzip" in headers.get("user-agent", "")


def one_line(value: str) -> str:
    """A header's value without line breaks, which would start another header."""
    return value.translate({10: None, 13: None})


def respond(reply: Reply, *, pretty: bool, gzip: bool, fields: str | None) -> Response:
    """The bytes of an answer."""
    headers = JSON_HEADERS
    if reply.headers:
        headers = {**headers, **{name: one_line(value) for name, value in reply.headers.items()}}
    if reply.etag:
        headers = {**headers, "ETag": one_line(reply.etag)}
    if reply.body is None:
        return Response(reply.status, b"", headers, reply.fault)
    body = masked(reply.body, fields) if fields and reply.status < 300 else reply.body
    text = dumps(body, pretty)
    if pretty:
        text += b"\n"
    if gzip and len(text) >= GZIP_FROM_BYTES:
        compressor = zlib.compressobj(level=1, wbits=31)
        text = compressor.compress(text) + compressor.flush()
        headers = {**headers, "Content-Encoding": "gzip"}
    return Response(reply.status, text, headers, reply.fault)


def error_body(error: BigQueryError) -> dict[str, Any]:
    """The official error envelope."""
    item: dict[str, Any] = {"message": error.message, "domain": "global", "reason": error.reason.name}
    if error.location:
        # The service names a query's failure by its old parameter name in HTTP errors, by "query" in jobs.
        item["location"] = "q" if error.location == "query" else error.location
        item["locationType"] = "header" if error.location.startswith("If-") else "parameter"
    status = _STATUSES.get(error.http, error.reason.grpc)
    return {"error": {"code": error.http, "message": error.message, "errors": [item], "status": status}}


def error_reply(error: BigQueryError) -> Reply:
    """The answer to a failed call; 304 has no body."""
    if error.http == 304:
        return Reply(None, 304)
    # A cancelled job's reason has no failing status of its own.
    if error.http < 400:
        error = BigQueryError(error.reason.name, error.message, location=error.location, http=400)
    headers = {}
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = error.www_authenticate
        return Reply(error.body(), error.http, headers=headers)
    return Reply(error_body(error), error.http, headers=headers)


def plain_error(status: int, message: str, reason: str = "badRequest") -> BigQueryError:
    """A failure of HTTP itself, answered in the same envelope."""
    assert reason in REASONS
    return BigQueryError(reason, message, http=status)
