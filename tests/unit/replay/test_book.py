from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bqsim.replay.book import Book, Failed, Unrecorded
from bqsim.replay.matching import Matching

from .cassettes import Writing

T = "table:${project}.d.t"
GET = {"method": "bigquery.tables.get", "resource": "projects/${project}/datasets/d/tables/t"}
ASKED = {"method": "bigquery.tables.get", "resource": "projects/p/datasets/d/tables/t"}
PATCH = {"method": "bigquery.tables.patch", "resource": "projects/p/datasets/d/tables/t"}


@pytest.fixture
def writing(tmp_path: Path) -> Writing:
    return Writing(tmp_path / "c.cassette")


def _book(writing: Writing, **options: Any) -> Book:
    return Book.open(writing.written(), project="p", **options)


def _sql(text: str) -> dict[str, Any]:
    return {"sql": text, "configuration": {"query": {"useLegacySql": False}}}


def _resource(writing: Writing) -> None:
    writing.add("metadata", GET, {"status": 200, "body": {"n": 1}}, order={T: 0})
    symbolic = {**PATCH, "resource": GET["resource"]}
    writing.add("metadata", symbolic, {"status": 200, "body": {}}, order={T: 0}, changes=(T,))
    writing.add("metadata", GET, {"status": 200, "body": {"n": 2}}, order={T: 1})


def test_reads_are_answered_as_the_resource_stands(writing: Writing) -> None:
    _resource(writing)
    book = _book(writing)
    seen = [book.find("metadata", ASKED).operation.result["body"]["n"] for _ in range(3)]
    book.find("metadata", PATCH)
    seen += [book.find("metadata", ASKED).operation.result["body"]["n"] for _ in range(2)]
    assert seen == [1, 1, 1, 2, 2]
    assert book.report().ok


def test_another_order_is_reported(writing: Writing) -> None:
    _resource(writing)
    book = _book(writing)
    book.find("metadata", PATCH)
    book.find("metadata", ASKED)
    report = book.report()
    assert [f.what for f in report.findings] == ["unused"]
    with pytest.raises(Unrecorded, match="done as often already"):
        book.find("metadata", PATCH)


@pytest.mark.parametrize("by", ("call", "statement"))
def test_rows_before_their_table_are_reported(writing: Writing, by: str) -> None:
    rows = {"table": "projects/${project}/datasets/d/tables/t", "rows": []}
    writing.add("insert", rows, {"status": 200}, changes=(T,))
    if by == "call":
        make = {"method": "bigquery.tables.insert", "resource": "projects/${project}/datasets/d/tables"}
        made = writing.add("metadata", make, {"status": 200, "body": {}}, order={T: 0}, changes=(T,))
        asked = "metadata", {**make, "resource": "projects/p/datasets/d/tables"}
    else:
        told = {"answer": {"statementType": "CREATE_TABLE"}}
        sql = _sql("CREATE TABLE d.t (a INT64)")
        made = writing.add("query", sql, told, order={T: 0}, changes=(T,))
        asked = "query", sql
    insert = "insert", {**rows, "table": "projects/p/datasets/d/tables/t"}
    book = _book(writing)
    for kind, request in (asked, insert):
        book.find(kind, request)
    assert book.report().ok, book.report().text
    book = _book(writing)
    for kind, request in (insert, asked):
        book.find(kind, request)
    early, _ = book.report().of("out-of-order")
    assert f"{T} was made by {made.name} before it was used then, it is not made now" == early.detail


def test_rows_for_a_table_that_was_there_are_no_finding(writing: Writing) -> None:
    rows = {"table": "projects/${project}/datasets/d/tables/t", "rows": []}
    writing.add("insert", rows, {"status": 200}, changes=(T,))
    patch = {**PATCH, "resource": GET["resource"]}
    writing.add("metadata", patch, {"status": 200, "body": {}}, order={T: 1}, changes=(T,))
    book = _book(writing)
    book.find("insert", {**rows, "table": "projects/p/datasets/d/tables/t"})
    book.find("metadata", PATCH)
    assert book.report().ok, book.report().text


def test_repeats_have_a_limit(writing: Writing) -> None:
    writing.query("SELECT 1", {})
    book = _book(writing, repeats=1)
    for _ in range(2):
        book.find("query", _sql("select 1"))
    with pytest.raises(Unrecorded, match="repeated more than 1 times"):
        book.find("query", _sql("select 1"))
    assert [f.what for f in book.report().failures] == ["repeated"]


def test_passing_failures_by_choice(writing: Writing) -> None:
    writing.query("SELECT 1", {"failures": [{"method": "bigquery.jobs.query", "status": 503}]})
    assert _book(writing).find("query", _sql("SELECT 1")).play.number == 1
    book = _book(writing, failures="recorded")
    with pytest.raises(Failed):
        book.find("query", _sql("SELECT 1"))
    assert book.find("query", _sql("SELECT 1")).play.number == 1


def test_near_misses_tell_field_by_field(writing: Writing) -> None:
    writing.query("SELECT name FROM d.t WHERE id = 1", {})
    writing.query("SELECT other FROM d.u", {})
    with pytest.raises(Unrecorded) as missed:
        _book(writing).find(
            "query",
            {
                "sql": "SELECT name FROM d.t WHERE id = 2",
                "configuration": {"query": {"useLegacySql": False, "defaultDataset": {"datasetId": "d"}}},
            },
        )
    nearest, *_ = missed.value.near
    assert nearest.title == "SELECT name FROM d.t WHERE id = 1"
    assert nearest.sql_diff == ("sql: SELECT name FROM d.t WHERE id = [-1-] {+2+}",)
    assert [d.path for d in nearest.differences] == [
        "query.defaultDataset.datasetId",
        "query.defaultDataset.projectId",
    ]


def test_levels_of_sql(writing: Writing) -> None:
    writing.query("SELECT a.x FROM d.t AS a WHERE a.x = 1", {})
    exact, fingerprint, structure = (
        _book(writing, matching=Matching(level)) for level in ("exact", "fingerprint", "structure")
    )
    with pytest.raises(Unrecorded):
        exact.find("query", _sql("select a.x FROM d.t AS a WHERE a.x = 1"))
    fingerprint.find("query", _sql("select a.x FROM d.t AS a WHERE a.x = 2"))
    structure.find("query", _sql("SELECT b.x FROM d.t b WHERE b.x = 1"))
    with pytest.raises(Unrecorded):
        structure.find("query", _sql("SELECT b.x FROM d.t b WHERE b.x = 2"))


def test_fields_by_choice(writing: Writing) -> None:
    writing.query("SELECT 1", {}, defaultDataset={"datasetId": "run_1"})
    asked = {
        "sql": "SELECT 1",
        "configuration": {"query": {"useLegacySql": False, "defaultDataset": {"datasetId": "run_2"}}},
    }
    with pytest.raises(Unrecorded):
        _book(writing).find("query", asked)
    for how in ("ignore", r"regex:run_\d+", lambda value: str(value)[:3]):
        matching = Matching(fields={"query.defaultDataset.datasetId": how})
        _book(writing, matching=matching).find("query", asked)
    with pytest.raises(Unrecorded):
        _book(writing, matching=Matching(fields={"location": "equals"})).find(
            "query", {**_sql("SELECT 1"), "location": "EU"}
        )
    with pytest.raises(ValueError, match="ignore, equals or regex"):
        Matching(fields={"location": "alike"})


def test_names_and_projects_are_bound(writing: Writing) -> None:
    writing.query("SELECT * FROM `${project}.${name:orders}.t`", {})
    book = _book(writing, names={"orders": "orders_ci"})
    found = book.find("query", _sql("SELECT * FROM `p.orders_ci.t`"))
    assert book.bindings.rendered("${project}/${name:orders}", found.play) == "p/orders_ci"
    book.find("query", _sql("SELECT * FROM `q.orders_ci.t`"), project="q")


def test_content_is_told_apart(writing: Writing) -> None:
    table = "projects/${project}/datasets/d/tables/t"
    for digest in ("aa", "bb"):
        request = {"table": table, "rows": [{"data": {"digest": digest}}]}
        writing.add("insert", request, {"said": digest})
    asked = {"table": "projects/p/datasets/d/tables/t", "rows": [{"data": {"digest": "bb"}}]}
    book = _book(writing)
    assert book.find("insert", asked).operation.result == {"said": "bb"}
    other = {**asked, "rows": [{"data": {"digest": "cc"}}]}
    assert book.find("insert", other).operation.result == {"said": "aa"}
    assert [f.what for f in book.report().findings] == ["content"]
    with pytest.raises(Unrecorded, match=r"equals\.rows\.0\.data\.digest: recorded 'aa', asked 'cc'"):
        _book(writing, matching=Matching(fields={"rows": "equals"})).find("insert", other)
