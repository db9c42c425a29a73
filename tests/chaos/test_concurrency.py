"""Many clients at once: each sees a consistent state, and every refusal is BigQuery's own."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bqsim.settings import Settings
from bqsim.simulator import Simulator
from tests.conftest import Answer, Http
from tests.property.test_hostile_rest import ENGINE_WORDS
from tests.waiting import until

SERIALIZE = "Could not serialize access"
Work = Callable[[Http], None]
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """A simulator with a data directory: its commits take longer and write metadata."""
    with Simulator(Settings(data_dir=tmp_path_factory.mktemp("data"))) as running:
        yield running


@pytest.fixture
def main(simulator: Simulator) -> Iterator[Http]:
    """Calls in a project of the test's own, in which dataset ``d`` exists."""
    client = Http(simulator, f"project-{next(NUMBERS)}")
    client.dataset()
    try:
        yield client
    finally:
        client.connection.close()


def together(main: Http, *works: Work) -> None:
    """Run each work in a thread with a connection of its own; the first failure is raised."""
    failures: list[BaseException] = []
    start = threading.Barrier(len(works))

    def run(work: Work) -> None:
        client = Http(main.simulator, main.project)
        try:
            start.wait()
            work(client)
        except BaseException as error:
            failures.append(error)
        finally:
            client.connection.close()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def ok(client: Http, sql: str, **more: Any) -> list[list[Any]]:
    """Run a query that must succeed; its rows."""
    answer = client.query(sql, timeoutMs=60_000, **more)
    assert answer.status == 200, (sql, answer.data)
    assert answer.json["jobComplete"], sql
    return [[cell["v"] for cell in row["f"]] for row in answer.json.get("rows", [])]


def clean(answer: Answer, *allowed: str) -> bool:
    """Whether a call was done; otherwise it must have been refused with one of the ``allowed`` texts."""
    assert not any(word in answer.data for word in ENGINE_WORDS), answer.data
    if answer.status < 300:
        return True
    assert answer.status < 500, answer.data
    assert any(text in answer.message for text in allowed), answer.data
    return False


def test_writers_of_one_table_queue(main: Http) -> None:
    ok(main, "CREATE TABLE d.t AS SELECT 1 AS id, 0 AS n")

    def add(client: Http) -> None:
        for _ in range(12):
            ok(client, "UPDATE d.t SET n = n + 1 WHERE id = 1")

    def insert(client: Http) -> None:
        for _ in range(12):
            ok(client, "INSERT d.t (id, n) VALUES (2, 1)")

    def stream(client: Http) -> None:
        for _ in range(12):
            body = {"rows": [{"json": {"id": 3, "n": 1}}]}
            assert (
                client.call("POST", "/datasets/d/tables/t/insertAll", body).json.get("insertErrors") is None
            )

    together(main, add, add, insert, insert, stream, stream)
    rows = ok(main, "SELECT id, COUNT(*), SUM(n) FROM d.t GROUP BY id ORDER BY id")
    assert rows == [["1", "1", "24"], ["2", "24", "24"], ["3", "24", "24"]]
    table = main.call("GET", "/datasets/d/tables/t").json
    assert (table["numRows"], table["streamingBuffer"]["estimatedRows"]) == ("25", "24")


def test_readers_see_whole_statements(main: Http) -> None:
    ok(main, "CREATE TABLE d.t AS SELECT id, 100 AS n FROM UNNEST([1, 2]) AS id")

    def move(client: Http) -> None:
        for i in range(15):
            ok(client, f"UPDATE d.t SET n = n + IF(id = 1, {i}, -{i}) WHERE TRUE")

    def replace(client: Http) -> None:
        for _ in range(10):
            ok(client, "CREATE OR REPLACE TABLE d.t AS SELECT id, 100 AS n FROM UNNEST([1, 2]) AS id")

    def read(client: Http) -> None:
        for i in range(25):
            assert ok(client, "SELECT SUM(n), COUNT(*) FROM d.t", useQueryCache=bool(i % 2)) == [["200", "2"]]

    together(main, move, replace, read, read, read)


def test_what_is_acknowledged_is_read(main: Http) -> None:
    """Neither cached results nor cached plans outlive the rows, or the table, that they are of."""
    ok(main, "CREATE TABLE d.rows AS SELECT 0 AS n")
    ok(main, "CREATE TABLE d.whole AS SELECT 0 AS n")
    ok(main, "CREATE VIEW d.view AS SELECT MAX(n) AS n FROM d.whole")
    done = {"rows": 0, "whole": 0, "view": 0}

    def change(client: Http) -> None:
        for i in range(1, 21):
            ok(client, f"UPDATE d.rows SET n = {i} WHERE TRUE")
            done["rows"] = i

    def replace(client: Http) -> None:
        for i in range(1, 21):
            ok(client, f"CREATE OR REPLACE TABLE d.whole AS SELECT {i} AS n")
            done["whole"] = done["view"] = i

    def read(client: Http) -> None:
        while min(done.values()) < 20:
            for name in done:
                before = done[name]
                found = ok(client, f"SELECT MAX(n) FROM d.{name}")
                assert int(found[0][0]) >= before, name

    together(main, change, replace, read, read, read)
    for name in done:
        assert ok(main, f"SELECT MAX(n) FROM d.{name}") == [["20"]]


def test_definitions_change_under_statements(main: Http) -> None:
    """A table that is replaced, altered and dropped all the while: answers, or BigQuery's refusals."""
    ok(main, "CREATE TABLE d.t AS SELECT 1 AS a, 'x' AS b")
    refusals = (
        SERIALIZE,
        "Not found: Table",
        "Already Exists: Table",
        "Unrecognized name",
        "Column not found",
        "not found in table",
        "already exists",
        "Column a is not present in table",
        "No such field",
        "no such field",
        "Name a not found inside t",
    )
    stop = threading.Event()

    def define(client: Http) -> None:
        try:
            for i in range(4):
                for sql in (
                    f"CREATE OR REPLACE TABLE d.t AS SELECT {i} AS a, 'x' AS b",
                    "ALTER TABLE d.t ADD COLUMN c INT64",
                    "ALTER TABLE d.t DROP COLUMN a",
                    "DROP TABLE d.t",
                    "CREATE TABLE d.t (b STRING, a INT64, z DATE)",
                ):
                    clean(client.query(sql), *refusals)
        finally:
            stop.set()

    def run(*statements: str) -> Work:
        def work(client: Http) -> None:
            while not stop.is_set():
                for sql in statements:
                    clean(client.query(sql), *refusals)

        return work

    def stream(client: Http) -> None:
        while not stop.is_set():
            answer = client.call(
                "POST", "/datasets/d/tables/t/insertAll", {"rows": [{"json": {"a": 1, "b": "y"}}]}
            )
            clean(answer, *refusals)
            clean(client.call("GET", "/datasets/d/tables/t/data"), *refusals)

    together(
        main,
        define,
        run("INSERT d.t (a, b) VALUES (1, 'y')", "UPDATE d.t SET a = a + 1 WHERE b = 'x'"),
        run(
            "DELETE d.t WHERE a = 3",
            "MERGE d.t USING (SELECT 5 AS a) AS s ON t.a = s.a WHEN NOT MATCHED THEN INSERT (a) VALUES (s.a)",
        ),
        run(
            "SELECT a, b FROM d.t",
            "SELECT COUNT(*) FROM d.t WHERE a > 0",
            "CREATE OR REPLACE TABLE d.u AS SELECT a FROM d.t",
        ),
        stream,
    )


def test_destinations_are_replaced_and_appended_to(main: Http) -> None:
    def job(client: Http, sql: str, disposition: str) -> None:
        table = {"projectId": client.project, "datasetId": "d", "tableId": "t"}
        query = {
            "query": sql,
            "useLegacySql": False,
            "destinationTable": table,
            "writeDisposition": disposition,
        }
        made = client.call("POST", "/jobs", {"configuration": {"query": query}}).json
        path = f"/queries/{made['jobReference']['jobId']}?timeoutMs=60000"
        clean(client.call("GET", path), SERIALIZE)

    def append(client: Http) -> None:
        for _ in range(10):
            job(client, "SELECT 1 AS n FROM UNNEST([1, 2, 3])", "WRITE_APPEND")

    def truncate(client: Http) -> None:
        for _ in range(10):
            job(client, "SELECT 1 AS n FROM UNNEST([1, 2, 3, 4, 5, 6])", "WRITE_TRUNCATE")

    together(main, append, append, truncate)
    rows = int(ok(main, "SELECT COUNT(*) FROM d.t", useQueryCache=False)[0][0])
    assert rows % 3 == 0
    assert main.call("GET", "/datasets/d/tables/t").json["numRows"] == str(rows)


def test_datasets_come_and_go(main: Http) -> None:
    refusals = ("Not found: Dataset", "Not found: Table", "Already Exists", "is still in use", SERIALIZE)

    def datasets(client: Http) -> None:
        for _ in range(15):
            clean(client.call("POST", "/datasets", {"datasetReference": {"datasetId": "x"}}), *refusals)
            clean(client.call("DELETE", "/datasets/x?deleteContents=true"), *refusals)

    def tables(client: Http) -> None:
        for _ in range(20):
            clean(client.query("CREATE TABLE x.t AS SELECT 1 AS a"), *refusals)
            clean(client.query("INSERT x.t VALUES (2)"), *refusals)
            clean(client.query("SELECT * FROM x.t"), *refusals)

    together(main, datasets, tables, tables)
    clean(main.call("POST", "/datasets", {"datasetReference": {"datasetId": "x"}}), *refusals)
    ok(main, "CREATE OR REPLACE TABLE x.t AS SELECT 7 AS a")
    assert ok(main, "SELECT a FROM x.t") == [["7"]]


def test_transactions_of_several_clients(main: Http) -> None:
    """Transactions on one table: each is whole or aborted, and none leaves the table locked."""
    ok(main, "CREATE TABLE d.t (n INT64)")
    committed = []

    def transact(client: Http) -> None:
        for _ in range(6):
            answer = client.query(
                "BEGIN TRANSACTION; INSERT d.t VALUES (1); INSERT d.t VALUES (2); COMMIT TRANSACTION;",
                timeoutMs=60_000,
            )
            if clean(answer, SERIALIZE, "Transaction is aborted due to concurrent update"):
                committed.append(1)

    together(main, transact, transact, transact)
    assert committed
    assert ok(main, "SELECT COUNT(*), SUM(n) FROM d.t") == [
        [str(2 * len(committed)), str(3 * len(committed))]
    ]


def test_transactions_under_changes_of_their_table(main: Http) -> None:
    ok(main, "CREATE TABLE d.t (n INT64)")
    refusals = (SERIALIZE, "Transaction is aborted due to concurrent update", "Not found: Table")
    stop = threading.Event()

    def define(client: Http) -> None:
        try:
            for i in range(6):
                clean(client.query(f"ALTER TABLE d.t ADD COLUMN c{i} INT64"), *refusals)
                clean(client.query("INSERT d.t (n) VALUES (0)", timeoutMs=60_000), *refusals)
                clean(client.query("CREATE OR REPLACE TABLE d.t (n INT64)"), *refusals)
        finally:
            stop.set()

    def transact(client: Http) -> None:
        while not stop.is_set():
            sql = "BEGIN TRANSACTION; INSERT d.t (n) VALUES (1); DELETE d.t WHERE n = 0; COMMIT TRANSACTION;"
            clean(client.query(sql, timeoutMs=60_000), *refusals)

    together(main, define, transact, transact)
    ok(main, "CREATE OR REPLACE TABLE d.t AS SELECT 3 AS n")
    ok(main, "UPDATE d.t SET n = 4 WHERE TRUE")
    assert ok(main, "SELECT n FROM d.t") == [["4"]]


def begin_slowly(main: Http, ending: str = "") -> str:
    """A running job whose transaction has changed ``d.t`` and stays open for years; its id."""
    numbers = "UNNEST(GENERATE_ARRAY(1, 200000))"
    sql = (
        "BEGIN TRANSACTION; CREATE TEMP TABLE own AS SELECT 1 AS a; INSERT d.t (n) VALUES (5);"
        f"SELECT SUM(a * b) FROM {numbers} AS a, {numbers} AS b, {numbers} AS c; {ending}"
    )
    made = main.call("POST", "/jobs", {"configuration": {"query": {"query": sql, "useLegacySql": False}}})
    job: str = made.json["jobReference"]["jobId"]
    until(lambda: len(main.call("GET", f"/jobs?parentJobId={job}").json.get("jobs", [])) >= 3)
    time.sleep(0.2)
    return job


def cancelled(main: Http, job: str) -> None:
    """Cancel a job that would not end, and wait for its end."""
    main.call("POST", f"/jobs/{job}/cancel")
    until(lambda: main.call("GET", f"/jobs/{job}").json["status"]["state"] == "DONE")
    answer = main.call("GET", f"/queries/{job}")
    assert answer.reason == "stopped", answer.data


def test_a_job_that_waits_for_a_transaction_can_be_cancelled(main: Http) -> None:
    ok(main, "CREATE TABLE d.t (n INT64)")
    owner = begin_slowly(main)
    table = {"projectId": main.project, "datasetId": "d", "tableId": "t"}
    append = {"query": "SELECT 2 AS n", "destinationTable": table, "writeDisposition": "WRITE_APPEND"}
    for query in (append, {"query": "INSERT d.t VALUES (3)"}):
        made = main.call("POST", "/jobs", {"configuration": {"query": {**query, "useLegacySql": False}}})
        time.sleep(0.3)
        cancelled(main, made.json["jobReference"]["jobId"])
    cancelled(main, owner)
    assert ok(main, "SELECT COUNT(*) FROM d.t") == [["0"]]


@pytest.mark.parametrize("ending", ["", "INSERT d.t VALUES (2); COMMIT TRANSACTION;"])
def test_a_cancelled_transaction_leaves_nothing(main: Http, ending: str) -> None:
    main.query("CREATE OR REPLACE TABLE d.t AS SELECT 1 AS n")
    cancelled(main, begin_slowly(main, ending))
    # It would wait for a table that is still claimed.
    ok(main, "INSERT d.t VALUES (3)")
    assert ok(main, "SELECT SUM(n), COUNT(*) FROM d.t") == [["4", "2"]]
    hidden = main.call("GET", "/datasets?all=true").json.get("datasets", [])
    assert not [d for d in hidden if d["datasetReference"]["datasetId"].startswith("_script")]
