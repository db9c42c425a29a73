"""Failures of the Storage API: a gRPC status with the details that clients read."""

from __future__ import annotations

from typing import Any

from bqsim.errors import BigQueryError


class StorageFailure(Exception):
    """A failed call, or a failed message of a stream.

    ``status`` is a canonical status name (``"INVALID_ARGUMENT"``). ``code`` names a
    ``StorageError.StorageErrorCode`` and ``entity`` the resource path it is about. ``retry_delay_s``
    becomes a ``google.rpc.RetryInfo``: without one the read client does not retry RESOURCE_EXHAUSTED.
    """

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
        return (_rebuild, (self.status, self.message, details))


def _rebuild(status: str, message: str, details: dict[str, Any]) -> StorageFailure:
    return StorageFailure(status, message, **details)


def invalid_argument(message: str, *, code: str | None = None, entity: str = "") -> StorageFailure:
    return StorageFailure("INVALID_ARGUMENT", message, code=code, entity=entity)


def not_found(message: str, *, code: str | None = None, entity: str = "") -> StorageFailure:
    return StorageFailure("NOT_FOUND", message, code=code, entity=entity)


def from_bigquery(error: BigQueryError, prefix: str = "") -> StorageFailure:
    """The status of an error of the rest of the simulator; ``prefix`` goes before its text."""
    return StorageFailure(error.reason.grpc, prefix + error.message)
