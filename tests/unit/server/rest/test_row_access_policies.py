from __future__ import annotations

from tests.conftest import Http


def test_tables_have_no_policies(rest: Http) -> None:
    rest.dataset()
    table = rest.table()
    assert rest.call("GET", f"{table}/rowAccessPolicies").json == {}
    assert rest.call("GET", "/datasets/d/tables/none/rowAccessPolicies").status == 404
    answer = rest.call("GET", f"{table}/rowAccessPolicies/p")
    assert (answer.status, answer.reason) == (404, "notFound")
    assert rest.call("POST", f"{table}/rowAccessPolicies", {}).status == 501
