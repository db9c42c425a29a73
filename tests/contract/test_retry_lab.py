"""Clients under the retry laboratory: what they try again, how often, and what comes of it.

A case is an operation of Google's client, and instructions for the calls of its method one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pytest
from google.api_core import exceptions, retry
from google.api_core.client_info import ClientInfo
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_RETRY
from google.cloud.bigquery_storage_v1 import types

import bqsim as product
from bqsim.pytest_plugin.handle import TestSimulator
from bqsim.sim.journal import LedgerError
from bqsim.sim.retry_lab import HEADER, RetryTestError
from tests.conftest import Http
from tests.storage import Clients, arrow_append, table_path

READ = "BigQueryRead.ReadRows"
CREATE = "BigQueryRead.CreateReadSession"
APPEND = "BigQueryWrite.AppendRows"
STREAM = "BigQueryWrite.CreateWriteStream"
ROWS = 3000
# As the clients' own, without the waiting.
AGAIN = DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.002).with_timeout(60)
GRPC_AGAIN = retry.Retry(
    predicate=retry.if_exception_type(exceptions.ServiceUnavailable, exceptions.DeadlineExceeded),
    initial=0.001,
    maximum=0.002,
    timeout=60,
)

Act = Callable[[Any, Any], Any]


def job_of(client: Any) -> Any:
    return client.query("SELECT 1", job_retry=None)


def with_etag(client: Any, again: Any) -> Any:
    table = client.get_table("d.t")
    table.description = "other"
    return client.update_table(table, ["description"], retry=again)


def rows_of(client: Any, again: Any) -> Any:
    return list(client.list_rows(bigquery.Table(f"{client.project}.d.t", SCHEMA), retry=again))


SCHEMA = [bigquery.SchemaField("n", "INTEGER")]
NEW = [{"n": -1}]

# By method: what calls it, with a policy of retries.
OPERATIONS: Mapping[str, Act] = {
    "jobs.query": lambda c, again: list(c.query_and_wait("SELECT 1", retry=again, job_retry=None)),
    "jobs.insert": lambda c, again: c.query("SELECT 1", retry=again, job_retry=None),
    "jobs.getQueryResults": lambda c, again: list(job_of(c).result(retry=again, job_retry=None)),
    "jobs.get": lambda c, again: c.get_job(job_of(c).job_id, retry=again),
    "jobs.cancel": lambda c, again: c.cancel_job(job_of(c).job_id, retry=again),
    "jobs.list": lambda c, again: list(c.list_jobs(retry=again)),
    "tables.get": lambda c, again: c.get_table("d.t", retry=again),
    "tables.list": lambda c, again: list(c.list_tables("d", retry=again)),
    "tables.insert": lambda c, again: c.create_table("d.u", retry=again),
    "tables.patch": with_etag,
    "tables.delete": lambda c, again: c.delete_table("d.t", retry=again),
    "tabledata.list": rows_of,
    "tabledata.insertAll": lambda c, again: c.insert_rows_json("d.t", NEW, row_ids=["a"], retry=again),
    "datasets.insert": lambda c, again: c.create_dataset("e", retry=again),
    "datasets.get": lambda c, again: c.get_dataset("d", retry=again),
    "datasets.list": lambda c, again: list(c.list_datasets(retry=again)),
}
# Nothing was done when these come.
HTML, RESET, CUT = ({"network": {"what": what, "applied": False}} for what in ("html", "reset", "truncate"))
TRIED_AGAIN: Mapping[str, Sequence[Any]] = {
    "once": ["backendError"],
    "twice": ["backendError", "backendError"],
    "rates": ["rateLimitExceeded"],
    "internal": ["internalError"],
    "front end": [HTML],
    "reset": [RESET],
    "cut": [CUT],
    "mixed": ["backendError", RESET, "internalError", "rateLimitExceeded"],
}
# What ends it, and after how many instructions.
ENDS: Mapping[str, tuple[Sequence[Any], type[Exception], int]] = {
    "denied": (["accessDenied", "ok"], exceptions.Forbidden, 1),
    "quota": (["quotaExceeded", "ok"], exceptions.Forbidden, 1),
    "invalid": (["invalid", "ok"], exceptions.BadRequest, 1),
    "stopped": (["stopped", "ok"], exceptions.BadRequest, 1),
    "then denied": (["backendError", RESET, "accessDenied", "ok"], exceptions.Forbidden, 3),
}


@pytest.fixture
def world(bqsim: TestSimulator) -> TestSimulator:
    """A project with a table."""
    bqsim.data({"d.t": [{"n": n} for n in range(3)]})
    return bqsim


def failed(sim: TestSimulator, method: str) -> int:
    return sum(not call.outcome.ok for call in sim.journal.calls(f"*{method}"))


@pytest.mark.parametrize("family", TRIED_AGAIN)
@pytest.mark.parametrize("method", OPERATIONS)
def test_what_may_pass_is_tried_again(
    world: TestSimulator, bqsim_client: Any, method: str, family: str
) -> None:
    instructions = TRIED_AGAIN[family]
    with world.retry_tests.create({method: instructions}) as test:
        OPERATIONS[method](bqsim_client, AGAIN)
    assert len(test.taken) == failed(world, method) == len(instructions)


@pytest.mark.parametrize("family", ENDS)
@pytest.mark.parametrize("method", OPERATIONS)
def test_what_stays_ends_it(world: TestSimulator, bqsim_client: Any, method: str, family: str) -> None:
    instructions, error, attempts = ENDS[family]
    test = world.retry_tests.create({method: instructions})
    with pytest.raises(error):
        OPERATIONS[method](bqsim_client, AGAIN)
    assert len(test.taken) == failed(world, method) == attempts
    with pytest.raises(RetryTestError, match=f"bigquery.{method}: ok"):
        test.check()
    test.delete()


@pytest.mark.parametrize("method", OPERATIONS)
def test_retries_may_be_off_or_end(world: TestSimulator, bqsim_client: Any, method: str) -> None:
    test = world.retry_tests.create({method: ["backendError"]})
    with pytest.raises(exceptions.ServiceUnavailable):
        OPERATIONS[method](bqsim_client, None)
    assert test.completed and failed(world, method) == 1
    endless = world.retry_tests.create({method: ["backendError"] * 10_000})
    with pytest.raises(exceptions.RetryError):
        OPERATIONS[method](bqsim_client, AGAIN.with_timeout(0.05))
    assert failed(world, method) == 1 + len(endless.taken) > 1
    assert not endless.completed
    endless.delete()


# What was done before the failure

DONE = {"error": {"reason": "backendError", "applied": True}}
LOST = {"network": {"what": "reset", "applied": True}}
DML = "INSERT d.t VALUES (-1)"
WRITES: Mapping[str, tuple[str, Act]] = {
    "job": ("jobs.insert", lambda c, again: c.query(DML, retry=again, job_retry=None).result()),
    "query": ("jobs.query", lambda c, again: c.query_and_wait(DML, retry=again, job_retry=None)),
    "rows": ("tabledata.insertAll", lambda c, again: c.insert_rows_json("d.t", NEW, ["7"], retry=again)),
}


@pytest.mark.parametrize("instruction", [DONE, LOST], ids=["told a failure", "told nothing"])
@pytest.mark.parametrize("write", WRITES)
def test_what_was_done_is_not_done_again(
    world: TestSimulator, bqsim_client: Any, write: str, instruction: Any
) -> None:
    method, act = WRITES[write]
    with world.retry_tests.create({method: [instruction]}):
        act(bqsim_client, AGAIN)
    [row] = bqsim_client.query_and_wait("SELECT COUNTIF(n = -1) AS written FROM d.t")
    assert row.written == 1
    report = world.verify_exactly_once()
    [tried_again] = [one for one in report.writes if len(one.attempts) > 1]
    assert tried_again.applied == 1 and tried_again.attempts[0].method == f"bigquery.{method}"


def test_rows_without_ids_come_twice(world: TestSimulator, bqsim_client: Any) -> None:
    with world.retry_tests.create({"tabledata.insertAll": [DONE]}):
        bqsim_client.insert_rows_json("d.t", NEW, [None], retry=AGAIN)
    [row] = bqsim_client.query_and_wait("SELECT COUNTIF(n = -1) AS written FROM d.t")
    assert row.written == 2
    with pytest.raises(LedgerError, match="insertAll"):
        world.verify_exactly_once()


def test_what_cannot_be_told_apart_is_a_conflict(world: TestSimulator, bqsim_client: Any) -> None:
    with world.retry_tests.create({"datasets.insert": [DONE]}), pytest.raises(exceptions.Conflict):
        bqsim_client.create_dataset("e", retry=AGAIN)
    assert bqsim_client.get_dataset("e")


# The Storage API


@pytest.fixture
def storage(bqsim: TestSimulator) -> Any:
    """Google's storage clients, and a table of ``ROWS`` numbers."""
    bqsim.data({"d.numbers": [{"n": n} for n in range(ROWS)]})
    clients = Clients(bqsim.grpc_target)
    yield clients
    clients.close()


def session_of(storage: Clients, sim: TestSimulator, **options: Any) -> Any:
    requested = types.ReadSession(table=table_path(sim.project, "numbers"), data_format="ARROW")
    return storage.read.create_read_session(
        parent=f"projects/{sim.project}",
        read_session=requested,
        max_stream_count=1,
        **{"retry": GRPC_AGAIN, **options},
    )


@pytest.mark.parametrize(
    "instructions",
    [["UNAVAILABLE"], ["UNAVAILABLE", "DEADLINE_EXCEEDED"], ["reset"]],
    ids=["once", "two", "reset"],
)
def test_sessions_are_asked_for_again(bqsim: TestSimulator, storage: Clients, instructions: Any) -> None:
    with bqsim.retry_tests.create({CREATE: instructions}):
        assert session_of(storage, bqsim).streams
    assert failed(bqsim, CREATE) == len(instructions)


@pytest.mark.parametrize(
    "status", ["PERMISSION_DENIED", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"]
)
def test_sessions_that_are_refused_are_not(bqsim: TestSimulator, storage: Clients, status: str) -> None:
    with bqsim.retry_tests.create({CREATE: [status]}), pytest.raises(exceptions.GoogleAPICallError):
        session_of(storage, bqsim)
    assert failed(bqsim, CREATE) == 1


@pytest.mark.parametrize(
    "instructions",
    [
        ["UNAVAILABLE"],
        [{"break_stream": 1000}],
        [{"break_stream": 0}, {"break_stream": 1000}, "UNAVAILABLE", {"break_stream": 1999}],
    ],
    ids=["at once", "in the middle", "again and again"],
)
def test_readers_go_on_where_the_stream_broke(
    bqsim: TestSimulator, storage: Clients, instructions: Any
) -> None:
    session = session_of(storage, bqsim)
    with bqsim.retry_tests.create({READ: instructions}):
        rows = storage.read.read_rows(session.streams[0].name).to_arrow(session)
    assert rows["n"].to_pylist() == list(range(ROWS))


def test_readers_end_with_what_stays(bqsim: TestSimulator, storage: Clients) -> None:
    session = session_of(storage, bqsim)
    broken = {"break_stream": {"after_rows": 1000, "status": "FAILED_PRECONDITION"}}
    with bqsim.retry_tests.create({READ: [broken]}), pytest.raises(exceptions.FailedPrecondition):
        storage.read.read_rows(session.streams[0].name).to_arrow(session)


@pytest.mark.parametrize(
    ("instruction", "codes"),
    [("UNAVAILABLE", []), ({"grpc": {"status": "UNAVAILABLE", "applied": True}}, ["OFFSET_ALREADY_EXISTS"])],
    ids=["not done", "done"],
)
def test_appends_at_an_offset_are_written_once(
    bqsim: TestSimulator, storage: Clients, instruction: Any, codes: list[str]
) -> None:
    parent = table_path(bqsim.project, "numbers")
    rows = pa.table({"n": pa.array([-1], pa.int64())})
    with bqsim.retry_tests.create({STREAM: ["ok"], APPEND: [instruction]}) as test:
        stream = storage.write.create_write_stream(parent=parent, write_stream={"type_": "COMMITTED"}).name
        with pytest.raises(exceptions.ServiceUnavailable):
            _append(storage, stream, rows)
    assert test.completed
    again = _append(storage, stream, rows)
    assert again == codes
    [row] = bqsim.client().query_and_wait("SELECT COUNTIF(n = -1) AS written FROM d.numbers")
    assert row.written == 1
    bqsim.verify_exactly_once()


def _append(storage: Clients, stream: str, rows: pa.Table) -> list[str]:
    """The storage codes of what an append at offset 0 is told."""
    requests = list(arrow_append(stream, rows, 0))
    [answer] = storage.write.append_rows(iter(requests), retry=None)
    codes = []
    for packed in answer.error.details:
        found = types.StorageError.pb()()
        assert packed.Unpack(found)
        codes.append(types.StorageError.StorageErrorCode(found.code).name)
    return codes


# How calls come to their test


def test_by_a_header(bqsim: TestSimulator, bqsim_server: Any, bqsim_client: Any) -> None:
    with bqsim_server.retry_tests.create({"datasets.list": ["accessDenied"]}) as test:
        list(bqsim_client.list_datasets(retry=None))
        bqsim_client._http.headers.update(test.headers)
        with pytest.raises(exceptions.Forbidden):
            list(bqsim_client.list_datasets(retry=None))
        list(bqsim_client.list_datasets(retry=None))


def test_by_metadata(bqsim: TestSimulator, bqsim_server: Any, storage: Clients) -> None:
    with bqsim_server.retry_tests.create({CREATE: ["PERMISSION_DENIED"]}) as test:
        assert session_of(storage, bqsim)
        with pytest.raises(exceptions.PermissionDenied):
            session_of(storage, bqsim, metadata=tuple(test.headers.items()))


def test_by_a_label(bqsim: TestSimulator, bqsim_client: Any) -> None:
    with bqsim.retry_tests.create({"jobs.insert": ["accessDenied"]}, labels={"team": "a"}):
        for team, denied in (("b", False), ("a", True), ("a", False)):
            config = bigquery.QueryJobConfig(labels={"team": team})
            if denied:
                with pytest.raises(exceptions.Forbidden):
                    bqsim_client.query("SELECT 1", config, job_retry=None, retry=None)
            else:
                bqsim_client.query("SELECT 1", config, job_retry=None, retry=None)


def test_by_a_client(bqsim: TestSimulator, bqsim_client: Any) -> None:
    etl = bqsim.client(client_info=ClientInfo(user_agent="etl/1.0"))
    with bqsim.retry_tests.create({"datasets.list": ["accessDenied"]}, client="*etl/1.0*"):
        list(bqsim_client.list_datasets(retry=None))
        with pytest.raises(exceptions.Forbidden):
            list(etl.list_datasets(retry=None))


def test_by_a_port() -> None:
    with product.start() as sim, sim.listen("batch") as batch:
        plain, through = sim.client(), batch.client()
        with sim.retry_tests.create({"datasets.list": ["accessDenied"]}, scope="batch"):
            list(plain.list_datasets(retry=None))
            with pytest.raises(exceptions.Forbidden):
                list(through.list_datasets(retry=None))
        for client in (plain, through):
            client.close()


# Over HTTP


def test_over_http(rest: Http) -> None:
    tests = "/bqsim/v1/retry-tests"
    scope = f"?scope={rest.project}"
    made = rest.raw(
        "POST", tests + scope, {"id": rest.project, "instructions": {"datasets.list": ["backendError"]}}
    )
    assert made.json == {
        "id": rest.project,
        "completed": False,
        "instructions": {"bigquery.datasets.list": ["error backendError"]},
        "taken": [],
    }
    assert rest.call("GET", "/datasets").reason == "backendError"
    assert rest.call("GET", "/datasets").status == 200
    found = rest.raw("GET", f"{tests}/{rest.project}").json
    assert found["completed"] and found["taken"] == [
        {"method": "bigquery.datasets.list", "instruction": "error backendError"}
    ]
    assert rest.raw("GET", tests + scope).json == {"retryTests": [found]}
    assert rest.raw("DELETE", f"{tests}/{rest.project}").status == 200
    assert rest.raw("GET", f"{tests}/{rest.project}").status == 404
    assert rest.raw("GET", tests + scope).json == {"retryTests": []}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"instructions": {"datasets.lst": ["ok"]}}, "did you mean 'bigquery.datasets.list'?"),
        ({"instructions": {"datasets.list": ["backendErorr"]}}, "did you mean 'backendError'?"),
        ({"instructions": []}, "instructions"),
        ({"instructions": {}, "mach": {}}, "mach"),
    ],
    ids=["method", "instruction", "no instructions", "field"],
)
def test_what_is_no_test_is_refused_by_name(rest: Http, body: Any, said: str) -> None:
    answer = rest.raw("POST", "/bqsim/v1/retry-tests", body)
    assert answer.status == 400 and said in answer.message


def test_an_id_of_no_test_is_told(rest: Http) -> None:
    answer = rest.call("GET", "/datasets", headers={HEADER: "nothing"})
    assert answer.status == 404 and "nothing" in answer.message
