from __future__ import annotations

import asyncio
import gzip
import io
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs import Job
from bqsim.jobs.extract import MAX_URIS, parse_extract

from .conftest import CALLER, Play, Stack

pytestmark = pytest.mark.fidelity("job:extract", "exact")


def table(name: str) -> dict[str, str]:
    return {"projectId": "p", "datasetId": "d", "tableId": name}


def body(source: str = "t", *uris: str, **options: Any) -> dict[str, Any]:
    return {"sourceTable": table(source), "destinationUris": list(uris or ("gs://bucket/x",)), **options}


async def extract(s: Stack, source: str, *uris: str, **options: Any) -> Job:
    return await s.insert({"extract": body(source, *uris, **options)})


async def extracted(s: Stack, source: str, **options: Any) -> bytes:
    (await extract(s, source, "gs://bucket/x", **options)).raise_for_error()
    return bytes(objects(s).read("gs://bucket/x"))


async def message(s: Stack, source: str, *uris: str, **options: Any) -> str:
    error = (await extract(s, source, *uris, **options)).error
    assert error is not None
    return error.message


def objects(s: Stack) -> Any:
    return s.service.transfers.extracts._executor.objects


def names(s: Stack, uri: str = "gs://bucket/*") -> list[str]:
    return [o.name for o in objects(s).glob(uri)]


def test_a_table_as_csv(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT * FROM UNNEST([STRUCT(1 AS id, 'a,b' AS name), (2, NULL)])")
        job = await extract(s, "t", "gs://bucket/out/x.csv")
        job.raise_for_error()
        assert objects(s).read("gs://bucket/out/x.csv") == b'id,name\n1,"a,b"\n2,\n'
        shown = job.to_json()
        assert shown["configuration"]["jobType"] == "EXTRACT"
        statistics = shown["statistics"]["extract"]
        assert (statistics["destinationUriFileCounts"], statistics["inputBytes"]) == (["1"], "21")
        assert len(statistics["timeline"]) == 1
        assert await extracted(s, "t", printHeader=False, fieldDelimiter="tab") == b"1\ta,b\n2\t\n"
        packed = await extracted(s, "t", compression="GZIP", destinationFormat="CSV")
        assert gzip.decompress(packed).startswith(b"id,name\n")

    play(main)


def test_json_writes_int64_as_texts_and_escapes_markup(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 9007199254740993 AS n, '<a&b>' AS s, [STRUCT(1 AS x)] AS r")
        data = await extracted(s, "t", destinationFormat="NEWLINE_DELIMITED_JSON")
        assert data == (
            b'{"n":"9007199254740993","s":"\\u003ca\\u0026b\\u003e","r":[{"x":"1"}]}\n'
        )  # fmt: skip

    play(main)


@pytest.mark.parametrize(
    ("format_", "compression"),
    [("AVRO", "NONE"), ("AVRO", "DEFLATE")]
    + [("PARQUET", kind) for kind in ("NONE", "SNAPPY", "GZIP", "ZSTD")],
)
def test_binary_formats(play: Play, format_: str, compression: str) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n, DATE '2026-01-02' AS day, TIME '01:02:03' AS t")
        data = await extracted(s, "t", destinationFormat=format_, compression=compression)
        if format_ == "PARQUET":
            import pyarrow.parquet as pq

            assert pq.read_table(io.BytesIO(data)).column("n").to_pylist() == [1]
            return
        import fastavro

        (row,) = fastavro.reader(io.BytesIO(data))
        assert row == {"n": 1, "day": "2026-01-02", "t": "01:02:03"}
        data = await extracted(s, "t", destinationFormat="AVRO", useAvroLogicalTypes=True)
        (row,) = fastavro.reader(io.BytesIO(data))
        assert isinstance(row, dict)
        assert str(row["day"]) == "2026-01-02"
        assert not isinstance(row["day"], str)

    play(main)


def test_what_a_format_cannot_hold(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT STRUCT(1 AS x) AS totals, [1] AS hits")
        assert await message(s, "t") == "Operation cannot be performed on a nested schema. Field: totals"
        await s.ok("CREATE TABLE d.r (days RANGE<DATE>)")
        assert "RANGE" in await message(s, "r", destinationFormat="AVRO")
        assert names(s) == []

    play(main)


def test_shards(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n")
        s.service.transfers.extracts.shard_bytes = 3000
        job = await extract(s, "t", "gs://bucket/a/x-*.csv", printHeader=False)
        job.raise_for_error()
        assert job.to_json()["statistics"]["extract"]["destinationUriFileCounts"] == ["3"]
        assert names(s) == [f"a/x-{n:012d}.csv" for n in range(3)]
        data = b"".join(objects(s).read(f"gs://bucket/{name}") for name in names(s))
        assert data == b"".join(b"%d\n" % n for n in range(1, 1001))
        job = await extract(s, "t", "gs://other/1-*", "gs://other/2-*", printHeader=False)
        job.raise_for_error()
        counts = job.to_json()["statistics"]["extract"]["destinationUriFileCounts"]
        assert counts == ["3", "2"]
        assert (
            objects(s).read("gs://other/1-000000000002")
            == objects(s).read("gs://other/2-000000000001")
            == b""
        )
        (await extract(s, "t", "gs://third/x")).raise_for_error()
        assert names(s, "gs://third/*") == ["x"]

    play(main)


def test_a_table_without_rows(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (a INT64, b STRING)")
        job = await extract(s, "t", "gs://bucket/x-*")
        assert job.to_json()["statistics"]["extract"]["destinationUriFileCounts"] == ["1"]
        assert objects(s).read("gs://bucket/x-000000000000") == b"a,b\n"

    play(main)


def test_partitions(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t (day DATE, n INT64) PARTITION BY day")
        await s.ok("INSERT d.t VALUES ('2026-01-01', 1), ('2026-01-02', 2), (NULL, 3)")
        job = await extract(s, "t$20260102", "gs://bucket/x", printHeader=False)
        job.raise_for_error()
        assert objects(s).read("gs://bucket/x") == b"2026-01-02,2\n"
        assert job.to_json()["statistics"]["extract"]["inputBytes"] == "16"
        assert await extracted(s, "t$__NULL__", printHeader=False) == b",3\n"
        assert await extracted(s, "t$20270101", printHeader=False) == b""
        assert (await extract(s, "t$nonsense")).error is not None
        await s.ok("CREATE TABLE d.plain (n INT64)")
        assert "not partitioned" in await message(s, "plain$20260101")

    play(main)


def test_time_travel(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        s.clock.advance(10)
        at_ms = s.clock.now_us() // 1000
        s.clock.advance(10)
        await s.ok("UPDATE d.t SET n = 2 WHERE TRUE")
        s.clock.advance(10)
        assert await extracted(s, f"t@{at_ms}", printHeader=False) == b"1\n"
        assert await extracted(s, "t@-5000", printHeader=False) == b"2\n"
        await s.ok("DROP TABLE d.t")
        assert await extracted(s, f"t@{at_ms}", printHeader=False) == b"1\n"
        assert await message(s, "t") == "Not found: Table p:d.t"
        later = s.clock.now_us() // 1000 + 60_000
        assert "Cannot read after" in await message(s, f"t@{later}")
        await s.ok("CREATE TABLE d.u AS SELECT 1 AS n")
        assert "Cannot read before" in await message(s, f"u@{at_ms}")

    play(main)


def test_sources(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        await s.ok("CREATE SNAPSHOT TABLE d.snap CLONE d.t")
        await s.ok("CREATE TABLE d.clone CLONE d.t")
        await s.ok("INSERT d.t VALUES (2)")
        for name in ("snap", "clone"):
            assert await extracted(s, name, printHeader=False) == b"1\n"
        result = (await s.ok("SELECT 7 AS n")).configuration_json()["query"]["destinationTable"]
        (await s.insert({"extract": {**body(), "sourceTable": result}})).raise_for_error()
        assert objects(s).read("gs://bucket/x") == b"n\n7\n"
        await s.ok("CREATE VIEW d.v AS SELECT 1 AS n")
        assert await message(s, "v") == (
            "p:d.v is not allowed for this operation because it is currently a VIEW."
        )
        await s.ok("CREATE EXTERNAL TABLE d.e (n INT64) OPTIONS (format='CSV', uris=['gs://bucket/x'])")
        assert "currently a EXTERNAL" in await message(s, "e")
        assert await message(s, "none") == "Not found: Table p:d.none"

    play(main)


def test_rows_that_policies_hide(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        await s.ok(
            "CREATE ROW ACCESS POLICY a ON d.t GRANT TO ('user:other@example.com') FILTER USING (TRUE)"
        )
        error = (await extract(s, "t")).error
        assert error is not None
        assert error.reason.name == "accessDenied"

    play(main)


def test_a_large_table_needs_a_wildcard(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bqsim.jobs.extract.FILE_BYTES", 100)

    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n")
        assert (await message(s, "t")).startswith(
            "Table p:d.t too large to be exported to a single file. Specify a uri including a * to shard"
        )
        assert names(s) == []
        (await extract(s, "t", "gs://bucket/x*")).raise_for_error()

    play(main)


def test_a_dry_run_writes_nothing(play: Play) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        job = await s.service.insert("p", {"configuration": {"extract": body(), "dryRun": True}}, CALLER)
        shown = job.to_json()
        assert (shown["status"]["state"], "jobId" in shown["jobReference"]) == ("DONE", False)
        assert names(s) == []
        with pytest.raises(BigQueryError, match="Not found: Table p:d"):
            await s.service.insert("p", {"configuration": {"extract": body("none"), "dryRun": True}}, CALLER)

    play(main)


def test_a_cancelled_job_leaves_no_files(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT n FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n")
        loop = asyncio.get_running_loop()
        from bqsim.engine.formats.shards import Shards

        write = Shards.write

        def slow(self: Shards, rows: Any) -> None:
            write(self, rows)
            asyncio.run_coroutine_threadsafe(s.service.cancel("p", "mine"), loop).result(10)

        monkeypatch.setattr(Shards, "write", slow)
        job = await s.insert({"extract": body("t", "gs://bucket/x*")}, job_id="mine")
        assert job.error is not None
        assert job.error.reason.name == "stopped"
        assert names(s) == []

    play(main)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"destinationUris": ["gs://bucket/x"]}, "Required parameter is missing: sourceTable"),
    ({"sourceTable": table("t")}, "Required parameter is missing: destinationUris"),
    ({"sourceModel": {"modelId": "m"}}, "Extracting a model .* not supported by bqsim"),
    (body(destinationFormat="ORC"), "destinationFormat"),
    (body(destinationFormat="ML_TF_SAVED_MODEL"), "ML_TF_SAVED_MODEL is not supported"),
    (body(compression="LZ4"), "compression"),
    (body(compression="SNAPPY"), "Compression type SNAPPY is not supported for export format CSV"),
    (body(compression="GZIP", destinationFormat="AVRO"), "Compression type GZIP .* format AVRO"),
    (body(compression="DEFLATE", destinationFormat="PARQUET"), "Compression type DEFLATE"),
    (body(fieldDelimiter="||"), "fieldDelimiter"),
    (body("t", "x.csv"), "Invalid extract destination URI 'x.csv'"),
    (body("t", "gs://bucket"), "Invalid extract destination URI"),
    (body("t", "gs://bucket*/x"), "Invalid extract destination URI"),
    (body("t", "gs://bucket/*/*"), "at most one wildcard"),
    (body("t", "gs://bucket/1*", "gs://bucket/2"), "must have a wildcard"),
    (body("t", "gs://bucket/1*", "gs://bucket/1*"), "must differ"),
    (body("t", *(f"gs://bucket/{n}*" for n in range(MAX_URIS + 1))), "Too many destination URIs"),
    (body("t@x"), "Invalid snapshot decorator @x"),
    (body("t@-1-x"), "Invalid range decorator @-1-x"),
    (body("t$"), "Invalid table ID"),
    (body(printHeader="maybe"), "printHeader"),
]


@pytest.mark.parametrize(("given", "text"), BAD, ids=[str(n) for n in range(len(BAD))])
def test_bad_configurations(given: dict[str, Any], text: str) -> None:
    with pytest.raises(BigQueryError, match=text):
        parse_extract(given, "p")


def test_the_one_uri_of_old(play: Play) -> None:
    config = parse_extract({"sourceTable": table("t"), "destinationUri": "gs://bucket/x"}, "p")
    assert [str(uri) for uri in config.uris] == ["gs://bucket/x"]


@pytest.mark.parametrize("uri", ["gs://nobody-has-it/x", "gs://nobody-has-it/x-*"])
def test_a_bucket_that_is_not_there(play: Play, uri: str) -> None:
    async def body_(s: Stack) -> None:
        await s.ok("CREATE TABLE d.t AS SELECT 1 AS n")
        objects(s).requires_buckets = True
        error = (await s.insert({"extract": body("t", uri)})).error
        assert error is not None
        assert error.reason.name == "notFound"
        assert error.message.startswith("Not found: URI gs://nobody-has-it/x")
        assert objects(s).find_bucket("nobody-has-it") is None

    play(body_)
