"""What holds for every call."""

from __future__ import annotations

import gzip
import json
import logging
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.rest.methods import METHODS
from bqsim.sim.gate import Call
from tests.conftest import Http
from tests.gates import hooked

pytestmark = [
    pytest.mark.fidelity("http:compression", "exact", tests="test_gzip_*"),
    pytest.mark.fidelity("http:bad bodies", "exact", tests="test_bad_bodies* test_bodies_*"),
    pytest.mark.fidelity("http:errors", "exact", tests="test_unknown_path* test_methods_without*"),
]


class Recorder:
    """A gate hook that notes the calls it sees and can refuse them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.refusal: BigQueryError | None = None
        self.answers: list[Any] = []

    async def before(self, call: Call) -> None:
        self.calls.append(call)
        if self.refusal is not None:
            raise self.refusal

    async def after(self, call: Call, answer: Any) -> Any:
        self.answers.append(answer)
        return answer


@pytest.fixture
def recorder(rest: Http) -> Any:
    hook = Recorder()
    core = rest.simulator.core
    assert core is not None
    with hooked(core.gate, hook):
        yield hook


def test_every_call_passes_the_gate_once(rest: Http, recorder: Recorder) -> None:
    rest.call(
        "POST",
        "/datasets",
        {"datasetReference": {"datasetId": "d"}},
        {"Authorization": "Bearer user:ada@example.com"},
    )
    assert [(c.transport, c.method, c.resource, c.caller) for c in recorder.calls] == [
        ("rest", "bigquery.datasets.insert", f"projects/{rest.project}/datasets", "ada@example.com")
    ]
    assert recorder.calls[0].body["datasetReference"] == {"datasetId": "d"}
    assert recorder.answers[0].body["id"] == f"{rest.project}:d"


def test_a_hook_may_refuse(rest: Http, recorder: Recorder) -> None:
    recorder.refusal = BigQueryError("rateLimitExceeded", "Exceeded rate limits: slow down")
    answer = rest.call("GET", "/datasets")
    assert (answer.status, answer.reason, answer.message) == (
        403,
        "rateLimitExceeded",
        "Exceeded rate limits: slow down",
    )


def test_methods_without_a_handler_are_501_and_named(rest: Http) -> None:
    for method in METHODS:
        if not method.handler:
            path = method.path
            for name in [part.partition("}")[0] for part in path.split("{")[1:]]:
                path = path.replace("{" + name + "}", "x")
            answer = rest.raw(method.verb, f"/bigquery/v2/{path}", {})
            assert (answer.status, answer.reason) == (501, "notImplemented")
            assert answer.message == f"{method.id} is not implemented by bqsim"


def test_unknown_path_and_wrong_verb(rest: Http) -> None:
    unknown = rest.call("GET", "/nothing/here")
    assert (unknown.status, unknown.reason) == (404, "notFound")
    assert rest.call("DELETE", "/datasets").status == 405


def test_verb_may_be_overridden(rest: Http) -> None:
    rest.dataset()
    answer = rest.call("POST", "/datasets/d", {"description": "x"}, {"X-HTTP-Method-Override": "PATCH"})
    assert answer.json["description"] == "x"


def test_pretty_by_default_and_compact_on_request(rest: Http) -> None:
    assert b"\n  " in rest.call("GET", "/datasets").data
    assert b"\n" not in rest.call("GET", "/datasets?prettyPrint=false").data


def test_gzip_needs_encoding_and_user_agent(rest: Http) -> None:
    sql = "SELECT REPEAT('x', 100000) AS s"
    job = rest.query(sql).json["jobReference"]["jobId"]
    plain = rest.call("GET", f"/queries/{job}", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    zipped = rest.call(
        "GET", f"/queries/{job}", headers={"Accept-Encoding": "gzip", "User-Agent": "x (gzip)"}
    )
    assert zipped.headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(zipped.data)) == plain.json


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "Invalid JSON payload received."),
        (b"[1]", "Invalid JSON payload received."),
        (b'{"query": 5}', "Invalid value at 'query_request.query' (TYPE_STRING), 5"),
    ],
)
def test_bad_bodies_are_400(rest: Http, body: bytes, text: str) -> None:
    answer = rest.call("POST", "/queries", body)
    assert answer.status == 400
    assert answer.message.startswith(text)


def test_bodies_have_a_limit(rest: Http) -> None:
    answer = rest.call("POST", "/queries", b'{"query": "' + b"x" * (11 << 20) + b'"}')
    assert (answer.status, answer.reason) == (413, "requestTooLarge")
    rest.connection.close()
    assert rest.query("SELECT 1").status == 200


def test_defects_are_logged_under_the_id_that_the_answer_names(
    rest: Http, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async def defective(call: Call) -> None:
        raise ZeroDivisionError("secret engine text")

    recorder.before = defective  # type: ignore[method-assign]
    with caplog.at_level(logging.ERROR):
        answer = rest.call("GET", "/datasets")
    assert (answer.status, answer.reason) == (500, "internalError")
    assert "secret" not in answer.message
    assert answer.message.rpartition(" ")[2] in caplog.text
