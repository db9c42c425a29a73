"""Remote functions through Google's client, with an endpoint of their own."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

pytestmark = [
    pytest.mark.fidelity(
        "sql:remote functions",
        "approximated",
        "Any http or https endpoint; connections need not exist.",
        tests="test_*",
    ),
]


class Endpoint(http.server.ThreadingHTTPServer):
    """Adds up the arguments of each call; refuses those below zero."""

    requests: list[dict[str, Any]]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert isinstance(self.server, Endpoint)
        self.server.requests.append(body)
        sums = [sum(call) for call in body["calls"]]
        answer = {"replies": sums} if min(sums) >= 0 else {"errorMessage": "below zero"}
        data = json.dumps(answer).encode()
        self.send_response(200 if "replies" in answer else 400)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        """Nothing to standard error."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_remote_function(bqsim_client: bigquery.Client, endpoint: Endpoint) -> None:
    dataset = bqsim_client.create_dataset("d")
    name = f"`{dataset.project}.{dataset.dataset_id}.total`"
    url = f"http://127.0.0.1:{endpoint.server_port}/sum"
    bqsim_client.query_and_wait(
        f"CREATE FUNCTION {name}(x INT64, y INT64) RETURNS INT64 REMOTE WITH CONNECTION `us.c` "
        f"OPTIONS (endpoint='{url}', max_batching_rows=4, user_defined_context=[('mode', 'sum')])"
    )
    routine = bqsim_client.get_routine(name.strip("`"))
    options = routine.remote_function_options
    assert options is not None
    assert (options.endpoint, options.max_batching_rows) == (url, 4)
    assert options.user_defined_context == {"mode": "sum"}
    job = bqsim_client.query(f"SELECT x, {name}(x, 1) FROM UNNEST(GENERATE_ARRAY(1, 10)) AS x ORDER BY x")
    assert [tuple(r.values()) for r in job.result()] == [(x, x + 1) for x in range(1, 11)]
    assert sorted(len(r["calls"]) for r in endpoint.requests) == [2, 4, 4]
    request = endpoint.requests[0]
    assert request["userDefinedContext"] == {"mode": "sum"}
    assert request["sessionUser"] == job.user_email
    assert request["caller"].endswith(f".{job.job_id}")
    with pytest.raises(exceptions.BadRequest, match="below zero"):
        bqsim_client.query_and_wait(f"SELECT {name}(-5, 1)")
