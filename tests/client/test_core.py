"""Calls of the client's core: answers, errors, retries."""

from __future__ import annotations

from typing import Any

import pytest

from bqclient import BigQueryClient, Endpoints
from bqclient.errors import InsecureTransportError, InvalidQueryError, ServiceUnavailableError

from .running import HeldTime, run


async def _select(client: BigQueryClient, sql: str) -> Any:
    body = {"query": sql, "useLegacySql": False, "requestId": "r1"}
    reply = await client.core.rest.call("jobs.query", {"projectId": client.project}, body=body)
    return reply.data["rows"]


def test_a_call_is_answered(bqsim: Any) -> None:
    rows = run(bqsim, lambda client: _select(client, "SELECT 1"))
    assert rows == [{"f": [{"v": "1"}]}]


def test_wrong_sql_is_an_error_with_its_place(bqsim: Any) -> None:
    with pytest.raises(InvalidQueryError) as raised:
        run(bqsim, lambda client: _select(client, "SELECT\n  x"))
    assert (raised.value.line, raised.value.column) == (2, 3)
    assert (raised.value.reason, raised.value.code, raised.value.retryable) == ("invalidQuery", 400, False)


def test_a_failing_service_is_asked_three_times_more(bqsim: Any) -> None:
    bqsim.faults.add("backendError", method="bigquery.jobs.query")
    time = HeldTime()
    with pytest.raises(ServiceUnavailableError):
        run(bqsim, lambda client: _select(client, "SELECT 1"), runtime=time)
    assert time.waits == [1.25, 2.5, 5.0]


def test_plain_text_stays_on_this_machine() -> None:
    with pytest.raises(InsecureTransportError, match=r"http://bigquery\.example\.org"):
        BigQueryClient(project="p", endpoints=Endpoints(rest="http://bigquery.example.org"))
