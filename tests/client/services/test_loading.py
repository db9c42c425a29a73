"""Loads and exports: every source, lost answers, broken uploads, jobs that fail inside the service."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqclient import BigQueryClient
from bqclient.errors import ConnectionFailedError, JobBackendError, JobFailedError, UsageError
from bqclient.services import uploads
from bqclient.services.loading import format_of
from tests.client.running import HeldTime, run

SCHEMA = [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]
LINES = b"".join(b'{"n":%d,"s":"row %d"}\n' % (i, i) for i in range(100))
UPLOADS = "bigquery.jobs.insert"
FAILING = {"job_state": {"outcome": "fail", "reason": "backendError"}}


async def _count(client: BigQueryClient, table: str) -> int | None:
    return (await client.tables.get(table)).rows


def test_memory_files_streams_and_rows(bqsim: Any, tmp_path: Path) -> None:
    packed = tmp_path / "rows.jsonl.gz"
    packed.write_bytes(gzip.compress(LINES))
    csv = tmp_path / "rows.csv"
    csv.write_text("n,s\n" + "".join(f'{i},"a, ""b"""\n' for i in range(7)))

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        job = await client.loading.from_memory(LINES, "d.m", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        assert (job.kind, job.details["outputRows"], await _count(client, "d.m")) == ("LOAD", "100", 100)
        await client.loading.from_file(packed, "d.f", schema=SCHEMA)
        assert await _count(client, "d.f") == 100
        await client.loading.from_file(csv, "d.c", schema=SCHEMA, skip_leading_rows=1)
        assert {row["s"] async for row in client.tables.rows("d.c")} == {'a, "b"'}
        stream = io.BytesIO(b"skipped\n" + LINES)
        stream.seek(8)
        await client.loading.from_stream(stream, "d.s", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        assert (await _count(client, "d.s"), stream.closed) == (100, False)
        await client.loading.from_rows([{"n": 1, "s": None}, {"n": 2, "s": "x"}], "d.m")
        assert await _count(client, "d.m") == 102
        options = {"write_disposition": "WRITE_TRUNCATE", "labels": {"team": "a"}}
        job = await client.loading.from_rows([{"n": 3}], "d.m", schema=SCHEMA, **options)
        assert (await _count(client, "d.m"), dict(job.labels)) == (1, {"team": "a"})

    run(bqsim, work)


def test_arrow_and_frames(bqsim: Any) -> None:
    table = pa.table({"n": [1, 2, 3], "tags": [["a"], [], ["b", "c"]]})

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.loading.from_arrow(table, "d.a")
        assert [(f.name, f.mode) for f in (await client.tables.get("d.a")).schema][1] == ("tags", "REPEATED")
        await client.loading.from_arrow(table.to_reader(2), "d.a")
        await client.loading.from_arrow(table.to_batches()[0], "d.a")
        assert await _count(client, "d.a") == 9
        await client.loading.from_dataframe(table.select(["n"]).to_pandas(), "d.p")
        assert await _count(client, "d.p") == 3
        with pytest.raises(UsageError):
            await client.loading.from_dataframe(object(), "d.p")

    run(bqsim, work)


def test_objects(bqsim: Any) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2]}), sink)
    bqsim.simulator.objects.put("gs://bqclient-loads/in/a.parquet", sink.getvalue())
    bqsim.simulator.objects.put("gs://bqclient-loads/in/b.parquet", sink.getvalue())
    seen = []

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.loading.from_gcs("gs://bqclient-loads/in/*.parquet", "d.t")
        assert await _count(client, "d.t") == 4
        done = await client.exports.to_gcs(
            "d.t", "gs://bqclient-loads/out/*.jsonl", format="NEWLINE_DELIMITED_JSON", progress=seen.append
        )
        assert (done.file_count, done.job.kind) == (1, "EXTRACT")
        plain = await client.exports.to_gcs("d.t", "gs://bqclient-loads/out/rows.csv", print_header=False)
        assert plain.files == {"gs://bqclient-loads/out/rows.csv": 1}
        for wrong in ("s3://b/x", "b/x"):
            with pytest.raises(UsageError, match="gs://bucket/name"):
                await client.exports.to_gcs("d.t", wrong)

    run(bqsim, work)
    assert seen[-1].done


def test_a_bad_file_is_the_jobs_error(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        with pytest.raises(JobFailedError) as raised:
            await client.loading.from_memory(b"x,y\n", "d.t", format="CSV", schema=SCHEMA)
        assert (raised.value.reason, raised.value.job is None) == ("invalid", False)
        assert raised.value.details

    run(bqsim, work)


@pytest.mark.parametrize("large", [False, True])
def test_a_lost_answer_loads_once(bqsim: Any, monkeypatch: pytest.MonkeyPatch, large: bool) -> None:
    if large:
        monkeypatch.setattr(uploads, "SMALL", 100)
        monkeypatch.setattr(uploads, "CHUNK", 262_144)
    bqsim.faults.add({"error": {"reason": "backendError", "applied": True}}, method=UPLOADS, times=1)

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        await client.loading.from_memory(LINES, "d.t", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        assert await _count(client, "d.t") == 100

    run(bqsim, work)


def test_a_broken_upload_goes_on_where_it_broke(bqsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SMALL", 100)
    monkeypatch.setattr(uploads, "CHUNK", 262_144)
    rows = b"".join(json.dumps({"n": i, "s": "x" * 1000}).encode() + b"\n" for i in range(1000))
    sent: list[int] = []
    real = uploads._chunk

    async def broken(core: Any, place: str, source: Any, at: int, deadline: Any) -> Any:
        sent.append(at)
        if len(sent) in (2, 3):
            await real(core, place, source, at, deadline)
            raise ConnectionFailedError("the answer was lost", ambiguous=True)
        return await real(core, place, source, at, deadline)

    monkeypatch.setattr(uploads, "_chunk", broken)

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        stream = io.BytesIO(rows)
        await client.loading.from_stream(stream, "d.t", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        assert await _count(client, "d.t") == 1000

    run(bqsim, work)
    # Nothing that had arrived was sent again.
    assert sent == sorted(set(sent))


def test_a_job_that_fails_inside_the_service_is_begun_anew(bqsim: Any) -> None:
    time = HeldTime()

    async def work(client: BigQueryClient) -> None:
        await client.datasets.create("d")
        bqsim.faults.add(FAILING, job_type="LOAD", times=2)
        job = await client.loading.from_memory(LINES, "d.t", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)
        assert (await _count(client, "d.t"), job.succeeded) == (100, True)
        bqsim.faults.add(FAILING, job_type="LOAD")
        with pytest.raises(JobBackendError):
            await client.loading.from_memory(LINES, "d.t", format="NEWLINE_DELIMITED_JSON", schema=SCHEMA)

    run(bqsim, work, runtime=time)
    assert len([w for w in time.waits if w in (1.25, 2.5, 5.0)]) >= 5


def test_formats_by_name() -> None:
    names = {"a.csv.gz": "CSV", "gs://b/x-*.parquet": "PARQUET", "r.NDJSON": "NEWLINE_DELIMITED_JSON"}
    assert {name: format_of(name) for name in names} == names
    with pytest.raises(UsageError, match=r"does not tell its format"):
        format_of("rows")


def test_options_have_names(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> None:
        with pytest.raises(UsageError, match="A load has no attribute 'skip_rows'"):
            await client.loading.from_memory(b"", "d.t", format="CSV", skip_rows=1)
        with pytest.raises(UsageError, match="not 'JSON'"):
            await client.loading.from_memory(b"", "d.t", format="JSON")

    run(bqsim, work)
