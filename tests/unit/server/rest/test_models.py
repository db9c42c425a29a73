from __future__ import annotations

from tests.conftest import Http


def test_datasets_have_no_models(rest: Http) -> None:
    rest.dataset()
    assert rest.call("GET", "/datasets/d/models").json == {}
    assert rest.call("GET", "/datasets/none/models").status == 404
    for verb in ("GET", "PATCH", "DELETE"):
        answer = rest.call(verb, "/datasets/d/models/m", {} if verb == "PATCH" else None)
        assert (answer.status, answer.message) == (404, f"Not found: Model {rest.project}:d.m")
