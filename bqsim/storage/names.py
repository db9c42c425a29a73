"""Resource names of the Storage API."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bqsim.catalog.refs import TableRef

from .errors import StorageFailure, invalid_argument

_PROJECT = re.compile(r"projects/([^/]+)\Z")
_TABLE = re.compile(r"projects/([^/]+)/datasets/([^/]+)/tables/([^/]+)\Z")
_SESSION = re.compile(r"projects/([^/]+)/locations/([^/]+)/sessions/([^/]+)\Z")
_READ_STREAM = re.compile(r"(projects/[^/]+/locations/[^/]+/sessions/[^/]+)/streams/([^/]+)\Z")
_JOB_STREAM = re.compile(r"projects/([^/]+)/locations/([^/]+)/jobs/([^/]+)/streams/_default\Z")
_WRITE_STREAM = re.compile(r"(projects/[^/]+/datasets/[^/]+/tables/[^/]+)/(?:streams/)?([^/]+)\Z")

DEFAULT_STREAM = "_default"


@dataclass(frozen=True, slots=True)
class WriteStreamName:
    """A write stream: its table and its id, ``_default`` for the default stream. ``partition`` is the id of
    the partition that a decorator of the table names."""

    table: TableRef
    stream: str
    partition: str = ""

    @property
    def path(self) -> str:
        """The stream's name in full, with ``/streams/``."""
        decorator = f"${self.partition}" if self.partition else ""
        return f"{table_path(self.table)}{decorator}/streams/{self.stream}"

    @property
    def is_default(self) -> bool:
        return self.stream == DEFAULT_STREAM


@dataclass(frozen=True, slots=True)
class JobStreamName:
    """The default stream of a query job."""

    project: str
    location: str
    job: str


def project_of(parent: str) -> str:
    """The project of ``projects/{project}``; INVALID_ARGUMENT for anything else."""
    found = _PROJECT.match(parent)
    if found is None:
        raise _malformed("parent", parent, "projects/{project_id}")
    return found[1]


def table_of(path: str, what: str = "table") -> TableRef:
    """The table of ``projects/{project}/datasets/{dataset}/tables/{table}``; else INVALID_ARGUMENT."""
    found = _TABLE.match(path)
    if found is None:
        raise _malformed(what, path, "projects/{project_id}/datasets/{dataset_id}/tables/{table_id}")
    return TableRef(found[1], found[2], found[3])


def table_path(ref: TableRef) -> str:
    """``projects/{project}/datasets/{dataset}/tables/{table}``."""
    return f"projects/{ref.project}/datasets/{ref.dataset}/tables/{ref.table}"


def session_of(read_stream: str) -> tuple[str, str]:
    """The session's name and the stream's id in the name of a read stream; else INVALID_ARGUMENT."""
    found = _READ_STREAM.match(read_stream)
    if found is None or _SESSION.match(found[1]) is None:
        form = "projects/{project_id}/locations/{location}/sessions/{session_id}/streams/{stream_id}"
        raise _malformed("read stream", read_stream, form)
    return found[1], found[2]


def job_stream_of(read_stream: str) -> JobStreamName | None:
    """The job in ``projects/{project}/locations/{location}/jobs/{job}/streams/_default``, None for others."""
    found = _JOB_STREAM.match(read_stream)
    return None if found is None else JobStreamName(found[1], found[2], found[3])


def write_stream_of(path: str) -> WriteStreamName:
    """A write stream's name, ``{table}/streams/{stream}`` or ``{table}/_default``; else INVALID_ARGUMENT.

    The table of a default stream may have a partition decorator, that of another one is INVALID_ARGUMENT.
    """
    found = _WRITE_STREAM.match(path)
    if found is None or ("/streams/" not in path and found[2] != DEFAULT_STREAM):
        form = "projects/{project_id}/datasets/{dataset_id}/tables/{table_id}/streams/{stream_id}"
        raise _malformed("write stream", path, form)
    plain, _, partition = found[1].partition("$")
    if partition and found[2] != DEFAULT_STREAM:
        raise invalid_argument(
            f"Only default streams can write to a partition by its decorator. Entity: {path[:500]}",
            entity=path[:500],
        )
    return WriteStreamName(table_of(plain), found[2], partition)


def _malformed(what: str, given: str, form: str) -> StorageFailure:
    return invalid_argument(f"Invalid {what} name: '{given[:500]}'. It must be of the form {form}.")
