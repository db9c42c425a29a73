"""Contract checks of what Google's client did: no difference where there is none, each seeded one by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from google.api_core.exceptions import BadRequest, NotFound
from google.cloud import bigquery

from bqsim.clients import query_client
from bqsim.contract.check import check
from bqsim.contract.targets import Target
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.simulator import Simulator, start
from tests.contract import browser
from tests.contract.altering import altered

SCHEMA = [
    bigquery.SchemaField("n", "INTEGER", mode="REQUIRED"),
    bigquery.SchemaField("s", "STRING"),
    bigquery.SchemaField("f", "FLOAT64"),
    bigquery.SchemaField("ts", "TIMESTAMP"),
    bigquery.SchemaField("tags", "STRING", mode="REPEATED"),
]


def application(client: bigquery.Client) -> None:
    """What an application does."""
    client.create_dataset("shop")
    table = client.create_table(bigquery.Table(f"{client.project}.shop.t", SCHEMA))
    rows = [
        {"n": i, "s": f"r{i}", "f": i / 3, "ts": f"2026-01-0{i + 1} 00:00:00", "tags": ["x"] * i}
        for i in range(5)
    ]
    client.load_table_from_json(rows, table, job_config=bigquery.LoadJobConfig(schema=SCHEMA)).result()
    list(client.query("SELECT n, s, f, ts, tags FROM shop.t WHERE n < 4").result())
    list(client.query("SELECT s FROM shop.t ORDER BY n DESC").result())
    with pytest.raises(NotFound):
        client.query("SELECT * FROM shop.none").result()
    with pytest.raises(BadRequest):
        client.query("SELECT nothing FROM shop.t").result()
    client.query("SELECT SUM(n) FROM shop.t", bigquery.QueryJobConfig(dry_run=True, use_query_cache=False))
    client.query("UPDATE shop.t SET s = 'y' WHERE n = 1").result()
    client.copy_table("shop.t", "shop.u").result()
    client.get_table("shop.u")
    list(client.list_tables("shop"))
    list(client.list_rows("shop.u", max_results=3))
    client.delete_table("shop.u")
    with pytest.raises(NotFound):
        client.get_table("shop.u")


@pytest.fixture(scope="module")
def cassette(tmp_path_factory: pytest.TempPathFactory) -> Cassette:
    folder = tmp_path_factory.mktemp("recorded") / "shop.cassette"
    with start(seed=1) as upstream:
        recorder = Recorder(folder)
        with RecordingProxy(recorder, upstream=upstream.url, upstream_grpc=upstream.grpc_target) as proxy:
            application(query_client(proxy.url, upstream.project, lambda: None))
        return recorder.finish()


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with start(seed=2) as simulator:
        yield simulator


_COUNT = iter(range(1000))


@pytest.fixture
def project() -> str:
    """A project of one test: the server has nothing of it."""
    return f"contract-{next(_COUNT)}"


@pytest.mark.fidelity("recording:contract checks", "exact")
def test_the_same_application_elsewhere_differs_in_nothing(
    cassette: Cassette, server: Simulator, project: str
) -> None:
    result = check(cassette, [Target("here", server.url, server.grpc_target, project=project)])
    assert result.ok, result.text()
    assert {outcome.verdict for outcome in result.outcomes} == {"equal"}
    assert len(result.outcomes) == 15


def test_a_replay_of_the_cassette_differs_in_nothing_and_is_a_column_of_its_own(
    cassette: Cassette, server: Simulator, project: str
) -> None:
    replay = f"cassette=cassette:{cassette.folder}"
    result = check(cassette, [Target("bqsim", server.url, server.grpc_target, project=project), replay])
    assert result.endpoints == ["bqsim", "cassette"]
    assert result.count("broken") == result.count("differs", "bqsim") == 0
    assert result.count("equal", "cassette") >= 12, result.text()


@dataclass(frozen=True)
class Seeded:
    """A difference: ``calls`` is a pattern of the calls that ``alter`` changes the bodies of; ``path`` and
    ``kind`` are what it must be called, ``also`` what follows from it."""

    calls: str
    alter: Callable[[Any], Any]
    path: str
    kind: str
    also: tuple[tuple[str, str], ...] = ()


def put(*path: Any) -> Callable[[Any], Any]:
    """Sets a member that is there: the last of ``path`` is its value, or what makes it of the old one."""

    def alter(body: Any) -> Any:
        if "error" in body and path[0] != "error":
            return body
        place = body
        *names, value = path
        for name in names[:-1]:
            if not isinstance(place, (dict, list)) or (isinstance(place, dict) and name not in place):
                return body
            place = place[name]
        last = names[-1]
        if isinstance(place, dict) and last not in place and not callable(value):
            place[last] = value
        elif isinstance(place, list) and len(place) <= last:
            return body
        elif isinstance(place, list) or last in place:
            place[last] = value(place[last]) if callable(value) else value
        return body

    return alter


def drop(*path: Any) -> Callable[[Any], Any]:
    def alter(body: Any) -> Any:
        place = body
        for name in path[:-1]:
            place = place.get(name, {}) if isinstance(place, dict) else place[name]
        place.pop(path[-1], None) if isinstance(place, dict) else None
        return body

    return alter


def of(text: str, alter: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """``alter`` where a job is of a query that begins with ``text``."""

    def chosen(body: Any) -> Any:
        sql = body.get("configuration", {}).get("query", {}).get("query", "")
        return alter(body) if sql.startswith(text) else body

    return chosen


def rows_of(columns: int, alter: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """``alter`` the rows of results with so many columns."""

    def chosen(body: Any) -> Any:
        if len(body.get("schema", {}).get("fields", ())) == columns and body.get("rows"):
            body["rows"] = alter(body["rows"])
        return body

    return chosen


def cell(row: int, column: int, value: Any) -> Callable[[list[Any]], list[Any]]:
    def alter(rows: list[Any]) -> list[Any]:
        rows[row]["f"][column]["v"] = value
        return rows

    return alter


SEEDED = {
    "a table's type": Seeded("POST .*/tables$", put("type", "VIEW"), "body.type", "value"),
    "a field that is missing": Seeded("POST .*/tables$", drop("kind"), "body.kind", "missing"),
    "a number instead of text": Seeded(
        "GET .*/tables/u$",
        put("numRows", 5),
        "body.numRows",
        "type",
        (("bigquery.tables.get: numRows", "form"),),
    ),
    "a count of rows": Seeded("GET .*/tables/u$", put("numRows", "6"), "body.numRows", "value"),
    "a column's type": Seeded(
        "GET .*/tables/u$", put("schema", "fields", 0, "type", "FLOAT"), "body.schema.fields[0].type", "value"
    ),
    "a column's mode": Seeded(
        "GET .*/tables/u$",
        put("schema", "fields", 0, "mode", "NULLABLE"),
        "body.schema.fields[0].mode",
        "value",
    ),
    "a column too few": Seeded(
        "GET .*/tables/u$", put("schema", "fields", lambda f: f[:-1]), "body.schema.fields", "count"
    ),
    "an unknown field": Seeded(
        "GET .*/tables/u$",
        put("colour", "red"),
        "body.colour",
        "extra",
        (("bigquery.tables.get: colour", "form"),),
    ),
    "a list's length": Seeded(
        "GET .*/tables(\\?.*)?$", put("tables", lambda t: t[:1]), "body.tables", "count"
    ),
    "a total": Seeded("GET .*/tables(\\?.*)?$", put("totalItems", 7), "body.totalItems", "value"),
    "the dataset's place": Seeded("POST .*/datasets$", put("location", "EU"), "body.location", "value"),
    "a statement's type": Seeded(
        "GET .*/jobs/",
        of("UPDATE", put("statistics", "query", "statementType", "MERGE")),
        "job.statistics.query.statementType",
        "value",
    ),
    "the bytes of an estimate": Seeded(
        "POST .*/jobs",
        of("SELECT SUM", put("statistics", "query", "totalBytesProcessed", "41")),
        "job.statistics.query.totalBytesProcessed",
        "value",
    ),
    "affected rows": Seeded(
        "GET .*/queries/", put("numDmlAffectedRows", lambda n: "3"), "answer.numDmlAffectedRows", "value"
    ),
    "loaded rows": Seeded(
        "GET .*/jobs/",
        put("statistics", "load", "outputRows", lambda n: "4"),
        "job.statistics.load.outputRows",
        "value",
    ),
    "a job that failed": Seeded(
        "GET .*/jobs/",
        lambda b: (
            put("status", "errorResult", {"reason": "invalid"})(b)
            if "load" in b.get("configuration", {})
            else b
        ),
        "job.status.errorResult",
        "extra",
    ),
    "a failure's reason": Seeded(
        "GET .*/queries/", put("error", "errors", 0, "reason", "invalidQuery"), "error.reason", "value"
    ),
    "a failure's message": Seeded("GET .*/queries/", put("error", "message", "no"), "error.message", "value"),
    "a cell's value": Seeded("GET .*/queries/", rows_of(5, cell(1, 1, "zz")), "rows[*].s", "value"),
    "a cell that is NULL": Seeded("GET .*/queries/", rows_of(5, cell(2, 2, None)), "rows[*].f", "value"),
    "a moment": Seeded("GET .*/queries/", rows_of(5, cell(0, 3, "1767225600000001")), "rows[*].ts", "value"),
    "an array's length": Seeded(
        "GET .*/queries/", rows_of(5, cell(0, 4, [{"v": "x"}])), "rows[*].tags", "value"
    ),
    "a row too few": Seeded(
        "GET .*/queries/", rows_of(5, lambda rows: rows[:-1]), "rows", "count", (("rows[*]", "missing"),)
    ),
    "the order of rows": Seeded("GET .*/queries/", rows_of(1, lambda rows: rows[::-1]), "rows", "order"),
    "a count of all rows": Seeded("GET .*/queries/", put("totalRows", lambda n: "9"), "totalRows", "count"),
    "the result's columns": Seeded(
        "GET .*/queries/", put("schema", "fields", 0, "name", "m"), "schema[0].name", "value"
    ),
    "a flag that is text": Seeded(
        "GET .*/queries/",
        put("jobComplete", "true"),
        "bigquery.jobs.getQueryResults: jobComplete",
        "form",
        (("answer.jobComplete", "type"),),
    ),
}
# Those of a group do not touch each other: all are seeded at once.
GROUPS = (
    (
        "a table's type",
        "a number instead of text",
        "a list's length",
        "the dataset's place",
        "a statement's type",
        "the bytes of an estimate",
        "a failure's reason",
        "a cell's value",
        "a cell that is NULL",
        "a moment",
        "an array's length",
        "the order of rows",
    ),
    (
        "a field that is missing",
        "a count of rows",
        "a column's type",
        "a total",
        "affected rows",
        "loaded rows",
        "a failure's message",
        "a row too few",
        "an unknown field",
    ),
    ("a column's mode", "a job that failed", "a count of all rows", "a flag that is text"),
    ("a column too few", "the result's columns"),
)


def test_every_difference_is_seeded() -> None:
    assert sorted(name for group in GROUPS for name in group) == sorted(SEEDED)
    assert len(SEEDED) >= 20


@pytest.mark.fidelity("recording:contract checks", "exact")
@pytest.mark.parametrize("group", range(len(GROUPS)))
def test_every_difference_is_found_and_named_and_no_other(
    group: int, cassette: Cassette, server: Simulator, project: str
) -> None:
    seeded = [SEEDED[name] for name in GROUPS[group]]

    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        for one in seeded:
            if re.match(one.calls, call):
                body = one.alter(body)
        return status, body

    with altered(server.url, alter) as url:
        result = check(cassette, [Target("other", url, server.grpc_target, project=project)])
    found = {(d.path, d.kind) for outcome in result.outcomes for d in outcome.failing}
    expected = {(one.path, one.kind) for one in seeded} | {more for one in seeded for more in one.also}
    assert found == expected, result.text()
    assert result.exit_code == 1


NO_DIFFERENCE: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("GET .*/queries/", rows_of(5, lambda rows: rows[::-1])),
    ("GET .*/queries/", rows_of(5, cell(2, 2, "0.33333333333333337"))),
    ("GET .*/tables/u$", put("etag", "other")),
    ("GET .*/tables/u$", put("creationTime", "1")),
    ("GET .*/jobs/", put("statistics", "query", "queryPlan", lambda plan: [])),
    ("GET .*/jobs/", put("statistics", "totalSlotMs", lambda ms: "99")),
)


def test_order_that_was_not_asked_for_identities_times_and_plans_are_no_differences(
    cassette: Cassette, server: Simulator, project: str
) -> None:
    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        for calls, change in NO_DIFFERENCE:
            if re.match(calls, call):
                body = change(body)
        return status, body

    with altered(server.url, alter) as url:
        result = check(cassette, [Target("other", url, server.grpc_target, project=project)])
    assert result.ok, result.text()


def test_rules_allow_until_their_day_and_tell_when_they_are_of_no_use(
    cassette: Cassette, server: Simulator, project: str
) -> None:
    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        if "/tables/u" in call and "numRows" in body:
            body["numRows"] = "6"
        return status, body

    rule = {"id": "rows", "path": "body.numRows", "tolerance": "25%", "reason": "counts late"}
    other = {"id": "colour", "path": "body.colour", "reason": "not there"}
    with altered(server.url, alter) as url:
        target = Target("other", url, server.grpc_target, project=project)
        result = check(cassette, [target], {"rules": [rule, other]})
        assert result.ok, result.text()
        assert (result.count("allowed"), [r.id for r in result.unused]) == (1, ["colour"])
        target = Target("other", url, server.grpc_target, project=f"{project}-b")
        late = check(cassette, [target], {"rules": [{**rule, "until": "2020-01-01"}]})
        assert (late.ok, [r.id for r in late.expired]) == (False, ["rows"])
        target = Target("other", url, server.grpc_target, project=f"{project}-c")
        assert not check(cassette, [target], {"rules": [{**rule, "tolerance": "1%"}]}).ok


def test_reports_tell_the_same(cassette: Cassette, server: Simulator, project: str, tmp_path: Path) -> None:
    def alter(call: str, status: int, body: Any) -> tuple[int, Any]:
        if "/tables/u" in call and "numRows" in body:
            body["numRows"] = "6"
        return status, body

    with altered(server.url, alter) as url:
        targets = [
            Target("bqsim", server.url, server.grpc_target, project=project),
            Target("other", url, server.grpc_target, project=f"{project}-b"),
        ]
        result = check(cassette, targets)
    assert 'body.numRows: expected "5", found "6"' in result.text()
    assert "as expected" in result.text()
    told = json.loads(result.json())
    assert (told["ok"], told["endpoints"], len(told["outcomes"])) == (False, ["bqsim", "other"], 30)
    suite = ElementTree.fromstring(result.junit())[0]
    assert (suite.get("tests"), suite.get("failures")) == ("30", "1")
    page = result.html()
    assert "n &lt; 4" in page
    if browser.CHROMIUM:
        browser.check(page, tmp_path)
