"""Tenants: what each may ask for, by its tier, and a dataset for each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bqclient.errors import (
    AccessDeniedError,
    BytesBilledLimitError,
    QueryTimeoutError,
    RateLimitError,
    UsageError,
)
from bqclient.models.references import DatasetReference, TableReference
from bqclient.runtime import Deadline

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.models.dataset import Dataset
    from bqclient.services.query_handle import DryRun
    from bqclient.services.query_options import Parameters
    from bqclient.services.results import QueryResult

    from .report import WriteReport

_GB = 10**9


@dataclass(frozen=True, slots=True)
class Tier:
    """What a tenant may ask for: queries at a time, seconds of a query, bytes that it may read."""

    name: str
    concurrent: int
    timeout_s: float
    max_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.concurrent < 1 or self.timeout_s <= 0 or (self.max_bytes is not None and self.max_bytes < 1):
            raise UsageError(f"The limits of tier {self.name!r} must be above 0.")


TIERS: Mapping[str, Tier] = MappingProxyType(
    {
        tier.name: tier
        for tier in (
            Tier("free", 2, 60.0, 10 * _GB),
            Tier("basic", 5, 180.0, 100 * _GB),
            Tier("professional", 10, 300.0),
            Tier("enterprise", 20, 600.0),
        )
    }
)
# Seconds of a query by what it is for; a tier's own limit holds where it is lower.
KINDS: Mapping[str, float] = MappingProxyType({"interactive": 30.0, "dashboard": 60.0, "report": 120.0})
_ID = re.compile(r"[a-z0-9_]{3,50}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9_]{1,100}", re.ASCII)


def check_tenant(id: str) -> str:
    """The id, if it is one of a tenant: 3 to 50 of ``a-z``, ``0-9`` and ``_``. Raises UsageError."""
    if not isinstance(id, str) or _ID.fullmatch(id) is None:
        raise UsageError(f"{id!r} is no id of a tenant: 3 to 50 lower-case letters, digits and underscores.")
    return id


class Tenants:
    """Tenants of one client, each with the dataset ``<prefix>_<tenant>``.

    ``tiers`` and ``kinds`` replace the tables :data:`TIERS` and :data:`KINDS`. ``shared``: datasets that all
    may read. Places for queries are counted by tenant, over all uses of this object.
    """

    def __init__(
        self,
        client: BigQueryClient,
        *,
        prefix: str = "tenant",
        tiers: Mapping[str, Tier] = TIERS,
        kinds: Mapping[str, float] = KINDS,
        shared: Collection[DatasetReference | str] = (),
    ) -> None:
        if _PREFIX.fullmatch(prefix) is None:
            raise UsageError(f"{prefix!r} cannot begin the name of a dataset: letters, digits, underscores.")
        self.client = client
        self.prefix, self.tiers, self.kinds = prefix, tiers, kinds
        self.shared = frozenset(client.datasets.reference(name) for name in shared)
        self._known: dict[str, Tenant] = {}

    def tenant(self, id: str, tier: Tier | str = "free") -> Tenant:
        """A tenant, the same one for the same id. Another tier than before holds for queries from now on."""
        found = self._tier(tier)
        known = self._known.get(check_tenant(id))
        if known is None:
            known = self._known[id] = Tenant(self, id, found)
        elif known.tier != found:
            known.set_tier(found)
        return known

    def dataset(self, id: str) -> DatasetReference:
        """The dataset of a tenant."""
        return DatasetReference(self.client.project, f"{self.prefix}_{check_tenant(id)}")

    def _tier(self, tier: Tier | str) -> Tier:
        if isinstance(tier, Tier):
            return tier
        if tier not in self.tiers:
            raise UsageError(f"There is no tier {tier!r}; there are {', '.join(self.tiers)}.")
        return self.tiers[tier]


class Tenant:
    """One tenant. Its queries have its dataset as the default one, its label, and the limits of its tier."""

    def __init__(self, tenants: Tenants, id: str, tier: Tier) -> None:
        self._tenants, self._client = tenants, tenants.client
        self.id, self.tier = id, tier
        self.dataset = tenants.dataset(id)
        self.running = 0
        self._waiting: list[asyncio.Future[None]] = []

    def set_tier(self, tier: Tier) -> None:
        """Let another tier's limits hold for queries that are not running yet."""
        self.tier = tier
        self._wake()

    # --- its data ---

    async def ensure_dataset(self, **attributes: Any) -> Dataset:
        """Make its dataset where it is missing."""
        given = {"labels": {"tenant": self.id}, **attributes}
        return await self._client.datasets.create(self.dataset, exists_ok=True, **given)

    def table(self, name: str) -> TableReference:
        """A table of its dataset; a name of another one is refused. Raises UsageError."""
        found = TableReference.of(name, self.dataset.project, str(self.dataset))
        if DatasetReference(found.project, found.dataset) != self.dataset:
            raise UsageError(f"{found} is no table of tenant {self.id}: its tables are in {self.dataset}.")
        return found

    async def write_rows(self, table: str, rows: Any = (), **options: Any) -> WriteReport:
        """Write rows to one of its tables: see :meth:`~bqclient.ingest.Ingest.write_rows`."""
        return await self._client.ingest.write_rows(self.table(table), rows, **options)

    # --- its queries ---

    async def query(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        kind: str = "interactive",
        wait: bool = True,
        everywhere: bool = False,
        **options: Any,
    ) -> QueryResult:
        """Run a query for it.

        A dry run, which is free, comes first: BytesBilledLimitError with the estimate when the query would
        read more than its tier allows, AccessDeniedError when it would read tables of datasets that are
        neither its own nor shared (a check of what was written, no replacement for permissions), unless
        ``everywhere``. Waits for a place while as many queries run as the tier allows; with ``wait=False``
        RateLimitError instead. ``kind`` tells how long it may take, waiting included; QueryTimeoutError then,
        and the job is cancelled. ``options``: those of :meth:`~bqclient.services.queries.Queries.execute`.
        """
        seconds = self.seconds(kind)
        for name in ("default_dataset", "timeout", "maximum_bytes_billed"):
            if name in options:
                raise UsageError(f"{name} is set by the tenant.")
        runtime = self._client.core.runtime
        deadline = Deadline.after(runtime, seconds)
        options["default_dataset"] = self.dataset
        options["labels"] = {**options.get("labels", {}), "tenant": self.id, "tier": self.tier.name}
        async with self._place(wait, deadline):
            await self._gate(sql, parameters, everywhere, options)
            if self.tier.max_bytes is not None:
                options["maximum_bytes_billed"] = self.tier.max_bytes
            left = deadline.remaining()
            return await self._client.queries.execute(
                sql,
                parameters,
                timeout=left,
                cancel_on_timeout=True,
                job_timeout=seconds,
                **options,
            )

    def seconds(self, kind: str) -> float:
        """How long a query of a kind may take. Raises UsageError for a kind that is not known."""
        if kind not in self._tenants.kinds:
            raise UsageError(f"There is no kind {kind!r}; there are {', '.join(self._tenants.kinds)}.")
        return min(self._tenants.kinds[kind], self.tier.timeout_s)

    async def _gate(
        self, sql: str, parameters: Parameters, everywhere: bool, options: Mapping[str, Any]
    ) -> None:
        known = ("default_dataset", "labels", "location", "session_id", "connection_properties")
        dry = await self._client.queries.dry_run(
            sql, parameters, **{name: options[name] for name in known if name in options}
        )
        if not everywhere:
            self._check_tables(dry)
        limit = self.tier.max_bytes
        if limit is not None and dry.bytes_processed > limit:
            pricing = self._client.costs.pricing
            raise BytesBilledLimitError(
                f"The query would read {dry.bytes_processed:,} bytes; tier {self.tier.name} of tenant "
                f"{self.id} allows {limit:,}.",
                reason="bytesBilledLimitExceeded",
                estimate=dry.bytes_processed,
                limit=limit,
                cost=pricing.cost(bytes_billed=dry.bytes_processed) if pricing.foreseeable else None,
            )

    def _check_tables(self, dry: DryRun) -> None:
        if dry.statement_type == "SCRIPT":
            raise AccessDeniedError(
                f"Which tables a script reads is not known before it runs: tenant {self.id} may run single "
                "statements.",
                reason="accessDenied",
            )
        allowed = {self.dataset, *self._tenants.shared}
        for table in dry.referenced_tables:
            if DatasetReference(table.project, table.dataset) not in allowed:
                raise AccessDeniedError(
                    f"{table} is neither a table of tenant {self.id} nor shared.", reason="accessDenied"
                )

    # --- places ---

    @asynccontextmanager
    async def _place(self, wait: bool, deadline: Deadline) -> AsyncIterator[None]:
        while self.running >= self.tier.concurrent:
            if not wait:
                raise RateLimitError(
                    f"{self.running} queries of tenant {self.id} are running, as many as tier "
                    f"{self.tier.name} allows.",
                    reason="rateLimitExceeded",
                )
            await self._turn(deadline)
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._wake()

    async def _turn(self, deadline: Deadline) -> None:
        """Wait until a place may be free."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(deadline.remaining()):
                await turn
        except TimeoutError as late:
            raise QueryTimeoutError(
                f"No place for a query of tenant {self.id} became free in time: tier {self.tier.name} allows "
                f"{self.tier.concurrent} at a time.",
                reason="rateLimitExceeded",
            ) from late
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
            elif turn.done() and not turn.cancelled() and self.running < self.tier.concurrent:
                # Cancelled with a turn in hand: somebody else may have it.
                self._wake_later()

    def _wake(self) -> None:
        free = self.tier.concurrent - self.running
        while free > 0 and self._waiting:
            turn = self._waiting.pop(0)
            if not turn.done():
                turn.set_result(None)
                free -= 1

    def _wake_later(self) -> None:
        asyncio.get_running_loop().call_soon(self._wake)

    def __repr__(self) -> str:
        return f"Tenant({self.id!r}, tier={self.tier.name!r}, dataset={str(self.dataset)!r})"
