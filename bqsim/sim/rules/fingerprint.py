"""Fingerprints of requests: what two attempts at the same thing have in common.

Members that clients make anew for each attempt (job ids, request ids, trace ids) and how long they want to
wait do not count; nor do ids of jobs, sessions and streams in the resource, which differ from run to run.
"""

from __future__ import annotations

import hashlib
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
    "ReadRowsRequest": frozenset({"read_stream", "offset"}),
    "SplitReadStreamRequest": frozenset({"name"}),
    "GetWriteStreamRequest": frozenset({"name"}),
    "FinalizeWriteStreamRequest": frozenset({"name"}),
    "FlushRowsRequest": frozenset({"write_stream"}),
    "BatchCommitWriteStreamsRequest": frozenset({"write_streams"}),
    "ReadSession": frozenset({"name", "trace_id", "expire_time"}),
}
_NONE: frozenset[str] = frozenset()
_NOTHING: Mapping[str, Any] = {}
_GENERATED = frozenset({"jobs", "queries", "sessions", "streams"})


def stable_resource(resource: str) -> str:
    """``resource`` with ``*`` for the ids that clients or the service generate."""
    parts = resource.split("/")
    for i in range(1, len(parts), 2):
        if parts[i - 1] in _GENERATED and parts[i] != "_default":
            parts[i] = "*"
    return "/".join(parts)


def request_fingerprint(method: str, resource: str, body: Any, origin: str = "") -> str:
    """32 hex digits of a request. ``origin``: the fingerprint of what made the resource, if that is known."""
    digest = hashlib.blake2b(digest_size=16)
    for text in (method, stable_resource(resource), origin):
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    _feed(digest.update, body, VOLATILE_MEMBERS)
    return digest.hexdigest()


Feed = Callable[[bytes], object]


def _feed(feed: Feed, value: Any, volatile: Mapping[str, Any] = _NOTHING) -> None:
    """Give ``feed`` bytes that tell ``value`` from every other: its type, its length and what it holds."""
    if isinstance(value, Mapping):
        names = sorted(k for k in value if volatile.get(k, _NOTHING) is not None)
        feed(b"{%d" % len(names))
        for name in names:
            _feed(feed, name)
            _feed(feed, value[name], volatile.get(name, _NOTHING))
    elif isinstance(value, (str, bytes)):
        data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        feed(b"s%d:" % len(data))
        feed(data)
    elif isinstance(value, (bool, int, float)) or value is None:
        feed(f"v{value!r};".encode())
    elif hasattr(value, "ListFields"):
        _feed_message(feed, value)
    else:
        items = list(value)
        feed(b"[%d" % len(items))
        for item in items:
            _feed(feed, item, volatile)


def _feed_message(feed: Feed, message: Any) -> None:
    volatile = VOLATILE_FIELDS.get(message.DESCRIPTOR.name, _NONE)
    for field, value in message.ListFields():
        if field.name in volatile:
            continue
        feed(b"f%d" % field.number)
        _feed(feed, value)
    feed(b";")
