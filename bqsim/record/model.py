"""What is recorded: exchanges, as they passed, and the operations that they make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Names in lower case, in their order; names may come more than once.
Headers = tuple[tuple[str, str], ...]

REST, GRPC = "rest", "grpc"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an HTTP body, or one gRPC message: its bytes, and when it passed, in seconds since the
    exchange began."""

    data: bytes
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Content:
    """What went one way. ``parts`` are empty when it was too large to keep: then ``size`` and ``digest``
    (SHA-256, hex, of all bytes as they passed) tell what it was. HTTP bodies are kept as one part, without
    their transfer and content encodings; ``media`` is the content type; ``preview`` shows the beginning of
    what was not kept."""

    parts: tuple[Part, ...] = ()
    size: int = 0
    digest: str = ""
    media: str = ""
    preview: tuple[str, ...] = ()

    @property
    def data(self) -> bytes:
        """All bytes."""
        return self.parts[0].data if len(self.parts) == 1 else b"".join(p.data for p in self.parts)

    @property
    def kept(self) -> bool:
        return bool(self.parts) or not self.size


@dataclass(slots=True)
class Exchange:
    """One call and its answer, without secrets.

    ``number`` counts calls as they began, from 1. ``method`` is the API method id (``bigquery.jobs.insert``,
    ``google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows``), '' for what is no method of an API known
    here; ``resource`` its resource path (``projects/p/datasets/d``). REST: ``verb`` and ``target`` (path and
    query); ``status`` is HTTP's. gRPC: ``target`` is the method's path, headers are metadata, ``code`` the
    name of the status, ``message`` its text, ``trailers`` its metadata, every message a part. ``broken`` says
    how a connection ended that gave no whole answer (``reset``, ``timeout``, ``refused``, ``closed``). Times
    are seconds since the recording began.
    """

    number: int
    transport: str
    method: str
    resource: str
    verb: str
    target: str
    request_headers: Headers = ()
    request: Content = Content()
    status: int = 0
    code: str = ""
    message: str = ""
    response_headers: Headers = ()
    trailers: Headers = ()
    response: Content = Content()
    broken: str = ""
    started_s: float = 0.0
    first_byte_s: float = 0.0
    ended_s: float = 0.0


# The kinds of operations, and what each is about.
KINDS: Mapping[str, str] = {
    "query": "a query job: all that starts it, follows it, and reads its result by whatever way",
    "load": "a load job, with its upload",
    "extract": "an extract job",
    "copy": "a copy job",
    "insert": "rows by tabledata.insertAll",
    "rows": "rows of a table, read by tabledata.list or by a read session that is of no query here",
    "append": "rows by a write stream: one operation per stream, from its first append to its commit",
    "metadata": "a call that reads or changes datasets, tables, routines, models, policies, jobs' lists",
    "object": "a call to Cloud Storage",
    "other": "what no API known here has",
}


@dataclass(slots=True)
class Operation:
    """What an application did, with all exchanges that it took.

    ``key`` (16 hex digits) is the same for requests that mean the same (:mod:`bqsim.record.keys`),
    ``occurrence`` counts operations of one key, from 1: both together name the operation. ``request`` is what
    was asked and ``result`` what came of it, as JSON whose shape :mod:`bqsim.record.shapes` gives per kind.
    Identities in both, and in ``exchanges``, are symbols (:mod:`bqsim.record.symbols`); large values are
    references to blobs (:func:`blob_reference`). ``order``: by name of a resource that has an order
    (``table:p.d.t``, ``dataset:p.d``, ``object:gs://b/o``, ``stream:…``) the number of changes of it that
    were done before this operation; of those that it only adds to (rows, tables of a dataset) it tells none,
    as such changes go together in any order. ``changes`` are those that it changed itself. ``exchanges`` are
    its calls by method and outcome, each once.
    ``measures`` are the figures that differ from run to run (times in seconds from its start, slot time),
    kept beside the cassette.
    """

    kind: str
    key: str
    occurrence: int
    request: dict[str, Any]
    result: dict[str, Any]
    order: dict[str, int] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    exchanges: list[dict[str, Any]] = field(default_factory=list)
    measures: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """``<key>.<occurrence>``."""
        return f"{self.key}.{self.occurrence}"


BLOB = "$blob"


def blob_reference(digest: str, size: int, media: str, preview: list[str]) -> dict[str, Any]:
    """The JSON that stands for bytes in the blob store: their SHA-256 (hex), how many they are, their media
    type, and lines that show a reviewer what they hold."""
    return {BLOB: digest, "size": size, "media": media, "preview": preview}
