"""Servers in threads of their own."""

from __future__ import annotations

import asyncio
import logging
import threading

import pytest

from bqsim.serving import Serving, environment, reachable

LOG = logging.getLogger("tests.serving")


def served_by(serve: object) -> Serving:
    return Serving(serve, thread="served", noun="it", log=LOG, start_timeout_s=10.0)  # type: ignore[arg-type]


def test_a_server_runs_from_start_to_stop_again_and_again() -> None:
    seen: list[str] = []

    async def serve(serving: Serving) -> None:
        seen.append(threading.current_thread().name)
        serving.ready()
        await serving.until_stopped()
        seen.append("ended")

    server = served_by(serve)
    assert not server.stop()
    for _ in range(2):
        server.start()
        server.start()
        assert server.running
        assert server.stop()
        assert not server.stop()
        assert not server.running
    assert seen == ["served", "ended"] * 2


def test_what_goes_wrong_at_the_start_is_raised_there() -> None:
    async def serve(serving: Serving) -> None:
        raise OSError("the port is taken")

    server = served_by(serve)
    for _ in range(2):
        with pytest.raises(OSError, match="the port is taken"):
            server.start()
        assert not server.running


def test_a_server_that_ends_by_itself_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    started = threading.Event()

    async def serve(serving: Serving) -> None:
        serving.ready()
        await asyncio.to_thread(started.wait, 10)
        raise RuntimeError("a defect")

    served_by(serve).start()
    started.set()
    for one in threading.enumerate():
        if one.name == "served":
            one.join(10)
    assert [record.getMessage() for record in caplog.records] == ["it stopped"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.1"),
        ("::", "[::1]"),
        ("::1", "[::1]"),
        ("box", "box"),
    ],
)
def test_hosts_as_clients_reach_them(host: str, address: str) -> None:
    assert reachable(host) == address


def test_the_environment_of_clients() -> None:
    found = environment("http://box:1", "box:2")
    assert found == {
        "BIGQUERY_EMULATOR_HOST": "http://box:1",
        "BIGQUERY_STORAGE_GRPC_ENDPOINT": "box:2",
        "STORAGE_EMULATOR_HOST": "http://box:1",
    }
    assert environment("a", "b", "http://store")["STORAGE_EMULATOR_HOST"] == "http://store"
