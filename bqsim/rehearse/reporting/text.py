"""The report for a terminal, and as Markdown for a pull request."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from bqsim.rehearse.results import Broken, Missed, Report
from bqsim.rehearse.streams.results import StreamingResult
from bqsim.reports import markdown as md

from . import streams, tables, uncertain, words

# Rows of the table of settings.
MOST_ROWS = 30
MOST_ROWS_FOLDED = 200
_LEGEND = "* recommended, + on the Pareto front, ! breaks a threshold"
_FRAGILE = f", ~ {uncertain.FRAGILE}"


def shown(report: Report) -> str:
    """The report for a terminal: what to take and why, all settings, and the one recommended closely."""
    one = words.subject(report)
    currency = report.currency
    lines = [f"Rehearsal of {report.name}: {words.headline(report)}"]
    lines.append(_calibration(report))
    lines += ["", *_advice(report), "", *_settings(report)]
    lines += ["", f"{one.name}, closely:"]
    if words.has_jobs(report):
        lines += ["", *_cut(tables.GROUP_HEADS, tables.group_rows(one, currency), "groups")]
    if one.streaming:
        lines += _streams(one.streaming)
    if told := words.failures(one):
        lines += ["", f"failures: {told}"]
    if told := words.bounded(one, currency):
        lines += ["", f"{words.other_days(one)}: {told}"]
    if found := uncertain.rows(one, currency):
        lines += ["", f"{uncertain.TITLE}:", "", *_aligned(uncertain.heads(report, one), found)]
    if one.objectives:
        lines += ["", *(f"{'kept' if o.kept else 'MISSED':<7}{_objective(o)}" for o in one.objectives)]
    if one.places:
        lines += ["", *_cut(tables.PLACE_HEADS, tables.place_rows(one), "places")]
    if one.charges:
        lines += ["", *_cut(tables.CHARGE_HEADS, tables.charge_rows(one, currency), "charges")]
    if report.broken:
        lines += ["", "broken thresholds:", *(f"  {_broken(one)}" for one in report.broken)]
    lines += ["", *(f"note: {note}" for note in report.notes), f"seed: {report.seed}"]
    return words.printable("\n".join(line.rstrip() for line in lines).rstrip() + "\n")


def markdown(report: Report) -> str:
    """The comment of a pull request."""
    sign = "❌" if report.broken else "✅"
    lines = [f"### {sign} Rehearsal of {md.text(report.name)}", "", md.text(words.headline(report)), ""]
    mark = f"**{words.UNCALIBRATED}** " if report.calibration is None else ""
    if report.advice:
        lines += [f"{mark}Recommended: **{md.text(report.advice.setting)}**", ""]
        lines += [f"- {md.text(reason)}" for reason in report.advice.reasons]
        lines += [*(f"- {md.text(told)}" for told in uncertain.errors(report)), ""]
    elif mark:
        lines += [mark.rstrip(), ""]
    if report.broken:
        lines += ["**Broken thresholds**", "", *(f"- {md.text(_broken(b))}" for b in report.broken), ""]
    heads, rows = _table(report, ("**★**", "◆", "❌", "≈"))
    cells = [[md.text(cell) if at else cell for at, cell in enumerate(row)] for row in rows]
    align = _sides(heads, rows)
    lines.append(md.table(heads, cells[:MOST_ROWS], align))
    if rest := cells[MOST_ROWS : MOST_ROWS + MOST_ROWS_FOLDED]:
        lines.append(md.details(f"{len(rest)} more settings", md.table(heads, rest, align)))
    one = words.subject(report)
    if words.has_jobs(report):
        groups = [[md.text(cell) for cell in row] for row in tables.group_rows(one, report.currency)]
        lines.append(
            md.details(
                f"{one.name}: jobs by group", md.table(tables.GROUP_HEADS, groups[:MOST_ROWS], "lrrrrrrrrr")
            )
        )
    if one.streaming:
        lines.append(md.details(f"{one.name}: streams", _streams_as_markdown(one.streaming)))
    if found := uncertain.rows(one, report.currency):
        heads = uncertain.heads(report, one)
        cells = [[md.text(cell) for cell in row] for row in found]
        table = md.table([*map(md.text, heads)], cells, "l" + "r" * (len(heads) - 1))
        lines.append(md.details(f"{one.name}: between what figures lie", f"{table}\n\n{uncertain.MEANING}"))
    if fragile := uncertain.fragile(report):
        lines += ["", f"**≈ Fragile** ({uncertain.FRAGILE})", ""]
        lines += [f"- {md.text(told)}" for told in fragile[:MOST_ROWS]]
    notes = [_calibration(report), *report.notes, f"Seed {report.seed}."]
    lines += ["", f"<sub>★ recommended, ◆ on the Pareto front. {md.text(' '.join(notes))}</sub>"]
    return words.printable("\n".join(lines).rstrip() + "\n")


def _streams(found: StreamingResult) -> list[str]:
    lines = ["", *_cut(streams.STREAM_HEADS, streams.stream_rows(found), "streams")]
    lines += ["", *_cut(streams.QUOTA_HEADS, streams.quota_rows(found), "quotas")]
    if told := streams.seen_rows(found):
        lines += ["", "beyond quotas clients see:"]
        lines += [f"  {limit} of {place}: {seen}" for limit, place, seen in told[:MOST_ROWS]]
    return lines


def _streams_as_markdown(found: StreamingResult) -> str:
    every = (
        (streams.STREAM_HEADS, streams.stream_rows(found), "llrrrrrrr"),
        (streams.QUOTA_HEADS, streams.quota_rows(found), "llrrrrrrrrrr"),
        (streams.SEEN_HEADS, streams.seen_rows(found), "lll"),
    )
    told = [
        md.table(heads, [[md.text(cell) for cell in row] for row in rows[:MOST_ROWS]], sides)
        for heads, rows, sides in every
        if rows
    ]
    return "\n\n".join(told)


def _calibration(report: Report) -> str:
    return words.calibration(report.calibration) if report.calibration else words.not_calibrated(report)


def _advice(report: Report) -> list[str]:
    if report.advice is None:
        return ["Recommended: none"]
    reasons = [*report.advice.reasons, *uncertain.errors(report)]
    return [f"Recommended: {report.advice.setting}", *(f"  - {reason}" for reason in reasons)]


def _settings(report: Report) -> list[str]:
    heads, rows = _table(report, ("*", "+", "!", "~"))
    out = _cut(heads, rows, "settings")
    if same := words.fixed(report):
        told = ", ".join(f"{path} = {words.given(same, path)}" for path in same)
        out.append(f"in all settings: {told}")
    changed = words.changes(report)[:MOST_ROWS]
    fragile = uncertain.fragile(report)
    out.append(_LEGEND + (_FRAGILE if fragile else ""))
    out += [f"fragile: {told}" for told in fragile[:MOST_ROWS]]
    return [*out, *(f"{name}: {values}" for name, values in changed)]


def _table(report: Report, signs: tuple[str, str, str, str]) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the settings, the recommended one and the Pareto front first."""
    varied = words.columns(report)
    broken = {one.setting for one in report.broken}
    advised = report.advice.setting if report.advice else ""
    told = words.named(report)
    heads = ["", "#", *["setting"] * told, *varied.values(), *(one.heading for one in words.measures(report))]
    rows = []
    for at in words.order(report):
        one = report.settings[at]
        front = one.name in report.pareto and one.name != advised
        on = (one.name == advised, front, one.name in broken, bool(one.fragile))
        marks = "".join(sign for sign, is_on in zip(signs, on, strict=True) if is_on)
        names = [str(at + 1), *[one.name] * told]
        values = [words.given(one.values, path) for path in varied]
        measures = [measure.shown(one, report.currency) for measure in words.measures(report)]
        rows.append([marks, *names, *values, *measures])
    return heads, rows


def _objective(one: Missed) -> str:
    return f"{one.name}: {one.missed:,} of {one.jobs:,} jobs missed it ({words.share(one.share)})"


def _broken(one: Broken) -> str:
    where = f"{one.place}: " if one.place else ""
    return f"{where}{one.setting}: {one.what}"


def _cut(heads: Sequence[str], rows: Sequence[Sequence[str]], what: str) -> list[str]:
    """A table of as many rows as one reads."""
    out = _aligned(heads, rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        out.append(f"… and {len(rows) - MOST_ROWS:,} {what} more: --format json and --html have them")
    return out


def _aligned(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side, figures on the right."""
    sides = _sides(heads, rows)
    every = [[" ".join(cell.split()) for cell in row] for row in (heads, *rows)]
    widths = [max(_width(row[at]) for row in every) for at in range(len(heads))]
    return ["  ".join(_padded(*each) for each in zip(row, widths, sides, strict=True)) for row in every]


def _sides(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A letter per column."""
    figures = words.figures(heads, rows)
    return "".join("r" if at in figures else "l" for at in range(len(heads)))


def _padded(cell: str, width: int, side: str) -> str:
    room = " " * (width - _width(cell))
    return room + cell if side == "r" else cell + room


def _width(cell: str) -> int:
    """The columns of a terminal that text takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in cell
    )
