"""``google.rpc.Status``: what the details of a failed call tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bqclient.wire import status_pb2

_TRAILER = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Details:
    """``kind`` is the name of a StorageErrorCode, ``entity`` what it is about; ``retry_after`` in seconds."""

    kind: str = ""
    entity: str = ""
    message: str = ""
    retry_after: float | None = None


def storage_details(metadata: Iterable[Any]) -> Details:
    """The details in a call's trailing metadata."""
    for key, value in metadata:
        if key == _TRAILER:
            return details_of(status_pb2.Status.FromString(value))
    return Details()


def details_of(status: Any) -> Details:
    """The details of a Status message."""
    kind = entity = message = ""
    retry_after: float | None = None
    for item in status.details:
        name = item.type_url.rpartition("/")[2]
        if name.endswith(".RetryInfo"):
            delay = status_pb2.RetryInfo.FromString(item.value).retry_delay
            retry_after = delay.seconds + delay.nanos / 1e9
        elif name.endswith(".StorageError"):
            found = status_pb2.StorageError.FromString(item.value)
            kind = status_pb2.StorageError.StorageErrorCode.Name(found.code)
            entity, message = found.entity, found.error_message
    return Details(kind, entity, message, retry_after)
