"""TLS, proxies and transports of the caller's; and that nothing is left when a client is closed."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from bqclient import BigQueryClient, ClientConfig, Endpoints, Secret, SyncBigQueryClient
from bqclient.errors import CertificateError, InsecureTransportError, InvalidQueryError, UsageError
from tests.client.running import HeldTime, endpoints

from .tls_front import Authority, connect_proxy, front, http2_front


def _run(
    sim: Any, authority: Authority, work: Callable[[BigQueryClient, Any, Any], Any], **settings: Any
) -> Any:
    """``work(client, rest, grpc)`` with a client of two fronts of the simulator."""

    async def whole() -> Any:
        rest = front(urlsplit(sim.url).netloc, authority.server_context("http/1.1"))
        grpc = front(sim.grpc_target, authority.server_context("h2"))
        async with rest as by_rest, grpc as by_grpc:
            places = Endpoints(
                rest=f"https://localhost:{by_rest.port}",
                grpc=f"localhost:{by_grpc.port}",
                objects=f"https://localhost:{by_rest.port}",
            )
            given = {"project": sim.project, "endpoints": places, **settings}
            async with BigQueryClient(runtime=HeldTime(), **given) as client:
                return await work(client, by_rest, by_grpc)

    return asyncio.run(whole())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def _both(client: BigQueryClient, rest: Any, grpc: Any) -> tuple[Any, int]:
    """A query by REST and a read by gRPC."""
    await client.datasets.create("d", exists_ok=True)
    await client.queries.execute("CREATE OR REPLACE TABLE d.t AS SELECT n FROM UNNEST([1, 2, 3]) AS n")
    found = await client.storage_read.read_all("d.t").to_arrow()
    result = await client.queries.execute("SELECT SUM(n) FROM d.t")
    return result.scalar(), found.num_rows


def test_an_authority_that_is_given_is_trusted(bqsim: Any, authority: Authority) -> None:
    assert _run(bqsim, authority, _both, ca_file=authority.ca_file) == (6, 3)


def test_http2_over_tls(bqsim: Any, authority: Authority) -> None:
    async def whole() -> tuple[list[Any], Any]:
        async with http2_front(bqsim.url, authority.server_context("h2", "http/1.1")) as seen:
            places = Endpoints(rest=f"https://localhost:{seen.port}")
            settings: dict[str, Any] = {"ca_file": authority.ca_file, "http2": True, "endpoints": places}
            async with BigQueryClient(project=bqsim.project, **settings) as client:
                with pytest.raises(InvalidQueryError):
                    await client.queries.execute("SELECT missing")
                found = await asyncio.gather(*(client.queries.execute(f"SELECT {n}") for n in range(5)))
                return [r.scalar() for r in found], seen

    found, seen = asyncio.run(whole())
    assert found == [0, 1, 2, 3, 4]
    assert (seen.connections, seen.protocols) == (1, ["h2"])


def test_http2_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h2", None)

    async def ask() -> None:
        places = Endpoints(rest="http://127.0.0.1:1")
        async with BigQueryClient(project="p", endpoints=places, http2=True) as client:
            await client.datasets.get("d")

    with pytest.raises(UsageError, match=r"bqclient\[http2\]"):
        asyncio.run(ask())


@pytest.mark.parametrize("http2", [False, True])
def test_an_unknown_authority_is_an_error_and_is_not_asked_again(
    bqsim: Any, authority: Authority, http2: bool
) -> None:
    async def work(client: BigQueryClient, rest: Any, grpc: Any) -> None:
        for call in (
            lambda: client.datasets.get("d"),
            lambda: client.storage_read.create_session("d.t"),
            lambda: client.storage_write.create_stream("d.t"),
        ):
            with pytest.raises(CertificateError, match="not trusted") as raised:
                await call()
            assert not raised.value.retryable
            assert not raised.value.ambiguous
        assert client.core.runtime.waits == []  # type: ignore[attr-defined]

    _run(bqsim, authority, work, http2=http2)


def test_a_certificate_of_another_host_is_an_error(bqsim: Any, tmp_path: Path) -> None:
    other = Authority(tmp_path, "bigquery.example.org")

    async def work(client: BigQueryClient, rest: Any, grpc: Any) -> None:
        with pytest.raises(CertificateError, match="not trusted"):
            await client.datasets.get("d")
        with pytest.raises(CertificateError, match="not trusted"):
            await client.storage_read.create_session("d.t")
        assert client.core.runtime.waits == []  # type: ignore[attr-defined]

    _run(bqsim, other, work, ca_file=other.ca_file)


def test_files_of_authorities_are_looked_at(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no file"):
        ClientConfig(project="p", ca_file=tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("nothing")

    async def ask() -> None:
        async with BigQueryClient(project="p", ca_file=tmp_path / "empty.pem") as client:
            await client.datasets.get("d")

    with pytest.raises(UsageError, match="holds no certificates"):
        asyncio.run(ask())


@pytest.mark.parametrize(
    "places",
    [
        {"rest": "http://bigquery.example.org"},
        {"objects": "http://storage.example.org"},
        {"grpc": "storage.example.org:443", "plain_grpc": True},
    ],
)
def test_plain_text_to_another_host_is_refused(places: dict[str, Any]) -> None:
    with pytest.raises(InsecureTransportError, match="plain text"):
        BigQueryClient(project="p", endpoints=Endpoints(**places))
    ClientConfig(project="p", endpoints=Endpoints(**places, trusted_network=True))


@pytest.mark.parametrize("http2", [False, True])
def test_the_proxy_of_the_environment_is_used(
    bqsim: Any, monkeypatch: pytest.MonkeyPatch, http2: bool
) -> None:
    async def ask(places: Endpoints) -> Any:
        async with BigQueryClient(project=bqsim.project, endpoints=places, http2=http2) as client:
            return (await client.queries.execute("SELECT 7")).scalar()

    async def whole() -> tuple[Any, int]:
        # For plain http a proxy is asked for the whole URL: the simulator takes such requests, too.
        async with front(urlsplit(bqsim.url).netloc, None) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("no_proxy", "")
            places = Endpoints(rest="http://bigquery.localhost:9", plain_grpc=True, grpc="127.0.0.1:1")
            return await ask(places), proxy.connections

    found, connections = asyncio.run(whole())
    assert (found, connections) == (7, 1)


@pytest.mark.parametrize("http2", [False, True])
def test_tls_goes_through_a_proxy(
    bqsim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, http2: bool
) -> None:
    """Names that only the proxy knows: REST and gRPC."""
    authority = Authority(tmp_path, "bigquery.example.org")

    async def whole() -> tuple[Any, set[str], set[str]]:
        rest = front(urlsplit(bqsim.url).netloc, authority.server_context("http/1.1"))
        grpc = front(bqsim.grpc_target, authority.server_context("h2"))
        async with connect_proxy() as (port, asked), rest as by_rest, grpc as by_grpc:
            monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{port}")
            monkeypatch.delenv("no_proxy", raising=False)
            ports = (by_rest.port, by_grpc.port)
            places = Endpoints(
                rest=f"https://bigquery.example.org:{ports[0]}", grpc=f"bigquery.example.org:{ports[1]}"
            )
            config = ClientConfig(bqsim.project, credentials=Secret("token"), endpoints=places, http2=http2)
            async with BigQueryClient(config, ca_file=authority.ca_file) as client:
                found = await _both(client, None, None)
            return found, set(asked), {f"CONNECT bigquery.example.org:{p}" for p in ports}

    found, asked, wanted = asyncio.run(whole())
    assert found == (6, 3)
    assert asked == wanted


def test_hosts_without_proxy(bqsim: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")

    async def ask() -> Any:
        async with BigQueryClient(project=bqsim.project, endpoints=endpoints(bqsim)) as client:
            return (await client.queries.execute("SELECT 7")).scalar()

    assert asyncio.run(ask()) == 7


def test_a_transport_of_the_callers_is_used() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        reference = {"projectId": "p", "datasetId": "d"}
        return httpx.Response(200, json={"datasetReference": reference, "location": "EU"})

    async def ask() -> str | None:
        async with BigQueryClient(
            project="p",
            endpoints=Endpoints(rest="http://127.0.0.1:1"),
            http_transport=httpx.MockTransport(answer),
        ) as client:
            return (await client.datasets.get("d")).location

    assert asyncio.run(ask()) == "EU"
    assert [(r.method, r.url.path) for r in seen] == [("GET", "/bigquery/v2/projects/p/datasets/d")]


@pytest.mark.parametrize("http2", [False, True])
def test_nothing_is_left_after_close(bqsim: Any, authority: Authority, http2: bool) -> None:
    before = set(threading.enumerate())
    tasks: list[asyncio.Task[Any]] = []

    async def whole() -> None:
        rest = front(urlsplit(bqsim.url).netloc, authority.server_context("http/1.1"))
        async with rest as by_rest:
            places = Endpoints(
                rest=f"https://localhost:{by_rest.port}", grpc=bqsim.grpc_target, plain_grpc=True
            )
            others = asyncio.all_tasks()
            client = BigQueryClient(
                project=bqsim.project, endpoints=places, ca_file=authority.ca_file, http2=http2
            )
            await _both(client, None, None)
            await client.storage_write.append("d.t", [{"n": 4}])
            await client.streaming.insert_all("d.t", [{"n": 5}])
            await client.close()
            await client.close()
            tasks.extend(t for t in asyncio.all_tasks() - others if t.get_name().startswith("bqclient"))
            assert client.core.rpc._channels == {}

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(whole())
        gc.collect()
    assert tasks == []
    left = set(threading.enumerate()) - before
    # The pool of the running loop and gRPC's own pollers end with the loop and the process.
    assert not [t for t in left if t.name.startswith(("bqclient", "asyncio"))]


def test_the_client_without_await_over_tls(bqsim: Any, authority: Authority) -> None:
    async def work(client: BigQueryClient, rest: Any, grpc: Any) -> Any:
        def ask() -> Any:
            config = client.config.but(labels={"by": "sync"})
            with SyncBigQueryClient(config) as other:
                return other.queries.execute("SELECT 1").scalar()

        return await asyncio.to_thread(ask)

    assert _run(bqsim, authority, work, ca_file=authority.ca_file) == 1


def test_answers_of_a_front_that_is_no_bigquery() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=json.dumps([1, 2]).encode())

    async def ask() -> Any:
        async with BigQueryClient(
            project="p",
            endpoints=Endpoints(rest="http://127.0.0.1:1"),
            http_transport=httpx.MockTransport(answer),
        ) as client:
            return (await client.core.rest.call("projects.list", {})).data

    assert asyncio.run(ask()) == {"value": [1, 2]}
