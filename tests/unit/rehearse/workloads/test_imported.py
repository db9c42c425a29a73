"""Exports, audit logs and cassettes become columns of jobs; nothing counts twice."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bqsim.history import JobRecord, Stage
from bqsim.history.canonical import write
from bqsim.record.cassette.header import Header
from bqsim.record.cassette.writer import CassetteWriter
from bqsim.record.fold.folder import fold
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import History, Recorded
from bqsim.rehearse.workloads.imported import Imported, history_of, imported, part_of
from bqsim.sim.slots.jobs import CHUNK
from tests.exchange_help import SCHEMA, Calls
from tests.unit.history.exports import SHAPES

S = 1_000_000
T0 = 1_772_366_400 * S


def record(name: str, created_s: float = 0.0, run_s: float = 10.0, **more: Any) -> JobRecord:
    start = T0 + int(created_s * S) + 50_000
    return JobRecord(
        **{
            "job_id": name,
            "project": "p",
            "created_us": T0 + int(created_s * S),
            "started_us": start,
            "ended_us": start + int(run_s * S),
            "slot_ms": 40_000,
            "bytes_billed": 1 << 30,
            "source": f"jobs.json:{name}",
            **more,
        }
    )


def row(name: str, created_s: float, **more: Any) -> dict[str, Any]:
    """A row of JOBS as `bq --format=json` has it."""

    def at(second: float) -> str:
        return f"2026-03-01 12:{int(second) // 60:02}:{second % 60:06.3f} UTC"

    return {
        "job_id": name,
        "project_id": "p",
        "creation_time": at(created_s),
        "start_time": at(created_s + 1),
        "end_time": at(created_s + 5),
        "total_slot_ms": "8000",
        "total_bytes_billed": "10485760",
        **more,
    }


def saved(path: Path, rows: list[dict[str, Any]]) -> History:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return History((path.name,))


def test_columns_of_a_record() -> None:
    stages = (
        Stage(0, "S00", (), 30_000, 10, start_us=T0 + 2 * S, end_us=T0 + 8 * S),
        Stage(1, "S01", (0,), 10_000, 5, start_us=T0 + 8 * S, end_us=T0 + 12 * S),
    )
    part = part_of(
        [
            record("b", 100.5, priority="BATCH", stages=stages, reservation="a:US.etl", labels={"k": "v"}),
            record("a", 70.0, user="ann"),
        ]
    )
    jobs = part.jobs
    assert part.begin_us == T0 + 60 * S
    assert (list(jobs.at_ms), part.duration_ms) == ([10_000.0, 40_500.0], 60_000.0)
    assert list(jobs.slot_ms) == [40_000, 40_000]
    assert list(jobs.width) == [4, 10]
    assert list(jobs.batch) == [0, 1]
    assert list(jobs.bytes) == [1 << 30, 1 << 30]
    assert bool(np.isinf(jobs.fails_at).all())
    # The first ran as long as 4 slots take; the second 10 s, of which its stages explain 3 + 2.
    assert jobs.floor_ms == pytest.approx([0.0, 5_000.0])
    assert [len(part.shapes.plans[shape]) for shape in jobs.shape] == [1, 2]
    first, second = (part.classes[source] for source in jobs.source)
    assert (first.principal, second.ran_in, second.labels) == ("ann", "a:US.etl", {"k": "v"})
    assert part.users is None
    assert part.runs.run_ms == pytest.approx([10_000, 10_000])


def test_cached_dry_failed_refused_and_unfinished() -> None:
    part = part_of(
        [
            record("ok"),
            record("cached", 1, 0.5, cache_hit=True, slot_ms=77, bytes_billed=0, bytes_processed=5),
            record("dry", 2, dry_run=True),
            record("failed", 3, error_reason="stopped", bytes_billed=0, bytes_processed=1),
            record("bad", 4, error_reason="invalidQuery", slot_ms=0, bytes_billed=0, bytes_processed=1),
            record("refused", 5, created_us=0, started_us=0, ended_us=0, error_reason="accessDenied"),
            record("waiting", 6, started_us=0, ended_us=0, slot_ms=0, state="PENDING"),
            record("running", 7, ended_us=0, slot_ms=500, state="RUNNING"),
            record("cancelled", 8, started_us=0, slot_ms=0, error_reason="stopped", bytes_billed=0),
        ]
    )
    assert list(part.jobs.at_ms) == [0, 1000, 3000, 4000, 7000, 8000]
    assert list(part.jobs.slot_ms) == [40_000, 0, 40_000, 0, 500, 0]
    assert list(part.jobs.floor_ms[[1, 3]]) == [500, 10_000]
    assert list(part.jobs.floor_ms[[4, 5]]) == [0, 0]
    assert list(part.jobs.fails_at <= 1) == [False, False, True, True, False, True]
    assert list(part.jobs.bytes) == [1 << 30, 0, 10 << 20, 0, 1 << 30, 0]


def test_bytes_are_billed_by_the_mebibyte_where_the_export_does_not_tell() -> None:
    plain = {"bytes_billed": 0}
    part = part_of(
        [
            record("a", 0, bytes_processed=(50 << 20) + 1, **plain),
            record("b", 1, bytes_processed=3, **plain),
            record("c", 2, bytes_processed=1 << 30, job_type="LOAD", **plain),
        ]
    )
    assert list(part.jobs.bytes) == [51 << 20, 10 << 20, 0]


def test_scripts_do_not_count_twice() -> None:
    children = [record(f"c{n}", n, 1.0, parent="script", slot_ms=1000, bytes_billed=100) for n in range(3)]
    whole = record("script", 0, 4.0, statement_type="SCRIPT", slot_ms=3000, bytes_billed=300)
    part = part_of([whole, *children])
    assert (len(part.jobs), part.jobs.slot_ms.sum(), part.jobs.bytes.sum()) == (3, 3000, 300)
    # A part of the children: the rest is the script's.
    rest = part_of([whole, children[0]])
    assert (list(rest.jobs.slot_ms), list(rest.jobs.bytes)) == ([2000, 1000], [200, 100])
    # None of them, and children without their script.
    assert part_of([whole]).jobs.slot_ms.sum() == 3000
    assert part_of(children).jobs.slot_ms.sum() == 3000
    # Another project's job of that name is no parent of them.
    assert len(part_of([replace(whole, project="q"), *children]).jobs) == 4


@pytest.mark.parametrize(
    "shape", ["bq json", "flattened csv", "rows in f and v", "parquet", "avro", "gzip csv"]
)
def test_exports_of_any_form(shape: str, tmp_path: Path) -> None:
    SHAPES[shape](tmp_path / "export")
    part = imported(History(("export",)), tmp_path)
    jobs = next(part.chunks())
    # The first is the script of the second, the third failed.
    assert list(jobs.at_ms) == [1250, 2250]
    assert list(jobs.slot_ms) == [7, 14]
    assert jobs.floor_ms == pytest.approx([493, 486])
    assert list(jobs.fails_at <= 1) == [False, True]
    assert [part.classes[source].ran_in for source in jobs.source] == ["admin:US.prod"] * 2


def test_seconds_of_jobs_timeline(tmp_path: Path) -> None:
    seconds = [
        {
            "period_start": f"2026-03-01 12:00:{second:02}.000 UTC",
            "period_slot_ms": "2000",
            "project_id": "p",
            "job_id": "a",
            "job_creation_time": "2026-03-01 12:00:00.000 UTC",
            "job_start_time": "2026-03-01 12:00:01.000 UTC",
            "job_end_time": "2026-03-01 12:00:05.000 UTC",
            "reservation_id": "a:US.r",
        }
        for second in range(1, 5)
    ]
    saved(tmp_path / "timeline.json", seconds)
    alone = history_of(History(("timeline.json",)), tmp_path)
    assert (list(alone.jobs.slot_ms), list(alone.jobs.width)) == ([8000], [2])
    # With the row of JOBS: one job, with the labels that only that tells.
    saved(tmp_path / "jobs.json", [row("a", 0.0, labels=[{"key": "k", "value": "v"}]), row("b", 2.0)])
    both = history_of(History(("timeline.json", "jobs.json")), tmp_path)
    assert list(both.jobs.slot_ms) == [8000, 8000]
    assert [both.classes[source].labels for source in both.jobs.source] == [{"k": "v"}, {}]
    assert [both.classes[source].ran_in for source in both.jobs.source] == ["a:US.r", ""]


def test_a_job_in_several_exports_is_one_also_where_they_are_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path / "a.json", [row("a", 0.0), row("b", 9.0)])
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps([row("b", 9.0), row("c", 4.0)]).encode()))
    origin = History(("a.json", "b.json.gz"))
    few = history_of(origin, tmp_path)
    monkeypatch.setattr("bqsim.rehearse.workloads.imported._FEW", 0)
    many = history_of(origin, tmp_path)
    for part in (few, many):
        assert list(part.jobs.at_ms) == [0, 4000, 9000]
        assert part.jobs.slot_ms.sum() == 24_000


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row("a", 0.0), row("b", 1.0, total_slot_ms="many")], r"x\.json:2: .*total_slot_ms.*many"),
        ([row("a", 0.0), {"project_id": "p"}], r"x\.json:2: this row is no job"),
        (
            [row("a", 0.0), {"job_id": "j", "total_slot_ms": 5}],
            r"x\.json:2: it is not known when the job j ran; exports need creation_time",
        ),
        ([row("a", 0.0, dry_run=True)], r"x\.json: no job in it ran"),
        ([], r"x\.json: there are no jobs in it"),
        (
            [{"period_start": "2026-03-01 12:00:00 UTC", "reservation_name": "r", "slots_assigned": 5}],
            r"x\.json:1: this row is no job: it has no job_id",
        ),
    ],
    ids=["no number", "no job", "no times", "nothing ran", "no rows", "a timeline of reservations"],
)
def test_exports_that_cannot_be_used(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=said):
        imported(saved(tmp_path / "x.json", rows), tmp_path)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"nowhere\.json: cannot be read"):
        imported(History(("nowhere.json",)), tmp_path)
    with pytest.raises(RehearsalError, match=r"none\.cassette"):
        imported(Recorded("none.cassette"), tmp_path)


def cassette(folder: Path, *answers: dict[str, Any]) -> None:
    calls = Calls()
    for answer in answers:
        whole = {"jobComplete": True, "schema": SCHEMA, "totalRows": "2", "location": "US", **answer}
        calls.rest("POST", "/queries", {"query": "SELECT 1"}, whole)
    writer = CassetteWriter(folder)
    writer.write(Header(), fold(calls.made, keep=writer.blob, began_us=1_790_000_000 * S))


def test_cassettes(tmp_path: Path) -> None:
    times = {"creationTime": "1790000001000", "startTime": "1790000001001", "endTime": "1790000003001"}
    cassette(tmp_path / "a.cassette", {**times, "totalSlotMs": "12000"})
    part = history_of(Recorded("a.cassette"), tmp_path)
    assert (list(part.jobs.slot_ms), list(part.jobs.width)) == ([12_000], [6])
    assert part.begin_us == 1_790_000_001 * S // (60 * S) * 60 * S


def many(count: int) -> Iterator[JobRecord]:
    for number in range(count):
        yield record(
            f"j{number}", number * 0.5, fingerprint=f"f{number % 11}", slot_ms=1 + number % 97, run_s=3.0
        )


def test_more_jobs_than_a_chunk_in_the_order_of_their_times(tmp_path: Path) -> None:
    count = CHUNK + 10
    part = part_of(many(count))
    chunks = list(part.chunks())
    assert [len(one) for one in chunks] == [CHUNK, 10]
    assert part.jobs.slot_ms.sum() == sum(1 + number % 97 for number in range(count))
    assert bool(np.all(np.diff(part.jobs.at_ms) > 0))


def test_bqsims_own_files(tmp_path: Path) -> None:
    write(tmp_path / "own.parquet", many(500))
    own, given = history_of(History(("own.parquet",)), tmp_path), part_of(many(500))
    assert isinstance(own, Imported)
    assert np.array_equal(own.jobs.floor_ms, given.jobs.floor_ms)
    assert own.classes == given.classes


@pytest.mark.parametrize("column", ["slot_ms", "bytes_processed", "bytes_billed"])
def test_amounts_below_0_are_refused_with_their_row(column: str) -> None:
    with pytest.raises(RehearsalError, match=rf"jobs.json:b: the job b has {column} -5,000, below 0"):
        part_of([record("a"), record("b", **{column: -5_000})])
