"""For machines: JSON, JUnit, SARIF."""

from __future__ import annotations

import json
from typing import Any

from bqsim._version import __version__
from bqsim.cost.causes_known import CAUSES
from bqsim.cost.gate import Checked, Finding
from bqsim.cost.money import Amount
from bqsim.cost.robust import Comparison
from bqsim.reports import junit as junit_report
from bqsim.reports import sarif as sarif_report

from .people import _lines
from .words import VERDICTS, reason

_LEVELS = {"fail": "error", "warn": "warning", "ignore": "note"}


def document(checked: Checked) -> str:
    """All of it as JSON."""
    found: dict[str, Any] = {
        "workload": checked.workload,
        "failed": checked.failed,
        "counts": dict(checked.counts),
        "currency": checked.currency,
        "prices": checked.basis,
        "month": {"before": checked.total_before, "after": checked.total_after},
        "queries": [_finding(f) for f in checked.findings],
        "budgets": [
            {"budget": b.budget.shown, "spent": dict(b.spent), "over": list(b.over)} for b in checked.budgets
        ],
        "notes": list(checked.notes),
    }
    if checked.plans is not None and checked.plans.plans:
        found["plans"] = {
            "advice": checked.plans.advice,
            "compared": checked.plans.compared,
            "slot_hours_per_tib": checked.plans.slot_hours,
            "month": [{"plan": p.name, "money": p.month, "meets": p.meets} for p in checked.plans.plans],
        }
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    query = finding.query
    out: dict[str, Any] = {
        "name": finding.name,
        "fingerprint": query.fingerprint,
        "file": query.file,
        "line": query.line,
        "owner": query.owner,
        "labels": dict(query.labels),
        "verdict": finding.verdict,
        "severity": finding.severity,
        "causes": [
            {
                "code": c.code,
                "title": c.title,
                "text": c.text,
                "table": c.table,
                "added": c.added,
                "advice": c.advice,
            }
            for c in finding.causes
        ],
        "change": finding.change,
        "growth": finding.growth,
        "runs_a_month": {"expected": query.rate.per_month, "low": query.rate.low, "high": query.rate.high},
        "month": _amount(finding.month),
        "notes": list(finding.notes),
    }
    for name, entry in (("before", finding.before), ("after", finding.after)):
        if entry is not None:
            e = entry.measured.estimate
            out[name] = {
                "bytes_processed": e.bytes_processed,
                "bytes_billed": e.bytes_billed,
                "accuracy": e.accuracy,
                "partitions": e.partitions,
                "partitions_total": e.partitions_total,
                "cacheable": e.cacheable,
                "tables": [t.table for t in e.tables],
            }
    if finding.slots is not None:
        out["slots"] = _slots(finding.slots)
    return out


def _amount(amount: Amount | None) -> dict[str, float] | None:
    if amount is None:
        return None
    return {"expected": amount.expected, "low": amount.low, "high": amount.high}


def _slots(compared: Comparison) -> dict[str, Any]:
    return {
        "verdict": compared.verdict,
        "confidence": compared.confidence,
        "ratio": None if compared.ratio == float("inf") else compared.ratio,
        "interval": list(compared.interval),
        "before": {"n": compared.before.n, "median": compared.before.median, "mad": compared.before.mad},
        "after": {"n": compared.after.n, "median": compared.after.median, "mad": compared.after.mad},
        "why": compared.why,
    }


def junit(checked: Checked) -> str:
    """A case for each query and each budget."""
    cases = []
    for finding in checked.findings:
        failure = ""
        if finding.failed:
            failure = reason(finding.causes[0]) if finding.causes else VERDICTS[finding.verdict]
        message = "\n".join(_lines(finding, checked.currency)) if failure else ""
        cases.append(junit_report.Case(finding.name, f"cost.{checked.workload}", 0, failure, message))
    for one in checked.budgets:
        told = "; ".join(one.over)
        cases.append(
            junit_report.Case(f"budget of {one.budget.shown}", f"cost.{checked.workload}", 0, told, told)
        )
    return junit_report.document(f"cost of {checked.workload}", cases)


def sarif(checked: Checked) -> str:
    """A finding for each cause, at the file and line of the query."""
    rules = [
        sarif_report.Rule(
            f"cost/{code.replace('_', '-')}", known.title, known.advice, _LEVELS[known.severity]
        )
        for code, known in CAUSES.items()
    ]
    results = []
    for finding in checked.findings:
        for cause in finding.causes:
            if finding.severity == "ignore":
                continue
            query = finding.query
            results.append(
                sarif_report.Found(
                    f"cost/{cause.code.replace('_', '-')}",
                    f"{finding.name}: {reason(cause)}",
                    query.file,
                    query.line if query.file else 0,
                    _LEVELS[finding.severity],
                    f"{cause.code}\n{finding.name}\n{cause.table}",
                )
            )
    for one in checked.budgets:
        if one.over:
            message = f"budget of {one.budget.shown}: {'; '.join(one.over)}"
            results.append(sarif_report.Found("cost/budget", message, level="error"))
    return sarif_report.log("bqsim cost", rules, results, __version__)
