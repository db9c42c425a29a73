from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity("rest:bigquery.tabledata.list", "exact", tests="test_list_* test_bad_parameters*"),
    pytest.mark.fidelity(
        "rest:bigquery.tabledata.insertAll", "exact", tests="test_insert_all_* test_bad_bodies*"
    ),
]


@pytest.fixture
def table(rest: Http) -> str:
    rest.dataset()
    path = rest.table()
    values = ", ".join(f"({i}, 's{i}')" for i in range(5))
    assert rest.query(f"INSERT d.t (n, s) VALUES {values}").status == 200
    return path


def counted(rest: Http) -> str:
    answer = rest.query("SELECT COUNT(*) FROM d.t").json
    return str(cells(answer)[0][0])


def cells(body: Any) -> list[list[str]]:
    return [[cell["v"] for cell in row["f"]] for row in body.get("rows", [])]


def test_list_pages(rest: Http, table: str) -> None:
    first = rest.call("GET", f"{table}/data?maxResults=3").json
    assert (first["kind"], first["totalRows"]) == ("bigquery#tableDataList", "5")
    assert cells(first) == [["0", "s0"], ["1", "s1"], ["2", "s2"]]
    second = rest.call("GET", f"{table}/data?maxResults=3&pageToken={first['pageToken']}").json
    assert cells(second) == [["3", "s3"], ["4", "s4"]]
    assert "pageToken" not in second


def test_list_a_window_of_some_columns(rest: Http, table: str) -> None:
    assert cells(rest.call("GET", f"{table}/data?startIndex=3&selectedFields=s").json) == [["s3"], ["s4"]]
    assert cells(rest.call("GET", f"{table}/data?startIndex=99").json) == []


@pytest.mark.parametrize("query", ["pageToken=x", "selectedFields=zz", "maxResults=-1", "startIndex=x"])
def test_bad_parameters_are_400(rest: Http, table: str, query: str) -> None:
    assert rest.call("GET", f"{table}/data?{query}").status == 400


def test_list_of_missing_tables_and_views(rest: Http, table: str) -> None:
    assert rest.call("GET", "/datasets/d/tables/none/data").status == 404
    rest.query("CREATE VIEW d.v AS SELECT 1 AS x")
    assert rest.call("GET", "/datasets/d/tables/v/data").status == 400


def test_insert_all_reports_row_by_row(rest: Http, table: str) -> None:
    rows = [{"json": {"n": 1}}, {"json": {"n": "x"}}, {"json": {"zz": 1}}]
    errors = rest.call("POST", f"{table}/insertAll", {"rows": rows}).json["insertErrors"]
    assert {e["index"]: e["errors"][0]["reason"] for e in errors} == {
        0: "stopped",
        1: "invalid",
        2: "invalid",
    }
    assert counted(rest) == "5"
    skipped = rest.call("POST", f"{table}/insertAll", {"rows": rows, "skipInvalidRows": True}).json
    assert [e["index"] for e in skipped["insertErrors"]] == [1, 2]
    assert counted(rest) == "6"
    # What is in the streaming buffer is not listed.
    assert rest.call("GET", f"{table}/data").json["totalRows"] == "5"
    assert rest.call("POST", f"{table}/insertAll", {"rows": rows[:1]}).json == {
        "kind": "bigquery#tableDataInsertAllResponse"
    }


@pytest.mark.parametrize("body", [{}, {"rows": []}, {"rows": [{}]}, {"rows": [{"json": []}]}, {"rows": 5}])
def test_bad_bodies_are_400(rest: Http, table: str, body: dict[str, Any]) -> None:
    assert rest.call("POST", f"{table}/insertAll", body).status == 400
