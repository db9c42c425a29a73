"""Samples from operations of cassettes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from bqsim.calibrate.gathering import gather
from bqsim.history.fingerprints import fingerprint_of
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.model import Operation
from bqsim.sim.methods import APPEND_ROWS

BEGAN_US = 1_772_366_400_000_000
QUERY = Operation(
    "query",
    "0" * 16,
    1,
    {"sql": "SELECT 1"},
    {
        "job": {
            "jobReference": {"jobId": "${job}", "projectId": "${project}"},
            "configuration": {"jobType": "QUERY", "query": {"query": "SELECT 1"}},
            "status": {"state": "DONE"},
            "statistics": {
                "creationTime": "${time:job.statistics.creationTime.ms}",
                "startTime": "${time:job.statistics.startTime.ms}",
                "endTime": "${time:job.statistics.endTime.ms}",
                "totalSlotMs": "${measure:job.statistics.totalSlotMs}",
                "query": {"statementType": "SELECT", "totalBytesProcessed": "100"},
            },
        },
        "failures": [{"method": "bigquery.jobs.insert", "status": 503, "reason": "backendError"}],
    },
    measures={
        "at": {"began_us": BEGAN_US, "start_s": 1.0, "end_s": 3.0, "pages": [2.0, 0.5, 0.1, 0.2]},
        "project": "p",
        "values": {
            "job.statistics.totalSlotMs": "42",
            "job.statistics.creationTime.ms": 0.1,
            "job.statistics.startTime.ms": 0.35,
            "job.statistics.endTime.ms": 1.85,
        },
    },
)  # fmt: skip
REFUSED = Operation(
    "query",
    "1" * 16,
    1,
    {"sql": "SELECT x"},
    {"error": {"status": 400, "body": {"error": {"errors": [{"reason": "invalidQuery"}]}}}},
)
GET = Operation(
    "metadata",
    "2" * 16,
    1,
    {"method": "bigquery.tables.get"},
    {"status": 200},
    measures={"at": {"start_s": 0, "end_s": 0.125}},
)
APPEND = Operation(
    "append", "3" * 16, 1, {"table": "t"}, {}, measures={"at": {"start_s": 0, "end_s": 1, "acks": [0.1, 0.2]}}
)


def test_operations_tell_their_times(tmp_path: Path) -> None:
    CassetteWriter(tmp_path / "c.cassette").write(Header(), [QUERY, REFUSED, GET, APPEND])
    found = gather([tmp_path / "c.cassette"])
    refused, query = sorted(found.jobs, key=lambda job: job.created_us)
    assert (query.queued_us, query.ran_us, query.slot_ms) == (250_000, 1_500_000, 42)
    assert (query.fingerprint, query.bytes_processed) == (fingerprint_of("SELECT 2"), 100)
    assert refused.error_reason == "invalidQuery"
    assert found.calls == {"bigquery.tables.get": [0.125]}
    assert found.pages == {"bigquery.jobs.getQueryResults": [0.1, 0.2]}
    assert found.acks == [0.1, 0.2]
    assert found.asked == {"bigquery.jobs.insert": 3, "bigquery.tables.get": 1, APPEND_ROWS: 1}
    assert found.failed == {
        ("bigquery.jobs.insert", "backendError"): 1,
        ("bigquery.jobs.insert", "invalidQuery"): 1,
    }


def test_every_repetition_of_a_call_is_a_sample(tmp_path: Path) -> None:
    at = {"start_s": 0, "end_s": 0.125, "calls": [0.125, 0.25, 0.5]}
    again = replace(GET, measures={"at": at, "numbers": [1, 4, 9]})
    CassetteWriter(tmp_path / "c.cassette").write(Header(), [again])
    found = gather([tmp_path / "c.cassette"])
    assert found.calls == {"bigquery.tables.get": [0.125, 0.25, 0.5]}
    assert found.asked == {"bigquery.tables.get": 3}


def test_cassettes_and_histories_together(tmp_path: Path) -> None:
    CassetteWriter(tmp_path / "c.cassette").write(Header(), [QUERY, GET])
    (tmp_path / "h.json").write_text(json.dumps([{"job_id": "a"}, {"job_id": "a"}]))
    found = gather([tmp_path / "c.cassette", tmp_path / "h.json"])
    assert [job.queued_us for job in found.jobs] == [250_000, 0]
    assert found.sources == ["c.cassette", "h.json"]
