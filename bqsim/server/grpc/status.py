"""From a failure to a gRPC status with the details that clients read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from bqsim.errors import BigQueryError
from bqsim.storage.errors import StorageFailure, from_bigquery
from bqsim.storage.v1 import status_pb2

DETAILS = "grpc-status-details-bin"
STORAGE_ERROR = "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError"
RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
# A client refuses trailing metadata beyond 8 KiB altogether. The text comes percent-encoded, thrice as
# long at worst, and twice more in the details, which come in base64.
MAX_TEXT_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """What ``ServicerContext.abort_with_status`` takes."""

    code: Any
    details: str
    trailing_metadata: tuple[tuple[str, bytes], ...] = ()


def status_of(failure: StorageFailure | BigQueryError) -> Status:
    """The status of a failed call."""
    if isinstance(failure, BigQueryError):
        failure = from_bigquery(failure)
    text = _shortened(failure.message)
    code = grpc.StatusCode[failure.status]
    status = status_pb2.Status(code=code.value[0], message=text)
    if failure.code is not None:
        detail = status_pb2.StorageError(
            code=status_pb2.StorageError.StorageErrorCode.Value(failure.code),
            entity=_shortened(failure.entity),
            error_message=text,
        )
        status.details.add(type_url=STORAGE_ERROR, value=detail.SerializeToString())
    if failure.retry_delay_s is not None:
        retry = status_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(failure.retry_delay_s * 1e9))
        status.details.add(type_url=RETRY_INFO, value=retry.SerializeToString())
    trailing = ((DETAILS, status.SerializeToString()),) if status.details else ()
    return Status(code, text, trailing)


def _shortened(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_TEXT_BYTES:
        return data.decode()
    return data[: MAX_TEXT_BYTES - 3].decode("utf-8", "ignore") + "…"
