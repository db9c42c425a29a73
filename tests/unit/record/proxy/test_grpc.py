from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from bqsim.record.proxy import RecordingProxy
from bqsim.record.proxy.grpc_port import GrpcOrigin
from tests.taps import HeardCall, ListTap
from tests.unit.record.proxy.peers import between, read_exactly, reset

SERVICE = "test.Service"
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


class Service:
    """All four shapes, on bytes."""

    def __init__(self) -> None:
        self.authority: list[str] = []
        self.deadlines: list[float | None] = []
        self.over = threading.Event()

    def one(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        given = dict(context.invocation_metadata())
        context.send_initial_metadata((("x-first", "1"), ("x-raw-bin", b"\x00\xff")))
        context.set_trailing_metadata((("x-last", given.get("x-mine", "")), ("y-bin", given["x-bin"])))
        return request[::-1]

    def fail(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x05"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "nö: 100% gone")
        raise AssertionError

    def many(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        for size in (0, 1, 100_000, 5):
            yield b"x" * size

    def takes(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        return str(sum(len(request) for request in requests)).encode()

    def both(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        for request in requests:
            yield request.upper()

    def waits(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        self.deadlines.append(context.time_remaining())
        context.add_callback(self.over.set)
        yield b"first"
        self.over.wait(20)

    def endless(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        while context.is_active():
            yield b"x" * 100_000


@contextmanager
def serving(service: Service, credentials: Any = None) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(8), options=OPTIONS)
    handlers = {
        "One": grpc.unary_unary_rpc_method_handler(service.one),
        "Fail": grpc.unary_unary_rpc_method_handler(service.fail),
        "Many": grpc.unary_stream_rpc_method_handler(service.many),
        "Takes": grpc.stream_unary_rpc_method_handler(service.takes),
        "Both": grpc.stream_stream_rpc_method_handler(service.both),
        "Waits": grpc.unary_stream_rpc_method_handler(service.waits),
        "Endless": grpc.unary_stream_rpc_method_handler(service.endless),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    health_pb2_grpc.add_HealthServicer_to_server(health.HealthServicer(), server)
    reflection.enable_server_reflection([SERVICE], server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()


@contextmanager
def channel_to(proxy: RecordingProxy) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(proxy.grpc_target, options=OPTIONS) as channel:
        yield channel


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[Service, RecordingProxy]]:
    service = Service()
    with (
        serving(service) as port,
        RecordingProxy(ListTap(), "http://127.0.0.1:1", f"127.0.0.1:{port}") as proxy,
    ):
        yield service, proxy


@pytest.fixture
def tap(parts: tuple[Service, RecordingProxy]) -> ListTap:
    heard = parts[1]._tap
    assert isinstance(heard, ListTap)
    heard.calls.clear()
    return heard


@pytest.fixture
def channel(parts: tuple[Service, RecordingProxy]) -> Iterator[grpc.Channel]:
    with channel_to(parts[1]) as made:
        yield made


def only(tap: ListTap) -> HeardCall:
    calls = tap.ended()
    assert len(calls) == len(calls[0].ends) == 1
    return calls[0]


def test_metadata_both_ways(channel: grpc.Channel, tap: ListTap) -> None:
    metadata = (("x-mine", "a b"), ("x-bin", b"\x01\x02"), ("authorization", "Bearer t"))
    answer, call = channel.unary_unary(f"/{SERVICE}/One").with_call(b"abc", metadata=metadata, timeout=20)
    assert answer == b"cba"
    assert dict(call.initial_metadata()) == {"x-first": "1", "x-raw-bin": b"\x00\xff"}
    assert dict(call.trailing_metadata()) == {"x-last": "a b", "y-bin": b"\x01\x02"}
    heard = only(tap)
    assert (heard.transport, heard.verb, heard.target) == ("grpc", "", f"/{SERVICE}/One")
    assert (heard.sent_pieces, heard.received_pieces) == ([b"abc"], [b"cba"])
    sent = dict(heard.headers)
    assert (sent["x-mine"], sent["authorization"], sent["x-bin"]) == ("a b", "Bearer t", "AQI")
    assert dict(heard.answer_headers)["x-first"] == "1"
    assert (heard.status, heard.code, heard.message, heard.broken) == (200, "OK", "", "")
    assert heard.trailers == {"x-last": "a b", "y-bin": "AQI"}


def test_failures_with_their_details(channel: grpc.Channel, tap: ListTap) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(f"/{SERVICE}/Fail")(b"", timeout=20)
    assert raised.value.code() == grpc.StatusCode.NOT_FOUND
    assert raised.value.details() == "nö: 100% gone"
    assert dict(raised.value.trailing_metadata())["grpc-status-details-bin"] == b"\x08\x05"
    heard = only(tap)
    assert (heard.code, heard.message) == ("NOT_FOUND", "nö: 100% gone")
    assert heard.trailers == {"grpc-status-details-bin": "CAU"}
    assert heard.sent_pieces == [b""]


def test_a_method_that_is_not_there(channel: grpc.Channel, tap: ListTap) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        channel.unary_unary(f"/{SERVICE}/None")(b"", timeout=20)
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert only(tap).code == "UNIMPLEMENTED"


def test_streams(channel: grpc.Channel, tap: ListTap) -> None:
    many = list(channel.unary_stream(f"/{SERVICE}/Many")(b"", timeout=20))
    assert [len(message) for message in many] == [0, 1, 100_000, 5]
    assert channel.stream_unary(f"/{SERVICE}/Takes")(iter([b"ab", b"c"]), timeout=20) == b"3"
    both = channel.stream_stream(f"/{SERVICE}/Both")(iter([b"a", b"", b"bc"]), timeout=20)
    assert list(both) == [b"A", b"", b"BC"]
    heard = {call.target.rpartition("/")[2]: call for call in tap.ended(3)}
    assert [len(message) for message in heard["Many"].received_pieces] == [0, 1, 100_000, 5]
    assert heard["Takes"].sent_pieces == [b"ab", b"c"]
    assert heard["Both"].sent_pieces == [b"a", b"", b"bc"]
    assert heard["Both"].received_pieces == [b"A", b"", b"BC"]


def test_large_messages(channel: grpc.Channel, tap: ListTap) -> None:
    size = 30_000_000
    metadata = (("x-bin", b""),)
    answer = channel.unary_unary(f"/{SERVICE}/One")(b"x" * size, metadata=metadata, timeout=60)
    assert len(answer) == size
    heard = only(tap)
    assert [len(heard.sent_pieces[0]), len(heard.received_pieces[0])] == [size, size]


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_are_told_unpacked(
    parts: tuple[Service, RecordingProxy], tap: ListTap, compression: grpc.Compression
) -> None:
    with grpc.insecure_channel(parts[1].grpc_target, compression=compression) as channel:
        assert channel.stream_unary(f"/{SERVICE}/Takes")(iter([b"x" * 10_000]), timeout=20) == b"10000"
    assert only(tap).sent_pieces == [b"x" * 10_000]


def test_metadata_of_more_than_a_frame(channel: grpc.Channel, tap: ListTap) -> None:
    metadata = (("x-bin", b""), *((f"x-{i}", "v" * 500) for i in range(14)))
    channel.unary_unary(f"/{SERVICE}/One")(b"", metadata=metadata, timeout=20)
    assert dict(only(tap).headers)["x-13"] == "v" * 500


def test_cancelled_by_the_client(
    parts: tuple[Service, RecordingProxy], channel: grpc.Channel, tap: ListTap
) -> None:
    parts[0].over.clear()
    call = channel.unary_stream(f"/{SERVICE}/Waits")(b"", timeout=20)
    assert next(call) == b"first"
    call.cancel()
    # The service learns of it.
    assert parts[0].over.wait(20)
    heard = only(tap)
    assert (heard.code, heard.broken, heard.received_pieces) == ("CANCELLED", "cancelled", [b"first"])


def test_deadlines(parts: tuple[Service, RecordingProxy], channel: grpc.Channel, tap: ListTap) -> None:
    parts[0].over.clear()
    parts[0].deadlines.clear()
    # On a busy machine a deadline may pass before the call is there.
    for timeout in (0.5, 2, 8, 32):
        tap.calls.clear()
        with pytest.raises(grpc.RpcError) as raised:
            list(channel.unary_stream(f"/{SERVICE}/Waits")(b"", timeout=timeout))
        assert raised.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        if parts[0].deadlines:
            break
    assert parts[0].over.wait(20)
    deadline = parts[0].deadlines[0]
    # Told in whole units, rounded up.
    assert deadline is not None and deadline <= timeout + 1
    assert only(tap).code == "DEADLINE_EXCEEDED"


def test_a_slow_reader_holds_the_service_back(
    parts: tuple[Service, RecordingProxy], channel: grpc.Channel, tap: ListTap
) -> None:
    call = channel.unary_stream(f"/{SERVICE}/Endless")(b"")
    assert len(next(call)) == 100_000
    before = -1
    while before != (before := len(tap.calls[0].received_pieces)):
        time.sleep(0.3)
    assert before * 100_000 < 40_000_000
    call.cancel()


def test_health_and_reflection(channel: grpc.Channel, tap: ListTap) -> None:
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=20)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    listed = next(iter(stub.ServerReflectionInfo(asked, timeout=20)))
    assert SERVICE in [s.name for s in listed.list_services_response.service]


def test_many_calls_on_one_connection(channel: grpc.Channel, tap: ListTap) -> None:
    one = channel.unary_unary(f"/{SERVICE}/One")
    metadata = (("x-bin", b""), ("x-mine", "same"))
    calls = [one.future(b"%d" % i, metadata=metadata, timeout=20) for i in range(200)]
    assert [call.result() for call in calls] == [(b"%d" % i)[::-1] for i in range(200)]
    assert {call.code for call in tap.ended(200)} == {"OK"}


# TLS


def test_tls_on_both_sides() -> None:
    service = Service()
    with RecordingProxy(ListTap(), "http://127.0.0.1:1", "127.0.0.1:1", tls=True) as lender:
        own = lender._certificate
        assert own is not None
        credentials = grpc.ssl_server_credentials([(own.key.read_bytes(), own.chain.read_bytes())])
        with serving(service, credentials) as port:
            tap = ListTap()
            options: dict[str, Any] = {"upstream_ca": own.ca, "upstream_grpc_tls": True, "tls": True}
            with RecordingProxy(tap, "http://127.0.0.1:1", f"localhost:{port}", **options) as proxy:
                trusted = grpc.ssl_channel_credentials(proxy.ca_file.read_bytes())  # type: ignore[union-attr]
                with grpc.secure_channel(proxy.grpc_target, trusted) as channel:
                    assert list(channel.stream_stream(f"/{SERVICE}/Both")(iter([b"a"]), timeout=20)) == [b"A"]
            assert only(tap).code == "OK"
            tap = ListTap()
            options.pop("upstream_ca")
            with RecordingProxy(tap, "http://127.0.0.1:1", f"localhost:{port}", **options) as proxy:
                trusted = grpc.ssl_channel_credentials(proxy.ca_file.read_bytes())  # type: ignore[union-attr]
                channel = grpc.secure_channel(proxy.grpc_target, trusted)
                with channel, pytest.raises(grpc.RpcError) as raised:
                    channel.unary_unary(f"/{SERVICE}/Fail")(b"asked", timeout=20)
            assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
            assert "self-signed" in raised.value.details()
            assert (only(tap).broken, only(tap).request) == ("tls", b"asked")


# Peers that fail


def test_an_upstream_that_is_not_there_and_comes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    tap = ListTap()
    with (
        RecordingProxy(tap, "http://127.0.0.1:1", f"127.0.0.1:{port}") as proxy,
        channel_to(proxy) as channel,
    ):
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary(f"/{SERVICE}/One")(b"asked", timeout=20)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "not reached" in raised.value.details()
        heard = only(tap)
        assert (heard.broken, heard.code, heard.request) == ("refused", "UNAVAILABLE", b"asked")
        both = channel.stream_stream(f"/{SERVICE}/Both")
        never = threading.Event()

        def silent() -> Iterator[bytes]:
            never.wait(20)
            yield b""

        with pytest.raises(grpc.RpcError) as raised:
            list(both(silent(), timeout=20))
        never.set()
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("ending", ["reset", "closed"])
def test_connections_that_end_within_a_call(ending: str) -> None:
    def script(connection: socket.socket) -> None:
        read_exactly(connection, 24)
        connection.sendall(b"\0\0\0\4\0\0\0\0\0")
        # Until the call is there.
        while b"asked" not in connection.recv(65536):
            pass
        if ending == "reset":
            reset(connection)

    with between(script) as (proxy, tap), channel_to(proxy) as channel:
        with pytest.raises(grpc.RpcError) as raised:
            channel.unary_unary(f"/{SERVICE}/One")(b"asked", timeout=20)
        assert raised.value.code() == grpc.StatusCode.UNAVAILABLE
        heard = tap.ended()[0]
    assert (heard.broken, heard.code) == (ending, "UNAVAILABLE")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        # Settings, then a header block that cannot be read.
        b"\0\0\0\4\0\0\0\0\0" + b"\0\0\3\1\4\0\0\0\1\xff\xff\xff",
        # A rest of a header block that has not begun.
        b"\0\0\0\4\0\0\0\0\0" + b"\0\0\1\x09\4\0\0\0\1\x88",
    ],
)
def test_upstreams_that_speak_something_else(answer: bytes) -> None:
    def script(connection: socket.socket) -> None:
        read_exactly(connection, 24)
        connection.sendall(answer[:9])
        if answer.startswith(b"\0"):
            while b"asked" not in connection.recv(65536):
                pass
        connection.sendall(answer[9:])
        connection.recv(65536)

    with between(script) as (proxy, tap), channel_to(proxy) as channel:
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(f"/{SERVICE}/One")(b"asked", timeout=30)
        # Calls come after settings only.
        if answer.startswith(b"\0"):
            assert tap.ended()[0].broken == "malformed"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" + b" " * 20,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\3\1\4\0\0\0\1\xff\xff\xff",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\1\x09\4\0\0\0\1\x88",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\1\1\0\0\0\0\1\x88" + b"\0\0\1\1\4\0\0\0\3\x88",
    ],
)
def test_clients_that_speak_something_else(parts: tuple[Service, RecordingProxy], data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", parts[1].grpc_port), timeout=20) as client:
        client.sendall(data)
        while True:
            try:
                if not client.recv(65536):
                    break
            except ConnectionResetError:
                break


def test_stopping_ends_calls(parts: tuple[Service, RecordingProxy]) -> None:
    tap = ListTap()
    parts[0].over.clear()
    address = f"127.0.0.1:{parts[1]._grpc_origin.port}"
    with RecordingProxy(tap, "http://127.0.0.1:1", address) as proxy, channel_to(proxy) as channel:
        call = channel.unary_stream(f"/{SERVICE}/Waits")(b"", timeout=20)
        assert next(call) == b"first"
        proxy.stop()
        assert only(tap).broken == "cancelled"
        with pytest.raises(grpc.RpcError):
            list(call)


@pytest.mark.parametrize(
    ("target", "host", "port", "tls", "authority"),
    [
        ("bigquerystorage.googleapis.com:443", "bigquerystorage.googleapis.com", 443, True, None),
        ("bigquerystorage.googleapis.com", "bigquerystorage.googleapis.com", 443, True, None),
        ("127.0.0.1:9060", "127.0.0.1", 9060, False, "127.0.0.1:9060"),
        ("http://localhost:9060/", "localhost", 9060, False, "localhost:9060"),
        ("https://localhost:9060", "localhost", 9060, True, "localhost:9060"),
        ("dns:///localhost:9060", "localhost", 9060, False, "localhost:9060"),
        ("[::1]:9060", "::1", 9060, False, "[::1]:9060"),
    ],
)
def test_addresses(target: str, host: str, port: int, tls: bool, authority: str | None) -> None:
    assert GrpcOrigin.of(target) == GrpcOrigin(host, port, tls)
    assert GrpcOrigin.of(target).authority == (authority or host)
    assert GrpcOrigin.of(target, tls=True).tls


@pytest.mark.parametrize("target", ["", ":9060", "host:port"])
def test_what_is_no_address(target: str) -> None:
    with pytest.raises(ValueError):
        GrpcOrigin.of(target)
