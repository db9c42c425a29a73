"""Jobs in their order, with what they wait for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bqsim.history import JobRecord
from bqsim.history.canonical import write
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation
from bqsim.workload.items import arriving, load, renamed, renamed_sql, spaced

SECOND = 1_000_000
START = 1_772_366_400 * SECOND


def job(n: int, sql: str = "SELECT 1", took: float = 0.5, **members: Any) -> JobRecord:
    at = START + n * SECOND
    known: dict[str, Any] = {"project": "p", "sql": sql, "created_us": at, "started_us": at}
    return JobRecord(f"j{n}", **{**known, "ended_us": at + round(took * SECOND), **members})


def loaded(tmp_path: Path, *jobs: JobRecord) -> Any:
    write(tmp_path / "h.parquet", jobs)
    return load([tmp_path / "h.parquet"])


def test_readers_come_after_writers_that_had_ended(tmp_path: Path) -> None:
    jobs = (
        job(0, "CREATE SCHEMA d", statement_type="CREATE_SCHEMA"),
        job(1, "CREATE TABLE d.t AS SELECT 1 AS a", destination="p.d.t"),
        job(2, "SELECT * FROM d.t", tables=("p.d.t",), destination="p._x.anon1"),
        job(3, "SELECT * FROM t", tables=("p.d.t",), took=9),
        job(4, "INSERT d.t VALUES (2)", destination="p.d.t", tables=("p.d.t",), took=9),
        job(5, "SELECT COUNT(*) FROM d.t", tables=("p.d.t",)),
        job(6, "SELECT 2"),
    )
    items = loaded(tmp_path, *reversed(jobs)).items
    assert [one.at_s for one in items] == [0, 1, 2, 3, 4, 5, 6]
    # The insert began while one reader ran, and another read while it ran.
    assert [one.after for one in items] == [(), (0,), (0, 1), (0, 1), (0, 1, 2), (0,), ()]


def test_sessions_follow_each_other(tmp_path: Path) -> None:
    jobs = [job(n, session="s" if n % 2 else "", took=9) for n in range(4)]
    items = loaded(tmp_path, *jobs).items
    assert [(one.session, one.after) for one in items] == [("", ()), ("s", ()), ("", ()), ("s", (1,))]


def test_what_is_left_out_says_why(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        job(0, "BEGIN END", statement_type="SCRIPT"),
        job(1, parent="j0"),
        job(2, dry_run=True),
        job(3, ""),
        job(4, "", job_type="LOAD"),
    )
    assert [one.recorded.job_id for one in found.items] == ["j0"]
    assert found.left_out == {
        "children of scripts, which their parents run": 1,
        "dry runs": 1,
        "queries without their text": 1,
        "LOAD jobs, which a history does not tell enough of": 1,
    }


def test_configurations_of_a_history(tmp_path: Path) -> None:
    (item,) = loaded(
        tmp_path,
        job(
            0,
            statement_type="SELECT",
            destination="p.d.out",
            priority="BATCH",
            labels={"a": "b"},
            max_bytes_billed=5,
        ),
    ).items
    table = {"projectId": "p", "datasetId": "d", "tableId": "out"}
    assert item.configuration == {
        "labels": {"a": "b"},
        "query": {
            "query": "SELECT 1",
            "useLegacySql": False,
            "priority": "BATCH",
            "maximumBytesBilled": "5",
            "destinationTable": table,
            "writeDisposition": "WRITE_TRUNCATE",
        },
    }


def test_spacing(tmp_path: Path) -> None:
    items = loaded(tmp_path, *(job(n) for n in range(200))).items
    assert [one.at_s for one in spaced(items, 10)][:3] == [0, 0.1, 0.2]
    assert {one.at_s for one in spaced(items, float("inf"))} == {0.0}
    random = arriving(items, rate=4, seed=3)
    assert random == arriving(items, rate=4, seed=3) != arriving(items, rate=4, seed=4)
    assert sorted(one.at_s for one in random) == [one.at_s for one in random]
    assert random[-1].at_s == pytest.approx(50, rel=0.2)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM `a-1.d.t`", "SELECT * FROM `b.d.t`"),
        ("SELECT * FROM `a-1`.d.t, a-1.d.u", "SELECT * FROM `b`.d.t, b.d.u"),
        ("SELECT 'a-1.d', x.a-1.d -- a-1.d\nFROM a-1.d.t", "SELECT 'a-1.d', x.a-1.d -- a-1.d\nFROM b.d.t"),
        ("SELECT * FROM a-12.d.t", "SELECT * FROM a-12.d.t"),
        (
            "SELECT '''it's a-1.d''', `a-1.region-us`.INFORMATION_SCHEMA.JOBS",
            "SELECT '''it's a-1.d''', `b.region-us`.INFORMATION_SCHEMA.JOBS",
        ),
    ],
)
def test_projects_are_renamed(sql: str, expected: str) -> None:
    assert renamed_sql(sql, {"a-1": "b"}) == expected


def test_items_are_renamed(tmp_path: Path) -> None:
    (item,) = loaded(
        tmp_path, job(0, "SELECT * FROM `p.d.t`", destination="p.d.o", statement_type="SELECT")
    ).items
    found = renamed(item, {"p": "q"})
    assert found.project == "q"
    assert "`q.d.t`" in found.sql
    assert found.configuration["query"]["destinationTable"]["projectId"] == "q"


def _operation(n: int, kind: str, request: dict[str, Any], result: dict[str, Any]) -> Operation:
    at = {"began_us": START, "start_s": float(n), "end_s": 0.5}
    return Operation(kind, f"{n:016x}", 1, request, result, measures={"at": at, "project": "p", "values": {}})


def test_cassettes_have_parameters_sessions_and_other_jobs(tmp_path: Path) -> None:
    parameter = {"name": "x", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}}
    table = {"projectId": "${project}", "datasetId": "${name:data}", "tableId": "t"}
    begun = {"createSession": True}
    followed = {"connectionProperties": [{"key": "session_id", "value": "${sqlsession@0000000000000001.1}"}]}
    job_1 = {
        "job": {"statistics": {"sessionInfo": {"sessionId": "${sqlsession}"}}, "status": {"state": "DONE"}}
    }
    operations = [
        _operation(
            0,
            "query",
            {
                "sql": "SELECT @x FROM `${project}.${name:data}.t`",
                "parameters": [parameter],
                "parameterMode": "NAMED",
            },
            {},
        ),
        _operation(1, "query", {"sql": "SELECT 1", "configuration": {"query": begun}}, job_1),
        _operation(2, "query", {"sql": "SELECT 2", "configuration": {"query": followed}}, {}),
        _operation(
            3,
            "copy",
            {
                "configuration": {
                    "copy": {"sourceTable": table, "destinationTable": {**table, "tableId": "u"}}
                }
            },
            {},
        ),
        _operation(
            4, "load", {"configuration": {"load": {"destinationTable": table}}, "upload": {"size": 3}}, {}
        ),
        _operation(5, "metadata", {"method": "bigquery.tables.get"}, {}),
        _operation(
            6,
            "query",
            {
                "sql": "SELECT * FROM ${dataset}.${table@0000000000000001.1}",
                "configuration": {"query": {"defaultDataset": {"datasetId": "${dataset}"}}},
            },
            {},
        ),
    ]
    CassetteWriter(tmp_path / "c.cassette").write(Header(names={"name:data": "shop"}), operations)
    found = load([tmp_path / "c.cassette"])
    query, first, second, copy = found.items
    assert query.sql == "SELECT @x FROM `p.shop.t`"
    assert query.configuration["query"]["queryParameters"] == [parameter]
    assert first.session == second.session != ""
    assert second.after == (1,)
    assert copy.configuration["copy"]["sourceTable"]["datasetId"] == "shop"
    assert [one.at_s for one in found.items] == [0, 1, 2, 3]
    assert found.left_out == {"loads of uploaded files": 1, "jobs about what another one made": 1}
    assert "${" not in json.dumps([dict(one.configuration) for one in (query, copy)])
