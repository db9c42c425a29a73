"""Live reports as text and as a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from bqsim.rehearse.gathering import spread_of
from bqsim.rehearse.histogram import Histogram
from bqsim.rehearse.times import HOUR_MS
from bqsim.reports import charts, html

from .report import LiveReport, compared
from .tally import PHASES, TOTAL, Second

_PHASES: Mapping[str, str] = {
    "late": "sent late by",
    "accepted": "intended start to accepted",
    "queued": "queued",
    "run": "ran",
    "waited": "intended start to run",
    "total": "intended start to end",
    "failed": "intended start to failure",
}
_MOST_GROUPS = 50
_MOST_OPEN = 20
_POINTS = 600
_SHARES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99, 99.999)


def document(report: LiveReport) -> str:
    """The report as JSON."""
    return json.dumps(_plain(report.json()), indent=1, sort_keys=True) + "\n"


def _plain(value: object) -> object:
    """JSON has no NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value


def text(report: LiveReport) -> str:
    """The report for a terminal."""
    lines = [f"Live rehearsal of {report.name} ({report.setting}) at {report.url}", *_summary(report)]
    for group in report.groups[: _MOST_GROUPS + 1]:
        lines += ["", f"{group.name}: {group.sent:,} sent, {group.done:,} done, {group.failed:,} failed"]
        if group.stopped:
            lines[-1] += f", {group.stopped:,} stopped"
        if group.errors:
            lines.append(f"  errors: {_counts(group.errors)}; sent again: {group.retried:,}")
        for phase in PHASES:
            histogram = group.settled().phases[phase]
            if histogram.count:
                lines.append(f"  {_PHASES[phase]:28} {_percentiles(histogram)}")
    rows = compared(report)
    if rows:
        lines += ["", f"{'':34}{'rehearsed':>12}{'seen':>12}"]
        lines += [
            f"  {one.group + ': ' + one.measure:32}{_value(one.measure, one.rehearsed):>12}"
            f"{_value(one.measure, one.seen):>12}"
            for one in rows
        ]
    lines += [""] if report.objectives or report.broken else []
    lines += [
        f"{'kept' if one.kept else 'MISSED'}  {one.name}: {one.missed:,} of {one.jobs:,} jobs missed it"
        for one in report.objectives
    ]
    lines += [f"FAILED: {one.place + ': ' if one.place else ''}{one.what}" for one in report.broken]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join(lines) + "\n"


def _summary(report: LiveReport) -> list[str]:
    tally = report.tally
    told = [
        f"{tally.sent:,} jobs sent in {tally.seconds_taken:,.1f} s by {report.drivers} "
        f"driver{'' if report.drivers == 1 else 's'} ({report.client}); {tally.requests:,} requests",
        f"{report.rate_held:.2%} of all jobs were sent within 0.1 s of when they were meant to be",
    ]
    if report.speed != 1 or report.rate != 1:
        told.append(
            f"sent {report.speed:g} times as fast as planned; the service's clock runs at {report.rate:g}×"
        )
    for count, what in (
        (tally.warm, "of the warm-up, not measured"),
        (tally.shed, "not sent, since too many were in flight"),
        (tally.capped, "not sent, since they would go beyond a cap"),
        (tally.unfinished, "given up before they ended"),
    ):
        if count:
            told.append(f"{count:,} jobs {what}")
    if tally.spent_bytes:
        told.append(f"{tally.spent_bytes:,} bytes billed at most")
    if tally.spent_slot_ms:
        told.append(f"{tally.spent_slot_ms / HOUR_MS:,.2f} slot-hours counted against the cap")
    if report.stopped:
        why = f" ({report.stopped_by})" if report.stopped_by else ""
        told.append(f"STOPPED before all jobs were sent{why}: {tally.cancelled:,} jobs were cancelled")
    if tally.open:
        shown = ", ".join(tally.open[:_MOST_OPEN])
        more = f" and {len(tally.open) - _MOST_OPEN:,} more" if len(tally.open) > _MOST_OPEN else ""
        told.append(f"{len(tally.open):,} jobs may STILL RUN, nobody has told of their end: {shown}{more}")
    return told


def hgrm(report: LiveReport) -> str:
    """The totals of all jobs as HdrHistogram's tools read them, in milliseconds."""
    return report.groups[0].phases[TOTAL].hgrm()


def page(report: LiveReport) -> str:
    """One page that needs nothing else."""
    tally = report.tally
    whole = report.groups[0]
    total = whole.phases[TOTAL]
    p50, p99 = total.percentiles((50, 99))
    cards = html.cards(
        [
            ("jobs sent", f"{tally.sent:,}"),
            ("done", f"{whole.done:,}"),
            ("failed", f"{whole.failed:,}"),
            ("sent again", f"{whole.retried:,}"),
            ("p50", _seconds(p50)),
            ("p99", _seconds(p99)),
            ("sent on time", f"{report.rate_held:.2%}"),
        ]
    )
    good = not report.broken and not report.stopped
    word = (
        "stopped before its end"
        if report.stopped
        else "thresholds are broken"
        if report.broken
        else "within limits"
    )
    lead = html.paragraph(html.verdict(word, good)) + cards
    lead += "".join(html.paragraph(one, "soft") for one in _summary(report))
    sections = [html.Section("Over time", _over_time(report)), html.Section("Durations", _durations(report))]
    rows = compared(report)
    if rows:
        cells = [
            (one.group, one.measure, _value(one.measure, one.rehearsed), _value(one.measure, one.seen))
            for one in rows
        ]
        sections.append(
            html.Section("Rehearsed and seen", html.table(("group", "measure", "rehearsed", "seen"), cells))
        )
    errors = [
        (group.name, html.code(reason), count, tally.messages.get(reason, ""))
        for group in report.groups[: _MOST_GROUPS + 1]
        for reason, count in sorted(group.errors.items())
    ]
    if errors:
        made = html.table(("group", "reason", "attempts", "first message"), errors)
        sections.append(html.Section("Errors", made))
    if report.objectives:
        objectives = [
            (one.name, one.jobs, one.missed, html.verdict("kept" if one.kept else "missed", one.kept))
            for one in report.objectives
        ]
        sections.append(html.Section("Objectives", html.table(("", "jobs", "missed", ""), objectives)))
    if report.broken:
        broken = [(one.place, one.what) for one in report.broken]
        sections.append(html.Section("Broken thresholds", html.table(("plan", "what"), broken)))
    if report.notes:
        sections.append(html.Section("Notes", "".join(html.paragraph(one) for one in report.notes)))
    return html.page(f"Live rehearsal of {report.name}", sections, lead)


def _durations(report: LiveReport) -> str:
    rows = [
        (group.name, _PHASES[phase], histogram.count, *(_seconds(one) for one in _spread(histogram)))
        for group in report.groups[: _MOST_GROUPS + 1]
        for phase in PHASES
        if (histogram := group.settled().phases[phase]).count
    ]
    heads = ("group", "", "jobs", "mean", "p50", "p90", "p95", "p99", "p99.9", "longest")
    table = html.table(heads, rows)
    series = []
    for group in report.groups[:9]:
        histogram = group.phases[TOTAL]
        if histogram.count:
            # As far as there are values: a percentile of one job in a million needs a million jobs.
            shares = [p for p in _SHARES if histogram.count * (100 - p) / 100 >= 1]
            points = [(math.log10(100 / (100 - p)), histogram.percentile(p)) for p in shares]
            series.append(charts.Series(group.name, tuple(points)))
    if not series or not any(one.points for one in series):
        return table
    drawn = charts.lines(
        "intended start to end",
        series,
        x_label="percentile: 1 is 90 %, 2 is 99 %, 3 is 99.9 %",
        y_label="duration",
        y_unit="s",
    )
    return html.figures([("intended start to end, by percentile", drawn)]) + table


def _over_time(report: LiveReport) -> str:
    points = _joined(report.tally.seconds)
    if not points:
        return html.paragraph("Nothing was sent.")

    def series(name: str, *keys: str) -> list[charts.Series]:
        labels = dict(zip(keys, name.split(", "), strict=True))
        return [charts.Series(labels[key], tuple((at, one[key]) for at, one in points)) for key in keys]

    def drawn(title: str, made: list[charts.Series], unit: str = "") -> tuple[str, str]:
        return title, charts.lines(title, made, x_label="time", x_unit="s", y_unit=unit)

    return html.figures(
        [
            drawn(
                "jobs a second",
                series("sent, done, failed, sent again", "sent", "done", "failed", "retried"),
            ),
            drawn("in flight", series("in flight", "in_flight")),
            drawn("sent late by, at most", series("late", "late_s"), "s"),
        ]
    )


def _joined(seconds: Mapping[int, Second]) -> list[tuple[float, dict[str, float]]]:
    """At most so many points over time: counts a second, the most of the others."""
    if not seconds:
        return []
    first, last = min(seconds), max(seconds)
    each = -(-(last - first + 1) // _POINTS)
    made = []
    for start in range(first, last + 1, each):
        found = [seconds.get(n, Second()) for n in range(start, min(start + each, last + 1))]
        whole = Second()
        for one in found:
            whole.add(one)
        whole.in_flight = max(one.in_flight for one in found)
        rates = {name: getattr(whole, name) / len(found) for name in ("sent", "done", "failed", "retried")}
        rates |= {"in_flight": float(whole.in_flight), "late_s": whole.late_s}
        made.append((float(start), rates))
    return made


def _spread(histogram: Histogram) -> tuple[float, ...]:
    spread = spread_of(histogram)
    return (spread.mean, *spread.percentiles, spread.largest)


def _percentiles(histogram: Histogram) -> str:
    p50, p95, p99, most = histogram.percentiles((50, 95, 99, 100))
    return f"p50 {_seconds(p50)}  p95 {_seconds(p95)}  p99 {_seconds(p99)}  longest {_seconds(most)}"


def _value(measure: str, value: float) -> str:
    if measure == "failures":
        return f"{value:.2%}" if not math.isnan(value) else "–"
    if measure == "slot-hours":
        return f"{value:,.4g}"
    return _seconds(value)


def _seconds(value: float) -> str:
    if math.isnan(value):
        return "–"
    if value < 1:
        return f"{value * 1000:.3g} ms"
    return f"{value:,.3f} s" if value < 100 else f"{value:,.0f} s"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
