"""What answers requests of the REST API has in common."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.http import BadRequest, BodyTooLarge, Head
from bqsim.server.rest.answering import Answering
from bqsim.server.rest.reply import Reply, error_reply


class Request:
    def __init__(self, verb: str, **headers: str) -> None:
        self.head = Head(verb, "/", {name.replace("_", "-"): text for name, text in headers.items()}, 0, "")


class Gate:
    async def passes(self, call: Any, service: Any) -> Reply:
        reply: Reply = await service()
        return reply


class Call:
    method, explain, sending = "bigquery.datasets.get", "call-1", None


class Clock:
    """A service."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def handle(self, path: str, query: dict[str, str], http: Any) -> Any:
        return path


class Mine(Answering):
    services: ClassVar[Mapping[str, tuple[str, str]]] = {"a": (__name__, "Clock"), "b": (__name__, "Clock")}
    watchers: ClassVar[list[Any]] = []
    passing = (*Answering.passing, KeyError)

    def defect(self, error: Exception, http: Any) -> Reply:
        return error_reply(BigQueryError("internalError", f"defect: {error}"))


@pytest.fixture
def app() -> Mine:
    gate: Any = Gate()
    return Mine(gate)


def any_(value: object) -> Any:
    return value


def test_services_are_made_once_for_all_their_paths(app: Mine) -> None:
    assert app.service("a") is app.service("b")


def test_methods_with_and_without_the_prefix(app: Mine) -> None:
    for path in ("/bigquery/v2/projects/p/datasets/d", "/projects/p/datasets/d"):
        assert app.method_of(any_(Request("GET")), path).method.id == "bigquery.datasets.get"
    override = any_(Request("POST", x_http_method_override="patch"))
    assert app.method_of(override, "/projects/p/datasets/d").method.id == "bigquery.datasets.patch"
    with pytest.raises(BigQueryError, match="Method POST is not allowed") as caught:
        app.method_of(any_(Request("POST")), "/projects/p/datasets/d")
    assert caught.value.http == 405
    with pytest.raises(BigQueryError, match="Not Found"):
        app.method_of(any_(Request("GET")), "/projects/p/nothing")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BigQueryError("invalid", "no"), "no"),
        (BodyTooLarge(413, "large"), "Request payload size exceeds the limit"),
        (ValueError("odd"), "defect: odd"),
    ],
)
def test_failures_are_replies(app: Mine, error: Exception, message: str) -> None:
    async def service() -> Reply:
        raise error

    seen: list[str] = []
    Mine.watchers.append(lambda method, reply: seen.append(method))
    try:
        reply = asyncio.run(app.passed(any_(Call()), service, any_(Request("GET"))))
    finally:
        Mine.watchers.clear()
    assert message in str(reply.body)
    assert seen == ["bigquery.datasets.get"]
    assert "call-1" in reply.headers.values()


@pytest.mark.parametrize("error", [BadRequest(400, "no request"), KeyError("elsewhere")])
def test_what_is_no_failure_passes(app: Mine, error: Exception) -> None:
    async def service() -> Reply:
        raise error

    with pytest.raises(type(error)):
        asyncio.run(app.passed(any_(Call()), service, any_(Request("GET"))))


def test_who_knows_a_resource_is_told_so(app: Mine) -> None:
    reply = Reply({"kind": "x"}, etag="abc")
    for given in ("*", '"abc"', 'W/"abc"', '"x", "abc"'):
        found = app.unchanged(reply, any_(Request("GET", if_none_match=given)))
        assert found is not None
        assert found.status == 304
    assert app.unchanged(reply, any_(Request("GET", if_none_match='"x"'))) is None
    assert app.unchanged(reply, any_(Request("PUT", if_none_match="*"))) is None
    assert app.unchanged(Reply({}), any_(Request("GET", if_none_match="*"))) is None
