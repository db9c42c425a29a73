"""The report as one HTML page: nothing is fetched, nothing runs in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from bqsim.cost.units import shown_money
from bqsim.rehearse.results import Report, SettingResult
from bqsim.rehearse.streams.results import StreamingResult
from bqsim.reports import html

from . import charts, streams, tables, uncertain, words
from .charts import Chart

# Settings besides the recommended one that are looked at closely, and places of each.
MOST_CLOSE = 4
_CLOSE_PLACES = 4
# Rows that are told before the others are folded away.
MOST_ROWS = 40
_FOLDED_ROWS = 1_000
# Characters of a heading's line.
_LINE = 7
# Characters of a name that is not broken up.
_SHORT = 32


def page(report: Report) -> str:
    """The page."""
    one = words.subject(report)
    sections = [html.Section("Recommendation", _advice(report))]
    if report.broken:
        sections.append(html.Section("Thresholds", _broken(report)))
    sections.append(html.Section("Settings", _settings(report)))
    if words.has_jobs(report):
        sections.append(html.Section("Cost and durations", _compared(report)))
    if uncertain.rows(one, report.currency):
        sections.append(html.Section("What else could be", _uncertain(report, one)))
    if drawn := charts.by_value(report):
        sections.append(html.Section("What each value does", _figures(drawn)))
    if one.streaming:
        sections.append(html.Section(f"Streams: {_named(report, one)}", _streams(one.streaming)))
    if words.has_jobs(report):
        sections.append(html.Section(f"Slots over time: {_named(report, one)}", _over_time(report, one)))
        sections.append(html.Section(f"Who runs what: {_named(report, one)}", _close(report, one)))
    elif one.charges:
        rows = tables.charge_rows(one, report.currency)
        sections.append(html.Section("What it costs", _rows(tables.CHARGE_HEADS, rows, "Charges")))
    if others := _others(report, one):
        sections.append(html.Section("Other settings of the Pareto front", others))
    sections.append(html.Section("How it was found", _method(report)))
    lead = html.paragraph(words.headline(report)) + _calibration(report) + _cards(report, one)
    return words.printable(html.page(f"Rehearsal of {report.name}", sections, lead))


def _calibration(report: Report) -> html.Markup:
    if report.calibration is None:
        mark = html.verdict(words.UNCALIBRATED, None)
        told = words.not_calibrated(report)[len("Uncalibrated") :]
        return html.paragraph(html.Markup(f"{mark}{html.text(told)}"))
    mark = html.verdict("calibrated", True)
    return html.paragraph(
        html.Markup(f"{mark}{html.text(words.calibration(report.calibration)[len('Calibrated') :])}")
    )


def _cards(report: Report, one: SettingResult) -> html.Markup:
    told: list[tuple[str, object]] = []
    if report.broken:
        told.append(("thresholds", html.verdict(f"{len(report.broken)} broken", False)))
    told.append(("recommended" if report.advice else "looked at", f"#{_place(report, one)}"))
    told.append(("cost a day", shown_money(one.cost_per_day, report.currency)))
    if report.advice and report.advice.headroom:
        found = report.advice.headroom
        more = f"{(found.keeps - 1) * 100:.0f} %" if found.broken_at else f"{found.keeps:g} times, or more"
        told.append(("slot time may grow by" if found.broken_at else "slot time may be", more))
    shown = words.measures(report)
    told += [(each.heading, each.shown(one, report.currency)) for each in _CARDS if each in shown]
    return html.cards(told)


_CARDS = (words.P50, words.P95, words.P99, words.WAIT, words.MISSED, words.FAILED, words.UTILISED,
          words.USE, words.DELAY, words.LOAD)  # fmt: skip


def _place(report: Report, one: SettingResult) -> int:
    return next(at for at, other in enumerate(report.settings, 1) if other is one)


def _named(report: Report, one: SettingResult) -> str:
    return f"#{_place(report, one)} {one.name}" if len(report.settings) > 1 else one.name


def _advice(report: Report) -> str:
    if report.advice is None:
        return html.paragraph("No setting is recommended.") + _values(report, words.subject(report))
    name = html.Markup(f"<strong>{html.text(_named(report, words.subject(report)))}</strong>")
    reasons = "".join(f"<li>{html.text(reason)}</li>" for reason in report.advice.reasons)
    told = html.paragraph(name) + (f"<ul>{reasons}</ul>" if reasons else "")
    error = " ".join(uncertain.errors(report))
    if bounded := words.bounded(words.subject(report), report.currency):
        drawn = words.other_days(words.subject(report))
        error += f" {drawn[0].upper()}{drawn[1:]}: {bounded}."
    return told + html.paragraph(error, "soft") + _values(report, words.subject(report))


def _values(report: Report, one: SettingResult) -> str:
    if not one.values:
        return ""
    rows = [(html.code(path), words.given(one.values, path)) for path in one.values]
    return html.table(("value", "is"), rows)


def _broken(report: Report) -> str:
    rows = [
        (html.verdict("broken", False), _numbered(report, b.setting), b.what, b.place) for b in report.broken
    ]
    return html.table(("", "setting", "threshold", "where"), rows)


def _numbered(report: Report, name: str) -> str:
    """A setting that a threshold names, with its number if it is one."""
    return next((_named(report, one) for one in report.settings if one.name == name), name)


def _settings(report: Report) -> str:
    every = range(len(report.settings))
    if len(every) > MOST_ROWS:
        best = _table(report, words.order(report)[:MOST_ROWS])
        told = best + html.details(
            f"All {len(every):,} settings, in the order of the plan", _table(report, every)
        )
    else:
        told = _table(report, every)
    fragile = f", ≈ {uncertain.FRAGILE}" if any(one.fragile for one in report.settings) else ""
    told += html.paragraph(f"★ recommended, ◆ on the Pareto front, ✗ breaks a threshold{fragile}.", "soft")
    if same := words.fixed(report):
        values = ", ".join(f"{path} = {words.given(same, path)}" for path in same)
        told += html.paragraph(f"In all settings: {values}.", "soft")
    if changed := words.changes(report):
        told += html.details("What each setting changes", html.table(("setting", "changes"), changed))
    legend = "; ".join(f"{one.heading}: {one.meaning}" for one in words.measures(report))
    return told + html.details("What the columns are", html.paragraph(legend))


def _table(report: Report, places: Iterable[int]) -> html.Markup:
    varied = words.columns(report)
    told = words.named(report)
    broken = {one.setting for one in report.broken}
    names = [*varied.values(), *(one.heading for one in words.measures(report))]
    heads: list[object] = ["", "#", *["setting"] * told, *map(_broken_up, names)]
    rows = []
    for at in places:
        one = report.settings[at]
        values = [words.given(one.values, path) for path in varied]
        marks = _marks(report, one, broken)
        rows.append([marks, at + 1, *[_kept_whole(one.name)] * told, *values, *_measures(report, one)])
    wide = heads.index("setting") if told else -1
    return html.table(heads, rows, figures=[at for at in range(len(heads)) if at != wide])


def _kept_whole(name: str) -> html.Markup:
    """A name that is one line where it is short."""
    plain = html.text(name)
    return plain if len(name) > _SHORT else html.Markup(f'<span style="white-space:nowrap">{plain}</span>')


def _by_words(name: str) -> html.Markup:
    """A name such as ``append_bytes`` that goes on in another line after an underscore only."""
    plain = html.text(name).replace("_", "_<wbr>")
    return html.Markup(f'<span style="overflow-wrap:normal">{plain}</span>')


def _broken_up(heading: str) -> html.Markup:
    """A heading in short lines."""
    lines = [""]
    for part in re.split(r"(?<=[._ ])", heading):
        if lines[-1] and len(lines[-1]) + len(part) > _LINE:
            lines.append("")
        lines[-1] += part
    return html.Markup("<br>".join(map(html.text, lines)))


def _marks(report: Report, one: SettingResult, broken: set[str]) -> html.Markup:
    advised = report.advice is not None and report.advice.setting == one.name
    marks = []
    if advised:
        marks.append('<span class="good" title="recommended">★</span>')
    elif one.name in report.pareto:
        marks.append('<span title="on the Pareto front">◆</span>')
    if one.name in broken:
        marks.append('<span class="bad" title="breaks a threshold">✗</span>')
    if one.fragile:
        title = html.text("; ".join(one.fragile))
        marks.append(f'<span title="{title}">≈</span>')
    return html.Markup(" ".join(marks))


def _measures(report: Report, one: SettingResult) -> Iterable[html.Markup]:
    for measure in words.measures(report):
        figure = html.text(measure.shown(one, report.currency))
        if bounds := measure.bounds(one, report.currency):
            figure = html.Markup(f'<span title="{html.text(bounds)}">{figure}</span>')
        yield figure


def _compared(report: Report) -> str:
    found = charts.tradeoffs(report)
    return (_figures(found) if found else "") + _figures(charts.beside(report))


def _figures(drawn: Sequence[Chart]) -> html.Markup:
    return html.figures([(one.caption, one.svg) for one in drawn], wide=True)


def _uncertain(report: Report, one: SettingResult) -> str:
    heads, rows = uncertain.heads(report, one), uncertain.rows(one, report.currency)
    figures = range(1, len(heads))
    told: str = html.table(heads, rows, f"{uncertain.TITLE}: {_named(report, one)}", figures)
    told += html.paragraph(uncertain.MEANING, "soft")
    if len(worst := uncertain.worst_rows(report)) > 1:
        columns = range(2, len(uncertain.WORST_HEADS))
        told += html.details(
            "The worst case of all settings", html.table(uncertain.WORST_HEADS, worst, figures=columns)
        )
    if found := uncertain.fragile(report):
        told += html.table(
            ("", "fragile settings"), [(html.verdict("fragile", None), each) for each in found]
        )
    return told


def _streams(found: StreamingResult) -> str:
    told = _rows(streams.STREAM_HEADS, streams.stream_rows(found), "Streams")
    told += _rows(
        streams.QUOTA_HEADS,
        streams.quota_rows(found),
        "Quotas: shares of each by its own window of time",
        by_words=True,
    )
    if rows := streams.seen_rows(found):
        told += _rows(streams.SEEN_HEADS, rows, "What clients see beyond quotas that are passed")
    return told + _figures(charts.streamed(found))


def _over_time(report: Report, one: SettingResult) -> str:
    drawn = charts.over_time(one)
    return _figures(drawn) if drawn else html.paragraph("No slots were used.")


def _close(report: Report, one: SettingResult) -> str:
    told = _rows(tables.GROUP_HEADS, tables.group_rows(one, report.currency), "Jobs by group")
    if failed := words.failures(one):
        told += html.paragraph(f"Failures: {failed}.")
    if one.objectives:
        rows = [
            (html.verdict("kept" if o.kept else "missed", o.kept), o.name, f"{o.missed:,} of {o.jobs:,}",
             words.share(o.share))
            for o in one.objectives
        ]  # fmt: skip
        told += html.table(("", "objective", "jobs that missed it", "share"), rows, "Objectives")
    if one.places:
        told += _rows(tables.PLACE_HEADS, tables.place_rows(one), "Places (h: slot-hours)")
    if one.charges:
        told += _rows(tables.CHARGE_HEADS, tables.charge_rows(one, report.currency), "Charges")
    return told + _figures(charts.who(one, report.currency))


def _rows(
    heads: Sequence[str], rows: Sequence[Sequence[str]], caption: str, *, by_words: bool = False
) -> str:
    """A table; ``by_words``: names in the first column go on in another line after an underscore only."""
    figures = words.figures(heads, rows)
    if by_words:
        rows = [(_by_words(row[0]), *row[1:]) for row in rows]
    told: str = html.table(heads, rows[:MOST_ROWS], caption, figures)
    if more := rows[MOST_ROWS : MOST_ROWS + _FOLDED_ROWS]:
        told += html.details(f"{len(more):,} more", html.table(heads, more, figures=figures))
    return told


def _others(report: Report, one: SettingResult) -> str:
    front = [s for s in report.settings if s.name in report.pareto and s is not one]
    front.sort(key=lambda other: abs(other.cost_per_day - one.cost_per_day))
    return "".join(
        html.details(
            f"{_named(report, other)}: {words.COST.shown(other, report.currency)} a day, "
            f"p95 {words.P95.shown(other, report.currency)}",
            _figures(charts.over_time(other, _CLOSE_PLACES))
            + _rows(tables.GROUP_HEADS, tables.group_rows(other, report.currency), "Jobs by group"),
        )
        for other in front[:MOST_CLOSE]
    )


_STREAMED = (
    "Streams are fluids that are compared with quotas by the second. A counter refills evenly; what is "
    "turned away comes again and waits its turn, so that nothing is given up."
)


def _method(report: Report) -> str:
    jobs = [
        "Every setting had the same jobs at the same times. Slots are shared evenly, by projects and then by "
        "jobs, up to what the stages of each job can use; durations are from a job's first submission to its "
        "end, and those of jobs that ended well."
    ]
    told = [
        *(jobs if words.has_jobs(report) else []),
        *([_STREAMED] if words.subject(report).streaming else []),
        f"The seed is {report.seed}: with it, the figures are the same again.",
        *report.notes,
    ]
    return "".join(html.paragraph(one) for one in told)
