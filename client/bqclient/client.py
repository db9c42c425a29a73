"""The client: settings, connections, and the services that are made of them when first used."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from .auth.chain import tokens_of
from .config import ClientConfig, Endpoints
from .resilience.limiter import Throttle
from .resilience.policies import Resilience
from .resilience.retry import Retrier
from .runtime import Deadline, Runtime
from .transport.rest import Rest
from .transport.rpc import Rpc

if TYPE_CHECKING:
    import httpx

    from .ingest import Ingest
    from .observability import Observability
    from .observability.listener import Listener
    from .pricing import Pricing
    from .services.costs import Costs
    from .services.datasets import Datasets
    from .services.exports import Exports
    from .services.jobs import Jobs
    from .services.loading import Loading
    from .services.queries import Queries
    from .services.routines import Routines
    from .services.streaming import Streaming
    from .services.tables import Tables
    from .storage_api.read import StorageRead
    from .storage_api.write import StorageWrite


class Core:
    """What services share: settings, the REST and the gRPC side, time, and places for queries."""

    def __init__(
        self,
        config: ClientConfig,
        runtime: Runtime | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.config = config
        self.runtime = runtime or Runtime()
        self.observability = config.observability
        self.tokens = tokens_of(config, self.runtime)
        self.retrier = Retrier(self.runtime, config.resilience, config.observability)
        self.rest = Rest(config, self.tokens, self.retrier, config.observability, http_transport)
        self.rpc = Rpc(config, self.tokens, self.retrier, config.observability)
        self.throttle = Throttle(config.resilience.interactive_queries)
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def on_close(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have ``work`` done before the connections are closed."""
        self._closing.append(work)

    async def close(self) -> None:
        """End what goes on beside, and close all connections."""
        for work in reversed(self._closing):
            await work()
        await self.rest.close()
        await self.rpc.close()

    def deadline(self, seconds: float | None = None) -> Deadline:
        """A deadline that many seconds from now; the client's timeout when none is given."""
        return Deadline.after(self.runtime, self.config.timeout if seconds is None else seconds)


class BigQueryClient:
    """BigQuery, async first.

    ``BigQueryClient(project="p", location="EU", …)`` takes the settings of :class:`~bqclient.ClientConfig`
    by name; :meth:`builder` and ``BigQueryClient(config)`` do the same. Use it as ``async with``, or call
    :meth:`close`. Services (``queries``, ``jobs``, …) are made when first used, and connections are opened
    then. One client serves a whole application, in one event loop.

    ``runtime``: time and randomness, for tests. ``http_transport``: an httpx transport for REST in place of
    the client's own, as ``httpx.MockTransport``.

    Raises UsageError for settings that cannot be, InsecureTransportError for plain text to another machine.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        runtime: Runtime | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
        **settings: Any,
    ) -> None:
        made = config.but(**settings) if config is not None else ClientConfig(**settings)
        self.core = Core(made, runtime, http_transport)

    @classmethod
    def builder(cls) -> ClientBuilder:
        """Settings one after another: ``BigQueryClient.builder().project("p").location("EU").build()``."""
        return ClientBuilder()

    @property
    def config(self) -> ClientConfig:
        """The settings."""
        return self.core.config

    @property
    def project(self) -> str:
        """The project that jobs run in."""
        return self.core.config.project

    @cached_property
    def queries(self) -> Queries:
        """Queries: run them, stream their rows, dry runs, sessions."""
        from .services.queries import Queries

        return Queries(self)

    @cached_property
    def jobs(self) -> Jobs:
        """Jobs of every kind: begin, get, list, cancel, wait, watch."""
        from .services.jobs import Jobs

        return Jobs(self)

    @cached_property
    def streaming(self) -> Streaming:
        """Streaming inserts (``tabledata.insertAll``): one request, or gathered rows."""
        from .services.streaming import Streaming

        return Streaming(self)

    @cached_property
    def loading(self) -> Loading:
        """Load jobs: from Cloud Storage, files, memory, rows, Arrow, DataFrames."""
        from .services.loading import Loading

        return Loading(self)

    @cached_property
    def exports(self) -> Exports:
        """Extract jobs: tables to Cloud Storage."""
        from .services.exports import Exports

        return Exports(self)

    @cached_property
    def datasets(self) -> Datasets:
        """Datasets: create, get, update, delete, undelete, list."""
        from .services.datasets import Datasets

        return Datasets(self)

    @cached_property
    def tables(self) -> Tables:
        """Tables and views: create, get, update, delete, list, copy, preview rows."""
        from .services.tables import Tables

        return Tables(self)

    @cached_property
    def routines(self) -> Routines:
        """Functions and procedures: create, get, update, delete, list."""
        from .services.routines import Routines

        return Routines(self)

    @cached_property
    def costs(self) -> Costs:
        """What queries cost: estimates by dry runs, limits in USD, costs of jobs."""
        from .services.costs import Costs

        return Costs(self)

    @cached_property
    def storage_read(self) -> StorageRead:
        """Reads over the Storage API: whole tables or sessions, as Arrow."""
        from .storage_api.read import StorageRead

        return StorageRead(self)

    @cached_property
    def storage_write(self) -> StorageWrite:
        """Writes over the Storage API: at least once, exactly once, all at once."""
        from .storage_api.write import StorageWrite

        return StorageWrite(self)

    @cached_property
    def ingest(self) -> Ingest:
        """Rows into tables by the way that suits them; merges, dead letters, tenants, schema files."""
        from .ingest import Ingest

        return Ingest(self)

    async def close(self) -> None:
        """Close all connections."""
        await self.core.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"BigQueryClient(project={self.project!r}, location={self.config.location!r})"


class ClientBuilder:
    """Settings of a client, one call each."""

    def __init__(self) -> None:
        self._settings: dict[str, Any] = {}

    def _set(self, **settings: Any) -> Self:
        self._settings |= settings
        return self

    def project(self, project: str) -> Self:
        """The project that jobs run in."""
        return self._set(project=project)

    def location(self, location: str) -> Self:
        """Where jobs run: ``US`` unless told."""
        return self._set(location=location)

    def credentials(self, credentials: Any) -> Self:
        """A google-auth credentials object, or the path of a key file."""
        return self._set(credentials=credentials)

    def timeout(self, seconds: float) -> Self:
        """Seconds for a call, retries included."""
        return self._set(timeout=seconds)

    def query_timeout(self, seconds: float | None) -> Self:
        """Seconds for a whole query."""
        return self._set(query_timeout=seconds)

    def default_dataset(self, dataset: str) -> Self:
        """The dataset of table names that give none."""
        return self._set(default_dataset=dataset)

    def maximum_bytes_billed(self, limit: int | None) -> Self:
        """The bytes that a query may bill."""
        return self._set(maximum_bytes_billed=limit)

    def pricing(self, pricing: Pricing) -> Self:
        """What bytes and slots cost."""
        return self._set(pricing=pricing)

    def resilience(self, resilience: Resilience) -> Self:
        """Retries, breaker, limits."""
        return self._set(resilience=resilience)

    def observability(self, observability: Observability) -> Self:
        """Spans, metrics, logs."""
        return self._set(observability=observability)

    def endpoints(self, endpoints: Endpoints) -> Self:
        """Where the services are."""
        return self._set(endpoints=endpoints)

    def labels(self, **labels: str) -> Self:
        """Labels of every job."""
        return self._set(labels=labels)

    def quota_project(self, project: str) -> Self:
        """Who pays for calls, where it is not the project of the credentials."""
        return self._set(quota_project=project)

    def job_prefix(self, prefix: str) -> Self:
        """What ids of jobs begin with: ``bqclient`` unless told."""
        return self._set(job_prefix=prefix)

    def connections(self, most: int) -> Self:
        """How many connections of REST there may be."""
        return self._set(connections=most)

    def http2(self, on: bool = True) -> Self:
        """HTTP/2 for REST (extra ``http2``)."""
        return self._set(http2=on)

    def listener(self, listener: Listener) -> Self:
        """Who is told of every sending of a call, its bytes and how it ended."""
        return self._set(listener=listener)

    def ca_file(self, path: str | os.PathLike[str]) -> Self:
        """A PEM file of the certificate authorities to trust."""
        return self._set(ca_file=path)

    def config(self) -> ClientConfig:
        """The settings so far. Raises UsageError when something is missing."""
        return ClientConfig(**self._settings)

    def build(self, **options: Any) -> BigQueryClient:
        """The client; ``options`` are those of :class:`BigQueryClient` itself."""
        return BigQueryClient(self.config(), **options)
