"""google.rpc.Status messages with the details that clients read: of ended calls, and within answers."""

from __future__ import annotations

from bqsim.errors import STATUS_CODES
from bqsim.storage.v1 import status_pb2

from .errors import StorageFailure

STATUS_NAMES = {code: name for name, code in STATUS_CODES.items()}
STORAGE_ERROR_URL = "type.googleapis.com/google.cloud.bigquery.storage.v1.StorageError"
RETRY_INFO_URL = "type.googleapis.com/google.rpc.RetryInfo"


def status_message(failure: StorageFailure, message: str, entity: str) -> status_pb2.Status:
    """The status of a failure, told by ``message`` about the resource path ``entity``."""
    status = status_pb2.Status(code=STATUS_CODES[failure.status], message=message)
    if failure.code is not None:
        detail = storage_error(failure.code, entity, message)
        status.details.add(type_url=STORAGE_ERROR_URL, value=detail.SerializeToString())
    if failure.retry_delay_s is not None:
        retry = status_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(failure.retry_delay_s * 1e9))
        status.details.add(type_url=RETRY_INFO_URL, value=retry.SerializeToString())
    return status


def failure_of(status: status_pb2.Status) -> StorageFailure:
    """The failure that a status within an answer tells of."""
    code = None
    for detail in status.details:
        if detail.type_url == STORAGE_ERROR_URL:
            found = status_pb2.StorageError.FromString(detail.value)
            code = status_pb2.StorageError.StorageErrorCode.Name(found.code)
    return StorageFailure(STATUS_NAMES[status.code], status.message, code=code)


def storage_error(code: str, entity: str, message: str) -> status_pb2.StorageError:
    """The detail that clients take the kind of a failure from."""
    number = status_pb2.StorageError.StorageErrorCode.Value(code)
    return status_pb2.StorageError(code=number, entity=entity, error_message=message)
