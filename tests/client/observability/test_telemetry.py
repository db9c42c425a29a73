"""Spans, metrics and log lines, and what must not be in them."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import CollectorRegistry, generate_latest

from bqclient import BigQueryClient, Secret, Telemetry, correlation
from bqclient.errors import BigQueryError, InvalidQueryError, ServiceUnavailableError, UsageError
from tests.client.running import run

CANARY = "canary-value-7313"
TOKEN = "canary-token-9917"


def _spans() -> tuple[Any, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("test"), exporter


async def _query(client: BigQueryClient) -> None:
    await client.queries.execute(f"SELECT '{CANARY}'")


def test_queries_are_counted(bqsim: Any) -> None:
    registry = CollectorRegistry()
    telemetry = Telemetry(metrics=registry)
    bqsim.data({"d.t": [{"n": i} for i in range(100)]})

    async def work(client: BigQueryClient) -> None:
        for _ in range(2):
            await client.queries.execute("SELECT SUM(n) FROM d.t")

    run(bqsim, work, observability=telemetry)
    project = bqsim.project
    value = registry.get_sample_value
    assert value("bigquery_bytes_processed_total", {"project": project, "operation": "query"}) == 800
    assert value("bigquery_bytes_billed_total", {"project": project, "operation": "query"}) == 10 << 20
    assert value("bigquery_queries_total", {"project": project, "cache_hit": "false"}) == 1
    assert value("bigquery_queries_total", {"project": project, "cache_hit": "true"}) == 1
    counted = {"operation": "jobs.query", "outcome": "ok"}
    assert value("bigquery_call_duration_seconds_count", counted) == 2
    # A second client on the registry counts on.
    run(bqsim, work, observability=Telemetry(metrics=registry))
    assert value("bigquery_queries_total", {"project": project, "cache_hit": "true"}) == 3


def test_costs_are_summed(bqsim: Any) -> None:
    from bqclient.pricing import Pricing

    registry = CollectorRegistry()
    bqsim.data({"d.t": [{"n": i} for i in range(100)]})

    async def work(client: BigQueryClient) -> None:
        await client.queries.execute("SELECT SUM(n) FROM d.t")

    run(bqsim, work, observability=Telemetry(metrics=registry), pricing=Pricing.on_demand(6.25))
    labels = {"project": bqsim.project, "operation": "query"}
    found = registry.get_sample_value("bigquery_estimated_cost_usd", labels)
    assert found == pytest.approx(10 / 1024 / 1024 * 6.25)


def test_calls_are_spans(bqsim: Any) -> None:
    tracer, exporter = _spans()
    bqsim.faults.add("backendError", method="bigquery.jobs.query", times=1)

    async def work(client: BigQueryClient) -> None:
        with correlation("order-17"):
            await _query(client)

    run(bqsim, work, observability=Telemetry(tracing=tracer))
    (span,) = [s for s in exporter.get_finished_spans() if s.name == "bigquery.jobs.query"]
    assert span.attributes["bigquery.correlation_id"] == "order-17"
    assert span.attributes["gcp.project_id"] == bqsim.project
    assert [event.name for event in span.events] == ["retry"]
    assert span.events[0].attributes["bigquery.reason"] == "backendError"


def test_log_lines_have_fields(bqsim: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "bqclient")

    async def work(client: BigQueryClient) -> None:
        with correlation("order-18"):
            await _query(client)

    run(bqsim, work, observability=Telemetry(logs=True))
    lines = [r for r in caplog.records if r.bigquery_event == "call"]
    assert [(r.bigquery_operation, r.bigquery_outcome, r.bigquery_correlation_id) for r in lines] == [
        ("jobs.query", "ok", "order-18")
    ]


def test_no_secret_value_or_sql_is_told(bqsim: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    tracer, exporter = _spans()
    registry = CollectorRegistry()
    telemetry = Telemetry(tracing=tracer, metrics=registry, logs=True)
    errors: list[BigQueryError] = []

    async def work(client: BigQueryClient) -> None:
        await client.queries.execute("SELECT @p", {"p": CANARY})
        with pytest.raises(InvalidQueryError) as raised:
            await client.queries.execute(f"SELECT CAST('{CANARY}' AS INT64)")
        errors.append(raised.value)
        bqsim.faults.add("backendError", method="bigquery.jobs.*")
        with pytest.raises(ServiceUnavailableError):
            await _query(client)
        shown = [repr(client), repr(client.config), repr(client.core.tokens), repr(client.config.credentials)]
        assert not any(TOKEN in text for text in shown)

    run(bqsim, work, observability=telemetry, credentials=Secret(TOKEN))
    told = "\n".join(
        [
            *(f"{r.getMessage()} {r.__dict__}" for r in caplog.records if r.name.startswith("bqclient")),
            *(span.to_json() for span in exporter.get_finished_spans()),
            generate_latest(registry).decode(),
        ]
    )
    assert "jobs.query" in told
    assert CANARY not in told
    assert TOKEN not in told
    # The caller's own exception says what the service said.
    assert CANARY in str(errors[0])


def test_without_it_nothing_is_loaded() -> None:
    import subprocess
    import sys

    code = (
        "import bqclient, sys; bqclient.BigQueryClient(project='p', "
        "endpoints=bqclient.Endpoints(rest='http://127.0.0.1:1'));"
        "print([m for m in ('opentelemetry', 'prometheus_client', 'pyarrow', 'grpc', 'httpx', 'aiohttp', "
        "'google.auth', 'pandas', 'polars') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(UsageError, match=r"bqclient\[prometheus\]"):
        Telemetry(metrics=True)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(UsageError, match=r"bqclient\[otel\]"):
        Telemetry(tracing=True)
