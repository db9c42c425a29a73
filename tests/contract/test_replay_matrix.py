"""One cassette, recorded once with Google's Python client, and read by other clients in other ways.

``BQSIM_OTHER_UPSTREAM`` names the upstream that is recorded: its REST address and, behind a comma, that of
its Storage API (``http://127.0.0.1:9050,127.0.0.1:9060``). Without it that is a bqsim in a process of its
own, behind TLS. ``BQSIM_NODE_MODULES``: a ``node_modules`` folder with ``@google-cloud/bigquery``.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.model import Headers
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.replay.server import ReplayServer
from tests.servers import bqsim_server

pytest.importorskip("google.cloud.bigquery")

PROJECT = "matrix-project"
OTHER = os.environ.get("BQSIM_OTHER_UPSTREAM", "")
MODULES = Path(os.environ.get("BQSIM_NODE_MODULES", "node_modules"))
NODE = shutil.which("node")
COUNT = 250
SQL = f"""
SELECT i AS id, CONCAT('n"', CAST(i AS STRING)) AS name, i / 4 AS f, NUMERIC '1.25' AS n,
  DATE '2024-02-29' AS d, DATETIME '2024-02-29 12:34:56' AS dt,
  TIMESTAMP '2024-02-29 12:34:56.789012+00' AS ts,
  IF(MOD(i, 7) = 0, NULL, i) AS maybe, b'abc' AS b, TRUE AS ok, [1, i] AS l, STRUCT(i AS x, ['p'] AS y) AS s
FROM UNNEST(GENERATE_ARRAY(0, {COUNT - 1})) AS i ORDER BY i
"""
# The same to BigQuery, written by somebody else.
OTHERWISE = "-- the same\n" + " ".join(SQL.replace("SELECT", "select").split())


class _Nobody:
    """Listens to nothing."""

    def begin(self, transport: str, verb: str, target: str, headers: Headers, host: str = "") -> _Nobody:
        return self

    def sent(self, data: bytes) -> None: ...

    def answered(self, status: int, headers: Headers) -> None: ...

    def received(self, data: bytes) -> None: ...

    def ended(self, code: str = "", trailers: Headers = (), message: str = "", broken: str = "") -> None: ...


def client_of(url: str, project: str) -> Any:
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    return bigquery.Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=url),
    )


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple[Any, ...]]]:
    """The cassette, and the rows as they were when it was recorded."""
    folder = tmp_path_factory.mktemp("matrix") / "matrix.cassette"
    with ExitStack() as stack:
        if OTHER:
            rest, _, grpc = OTHER.partition(",")
            options: dict[str, Any] = {"upstream": rest, "upstream_grpc": grpc or "127.0.0.1:9"}
        else:
            server = stack.enter_context(bqsim_server())
            plain = f"http://127.0.0.1:{server.port}"
            behind = stack.enter_context(RecordingProxy(_Nobody(), plain, "127.0.0.1:9", tls=True))
            options = {"upstream": behind.url, "upstream_ca": behind.ca_file}
            options["upstream_grpc"] = "127.0.0.1:9"
        recorder = Recorder(folder, upstream=options["upstream"])
        proxy = stack.enter_context(RecordingProxy(recorder, **options))
        with client_of(proxy.url, PROJECT) as client:
            job = client.query(SQL, timeout=30, retry=None, job_retry=None)
            rows = [r.values() for r in job.result(page_size=100, timeout=30, retry=None, job_retry=None)]
    recorder.finish()
    assert len(rows) == COUNT
    return folder, rows


@pytest.fixture
def recorded(recording: tuple[Path, list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    return recording[1]


@pytest.fixture
def replay(recording: tuple[Path, list[tuple[Any, ...]]]) -> Iterator[ReplayServer]:
    with ReplayServer(recording[0], project=PROJECT) as server:
        yield server
        report = server.report()
        assert report.ok, report.text


def test_query_and_wait(replay: ReplayServer, recorded: list[Any]) -> None:
    with client_of(replay.url, PROJECT) as client:
        assert [r.values() for r in client.query_and_wait(OTHERWISE)] == recorded


@pytest.mark.parametrize("size", [1, 7, 99, 100, 101, COUNT, 1000])
def test_insert_and_pages_of_any_size(replay: ReplayServer, recorded: list[Any], size: int) -> None:
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        found = [r.values() for r in job.result(page_size=size, max_results=60 if size == 1 else None)]
        assert found == (recorded[:60] if size == 1 else recorded)
        assert job.state == "DONE"


def test_the_destination_as_a_table(replay: ReplayServer, recorded: list[Any]) -> None:
    from google.cloud import bigquery

    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        table = client.get_table(job.destination)
        assert [r.values() for r in client.list_rows(table, page_size=33)] == recorded
        some = client.list_rows(
            table, selected_fields=[f for f in table.schema if f.name == "id"], start_index=200, max_results=3
        )
        assert [r.values() for r in some] == [(200,), (201,), (202,)]
        assert isinstance(table, bigquery.Table)


def test_arrow_by_pages_and_by_storage_reads(replay: ReplayServer, recorded: list[Any]) -> None:
    pytest.importorskip("google.cloud.bigquery_storage")
    with client_of(replay.url, PROJECT) as client:
        by_rest = client.query(SQL).result().to_arrow(create_bqstorage_client=False)
        by_storage = client.query(SQL).result(page_size=10).to_arrow(bqstorage_client=replay.read_client())
    assert by_rest.num_rows == COUNT
    assert by_rest.to_pylist() == by_storage.to_pylist()
    assert [tuple(row.values()) for row in by_storage.to_pylist()] == recorded


@pytest.mark.parametrize("streams", [0, 1, 4])
@pytest.mark.parametrize("format_", ["ARROW", "AVRO"])
def test_storage_reads_though_only_pages_were_recorded(
    replay: ReplayServer, recorded: list[Any], format_: str, streams: int
) -> None:
    storage = pytest.importorskip("google.cloud.bigquery_storage_v1")
    if format_ == "AVRO":
        pytest.importorskip("fastavro")
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        table = job.destination.to_bqstorage()
    read = replay.read_client()
    session = read.create_read_session(
        parent=f"projects/{PROJECT}",
        read_session=storage.types.ReadSession(
            table=table,
            data_format=storage.types.DataFormat[format_],
            read_options={"selected_fields": ["id", "s.x", "ts"]},
        ),
        max_stream_count=streams,
    )
    assert len(session.streams) == (streams or 1)
    found = [row for stream in session.streams for row in read.read_rows(stream.name).rows(session)]
    shown = [(_py(r["id"]), _py(r["s"])["x"], _py(r["ts"])) for r in found]
    assert shown == [(r[0], r[11]["x"], r[6]) for r in recorded]


def _py(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


def test_bqclient(replay: ReplayServer, recorded: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from bqclient import SyncBigQueryClient

    for name, value in replay.environment().items():
        monkeypatch.setenv(name, value)
    with SyncBigQueryClient(project=PROJECT) as client:
        result = client.queries.execute(OTHERWISE)
        rows = [tuple(row.values()) for row in result.rows]
        table = client_of_destination(replay)
        by_storage = client.storage_read.read_all(table, selected_fields=["id", "maybe"]).to_arrow()
    assert [row[:9] for row in rows] == [row[:9] for row in recorded]
    assert sorted(by_storage.column("id").to_pylist()) == [row[0] for row in recorded]


def client_of_destination(replay: ReplayServer) -> str:
    """The table with the result."""
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        return str(job.destination)


def test_odd_polling_by_hand(replay: ReplayServer, recorded: list[Any]) -> None:
    """A job that is looked at far more often than when it was recorded, and read backwards."""
    host = replay.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)

    def call(verb: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        connection.request(verb, f"/bigquery/v2/projects/{PROJECT}/{path}", data)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    query = {"query": SQL, "useLegacySql": False}
    job = call("POST", "jobs", {"configuration": {"query": query}})["jobReference"]["jobId"]
    for _ in range(5):
        assert call("GET", f"jobs/{job}")["status"]["state"] == "DONE"
        assert call("GET", f"queries/{job}?maxResults=0")["totalRows"] == str(COUNT)
    found: list[Any] = []
    for start in range(COUNT - 50, -1, -50):
        page = call("GET", f"queries/{job}?startIndex={start}&maxResults=50")
        found = page["rows"] + found
    assert [row["f"][0]["v"] for row in found] == [str(r[0]) for r in recorded]
    assert {row["f"][6]["v"] for row in found} == {"1.709210096789012E9"}
    once = call("POST", "queries", {**query, "maxResults": 3, "formatOptions": {"useInt64Timestamp": True}})
    assert [row["f"][6]["v"] for row in once["rows"]] == ["1709210096789012"] * 3
    assert once["pageToken"]
    connection.close()


@pytest.mark.skipif(
    NODE is None or not (MODULES / "@google-cloud" / "bigquery").is_dir(),
    reason="node and @google-cloud/bigquery are not here",
)
def test_the_node_client(replay: ReplayServer, recorded: list[Any]) -> None:
    assert NODE is not None
    script = Path(__file__).with_name("node_replay.cjs")
    environment = {
        **os.environ,
        "NODE_PATH": str(MODULES.resolve()),
        "METADATA_SERVER_DETECTION": "none",
        "BIGQUERY_EMULATOR_HOST": replay.url,
    }
    done = subprocess.run(
        [NODE, str(script), replay.url, PROJECT, SQL],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for rows in found.values():
        assert [(r["id"], r["name"], r["maybe"], r["s"]["x"]) for r in rows] == [
            (r[0], r[1], r[7], r[11]["x"]) for r in recorded
        ]
        assert {r["ts"][:26] for r in rows} == {"2024-02-29T12:34:56.789012"}
        assert {r["b"] for r in rows} == {"YWJj"}
