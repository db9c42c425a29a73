"""A front that ends TLS before a simulator, with a certificate of an authority of the tests' own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """An authority and one certificate, in files of a folder: ``ca_file``, ``certificate``, ``key``."""

    def __init__(self, folder: Path, host: str = "localhost") -> None:
        self.ca_file, self.certificate, self.key = (folder / f"{name}.pem" for name in ("ca", "host", "key"))
        issuer_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        issuer = _named("Authority of tests")
        root = _certificate(issuer, issuer, issuer_key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        names: list[x509.GeneralName] = [x509.DNSName(host)]
        if host == "localhost":
            names.append(x509.IPAddress(ip_address("127.0.0.1")))
        of_host = _certificate(_named(host), issuer, key.public_key()).add_extension(
            x509.SubjectAlternativeName(names), critical=False
        )
        pem = serialization.Encoding.PEM
        self.ca_file.write_bytes(root.sign(issuer_key, hashes.SHA256()).public_bytes(pem))
        self.certificate.write_bytes(of_host.sign(issuer_key, hashes.SHA256()).public_bytes(pem))
        self.key.write_bytes(
            key.private_bytes(
                pem, serialization.PrivateFormat.PKCS8, encryption_algorithm=serialization.NoEncryption()
            )
        )

    def server_context(self, *protocols: str) -> ssl.SSLContext:
        """The context of a server that offers those protocols."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certificate, self.key)
        context.set_alpn_protocols(list(protocols))
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


class Front:
    """What came to a front: its ``port``, how many ``connections``, the ``protocols`` agreed on."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.protocols: list[str | None] = []


@asynccontextmanager
async def front(target: str, context: ssl.SSLContext | None) -> AsyncIterator[Front]:
    """Pass connections on to ``host:port``, after ending their TLS; without ``context`` as they are."""
    host, _, port = target.rpartition(":")
    seen = Front()
    open_: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        task.add_done_callback(open_.discard)
        seen.connections += 1
        agreed = writer.get_extra_info("ssl_object")
        seen.protocols.append(agreed.selected_alpn_protocol() if agreed else None)
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, there_writer))
                both.create_task(_pass_on(there_reader, writer))
        finally:
            for one in (writer, there_writer):
                one.close()
                with suppress(OSError, asyncio.CancelledError):
                    await one.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
        await server.wait_closed()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
        else:
            writer.close()


@asynccontextmanager
async def http2_front(url: str, context: ssl.SSLContext) -> AsyncIterator[Front]:
    """Take HTTP/2 and pass each request on to a URL as HTTP/1.1; bodies are small."""
    import httpx
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.events import DataReceived, RequestReceived, StreamEnded

    seen = Front()
    open_: set[asyncio.Task[None]] = set()

    async def answer(
        spoken: H2Connection, writer: asyncio.StreamWriter, stream: int, head: dict[str, str], body: bytes
    ) -> None:
        given = {name: value for name, value in head.items() if not name.startswith(":") and name != "host"}
        async with httpx.AsyncClient(trust_env=False) as there:
            got = await there.request(head[":method"], url + head[":path"], headers=given, content=body)
        fields = [(":status", str(got.status_code)), ("content-type", got.headers.get("content-type", ""))]
        spoken.send_headers(stream, fields)
        spoken.send_data(stream, got.content, end_stream=True)
        writer.write(spoken.data_to_send())

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        seen.protocols.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        spoken = H2Connection(config=H2Configuration(client_side=False, header_encoding="utf-8"))
        spoken.initiate_connection()
        writer.write(spoken.data_to_send())
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while data := await reader.read(1 << 16):
            for event in spoken.receive_data(data):
                if isinstance(event, RequestReceived):
                    heads[event.stream_id] = {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, DataReceived):
                    bodies[event.stream_id] = bodies.get(event.stream_id, b"") + event.data
                elif isinstance(event, StreamEnded):
                    stream = event.stream_id
                    work = answer(spoken, writer, stream, heads[stream], bodies.get(stream, b""))
                    task = asyncio.create_task(work)
                    open_.add(task)
                    task.add_done_callback(open_.discard)
            writer.write(spoken.data_to_send())
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        await asyncio.gather(*open_, return_exceptions=True)
        await server.wait_closed()


@asynccontextmanager
async def connect_proxy() -> AsyncIterator[tuple[int, list[str]]]:
    """A proxy that takes CONNECT: its port, and the places that it was asked for."""
    asked: list[str] = []
    open_: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_.add(task)
        task.add_done_callback(open_.discard)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, place, _ = head.split(" ", 2)
        asked.append(f"{method} {place}")
        # Whatever name was asked for is this machine.
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(reader, there_writer))
                both.create_task(_pass_on(there_reader, writer))
        finally:
            for one in (writer, there_writer):
                one.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], asked
    finally:
        server.close()
        for task in list(open_):
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
        await server.wait_closed()
