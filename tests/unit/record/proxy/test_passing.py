from __future__ import annotations

import gzip
import http.client
import json
import logging
import socket
import threading

import httpx
import pytest

from bqsim.record.proxy import RecordingProxy
from tests.taps import HeardCall, ListTap
from tests.unit.record.proxy.peers import (
    OK,
    answering,
    between,
    connect,
    read_all,
    read_body,
    read_exactly,
    read_head,
    reset,
)

QUERIES = "/bigquery/v2/projects/p/queries"


def only(tap: ListTap) -> HeardCall:
    calls = tap.ended()
    assert len(calls) == 1
    assert len(calls[0].ends) == 1
    return calls[0]


def test_a_call_reaches_its_upstream_and_comes_back_as_it_is() -> None:
    seen: list[bytes] = []
    answer = (
        b"HTTP/1.1 207 Quite Fine\r\nX-Two: a\r\nContent-Type: x/y\r\nX-Two: b\r\nContent-Length: 3\r\n"
        b"Keep-Alive: timeout=3\r\nConnection: X-Mine\r\nX-Mine: 1\r\n\r\nyes"
    )
    with between(answering(answer, seen=seen)) as (proxy, tap), connect(proxy) as client:
        client.sendall(
            b"POST /bigquery/v2/projects/p%2Fq/queries?a=%20b&a=c HTTP/1.1\r\nHost: here\r\n"
            b"X-One: 1\r\nAuthorization: Bearer t\r\nContent-Length: 4\r\nX-Hop: x\r\n"
            b"Connection: X-Hop\r\n\r\nbody"
        )
        head = read_head(client)
        assert read_body(client, head) == b"yes"
    # Neither headers of a connection, nor any of the proxy's own.
    assert head == (
        b"HTTP/1.1 207 Quite Fine\r\nx-two: a\r\ncontent-type: x/y\r\nx-two: b\r\ncontent-length: 3\r\n\r\n"
    )
    upstream_port = proxy._routes.bigquery.host
    lines = seen[0].decode().split("\r\n")
    assert lines[0] == "POST /bigquery/v2/projects/p%2Fq/queries?a=%20b&a=c HTTP/1.1"
    assert sorted(lines[1:-2]) == sorted(
        [f"host: {upstream_port}", "x-one: 1", "authorization: Bearer t", "content-length: 4"]
    )
    assert lines[-1] == "body"
    call = only(tap)
    assert (call.transport, call.verb, call.host) == ("rest", "POST", upstream_port)
    assert call.target == "/bigquery/v2/projects/p%2Fq/queries?a=%20b&a=c"
    assert ("authorization", "Bearer t") in call.headers
    assert (call.request, call.status, call.response) == (b"body", 207, b"yes")
    assert [v for n, v in call.answer_headers if n == "x-two"] == ["a", "b"]
    assert call.ends == [("", (), "", "")]


def test_connections_are_used_again() -> None:
    seen: list[bytes] = []
    accepted: list[int] = []

    def script(connection: socket.socket) -> None:
        accepted.append(1)
        answering(OK, seen=seen)(connection)

    with between(script) as (proxy, _), connect(proxy) as client:
        for _ in range(3):
            client.sendall(b"GET /bigquery/v2/projects HTTP/1.1\r\nHost: h\r\n\r\n")
            assert read_body(client, read_head(client)) == b"ok"
    assert (len(seen), len(accepted)) == (3, 1)


def test_compressed_answers_are_not_touched() -> None:
    packed = gzip.compress(b'{"rows": []}' * 100)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    with between(answering(head + packed)) as (proxy, tap), connect(proxy) as client:
        client.sendall(f"GET {QUERIES}/j HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        assert read_body(client, read_head(client)) == packed
    assert only(tap).response == packed
    assert ("content-encoding", "gzip") in only(tap).answer_headers


def test_compressed_bodies_are_not_touched() -> None:
    seen: list[bytes] = []
    packed = gzip.compress(b'{"query": "SELECT 1"}')
    with between(answering(OK, seen=seen)) as (proxy, tap):
        httpx.post(proxy.url + QUERIES, content=packed, headers={"Content-Encoding": "gzip"})
    assert seen[0].endswith(b"\r\n\r\n" + packed)
    assert only(tap).request == packed


def test_chunked_both_ways_and_piece_by_piece() -> None:
    first = threading.Event()
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        seen.append(read_exactly(connection, len(b"5\r\nfirst\r\n")))
        first.set()
        seen.append(read_body(connection, head))
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        # The call ends with its client.
        assert connection.recv(1) == b""

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"POST /upload/bigquery/v2/projects/p/jobs HTTP/1.1\r\nHost: h\r\n")
        client.sendall(b"Transfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        # The upstream has what was sent so far.
        assert first.wait(20)
        client.sendall(b"6\r\nsecond\r\n0\r\n\r\n")
        assert b"transfer-encoding: chunked" in read_head(client)
        # And the client what was answered so far.
        assert read_exactly(client, 8) == b"3\r\none\r\n"
        client.close()
        tap.ended()
    assert seen == [b"5\r\nfirst\r\n", b"second"]
    assert tap.calls[0].sent_pieces == [b"first", b"second"]
    assert tap.calls[0].received_pieces == [b"one"]
    assert tap.calls[0].broken == "cancelled"


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body(status: int) -> None:
    answer = f'HTTP/1.1 {status} X\r\nETag: "e"\r\n\r\n'.encode()
    with between(answering(answer)) as (proxy, tap), connect(proxy) as client:
        for _ in range(2):
            client.sendall(b"DELETE /bigquery/v2/projects/p/datasets/d HTTP/1.1\r\nHost: h\r\n\r\n")
            assert read_head(client) == f'HTTP/1.1 {status} X\r\netag: "e"\r\n\r\n'.encode()
    assert [c.status for c in tap.ended(2)] == [status, status]


def test_head_has_the_length_and_no_body() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with between(answering(answer)) as (proxy, tap), connect(proxy) as client:
        for _ in range(2):
            client.sendall(b"HEAD /b/o HTTP/1.1\r\nHost: h\r\n\r\n")
            assert read_head(client) == b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n"
    assert tap.ended(2)[0].verb == "HEAD"


def test_the_upstream_says_when_a_body_is_awaited() -> None:
    may = threading.Event()

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        assert b"expect: 100-continue" in head.lower()
        assert may.wait(20)
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert read_body(connection, head) == b"1234"
        connection.sendall(OK)

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"PUT /b/o HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        client.settimeout(0.1)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(20)
        may.set()
        assert read_head(client) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"1234")
        assert read_head(client).startswith(b"HTTP/1.1 200")
    assert only(tap).request == b"1234"


def test_the_upstream_refuses_a_body_that_waits() -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"PUT /b/o HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert read_head(client).startswith(b"HTTP/1.1 401")
    assert (only(tap).status, only(tap).request) == (401, b"")


def test_answers_that_end_with_the_connection() -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\nto the end")

    with between(script) as (proxy, tap):
        assert httpx.get(proxy.url + "/bigquery/v2/projects").content == b"to the end"
    assert only(tap).broken == ""


def test_uploads_lead_back_to_the_proxy() -> None:
    begun: list[str] = []

    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        read_body(connection, head)
        host = head.lower().split(b"host: ")[1].split(b"\r\n")[0].decode()
        place = f"http://{host}/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=u1"
        begun.append(place)
        connection.sendall(f"HTTP/1.1 200 OK\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode())

    with between(script) as (proxy, tap):
        url = f"{proxy.url}/upload/bigquery/v2/projects/p/jobs?uploadType=resumable"
        told = httpx.post(url, headers={"Host": "proxy.test:1"}).headers["location"]
    # By the name that the client has for it.
    assert told == (
        "http://proxy.test:1/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=u1"
    )
    assert dict(only(tap).answer_headers)["location"] == begun[0]


@pytest.mark.parametrize("packed", [False, True])
def test_the_discovery_document_leads_to_the_proxy(packed: bool) -> None:
    def script(connection: socket.socket) -> None:
        head = read_head(connection)
        host = head.lower().split(b"host: ")[1].split(b"\r\n")[0].decode()
        text = json.dumps({"rootUrl": f"http://{host}/", "baseUrl": f"http://{host}/bigquery/v2/"}).encode()
        data = gzip.compress(text) if packed else text
        coded = "Content-Encoding: gzip\r\n" if packed else ""
        connection.sendall(
            f"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\n{coded}"
            f"Content-Length: {len(data)}\r\n\r\n".encode()
            + data
        )

    with between(script) as (proxy, tap):
        document = httpx.get(f"{proxy.url}/discovery/v1/apis/bigquery/v2/rest").json()
        assert document == {"rootUrl": f"{proxy.url}/", "baseUrl": f"{proxy.url}/bigquery/v2/"}
    call = only(tap)
    # The tap has what passed upstream.
    heard = gzip.decompress(call.response) if packed else call.response
    assert json.loads(heard)["rootUrl"] == f"http://{call.host}/"


def test_rows_with_addresses_are_left_alone() -> None:
    def script(connection: socket.socket) -> None:
        host = read_head(connection).lower().split(b"host: ")[1].split(b"\r\n")[0].decode()
        data = f'{{"v": "http://{host}/x"}}'.encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        connection.sendall(head.encode() + data)

    with between(script) as (proxy, tap):
        assert httpx.get(f"{proxy.url}{QUERIES}/j").content == only(tap).response


def test_http_1_0_clients() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    with between(answering(chunked)) as (proxy, _), connect(proxy) as client:
        client.sendall(b"GET /bigquery/v2/projects HTTP/1.0\r\n\r\n")
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.0 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nok")


def test_calls_as_to_a_proxy_of_the_clients() -> None:
    seen: list[bytes] = []
    with between(answering(OK, seen=seen)) as (proxy, _), connect(proxy) as client:
        client.sendall(b"GET http://bigquery.test/bigquery/v2/projects?a=1 HTTP/1.1\r\nHost: h\r\n\r\n")
        assert read_head(client).startswith(b"HTTP/1.1 200")
    assert seen[0].startswith(b"GET /bigquery/v2/projects?a=1 HTTP/1.1\r\n")


# Upstreams that fail


def test_an_upstream_that_is_not_there(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tap = ListTap()
    secret = {"Authorization": "Bearer ya29.secret"}
    caplog.set_level(logging.DEBUG, "bqsim")
    with RecordingProxy(tap, f"http://127.0.0.1:{port}", "127.0.0.1:1") as proxy:
        answer = httpx.post(f"{proxy.url}{QUERIES}?key=AIzaSecret", json={}, headers=secret)
    assert answer.status_code == 502
    error = answer.json()["error"]
    assert (error["code"], error["errors"][0]["domain"]) == (502, "bqsim.record")
    assert "not reached" in error["message"]
    call = only(tap)
    assert (call.broken, call.status, call.request) == ("refused", 0, b"{}")
    told = [record.getMessage() for record in caplog.records if record.name.startswith("bqsim")]
    assert len(told) == 1
    assert "ecret" not in told[0]


def test_an_upstream_whose_name_is_none() -> None:
    tap = ListTap()
    with RecordingProxy(tap, "http://no-such-host.invalid:1", "127.0.0.1:1") as proxy:
        assert httpx.get(f"{proxy.url}/bigquery/v2/projects").status_code == 502
    assert only(tap).broken == "refused"


def test_an_upstream_that_speaks_no_tls() -> None:
    with between(answering(OK)) as (plain, _):
        tap = ListTap()
        with RecordingProxy(tap, plain.url.replace("http:", "https:"), "127.0.0.1:1") as proxy:
            answer = httpx.get(f"{proxy.url}/bigquery/v2/projects")
    assert answer.status_code == 502
    assert "TLS" in answer.json()["error"]["message"]
    assert only(tap).broken == "tls"


@pytest.mark.parametrize("ending", ["reset", "closed"])
def test_connections_that_end_without_an_answer(ending: str) -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        if ending == "reset":
            reset(connection)

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"GET /bigquery/v2/projects HTTP/1.1\r\nHost: h\r\n\r\n")
        if ending == "reset":
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        else:
            assert client.recv(1) == b""
        assert only(tap).broken == ending


@pytest.mark.parametrize("ending", ["reset", "closed"])
@pytest.mark.parametrize("length", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_answers_that_are_cut(ending: str, length: str) -> None:
    came = threading.Event()

    def script(connection: socket.socket) -> None:
        read_head(connection)
        part = b"ok" if "Length" in length else b"2\r\nok\r\n"
        connection.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode() + part)
        assert came.wait(20)
        if ending == "reset":
            reset(connection)

    with between(script) as (proxy, tap):
        client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
        client.request("GET", "/bigquery/v2/projects")
        answer = client.getresponse()
        assert answer.read(2) == b"ok"
        came.set()
        with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
            answer.read()
        client.close()
        call = only(tap)
    assert (call.status, call.response, call.broken) == (200, b"ok", ending)


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.0\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
    ],
)
def test_answers_that_are_no_http(answer: bytes) -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(answer)

    with between(script) as (proxy, tap):
        told = httpx.get(f"{proxy.url}/bigquery/v2/projects")
    assert told.status_code == 502
    assert only(tap).broken == "malformed"


def test_chunks_that_are_none() -> None:
    came = threading.Event()

    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        assert came.wait(20)
        connection.sendall(b"nonsense\r\n")
        connection.recv(1)

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"GET /bigquery/v2/projects HTTP/1.1\r\nHost: h\r\n\r\n")
        read_head(client)
        assert read_exactly(client, 7) == b"2\r\nok\r\n"
        came.set()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert only(tap).broken == "malformed"


# Clients that fail


def test_a_client_that_leaves_while_it_waits() -> None:
    gone = threading.Event()

    def script(connection: socket.socket) -> None:
        read_head(connection)
        assert connection.recv(1) == b""
        gone.set()

    with between(script) as (proxy, tap):
        with connect(proxy) as client:
            client.sendall(b"GET /bigquery/v2/projects HTTP/1.1\r\nHost: h\r\n\r\n")
            tap.wait(lambda calls: calls)
        # The call upstream ends with it.
        assert gone.wait(20)
        assert only(tap).broken == "cancelled"


def test_a_client_that_leaves_within_its_body() -> None:
    ended: list[bytes] = []
    done = threading.Event()

    def script(connection: socket.socket) -> None:
        read_head(connection)
        try:
            ended.append(read_all(connection))
        finally:
            done.set()

    with between(script) as (proxy, tap):
        with connect(proxy) as client:
            client.sendall(b"POST /upload/bigquery/v2/projects/p/jobs HTTP/1.1\r\nHost: h\r\n")
            client.sendall(b"Content-Length: 1000000\r\n\r\n" + b"x" * 100_000)
            tap.wait(lambda calls: calls and sum(map(len, calls[0].sent_pieces)) == 100_000)
        assert done.wait(20)
        call = only(tap)
    assert call.broken == "cancelled"
    assert call.request == b"x" * 100_000


def test_a_body_that_is_malformed() -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        read_all(connection)

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"POST /upload/bigquery/v2/projects/p/jobs HTTP/1.1\r\nHost: h\r\n")
        client.sendall(b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        tap.wait(lambda calls: calls and calls[0].sent_pieces)
        client.sendall(b"nonsense\r\n")
        assert b" 400 " in read_head(client)
        assert only(tap).broken == "cancelled"


def test_a_request_that_is_none() -> None:
    with between(answering(OK)) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"what\r\n\r\n")
        assert b" 400 " in read_head(client)
    assert tap.calls == []


def test_stopping_ends_calls_that_are_on_their_way() -> None:
    def script(connection: socket.socket) -> None:
        read_head(connection)
        connection.recv(1)

    with between(script) as (proxy, tap), connect(proxy) as client:
        client.sendall(b"GET /bigquery/v2/projects HTTP/1.1\r\nHost: h\r\n\r\n")
        tap.wait(lambda calls: calls)
        proxy.stop()
        assert only(tap).broken == "cancelled"
