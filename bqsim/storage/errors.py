"""Failures of the Storage API: a gRPC status with the details that clients read."""

from __future__ import annotations

from bqsim.errors import BigQueryError, StorageFailure

__all__ = ["StorageFailure", "from_bigquery", "invalid_argument", "not_found"]


def invalid_argument(message: str, *, code: str | None = None, entity: str = "") -> StorageFailure:
    return StorageFailure("INVALID_ARGUMENT", message, code=code, entity=entity)


def not_found(message: str, *, code: str | None = None, entity: str = "") -> StorageFailure:
    return StorageFailure("NOT_FOUND", message, code=code, entity=entity)


def from_bigquery(error: BigQueryError, prefix: str = "") -> StorageFailure:
    """The status of an error of the rest of the simulator; ``prefix`` goes before its text."""
    text = prefix + error.message
    return StorageFailure(error.reason.grpc, text, retry_delay_s=error.retry_after_s)
