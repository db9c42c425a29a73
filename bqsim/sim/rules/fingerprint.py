"""Fingerprints of requests: what two attempts at the same thing have in common.

Members that clients make anew for each attempt (job ids, request ids, trace ids) and how long they want to
wait do not count; nor do ids of jobs, sessions and streams in the resource, which differ from run to run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

# Members of REST bodies that do not count, by where they are: ``None`` drops one, a tree goes on below it.
VOLATILE_MEMBERS: Mapping[str, Any] = {
    "requestId": None,
    "jobReference": None,
    "timeoutMs": None,
    "etag": None,
    "id": None,
    "kind": None,
    "selfLink": None,
    "traceId": None,
    "rows": {"insertId": None},
}
# Fields of messages: the resource tells what names do, and readers go on at another offset.
VOLATILE_FIELDS: Mapping[str, frozenset[str]] = {
    "AppendRowsRequest": frozenset({"write_stream", "trace_id", "client_stats"}),
    # Only the first request of a connection brings the schema.
    "ProtoData": frozenset({"writer_schema"}),
    "ArrowData": frozenset({"writer_schema"}),
    "ReadRowsRequest": frozenset({"read_stream", "offset"}),
    "SplitReadStreamRequest": frozenset({"name"}),
    "GetWriteStreamRequest": frozenset({"name"}),
    "FinalizeWriteStreamRequest": frozenset({"name"}),
    "FlushRowsRequest": frozenset({"write_stream"}),
    "BatchCommitWriteStreamsRequest": frozenset({"write_streams"}),
    "ReadSession": frozenset({"name", "trace_id", "expire_time"}),
}
_NONE: frozenset[str] = frozenset()
_GENERATED = frozenset({"jobs", "queries", "sessions", "streams"})


def stable_resource(resource: str) -> str:
    """``resource`` with ``*`` for the ids that clients or the service generate."""
    parts = resource.split("/")
    for i in range(1, len(parts), 2):
        if parts[i - 1] in _GENERATED and parts[i] != "_default":
            parts[i] = "*"
    return "/".join(parts)


def request_fingerprint(method: str, resource: str, body: Any, origin: str = "") -> str:
    """32 hex digits of a request whose body is a JSON value or a message.

    ``origin`` is the fingerprint of the request that made the resource, if that is known.
    """
    digest = hashlib.blake2b(digest_size=16)
    for text in (method, stable_resource(resource), origin):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    if hasattr(body, "ListFields"):
        _feed_message(digest.update, body)
    else:
        digest.update(_json(_without(body, VOLATILE_MEMBERS)))
    return digest.hexdigest()


Feed = Callable[[bytes], object]


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value)


def _without(value: Any, volatile: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without(item, volatile) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {k: v for k, v in value.items() if k not in volatile}
    for name, below in volatile.items():
        if below is not None and name in value:
            kept[name] = _without(value[name], below)
    return kept


def _feed_message(feed: Feed, message: Any) -> None:
    """Give ``feed`` bytes that tell ``message`` from every other, but for its volatile fields."""
    volatile = VOLATILE_FIELDS.get(message.DESCRIPTOR.name, _NONE)
    for field, value in message.ListFields():
        if field.name in volatile:
            continue
        feed(b"f%d:" % field.number)
        if hasattr(value, "ListFields"):
            if value.DESCRIPTOR.name in VOLATILE_FIELDS:
                _feed_message(feed, value)
                feed(b";")
            else:
                _feed_bytes(feed, value.SerializeToString(deterministic=True))
        elif isinstance(value, Mapping):
            _feed_bytes(feed, repr(sorted((k, str(v)) for k, v in value.items())).encode())
        elif isinstance(value, bytes):
            _feed_bytes(feed, value)
        elif isinstance(value, (str, int, float)):
            _feed_bytes(feed, repr(value).encode())
        else:
            for item in value:
                data = (
                    item.SerializeToString(deterministic=True)
                    if hasattr(item, "ListFields")
                    else repr(item).encode()
                )
                _feed_bytes(feed, data)


def _feed_bytes(feed: Feed, data: bytes) -> None:
    feed(b"%d:" % len(data))
    feed(data)
