"""What provokes each limit: plain calls and jobs, in a dataset ``d`` with a table ``t`` of two rows."""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from google.cloud.bigquery_storage_v1 import types

from bqsim.errors import STATUS_CODES
from bqsim.simulator import Simulator
from tests.waiting import PATIENCE_S, until

DAYS = "[STRUCT(1 AS n, DATE '2026-01-01' AS d), STRUCT(2, DATE '2026-01-02')]"
READ = "google.cloud.bigquery.storage.v1.BigQueryRead."
RUNS_LONG = "{timed: {running: 8h}}"
TYPE = "Content-Type: application/json\r\n\r\n"


class Refused(Exception):
    """A failure as the service tells it: a reason and a text."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message


class Caller:
    """Calls a simulator without any client's retries."""

    numbers = itertools.count(1)

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.project = simulator.project
        self.name = f"x{next(self.numbers)}"

    def rest(self, verb: str, path: str, body: Any = None, content: str = "application/json") -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.simulator.port, timeout=20)
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        prefix = "" if path.startswith("/") else "/bigquery/v2/"
        connection.request(verb, prefix + path, data, {"Content-Type": content})
        answer = connection.getresponse()
        found = json.loads(answer.read() or b"{}")
        connection.close()
        if answer.status >= 400:
            error = found["error"]["errors"][0]
            raise Refused(error["reason"], error["message"])
        return found

    def dataset(self, verb: str = "GET", path: str = "", body: Any = None) -> Any:
        return self.rest(verb, f"projects/{self.project}/datasets/d{path}", body)

    def table(self, name: str, fields: list[dict[str, Any]] | None = None, **more: Any) -> Any:
        ref = {"projectId": self.project, "datasetId": "d", "tableId": name}
        schema = {"fields": fields or [{"name": "n", "type": "INT64"}]}
        return self.dataset("POST", "/tables", {"tableReference": ref, "schema": schema, **more})

    def stream(self, *rows: Any, **more: Any) -> Any:
        return self.dataset("POST", "/tables/s/insertAll", {"rows": list(rows), **more})

    def begin(self, configuration: dict[str, Any]) -> dict[str, Any]:
        """Make a job."""
        made = self.rest("POST", f"projects/{self.project}/jobs", {"configuration": configuration})
        found: dict[str, Any] = made["jobReference"]
        return found

    def job(self, ref: dict[str, Any]) -> Any:
        path = f"projects/{ref['projectId']}/jobs/{ref['jobId']}?location={ref['location']}"
        return self.rest("GET", path)

    def state(self, ref: dict[str, Any], *wanted: str) -> Any:
        """The job once it is in one of the states."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            job = self.job(ref)
            if job["status"]["state"] in wanted:
                return job
            time.sleep(0.01)
        raise AssertionError(f"the job is {job['status']}, not {wanted}")

    def ended(self, ref: dict[str, Any]) -> Any:
        """The job once it is DONE. Raises its failure."""
        job = self.state(ref, "DONE")
        error = job["status"].get("errorResult")
        if error is not None:
            raise Refused(error["reason"], error["message"])
        return job

    def query(self, sql: str, **more: Any) -> dict[str, Any]:
        """Begin a query."""
        default = {"projectId": self.project, "datasetId": "d"}
        query = {"query": sql, "useLegacySql": False, "defaultDataset": default, "useQueryCache": False}
        return self.begin({"query": query | more})

    def run(self, sql: str, **more: Any) -> Any:
        return self.ended(self.query(sql, **more))

    def into(self, name: str, sql: str = "SELECT 1 AS n", **more: Any) -> Any:
        """Append what a query returns to a table."""
        target = {"projectId": self.project, "datasetId": "d", "tableId": name}
        return self.run(sql, destinationTable=target, writeDisposition="WRITE_APPEND", **more)

    def extract(self, *names: str, table: str = "t") -> Any:
        """Begin an extract of a table into objects of those names."""
        uris = [f"gs://bucket/{self.name}{name}" for name in names or ("",)]
        source = {"projectId": self.project, "datasetId": "d", "tableId": table}
        return self.begin({"extract": {"sourceTable": source, "destinationUris": uris}})

    def copy(self, target: str, *sources: str, operation: str = "COPY", dataset: str = "d") -> Any:
        def ref(name: str, dataset: str = "d") -> dict[str, str]:
            return {"projectId": self.project, "datasetId": dataset, "tableId": name}

        configuration = {
            "sourceTables": [ref(name) for name in sources or ("t",)],
            "destinationTable": ref(target, dataset),
            "operationType": operation,
            "writeDisposition": "WRITE_TRUNCATE" if operation == "COPY" else "WRITE_EMPTY",
        }
        return self.begin({"copy": configuration})

    def load(self, data: bytes, name: str = "") -> Any:
        target = {"projectId": self.project, "datasetId": "d", "tableId": name or self.name}
        schema = {"fields": [{"name": "v", "type": "STRING"}]}
        load = {"destinationTable": target, "sourceFormat": "CSV", "schema": schema}
        head = json.dumps({"configuration": {"load": load}})
        body = f"--b\r\n{TYPE}{head}\r\n--b\r\nContent-Type: */*\r\n\r\n".encode() + data + b"\r\n--b--\r\n"
        path = f"/upload/bigquery/v2/projects/{self.project}/jobs?uploadType=multipart"
        return self.ended(self.rest("POST", path, body, 'multipart/related; boundary="b"')["jobReference"])

    # The Storage API

    @property
    def path(self) -> str:
        return f"projects/{self.project}/datasets/d/tables/t"

    def session(self, **options: Any) -> Any:
        wanted = types.ReadSession(table=self.path, data_format="ARROW", **options)
        request = {"parent": f"projects/{self.project}", "read_session": wanted}
        return self.simulator.read_client().create_read_session(request, retry=None)

    def reading(self) -> Any:
        """Begin to read a new session, without the client that tries again by itself."""
        import grpc

        from bqsim.storage.v1 import read_pb2

        channel = grpc.insecure_channel(self.simulator.grpc_target)
        call = channel.unary_stream(
            f"/{READ.removesuffix('.')}/ReadRows",
            request_serializer=read_pb2.ReadRowsRequest.SerializeToString,
            response_deserializer=read_pb2.ReadRowsResponse.FromString,
        )
        return call(read_pb2.ReadRowsRequest(read_stream=self.session().streams[0].name), timeout=20)

    def write_stream(self) -> Any:
        stream = types.WriteStream(type_="PENDING")
        return self.simulator.write_client().create_write_stream(
            parent=self.path, write_stream=stream, retry=None
        )

    def append(self, stream: str, count: int = 1, connections: int = 1) -> None:
        """Send rows on one connection after the other, all open until the last has its answers."""
        client = self.simulator.write_client()
        from google.protobuf import descriptor_pb2

        proto = descriptor_pb2.DescriptorProto(name="R")
        field = proto.field.add(name="n", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
        assert field.number == 1
        data = types.AppendRowsRequest.ProtoData(
            writer_schema=types.ProtoSchema(proto_descriptor=proto),
            rows=types.ProtoRows(serialized_rows=[b"\x08\x05"]),
        )
        request = types.AppendRowsRequest(write_stream=stream, proto_rows=data)
        release: list[bool] = []

        def requests() -> Any:
            for _ in range(count):
                yield request
            while not release:
                time.sleep(0.01)

        opened = []
        try:
            for _ in range(connections):
                answers = client.append_rows(requests())
                opened.append(answers)
                for _ in range(count):
                    error = next(iter(answers)).error
                    if error.code:
                        raise Refused(
                            next(n for n, c in STATUS_CODES.items() if c == error.code), error.message
                        )
        finally:
            release.append(True)
            for answers in opened:
                answers.cancel()


Step = Callable[[Caller], object]


@dataclass(frozen=True)
class Way:
    """How a limit is exceeded: with amounts set, after ``first``, ``then`` is refused by the limit.

    ``plan`` is what jobs go by; ``later`` how much time passes before ``then``.
    """

    then: Step
    amount: int = 1
    first: Step | None = None
    more: tuple[tuple[str, int], ...] = ()
    before: Step | None = None
    plan: str = ""


def twice(step: Step, **more: Any) -> Way:
    return Way(step, first=step, **more)


def _extract_16_bytes(c: Caller) -> Any:
    c.run(f"CREATE OR REPLACE TABLE {c.name} AS SELECT n FROM UNNEST([1, 2]) AS n")
    return c.ended(c.extract(table=c.name))


def _get(c: Caller) -> Any:
    return c.dataset()


def _long(kind: str, *sql: str, **options: Any) -> Way:
    """A job that runs for long, one that waits behind it, and one more."""
    first, second = (sql[0], sql[-1])

    def begin(c: Caller) -> None:
        c.state(c.query(first, **options), "RUNNING")
        c.query(second, **options)

    def then(c: Caller) -> Any:
        return c.ended(c.query(second, **options))

    return Way(then, first=begin, more=((kind, 1),), plan=RUNS_LONG)


def _expired(sql: str, running: str, hours: float, **options: Any) -> Way:
    """A job that waits for longer than it may."""

    def then(c: Caller) -> Any:
        c.state(c.query(sql, **options), "RUNNING")
        waiting = c.query(sql, **options)
        c.state(waiting, "PENDING")
        c.simulator.clock.advance(hours * 3600)
        return c.ended(waiting)

    return Way(then, amount=600, more=((running, 1),), plan=RUNS_LONG)


def _overdue(c: Caller) -> Any:
    ref = c.query("SELECT 1")
    c.state(ref, "RUNNING")
    c.simulator.clock.advance(90)
    return c.ended(ref)


def _concurrent_calls(c: Caller) -> Any:
    import threading

    with c.simulator.faults.add("delay: 60s", method="bigquery.datasets.list"):
        path = f"projects/{c.project}/datasets"
        slow = threading.Thread(target=lambda: c.rest("GET", path))
        slow.start()
        until(c.simulator.limits.usage)
        try:
            return c.dataset()
        finally:
            c.simulator.clock.advance(61)
            slow.join()


def _partitioned(c: Caller) -> None:
    c.run(f"CREATE TABLE IF NOT EXISTS {c.name} (n INT64, d DATE) PARTITION BY d")


def _by_ingestion(c: Caller) -> None:
    c.table(c.name, timePartitioning={"type": "DAY"})


def _days(c: Caller) -> Any:
    return c.into(c.name, f"SELECT * FROM UNNEST({DAYS})")


def _snapshot(c: Caller) -> None:
    c.ended(c.copy(c.name, operation="SNAPSHOT"))


def _patch(c: Caller) -> Any:
    return c.dataset("PATCH", f"/tables/{c.name}", {"description": "x"})


def _views(c: Caller) -> None:
    c.run(f"CREATE VIEW {c.name} AS SELECT n FROM {c.project}.d.t")
    c.run(f"CREATE VIEW {c.name}v AS SELECT n FROM {c.project}.d.{c.name}")


def _own(c: Caller) -> Any:
    return c.run(f"CREATE TABLE {c.name} AS SELECT 1 AS n")


def _policy(table: str, name: str = "a") -> str:
    return f"CREATE OR REPLACE ROW ACCESS POLICY {name} ON {table} GRANT TO ('allUsers') FILTER USING (n = 1)"


def _transaction(c: Caller) -> Any:
    return c.run("BEGIN TRANSACTION; INSERT t2 (n) VALUES (1); INSERT t3 (n) VALUES (1); COMMIT TRANSACTION")


def _transaction_days(c: Caller) -> Any:
    days = f"INSERT {c.name} SELECT * FROM UNNEST({DAYS})"
    return c.run(f"BEGIN TRANSACTION; {days}; COMMIT TRANSACTION")


def _commit(c: Caller, streams: int = 1) -> Any:
    names = [c.write_stream().name for _ in range(streams)]
    client = c.simulator.write_client()
    for name in names:
        c.append(name)
        client.finalize_write_stream(name=name, retry=None)
    request = {"parent": c.path, "write_streams": names}
    return client.batch_commit_write_streams(request, retry=None)


def _read_two(c: Caller) -> Any:
    with c.simulator.faults.add("delay: {latency: 60s, phase: page}", method=f"{READ}ReadRows"):
        opened = c.reading()
        until(c.simulator.limits.usage)
        try:
            return list(c.reading())
        finally:
            opened.cancel()


ONE, WITH_ID = {"json": {"n": 1}}, {"json": {"n": 1}, "insertId": "a"}
INSERTS, CHANGES = "INSERT t (n) VALUES (1)", "UPDATE t SET n = n WHERE TRUE"
NESTED = {"name": "r", "type": "RECORD", "fields": [{"name": "n", "type": "INT64"}]}
DEEP = {"name": "o", "type": "RECORD", "fields": [NESTED]}

WAYS: dict[str, Way] = {
    "api_requests_per_user_method": twice(_get),
    "concurrent_api_requests_per_user": Way(_concurrent_calls),
    "jobs_get_requests": Way(lambda c: [c.job(ref) for ref in [c.query("SELECT 1")] * 2]),
    "tabledata_list_requests": twice(lambda c: c.dataset("GET", "/tables/t/data")),
    "tabledata_list_bytes": twice(lambda c: c.dataset("GET", "/tables/t/data")),
    "tabledata_list_rows": Way(lambda c: c.dataset("GET", "/tables/t/data?maxResults=2")),
    "projects_list_requests": twice(lambda c: c.rest("GET", "projects")),
    "tables_insert_requests": Way(lambda c: c.table(c.name + "b"), first=lambda c: c.table(c.name)),
    "header_bytes": Way(_get, amount=10),
    "request_bytes": Way(lambda c: c.query("SELECT 1"), amount=10),
    "dataset_metadata_updates": twice(lambda c: c.dataset("PATCH", "", {"description": "x"})),
    "table_metadata_updates": twice(_patch, before=lambda c: c.table(c.name)),
    "partitioned_table_metadata_updates": twice(_patch, before=_by_ingestion),
    "table_modifications_per_day": twice(lambda c: c.into(c.name)),
    "partition_modifications_ingestion_time": twice(lambda c: c.into(c.name), before=_by_ingestion),
    "partition_modifications_column": Way(_days, before=_partitioned),
    "partitions_per_job": Way(_days, before=_partitioned),
    "partitions_per_table": Way(_days, before=_partitioned),
    "columns_per_table": Way(
        lambda c: c.table(c.name, [{"name": "a", "type": "INT64"}, {"name": "b", "type": "INT64"}])
    ),
    "nested_record_levels": Way(lambda c: c.table(c.name, [DEEP])),
    "routine_metadata_updates": twice(lambda c: c.run("CREATE OR REPLACE FUNCTION f() AS (1)")),
    "snapshot_metadata_updates": twice(_patch, before=_snapshot),
    "authorized_resources_per_dataset": Way(
        lambda c: c.dataset(
            "PATCH",
            "",
            {
                "access": [
                    {"view": {"projectId": c.project, "datasetId": "d", "tableId": f"v{i}"}} for i in range(2)
                ]
            },
        )
    ),
    "row_access_policy_updates": twice(lambda c: c.run(_policy(c.name)), before=_own),
    "row_access_policies_per_table": Way(
        lambda c: c.run(_policy(c.name, "b")), before=lambda c: (_own(c), c.run(_policy(c.name)))
    ),
    "row_access_policies_per_query": Way(
        lambda c: c.run(f"SELECT * FROM {c.name}"),
        before=lambda c: (_own(c), [c.run(_policy(c.name, name)) for name in "ab"]),
    ),
    "insert_bytes": twice(lambda c: c.stream(ONE)),
    "insert_id_rows_per_project": twice(lambda c: c.stream(WITH_ID)),
    "insert_id_rows_per_table": twice(lambda c: c.stream(WITH_ID)),
    "insert_id_bytes_per_table": twice(lambda c: c.stream(WITH_ID)),
    "insert_rows": Way(lambda c: c.stream(ONE, ONE)),
    "insert_row_bytes": Way(lambda c: c.stream(ONE)),
    "insert_id_characters": Way(lambda c: c.stream({**ONE, "insertId": "ab"})),
    "template_tables": Way(
        lambda c: c.stream(ONE, templateSuffix=c.name + "b"),
        first=lambda c: c.stream(ONE, templateSuffix=c.name),
    ),
    "queued_interactive_queries": _long("concurrent_queries", "SELECT 1"),
    "queued_batch_queries": _long("concurrent_queries", "SELECT 1", priority="BATCH"),
    "query_bytes_per_day": twice(lambda c: c.run("SELECT n FROM t"), amount=20),
    "query_bytes_per_user_per_day": twice(lambda c: c.run("SELECT n FROM t"), amount=20),
    "free_query_bytes": twice(lambda c: c.run("SELECT n FROM t"), amount=20),
    "query_characters": Way(lambda c: c.run("SELECT 1")),
    "resolved_query_bytes": Way(lambda c: c.run(f"SELECT max(n) AS {c.name} FROM t")),
    "unresolved_query_bytes": Way(lambda c: c.run("SELECT 1")),
    "query_parameters": Way(
        lambda c: c.run(
            "SELECT ? + ?",
            queryParameters=[{"parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}}] * 2,
        )
    ),
    "referenced_resources": Way(lambda c: c.run("SELECT t.n FROM t, t2")),
    "nested_views": Way(lambda c: c.run(f"SELECT * FROM {c.name}v"), before=_views),
    "view_characters": Way(lambda c: c.run(f"SELECT * FROM {c.name}v"), before=_views),
    "result_bytes": Way(lambda c: c.run("SELECT 1, 2")),
    "result_row_bytes": Way(lambda c: c.run("SELECT 'a long text'")),
    "execution_seconds": Way(_overdue, amount=60, plan=RUNS_LONG),
    "transaction_tables": Way(_transaction),
    "transaction_partitions": Way(_transaction_days, before=_partitioned),
    "interactive_queue_seconds": _expired("SELECT 1", "concurrent_queries", 1),
    "batch_queue_seconds": _expired("SELECT 1", "concurrent_queries", 1, priority="BATCH"),
    "dml_statements": twice(lambda c: c.run(INSERTS)),
    "dml_mutating_queued": _long("dml_mutating_running", CHANGES),
    "dml_inserts_queued": Way(
        lambda c: c.ended(c.query(INSERTS)),
        first=lambda c: [c.state(c.query(INSERTS), "RUNNING") for _ in range(2)] and c.query(INSERTS),
        more=(("dml_inserts_running", 1), ("dml_inserts_at_once", 1)),
        plan=RUNS_LONG,
    ),
    "dml_queued_seconds": _expired(CHANGES, "dml_mutating_running", 1),
    "load_jobs_per_table": twice(lambda c: c.load(b"a\n")),
    "load_jobs_per_project": twice(lambda c: c.load(b"a\n")),
    "load_bytes": Way(lambda c: c.load(b"a\nb\n")),
    "load_row_bytes": Way(lambda c: c.load(b"abcdef\n")),
    "load_compressed_file_bytes": Way(lambda c: c.load(gzip.compress(b"abc\n"))),
    "load_file_bytes": Way(lambda c: c.load(b"abc\n")),
    "copy_jobs_per_project": twice(lambda c: c.ended(c.copy(c.name))),
    "cross_region_copy_jobs_per_project": twice(lambda c: c.ended(c.copy(c.name, dataset="far"))),
    "cross_region_copy_jobs_per_table": twice(lambda c: c.ended(c.copy(c.name, dataset="far"))),
    "extract_jobs_per_project": twice(lambda c: c.ended(c.extract())),
    "extract_bytes_per_day": twice(_extract_16_bytes, amount=20),
    "extract_wildcard_uris": Way(lambda c: c.ended(c.extract("1*", "2*"))),
    "extract_single_file_bytes": Way(lambda c: c.ended(c.extract())),
    "copy_sources": Way(lambda c: c.ended(c.copy(c.name, "t2", "t3"))),
    "concurrent_snapshots": Way(
        lambda c: c.ended(c.copy(c.name, operation="SNAPSHOT")),
        first=lambda c: c.state(c.copy(c.name, operation="SNAPSHOT"), "RUNNING"),
        plan=RUNS_LONG,
    ),
    "snapshots_per_project": Way(
        lambda c: c.ended(c.copy(c.name + "b", operation="SNAPSHOT")), first=_snapshot
    ),
    "snapshots_per_table": Way(lambda c: c.ended(c.copy(c.name, operation="SNAPSHOT")), first=_snapshot),
    "copy_chain_depth": Way(
        lambda c: c.ended(c.copy(c.name + "b", c.name, operation="CLONE")), before=_snapshot
    ),
    "copy_dependents": Way(lambda c: c.ended(c.copy(c.name + "b", operation="CLONE")), before=_snapshot),
    "read_rows_requests": twice(lambda c: list(c.reading())),
    "read_control_requests": twice(lambda c: c.session()),
    "concurrent_read_rows": Way(_read_two),
    "read_trace_id_bytes": Way(lambda c: c.session(trace_id="abc")),
    "row_restriction_bytes": Way(
        lambda c: c.session(read_options=types.ReadSession.TableReadOptions(row_restriction="n = 1"))
    ),
    "write_connections": Way(lambda c: c.append(c.path + "/streams/_default", connections=2)),
    "append_bytes": Way(lambda c: c.append(c.path + "/streams/_default", count=2)),
    "append_request_bytes": Way(lambda c: c.append(c.path + "/streams/_default")),
    "create_write_stream_requests": twice(lambda c: c.write_stream()),
    "commit_pending_bytes": Way(_commit),
    "commit_streams": Way(lambda c: _commit(c, 2)),
}

# What cannot come up.
NEVER: dict[str, str] = {
    "reservation_requests": "there is no Reservation API",
    "concurrent_queries": "beyond it jobs wait",
    "dml_mutating_running": "beyond it jobs wait",
    "dml_inserts_running": "beyond it jobs wait",
    "dml_inserts_at_once": "beyond it other limits hold",
    "concurrent_remote_function_queries": "there are no remote functions",
    "concurrent_python_udf_queries": "there are no Python UDFs",
    "recursive_iterations": "the engine's own bound of 500 cannot be set",
    "cpu_seconds_per_mib": "CPU time is not modelled",
    "load_uris": "files come as uploads only",
    "load_files": "one upload is one file, and no amount is below one",
    "load_avro_block_bytes": "Avro is not read",
    "read_row_bytes": "the read service bounds its messages itself",
}
