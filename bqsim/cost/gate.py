"""The gate: what is measured now against the baseline, query by query, with verdicts, causes and money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from bqsim.sim.rules.sqltext import normal_sql

from .baseline import Baseline, Entry, entry_of
from .bench import Bench
from .causes import Cause, causes
from .causes_known import CAUSES
from .model import UNKNOWN, Estimate, Measured, Query, Workload
from .money import Amount, Till
from .plans import Plans, plans
from .policy import FAIL, IGNORE, WARN, Budget, Policy
from .robust import FALLEN, RISEN, Comparison, compare, spread
from .units import SLOT_TIME, shown_bytes, shown_money

# Verdicts, the worst first.
REGRESSION, ERROR, RISK, GROWN, NEW, GONE, IMPROVED, SAME = (
    "regression", "error", "risk", "grown", "new", "gone", "improved", "same",
)  # fmt: skip
ORDER = (REGRESSION, ERROR, RISK, GROWN, NEW, GONE, IMPROVED, SAME)
# How alike texts must be to pass for one query that changed.
_ALIKE = 0.55
# Changes whose part of the month is told apart: each takes a workload of its own.
MOST_MARGINAL = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One query: ``verdict`` and what the policy makes of it (``severity``: fail, warn, ignore). ``before``
    is the approved entry, ``then`` the approved text on today's tables, ``after`` today's text on them."""

    name: str
    verdict: str
    severity: str
    before: Entry | None = None
    then: Estimate | None = None
    after: Entry | None = None
    causes: tuple[Cause, ...] = ()
    slots: Comparison | None = None
    month_before: Amount | None = None
    month_after: Amount | None = None
    notes: tuple[str, ...] = ()

    @property
    def query(self) -> Query:
        entry = self.after or self.before
        assert entry is not None
        return entry.measured.query

    @property
    def change(self) -> int:
        """The bytes that the change of the text adds to a run."""
        if self.after is None or self.then is None:
            return 0
        return self.after.measured.estimate.bytes_processed - self.then.bytes_processed

    @property
    def growth(self) -> int:
        """The bytes that tables have grown by, as the approved text reads them."""
        if self.before is None or self.then is None:
            return 0
        return self.then.bytes_processed - self.before.measured.estimate.bytes_processed

    @property
    def month(self) -> Amount | None:
        """What it costs more in a month."""
        if self.month_before is None and self.month_after is None:
            return None
        nothing = Amount(0.0, 0.0, 0.0)
        return (self.month_after or nothing).minus(self.month_before or nothing)

    @property
    def failed(self) -> bool:
        return self.severity == FAIL


@dataclass(frozen=True, slots=True)
class BudgetFinding:
    """A budget: what is spent of it, in words and as a share; ``over`` names what is above it."""

    budget: Budget
    spent: Mapping[str, float]
    over: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """All of it. ``total_before`` and ``total_after`` are money a month of the whole workload."""

    workload: str
    findings: tuple[Finding, ...]
    budgets: tuple[BudgetFinding, ...]
    total_before: float | None
    total_after: float | None
    currency: str
    basis: str
    notes: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    plans: Plans | None = None

    @property
    def failed(self) -> bool:
        """Whether the gate is shut."""
        return any(f.failed for f in self.findings) or any(b.over for b in self.budgets)


def check(
    baseline: Baseline,
    workload: Workload,
    measured: Sequence[Measured],
    bench: Bench,
    policy: Policy,
    till: Till,
) -> Checked:
    """Compare what was measured with the baseline."""
    now = {m.query.name: m for m in measured}
    pairs = paired(baseline, now)
    again = _then(baseline, now, pairs, bench)
    gate = _Gate(policy, till)
    findings = [
        gate.both(name, baseline.entries[old], again[old], now[name])
        if old is not None
        else gate.new(now[name])
        for name, old in pairs.items()
    ]
    taken = set(pairs.values())
    findings += [gate.gone(e) for name, e in baseline.entries.items() if name not in taken]
    after = [f.after for f in findings if f.after is not None]
    if till.by_allocation:
        findings = _marginal(findings, after, till)
    findings.sort(key=_worst_first)
    return Checked(
        workload.name,
        tuple(findings),
        tuple(_budget(b, after, till) for b in policy.budgets),
        till.workload(list(baseline.entries.values())),
        till.workload(after),
        till.currency,
        till.basis,
        workload.notes,
        {verdict: n for verdict in ORDER if (n := sum(f.verdict == verdict for f in findings))},
        plans(till, after),
    )


def _marginal(findings: Sequence[Finding], after: Sequence[Entry], till: Till) -> list[Finding]:
    """Changes with what each adds to the month of the whole workload: slots that are idle or scaled anyway
    cost nothing, others a whole step. Of many changes this is of the largest."""
    changed = [f for f in findings if f.verdict != SAME and f.month is not None]
    largest = sorted(changed, key=lambda f: -abs(f.month.expected if f.month else 0.0))[:MOST_MARGINAL]
    names = {f.name for f in largest}
    return [_with_marginal(f, after, till) if f.name in names else f for f in findings]


def _with_marginal(finding: Finding, after: Sequence[Entry], till: Till) -> Finding:
    others = [e for e in after if e is not finding.after]
    without = till.workload([*others, *filter(None, (finding.before,))])
    added = (till.workload(after) or 0.0) - (without or 0.0)
    start = finding.month_before or Amount(0.0, 0.0, 0.0)
    changed = Amount(start.expected + added, start.low + added, start.high + added)
    return replace(finding, month_before=start, month_after=changed)


def _worst_first(finding: Finding) -> tuple[object, ...]:
    month = finding.month
    severity = (FAIL, WARN, IGNORE).index(finding.severity)
    return (
        severity,
        ORDER.index(finding.verdict),
        -(month.expected if month else 0.0),
        -finding.change,
        finding.name,
    )


def paired(baseline: Baseline, now: Mapping[str, Measured]) -> dict[str, str | None]:
    """For each query of now the name of its entry in the baseline: the same name, else the same fingerprint,
    else a text that is much alike; None for new ones."""
    pairs: dict[str, str | None] = {name: name if name in baseline.entries else None for name in now}
    free = [n for n in baseline.entries if n not in now]
    for name in [n for n, old in pairs.items() if old is None]:
        fingerprint = now[name].query.fingerprint
        found = next((n for n in free if baseline.entries[n].measured.query.fingerprint == fingerprint), None)
        if found is not None:
            pairs[name] = found
            free.remove(found)
    scored = [
        (_alike(now[name].query, baseline.entries[old].measured.query), name, old)
        for name, of in pairs.items()
        if of is None
        for old in free
    ]
    for score, name, old in sorted(scored, key=lambda s: (-s[0], s[1], s[2])):
        if score >= _ALIKE and pairs[name] is None and old in free:
            pairs[name] = old
            free.remove(old)
    return pairs


def _alike(a: Query, b: Query) -> float:
    if a.owner != b.owner or dict(a.labels) != dict(b.labels):
        return 0.0
    one, other = normal_sql(a.sql).split(" ")[:400], normal_sql(b.sql).split(" ")[:400]
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE <= matcher.quick_ratio() else 0.0


def _then(
    baseline: Baseline, now: Mapping[str, Measured], pairs: Mapping[str, str | None], bench: Bench
) -> dict[str, Estimate]:
    """The approved texts on today's tables; as approved where that fails."""
    names = [old for old in pairs.values() if old is not None]
    queries = [baseline.entries[n].measured.query for n in names]
    found = {}
    for name, estimate in zip(names, bench.estimates(queries), strict=True):
        found[name] = baseline.entries[name].measured.estimate if estimate.error else estimate
    return found


@dataclass(slots=True)
class _Gate:
    policy: Policy
    till: Till

    def new(self, measured: Measured) -> Finding:
        after, query = entry_of(measured), measured.query
        if measured.estimate.error:
            return self.unmeasured(measured, None)
        cause = Cause("new_query", f"it reads {shown_bytes(measured.estimate.bytes_processed)} a run")
        month = self.till.month(after)
        return Finding(
            query.name, NEW, self.policy.verdicts.new, after=after, causes=(cause,), month_after=month,
            notes=_notes(measured.estimate),
        )  # fmt: skip

    def gone(self, entry: Entry) -> Finding:
        cause = Cause("query_gone", "the workload has it no more")
        return Finding(
            entry.name, GONE, self.policy.verdicts.gone, before=entry, causes=(cause,),
            month_before=self.till.month(entry),
        )  # fmt: skip

    def unmeasured(self, measured: Measured, before: Entry | None) -> Finding:
        cause = Cause("not_measured", measured.estimate.error)
        return Finding(
            measured.query.name, ERROR, self.policy.verdicts.error, before, None, entry_of(measured), (cause,)
        )

    def both(self, name: str, before: Entry, then: Estimate, measured: Measured) -> Finding:
        if measured.estimate.error:
            return self.unmeasured(measured, before)
        after = entry_of(measured)
        slots = compare(before.slot_ms, after.slot_ms, self.policy.slots.rules) if after.slot_ms else None
        old_query = before.measured.query
        found = causes(Measured(old_query, then), measured)
        months = self.till.month(before), self.till.month(after)
        notes = _notes(measured.estimate)
        finding = Finding(name, SAME, IGNORE, before, then, after, (), slots, *months, notes)
        verdict, severity, kept = self.judged(finding, found)
        if old_query.name != name:
            finding = replace(finding, notes=(*finding.notes, f"its entry was called {old_query.name}"))
        return replace(finding, verdict=verdict, severity=severity, causes=tuple(kept))

    def judged(self, finding: Finding, found: list[Cause]) -> tuple[str, str, list[Cause]]:
        before, after, then = finding.before, finding.after, finding.then
        assert before is not None and after is not None and then is not None
        tolerance = self.policy.tolerance_of(finding.query)
        now = after.measured.estimate
        rises = [
            tolerance.exceeded(getattr(then, what), getattr(now, what))
            for what in ("bytes_processed", "bytes_billed", "bytes_at_most")
        ]
        same_text = before.measured.query.fingerprint == after.measured.query.fingerprint
        other_day = same_text and any(rises) and not _widened(then, now) and not found
        if finding.slots is not None and finding.slots.verdict == RISEN:
            text = f"slot time rose by {finding.slots.ratio:.0%} (confidence {finding.slots.confidence:.1%})"
            found = [*found, Cause("slots_risen", text)]
        if other_day:
            cause = Cause("table_grown", "the same query reads other partitions, which are larger")
            return GROWN, self.policy.verdicts.grown, [cause]
        if any(rises):
            return REGRESSION, FAIL, found or [_unexplained(then, now)]
        severities = {c.code: self.policy.severity(c.code) for c in found}
        shown = [c for c in found if severities[c.code] != IGNORE]
        if any(severities[c.code] == FAIL for c in shown):
            return REGRESSION, FAIL, shown
        if finding.slots is not None and finding.slots.verdict == RISEN:
            verdict = REGRESSION if self.policy.verdicts.slots == FAIL else RISK
            return verdict, self.policy.verdicts.slots, shown
        if tolerance.exceeded(now.bytes_processed, then.bytes_processed) and not shown:
            return IMPROVED, IGNORE, []
        if shown:
            return RISK, self.policy.verdicts.risk, shown
        was = before.measured.estimate
        if tolerance.exceeded(was.bytes_processed, then.bytes_processed):
            text = f"its tables give {shown_bytes(finding.growth)} more than when it was approved"
            return GROWN, self.policy.verdicts.grown, [Cause("table_grown", text, added=finding.growth)]
        fallen = finding.slots is not None and finding.slots.verdict == FALLEN
        return (IMPROVED if fallen else SAME), IGNORE, []


def _widened(then: Estimate, now: Estimate) -> bool:
    return (now.partitions or 0) > (then.partitions or 0) or {t.table for t in now.tables} != {
        t.table for t in then.tables
    }


def _unexplained(then: Estimate, now: Estimate) -> Cause:
    more = {
        t.table: (t.bytes or 0) - (old.bytes or 0)
        for t in now.tables
        if (old := then.read_of(t.table)) is not None and (t.bytes or 0) > (old.bytes or 0)
    }
    told = ", ".join(f"{name} {shown_bytes(added)} more" for name, added in more.items())
    return Cause("other_change", told or "it reads more", added=now.bytes_processed - then.bytes_processed)


def _notes(estimate: Estimate) -> tuple[str, ...]:
    if estimate.accuracy == "PRECISE":
        return estimate.notes
    words = {
        "UPPER_BOUND": "it may be less",
        "LOWER_BOUND": "it may be more",
        UNKNOWN: "columns were guessed",
    }
    return (*estimate.notes, f"the estimate is {estimate.accuracy}: {words[estimate.accuracy]}")


def _budget(budget: Budget, entries: Iterable[Entry], till: Till) -> BudgetFinding:
    entries = list(entries)
    covered = [e for e in entries if budget.covers(e.measured.query) and not e.measured.estimate.error]
    monthly = sum(
        e.measured.estimate.bytes_billed * e.measured.query.rate.per_month * (1 - e.cache_hits)
        for e in covered
    )
    largest = max(covered, key=lambda e: e.measured.estimate.bytes_billed, default=None)
    money = till.part(covered, entries)
    hours = sum(spread(e.slot_ms).median * e.measured.query.rate.per_month for e in covered)
    spent = {"bytes": monthly, "slot_hours": hours / SLOT_TIME["slot-h"]}
    if money is not None:
        spent["money"] = money
    over = []
    if largest is not None:
        spent["per_run"] = size = largest.measured.estimate.bytes_billed
        if budget.per_run is not None and size > budget.per_run:
            over.append(
                f"{largest.name} is billed {shown_bytes(size)} a run of {shown_bytes(budget.per_run)}"
            )
    if budget.bytes is not None and monthly > budget.bytes:
        over.append(f"{shown_bytes(monthly)} a month of {shown_bytes(budget.bytes)}")
    if budget.money is not None and spent.get("money", 0.0) > budget.money:
        told = shown_money(spent["money"], till.currency), shown_money(budget.money, till.currency)
        over.append(f"{told[0]} a month of {told[1]}")
    if budget.slot_hours is not None and spent["slot_hours"] > budget.slot_hours:
        over.append(f"{spent['slot_hours']:,.1f} slot-hours a month of {budget.slot_hours:,.1f}")
    return BudgetFinding(budget, spent, tuple(over))


__all__ = ["CAUSES", "Checked", "Finding", "check", "paired"]
