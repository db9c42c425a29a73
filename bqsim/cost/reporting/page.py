"""The HTML report: what changed, in money and bytes, with charts."""

from __future__ import annotations

from bqsim.cost.gate import Checked, Finding
from bqsim.cost.plans import Plans
from bqsim.cost.units import shown_money
from bqsim.reports import charts, html

from .people import headline
from .words import VERDICTS, bytes_changed, month, partitions, place, signed, slots

# Rows of a chart.
MOST = 15


def page(checked: Checked) -> str:
    """The page."""
    sections = [html.Section("What changed", _changed(checked))]
    drawn = _charts(checked)
    if drawn:
        sections.append(html.Section("Charts", html.figures(drawn)))
    if checked.budgets:
        sections.append(html.Section("Budgets", _budgets(checked)))
    worse = [f for f in checked.findings if f.severity != "ignore"]
    if worse:
        sections.append(html.Section("Causes, and what to do", "".join(_detail(f, checked) for f in worse)))
    if checked.plans is not None and checked.plans.plans:
        sections.append(html.Section("On demand or by slots", _plans(checked.plans)))
    sections.append(html.Section("All queries", _every(checked)))
    told = "".join(html.paragraph(note, "soft") for note in checked.notes)
    sections.append(html.Section("How it was measured", html.paragraph(f"Prices: {checked.basis}") + told))
    lead = html.paragraph(headline(checked)) + _cards(checked)
    return html.page(f"Cost of {checked.workload}", sections, lead)


def _cards(checked: Checked) -> str:
    items: list[tuple[str, object]] = [
        ("gate", html.verdict("shut" if checked.failed else "open", not checked.failed))
    ]
    if checked.total_after is not None:
        items.append(("a month", shown_money(checked.total_after, checked.currency)))
        if checked.total_before is not None:
            change = checked.total_after - checked.total_before
            items.append(("change a month", signed(change, checked.currency)))
    items += [(VERDICTS[verdict], n) for verdict, n in checked.counts.items()]
    return html.cards(items)


def _verdict(finding: Finding) -> html.Markup:
    good = {"fail": False, "warn": None, "ignore": True}[finding.severity]
    return html.verdict(VERDICTS[finding.verdict], good)


def _changed(checked: Checked) -> str:
    rows = [
        (
            _verdict(f),
            f.name,
            bytes_changed(f),
            partitions(f),
            month(f.month, checked.currency),
            "; ".join(c.title for c in f.causes),
        )
        for f in checked.findings
        if f.verdict != "same"
    ]
    if not rows:
        return html.paragraph("Nothing: every query costs what was approved.")
    return html.table(("verdict", "query", "bytes a run", "partitions", "a month", "why"), rows)


def _charts(checked: Checked) -> list[tuple[str, str]]:
    drawn: list[tuple[str, str]] = []
    priced = [f for f in checked.findings if f.month is not None and (f.month_before or f.month_after)]
    priced.sort(key=lambda f: -abs(f.month.expected if f.month else 0))
    bars = [
        charts.Bar(
            f.name,
            (
                f.month_before.expected if f.month_before else None,
                f.month_after.expected if f.month_after else None,
            ),
        )
        for f in priced[:MOST]
    ]
    if bars:
        title = f"{checked.currency} a month"
        drawn.append((title, charts.bars(title, bars, ("before", "now"), unit=checked.currency)))
    intervals = [
        charts.Interval(f.name, f.month.low, f.month.expected, f.month.high)
        for f in priced[:MOST]
        if f.month is not None and f.month.expected
    ]
    if intervals:
        title = "change a month, with its interval"
        drawn.append((title, charts.intervals(title, intervals, unit=checked.currency)))
    points = [
        (float(f.then.bytes_processed), float(f.after.measured.estimate.bytes_processed))
        for f in checked.findings
        if f.then is not None and f.after is not None and f.then.bytes_processed
        and f.after.measured.estimate.bytes_processed
    ]  # fmt: skip
    if len(points) > 2:
        title = "bytes a run: before (across) and now (up)"
        series = [charts.Series("queries", points)]
        drawn.append(
            (title, charts.scatter(title, series, x_unit="bytes", y_unit="bytes", log=True, diagonal=True))
        )
    timed = [f for f in checked.findings if f.slots is not None and f.slots.after.n]
    shown = [
        charts.Interval(
            f.name, f.slots.after.low, f.slots.after.median, f.slots.after.high,
            f.slots.before.median if f.slots.before.n else None,
        )
        for f in timed[:MOST] if f.slots is not None
    ]  # fmt: skip
    if shown:
        title = "slot time of a run: median, 10th to 90th percentile (diamond: before)"
        drawn.append((title, charts.intervals(title, shown, unit="slot-ms")))
    return drawn


def _budgets(checked: Checked) -> str:
    rows = []
    for one in checked.budgets:
        limit, spent = one.budget.money, one.spent.get("money")
        share = (
            f"{spent / limit:.0%} of {shown_money(limit, checked.currency)}"
            if limit and spent is not None
            else ""
        )
        rows.append((html.verdict("over" if one.over else "kept", not one.over), one.budget.shown, share,
                     "; ".join(one.over)))  # fmt: skip
    return html.table(("", "budget", "spent a month", "what is over"), rows)


def _plans(found: Plans) -> str:
    rows = [
        (p.name, shown_money(p.month, found.currency), f"{p.meets:,.1f}" if p.meets is not None else "")
        for p in found.plans
    ]
    heads = ("plan", "a month", "meets on demand at slot-hours a TiB")
    told = html.paragraph(found.advice) + html.table(heads, rows)
    if found.slot_hours is not None:
        told += html.paragraph(f"These queries need {found.slot_hours:,.1f} slot-hours a TiB billed.", "soft")
    return told + charts.bars(
        f"{found.currency} a month by plan",
        [charts.Bar(p.name, (p.month,)) for p in found.plans],
        unit=found.currency,
    )


def _detail(finding: Finding, checked: Checked) -> str:
    parts = [html.paragraph(f"{bytes_changed(finding)}; {month(finding.month, checked.currency)} a month")]
    rows = [(c.title, c.text, c.advice) for c in finding.causes]
    parts.append(html.table(("cause", "here", "what to do"), rows))
    if told := slots(finding.slots):
        parts.append(html.paragraph(f"Slot time {told}"))
    parts += [html.paragraph(note, "soft") for note in finding.notes]
    if finding.before is not None and finding.after is not None:
        old, new = finding.before.measured.query.sql, finding.after.measured.query.sql
        if old != new:
            parts.append(html.details("before", html.block(old)))
    if finding.after is not None:
        parts.append(html.details("now", html.block(finding.after.measured.query.sql)))
    where = place(finding)
    head = f"{VERDICTS[finding.verdict]}: {finding.name}" + (f" ({where})" if where != finding.name else "")
    return html.details(head, "".join(parts), finding.failed)


def _every(checked: Checked) -> str:
    rows = []
    for f in checked.findings:
        estimate = f.after.measured.estimate if f.after is not None else None
        rows.append(
            (
                _verdict(f),
                f.name,
                f.query.owner,
                bytes_changed(f),
                estimate.accuracy if estimate is not None else "",
                "yes" if estimate is not None and estimate.cacheable else "no",
                f"{f.query.rate.per_month:,.4g}",
                month(f.month_after, checked.currency).lstrip("+"),
            )
        )
    heads = ("verdict", "query", "owner", "bytes a run", "accuracy", "cached", "runs a month", "a month")
    return html.details(f"{len(rows)} queries", html.table(heads, rows))
