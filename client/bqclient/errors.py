"""Everything that can go wrong, as one tree.

Each error has the service's ``reason``, its ``code`` (an HTTP code) or ``status`` (a gRPC status name),
whether the same call may succeed later (``retryable``), and the ``request_id`` under which it was sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


class BigQueryError(Exception):
    """The root of the tree.

    ``details``: the service's list of errors (``{reason, message, location}``), or what a status carried.
    ``ambiguous``: whether the service may have done what was asked although the call failed.
    ``retry_after``: seconds that the service asked to wait.
    """

    retryable = False
    # The reference of the job that failed so, where it was one.
    job: Any = None

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        code: int | None = None,
        status: str | None = None,
        request_id: str | None = None,
        location: str | None = None,
        details: Sequence[Mapping[str, Any]] = (),
        ambiguous: bool = False,
        retry_after: float | None = None,
        retryable: bool | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.code = code
        self.status = status
        self.request_id = request_id
        self.location = location
        self.details = tuple(details)
        self.ambiguous = ambiguous
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        known = [f"{k}={v}" for k, v in self._marks() if v]
        return f"{self.message} [{', '.join(known)}]" if known else self.message

    def __reduce__(self) -> Any:
        # Whatever arguments a class of the tree takes: errors come back from other processes.
        return _rebuilt, (type(self), self.args, self.__dict__)

    def _marks(self) -> list[tuple[str, Any]]:
        return [
            ("reason", self.reason),
            ("code", self.code or self.status),
            ("request_id", self.request_id),
        ]


def _rebuilt(kind: type[BigQueryError], args: tuple[Any, ...], state: dict[str, Any]) -> BigQueryError:
    made = kind.__new__(kind, *args)
    made.args = args
    made.__dict__.update(state)
    return made


# --- what the caller asked for cannot be sent ---


class UsageError(BigQueryError, ValueError):
    """The call cannot be made as it was written: a wrong value, or a setting that is missing."""


class LimitError(UsageError):
    """A limit of the service that was checked before sending. ``limit`` and ``found`` are in its units."""

    def __init__(self, message: str, *, limit: int, found: int, **known: Any) -> None:
        super().__init__(message, **known)
        self.limit = limit
        self.found = found


# --- queries ---


class QueryError(BigQueryError):
    """A query failed."""


_PLACE = re.compile(r"\[(\d+):(\d+)\]")


class InvalidQueryError(QueryError):
    """The SQL is wrong; ``line`` and ``column`` count from 1 and are ``None`` where the service gave none."""

    @property
    def line(self) -> int | None:
        """The line of the mistake."""
        return self._place()[0]

    @property
    def column(self) -> int | None:
        """The column of the mistake."""
        return self._place()[1]

    def _place(self) -> tuple[int | None, int | None]:
        found = _PLACE.findall(self.message)
        return (int(found[-1][0]), int(found[-1][1])) if found else (None, None)


class BytesBilledLimitError(QueryError):
    """The query would bill more than allowed. ``estimate`` and ``limit`` are bytes, ``cost`` is the estimate
    in USD, where known; ``advice`` is what to do."""

    advice = (
        "Read less (fewer columns, a condition on the partitioning column), or allow more by "
        "maximum_bytes_billed."
    )

    def __init__(
        self,
        message: str,
        *,
        estimate: int | None = None,
        limit: int | None = None,
        cost: float | None = None,
        **known: Any,
    ) -> None:
        super().__init__(message, **known)
        self.estimate = estimate
        self.limit = limit
        self.cost = cost

    def __str__(self) -> str:
        return f"{super().__str__()} {self.advice}"


class ResponseTooLargeError(QueryError):
    """The result is larger than an answer may be: name a destination table."""

    advice = "Name a table for the result: execute(..., destination='dataset.table')."

    def __str__(self) -> str:
        return f"{super().__str__()} {self.advice}"


class QueryTimeoutError(QueryError):
    """The query was not done in time; it goes on as ``job`` unless it was cancelled."""

    retryable = True

    def __init__(self, message: str, *, job: Any = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.job = job


class ResourcesExceededError(QueryError):
    """The query needs more memory or slots than there are."""


# --- jobs ---


class JobError(BigQueryError):
    """A job failed; ``job`` is its reference."""

    def __init__(self, message: str, *, job: Any = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.job = job


class JobFailedError(JobError):
    """The job ended with an error of its own."""


class JobBackendError(JobFailedError):
    """The job failed inside the service: the same work as a new job may succeed."""

    retryable = True


class JobCancelledError(JobError):
    """Somebody stopped the job."""


class JobTimeoutError(JobError):
    """The job was not done in time; it goes on."""

    retryable = True


# --- rows that are streamed in ---


class StreamingError(BigQueryError):
    """Rows could not be streamed in."""


class PartialInsertError(StreamingError):
    """Some rows were refused; ``failed`` has each with its reasons. The others are in the table."""

    def __init__(self, message: str, *, failed: Sequence[Any] = (), **known: Any) -> None:
        super().__init__(message, **known)
        self.failed = tuple(failed)


class StreamingBufferError(StreamingError):
    """Rows in the streaming buffer cannot be changed yet: it takes minutes, rarely up to 90."""

    retryable = True


# --- rows and tables by client.ingest ---


class IncompleteWriteError(BigQueryError):
    """Some rows were written, others not: ``report`` (a WriteReport) tells which."""

    def __init__(self, message: str, *, report: Any, **known: Any) -> None:
        super().__init__(message, **known)
        self.report = report


class FileError(UsageError):
    """Files of tables are wrong: ``problems`` has each mistake."""

    def __init__(self, problems: Sequence[str], **known: Any) -> None:
        some = "\n".join(problems)
        text = some if len(problems) == 1 else f"{len(problems)} mistakes:\n{some}"
        super().__init__(text, **known)
        self.problems = tuple(problems)


# --- the Storage API ---


class StorageError(BigQueryError):
    """A read or write of the Storage API failed; ``kind`` is the service's StorageErrorCode, where given."""

    def __init__(self, message: str, *, kind: str = "", entity: str = "", **known: Any) -> None:
        super().__init__(message, **known)
        self.kind = kind
        self.entity = entity


class SessionExpiredError(StorageError):
    """A read session is over, and could not be had anew."""


class SchemaChangedError(StorageError):
    """The table's schema is no longer what the work was begun with."""


class OffsetError(StorageError):
    """Rows were sent for an offset that the stream does not await."""


class StreamFinalizedError(StorageError):
    """The stream takes no more rows."""


class RowsRefusedError(StorageError):
    """Rows of an append are wrong: (index, message) of each in ``rows``; nothing of the append was stored."""

    def __init__(self, message: str, *, rows: Sequence[tuple[int, str]] = (), **known: Any) -> None:
        super().__init__(message, **known)
        self.rows = tuple(rows)


class CommitError(StorageError):
    """A commit of streams failed for ``streams``; nothing was committed."""

    def __init__(self, message: str, *, streams: Sequence[str] = (), **known: Any) -> None:
        super().__init__(message, **known)
        self.streams = tuple(streams)


# --- resources ---


class ResourceError(BigQueryError):
    """A dataset, table, routine, model or job."""


class NotFoundError(ResourceError):
    """It does not exist, or not in that location."""


class AlreadyExistsError(ResourceError):
    """It exists."""


class PreconditionFailedError(ResourceError):
    """It was changed by somebody else: read it again, apply the change, and send the new etag."""


class ResourceInUseError(ResourceError):
    """It is not empty, or still running."""


class StorageNotFoundError(StorageError, NotFoundError):
    """A table or stream of the Storage API does not exist, or is not known there yet."""


# --- who asks ---


class AuthError(BigQueryError):
    """Who asks is not known, or may not."""


class CredentialsError(AuthError):
    """There are no credentials, or they cannot be used."""


class UnauthenticatedError(AuthError):
    """The token is not accepted."""


class AccessDeniedError(AuthError):
    """That identity has no permission for it."""


# --- how much is asked ---


class QuotaError(BigQueryError):
    """Too much was asked for."""


class RateLimitError(QuotaError):
    """A short-term limit: seconds."""

    retryable = True


class QuotaExceededError(QuotaError):
    """A long-term limit: quotas refill over the day; wait ten minutes at least."""

    retryable = True


# --- on the way ---


class TransportError(BigQueryError):
    """The service could not be asked, or did not answer."""

    retryable = True


class ServiceUnavailableError(TransportError):
    """The service failed inside (HTTP 5xx, UNAVAILABLE, INTERNAL)."""


class ConnectionFailedError(TransportError):
    """There was no connection, or it broke."""


class UploadLostError(ConnectionFailedError):
    """The service does not know an upload any more: it has to begin anew."""


class CertificateError(TransportError):
    """The certificate of the host is not one to trust, or is another host's; nothing was sent.

    ``ClientConfig(ca_file=…)`` names the authorities to trust.
    """

    retryable = False


class DeadlineExceededError(TransportError):
    """The time for the call is over."""


class CircuitOpenError(TransportError):
    """The endpoint failed again and again, and is left alone for ``retry_after`` seconds."""


class InsecureTransportError(UsageError):
    """Plain text to a host that is not this machine: use https, or say that the network is trusted."""
