from __future__ import annotations

import asyncio
import datetime
import socket
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

import bqsim
from bqsim.catalog.refs import TableRef
from bqsim.settings import Settings
from bqsim.simulator import Simulator
from bqsim.sweeping import sweep
from tests.waiting import PATIENCE_S


def health(url: str) -> int:
    with urllib.request.urlopen(f"{url}/bqsim/v1/health") as answer:
        return int(answer.status)


def assert_no_threads_but(before: set[threading.Thread]) -> None:
    """Every thread that began since ``before`` was taken ends."""
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), thread


def test_serves_while_the_block_runs_and_frees_the_port() -> None:
    before = set(threading.enumerate())
    with bqsim.start(project="mine") as sim:
        assert health(sim.url) == 200
        assert sim.project == "mine"
        assert sim.environment() == {
            "BIGQUERY_EMULATOR_HOST": sim.url,
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": f"127.0.0.1:{sim.grpc_port}",
            "STORAGE_EMULATOR_HOST": sim.url,
            "GOOGLE_CLOUD_PROJECT": "mine",
        }
        port = sim.port
    with pytest.raises(urllib.error.URLError):
        health(sim.url)
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
    assert_no_threads_but(before)


def test_two_simulators_share_nothing() -> None:
    with bqsim.start() as one, bqsim.start() as two:
        assert one.port != two.port
        body = b'{"datasetReference": {"datasetId": "d"}}'
        path = "/bigquery/v2/projects/p/datasets"
        urllib.request.urlopen(urllib.request.Request(one.url + path, body)).close()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{two.url}{path}/d")
        caught.value.close()


def test_start_and_stop_are_idempotent_and_it_starts_again() -> None:
    sim = Simulator()
    assert sim.start() is sim.start()
    sim.stop()
    sim.stop()
    sim.start()
    try:
        assert health(sim.url) == 200
    finally:
        sim.stop()


@pytest.mark.parametrize("which", ["port", "grpc_port"])
def test_taken_port_is_an_os_error_and_leaves_nothing_behind(which: str) -> None:
    before = set(threading.enumerate())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        sim = Simulator(Settings(**{which: port}))
        with pytest.raises(OSError, match=str(port)):
            sim.start()
    assert_no_threads_but(before)


def test_async_with_leaves_the_callers_loop_alone() -> None:
    async def run() -> int:
        async with Simulator() as sim:
            return await asyncio.to_thread(health, sim.url)

    assert asyncio.run(run()) == 200


@pytest.mark.parametrize(
    ("host", "shown"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("localhost", "localhost")]
)
def test_addresses_are_those_that_clients_can_reach(host: str, shown: str) -> None:
    sim = Simulator(Settings(host=host))
    sim.port, sim.grpc_port = 5, 6
    assert (sim.url, sim.grpc_target) == (f"http://{shown}:5", f"{shown}:6")


def test_client_asks_the_simulator() -> None:
    with bqsim.start() as sim:
        client = sim.client("other")
        assert client.project == "other"
        assert [tuple(r) for r in client.query_and_wait("SELECT 1 AS x")] == [(1,)]
        client.close()


def test_sweep_drops_expired_tables_and_forgets_the_distant_past(monkeypatch: pytest.MonkeyPatch) -> None:
    with bqsim.start() as sim:
        core = sim.core
        assert core is not None
        client = sim.client()
        client.create_dataset("d")
        for name in ("short", "long"):
            client.query_and_wait(f"CREATE TABLE d.{name} AS SELECT 1 AS n")
        table = client.get_table("d.short")
        ref = TableRef(sim.project, "d", "short")
        table.expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=0.5)
        client.update_table(table, ["expires"])
        while core.catalog.find_table(ref) is not None:
            time.sleep(0.05)
        assert [t.ref for t in core.catalog.expired_tables()] == [ref]
        core.pool.submit(lambda session: sweep(core.catalog, session)).result()
        assert core.catalog.expired_tables() == []
        assert core.catalog.history.past(ref)
        monkeypatch.setattr("bqsim.catalog.history.HISTORY_US", 0)
        core.pool.submit(lambda session: sweep(core.catalog, session)).result()
        assert not core.catalog.history.past(ref)
        assert [tuple(r) for r in client.query_and_wait("SELECT n FROM d.long")] == [(1,)]
        client.close()


def test_what_expires_is_swept_as_the_clock_moves() -> None:
    with bqsim.start() as sim:
        assert sim.core is not None
        catalog, clock = sim.core.catalog, sim.core.clock
        client = sim.client()
        client.create_dataset("d")
        client.query_and_wait(
            "CREATE TABLE d.t OPTIONS (expiration_timestamp = "
            "TIMESTAMP_ADD(CURRENT_TIMESTAMP(), INTERVAL 1 DAY)) AS SELECT 1 AS n"
        )
        ref = TableRef(sim.project, "d", "t")
        clock.advance("23h")
        assert catalog.find_table(ref) is not None
        clock.advance("2h")
        assert catalog.find_table(ref) is None
        assert catalog.expired_tables() == []
        assert catalog.history.past(ref)
        clock.advance("8d")
        assert not catalog.history.past(ref)
        client.close()


def test_a_seed_repeats_ids() -> None:
    ids = []
    for _ in range(2):
        with bqsim.start(seed=7) as sim:
            client = sim.client()
            ids.append(client.create_dataset("d").etag)
            client.close()
    assert ids[0] == ids[1]


def test_random_values_follow_the_seed() -> None:
    def values(seed: int) -> list[object]:
        with bqsim.start(seed=seed) as sim:
            client = sim.client()
            sql = "SELECT RAND() AS r, GENERATE_UUID() AS u"
            return [tuple(row.values()) for _ in range(2) for row in client.query_and_wait(sql)]

    one, again, other = values(1), values(1), values(2)
    assert one == again
    assert one != other
    assert one[0] != one[1]


def test_a_missing_client_library_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    monkeypatch.delattr("google.cloud.bigquery", raising=False)
    with pytest.raises(ModuleNotFoundError, match=r"bqsim\[client\]"):
        Simulator(Settings()).client()
