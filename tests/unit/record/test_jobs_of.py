"""Jobs of recordings without measures, and of operations that tell little."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.fold.folder import fold
from bqsim.record.jobs_of import job_records
from tests.exchange_help import SCHEMA, Calls, job

BEGAN_US = 1_790_000_000_000_000


def cassette(folder: Path, calls: Calls) -> Cassette:
    writer = CassetteWriter(folder)
    operations = fold(calls.made, keep=writer.blob, began_us=BEGAN_US)
    writer.write(Header(), operations)
    return Cassette.open(folder)


def test_a_query_of_which_only_the_answer_is_known(tmp_path: Path) -> None:
    calls = Calls()
    answer: dict[str, Any] = {
        "jobComplete": True,
        "schema": SCHEMA,
        "totalRows": "2",
        "totalBytesProcessed": "7",
        "totalBytesBilled": "10485760",
        "creationTime": "1790000001000",
        "startTime": "1790000001001",
        "endTime": "1790000001009",
        "totalSlotMs": "12",
        "location": "EU",
    }
    calls.rest("POST", "/queries", {"query": "SELECT 1", "labels": {"team": "a"}}, answer)
    (record,) = job_records(cassette(tmp_path / "a.cassette", calls))
    assert (record.project, record.location, record.sql) == ("p", "EU", "SELECT 1")
    assert (record.bytes_processed, record.bytes_billed, record.slot_ms) == (7, 10485760, 12)
    assert record.created_us == 1_790_000_001_000_000
    assert record.ended_us - record.started_us == 8000
    assert record.labels == {"team": "a"}
    assert record.output_rows == 2


def test_refused_and_failed(tmp_path: Path) -> None:
    calls = Calls()
    error = {"error": {"message": "no", "errors": [{"reason": "accessDenied", "message": "no"}]}}
    calls.rest("POST", "/queries", {"query": "SELECT 1"}, error, 403)
    told = {"reason": "resourcesExceeded", "message": "much"}
    configuration = {"query": {"query": "SELECT 2"}}
    failed = job("j1", configuration, error=told, creationTime="1790000003000", endTime="1790000003500")
    calls.rest("POST", "/jobs", {"configuration": configuration}, failed)
    first, second = job_records(cassette(tmp_path / "a.cassette", calls))
    assert (first.error_reason, first.error_message) == ("accessDenied", "no")
    assert second.error_reason == "resourcesExceeded"
    assert second.ended_us == 1_790_000_003_500_000


def test_without_measures_times_are_not_known(tmp_path: Path) -> None:
    calls = Calls()
    configuration = {"query": {"query": "SELECT 2"}}
    plan = [{"id": "0", "name": "S00", "startMs": "1790000003000", "slotMs": "4"}]
    statistics: Any = {
        "creationTime": "1790000003000",
        "totalSlotMs": "4",
        "query": {"queryPlan": plan, "timeline": [{"elapsedMs": "3"}], "totalBytesProcessed": "5"},
    }
    told = job("j1", configuration, **statistics)
    calls.rest("POST", "/jobs", {"configuration": configuration}, told)
    made = cassette(tmp_path / "a.cassette", calls)
    (known,) = job_records(made)
    assert (known.created_us, known.slot_ms, known.stages[0].slot_ms) == (1_790_000_003_000_000, 4, 4)
    made.measures_path.unlink()
    (record,) = job_records(Cassette.open(made.folder))
    assert (record.created_us, record.slot_ms, record.bytes_processed) == (0, 0, 5)
