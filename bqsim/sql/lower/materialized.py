"""Materialized views: whether the stored rows of one stand for its query."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.sim.stale import seen

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

    from .lowering import Lowering

# Where a materialized view keeps what is known of its last refresh: ``at_us`` when it was, ``ready_us`` from
# when its rows are used, ``query`` what they are of, ``bases`` the etags of what it read, by name.
STATE = "_refresh"
_STALENESS = re.compile(r"(-?)(\d+)-(\d+) (-?\d+) (-?)(\d+):(\d+):(\d+)(?:\.(\d{1,6}))?")
_DAY_US = 86_400_000_000


def rejected(low: Lowering, table: Table) -> str | None:
    """Why the stored rows of a materialized view are not read, as the API's ``rejectedReason``; None when
    they are."""
    state: dict[str, Any] = table.metadata.get(STATE) or {}
    if low.catalog is None or table.storage is None or state.get("query") != table.view_query:
        return "NO_DATA"
    if low.ctx.transaction is not None or seen() is not None or state["ready_us"] > low.ctx.now_us:
        return "NO_DATA"
    refs = [TableRef.from_json(base) for base in state["bases"].values()]
    bases = [low.catalog.find_table(ref) for ref in refs]
    if any(base is not None and base.row_access_policies for base in bases):
        return "BASE_TABLE_FINE_GRAINED_SECURITY_POLICY"
    allowed_us = staleness_us(table)
    if allowed_us is not None and low.ctx.now_us - state["at_us"] <= allowed_us:
        return None
    if changed(low.catalog, state):
        return "BASE_TABLE_DATA_CHANGE" if allowed_us is None else "BASE_TABLE_TOO_STALE"
    return None


def changed(catalog: Catalog, state: dict[str, Any]) -> bool:
    """Whether something that a refresh read is no longer as it was then."""
    for base in state["bases"].values():
        found = catalog.find_table(TableRef.from_json(base))
        if found is None or found.etag != base["etag"]:
            return True
    return False


def base_refs(table: Table) -> Iterable[TableRef]:
    """What the last refresh of a materialized view read."""
    state: dict[str, Any] = table.metadata.get(STATE) or {}
    return [TableRef.from_json(base) for base in (state.get("bases") or {}).values()]


def staleness_us(table: Table) -> int | None:
    """The option ``max_staleness`` in microseconds, months of 30 days; None without it."""
    text = table.metadata.get("maxStaleness")
    found = _STALENESS.fullmatch(str(text)) if text else None
    if found is None:
        return None
    sign, years, months, days, negative, hours, minutes, seconds, micros = found.groups()
    date = (int(years) * 12 + int(months)) * 30 * _DAY_US * (-1 if sign else 1) + int(days) * _DAY_US
    time = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000
    time += int((micros or "0").ljust(6, "0"))
    return date + (-time if negative else time)
