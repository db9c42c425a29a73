"""A recording from its start to its cassette: a proxy, and a recorder that listens to it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from bqsim import clients

from .cassette.cassette import Cassette, measures_path
from .exchanges import JOURNAL
from .proxy.proxy import RecordingProxy
from .proxy.routes import BIGQUERY, READ_WRITE
from .recorder import KEEP_BYTES, Recorder

if TYPE_CHECKING:
    from .proxy.tls import Certificate
    from .redact.policy import Policy

# What becomes of a cassette that is there.
MODES: Mapping[str, str] = {
    "once": "a cassette that is there is an error",
    "rewrite": "it is replaced, when the recording has ended",
    "all": "the recording adds to it; what is asked anew replaces what was recorded of it",
}
# Where emulators listen for gRPC, bqsim among them.
EMULATOR_GRPC_PORT = 9060
_NEW = ".new"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where recorded calls go: REST, gRPC (``host:port``) and Cloud Storage (None: as REST, or the service's
    own where that is)."""

    rest: str = BIGQUERY
    grpc: str = READ_WRITE
    storage: str | None = None

    @classmethod
    def of(
        cls,
        rest: str | None = None,
        grpc: str | None = None,
        storage: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Upstreams:
        """What is given, else what the environment names, else the service itself. gRPC of another host that
        names none: its port 9060. ValueError for what is no address."""
        named = environment or {}
        storage = storage or (named.get("STORAGE_EMULATOR_HOST") if rest is None else None) or None
        if rest is None and named.get("BIGQUERY_EMULATOR_HOST"):
            rest = named["BIGQUERY_EMULATOR_HOST"]
            grpc = grpc or named.get("BIGQUERY_STORAGE_GRPC_ENDPOINT")
        if rest is None or rest.rstrip("/") == BIGQUERY:
            return cls(BIGQUERY, grpc or READ_WRITE, storage)
        rest = rest if "://" in rest else f"http://{rest}"
        if grpc is None:
            host = urlsplit(rest).hostname or ""
            grpc = f"[{host}]:{EMULATOR_GRPC_PORT}" if ":" in host else f"{host}:{EMULATOR_GRPC_PORT}"
        return cls(rest, grpc, storage)


class Recording:
    """A recording that runs: what clients need to take part in it."""

    def __init__(self, proxy: RecordingProxy, recorder: Recorder, project: str = "") -> None:
        self.proxy, self.recorder, self.project = proxy, recorder, project
        self.cassette: Cassette | None = None

    @property
    def url(self) -> str:
        """The address of the REST APIs: the ``api_endpoint`` of clients."""
        return self.proxy.url

    @property
    def grpc_target(self) -> str:
        """The address of the Storage API, ``host:port``."""
        return self.proxy.grpc_target

    def environment(self) -> dict[str, str]:
        """Environment variables that point clients here."""
        project = {"GOOGLE_CLOUD_PROJECT": self.project} if self.project else {}
        return {**self.proxy.environment(), **project}

    def client(self, project: str | None = None, **options: Any) -> Any:
        """Google's ``bigquery.Client`` without credentials, as emulators take it; for the service itself make
        one with ``client_options={"api_endpoint": recording.url}``. ModuleNotFoundError without
        ``bqsim[client]``; ValueError without a project."""
        project = project or self.project
        if not project:
            raise ValueError("which project? client(project=...)")
        return clients.query_client(self.url, project, self.read_client, **options)

    def read_client(self) -> Any:
        """Google's ``BigQueryReadClient``; else as :meth:`client`."""
        return clients.read_client(self.grpc_target)

    def write_client(self) -> Any:
        """Google's ``BigQueryWriteClient``; else as :meth:`client`."""
        return clients.write_client(self.grpc_target)


@contextmanager
def recording(
    folder: str | Path,
    *,
    mode: str = "rewrite",
    upstream: str | None = None,
    upstream_grpc: str | None = None,
    upstream_storage: str | None = None,
    project: str = "",
    policy: Policy | None = None,
    names: Mapping[str, str] | None = None,
    keep_bytes: int | None = KEEP_BYTES,
    host: str = "127.0.0.1",
    port: int = 0,
    grpc_port: int = 0,
    tls: bool | Certificate = False,
    upstream_ca: str | Path | None = None,
    verify: bool = True,
    upstream_grpc_tls: bool | None = None,
) -> Iterator[Recording]:
    """Record into ``folder`` while the block runs; at its end the cassette is there, whole, as
    ``Recording.cassette``.

    ``mode`` is one of :data:`MODES`. Upstreams are those of :meth:`Upstreams.of`; ``policy``, ``names`` and
    ``keep_bytes`` those of :class:`.recorder.Recorder`, the rest those of
    :class:`.proxy.proxy.RecordingProxy`. FileExistsError for a cassette, or a recording that did not end;
    ValueError for a wrong mode or address; OSError when the proxy cannot listen.
    """
    if mode not in MODES:
        raise ValueError(f"mode is one of {', '.join(MODES)}, not {mode!r}")
    place = Path(folder)
    there = is_recorded(place)
    if there and mode == "once":
        raise FileExistsError(
            f"{place} is recorded already: choose the mode rewrite or all, or another place"
        )
    to = Upstreams.of(upstream, upstream_grpc, upstream_storage)
    existing = Cassette.open(place) if there and mode == "all" else None
    into = place.with_name(place.name + _NEW) if there and mode == "rewrite" else place
    fresh = not into.exists()
    recorder = Recorder(
        into,
        policy=policy,
        names=names,
        upstream=to.rest,
        keep_bytes=keep_bytes,
        existing=existing,
        replace=existing is not None,
    )
    try:
        proxy = RecordingProxy(
            recorder,
            to.rest,
            to.grpc,
            to.storage,
            host,
            port,
            grpc_port,
            tls=tls,
            upstream_ca=upstream_ca,
            verify=verify,
            upstream_grpc_tls=upstream_grpc_tls,
        ).start()
    except BaseException:
        recorder.finish()
        if fresh:
            # Nothing was recorded: nothing is there.
            shutil.rmtree(into)
            measures_path(into).unlink(missing_ok=True)
        raise
    made = Recording(proxy, recorder, project)
    try:
        with proxy:
            yield made
    finally:
        made.cassette = recorder.finish()
        if into != place:
            made.cassette = _moved(into, place)


def is_recorded(folder: Path) -> bool:
    """Whether a cassette is there."""
    from .cassette.header import FILE

    return (folder / FILE).exists()


def unfinished(folder: str | Path) -> Path | None:
    """Where a recording into ``folder`` was left that did not end, if one was."""
    place = Path(folder)
    for found in (place, place.with_name(place.name + _NEW)):
        if (found / JOURNAL).exists():
            return found
    return None


def finish_left(folder: str | Path, *, policy: Policy | None = None) -> Cassette:
    """Make the cassette of a recording that was killed. FileNotFoundError when there is none."""
    from .recovery import recover

    place, left = Path(folder), unfinished(folder)
    if left is None:
        raise FileNotFoundError(f"no recording into {place} was left unfinished")
    existing = Cassette.open(left) if is_recorded(left) else None
    cassette = recover(left, policy=policy, existing=existing, replace=True)
    return cassette if left == place else _moved(left, place)


def _moved(source: Path, place: Path) -> Cassette:
    """Put a cassette in the place of an older one."""
    shutil.rmtree(place, ignore_errors=True)
    source.rename(place)
    measures = measures_path(source)
    if measures.exists():
        os.replace(measures, measures_path(place))
    else:
        measures_path(place).unlink(missing_ok=True)
    return Cassette.open(place)
