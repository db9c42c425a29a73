"""Texts that explain: how a query's cost comes about, how right estimates were, what is charged where."""

from __future__ import annotations

import datetime as dt
import json

from .backtest import BackTest
from .baseline import entry_of
from .errors import NoPrice
from .model import Measured, TableRead
from .money import Till
from .pricing import Prices, region_name
from .units import shown_bytes, shown_money

_FILTERS = {
    "PRUNES": "the filter leaves out what it does not need",
    "NO_FILTER": "no filter: everything is read",
    "NOT_COMPARABLE": "a filter that cannot prune: it is no comparison of the bare column with constants",
    "NO_PREFIX": "a filter that cannot prune: a clustering column before it has none",
}


def explained(measured: Measured, till: Till) -> str:
    """How the cost of a query comes about."""
    query, estimate = measured.query, measured.estimate
    where = f" ({query.file}:{query.line})" if query.file and query.file != query.name else ""
    lines = [f"{query.name}{where}"]
    if estimate.error:
        return "\n".join([*lines, f"  cannot be measured: {estimate.error}", ""])
    lines += [
        f"  {estimate.statement_type}, fingerprint {query.fingerprint}",
        f"  processes {shown_bytes(estimate.bytes_processed)} ({estimate.bytes_processed:,} bytes, "
        f"{estimate.accuracy}), billed {shown_bytes(estimate.bytes_billed)}",
    ]
    if estimate.bytes_at_most != estimate.bytes_processed:
        lines.append(
            f"  at most {shown_bytes(estimate.bytes_at_most)} before blocks are left out: "
            "maximumBytesBilled is compared with that"
        )
    entry = entry_of(measured)
    one, month = till.run(entry), till.month(entry)
    if one is not None and month is not None:
        a_run, a_month = (shown_money(n, till.currency) for n in (one, month.expected))
        runs = f"{query.rate.per_month:,.4g} runs, {query.rate.source}"
        lines.append(f"  costs {a_run} a run, {a_month} a month ({runs})")
    else:
        lines.append("  costs by slot time, which only recorded runs tell")
    for table in estimate.tables:
        lines += _table(table)
    for group in estimate.wildcards:
        lines.append(f"  wildcard: {len(group)} tables match")
    cached = "; ".join(estimate.uncacheable) or "repeated runs within a day may be free"
    lines.append(f"  cache: {cached}")
    lines += [f"  note: {note}" for note in estimate.notes]
    return "\n".join([*lines, ""])


def _table(table: TableRead) -> list[str]:
    size = f": {shown_bytes(table.bytes)}" if table.bytes is not None else ""
    out = [f"  {table.table}{size}"]
    if table.columns:
        out.append(f"    columns: {', '.join(table.columns)}")
    for name, counts in (("partitions", table.partitions), ("blocks", table.blocks)):
        if counts is not None:
            out.append(f"    {name}: {counts[0]:,} of {counts[1]:,}")
    for scan in dict.fromkeys(table.filters):
        for column, what in scan:
            out.append(f"    {column}: {_FILTERS.get(what, what)}")
    return out


def backtest_text(found: BackTest, within: float) -> str:
    """The error distribution of estimates."""
    n = len(found.compared)
    lines = [
        f"{n} recorded runs compared",
        f"  bytes processed: {found.exact:.2%} exact, {found.within(within):.2%} within {within:.2%}",
        f"  bytes billed:    {found.exact_billed:.2%} exact",
        f"  accuracy flags that were true: {found.bounds_held:.2%}",
        "  relative error: "
        + ", ".join(f"p{q * 100:.0f} {value * 100:+.2f} %" for q, value in found.quantiles.items()),
    ]
    worst = sorted(found.compared, key=lambda c: -abs(c.error))[:5]
    for one in worst:
        if one.error:
            lines.append(
                f"  {one.query}: {shown_bytes(one.estimated)} estimated ({one.accuracy}), "
                f"{shown_bytes(one.processed)} recorded"
            )
    lines += [f"  left out: {count} {why}" for why, count in found.left_out.items()]
    return "\n".join(lines) + "\n"


def backtest_json(found: BackTest, within: float) -> str:
    """The same as JSON."""
    return json.dumps(
        {
            "compared": len(found.compared),
            "exact": found.exact,
            "exact_billed": found.exact_billed,
            "within": {"share": within, "runs": found.within(within)},
            "flags_true": found.bounds_held,
            "quantiles": {f"p{q * 100:.0f}": value for q, value in found.quantiles.items()},
            "left_out": found.left_out,
        },
        indent=1,
    )


def price_list(prices: Prices, region: str, on: dt.date) -> str:
    """What is charged in a region on a day, with where each figure comes from."""
    place = region_name(region)
    kinds = dict.fromkeys(
        (p.item, p.edition, p.commitment)
        for _, file in prices.files
        for p in file.prices
        if not p.regions or place in map(region_name, p.regions)
    )
    lines = []
    for item, edition, commitment in kinds:
        try:
            found = prices.tariff(item, region=place, on=on, edition=edition, commitment=commitment)
        except NoPrice:
            continue
        words = " ".join(filter(None, (item, edition, "" if commitment == "none" else commitment)))
        free = f", {shown_bytes(found.free)} a month free" if found.free else ""
        origin = f"[{found.status}: {found.source}]"
        lines.append(f"{words:<32} {float(found.amount):g} {found.currency} a {found.per}{free}  {origin}")
    if not lines:
        raise NoPrice(f"no table has prices of the region {place!r} on {on}")
    return "\n".join(lines) + "\n"
