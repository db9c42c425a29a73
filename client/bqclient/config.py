"""Settings of a client, and where it finds the service."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .errors import InsecureTransportError, UsageError
from .resilience.policies import Resilience

if TYPE_CHECKING:
    from .observability import Observability
    from .observability.listener import Listener
    from .pricing import Pricing

SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the services are: URLs of REST services, and ``host:port`` of the gRPC one.

    ``plain_grpc``: no TLS, for this machine only. ``trusted_network`` lets plain text go to other hosts.
    """

    rest: str = "https://bigquery.googleapis.com"
    grpc: str = "bigquerystorage.googleapis.com:443"
    objects: str = "https://storage.googleapis.com"
    plain_grpc: bool = False
    trusted_network: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Endpoints:
        """Google's addresses, or those that ``BIGQUERY_EMULATOR_HOST``,
        ``BIGQUERY_STORAGE_GRPC_ENDPOINT`` and ``STORAGE_EMULATOR_HOST`` name."""
        found = os.environ if environment is None else environment
        given: dict[str, Any] = {}
        if host := found.get("BIGQUERY_EMULATOR_HOST"):
            given["rest"] = _url(host)
        if host := found.get("BIGQUERY_STORAGE_GRPC_ENDPOINT"):
            given |= {"grpc": host, "plain_grpc": is_loopback(host)}
        if host := found.get("STORAGE_EMULATOR_HOST"):
            given["objects"] = _url(host)
        return cls(**given)

    def check(self) -> None:
        """Raise InsecureTransportError where plain text would leave this machine."""
        if self.trusted_network:
            return
        for name, url in (("rest", self.rest), ("objects", self.objects)):
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.netloc:
                raise UsageError(f"The endpoint '{name}' must be an http or https URL, not {url!r}.")
            if parts.scheme == "http" and not is_loopback(parts.netloc):
                raise InsecureTransportError(_INSECURE.format(name=name, url=url))
        if self.plain_grpc and not is_loopback(self.grpc):
            raise InsecureTransportError(_INSECURE.format(name="grpc", url=self.grpc))

    @property
    def emulated(self) -> bool:
        """Whether queries go to this machine: no credentials are asked for then."""
        return is_loopback(urlsplit(self.rest).netloc)


_INSECURE = (
    "The endpoint '{name}' is {url}: plain text to another machine would show tokens and data. "
    "Use TLS, or set trusted_network=True where the network is."
)


def is_loopback(host: str) -> bool:
    """Whether ``host`` or ``host:port`` is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _url(host: str) -> str:
    if "://" in host:
        return host.rstrip("/")
    return f"{'http' if is_loopback(host) else 'https'}://{host}".rstrip("/")


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """All settings of a client.

    ``project``: where jobs run, that of ``GOOGLE_CLOUD_PROJECT`` unless given. ``timeout`` (seconds) holds
    for one call of the service, retries included; ``query_timeout`` for a whole query (``None``: until it
    is done). ``credentials``: a google-auth credentials object, a path of a key file, or ``None`` for the
    chain of application default credentials. ``maximum_bytes_billed`` is the limit of every query that does
    not give its own. ``labels`` are put on every job. ``http2`` speaks HTTP/2 (extra ``http2``): fewer
    connections where many calls wait for a far-away service at a time. ``ca_file``: a PEM file of the
    certificate authorities to trust for REST and gRPC instead of the system's, for token servers beside
    them. ``connections``: the most of REST. ``quota_project``: who pays for calls, where it is not the
    credentials' project. ``job_prefix``: what ids of jobs begin with. ``listener``: who is told of every
    call as it passes, with credentials and all, as recorders of tests are
    (:class:`bqclient.observability.listener.Listener`).

    Raises UsageError for settings that cannot be, InsecureTransportError for plain text to another machine.
    """

    project: str = field(default_factory=lambda: os.environ.get("GOOGLE_CLOUD_PROJECT", ""))
    location: str = "US"
    credentials: Any = field(default=None, repr=False)
    timeout: float = 60.0
    query_timeout: float | None = None
    default_dataset: str | None = None
    maximum_bytes_billed: int | None = None
    pricing: Pricing | None = None
    resilience: Resilience = field(default_factory=Resilience)
    observability: Observability | None = None
    endpoints: Endpoints = field(default_factory=Endpoints.from_environment)
    labels: Mapping[str, str] = field(default_factory=dict)
    quota_project: str | None = None
    job_prefix: str = "bqclient"
    connections: int = 100
    http2: bool = False
    ca_file: str | os.PathLike[str] | None = None
    listener: Listener | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.project:
            raise UsageError("A client needs a project: give one, or set GOOGLE_CLOUD_PROJECT.")
        if self.timeout <= 0:
            raise UsageError(f"timeout must be above 0 s, not {self.timeout!r}.")
        if self.ca_file is not None and not os.path.isfile(self.ca_file):
            raise UsageError(f"ca_file names no file: {os.fspath(self.ca_file)!r}.")
        self.endpoints.check()

    def but(self, **changes: Any) -> ClientConfig:
        """A copy with other settings."""
        return replace(self, **changes)
