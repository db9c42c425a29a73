"""How a simulator is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

# How callers are known -> whether that needs keys.
AUTH_MODES = {"open": False, "jwt": True}


class BadSetup(ValueError):
    """What settings name cannot be used; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Options of a simulator; each has a default that suits tests.

    ``port`` and ``grpc_port`` 0 take free ports. ``data_dir`` None keeps everything in memory. ``workers``
    bounds the statements that run at once. ``seed`` None takes a fresh seed. ``result_memory_bytes`` bounds
    the query results kept in memory before they are spilled to disk, ``read_cache_bytes`` the encoded
    messages kept for further readers of the same rows. ``max_jobs`` bounds the finished jobs, and the
    results, that are remembered: the oldest are forgotten first. ``max_query_chars`` and
    ``max_query_nesting`` bound SQL texts (BigQuery page *Quotas and limits*: 1 024k characters).
    ``statement_timeout_s`` bounds the analysis of one statement. ``storage_workers`` bounds what the
    engine does at once for reads of the Storage API, and for its writes, ``max_grpc_calls`` its open
    calls: each stream holds a thread. ``auth`` is how callers are known: ``open`` takes their word, ``jwt``
    takes bearer tokens signed with one of ``jwt_keys`` (a JWKS, PEM or service account file), for one of
    ``jwt_audience`` and by one of ``jwt_issuer`` when these are given. ``iam_policy`` is a policy file;
    without one everybody may do everything. What control requests over HTTP change ends by itself after
    ``fault_ttl_s``, unless they say otherwise: for servers that several people share.
    ``streaming_buffer_s`` is how much of the clock's time streamed rows stay in the streaming buffer; those
    of ``tabledata.insertAll`` are closed to DML and unseen by ``tabledata.list`` and copies there (the
    service: 30 minutes for DML, up to 90 for copies); 0 flushes them at once. ``objects_dir`` is the folder
    of the buckets that ``gs://`` URIs name; without one it is ``objects`` in the data directory, or a
    temporary folder.
    With ``require_buckets`` extracts and exports into a bucket that is not there are ``notFound``, as the
    service answers; without it they make the bucket. A folder in ``objects_dir`` is a bucket.
    ``storage_host`` is the address of another Cloud Storage server, which then has the objects of ``gs://``
    URIs.
    """

    host: str = "127.0.0.1"
    port: int = 0
    grpc_port: int = 0
    data_dir: Path | None = None
    project: str = "bqsim-project"
    location: str = "US"
    caller: str = "user@example.com"
    seed: int | None = None
    workers: int = 8
    analyzers: int = 2
    engine_threads: int = 0
    result_memory_bytes: int = 512 * 1024 * 1024
    read_cache_bytes: int = 512 * 1024 * 1024
    max_jobs: int = 100_000
    max_query_chars: int = 1024 * 1024
    max_query_nesting: int = 300
    statement_timeout_s: float = 60.0
    append_queue_bytes: int = 32 * 1024 * 1024
    storage_workers: int = 4
    max_grpc_calls: int = 1000
    cache_dir: Path | None = None
    objects_dir: Path | None = None
    require_buckets: bool = False
    storage_host: str | None = None
    auth: str = "open"
    jwt_keys: Path | None = None
    jwt_issuer: tuple[str, ...] = ()
    jwt_audience: tuple[str, ...] = ()
    iam_policy: Path | None = None
    streaming_buffer_s: float = 1800.0
    fault_ttl_s: float | None = None
    extra_projects: tuple[str, ...] = field(default=())
