"""What an endpoint answered to one operation, in the shape in which recordings tell it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.record.model import BLOB, blob_reference

from .api_schema import Problem

if TYPE_CHECKING:
    from bqsim.replay.rows import RecordedRows


class Memory:
    """Blobs in memory, as a cassette has them on disk."""

    def __init__(self) -> None:
        self._blobs: dict[str, bytes] = {}

    def put(self, data: bytes, media: str) -> dict[str, Any]:
        """Keep bytes; the reference to them."""
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[digest] = data
        return blob_reference(digest, len(data), media, [])

    def blob(self, reference: dict[str, Any]) -> bytes:
        """The bytes of a reference. KeyError for one of another place."""
        return self._blobs[reference[BLOB]]


@dataclass(slots=True)
class Observed:
    """``result`` is shaped as :data:`bqsim.record.shapes.SHAPES` says, without rows, which ``rows`` has.
    ``answers`` are the bodies of the API's answers with their methods and statuses, for the check of their
    form; ``messages`` those of gRPC that were found wrong.
    ``skipped`` says why an operation was not sent, ``broken`` why it has no answer."""

    result: dict[str, Any] = field(default_factory=dict)
    rows: RecordedRows | None = None
    count: int = 0
    answers: list[tuple[str, int, Any]] = field(default_factory=list)
    messages: list[tuple[str, Problem]] = field(default_factory=list)
    skipped: str = ""
    broken: str = ""


def digest_of(data: bytes) -> dict[str, Any]:
    """What is told of bytes that are compared, not kept."""
    return {"digest": hashlib.sha256(data).hexdigest(), "size": len(data)}


def json_rows(memory: Memory, pages: Sequence[Sequence[Any]], schema: Any) -> tuple[RecordedRows, int]:
    """Rows of pages in the REST API's form, with INT64 timestamps; and how many."""
    import json

    from bqsim.replay.rows import RecordedRows

    rows = [row for page in pages for row in page]
    data = memory.put(json.dumps(rows).encode(), "application/json")
    stretch = {"start": 0, "count": len(rows), "format": "json", "data": data, "timestamps": "INT64"}
    return RecordedRows(memory, [stretch], schema), len(rows)


def arrow_rows(memory: Memory, data: bytes, count: int, schema: Any = None) -> RecordedRows:
    """Rows of an Arrow IPC stream."""
    from bqsim.replay.rows import RecordedRows

    reference = memory.put(data, "application/vnd.apache.arrow.stream")
    stretches = [{"start": 0, "count": count, "format": "arrow", "data": reference}]
    return RecordedRows(memory, stretches, schema)
