"""All shapes of exports tell the same jobs."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.history import HistoryError, JobRecord, Stage, read
from bqsim.history.fingerprints import fingerprint_of
from bqsim.sim.rules.sqltext import sql_fingerprint

from .exports import SHAPES, START_US, as_text

EXPECTED = [
    JobRecord(
        job_id=f"job_{n}",
        project="p",
        user=f"ann{n}@example.com",
        statement_type="SELECT",
        priority="BATCH" if n == 2 else "INTERACTIVE",
        sql=f'SELECT s,\n "a" FROM `p.d.t` WHERE n = {n}',
        fingerprint=sql_fingerprint('SELECT s, "b" FROM p.d.t WHERE n = 1'),
        created_us=START_US + n * 1_000_000,
        started_us=START_US + n * 1_000_000 + 20_000,
        ended_us=START_US + n * 1_000_000 + 520_000,
        slot_ms=7 * n,
        bytes_processed=1000 * n,
        bytes_billed=10485760,
        cache_hit=n == 0,
        error_reason="accessDenied" if n == 2 else "",
        error_message="no, never" if n == 2 else "",
        reservation="admin:US.prod" if n else "",
        parent="job_0" if n == 1 else "",
        destination=f"p._a.anon{n}",
        tables=("p.d.t",),
        labels={"team": "shop"} if n else {},
        stages=(Stage(0, "S00", (), 4, records_written=9), Stage(1, "S01", (0,), 3, records_written=2)),
        output_rows=2,
    )
    for n in range(3)
]


def plain(jobs: list[JobRecord]) -> list[JobRecord]:
    return [replace(job, source="") for job in jobs]


@pytest.mark.fidelity("recording:histories", "exact")
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_tells_the_same(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    SHAPES[shape](path)
    found = list(read([path]))
    assert plain(found) == EXPECTED
    assert all(job.source.startswith("export:") for job in found)


def test_folders_and_several_files(tmp_path: Path) -> None:
    SHAPES["bq csv"](tmp_path / "b.csv")
    SHAPES["parquet"](tmp_path / "a-000.parquet")
    (tmp_path / "_SUCCESS").write_text("")
    assert plain(list(read(tmp_path))) == EXPECTED * 2


def test_times_of_whole_milliseconds_and_numbers_of_seconds(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    row = {
        "job_id": "j",
        "creation_time": 1_772_366_400,
        "start_time": "1.7723664005E9",
        "end_time": 1772366401000,
    }
    path.write_text(json.dumps([row]))
    (job,) = read(path)
    assert (job.created_us, job.queued_us, job.ran_us) == (1_772_366_400_000_000, 500_000, 500_000)


def test_missing_columns_are_empty_and_names_have_any_case(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("JOB_ID,Query\nj,SELECT 1\n")
    assert plain(list(read(path))) == [
        JobRecord("j", sql="SELECT 1", fingerprint=sql_fingerprint("SELECT 2"))
    ]


def test_a_fingerprint_without_text_is_that_of_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    rows = [
        {"job_id": str(n), "query_info": {"query_hashes": {"normalized_literals": h}}}
        for n, h in enumerate("aab")
    ]
    path.write_text(json.dumps(rows))
    first, second, third = read(path)
    assert first.fingerprint == second.fingerprint != third.fingerprint
    assert len(first.fingerprint) == 16


def test_seconds_of_a_timeline_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "timeline.json"
    rows = [
        {
            "period_start": f"2026-03-01 12:00:0{second}",
            "period_slot_ms": str(100 * second),
            "period_estimated_runnable_units": second,
            "project_id": "p",
            "user_email": "a@b.c",
            "job_id": f"job_{second % 2}",
            "job_type": "QUERY",
            "job_creation_time": "2026-03-01 12:00:00 UTC",
            "job_start_time": "2026-03-01 12:00:00.5 UTC",
            "job_end_time": None if second < 4 else "2026-03-01 12:00:05 UTC",
            "state": "RUNNING" if second < 4 else "DONE",
        }
        for second in range(6)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    first, second = read(path)
    assert (first.job_id, first.slot_ms, first.state, first.ran_us) == ("job_0", 600, "DONE", 4_500_000)
    assert (second.slot_ms, second.estimated_runtime_slots) == (900, 5)


def test_job_resources(tmp_path: Path) -> None:
    job = {
        "id": "p:US.j",
        "jobReference": {"projectId": "p", "jobId": "j", "location": "US"},
        "user_email": "a@b.c",
        "configuration": {
            "jobType": "QUERY",
            "labels": {"team": "x"},
            "query": {
                "query": "SELECT 1",
                "priority": "BATCH",
                "maximumBytesBilled": "7",
                "destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"},
            },
        },
        "status": {"state": "DONE", "errorResult": {"reason": "stopped", "message": "m"}},
        "statistics": {
            "creationTime": "1772366400000",
            "startTime": "1772366400100",
            "endTime": "1772366401100",
            "totalSlotMs": "30",
            "parentJobId": "up",
            "sessionInfo": {"sessionId": "s"},
            "query": {
                "totalBytesProcessed": "5",
                "totalBytesBilled": "10485760",
                "cacheHit": False,
                "statementType": "SELECT",
                "referencedTables": [{"projectId": "p", "datasetId": "d", "tableId": "u"}],
                "queryPlan": [
                    {
                        "id": "0",
                        "name": "S",
                        "slotMs": "30",
                        "startMs": "1772366400100",
                        "recordsWritten": "4",
                    }
                ],
            },
        },
    }
    path = tmp_path / "jobs.json"
    load = {"jobReference": {"projectId": "p", "jobId": "l"}, "configuration": {"load": {}},
            "statistics": {"load": {"outputRows": "8"}}, "status": {"state": "DONE"}}  # fmt: skip
    path.write_text(json.dumps({"kind": "bigquery#jobList", "jobs": [job, load]}))
    query, loaded = read(path)
    assert (query.location, query.priority, query.error_reason) == ("US", "BATCH", "stopped")
    assert (query.queued_us, query.ran_us, query.slot_ms) == (100_000, 1_000_000, 30)
    assert (query.parent, query.session, query.max_bytes_billed) == ("up", "s", 7)
    assert (query.destination, query.tables, query.output_rows) == ("p.d.t", ("p.d.u",), 4)
    assert (loaded.job_type, loaded.output_rows) == ("LOAD", 8)


WRONG = {
    "no JSON in line 3": ('{"job_id": "a"}\n{"job_id": "b"}\n{"job_id": c}\n', 3, "not JSON"),
    "a list that ends early": ('[{"job_id": "a"},\n{"job_id": "b"', 2, "ends within"),
    "a row that is a number": ('[{"job_id": "a"},\n\n5]', 3, "a row is expected"),
    "no jobs": ('{"name": "x", "size": 1}\n', 1, "no column job_id, but name, size"),
    "an empty id": ('{"job_id": ""}\n', 1, "job_id is empty"),
    "a wrong time": ('{"job_id": "a", "end_time": "yesterday"}\n', 1, "end_time: 'yesterday' is no time"),
    "a wrong number": ("job_id,total_slot_ms\na,1\nb,many\n", 3, "total_slot_ms: 'many' is no number"),
    "too few cells": ("job_id,query\na\n", 2, "1 cells for 2 columns"),
    "quotes left open": ('job_id,query\na,"SELECT\n1\n', 2, "not CSV"),
    "a nested cell that is none": ('job_id,labels\na,"{]"\n', 2, "labels: '{]' is neither JSON"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_errors_tell_file_line_and_remedy(case: str, tmp_path: Path) -> None:
    content, line, problem = WRONG[case]
    path = tmp_path / "x.export"
    path.write_text(content)
    with pytest.raises(HistoryError) as caught:
        list(read(path))
    assert f"{path}:{line}: " in str(caught.value)
    assert problem in str(caught.value)
    assert caught.value.remedy


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    SHAPES["parquet"](path)
    whole = path.read_bytes()
    SHAPES["avro"](tmp_path / "y")
    avro = (tmp_path / "y").read_bytes()
    damaged = (
        whole[: len(whole) // 2],
        avro[: len(avro) - 30],
        gzip.compress(b"[]" * 9999)[:30],
        "job_id\n\xe4\n".encode("latin-1"),
    )
    for data in damaged:
        path.write_bytes(data)
        with pytest.raises(HistoryError, match=str(path)):
            list(read(path))
    with pytest.raises(HistoryError, match="cannot be read: No such file"):
        list(read(tmp_path / "none"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(HistoryError, match="has no exports"):
        list(read(tmp_path / "empty"))


def test_rows_are_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    long = {**as_text()[0], "query": "SELECT '" + 'ä\\"' * 200_000 + "'"}
    path.write_text(json.dumps([long, *as_text()] * 3, ensure_ascii=False))
    found = list(read(path))
    assert len(found) == 12
    assert found[0].sql == found[8].sql == long["query"]


def test_fingerprints_are_remembered() -> None:
    assert fingerprint_of("") == ""
    assert fingerprint_of("SELECT 1") == fingerprint_of("select 2") == sql_fingerprint("SELECT 3")
