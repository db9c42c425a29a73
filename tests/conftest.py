"""Fixtures of all tests: those of the pytest plugin, and plain HTTP to the session's simulator."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

import hypothesis
import pytest

from bqsim.simulator import Simulator

# Beside what holds here or in CI: how long an example takes is up to the machine.
hypothesis.settings.register_profile(
    "patient",
    hypothesis.settings(),
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")

pytest_plugins = ["tests.fidelity.plugin"]
# An installed bqsim brings its plugin by itself; a source tree on the path does not.
if not any(point.name == "bqsim" for point in entry_points(group="pytest11")):
    pytest_plugins.append("bqsim.pytest_plugin")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Every answer of the simulator is held to the API's schema."""
    config.option.bqsim_validate = True


@dataclass(slots=True)
class Answer:
    """An HTTP answer; ``headers`` have lower-case names."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def reason(self) -> str:
        """The reason of an error answer."""
        reason: str = self.json["error"]["errors"][0]["reason"]
        return reason

    @property
    def message(self) -> str:
        """The message of an error answer."""
        message: str = self.json["error"]["message"]
        return message


class Http:
    """Plain HTTP calls on one keep-alive connection, relative to a project."""

    def __init__(self, simulator: Simulator, project: str) -> None:
        self.simulator = simulator
        self.project = project
        self.root = f"/bigquery/v2/projects/{project}"
        self.connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=30)

    def raw(self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One call of an absolute path; ``body`` is JSON unless it is bytes."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.connection.request(verb, path, data, headers or {})
        response = self.connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def call(self, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One call of a path below the project."""
        return self.raw(verb, f"{self.root}{path}", body, headers)

    def dataset(self, name: str = "d") -> str:
        """Create a dataset; its id."""
        assert self.call("POST", "/datasets", {"datasetReference": {"datasetId": name}}).status == 200
        return name

    def table(self, name: str = "t", fields: list[dict[str, Any]] | None = None, **more: Any) -> str:
        """Create a table in dataset ``d``; its path."""
        schema = {"fields": fields or [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]}
        body = {"tableReference": {"tableId": name}, "schema": schema, **more}
        answer = self.call("POST", "/datasets/d/tables", body)
        assert answer.status == 200, answer.data
        return f"/datasets/d/tables/{name}"

    def query(self, sql: str, **more: Any) -> Answer:
        """``jobs.query`` of GoogleSQL."""
        return self.call("POST", "/queries", {"query": sql, "useLegacySql": False, **more})


@pytest.fixture
def rest(bqsim_server: Simulator, bqsim_project: str) -> Iterator[Http]:
    """Plain HTTP to the session's simulator, in a project of its own."""
    client = Http(bqsim_server, bqsim_project)
    try:
        yield client
    finally:
        client.connection.close()


@pytest.fixture(autouse=True)
def clock_of_all_runs(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves the session's clock standing: later ones would wait for ever. Those take bqsim_own."""
    yield
    if "bqsim_server" not in request.fixturenames:
        return
    clock = request.getfixturevalue("bqsim_server").clock
    if clock.mode != "real":
        clock.resume()
        pytest.fail("the test has stopped or scaled the clock of the session's simulator: take bqsim_own")
