"""Google's own Python client against a running simulator."""

from __future__ import annotations

import datetime
import decimal
import io
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core import exceptions
from google.cloud import bigquery

from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.datasets.insert, rest:bigquery.datasets.get, rest:bigquery.datasets.patch",
        "exact",
        tests="test_dataset_crud",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.datasets.list, rest:bigquery.datasets.delete",
        "exact",
        tests="test_dataset_crud",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.tables.insert, rest:bigquery.tables.get, rest:bigquery.tables.patch",
        "exact",
        tests="test_table_crud test_view test_many_tables*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.tables.list, rest:bigquery.tables.delete",
        "exact",
        tests="test_table_crud test_view test_many_tables*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.jobs.query, rest:bigquery.jobs.getQueryResults",
        "exact",
        tests="test_results_* test_*parameters*",
    ),
    pytest.mark.fidelity("rest:bigquery.jobs.cancel", "exact", tests="test_a_long_query_*"),
    pytest.mark.fidelity(
        "rest:bigquery.jobs.list, rest:bigquery.jobs.delete", "exact", tests="test_jobs_are_listed*"
    ),
    pytest.mark.fidelity("rest:bigquery.tabledata.insertAll", "exact", tests="test_streaming_inserts"),
    pytest.mark.fidelity("rest:bigquery.tabledata.list", "exact", tests="test_list_rows_*"),
    pytest.mark.fidelity("job:parameters", "exact", tests="test_*parameters*"),
    pytest.mark.fidelity("job:load", "exact", tests="test_load_*"),
    pytest.mark.fidelity("job:copy", "exact", tests="test_copy_table"),
    pytest.mark.fidelity("job:query", "exact", tests="test_results_* test_dml_* test_failures_*"),
    pytest.mark.fidelity("job:dry runs", "exact", tests="test_dry_run"),
    pytest.mark.fidelity("job:result cache", "exact", tests="test_repeated_query_*"),
    pytest.mark.fidelity("job:destination tables", "exact", tests="test_destination_table"),
    pytest.mark.fidelity("job:timeouts", "exact", tests="test_timeout_*"),
    pytest.mark.fidelity("job:scripts", "exact", tests="test_scripts_*"),
    pytest.mark.fidelity("load:schema autodetection", "exact", tests="test_*autodetected*"),
    pytest.mark.fidelity("load:uploads", "exact", tests="test_load_large_file*"),
]

Client = Any
SCHEMA = [bigquery.SchemaField("id", "INTEGER", "REQUIRED"), bigquery.SchemaField("name", "STRING")]


@pytest.fixture
def client(bqsim_client: Client) -> Client:
    bqsim_client.create_dataset("d")
    return bqsim_client


def values(rows: Any) -> list[tuple[Any, ...]]:
    return [row.values() for row in rows]


# Datasets and tables


def test_dataset_crud(bqsim_client: Client) -> None:
    dataset = bigquery.Dataset(f"{bqsim_client.project}.sales")
    dataset.description = "first"
    dataset.labels = {"env": "test"}
    dataset.default_table_expiration_ms = 3_600_000
    made = bqsim_client.create_dataset(dataset)
    assert (made.location, made.labels, made.created.tzinfo) == ("US", {"env": "test"}, datetime.UTC)
    made.description = "second"
    assert bqsim_client.update_dataset(made, ["description"]).description == "second"
    with pytest.raises(exceptions.PreconditionFailed):
        bqsim_client.update_dataset(made, ["description"])
    assert [d.dataset_id for d in bqsim_client.list_datasets(filter="labels.env:test")] == ["sales"]
    with pytest.raises(exceptions.Conflict):
        bqsim_client.create_dataset("sales")
    bqsim_client.create_dataset("sales", exists_ok=True)
    bqsim_client.delete_dataset("sales")
    with pytest.raises(exceptions.NotFound):
        bqsim_client.get_dataset("sales")
    bqsim_client.delete_dataset("sales", not_found_ok=True)


def test_table_crud(client: Client) -> None:
    table = bigquery.Table(f"{client.project}.d.t", schema=SCHEMA)
    table.time_partitioning = bigquery.TimePartitioning(type_="DAY", expiration_ms=86_400_000)
    table.clustering_fields = ["name"]
    made = client.create_table(table)
    assert made.schema == SCHEMA
    assert (made.time_partitioning.type_, made.clustering_fields) == ("DAY", ["name"])
    made.schema = [*made.schema, bigquery.SchemaField("added", "FLOAT")]
    made.description = "with one more"
    updated = client.update_table(made, ["schema", "description"])
    assert [f.name for f in updated.schema] == ["id", "name", "added"]
    updated.schema = [bigquery.SchemaField("id", "STRING")]
    with pytest.raises(exceptions.BadRequest, match="Provided Schema does not match"):
        client.update_table(updated, ["schema"])
    assert [t.table_id for t in client.list_tables("d")] == ["t"]
    client.delete_table("d.t")
    with pytest.raises(exceptions.NotFound):
        client.get_table("d.t")


def test_view(client: Client) -> None:
    view = bigquery.Table(f"{client.project}.d.v")
    view.view_query = "SELECT 1 AS one, 'x' AS letter"
    made = client.create_table(view)
    assert (made.table_type, made.view_query) == ("VIEW", view.view_query)
    assert values(client.query_and_wait("SELECT * FROM d.v")) == [(1, "x")]


def test_many_tables_are_listed_in_pages(client: Client) -> None:
    for i in range(7):
        client.create_table(bigquery.Table(f"{client.project}.d.t{i}", schema=SCHEMA))
    listed = client.list_tables("d", page_size=3)
    assert [[t.table_id for t in page] for page in listed.pages] == [
        ["t0", "t1", "t2"],
        ["t3", "t4", "t5"],
        ["t6"],
    ]


# Queries

PARAMETERS: list[tuple[str, Any, Any]] = [
    ("INT64", -(2**63), -(2**63)),
    ("FLOAT64", 0.1, 0.1),
    ("NUMERIC", decimal.Decimal("-12.000000001"), decimal.Decimal("-12.000000001")),
    ("BIGNUMERIC", decimal.Decimal("1E-38"), decimal.Decimal("1E-38")),
    ("BOOL", True, True),
    ("STRING", 'it\'s "ünïcode" \\n ☃', 'it\'s "ünïcode" \\n ☃'),
    ("BYTES", b"\x00\xff", b"\x00\xff"),
    ("DATE", datetime.date(2024, 2, 29), datetime.date(2024, 2, 29)),
    ("TIME", datetime.time(1, 2, 3, 4), datetime.time(1, 2, 3, 4)),
    ("DATETIME", datetime.datetime(2024, 1, 2, 3, 4, 5, 6), datetime.datetime(2024, 1, 2, 3, 4, 5, 6)),
    (
        "TIMESTAMP",
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=datetime.UTC),
    ),
    ("JSON", {"a": [1, None, "x"]}, {"a": [1, None, "x"]}),
    ("GEOGRAPHY", "POINT(1 2)", "POINT(1 2)"),
    ("INT64", None, None),
    ("STRING", None, None),
]


@pytest.mark.parametrize(("type_", "value", "expected"), PARAMETERS, ids=lambda v: str(v)[:20])
def test_scalar_parameters_keep_their_type(
    bqsim_client: Client, type_: str, value: Any, expected: Any
) -> None:
    config = bigquery.QueryJobConfig(query_parameters=[bigquery.ScalarQueryParameter("p", type_, value)])
    rows = bqsim_client.query_and_wait("SELECT @p AS p", job_config=config)
    legacy = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN"}
    assert rows.schema[0].field_type == legacy.get(type_, type_)
    assert values(rows) == [(expected,)]


def test_array_struct_range_and_positional_parameters(bqsim_client: Client) -> None:
    struct = bigquery.StructQueryParameter(
        "s",
        bigquery.ScalarQueryParameter("a", "INT64", 1),
        bigquery.ArrayQueryParameter("b", "STRING", ["x", "y"]),
    )
    config = bigquery.QueryJobConfig(
        query_parameters=[
            struct,
            bigquery.ArrayQueryParameter("empty", "DATE", []),
            bigquery.RangeQueryParameter(
                "DATE", start=datetime.date(2024, 1, 1), end=datetime.date(2024, 2, 1), name="r"
            ),
        ]
    )
    rows = bqsim_client.query_and_wait("SELECT @s AS s, @empty AS e, @r AS r", job_config=config)
    bounds = {"start": datetime.date(2024, 1, 1), "end": datetime.date(2024, 2, 1)}
    assert values(rows) == [({"a": 1, "b": ["x", "y"]}, [], bounds)]
    config = bigquery.QueryJobConfig(
        query_parameters=[
            bigquery.ScalarQueryParameter(None, "INT64", 40),
            bigquery.ScalarQueryParameter(None, "INT64", 2),
        ]
    )
    assert values(bqsim_client.query_and_wait("SELECT ? + ?", job_config=config)) == [(42,)]


@pytest.mark.parametrize("run", ["query", "query_and_wait"])
def test_results_page(bqsim_client: Client, run: str) -> None:
    sql = "SELECT n FROM UNNEST([1, 2, 3, 4, 5, 6, 7]) AS n ORDER BY n"
    rows = (
        bqsim_client.query(sql).result(page_size=3)
        if run == "query"
        else bqsim_client.query_and_wait(sql, page_size=3)
    )
    assert (rows.total_rows, [[r.n for r in page] for page in rows.pages]) == (7, [[1, 2, 3], [4, 5, 6], [7]])


def test_results_as_arrow(bqsim_client: Client) -> None:
    table = bqsim_client.query_and_wait("SELECT 1 AS a, [STRUCT('x' AS b)] AS c").to_arrow(
        create_bqstorage_client=False
    )
    assert table.to_pylist() == [{"a": 1, "c": [{"b": "x"}]}]


def test_results_as_a_dataframe(bqsim_client: Client) -> None:
    pytest.importorskip("db_dtypes")
    frame = bqsim_client.query_and_wait("SELECT 1 AS a, 'x' AS b").to_dataframe(create_bqstorage_client=False)
    assert frame.to_dict("records") == [{"a": 1, "b": "x"}]


def test_dry_run(client: Client) -> None:
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    client.insert_rows_json("d.t", [{"id": 1, "name": "abc"}])
    config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    job = client.query("SELECT id FROM d.t", job_config=config)
    assert (job.state, job.total_bytes_processed) == ("DONE", 8)
    with pytest.raises(exceptions.BadRequest):
        client.query("SELECT nope FROM d.t", job_config=config)


def test_repeated_query_is_a_cache_hit(client: Client) -> None:
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    client.query_and_wait("INSERT d.t (id) VALUES (1)")
    for hit in (False, True):
        job = client.query("SELECT COUNT(*) FROM d.t")
        assert (values(job.result()), job.cache_hit) == ([(1,)], hit)
    client.query_and_wait("INSERT d.t (id) VALUES (2)")
    again = client.query("SELECT COUNT(*) FROM d.t")
    assert (values(again.result()), again.cache_hit) == ([(2,)], False)


def test_destination_table(client: Client) -> None:
    target = f"{client.project}.d.result"
    config = bigquery.QueryJobConfig(destination=target, write_disposition="WRITE_TRUNCATE")
    for n in (1, 2):
        client.query(f"SELECT {n} AS n", job_config=config).result()
    assert values(client.list_rows(target)) == [(2,)]
    config.write_disposition = "WRITE_EMPTY"
    with pytest.raises(exceptions.Conflict):
        client.query("SELECT 3 AS n", job_config=config).result()


def test_dml_statistics(client: Client) -> None:
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    insert = client.query("INSERT d.t (id, name) VALUES (1, 'a'), (2, 'b')")
    insert.result()
    assert (insert.statement_type, insert.num_dml_affected_rows) == ("INSERT", 2)
    update = client.query("UPDATE d.t SET name = 'z' WHERE id = 2")
    update.result()
    assert (update.num_dml_affected_rows, update.dml_stats.updated_row_count) == (1, 1)


# Errors


@pytest.mark.parametrize(
    ("sql", "kind", "text"),
    [
        ("SELEC 1", exceptions.BadRequest, 'Syntax error: Unexpected identifier "SELEC" at [1:1]'),
        ("SELECT x", exceptions.BadRequest, "Unrecognized name: x at [1:8]"),
        ("SELECT 1/0", exceptions.BadRequest, "division by zero: 1 / 0"),
        (
            "SELECT * FROM d.nope",
            exceptions.NotFound,
            "Not found: Table {project}:d.nope was not found in location US",
        ),
        (
            "SELECT * FROM nods.t",
            exceptions.NotFound,
            "Not found: Dataset {project}:nods was not found in location US",
        ),
    ],
)
def test_failures_are_the_clients_exceptions(
    client: Client, sql: str, kind: type[Exception], text: str
) -> None:
    runs: list[Callable[[], Any]] = [lambda: client.query_and_wait(sql), lambda: client.query(sql).result()]
    for run in runs:
        with pytest.raises(kind) as caught:
            run()
        assert caught.value.errors[0]["message"] == text.format(project=client.project)  # type: ignore[attr-defined]


def test_job_ids_cannot_be_reused(bqsim_client: Client) -> None:
    bqsim_client.query("SELECT 1", job_id="mine", job_retry=None).result()
    with pytest.raises(exceptions.Conflict):
        bqsim_client.query("SELECT 2", job_id="mine", job_retry=None)


# Rows in


def test_load_json_rows(client: Client) -> None:
    rows = [
        {"id": 1, "name": "a", "tags": ["x", "y"], "inner": {"f": 1.5, "d": "2024-01-02"}},
        {"id": 2, "name": None, "tags": [], "inner": None},
    ]
    schema = [
        *SCHEMA,
        bigquery.SchemaField("tags", "STRING", "REPEATED"),
        bigquery.SchemaField(
            "inner", "RECORD", fields=[bigquery.SchemaField("f", "FLOAT"), bigquery.SchemaField("d", "DATE")]
        ),
    ]
    job = client.load_table_from_json(rows, "d.t", job_config=bigquery.LoadJobConfig(schema=schema))
    job.result()
    assert (job.output_rows, job.state) == (2, "DONE")
    assert values(client.list_rows("d.t", selected_fields=schema)) == [
        (1, "a", ["x", "y"], {"f": 1.5, "d": datetime.date(2024, 1, 2)}),
        (2, None, [], None),
    ]


def test_load_json_with_autodetected_schema(client: Client) -> None:
    client.load_table_from_json([{"a": 1, "b": "x"}, {"a": 2, "c": True}], "d.t").result()
    types = {f.name: f.field_type for f in client.get_table("d.t").schema}
    assert types == {"a": "INTEGER", "b": "STRING", "c": "BOOLEAN"}


def test_load_csv_file(client: Client) -> None:
    config = bigquery.LoadJobConfig(schema=SCHEMA, source_format="CSV", skip_leading_rows=1)
    client.load_table_from_file(io.BytesIO(b'id,name\n1,"a,b"\n2,\n'), "d.t", job_config=config).result()
    assert values(client.query_and_wait("SELECT id, name FROM d.t ORDER BY id")) == [(1, "a,b"), (2, None)]


def test_load_parquet_file(client: Client) -> None:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"id": [1, 2], "when": pa.array([0, 1], pa.timestamp("us", "UTC"))}), buffer)
    buffer.seek(0)
    config = bigquery.LoadJobConfig(source_format="PARQUET")
    client.load_table_from_file(buffer, "d.t", job_config=config).result()
    assert [(f.name, f.field_type) for f in client.get_table("d.t").schema] == [
        ("id", "INTEGER"),
        ("when", "TIMESTAMP"),
    ]
    assert client.get_table("d.t").num_rows == 2


@pytest.mark.filterwarnings("ignore:Loading DataFrames:PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore:Loading pandas DataFrame:FutureWarning")
def test_load_dataframe(client: Client) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2], "name": ["a", None]})
    client.load_table_from_dataframe(frame, "d.t").result()
    assert values(client.query_and_wait("SELECT id, name FROM d.t ORDER BY id")) == [(1, "a"), (2, None)]


def test_load_large_file_resumes_in_chunks(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from google.cloud.bigquery import client as module

    monkeypatch.setattr(module, "_DEFAULT_CHUNKSIZE", 256 * 1024)
    monkeypatch.setattr(module, "_MAX_MULTIPART_SIZE", 1024)
    lines = b"".join(b'{"id": %d, "name": "%s"}\n' % (i, b"x" * 30) for i in range(20_000))
    config = bigquery.LoadJobConfig(schema=SCHEMA, source_format="NEWLINE_DELIMITED_JSON")
    job = client.load_table_from_file(io.BytesIO(lines), "d.t", job_config=config)
    job.result()
    assert (len(lines) > 3 * 256 * 1024, job.output_rows) == (True, 20_000)


def test_load_failures_are_in_the_job(client: Client) -> None:
    config = bigquery.LoadJobConfig(schema=SCHEMA, source_format="CSV")
    job = client.load_table_from_file(io.BytesIO(b"one,two\n"), "d.t", job_config=config)
    with pytest.raises(exceptions.BadRequest):
        job.result()
    assert job.state == "DONE"
    assert job.error_result["reason"] == "invalid"


def test_streaming_inserts(client: Client) -> None:
    table = client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    assert client.insert_rows_json(table, [{"id": 1, "name": "a"}, {"id": "2"}]) == []
    assert client.insert_rows(table, [(3, "c")]) == []
    errors = client.insert_rows_json(table, [{"id": 4}, {"id": "four"}])
    assert {e["index"]: e["errors"][0]["reason"] for e in errors} == {0: "stopped", 1: "invalid"}
    assert values(client.query_and_wait("SELECT id FROM d.t ORDER BY id")) == [(1,), (2,), (3,)]


def test_list_rows_pages_and_columns(client: Client) -> None:
    rows_json = [{"id": i, "name": f"n{i}"} for i in range(10)]
    config = bigquery.LoadJobConfig(schema=SCHEMA)
    client.load_table_from_json(rows_json, "d.t", job_config=config).result()
    table = client.get_table("d.t")
    rows = client.list_rows(table, page_size=4)
    assert [len(list(page)) for page in rows.pages] == [4, 4, 2]
    assert values(client.list_rows(table, start_index=8, selected_fields=[SCHEMA[1]])) == [("n8",), ("n9",)]
    assert len(list(client.list_rows(table, max_results=3))) == 3


def test_copy_table(client: Client) -> None:
    client.load_table_from_json(
        [{"id": 1, "name": "a"}], "d.t", job_config=bigquery.LoadJobConfig(schema=SCHEMA)
    ).result()
    client.copy_table("d.t", "d.copy").result()
    assert values(client.list_rows("d.copy")) == [(1, "a")]


# Jobs

FORTY = ", ".join(str(i) for i in range(40))
# 40 to the fifth rows: seconds of work for any engine.
HEAVY = f"""
WITH n AS (SELECT x FROM UNNEST([{FORTY}]) AS x)
SELECT COUNT(*) FROM n AS a, n AS b, n AS c, n AS d, n AS e, n AS f
WHERE MOD(a.x * b.x + c.x * d.x + e.x * f.x, 7) = 3"""


def test_a_long_query_is_cancelled_and_others_are_answered_meanwhile(client: Client) -> None:
    heavy = client.query(HEAVY)
    assert heavy.state in ("PENDING", "RUNNING")
    assert values(client.query_and_wait("SELECT 1")) == [(1,)]
    assert client.get_job(heavy.job_id).state == "RUNNING"
    assert heavy.cancel() is True
    with pytest.raises(exceptions.GoogleAPICallError) as caught:
        heavy.result(timeout=20)
    assert caught.value.errors[0]["reason"] == "stopped"
    heavy.reload()
    assert heavy.state == "DONE"
    assert heavy.error_result["reason"] == "stopped"


def test_timeout_leaves_the_job_running(client: Client) -> None:
    heavy = client.query(HEAVY)
    answer = client._connection.api_request(
        method="GET",
        path=f"/projects/{client.project}/queries/{heavy.job_id}",
        query_params={"timeoutMs": 10},
    )
    assert answer["jobComplete"] is False
    assert "rows" not in answer
    heavy.cancel()


def test_jobs_are_listed_and_deleted(bqsim_client: Client) -> None:
    ids = []
    for i in range(3):
        job = bqsim_client.query(f"SELECT {i}", job_config=bigquery.QueryJobConfig(labels={"n": str(i)}))
        job.result()
        ids.append(job.job_id)
    listed = list(bqsim_client.list_jobs(state_filter="done"))
    assert [j.job_id for j in listed] == ids[::-1]
    assert bqsim_client.get_job(ids[0]).labels == {"n": "0"}
    bqsim_client.delete_job_metadata(ids[0], location="US")
    with pytest.raises(exceptions.NotFound):
        bqsim_client.get_job(ids[0])


def test_scripts_have_child_jobs(bqsim_client: Client) -> None:
    job = bqsim_client.query("DECLARE x INT64 DEFAULT 2; SET x = x * 21; SELECT x AS answer;")
    assert values(job.result()) == [(42,)]
    assert job.num_child_jobs >= 1
    children = list(bqsim_client.list_jobs(parent_job=job))
    assert len(children) == job.num_child_jobs
    assert {c.parent_job_id for c in children} == {job.job_id}


def test_many_clients_at_once(bqsim_server: Simulator, client: Client) -> None:
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))

    def work(n: int) -> int:
        own = bqsim_server.client(client.project)
        assert own.insert_rows_json("d.t", [{"id": n}]) == []
        answer: int = next(iter(own.query_and_wait(f"SELECT {n} AS n"))).n
        own.close()
        return answer

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(24))) == list(range(24))
    assert values(client.query_and_wait("SELECT COUNT(*), COUNT(DISTINCT id) FROM d.t")) == [(24, 24)]


def test_iam_and_service_account(client: Client) -> None:
    client.create_table(bigquery.Table(f"{client.project}.d.t", schema=SCHEMA))
    policy = client.get_iam_policy("d.t")
    policy.bindings = [{"role": "roles/bigquery.dataViewer", "members": {"user:a@b.c"}}]
    after = client.set_iam_policy("d.t", policy)
    assert json.dumps(after.to_api_repr()["bindings"]).count("user:a@b.c") == 1
    assert client.test_iam_permissions("d.t", ["bigquery.tables.get"]) == {
        "permissions": ["bigquery.tables.get"]
    }
    assert "@" in client.get_service_account_email()


def test_projects(client: Client) -> None:
    assert client.project in [p.project_id for p in client.list_projects()]
