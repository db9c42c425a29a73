"""Spans, metrics and log lines of a client's work.

Neither SQL texts, values nor messages of errors, which may hold both, are told: an error is its class, reason
and code.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError, UsageError

from .correlation import correlation_id
from .metrics import Metrics, metrics_of

if TYPE_CHECKING:
    from bqclient.resilience.retry import Call

LOGGER = "bqclient"


class Telemetry:
    """What ``ClientConfig(observability=…)`` takes.

    ``tracing``: an OpenTelemetry tracer, or ``True`` for the global one (extra ``otel``). ``metrics``: a
    ``prometheus_client`` registry, or ``True`` for the default one (extra ``prometheus``). ``logs``: a
    logger, or ``True`` for ``bqclient``. Raises UsageError when an extra is missing.
    """

    def __init__(self, *, tracing: Any = None, metrics: Any = None, logs: Any = None) -> None:
        self._tracer = _tracer(tracing)
        self._metrics: Metrics | None = None
        # A registry without metrics may be false.
        if metrics is not None and metrics is not False:
            self._metrics = metrics_of(None if metrics is True else metrics)
        self._log: logging.Logger | None = logging.getLogger(LOGGER) if logs is True else logs or None

    @contextmanager
    def call(self, operation: str, project: str, request_id: str | None) -> Iterator[None]:
        """Around one call, its retries included."""
        begun = time.perf_counter()
        failure: BaseException | None = None
        with self._span(operation, project, request_id) as span:
            try:
                yield
            except BaseException as error:
                failure = error
                if span is not None:
                    _mark(span, error)
                raise
            finally:
                self._called(operation, project, request_id, time.perf_counter() - begun, failure)

    def retrying(self, call: Call, error: BigQueryError, wait_s: float, number: int) -> None:
        """Before the wait for another attempt."""
        reason = _reason(error)
        if self._metrics is not None:
            self._metrics.retries.labels(call.operation, reason).inc()
        if self._tracer is not None:
            from opentelemetry import trace

            told = {"bigquery.reason": reason, "bigquery.wait_s": wait_s, "bigquery.attempt": number}
            trace.get_current_span().add_event("retry", told)
        if self._log is not None:
            self._line(
                logging.WARNING,
                "retry",
                operation=call.operation,
                reason=reason,
                wait_s=round(wait_s, 3),
                attempt=number,
            )

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
        """A query, load, copy or extract is done."""
        if (metrics := self._metrics) is not None:
            metrics.processed.labels(project, operation).inc(bytes_processed)
            metrics.billed.labels(project, operation).inc(bytes_billed)
            metrics.jobs.labels(operation).observe(seconds)
            if cost_usd is not None:
                metrics.cost.labels(project, operation).inc(cost_usd)
            if operation == "query":
                metrics.queries.labels(project, str(cache_hit).lower()).inc()
        if self._tracer is not None:
            from opentelemetry import trace

            span = trace.get_current_span()
            span.set_attribute("bigquery.bytes_processed", bytes_processed)
            span.set_attribute("bigquery.bytes_billed", bytes_billed)
            if job_id:
                span.set_attribute("bigquery.job_id", job_id)
        if self._log is not None:
            self._line(
                logging.INFO,
                "finished",
                operation=operation,
                project=project,
                job_id=job_id,
                bytes_processed=bytes_processed,
                bytes_billed=bytes_billed,
                cost_usd=cost_usd,
                cache_hit=cache_hit,
                seconds=round(seconds, 3),
            )

    @contextmanager
    def _span(self, operation: str, project: str, request_id: str | None) -> Iterator[Any]:
        if self._tracer is None:
            yield None
            return
        told = {
            "db.system": "bigquery",
            "db.operation": operation,
            "gcp.project_id": project,
            "bigquery.request_id": request_id,
            "bigquery.correlation_id": correlation_id(),
        }
        given = {name: value for name, value in told.items() if value is not None}
        # Its own record of exceptions would hold their messages.
        with self._tracer.start_as_current_span(
            f"bigquery.{operation}", attributes=given, record_exception=False, set_status_on_exception=False
        ) as span:
            yield span

    def _called(
        self,
        operation: str,
        project: str,
        request_id: str | None,
        seconds: float,
        failure: BaseException | None,
    ) -> None:
        outcome = "ok" if failure is None else _reason(failure)
        if self._metrics is not None:
            self._metrics.calls.labels(operation, outcome).observe(seconds)
        if self._log is not None:
            self._line(
                logging.DEBUG if failure is None else logging.WARNING,
                "call",
                operation=operation,
                project=project,
                request_id=request_id,
                outcome=outcome,
                seconds=round(seconds, 4),
            )

    def _line(self, level: int, event: str, **told: Any) -> None:
        """A log line: ``event key=value …``, and the same as attributes ``bigquery_…`` of the record."""
        assert self._log is not None
        if not self._log.isEnabledFor(level):
            return
        given = {"correlation_id": correlation_id(), **told}
        known = {name: value for name, value in given.items() if value is not None}
        text = " ".join(f"{name}={value}" for name, value in known.items())
        fields = {f"bigquery_{name}": value for name, value in known.items()}
        self._log.log(level, "%s %s", event, text, extra={"bigquery_event": event, **fields})


def _tracer(tracing: Any) -> Any:
    if not tracing:
        return None
    if tracing is not True:
        return tracing
    try:
        from opentelemetry import trace
    except ModuleNotFoundError as missing:
        raise UsageError("Spans need opentelemetry-api: pip install 'bqclient[otel]'") from missing
    return trace.get_tracer("bqclient")


def _reason(error: BaseException) -> str:
    if isinstance(error, BigQueryError) and (found := error.reason or error.status):
        return found
    return type(error).__name__


def _mark(span: Any, error: BaseException) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_status(Status(StatusCode.ERROR, _reason(error)))
    span.set_attribute("error.type", type(error).__name__)
    if isinstance(error, BigQueryError) and error.code:
        span.set_attribute("http.response.status_code", error.code)
