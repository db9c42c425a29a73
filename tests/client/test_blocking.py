"""The client without await: its types, interruptions, threads and ends."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import pytest

from bqclient import SyncBigQueryClient
from bqclient.blocking import LoopThread, Proxy, bare
from bqclient.errors import UsageError

from . import sync_example, sync_stub
from .running import HeldTime, endpoints

CLIENT = Path(sync_stub.STUB).parents[1]


def _client(sim: Any, **settings: Any) -> SyncBigQueryClient:
    settings.setdefault("runtime", HeldTime())
    return SyncBigQueryClient(project=sim.project, endpoints=endpoints(sim), **settings)


def _interrupt() -> None:
    """What Ctrl-C does to the thread that waits."""
    ident = threading.main_thread().ident
    assert ident is not None
    signal.pthread_kill(ident, signal.SIGINT)


def test_the_types_are_up_to_date() -> None:
    assert sync_stub.STUB.read_text() == sync_stub.formatted(), "run python -m tests.client.sync_stub"


def test_the_types_hold_in_an_example(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"]
    command += ["--cache-dir", str(tmp_path), str(sync_example.__file__)]
    root = CLIENT.parent
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stdout


def test_the_example_runs(bqsim: Any) -> None:
    with _client(bqsim) as client:
        found = sync_example.totals(client)
    assert {name: str(total) for name, total in found.items()} == {"Ada": "7.5", "Bo": "10"}


def test_every_public_name_of_a_service_is_in_the_types(bqsim: Any) -> None:
    text = sync_stub.STUB.read_text()
    with _client(bqsim) as client:
        for service in ("queries", "jobs", "streaming", "loading", "exports", "datasets", "tables", "costs"):
            for name in dir(type(bare(getattr(client, service)))):
                if not name.startswith("_"):
                    assert f"def {name}(" in text, (service, name)


def test_an_interrupted_call_is_given_up() -> None:
    loop = LoopThread()
    seen: list[str] = []

    async def work() -> None:
        try:
            _interrupt()
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            seen.append("ended")

    with pytest.raises(KeyboardInterrupt):
        loop.run(work())
    # What the work did at its end was waited for.
    assert seen == ["ended"]
    loop.stop()
    loop.stop()
    assert loop.closed


def test_an_interrupted_query_cancels_its_job(bqsim: Any) -> None:
    with _client(bqsim) as client:
        sent = threading.Event()
        service = bare(client.jobs)
        real = service.insert

        async def insert(*args: Any, **options: Any) -> Any:
            found = await real(*args, **options)
            sent.set()
            _interrupt()
            await asyncio.sleep(3600)
            return found

        service.insert = insert
        with pytest.raises(KeyboardInterrupt):
            client.queries.execute("SELECT 1", cancel_on_cancel=True)
        assert sent.is_set()
    assert bqsim.journal.calls("bigquery.jobs.cancel")


def test_threads_that_ask_first_get_the_same_service(bqsim: Any) -> None:
    found: list[Any] = []
    start = threading.Barrier(8)
    with _client(bqsim) as client:

        def work() -> None:
            start.wait()
            found.append(bare(client.queries))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({id(service) for service in found}) == 1


def test_attributes_are_set_on_the_service_itself(bqsim: Any) -> None:
    with _client(bqsim) as client:
        client.queries.max_cost_usd = 5.0
        assert bare(client.queries).max_cost_usd == 5.0
        assert client.queries
        assert client.queries == client.queries
        assert len({client.queries, client.queries}) == 1
        assert not [name for name in dir(client.queries) if name.startswith("_")]
        with pytest.raises(AttributeError):
            client.queries.nothing  # type: ignore[attr-defined] # noqa: B018


def test_a_call_under_way_when_the_client_is_closed() -> None:
    loop = LoopThread()
    begun = threading.Event()
    raised: list[BaseException] = []

    async def work() -> None:
        begun.set()
        await asyncio.sleep(3600)

    def call() -> None:
        try:
            loop.run(work())
        except UsageError as error:
            raised.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    begun.wait()
    loop.stop()
    thread.join()
    assert "closed while" in str(raised[0])
    with pytest.raises(UsageError, match="closed"):
        loop.run(work())


def test_what_is_left_of_a_closed_client(bqsim: Any) -> None:
    before = set(threading.enumerate())
    client = _client(bqsim)
    datasets, result = client.datasets, client.queries.execute("SELECT 1 AS n")
    rows = client.jobs.list()
    client.close()
    assert result.rows[0]["n"] == 1
    for use in (
        lambda: datasets.get("d"),
        lambda: list(rows),
        lambda: client.queries.execute("SELECT 1"),
        lambda: client.routines.get("d.r"),
    ):
        with pytest.raises(UsageError, match="closed"):
            use()
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("bqclient")]
    assert "BigQueryClient" in repr(client)


def test_a_client_may_be_dropped_after_close(bqsim: Any) -> None:
    client = _client(bqsim)
    client.queries.execute("SELECT 1")
    held = weakref.ref(client)
    client.close()
    del client
    assert held() is None


def test_callbacks_cannot_wait_for_the_client(bqsim: Any, tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("1\n2\n")
    with _client(bqsim) as client:
        client.datasets.create("d")
        with pytest.raises(UsageError, match="callback"):
            client.loading.from_file(
                file,
                "d.t",
                schema=[{"name": "n", "type": "INT64"}],
                progress=lambda _: print(client.datasets.get("d")),
            )


def test_a_process_ends_without_close(bqsim: Any) -> None:
    code = (
        "from bqclient import SyncBigQueryClient, Endpoints\n"
        f"client = SyncBigQueryClient(project='p', endpoints=Endpoints(rest={bqsim.url!r}))\n"
        "print(client.queries.execute('SELECT 3').scalar())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "3"


def test_proxies_are_of_what_they_stand_for(bqsim: Any) -> None:
    with _client(bqsim) as client:
        result = client.queries.execute("SELECT 1 AS n")
        assert isinstance(result, Proxy)
        assert repr(result).startswith("QueryResult(")
        assert [len(result), list(result), bool(result)] == [1, result.rows, True]
