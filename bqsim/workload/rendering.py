"""Divergence and estimates as text and as an HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bqsim.history.summary import size
from bqsim.reports import charts, html

from .divergence import Divergence, Group, Quantile, quantiles
from .runner import Estimate

_MOST = 20


def text(found: Divergence, exceeded: Sequence[str]) -> str:
    """The report as text."""
    lines = [
        f"{found.done:,} of {found.jobs:,} jobs run in {found.seconds:,.1f} s"
        + (f", {found.capped:,} over the cap" if found.capped else "")
        + (f", {found.stopped:,} stopped" if found.stopped else "")
        + (f"; {found.retried:,} requests sent again" if found.retried else "")
    ]
    lines += [f"left out: {count:,} {reason}" for reason, count in sorted(found.left_out.items())]
    lines += [
        f"errors new: {_counts(found.new_errors)}; gone: {_counts(found.gone_errors)}; "
        f"other: {_counts(found.other_errors)}",
        f"rows: {found.rows_differ:,} results differ",
        f"bytes: {size(found.whole.recorded_bytes)} recorded, {size(found.whole.replayed_bytes)} now "
        f"({found.bytes_change:+.1%})",
        f"order: {found.order:.1%} of pairs ended the other way round; {found.waited:,} dependencies kept",
        f"run time recorded: {_shown(quantiles(found.whole.recorded_s))}",
        f"run time now:      {_shown(quantiles(found.whole.replayed_s))}",
        f"from the intended start to the result: {_shown(found.latency)}",
        f"started late by: {_shown(found.late)}",
    ]
    told = [group for group in found.groups if _differs(group)][:_MOST]
    if told:
        lines += ["", "by fingerprint:"]
        lines += [f"  {_line(group)}" for group in told]
    if found.differences:
        lines += ["", "single jobs:"]
        lines += [
            f"  #{one.number} {one.job_id} {one.what}: {one.recorded} → {one.replayed}"
            for one in found.differences[:_MOST]
        ]
        more = len(found.differences) - _MOST
        lines += [f"  … and {more:,} more"] if more > 0 else []
    lines += ["", *(f"FAILED: {one}" for one in exceeded)] if exceeded else []
    return "\n".join(lines)


def page(found: Divergence, exceeded: Sequence[str]) -> str:
    """The report as an HTML page."""
    lead = (
        html.verdict(f"failed: {'; '.join(exceeded)}", False)
        if exceeded
        else html.verdict("within limits", True)
    )
    cards = html.cards(
        [
            ("jobs", f"{found.done:,} of {found.jobs:,}"),
            ("new errors", sum(found.new_errors.values())),
            ("gone errors", sum(found.gone_errors.values())),
            ("results with other rows", found.rows_differ),
            ("bytes", f"{found.bytes_change:+.1%}"),
            ("pairs in other order", f"{found.order:.1%}"),
        ]
    )
    compared = [group for group in found.groups if group.recorded_s and group.replayed_s]
    drawn = []
    if compared:
        rows = [
            charts.Bar(
                group.name, (quantiles(group.recorded_s)[0].value, quantiles(group.replayed_s)[0].value)
            )
            for group in compared[:_MOST]
        ]
        drawn.append(("median run time", charts.bars("median run time", rows, ("recorded", "now"), unit="s")))
        held = [
            charts.Interval(group.name, q.low, q.value, q.high, quantiles(group.recorded_s)[1].value)
            for group in compared[:_MOST]
            for q in quantiles(group.replayed_s)[1:2]
        ]
        drawn.append(("p90 now (diamond: recorded)", charts.intervals("p90 of the run time", held, unit="s")))
    groups = html.table(
        (
            "fingerprint",
            "jobs",
            "new errors",
            "gone",
            "rows differ",
            "bytes recorded",
            "now",
            "p90 recorded",
            "now",
            "query",
        ),
        [
            (
                html.code(group.name),
                group.jobs,
                group.new_errors,
                group.gone_errors,
                group.rows_differ,
                size(group.recorded_bytes),
                size(group.replayed_bytes),
                _p90(group.recorded_s),
                _p90(group.replayed_s),
                html.code(group.example),
            )
            for group in found.groups
        ],
    )
    single = html.table(
        ("job", "what", "recorded", "now"),
        [(html.code(one.job_id), one.what, one.recorded, one.replayed) for one in found.differences],
    )
    times = html.table(
        ("", "p50", "p90", "p99"),
        [
            ("run time, recorded", *_cells(quantiles(found.whole.recorded_s))),
            ("run time, now", *_cells(quantiles(found.whole.replayed_s))),
            ("from the intended start to the result", *_cells(found.latency)),
            ("started late by", *_cells(found.late)),
        ],
    )
    left = html.table(("left out", "jobs"), sorted(found.left_out.items()))
    sections = [
        html.Section("Durations", times + (html.figures(drawn) if drawn else "")),
        html.Section("By fingerprint", groups),
        html.Section("Single jobs", single if found.differences else html.paragraph("None differs.")),
    ]
    if found.left_out:
        sections.append(html.Section("Not run", left))
    return html.page("Workload replay", sections, html.paragraph(lead) + cards)


def estimates(found: Sequence[Estimate]) -> str:
    """What dry runs told, as text."""
    refused = [one for one in found if one.reason]
    recorded = sum(one.item.recorded.bytes_processed for one in found)
    lines = [
        f"{len(found):,} queries estimated: {size(sum(one.bytes for one in found))} processed "
        f"({size(recorded)} recorded), {size(sum(one.billed for one in found))} billed at most"
    ]
    lines += [
        f"  #{one.item.number} {one.item.recorded.job_id} {one.reason}: {one.message}"
        for one in refused[:_MOST]
    ]
    more = len(refused) - _MOST
    return "\n".join(lines + ([f"  … and {more:,} more refused"] if more > 0 else []))


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items())) or "0"


def _shown(found: Sequence[Quantile]) -> str:
    if not found:
        return "not known"
    return ", ".join(f"p{round(q.share * 100)} {q.value:.3f} s ({q.low:.3f} to {q.high:.3f})" for q in found)


def _cells(found: Sequence[Quantile]) -> list[str]:
    return [f"{q.value:.3f} s ({q.low:.3f} – {q.high:.3f})" for q in found] or ["", "", ""]


def _p90(values: Sequence[float]) -> str:
    found = quantiles(values)
    return f"{found[1].value:.3f} s" if found else ""


def _differs(group: Group) -> bool:
    slower = group.slower
    return bool(
        group.new_errors
        or group.gone_errors
        or group.other_errors
        or group.rows_differ
        or group.recorded_bytes != group.replayed_bytes
        or (slower is not None and abs(slower) > 0.5)
    )


def _line(group: Group) -> str:
    parts = [f"{group.name}: {group.jobs:,} jobs"]
    for count, what in (
        (group.new_errors, "new errors"),
        (group.gone_errors, "errors gone"),
        (group.other_errors, "other errors"),
        (group.rows_differ, "with other rows"),
    ):
        if count:
            parts.append(f"{count} {what}")
    if group.recorded_bytes != group.replayed_bytes:
        parts.append(f"{size(group.recorded_bytes)} → {size(group.replayed_bytes)}")
    slower = group.slower
    if slower is not None:
        parts.append(f"p90 {slower:+.0%}")
    return ", ".join(parts) + (f"  {group.example}" if group.example else "")
