"""From a failure to a gRPC status with the details that clients read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from bqsim.errors import BigQueryError
from bqsim.storage.errors import StorageFailure, from_bigquery
from bqsim.storage.status import status_message

DETAILS = "grpc-status-details-bin"
EXPLAIN = "x-bqsim-explain"
# A client refuses trailing metadata beyond 8 KiB altogether. The text comes percent-encoded, thrice as
# long at worst, and twice more in the details, which come in base64.
MAX_TEXT_BYTES = 1000


@dataclass(frozen=True, slots=True)
class Status:
    """What ``ServicerContext.abort_with_status`` takes."""

    code: Any
    details: str
    trailing_metadata: tuple[tuple[str, str | bytes], ...] = ()


def status_of(failure: StorageFailure | BigQueryError, explain: str = "") -> Status:
    """The status of a failed call; ``explain`` is its id in the journal."""
    if isinstance(failure, BigQueryError):
        failure = from_bigquery(failure)
    text = _shortened(failure.message)
    status = status_message(failure, text, _shortened(failure.entity))
    trailing: list[tuple[str, str | bytes]] = list(explained(explain))
    if failure.details or status.details:
        trailing.append((DETAILS, failure.details or status.SerializeToString()))
    return Status(grpc.StatusCode[failure.status], text, tuple(trailing))


def explained(explain: str) -> tuple[tuple[str, str], ...]:
    """The trailing metadata that tells a call's id in the journal; none without one."""
    return ((EXPLAIN, explain),) if explain else ()


def _shortened(text: str) -> str:
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_TEXT_BYTES:
        return data.decode()
    return data[: MAX_TEXT_BYTES - 3].decode("utf-8", "ignore") + "…"
