"""Prometheus metrics. Needs the extra ``bqclient[prometheus]``."""

from __future__ import annotations

from typing import Any

from bqclient.errors import UsageError

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
# Metrics by registry: a registry takes each name once.
_MADE: dict[int, tuple[Any, Metrics]] = {}


class Metrics:
    """The client's metrics in a registry of ``prometheus_client``."""

    def __init__(self, registry: Any) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        def counter(name: str, text: str, *labels: str) -> Any:
            return Counter(name, text, labels, registry=registry)

        self.processed = counter(
            "bigquery_bytes_processed_total", "Bytes that jobs processed.", "project", "operation"
        )
        self.billed = counter(
            "bigquery_bytes_billed_total", "Bytes that jobs were billed for.", "project", "operation"
        )
        self.queries = counter("bigquery_queries_total", "Queries that were done.", "project", "cache_hit")
        self.retries = counter("bigquery_retries_total", "Calls made again.", "operation", "reason")
        # A sum that is named without _total.
        self.cost = Gauge(
            "bigquery_estimated_cost_usd",
            "US dollars for bytes billed.",
            ("project", "operation"),
            registry=registry,
        )
        self.calls = Histogram(
            "bigquery_call_duration_seconds",
            "Calls, retries included.",
            ("operation", "outcome"),
            registry=registry,
            buckets=_SECONDS,
        )
        self.jobs = Histogram(
            "bigquery_job_duration_seconds", "Jobs.", ("operation",), registry=registry, buckets=_SECONDS
        )


def metrics_of(registry: Any = None) -> Metrics:
    """The metrics in a registry, the default one when none is given. Raises UsageError without the extra."""
    try:
        import prometheus_client
    except ModuleNotFoundError as missing:
        raise UsageError("Metrics need prometheus-client: pip install 'bqclient[prometheus]'") from missing
    found = prometheus_client.REGISTRY if registry is None else registry
    made = _MADE.get(id(found))
    if made is None:
        # The registry is kept with it, so that its id stays its own.
        made = _MADE[id(found)] = (found, Metrics(found))
    return made[1]
