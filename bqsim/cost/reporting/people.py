"""For people: text in a terminal, Markdown in a pull request."""

from __future__ import annotations

from bqsim.cost.gate import Checked, Finding
from bqsim.cost.units import shown_money
from bqsim.reports import markdown as md

from .words import VERDICTS, bytes_changed, month, partitions, place, reason, signed, slots

# Rows of the table in a pull request; the others are folded.
MOST_ROWS = 20


def text(checked: Checked) -> str:
    """The report for a terminal: what failed first, each with its causes and what to do."""
    lines = [headline(checked), ""]
    for finding in checked.findings:
        if finding.verdict == "same" and not finding.notes:
            continue
        lines += _lines(finding, checked.currency)
    for one in checked.budgets:
        state = "OVER" if one.over else "ok"
        lines.append(
            f"{state:<5} budget of {one.budget.shown}" + (f": {'; '.join(one.over)}" if one.over else "")
        )
    lines += [f"note: {note}" for note in checked.notes]
    lines += ["", f"prices: {checked.basis}"]
    if checked.plans is not None and checked.plans.advice:
        lines.append(f"how to pay: {checked.plans.advice}")
    return "\n".join(lines).rstrip() + "\n"


def headline(checked: Checked) -> str:
    """All of it in a line."""
    counts = ", ".join(f"{n} {VERDICTS[v]}" for v, n in checked.counts.items()) or "nothing to compare"
    over = sum(bool(b.over) for b in checked.budgets)
    told = f"{checked.workload}: {counts}"
    if over:
        told += f", {over} over budget"
    if checked.total_before is not None and checked.total_after is not None:
        change = signed(checked.total_after - checked.total_before, checked.currency)
        told += f"; {shown_money(checked.total_after, checked.currency)} a month ({change})"
    return told


_MARKS = {"fail": "FAIL", "warn": "warn", "ignore": "ok"}


def _lines(finding: Finding, currency: str) -> list[str]:
    where = place(finding)
    shown = f" ({where})" if where and where != finding.name else ""
    out = [f"{_MARKS[finding.severity]:<5} {finding.name}{shown}: {VERDICTS[finding.verdict]}"]
    if finding.after is not None and finding.verdict != "error":
        details = [f"bytes {bytes_changed(finding)}"]
        if parts := partitions(finding):
            details.append(f"partitions {parts}")
        details.append(f"{month(finding.month, currency)} a month")
        out.append("      " + "; ".join(details))
    if told := slots(finding.slots):
        out.append(f"      slot time {told}")
    for cause in finding.causes:
        out.append(f"      - {reason(cause)}")
        out.append(f"        {cause.advice}")
    out += [f"      note: {note}" for note in finding.notes]
    return out


def markdown(checked: Checked) -> str:
    """The comment of a pull request: a short table, the worst first, and what to do."""
    sign = "❌" if checked.failed else "✅"
    lines = [f"### {sign} Cost of queries", "", md.text(headline(checked)), ""]
    shown = [f for f in checked.findings if f.severity != "ignore" or f.verdict == "improved"]
    if shown:
        lines.append(_table(shown[:MOST_ROWS], checked.currency))
    if len(shown) > MOST_ROWS:
        rest = _table(shown[MOST_ROWS:], checked.currency)
        lines.append(md.details(f"{len(shown) - MOST_ROWS} more", rest))
    over = [b for b in checked.budgets if b.over]
    if over:
        lines += ["**Over budget**", ""]
        lines += [f"- {md.text(b.budget.shown)}: {md.text('; '.join(b.over))}" for b in over]
        lines.append("")
    undecided = [f for f in checked.findings if f.slots is not None and f.slots.verdict == "undecided"]
    if undecided:
        lines += [f"Slot time of {len(undecided)} queries is not decided: more runs are needed.", ""]
    if checked.failed:
        lines += [
            "Intended? `bqsim cost approve --why REASON` with the same sources takes it into the baseline.",
            "",
        ]
    lines += [f"<sub>{md.text(checked.basis)}</sub>"]
    return "\n".join(lines).rstrip() + "\n"


_SIGNS = {"fail": "❌", "warn": "⚠️", "ignore": "✅"}


def _table(findings: list[Finding], currency: str) -> str:
    rows = []
    for finding in findings:
        why = "<br>".join(md.text(reason(c)) for c in finding.causes)
        advice = "<br>".join(dict.fromkeys(md.text(c.advice) for c in finding.causes))
        rows.append(
            [
                f"{_SIGNS[finding.severity]} {md.code(finding.name)}",
                md.text(bytes_changed(finding)),
                md.text(month(finding.month, currency)),
                why or VERDICTS[finding.verdict],
                advice,
            ]
        )
    return md.table(("query", "bytes a run", "a month", "why", "what to do"), rows, "lrrll")
