"""What queries cost: before they run, after they ran, and no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Unpack

from bqclient.errors import BytesBilledLimitError, UsageError
from bqclient.models.job import Job
from bqclient.models.references import JobReference, TableReference
from bqclient.pricing import Pricing, billed_bytes

from .query_options import Parameters, QueryOptions

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a query would cost at most, if its ``accuracy`` is PRECISE or UPPER_BOUND.

    A result from the cache would cost nothing. ``usd`` is ``None`` where slot-hours are paid for: they are
    known afterwards.
    """

    bytes_processed: int
    bytes_billed: int
    usd: float | None
    accuracy: str
    statement_type: str
    referenced_tables: tuple[TableReference, ...] = ()


@dataclass(frozen=True, slots=True)
class JobCost:
    """What a job cost. ``usd`` is 0 for results from the cache."""

    job: JobReference
    bytes_processed: int
    bytes_billed: int
    slot_ms: int
    cache_hit: bool
    usd: float


class Costs:
    """Costs of queries, by the client's pricing: on demand at the list price unless told."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self.pricing: Pricing = client.config.pricing or Pricing.on_demand()

    async def estimate_query_cost(
        self, sql: str, parameters: Parameters = None, **options: Unpack[QueryOptions]
    ) -> CostEstimate:
        """What a query would cost, by a dry run, which is free. Raises what running it would."""
        dry = await self._client.queries.dry_run(sql, parameters, **options)
        billed = billed_bytes(dry.bytes_processed, len(dry.referenced_tables))
        usd = self.pricing.cost(bytes_billed=billed) if self.pricing.foreseeable else None
        return CostEstimate(
            dry.bytes_processed, billed, usd, dry.accuracy, dry.statement_type, dry.referenced_tables
        )

    async def get_job_cost(self, job: JobReference | Job | str, *, location: str | None = None) -> JobCost:
        """What a job cost; a script what its statements did. Raises UsageError while it runs."""
        found = await self._client.jobs.get(job, location=location)
        if not found.done:
            raise UsageError(f"Job {found.reference} is not done: what it costs is known afterwards.")
        return self.of_job(found)

    def of_job(self, job: Job) -> JobCost:
        """What a job that is done cost."""
        billed = 0 if job.cache_hit else job.bytes_billed
        usd = self.pricing.cost(bytes_billed=billed, slot_ms=job.slot_ms)
        return JobCost(job.reference, job.bytes_processed, billed, job.slot_ms, job.cache_hit, usd)

    def set_cost_limit(self, usd: float | None) -> None:
        """Estimate every query first, and refuse those above; ``None`` ends that.

        Raises UsageError where slot-hours are paid for.
        """
        self._check_limit(usd)
        self._client.queries.max_cost_usd = usd

    async def check(
        self, sql: str, parameters: Parameters, limit_usd: float, **options: Unpack[QueryOptions]
    ) -> CostEstimate:
        """The estimate of a query, or BytesBilledLimitError where it is above the limit."""
        self._check_limit(limit_usd)
        found = await self.estimate_query_cost(sql, parameters, **options)
        if found.usd is not None and found.usd > limit_usd:
            raise BytesBilledLimitError(
                f"The query would bill {found.bytes_billed:,} bytes, about ${found.usd:.6g}, "
                f"and ${limit_usd:.6g} are allowed.",
                reason="bytesBilledLimitExceeded",
                estimate=found.bytes_billed,
                limit=self.pricing.bytes_for(limit_usd),
                cost=found.usd,
            )
        return found

    def _check_limit(self, usd: float | None) -> None:
        if usd is None:
            return
        if usd < 0:
            raise UsageError(f"A limit of costs cannot be below 0, as {usd!r} is.")
        if not self.pricing.foreseeable:
            raise UsageError(
                "What a query costs in slot-hours is not known before it runs: "
                "limit bytes by maximum_bytes_billed, or time by job_timeout."
            )
