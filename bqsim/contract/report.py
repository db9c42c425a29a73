"""Reports of contract checks: text, JSON, JUnit and HTML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bqsim.reports import html
from bqsim.reports import junit as junit_xml

from .comparing import EXTRA, MISSING, Difference, shown

if TYPE_CHECKING:
    from .check import Outcome, Result
    from .rules import Rule

_WORDS: Mapping[str, bool | None] = {
    "equal": True,
    "allowed": True,
    "differs": False,
    "broken": False,
    "skipped": None,
}
_VERDICTS = tuple(_WORDS)
ABSENT = "–"


def text(result: Result) -> str:
    """Lines for a terminal: a table of verdicts, what differs, and rules that need a look."""
    lines = [f"{result.source}: {_sum(result)}"]
    for endpoint in result.endpoints:
        counts = ", ".join(f"{n} {v}" for v in _VERDICTS if (n := result.count(v, endpoint)))
        lines.append(f"  {endpoint}: {counts or 'nothing was sent'}")
    for outcome in result.outcomes:
        if outcome.verdict in ("equal", "allowed"):
            continue
        lines.append(f"\n{outcome.verdict} at {outcome.endpoint}: {outcome.title} ({outcome.operation})")
        if outcome.why:
            lines.append(f"  {outcome.why}")
        lines += [f"  {difference}" for difference in outcome.failing]
        allowed = len(outcome.differences) - len(outcome.failing)
        if allowed:
            lines.append(f"  ({allowed} more are allowed)")
    rows = list(three_way(result))
    if len(result.endpoints) > 1 and rows:
        head = ("operation", "field", "expected", *result.endpoints)
        lines += ["", *_table([head, *rows])]
    lines += [""] if result.expired or result.unused else []
    lines += [f"expired rule {rule.id} (until {rule.until}): {rule.reason}" for rule in result.expired]
    lines += [f"unused rule {rule.id}: {rule.reason}" for rule in result.unused]
    return "\n".join(lines) + "\n"


def three_way(result: Result) -> Iterator[tuple[str, ...]]:
    """A row for every field in which an endpoint differs, allowed or not by a user's rule: operation, field,
    what is expected, and what each endpoint has."""
    own = {rule.id for rule in result.rules}
    by_operation: dict[str, list[Outcome]] = {}
    for outcome in result.outcomes:
        by_operation.setdefault(outcome.operation, []).append(outcome)
    for outcomes in by_operation.values():
        found: dict[tuple[str, int], dict[str, Difference]] = {}
        for outcome in outcomes:
            seen: Counter[str] = Counter()
            for difference in outcome.differences:
                if not difference.rule or difference.rule in own:
                    # Rows that have no place of their own share a path.
                    place = difference.path, seen[difference.path]
                    seen[difference.path] += 1
                    found.setdefault(place, {})[outcome.endpoint] = difference
        sent = {o.endpoint: o.verdict not in ("skipped", "broken") for o in outcomes}
        for (path, _), differing in found.items():
            expected = next(iter(differing.values()))
            told = ABSENT if expected.kind == EXTRA else shown(expected.expected, 60)
            cells = []
            for endpoint in result.endpoints:
                one = differing.get(endpoint)
                if one is None:
                    cells.append("as expected" if sent.get(endpoint) else "not sent")
                else:
                    value = ABSENT if one.kind == MISSING else shown(one.found, 60)
                    cells.append(f"{value} ({one.rule})" if one.rule else value)
            yield outcomes[0].title[:60], path, told, *cells


def as_json(result: Result) -> str:
    """All of it, as JSON."""
    return (
        json.dumps(
            {
                "source": result.source,
                "ok": result.ok,
                "endpoints": result.endpoints,
                "outcomes": [_outcome(outcome) for outcome in result.outcomes],
                "unusedRules": [_rule(rule) for rule in result.unused],
                "expiredRules": [_rule(rule) for rule in result.expired],
            },
            indent=1,
            ensure_ascii=False,
            default=str,
        )
        + "\n"
    )


def junit(result: Result) -> str:
    """A case per operation and endpoint, and one per rule that has expired."""
    cases = [_case(outcome) for outcome in result.outcomes]
    cases += [
        junit_xml.Case(f"rule {r.id}", "rules", failure=f"expired on {r.until}", message=r.reason)
        for r in result.expired
    ]
    return junit_xml.document(f"contract {result.source}", cases)


def page(result: Result) -> str:
    """The report as one HTML page."""
    counts = [(verdict, result.count(verdict)) for verdict in _VERDICTS]
    lead = html.paragraph(html.verdict(_sum(result), result.ok)) + html.cards(counts)
    sections = [html.Section("Endpoints", _endpoints(result))]
    rows = [(row[0], html.code(row[1]), *(html.code(cell) for cell in row[2:])) for row in three_way(result)]
    if rows:
        head = ("operation", "field", "expected", *result.endpoints)
        sections.append(html.Section("What differs", html.table(head, rows)))
    sections.append(html.Section("Operations", _operations(result)))
    if result.rules:
        sections.append(html.Section("Rules", _rules(result)))
    return html.page(f"Contract check of {result.source}", sections, lead)


def _sum(result: Result) -> str:
    if result.ok:
        return "all answers are as expected"
    failing = result.count("differs") + result.count("broken")
    expired = f", {len(result.expired)} rules have expired" if result.expired else ""
    return f"{failing} of {len(result.outcomes)} answers are not as expected{expired}"


def _endpoints(result: Result) -> str:
    rows = [(name, *(result.count(verdict, name) for verdict in _VERDICTS)) for name in result.endpoints]
    return html.table(("endpoint", *_VERDICTS), rows)


def _operations(result: Result) -> str:
    rows = []
    for outcome in result.outcomes:
        told = [html.text(outcome.why)] if outcome.why else []
        told += [html.code(difference) for difference in outcome.failing]
        allowed = [d for d in outcome.differences if d.rule]
        if allowed:
            listed = "<br>".join(f"{html.code(d)} {html.text(d.rule)}" for d in allowed)
            told.append(html.details(f"{len(allowed)} allowed", html.Markup(listed)))
        word = html.verdict(outcome.verdict, _WORDS[outcome.verdict])
        rows.append((outcome.title, outcome.endpoint, word, html.Markup("<br>".join(told))))
    return html.table(("operation", "endpoint", "verdict", "what"), rows)


def _rules(result: Result) -> str:
    unused = {rule.id for rule in result.unused}
    expired = {rule.id for rule in result.expired}
    rows = []
    for rule in result.rules:
        if rule.id in expired:
            word = html.verdict("expired", False)
        else:
            word = html.verdict("unused", None) if rule.id in unused else html.verdict("used", True)
        rows.append((rule.id, html.code(rule.path), rule.reason, str(rule.until or ""), rule.used, word))
    return html.table(("rule", "field", "reason", "until", "allowed", "state"), rows)


def _case(outcome: Outcome) -> junit_xml.Case:
    name, place = f"{outcome.title} [{outcome.operation}]", f"{outcome.endpoint}.{outcome.kind}"
    if outcome.verdict == "skipped":
        return junit_xml.Case(name, place, skipped=outcome.why)
    if outcome.verdict == "broken":
        return junit_xml.Case(name, place, failure=outcome.why)
    failing = outcome.failing
    if not failing:
        return junit_xml.Case(name, place)
    more = f" and {len(failing) - 1} more" if len(failing) > 1 else ""
    message = "\n".join(map(str, failing))
    return junit_xml.Case(name, place, failure=f"{failing[0]}{more}", message=message)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    differences = [
        {"path": d.path, "kind": d.kind, "expected": d.expected, "found": d.found, "rule": d.rule}
        for d in outcome.differences
    ]
    return {
        "operation": outcome.operation,
        "kind": outcome.kind,
        "title": outcome.title,
        "endpoint": outcome.endpoint,
        "verdict": outcome.verdict,
        "why": outcome.why,
        "differences": differences,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "path": rule.path, "reason": rule.reason, "until": rule.until}


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
