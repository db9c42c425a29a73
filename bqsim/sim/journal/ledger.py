"""Acknowledged against applied: which writes were lost, which were done twice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .book import Journal
from .events import LedgerEntry
from .verify import VerificationError


class LedgerError(VerificationError):
    """Writes were lost or done twice; ``report`` tells which."""

    def __init__(self, report: LedgerReport, faults: Sequence[Write]) -> None:
        self.report = report
        many = "1 write" if len(faults) == 1 else f"{len(faults)} writes"
        super().__init__("\n".join((f"{many} not done exactly once:", *(f"  {write}" for write in faults))))


@dataclass(frozen=True, slots=True)
class Write:
    """One write that a client meant, with all attempts at it, oldest first."""

    attempts: tuple[LedgerEntry, ...]

    @property
    def applied(self) -> int:
        """How often it was done."""
        return sum(1 for entry in self.attempts if entry.applied)

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told at last that it was done."""
        return any(entry.acknowledged for entry in self.attempts)

    @property
    def verdict(self) -> str:
        """A key of :data:`VERDICTS`."""
        if self.applied > 1:
            return "duplicate"
        if any(entry.deduplicated for entry in self.attempts):
            # What it repeats may have been done by an attempt that the journal tells elsewhere.
            return "once" if self.acknowledged else "in_doubt"
        if self.applied:
            return "once" if self.acknowledged else "in_doubt"
        return "lost" if self.acknowledged else "failed"

    def __str__(self) -> str:
        first = self.attempts[0]
        calls = ", ".join(f"#{entry.call_id} {_did(entry)}" for entry in self.attempts)
        return f"{first.method} {first.resource}: {VERDICTS[self.verdict]} ({calls})"


VERDICTS: Mapping[str, str] = {
    "once": "done once, and acknowledged",
    "duplicate": "done more than once",
    "lost": "acknowledged, but never done",
    "in_doubt": "done, but the client was told that it failed and did not ask again",
    "failed": "never done, and the client knows",
}


@dataclass(frozen=True, slots=True)
class LedgerReport:
    """All writes of a ledger, by verdict."""

    writes: tuple[Write, ...]

    def of(self, verdict: str) -> tuple[Write, ...]:
        """Raises ``KeyError`` for what is no verdict."""
        VERDICTS[verdict]
        return tuple(write for write in self.writes if write.verdict == verdict)

    @property
    def duplicates(self) -> tuple[Write, ...]:
        return self.of("duplicate")

    @property
    def lost(self) -> tuple[Write, ...]:
        return self.of("lost")

    @property
    def in_doubt(self) -> tuple[Write, ...]:
        return self.of("in_doubt")

    @property
    def extra_rows(self) -> int:
        """Rows that are in tables more often than the clients meant."""
        surplus = (sum(e.rows for e in w.attempts if e.applied) - _once(w) for w in self.duplicates)
        return sum(surplus)

    def counts(self) -> dict[str, int]:
        return {verdict: len(self.of(verdict)) for verdict in VERDICTS}


def reconcile(entries: Iterable[LedgerEntry]) -> LedgerReport:
    """The writes behind ``entries``.

    Attempts at one write follow each other until one is acknowledged; the same content again after that
    is another write that its client meant.
    """
    groups: dict[tuple[str, str, str, str], list[LedgerEntry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: e.time_us):
        groups[entry.scope, entry.method, entry.resource, entry.write].append(entry)
    writes: list[Write] = []
    for group in groups.values():
        attempts: list[LedgerEntry] = []
        for entry in group:
            attempts.append(entry)
            if entry.acknowledged:
                writes.append(Write(tuple(attempts)))
                attempts = []
        if attempts:
            writes.append(Write(tuple(attempts)))
    writes.sort(key=lambda write: write.attempts[0].time_us)
    return LedgerReport(tuple(writes))


def verify_exactly_once(
    journal: Journal, *, scope: str | None = None, since: int = 0, in_doubt: bool = False
) -> LedgerReport:
    """Raise :class:`LedgerError` when writes were lost or done twice; else return the report.

    ``in_doubt=True`` also accepts no write whose client never learned that it was done.
    """
    report = reconcile(journal.ledger(since=since, scope=scope))
    verdicts = ("lost", "duplicate", "in_doubt") if in_doubt else ("lost", "duplicate")
    faults = [write for verdict in verdicts for write in report.of(verdict)]
    if faults:
        raise LedgerError(report, faults)
    return report


def _once(write: Write) -> int:
    return next(entry.rows for entry in write.attempts if entry.applied)


def _did(entry: LedgerEntry) -> str:
    done = "applied" if entry.applied else "found it done before" if entry.deduplicated else "not applied"
    return f"{done}, {'acknowledged' if entry.acknowledged else 'answered with a failure'}"
