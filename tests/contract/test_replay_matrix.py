"""One cassette, recorded once with Google's Python client, and read by other clients in other ways: every
value of every row is compared with the recorded result.

``BQSIM_OTHER_UPSTREAM`` names the upstream that is recorded: its REST address and, behind a comma, that of
its Storage API (``http://127.0.0.1:9050,127.0.0.1:9060``). Without it that is a bqsim in a process of its
own, behind TLS. Clients of other languages take part where they are: ``BQSIM_NODE_MODULES`` is a
``node_modules`` folder with ``@google-cloud/bigquery``, ``BQSIM_GO`` a Go module that requires
``cloud.google.com/go/bigquery``, ``BQSIM_JAVA`` a folder with the jars of ``google-cloud-bigquery``.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.model import Headers
from bqsim.record.proxy import RecordingProxy
from bqsim.record.recorder import Recorder
from bqsim.replay.server import ReplayServer
from tests.contract import replay_values as values
from tests.servers import bqsim_server

pytest.importorskip("google.cloud.bigquery")

pytestmark = pytest.mark.fidelity("recording:replay of other calls", "exact")

PROJECT = "matrix-project"
OTHER = os.environ.get("BQSIM_OTHER_UPSTREAM", "")
MODULES = Path(os.environ.get("BQSIM_NODE_MODULES", "node_modules"))
GO_MODULE = Path(os.environ.get("BQSIM_GO", "absent"))
JARS = Path(os.environ.get("BQSIM_JAVA", "absent"))
NODE, GO, JAVA = shutil.which("node"), shutil.which("go"), shutil.which("java")
COUNT = 250
SQL = f"""
SELECT i AS id, 9007199254740993 + i AS large, CONCAT('n"é', CAST(i AS STRING)) AS name, i / 7 AS f,
  NUMERIC '1.25' AS n, BIGNUMERIC '-12.5' AS bn, DATE_ADD(DATE '2024-02-29', INTERVAL i DAY) AS d,
  TIME '12:34:56.789012' AS t, DATETIME '2024-02-29 12:34:56' AS dt,
  TIMESTAMP_MICROS(1709210096789012 + i * 1000003) AS ts, IF(MOD(i, 7) = 0, NULL, i) AS maybe, b'abc' AS b,
  MOD(i, 2) = 0 AS ok, JSON '{{"a": [1, null, "x"]}}' AS j, [1, i] AS l,
  IF(MOD(i, 4) = 0, [], ['x', 'y']) AS e,
  STRUCT(i AS x, ['p'] AS y) AS s, [STRUCT(i AS x, 'q' AS y), STRUCT(NULL, 'r')] AS ls
FROM UNNEST(GENERATE_ARRAY(0, {COUNT - 1})) AS i ORDER BY i
"""
# The same to BigQuery, written by somebody else.
OTHERWISE = "-- the same\n" + " ".join(SQL.replace("SELECT", "select").split())


@dataclass(frozen=True)
class Recorded:
    """A recording: its cassette, and the columns and rows that its client was given."""

    folder: Path
    schema: tuple[values.Column, ...]
    rows: list[list[Any]]

    def equals(self, rows: Sequence[Any], convert: values.Convert = values.of_python) -> None:
        """Hold rows against those recorded, value by value."""
        found = [values.row(row, self.schema, convert) for row in rows]
        assert found == self.rows[: len(found)]
        assert len(found) == COUNT


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
def recorded(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Recorded:
    """The recording, which the workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        base = base.parent
    kept = base / "matrix.pickle"
    with (base / "matrix.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            kept.write_bytes(pickle.dumps(record(base / "matrix.cassette")))
    found: Recorded = pickle.loads(kept.read_bytes())
    return found


def record(folder: Path) -> Recorded:
    """Record the query at the upstream."""
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
            found = job.result(page_size=100, timeout=30, retry=None, job_retry=None)
            schema = values.columns(found.schema)
            rows = [values.row(r.values(), schema, values.of_python) for r in found]
    recorder.finish()
    assert len(rows) == COUNT
    return Recorded(folder, schema, rows)


@pytest.fixture
def replay(recorded: Recorded) -> Iterator[ReplayServer]:
    with ReplayServer(recorded.folder, project=PROJECT) as server:
        yield server
        report = server.report()
        assert report.ok, report.text


def test_query_and_wait(replay: ReplayServer, recorded: Recorded) -> None:
    with client_of(replay.url, PROJECT) as client:
        recorded.equals([r.values() for r in client.query_and_wait(OTHERWISE)])


@pytest.mark.parametrize("size", [7, 99, 100, 101, COUNT, 1000])
def test_insert_and_pages_of_any_size(replay: ReplayServer, recorded: Recorded, size: int) -> None:
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        recorded.equals([r.values() for r in job.result(page_size=size)])
        assert job.state == "DONE"


def test_the_destination_as_a_table(replay: ReplayServer, recorded: Recorded) -> None:
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        table = client.get_table(job.destination)
        recorded.equals([r.values() for r in client.list_rows(table, page_size=33)])
        some = client.list_rows(
            table, selected_fields=[f for f in table.schema if f.name == "id"], start_index=200, max_results=3
        )
        assert [r.values() for r in some] == [(200,), (201,), (202,)]


def test_arrow_by_pages_and_by_storage_reads(replay: ReplayServer, recorded: Recorded) -> None:
    pytest.importorskip("google.cloud.bigquery_storage")
    with client_of(replay.url, PROJECT) as client:
        by_rest = client.query(SQL).result().to_arrow(create_bqstorage_client=False)
        by_storage = client.query(SQL).result(page_size=10).to_arrow(bqstorage_client=replay.read_client())
    recorded.equals(by_rest.to_pylist())
    recorded.equals(by_storage.to_pylist())


@pytest.mark.parametrize("streams", [0, 1, 4])
@pytest.mark.parametrize("format_", ["ARROW", "AVRO"])
def test_storage_reads_though_only_pages_were_recorded(
    replay: ReplayServer, recorded: Recorded, format_: str, streams: int
) -> None:
    storage = pytest.importorskip("google.cloud.bigquery_storage_v1")
    if format_ == "AVRO":
        pytest.importorskip("fastavro")
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        table = job.destination.to_bqstorage()
    read = replay.read_client()

    def rows(fields: Sequence[str] = ()) -> list[dict[str, Any]]:
        session = read.create_read_session(
            parent=f"projects/{PROJECT}",
            read_session=storage.types.ReadSession(
                table=table,
                data_format=storage.types.DataFormat[format_],
                read_options={"selected_fields": fields},
            ),
            max_stream_count=streams,
        )
        assert len(session.streams) == (streams or 1)
        found = [row for stream in session.streams for row in read.read_rows(stream.name).rows(session)]
        return [{name: _py(value) for name, value in row.items()} for row in found]

    recorded.equals(rows(), values.of_avro if format_ == "AVRO" else values.of_python)
    some = [(row["id"], row["s"]["x"]) for row in rows(["id", "s.x"])]
    assert some == [(row[0], row[0]) for row in recorded.rows]


def _py(value: Any) -> Any:
    return value.as_py() if hasattr(value, "as_py") else value


def test_bqclient(replay: ReplayServer, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    from bqclient import SyncBigQueryClient

    for name, value in replay.environment().items():
        monkeypatch.setenv(name, value)
    with SyncBigQueryClient(project=PROJECT) as client:
        recorded.equals([tuple(row.values()) for row in client.queries.execute(OTHERWISE).rows])
        by_storage = client.storage_read.read_all(destination(replay)).to_arrow().sort_by("id")
    recorded.equals(by_storage.to_pylist())


def destination(replay: ReplayServer) -> str:
    """The table with the result."""
    with client_of(replay.url, PROJECT) as client:
        job = client.query(SQL)
        job.result()
        return str(job.destination)


class ByHand:
    """Plain HTTP at a replay."""

    def __init__(self, replay: ReplayServer) -> None:
        self.connection = http.client.HTTPConnection(replay.url.removeprefix("http://"), timeout=30)

    def call(self, verb: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body)
        self.connection.request(verb, f"/bigquery/v2/projects/{PROJECT}/{path}", data)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


@pytest.fixture
def by_hand(replay: ReplayServer) -> Iterator[ByHand]:
    made = ByHand(replay)
    yield made
    made.connection.close()


QUERY = {"query": SQL, "useLegacySql": False}
INT64 = "formatOptions.useInt64Timestamp=true"


@pytest.mark.parametrize("polls", [0, 1, 5])
@pytest.mark.parametrize(("size", "more"), [(11, ""), (50, f"&{INT64}"), (249, ""), (9999, "")])
def test_odd_polls_and_pages(by_hand: ByHand, recorded: Recorded, polls: int, size: int, more: str) -> None:
    """A job that is looked at more or less often than when it was recorded, and its pages by their tokens."""
    job = by_hand.call("POST", "jobs", {"configuration": {"query": QUERY}})["jobReference"]["jobId"]
    for _ in range(polls):
        assert by_hand.call("GET", f"jobs/{job}")["status"]["state"] == "DONE"
        assert by_hand.call("GET", f"queries/{job}?maxResults=0")["totalRows"] == str(COUNT)
    rows, token = [], ""
    while True:
        page = by_hand.call("GET", f"queries/{job}?maxResults={size}{more}&pageToken={token}")
        rows += page["rows"]
        token = page.get("pageToken", "")
        if not token:
            break
    assert values.of_rows(rows, recorded.schema) == recorded.rows


def test_pages_from_the_last_to_the_first(by_hand: ByHand, recorded: Recorded) -> None:
    job = by_hand.call("POST", "jobs", {"configuration": {"query": QUERY}})["jobReference"]["jobId"]
    rows: list[Any] = []
    for start in range(COUNT - 50, -1, -50):
        rows = by_hand.call("GET", f"queries/{job}?startIndex={start}&maxResults=50")["rows"] + rows
    assert values.of_rows(rows, recorded.schema) == recorded.rows


@pytest.mark.parametrize("int64", [False, True])
def test_a_query_that_answers_at_once(by_hand: ByHand, recorded: Recorded, int64: bool) -> None:
    options = {"formatOptions": {"useInt64Timestamp": int64}}
    whole = by_hand.call("POST", "queries", {**QUERY, **options})
    assert values.of_rows(whole["rows"], recorded.schema) == recorded.rows
    some = by_hand.call("POST", "queries", {**QUERY, **options, "maxResults": 3})
    assert some["rows"] == whole["rows"][:3]
    assert some["pageToken"]


def printed(recorded: Recorded, command: Sequence[str], ways: int, **options: Any) -> None:
    """Hold the rows that a program prints against those recorded."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False, **options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(found) == ways
    for rows in found.values():
        recorded.equals(rows, values.of_printed)


@pytest.mark.skipif(
    NODE is None or not (MODULES / "@google-cloud" / "bigquery").is_dir(),
    reason="node and @google-cloud/bigquery are not here",
)
def test_the_node_client(replay: ReplayServer, recorded: Recorded) -> None:
    script = Path(__file__).with_name("node_replay.cjs")
    environment = {
        **os.environ,
        "NODE_PATH": str(MODULES.resolve()),
        "METADATA_SERVER_DETECTION": "none",
        "BIGQUERY_EMULATOR_HOST": replay.url,
    }
    printed(recorded, [str(NODE), str(script), replay.url, PROJECT, SQL], 4, env=environment)


@pytest.mark.skipif(
    GO is None or not (GO_MODULE / "go.mod").is_file(), reason="go and its client are not here"
)
def test_the_go_client(replay: ReplayServer, recorded: Recorded) -> None:
    program = Path(__file__).with_name("go_replay.go")
    printed(recorded, [str(GO), "run", str(program), replay.url, PROJECT, SQL], 3, cwd=GO_MODULE)


@pytest.mark.skipif(JAVA is None or not JARS.is_dir(), reason="java and the jars of its client are not here")
def test_the_java_client(replay: ReplayServer, recorded: Recorded) -> None:
    program = Path(__file__).with_name("JavaReplay.java")
    printed(recorded, [str(JAVA), "-cp", f"{JARS.resolve()}/*", str(program), replay.url, PROJECT, SQL], 3)
