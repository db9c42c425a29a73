from __future__ import annotations

from typing import Any

import pytest

from bqsim.server.rest.discovery import document
from bqsim.server.rest.methods import METHODS
from tests.conftest import Http

pytestmark = pytest.mark.fidelity(
    "http:discovery document",
    "approximated",
    "It has the methods, parameters and schemas that bqsim knows, without texts.",
)


@pytest.mark.parametrize("path", ["/discovery/v1/apis/bigquery/v2/rest", "/$discovery/rest?version=v2"])
def test_document_is_served_with_the_clients_address(rest: Http, path: str) -> None:
    found = rest.raw("GET", path).json
    assert (found["name"], found["version"]) == ("bigquery", "v2")
    assert found["rootUrl"] == f"{rest.simulator.url}/"


def test_other_apis_are_404(rest: Http) -> None:
    assert rest.raw("GET", "/discovery/v1/apis/storage/v1/rest").status == 404
    assert rest.raw("GET", "/$discovery/rest?version=v1").status == 404


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(v) for v in value.values()))
    if isinstance(value, list):
        return set().union(*(references(v) for v in value))
    return set()


def test_every_method_is_in_and_every_reference_resolves() -> None:
    found = document("http://h")
    ids = {m["id"] for r in found["resources"].values() for m in r["methods"].values()}
    assert ids == {m.id for m in METHODS}
    assert references(found) <= set(found["schemas"])


def test_parameters_follow_the_path() -> None:
    method = document("http://h")["resources"]["jobs"]["methods"]["getQueryResults"]
    assert method["parameterOrder"] == ["projectId", "jobId"]
    assert method["parameters"]["maxResults"] == {"type": "integer", "format": "uint32", "location": "query"}
    assert document("http://h")["resources"]["jobs"]["methods"]["insert"]["supportsMediaUpload"] is True
    states = document("http://h")["resources"]["jobs"]["methods"]["list"]["parameters"]["stateFilter"]
    assert states == {"type": "string", "location": "query", "repeated": True}
