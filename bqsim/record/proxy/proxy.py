"""The recording proxy: ports of its own for REST and gRPC, and a thread that serves them."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import ssl
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

from bqsim.record.tap import Tap
from bqsim.serving import Serving, environment, reachable
from bqsim.sim.clock import RealClock

from .grpc_port import GrpcOrigin, GrpcPort
from .listening import RestPort
from .passing import Passing
from .routes import BIGQUERY, READ_WRITE, STORAGE, Origin, Routes
from .sending import Sender
from .tls import CA_VARIABLES, NODE_VARIABLE, Certificate, bundle, self_signed, upstream_context

log = logging.getLogger(__name__)

START_TIMEOUT_S = 60.0


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
        self._serving = Serving(
            self._serve, thread="bqsim-proxy", noun="the proxy", log=log, start_timeout_s=START_TIMEOUT_S
        )

    # Life

    def start(self) -> RecordingProxy:
        """Serve; returns when calls are taken. OSError when a port is taken, or a certificate is none."""
        if self._serving.running:
            return self
        try:
            self._prepare_tls()
            self._serving.start()
        except BaseException:
            self._forget()
            raise
        return self

    def stop(self) -> None:
        """Close all connections: calls that are on their way end as cancelled."""
        if self._serving.stop():
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
        return f"{'https' if self._tls else 'http'}://{reachable(self._host)}:{self.port}"

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``."""
        return f"{reachable(self._host)}:{self.grpc_port}"

    @property
    def ca_file(self) -> Path | None:
        """What clients are to trust for this proxy, a PEM file; None when that is no matter."""
        return self._certificate.ca if self._certificate is not None else None

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here."""
        found = environment(self.url, self.grpc_target)
        if self._authorities is not None and self.ca_file is not None:
            found |= {name: str(self._authorities) for name in CA_VARIABLES}
            found[NODE_VARIABLE] = str(self.ca_file)
        return found

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
            names = dict.fromkeys(("localhost", "127.0.0.1", "::1", reachable(self._host).strip("[]")))
            self._certificate = self_signed(folder, now, *names)
        if self._certificate.ca is not None:
            self._authorities = bundle(folder, self._certificate.ca)

    def _forget(self) -> None:
        self.port, self.grpc_port = self._asked
        self._certificate = self._authorities = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _serve(self, serving: Serving) -> None:
        asyncio.get_running_loop().set_exception_handler(_unhandled)
        rest_tls, grpc_tls, to_rest, to_grpc = self._contexts()
        sender = Sender(to_rest)
        passing = Passing(self._tap, self._routes, sender)
        rest = RestPort(passing.run, rest_tls)
        grpc = GrpcPort(self._tap, self._grpc_origin, grpc_tls, to_grpc)
        try:
            self.port = await rest.start(self._host, self._asked[0])
            self.grpc_port = await grpc.start(self._host, self._asked[1])
            serving.ready()
            await serving.until_stopped()
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
