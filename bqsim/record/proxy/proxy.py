"""The recording proxy: ports of its own for REST and gRPC, and a thread that serves them."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from bqsim.record.tap import Tap
from bqsim.sim.clock import RealClock

from .grpc_port import GrpcOrigin, GrpcPort
from .listening import RestPort
from .passing import Passing
from .routes import BIGQUERY, READ_WRITE, STORAGE, Origin, Routes
from .sending import Sender
from .tls import CA_VARIABLES, NODE_VARIABLE, Certificate, bundle, self_signed, upstream_context

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


class RecordingProxy:
    """Passes REST and gRPC calls on to upstreams; ``tap`` sees them.

    >>> with RecordingProxy(tap, upstream="http://127.0.0.1:9050",           # doctest: +SKIP
    ...                     upstream_grpc="127.0.0.1:9060") as proxy:
    ...     subprocess.run(tests, env={**os.environ, **proxy.environment()})

    ``upstream_storage`` is that of Cloud Storage: by default ``upstream`` where that is not the service
    itself. ``tls``: True for a certificate made now (needs ``bqsim[crypto]``), or a :class:`Certificate`;
    clients then speak ``https``, HTTP/1.1 or HTTP/2. ``upstream_ca``: a file of authorities to trust instead
    of the system's; ``verify=False`` trusts anybody. ``upstream_grpc_tls``: whether gRPC is by TLS, where the
    port does not say it. The proxies that ``HTTPS_PROXY`` and ``HTTP_PROXY`` name are used for upstreams on
    other machines.

    Calls that were not answered whole end with ``broken``: ``refused``, ``timeout``, ``tls``, ``reset``,
    ``closed``, ``malformed`` (no HTTP), ``cancelled`` (by the client). Thread-safe; idempotent start and
    stop.
    """

    def __init__(
        self,
        tap: Tap,
        upstream: str = BIGQUERY,
        upstream_grpc: str = READ_WRITE,
        upstream_storage: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        grpc_port: int = 0,
        *,
        tls: bool | Certificate = False,
        upstream_ca: str | Path | None = None,
        verify: bool = True,
        upstream_grpc_tls: bool | None = None,
    ) -> None:
        rest = Origin.of(upstream)
        if upstream_storage is None:
            upstream_storage = STORAGE if rest.base == BIGQUERY else rest.base
        self._tap = tap
        self._routes = Routes(rest, Origin.of(upstream_storage))
        self._grpc_origin = GrpcOrigin.of(upstream_grpc, tls=upstream_grpc_tls)
        self._host, self._tls, self._ca, self._verify = host, tls, upstream_ca, verify
        self.port, self.grpc_port = port, grpc_port
        self._asked = port, grpc_port
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._certificate: Certificate | None = None
        self._authorities: Path | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    # Life

    def start(self) -> RecordingProxy:
        """Serve; returns when calls are taken. OSError when a port is taken, or a certificate is none."""
        if self._thread is not None:
            return self
        self._ready.clear()
        self._failure = None
        try:
            self._prepare_tls()
            self._thread = threading.Thread(target=self._run, name="bqsim-proxy", daemon=True)
            self._thread.start()
            if not self._ready.wait(START_TIMEOUT_S):
                raise TimeoutError("the proxy did not start in time")
            if self._failure is not None:
                self._thread.join()
                self._thread = None
                raise self._failure
        except BaseException:
            self._forget()
            raise
        return self

    def stop(self) -> None:
        """Close all connections: calls that are on their way end as cancelled."""
        thread, loop, stop = self._thread, self._loop, self._stop
        if thread is None or loop is None or stop is None:
            return
        loop.call_soon_threadsafe(stop.set)
        thread.join(STOP_TIMEOUT_S)
        if thread.is_alive():
            raise TimeoutError("the proxy did not stop in time")
        self._thread = None
        self._forget()

    def __enter__(self) -> RecordingProxy:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Use

    @property
    def url(self) -> str:
        """The address of the REST APIs: the ``api_endpoint`` of clients."""
        return f"{'https' if self._tls else 'http'}://{self._shown}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``."""
        return f"{self._shown}:{self.grpc_port}"

    @property
    def ca_file(self) -> Path | None:
        """What clients are to trust for this proxy, a PEM file; None when that is no matter."""
        return self._certificate.ca if self._certificate is not None else None

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here."""
        found = {
            "BIGQUERY_EMULATOR_HOST": self.url,
            "BIGQUERY_STORAGE_GRPC_ENDPOINT": self.grpc_target,
            "STORAGE_EMULATOR_HOST": self.url,
        }
        if self._authorities is not None and self.ca_file is not None:
            found |= {name: str(self._authorities) for name in CA_VARIABLES}
            found[NODE_VARIABLE] = str(self.ca_file)
        return found

    @property
    def _shown(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return f"[{host}]" if ":" in host else host

    # The thread

    def _prepare_tls(self) -> None:
        if not self._tls:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="bqsim-proxy-")
        folder = Path(self._folder.name)
        if isinstance(self._tls, Certificate):
            self._certificate = self._tls
        else:
            now = dt.datetime.fromtimestamp(RealClock().now_us() // 1_000_000, dt.UTC)
            names = dict.fromkeys(("localhost", "127.0.0.1", "::1", self._shown.strip("[]")))
            self._certificate = self_signed(folder, now, *names)
        if self._certificate.ca is not None:
            self._authorities = bundle(folder, self._certificate.ca)

    def _forget(self) -> None:
        self.port, self.grpc_port = self._asked
        self._certificate = self._authorities = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            if self._ready.is_set():
                log.exception("the proxy stopped")
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        loop = self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        loop.set_exception_handler(_unhandled)
        rest_tls, grpc_tls, to_rest, to_grpc = self._contexts()
        sender = Sender(to_rest)
        passing = Passing(self._tap, self._routes, sender)
        rest = RestPort(passing.run, rest_tls)
        grpc = GrpcPort(self._tap, self._grpc_origin, grpc_tls, to_grpc)
        try:
            self.port = await rest.start(self._host, self._asked[0])
            self.grpc_port = await grpc.start(self._host, self._asked[1])
            self._ready.set()
            await self._stop.wait()
        finally:
            await rest.stop_listening()
            await passing.stop()
            await rest.stop()
            await grpc.stop()
            await sender.close()

    def _contexts(self) -> tuple[ssl.SSLContext | None, ...]:
        own = self._certificate
        upstream = [
            upstream_context(self._ca, verify=self._verify, protocols=protocols)
            for protocols in (("http/1.1",), ("h2",))
        ]
        if own is None:
            return None, None, *upstream
        return own.context("h2", "http/1.1"), own.context("h2"), *upstream


def _unhandled(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Connections that break in the middle of TLS are no news."""
    error = context.get("exception")
    if isinstance(error, ConnectionError | ssl.SSLError | TimeoutError):
        log.debug("%s: %s", context.get("message"), error)
        return
    loop.default_exception_handler(context)
