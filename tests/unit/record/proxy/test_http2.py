from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from bqsim.record.proxy import Certificate, RecordingProxy
from tests.taps import ListTap
from tests.unit.record.proxy.peers import OK, answering, between, read_all, read_body, read_head, upstream

PROJECTS = "/bigquery/v2/projects"


class PlainClient:
    """HTTP/2 by prior knowledge on clear text."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> None:
        self.socket.sendall(self.h2.data_to_send())

    def ask(self, stream: int, *fields: tuple[str, str], end: bool = True) -> None:
        head = {":method": "GET", ":scheme": "http", ":authority": "h", ":path": PROJECTS, **dict(fields)}
        self.h2.send_headers(stream, list(head.items()), end_stream=end)
        self.flush()

    def until(self, kind: type[h2.events.Event]) -> list[h2.events.Event]:
        """The events up to one of a kind, which is the last."""
        seen: list[h2.events.Event] = []
        while True:
            data = self.socket.recv(65536)
            assert data, seen
            for event in self.h2.receive_data(data):
                seen.append(event)
                if isinstance(event, h2.events.DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()
            if any(isinstance(event, kind) for event in seen):
                return seen


def body_of(events: list[h2.events.Event]) -> bytes:
    return b"".join(e.data for e in events if isinstance(e, h2.events.DataReceived))


def test_prior_knowledge_on_clear_text() -> None:
    seen: list[bytes] = []
    with between(answering(OK, seen=seen)) as (proxy, tap):
        client = PlainClient(proxy.port)
        client.ask(1, ("x-one", "1"), ("cookie", "a=1"))
        events = client.until(h2.events.StreamEnded)
        head = next(e for e in events if isinstance(e, h2.events.ResponseReceived))
        assert dict(head.headers) == {":status": "200", "content-type": "text/plain", "content-length": "2"}
        assert body_of(events) == b"ok"
        # A body that ends with the connection's flow.
        client.ask(3, (":method", "POST"), end=False)
        client.h2.send_data(3, b"one")
        client.h2.send_data(3, b"two", end_stream=True)
        client.flush()
        assert body_of(client.until(h2.events.StreamEnded)) == b"ok"
        client.socket.close()
    assert seen[0].startswith(b"GET /bigquery/v2/projects HTTP/1.1\r\n")
    assert b"\r\nx-one: 1\r\n" in seen[0]
    assert seen[1].endswith(b"\r\n\r\nonetwo")
    assert [c.request for c in tap.ended(2)] == [b"", b"onetwo"]
    assert [c.broken for c in tap.calls] == ["", ""]


def test_calls_side_by_side_and_one_that_is_given_up() -> None:
    gone = threading.Event()

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        if b"slow" in head:
            assert read_all(connection) == b""
            gone.set()
        else:
            connection.sendall(OK)

    with between(script) as (proxy, tap):
        client = PlainClient(proxy.port)
        client.ask(1, (":path", f"{PROJECTS}?slow"))
        client.ask(3)
        assert body_of(client.until(h2.events.StreamEnded)) == b"ok"
        client.h2.reset_stream(1)
        client.flush()
        assert gone.wait(20)
        assert {c.target: c.broken for c in tap.ended(2)} == {f"{PROJECTS}?slow": "cancelled", PROJECTS: ""}
        client.socket.close()


def test_an_answer_that_is_cut_resets_the_stream_alone() -> None:
    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        cut = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok"
        connection.sendall(cut if b"cut" in head else OK)

    with between(script) as (proxy, tap):
        client = PlainClient(proxy.port)
        client.ask(1, (":path", f"{PROJECTS}?cut"))
        assert body_of(client.until(h2.events.StreamReset)) in (b"ok", b"")
        client.ask(3)
        assert body_of(client.until(h2.events.StreamEnded)) == b"ok"
        client.socket.close()
    assert [c.broken for c in tap.ended(2)] == ["closed", ""]


def test_a_slow_reader_holds_the_upstream_back() -> None:
    sent = 0
    stopped = threading.Event()

    def script(connection: socket.socket) -> None:
        nonlocal sent
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        connection.settimeout(0.5)
        try:
            while sent < 100_000_000:
                sent += connection.send(b"x" * 65536)
        except TimeoutError:
            stopped.set()

    with between(script) as (proxy, _):
        client = PlainClient(proxy.port)
        client.ask(1)
        # Nothing is acknowledged.
        assert stopped.wait(20)
        client.socket.close()
    assert sent < 20_000_000


@pytest.mark.parametrize("data", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\1\1\4\0\0\0\0\x82", b"PRI *"])
def test_what_is_no_http_2(data: bytes) -> None:
    with between(answering(OK)) as (proxy, tap):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=20) as client:
            client.sendall(data + b"\r\n\r\n")
            assert read_all(client)
        assert tap.calls == []


@pytest.fixture(scope="module")
def secure() -> object:
    """A proxy by TLS before one that is plain."""
    with upstream(answering(OK)) as port:
        tap = ListTap()
        with RecordingProxy(tap, f"http://127.0.0.1:{port}", "127.0.0.1:1", tls=True) as proxy:
            yield proxy, tap


@pytest.mark.parametrize("two", [False, True])
def test_alpn_chooses(secure: tuple[RecordingProxy, ListTap], two: bool) -> None:
    proxy, _ = secure
    assert proxy.url.startswith("https://")
    trusted = ssl.create_default_context(cafile=str(proxy.ca_file))
    with httpx.Client(http2=two, verify=trusted) as client:
        answer = client.post(proxy.url + PROJECTS, content=b"x" * 100_000)
    assert (answer.http_version, answer.content) == ("HTTP/2" if two else "HTTP/1.1", b"ok")


def test_bodies_of_unknown_length_by_http_2(secure: tuple[RecordingProxy, ListTap]) -> None:
    proxy, tap = secure
    tap.calls.clear()

    async def send() -> bytes:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(50):
                yield b"x" * 100_000

        trusted = ssl.create_default_context(cafile=str(proxy.ca_file))
        async with httpx.AsyncClient(http2=True, verify=trusted) as client:
            return (await client.post(proxy.url + PROJECTS, content=pieces())).content

    assert asyncio.run(send()) == b"ok"
    assert len(tap.ended()[0].request) == 5_000_000


def test_the_environment_of_clients_trusts_the_proxy(secure: tuple[RecordingProxy, ListTap]) -> None:
    proxy, _ = secure
    told = proxy.environment()
    assert told["BIGQUERY_EMULATOR_HOST"] == told["STORAGE_EMULATOR_HOST"] == proxy.url
    own = proxy.ca_file
    assert own is not None
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        assert own.read_text() in Path(told[name]).read_text()
    assert httpx.get(
        proxy.url + PROJECTS, verify=ssl.create_default_context(cafile=told["SSL_CERT_FILE"])
    ).is_success


def test_tls_upstream_is_verified(secure: tuple[RecordingProxy, ListTap]) -> None:
    behind, _ = secure
    for options, status, broken in (
        ({}, 502, "tls"),
        ({"upstream_ca": behind.ca_file}, 200, ""),
        ({"verify": False}, 200, ""),
    ):
        tap = ListTap()
        with RecordingProxy(tap, behind.url, "127.0.0.1:1", **options) as proxy:  # type: ignore[arg-type]
            answer = httpx.get(proxy.url + PROJECTS)
        assert (answer.status_code, tap.ended()[0].broken) == (status, broken), answer.text


def test_a_certificate_of_ones_own(secure: tuple[RecordingProxy, ListTap], tmp_path: Path) -> None:
    made = secure[0]._certificate
    assert made is not None
    chain, key = tmp_path / "c.pem", tmp_path / "k.pem"
    chain.write_bytes(made.chain.read_bytes())
    key.write_bytes(made.key.read_bytes())
    with upstream(answering(OK)) as port:
        address = f"http://127.0.0.1:{port}"
        with RecordingProxy(ListTap(), address, "127.0.0.1:1", tls=Certificate(chain, key)) as proxy:
            assert proxy.ca_file is None
            assert "SSL_CERT_FILE" not in proxy.environment()
            trusted = ssl.create_default_context(cafile=str(chain))
            assert httpx.get(proxy.url + PROJECTS, verify=trusted).content == b"ok"
    broken = RecordingProxy(ListTap(), address, tls=Certificate(tmp_path / "none", key))
    with pytest.raises(OSError):
        broken.start()


def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        read_body(connection, head)
        asked.append(head)
        connection.sendall(OK if head.startswith(b"GET") else b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with upstream(script) as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:s%20t@127.0.0.1:{port}")
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        tap = ListTap()
        with RecordingProxy(tap, "http://emulator.test:9050", "127.0.0.1:1") as proxy:
            assert httpx.get(proxy.url + PROJECTS, trust_env=False).content == b"ok"
        with RecordingProxy(tap, "https://emulator.test", "127.0.0.1:1") as proxy:
            assert httpx.get(proxy.url + PROJECTS, trust_env=False).status_code == 502
    assert asked[0].startswith(b"GET http://emulator.test:9050/bigquery/v2/projects HTTP/1.1\r\n")
    assert b"proxy-authorization: basic bwu6cyb0\r\n" in asked[0].lower()
    assert asked[1].startswith(b"CONNECT emulator.test:443 HTTP/1.1\r\n")
    assert [c.broken for c in tap.ended(2)] == ["", "refused"]
