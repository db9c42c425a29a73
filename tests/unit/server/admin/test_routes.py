from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.admin.app import ROUTES
from bqsim.server.admin.routes import Route, find, index


def nothing(ask: object) -> dict[str, str]:
    return {}


SOME = (
    Route("GET", "faults", nothing, "All."),
    Route("POST", "faults/explain", nothing, "Explain."),
    Route("GET", "faults/{id}", nothing, "One."),
    Route("DELETE", "faults/{id}", nothing, "Remove."),
)


@pytest.mark.parametrize(
    ("verb", "path", "pattern", "values"),
    [
        ("GET", "/faults", "faults", {}),
        ("GET", "/faults/", "faults", {}),
        ("POST", "/faults/explain", "faults/explain", {}),
        ("GET", "/faults/a%2Fb", "faults/{id}", {"id": "a/b"}),
        ("DELETE", "/faults/explain", "faults/{id}", {"id": "explain"}),
    ],
)
def test_paths_find_their_route(verb: str, path: str, pattern: str, values: dict[str, str]) -> None:
    route, found = find(SOME, verb, path)
    assert (route.pattern, route.verb, found) == (pattern, verb, values)


@pytest.mark.parametrize(
    ("verb", "path", "http", "text"),
    [
        ("GET", "/fauts", 404, "Did you mean /bqsim/v1/faults?"),
        ("GET", "/zzz", 404, "GET /bqsim/v1 lists what there is."),
        ("PUT", "/faults", 405, "PUT is not what /bqsim/v1/faults takes; use GET."),
        ("PUT", "/faults/x", 405, "use DELETE or GET."),
    ],
)
def test_paths_of_nobody(verb: str, path: str, http: int, text: str) -> None:
    with pytest.raises(BigQueryError) as refused:
        find(SOME, verb, path)
    assert refused.value.http == http and text in refused.value.message


def test_the_index_has_a_sentence_for_every_route() -> None:
    paths = index(ROUTES)["paths"]
    assert paths["/bqsim/v1/faults"].keys() == {"GET", "POST", "DELETE"}
    assert sum(map(len, paths.values())) == len(ROUTES) == len({(r.verb, r.pattern) for r in ROUTES})
    assert all(r.doc[0].isupper() and r.doc.endswith(".") for r in ROUTES)
