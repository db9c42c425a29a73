"""The message of a limit that is exceeded."""

from __future__ import annotations

import zlib

from .model import Exceeded, Facts, Limit, Over


def account_number(name: str) -> int:
    """A stable number for a project (its project number) or a principal."""
    return 100_000_000_000 + zlib.crc32(name.encode("utf-8", "replace"))


def message(limit: Limit, facts: Facts, amount: int, measured: int) -> str:
    """The row's pattern with the facts in it."""
    number = account_number(facts.project)
    return limit.message.format(
        limit=amount,
        limit_k=f"{amount / 1024:.2f}",
        limit_mb=amount >> 20,
        limit_hours=round(amount / 3600, 1),
        measured=measured,
        caller=facts.caller,
        project=facts.project,
        region=facts.region,
        dataset=facts.dataset,
        table=facts.table,
        resource=facts.resource,
        gaia_id=account_number(facts.caller),
        project_number=number,
        write_user=f"project{number:016x}_{facts.region}",
    )


def exceeded(
    limit: Limit, facts: Facts, amount: int, measured: int, retry_after_us: int | None = None
) -> Exceeded:
    return Exceeded(
        limit=limit.name,
        reason=limit.reason,
        message=message(limit, facts, amount, measured),
        status=limit.grpc_status,
        amount=amount,
        moment=facts.moment,
        retry_after_us=retry_after_us,
        location=limit.location,
        retry_info=limit.retry_info,
        waits=limit.over is Over.WAIT,
    )
