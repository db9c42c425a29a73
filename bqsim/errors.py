"""Every failure a BigQuery user can see, by its reason.

A failure is raised as a :class:`BigQueryError` with a reason of :data:`REASONS`; the HTTP code
and the gRPC status follow from the reason (BigQuery page *Error messages*).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reason:
    """One row of BigQuery's table of error reasons.

    ``http`` is the status code of a request that fails so, ``grpc`` the canonical status name.
    """

    name: str
    http: int
    grpc: str


REASONS: dict[str, Reason] = {
    r.name: r
    for r in (
        Reason("accessDenied", 403, "PERMISSION_DENIED"),
        Reason("attributeError", 400, "INVALID_ARGUMENT"),
        Reason("authError", 401, "UNAUTHENTICATED"),
        Reason("backendError", 503, "UNAVAILABLE"),
        Reason("badGateway", 502, "UNAVAILABLE"),
        Reason("badRequest", 400, "FAILED_PRECONDITION"),
        Reason("billingNotEnabled", 403, "PERMISSION_DENIED"),
        Reason("billingTierLimitExceeded", 400, "RESOURCE_EXHAUSTED"),
        Reason("blocked", 403, "PERMISSION_DENIED"),
        Reason("bytesBilledLimitExceeded", 400, "FAILED_PRECONDITION"),
        Reason("conditionNotMet", 412, "FAILED_PRECONDITION"),
        Reason("duplicate", 409, "ALREADY_EXISTS"),
        Reason("internalError", 500, "INTERNAL"),
        Reason("invalid", 400, "INVALID_ARGUMENT"),
        Reason("invalidParameter", 400, "INVALID_ARGUMENT"),
        Reason("invalidQuery", 400, "INVALID_ARGUMENT"),
        Reason("invalidUser", 400, "UNAUTHENTICATED"),
        Reason("jobBackendError", 400, "INTERNAL"),
        Reason("jobInternalError", 400, "INTERNAL"),
        Reason("jobRateLimitExceeded", 400, "RESOURCE_EXHAUSTED"),
        Reason("notFound", 404, "NOT_FOUND"),
        Reason("notImplemented", 501, "UNIMPLEMENTED"),
        Reason("notModified", 304, "OK"),
        Reason("parseError", 400, "INVALID_ARGUMENT"),
        Reason("proxyAuthenticationRequired", 407, "UNAUTHENTICATED"),
        Reason("quotaExceeded", 403, "RESOURCE_EXHAUSTED"),
        Reason("rateLimitExceeded", 403, "RESOURCE_EXHAUSTED"),
        Reason("required", 400, "INVALID_ARGUMENT"),
        Reason("requestTooLarge", 413, "INVALID_ARGUMENT"),
        Reason("resourceInUse", 400, "FAILED_PRECONDITION"),
        Reason("resourcesExceeded", 400, "RESOURCE_EXHAUSTED"),
        Reason("responseTooLarge", 403, "OUT_OF_RANGE"),
        Reason("stopped", 200, "CANCELLED"),
        Reason("tableUnavailable", 400, "UNAVAILABLE"),
        Reason("timeout", 400, "DEADLINE_EXCEEDED"),
    )
}


# Canonical statuses with their numbers (google.rpc.Code).
STATUS_CODES: dict[str, int] = {
    name: number
    for number, name in enumerate(
        (
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        )
    )
}


class BigQueryError(Exception):
    """A failure worded for the user.

    ``reason`` is a key of :data:`REASONS`; ``location`` is the ErrorProto's location (``"query"``
    for SQL errors, a field or parameter name for bad input); ``http`` overrides the reason's code;
    ``retry_after_s`` becomes the answer's ``Retry-After``, of a gRPC status a ``google.rpc.RetryInfo``.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        location: str | None = None,
        http: int | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = REASONS[reason]
        self.message = message
        self.location = location
        self.http = http or self.reason.http
        self.retry_after_s = retry_after_s

    def error_proto(self) -> dict[str, Any]:
        """The API's ``ErrorProto``: ``{reason, message, location?}``."""
        proto = {"reason": self.reason.name, "message": self.message}
        if self.location:
            proto["location"] = self.location
        return proto

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (self.reason.name, self.message, self.location, self.http, self.retry_after_s))


def _rebuild(
    reason: str, message: str, location: str | None, http: int, retry_after_s: float | None
) -> BigQueryError:
    return BigQueryError(reason, message, location=location, http=http, retry_after_s=retry_after_s)


class StorageFailure(Exception):
    """A failed gRPC call, or a failed message of a stream.

    ``status`` is a canonical status name (``"INVALID_ARGUMENT"``). ``code`` names a
    ``StorageError.StorageErrorCode`` and ``entity`` the resource path it is about. ``retry_delay_s``
    becomes a ``google.rpc.RetryInfo``: without one the read client does not retry RESOURCE_EXHAUSTED.
    ``details`` is the serialised ``google.rpc.Status`` where it is known whole; else the others make it.
    """

    details: bytes = b""

    def __init__(
        self,
        status: str,
        message: str,
        *,
        code: str | None = None,
        entity: str = "",
        retry_delay_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.entity = entity
        self.retry_delay_s = retry_delay_s

    def __reduce__(self) -> tuple[Any, ...]:
        details = {"code": self.code, "entity": self.entity, "retry_delay_s": self.retry_delay_s}
        return (_rebuild_failure, (self.status, self.message, details))


def _rebuild_failure(status: str, message: str, details: dict[str, Any]) -> StorageFailure:
    return StorageFailure(status, message, **details)


def invalid_query(message: str) -> BigQueryError:
    """A SQL statement that BigQuery refuses: 400 ``invalidQuery`` at location ``query``."""
    return BigQueryError("invalidQuery", message, location="query")


def invalid(message: str, location: str | None = None) -> BigQueryError:
    """Bad input other than SQL: 400 ``invalid``."""
    return BigQueryError("invalid", message, location=location)


def not_found(kind: str, name: str, location: str | None = None) -> BigQueryError:
    """404 ``notFound``: ``Not found: Table p:d.t[ was not found in location US]``."""
    where = f" was not found in location {location}" if location else ""
    return BigQueryError("notFound", f"Not found: {kind} {name}{where}")


def already_exists(kind: str, name: str) -> BigQueryError:
    """409 ``duplicate``: ``Already Exists: Table p:d.t``."""
    return BigQueryError("duplicate", f"Already Exists: {kind} {name}")


def unsupported(what: str) -> BigQueryError:
    """What bqsim refuses by name rather than approximate: 400 ``invalidQuery``."""
    return invalid_query(f"{what} is not supported by bqsim")


class Internal(Exception):
    """A defect of bqsim: answered as ``internalError`` with an id that the log repeats."""
