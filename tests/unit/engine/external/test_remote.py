from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.external import REMOTE, Argument, Call, Function, remote
from bqsim.errors import BigQueryError
from bqsim.types import INT64, STRING, Type

Answer = Callable[[dict[str, Any]], tuple[int, Any]]


class Endpoint:
    """An HTTP endpoint that answers with what ``answer`` gives for a request."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.answer: Answer = lambda body: (200, {"replies": [c[0] for c in body["calls"]]})
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append(body)
                code, answer = endpoint.answer(body)
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                """Nothing to standard error."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/f?x=1"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setattr(remote.LIMITS, "pause_s", 0.001)
    made = Endpoint()
    yield made
    made.close()


def call(endpoint: Endpoint, type_: Type = INT64, **more: Any) -> Call:
    function = Function(REMOTE, (Argument("x", type_),), type_, endpoint=endpoint.url, **more)
    return Call(function, "f", user="a@example.com", caller="//bigquery.googleapis.com/jobs/p:US.j")


def run(call: Call, values: list[Any], type_: Any = None) -> list[Any]:
    result: list[Any] = remote.run(call, [pa.array(values, type_ or pa.int64())], len(values)).to_pylist()
    return result


def test_requests(endpoint: Endpoint) -> None:
    assert run(call(endpoint, context=(("k", "v"),)), [1, None, 1 << 62]) == [1, None, 1 << 62]
    (request,) = endpoint.requests
    assert request.pop("requestId").startswith("p:US.j-")
    assert request == {
        "caller": "//bigquery.googleapis.com/jobs/p:US.j",
        "sessionUser": "a@example.com",
        "userDefinedContext": {"k": "v"},
        "calls": [[1], [None], [str(1 << 62)]],
    }


def test_batches_keep_the_order(endpoint: Endpoint) -> None:
    assert run(call(endpoint, max_rows=3), list(range(20))) == list(range(20))
    assert sorted(len(r["calls"]) for r in endpoint.requests) == [2, 3, 3, 3, 3, 3, 3]


@pytest.mark.parametrize("code", [408, 429, 500, 503, 504])
def test_some_failures_are_tried_again(endpoint: Endpoint, code: int) -> None:
    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        return (code, {}) if len(endpoint.requests) < 3 else (200, {"replies": ["7"]})

    endpoint.answer = answer
    assert run(call(endpoint), [1]) == [7]
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize(
    ("answer", "requests", "message"),
    [
        (
            (400, {"errorMessage": "bad"}),
            1,
            "Received response code 400 from the remote function endpoint with error message: bad",
        ),
        ((404, b"nope"), 1, "Received response code 404 from the remote function endpoint."),
        ((503, {}), 5, "Received response code 503 from the remote function endpoint."),
        ((200, {"errorMessage": "no"}), 1, "Error in the remote function: no"),
        ((200, b"{"), 1, "The response of the remote function is not valid JSON."),
        ((200, []), 1, "The response of the remote function is not a JSON object."),
        ((200, {}), 1, "The response of the remote function has no 'replies' array."),
        (
            (200, {"replies": []}),
            1,
            "The response of the remote function has 0 replies, but 1 were expected.",
        ),
        ((200, {"replies": [True]}), 1, "Failed to decode JSON value true in replies to SQL type INT64."),
        ((200, {"replies": ["x"]}), 1, 'Failed to decode JSON value "x" in replies to SQL type INT64.'),
        ((200, {"replies": [[1]]}), 1, "Failed to decode JSON value [1] in replies to SQL type INT64."),
    ],
)
def test_failures(endpoint: Endpoint, answer: tuple[int, Any], requests: int, message: str) -> None:
    endpoint.answer = lambda body: answer
    with pytest.raises(BigQueryError) as caught:
        run(call(endpoint), [1])
    assert caught.value.message == message
    assert len(endpoint.requests) == requests


def test_texts_are_not_numbers(endpoint: Endpoint) -> None:
    endpoint.answer = lambda body: (200, {"replies": [5]})
    with pytest.raises(BigQueryError, match="Failed to decode JSON value 5 in replies to SQL type STRING"):
        run(call(endpoint, STRING), ["a"], pa.string())


def test_an_endpoint_that_is_not_there() -> None:
    function = Function(REMOTE, (Argument("x", INT64),), INT64, endpoint="http://127.0.0.1:1/")
    limits = remote.LIMITS
    before, limits.pause_s = limits.pause_s, 0.001
    try:
        with pytest.raises(BigQueryError, match="could not be reached"):
            run(Call(function, "f"), [1])
    finally:
        limits.pause_s = before
