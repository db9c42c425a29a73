"""What a client tells of its work: spans, metrics, log lines. Without it nothing is computed for it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from bqclient.errors import BigQueryError
    from bqclient.resilience.retry import Call


class Observability(Protocol):
    """Told of every call, retry and job. SQL text and values are never given to it."""

    def call(self, operation: str, project: str, request_id: str | None) -> AbstractContextManager[Any]:
        """Around one call, its retries included."""
        ...

    def retrying(self, call: Call, error: BigQueryError, wait_s: float, number: int) -> None:
        """Before the wait for another attempt."""
        ...

    def finished(
        self,
        operation: str,
        project: str,
        *,
        job_id: str | None = None,
        bytes_processed: int = 0,
        bytes_billed: int = 0,
        cost_usd: float | None = None,
        cache_hit: bool = False,
        seconds: float = 0.0,
    ) -> None:
        """A query, load or extract is done."""
        ...
