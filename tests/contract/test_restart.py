"""What a data directory keeps from one life of a simulator to the next, as the REST API shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bqsim.engine.data_dir import DataDirLocked
from bqsim.settings import Settings
from bqsim.simulator import Simulator
from tests.conftest import Http

PROJECT = "lasting"
RESOURCES = (
    "/datasets/d",
    "/datasets/d/tables/plain",
    "/datasets/d/tables/by_day",
    "/datasets/d/tables/by_range",
    "/datasets/d/tables/v",
    "/datasets/d/tables/mv",
    "/datasets/d/tables/copied",
    "/datasets/d/routines/add_one",
    "/datasets/d/routines/proc",
    "/datasets?all=true",
    "/datasets/d/tables",
    "/datasets/d/routines",
)


@contextmanager
def running(folder: Path) -> Iterator[Http]:
    with Simulator(Settings(project=PROJECT, data_dir=folder)) as simulator:
        client = Http(simulator, PROJECT)
        try:
            yield client
        finally:
            client.connection.close()


def rows(client: Http, sql: str) -> list[list[Any]]:
    answer = client.query(sql, timeoutMs=60_000)
    assert answer.status == 200, (sql, answer.data)
    return [[cell["v"] for cell in row["f"]] for row in answer.json.get("rows", [])]


def made(client: Http, path: str, body: dict[str, Any]) -> None:
    answer = client.call("POST", path, body)
    assert answer.status == 200, answer.data


def set_up(client: Http) -> None:
    dataset = {
        "datasetReference": {"datasetId": "d"},
        "labels": {"team": "a"},
        "description": "About d",
        "friendlyName": "D",
        "defaultTableExpirationMs": "86400000",
    }
    made(client, "/datasets", dataset)
    client.table(
        "by_day",
        [
            {"name": "day", "type": "DATE", "mode": "REQUIRED", "description": "When"},
            {"name": "n", "type": "INTEGER"},
        ],
        timePartitioning={"type": "DAY", "field": "day", "expirationMs": "3600000000000"},
        clustering={"fields": ["n"]},
        labels={"kind": "daily"},
        requirePartitionFilter=True,
    )
    for sql in (
        "CREATE TABLE d.plain (n INT64 NOT NULL, s STRING DEFAULT 'x', a ARRAY<STRUCT<x NUMERIC, y BYTES>>)"
        " OPTIONS (labels = [('l', 'v')], description = 'Plain')",
        "INSERT d.plain (n, a) VALUES (1, [STRUCT(NUMERIC '1.5' AS x, b'z' AS y)]), (2, [])",
        "INSERT d.by_day VALUES (DATE '2024-02-29', 7)",
        "CREATE TABLE d.by_range (k INT64) PARTITION BY RANGE_BUCKET(k, GENERATE_ARRAY(0, 100, 10))",
        "CREATE VIEW d.v AS SELECT n, s FROM d.plain",
        "CREATE MATERIALIZED VIEW d.mv AS SELECT COUNT(*) AS c FROM d.plain",
        "CREATE TABLE d.copied CLONE d.plain",
        "CREATE FUNCTION d.add_one(x INT64) AS (x + 1)",
        "CREATE PROCEDURE d.proc(IN x INT64, OUT y INT64) BEGIN SET y = x * 2; END",
    ):
        rows(client, sql)


def shown(client: Http) -> dict[str, Any]:
    answers = {path: client.call("GET", path) for path in RESOURCES}
    assert all(a.status == 200 for a in answers.values()), answers
    return {path: a.json for path, a in answers.items()}


def test_resources_are_as_they_were(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        set_up(client)
        before = shown(client)
        data = client.call("GET", "/datasets/d/tables/plain/data").json["rows"]
    assert before["/datasets/d/tables/by_day"]["timePartitioning"]["field"] == "day"
    with running(tmp_path) as client:
        after = shown(client)
        for path, body in before.items():
            # The address of the server is part of links; its port is another now.
            assert {**after[path], "selfLink": ""} == {**body, "selfLink": ""}, path
        assert client.call("GET", "/datasets/d/tables/plain/data").json["rows"] == data
        etag = before["/datasets/d/tables/plain"]["etag"]
        path = "/datasets/d/tables/plain"
        assert client.call("PATCH", path, {"friendlyName": "P"}, {"If-Match": "old"}).status == 412
        assert client.call("PATCH", path, {"friendlyName": "P"}, {"If-Match": etag}).status == 200


def test_statements_go_on(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        set_up(client)
    with running(tmp_path) as client:
        assert rows(client, "SELECT n, s, a[SAFE_OFFSET(0)].x FROM d.plain ORDER BY n") == [
            ["1", "x", "1.5"],
            ["2", "x", None],
        ]
        assert rows(client, "SELECT d.add_one(n) FROM d.v ORDER BY n") == [["2"], ["3"]]
        assert rows(client, "SELECT n FROM d.by_day WHERE day = '2024-02-29'") == [["7"]]
        assert rows(client, "DECLARE y INT64; CALL d.proc(4, y); SELECT y") == [["8"]]
        refused = client.query("SELECT n FROM d.by_day")
        assert refused.status == 400
        assert "without a filter over column(s) 'day'" in refused.message
        rows(client, "CREATE TABLE d.more AS SELECT 5 AS n")
        rows(client, "INSERT d.plain (n) SELECT n FROM d.more")
        rows(client, "ALTER TABLE d.plain ADD COLUMN z INT64")
        rows(client, "UPDATE d.plain SET z = 9 WHERE n = 5")
    with running(tmp_path) as client:
        assert rows(client, "SELECT n, s, z FROM d.plain WHERE n > 1 ORDER BY n") == [
            ["2", "x", None],
            ["5", "x", "9"],
        ]
        assert rows(client, "SELECT c FROM d.mv") == [["3"]]
        assert rows(client, "SELECT COUNT(*) FROM d.copied") == [["2"]]


def test_the_past_is_kept(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        set_up(client)
        rows(client, "CREATE TABLE d.again AS SELECT n FROM UNNEST([1, 2]) AS n")
        time.sleep(0.01)
        moment = rows(client, "SELECT STRING(CURRENT_TIMESTAMP())")[0][0]
        time.sleep(0.01)
        rows(client, "DELETE d.plain WHERE n = 1")
        rows(client, "CREATE OR REPLACE TABLE d.again AS SELECT 2 AS n")
        rows(client, "DROP TABLE d.by_range")
        assert client.call("DELETE", "/datasets/d?deleteContents=true").status == 204
        made(client, "/datasets/d:undelete", {})
    with running(tmp_path) as client:
        then = f"FOR SYSTEM_TIME AS OF TIMESTAMP '{moment}'"
        assert rows(client, f"SELECT n FROM d.plain {then} ORDER BY n") == [["1"], ["2"]]
        assert rows(client, f"SELECT n FROM d.again {then} ORDER BY n") == [["1"], ["2"]]
        assert rows(client, "SELECT n FROM d.plain") == rows(client, "SELECT n FROM d.again") == [["2"]]
        assert client.call("GET", "/datasets/d/tables/by_range").status == 404
        assert client.call("DELETE", "/datasets/d?deleteContents=true").status == 204
    with running(tmp_path) as client:
        assert client.call("GET", "/datasets/d").status == 404
        made(client, "/datasets/d:undelete", {})
        assert rows(client, "SELECT n FROM d.plain") == [["2"]]


def test_temporary_things_are_not_kept(tmp_path: Path) -> None:
    with running(tmp_path) as client:
        client.dataset()
        rows(client, "CREATE TEMP TABLE own AS SELECT 1 AS a; SELECT * FROM own")
        rows(client, "SELECT 1")
    with running(tmp_path) as client:
        listed = client.call("GET", "/datasets?all=true").json["datasets"]
        assert [d["datasetReference"]["datasetId"] for d in listed] == ["d"]
        assert client.call("GET", "/jobs").json.get("jobs", []) == []


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with running(tmp_path), pytest.raises(DataDirLocked, match="is in use by another bqsim process"):
        Simulator(Settings(data_dir=tmp_path)).start()
