from __future__ import annotations

import json
from pathlib import Path

import pytest

import bqsim
from bqsim.cost.errors import CostError
from bqsim.cost.sources import read_workload
from bqsim.cost.sources.histories import workload_of
from bqsim.history.model import JobRecord
from bqsim.seeding import Api
from bqsim.sim.rules.sqltext import sql_fingerprint

HOUR = 3_600_000_000


def job(n: int, sql: str, **more: object) -> JobRecord:
    told = {
        "created_us": n * HOUR,
        "started_us": n * HOUR,
        "ended_us": n * HOUR + 5_000_000,
        "slot_ms": 100 + n,
    }
    return JobRecord(f"j{n}", project="p", sql=sql, **{**told, **more})  # type: ignore[arg-type]


def test_jobs_with_one_fingerprint_are_one_query() -> None:
    jobs = [job(n, f"SELECT a FROM d.t WHERE n = {n}") for n in range(1, 49)] + [job(50, "SELECT b FROM d.t")]
    found = workload_of(jobs, "w")
    many = next(q for q in found.queries if len(q.runs) > 1)
    assert many.name == many.fingerprint == sql_fingerprint("SELECT a FROM d.t WHERE n = 1")
    assert many.sql.endswith("48")
    assert [r.slot_ms for r in many.runs] == [100 + n for n in range(1, 49)]
    assert many.runs[0].duration_ms == 5000
    assert many.rate.source == "history"
    assert many.rate.per_month == pytest.approx(48 * 730 / 49)
    assert many.rate.low < many.rate.per_month < many.rate.high


def test_names_come_from_labels_and_comments() -> None:
    by_label = job(1, "SELECT 1", labels={"query_name": "first", "owner": "me"})
    by_comment = job(2, '/* {"app": "dbt", "node_id": "model.shop.a"} */ SELECT 2')
    found = workload_of([by_label, by_comment], "w")
    assert [(q.name, q.owner) for q in found.queries] == [("first", "me"), ("model.shop.a", "")]


def test_what_is_left_out() -> None:
    jobs = [
        job(1, "SELECT 1; SELECT 2", statement_type="SCRIPT"),
        job(2, "SELECT 1", parent="j1"),
        job(3, "SELECT 3", dry_run=True),
        job(4, "", job_type="LOAD"),
        job(5, ""),
    ]
    found = workload_of(jobs, "w")
    assert [q.sql for q in found.queries] == ["SELECT 1"]
    assert found.notes == ("1 of 2 query jobs have no text: they are left out",)


def test_texts_that_differ_in_comments_only_are_counted() -> None:
    jobs = [job(n, f"SELECT a FROM d.t -- run {n}") for n in range(1, 6)]
    assert workload_of(jobs, "w").queries[0].varied == 5
    literals = [job(n, f"SELECT a FROM d.t WHERE n = {n}") for n in range(1, 6)]
    assert workload_of(literals, "w").queries[0].varied == 1


def test_settings_of_jobs() -> None:
    anonymous = job(1, "SELECT 1", destination="p._abc.anon", statement_type="SELECT")
    named = job(2, "SELECT 2 AS b", destination="p.d.out", statement_type="SELECT", max_bytes_billed=5)
    one, two = sorted(workload_of([anonymous, named], "w").queries, key=lambda q: q.sql)
    assert one.configuration == {}
    assert (two.destination, two.max_bytes_billed) == ("p.d.out", 5)


def test_an_export_of_the_view(tmp_path: Path) -> None:
    rows = [
        {
            "job_id": f"j{n}",
            "project_id": "p",
            "job_type": "QUERY",
            "statement_type": "SELECT",
            "state": "DONE",
            "query": "SELECT 1",
            "creation_time": f"2026-01-01T0{n}:00:00Z",
            "start_time": f"2026-01-01T0{n}:00:00Z",
            "end_time": f"2026-01-01T0{n}:00:02Z",
            "total_slot_ms": "700",
            "total_bytes_processed": "1234",
            "total_bytes_billed": "10485760",
        }
        for n in range(1, 4)
    ]
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(rows))
    query = read_workload([path]).queries[0]
    assert [(r.slot_ms, r.bytes_processed, r.duration_ms) for r in query.runs] == [(700, 1234, 2000)] * 3
    with pytest.raises(CostError, match=r"jobs\.json"):
        path.write_text("{")
        read_workload([path])


def test_a_running_simulator() -> None:
    with bqsim.start(project="p") as sim:
        Api(sim.url, "p").query("SELECT 5 AS five")
        found = read_workload([sim.url], project="p")
    assert [q.sql for q in found.queries] == ["SELECT 5 AS five"]
    with pytest.raises(CostError, match=r"http://127\.0\.0\.1:1"):
        read_workload(["http://127.0.0.1:1"])
