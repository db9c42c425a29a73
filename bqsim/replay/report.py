"""What a replay made of its cassettes: which operations were used, and what went otherwise than recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from .near import NearMiss

# What findings are about; those that fail a strict replay.
UNUSED, UNEXPECTED, ORDER, REPEATED, CONTENT, DRIFT = (
    "unused",
    "unexpected",
    "out-of-order",
    "repeated",
    "content",
    "drift",
)
FAILING = frozenset({UNUSED, UNEXPECTED, ORDER, REPEATED, DRIFT})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that went otherwise than recorded. ``operation`` is its name, '' for what was not recorded;
    ``count`` is how often."""

    what: str
    operation: str
    title: str
    detail: str = ""
    count: int = 1
    near: tuple[NearMiss, ...] = ()

    def lines(self) -> list[str]:
        name = f" {self.operation}" if self.operation else ""
        times = f" ({self.count} times)" if self.count > 1 else ""
        shown = [f"{self.what}{name}{times}: {self.title}"]
        if self.detail:
            shown.append(f"  {self.detail}")
        for miss in self.near:
            shown += [
                f"  near: {line}" if not n else f"        {line}" for n, line in enumerate(miss.lines())
            ]
        return shown


@dataclass(frozen=True, slots=True)
class Report:
    """The report of a replay. ``operations`` are recorded, ``used`` of them were, ``played`` times in all,
    ``recorded_new`` were recorded by it."""

    cassettes: tuple[str, ...]
    mode: str
    operations: int
    used: int
    played: int
    findings: tuple[Finding, ...] = ()
    recorded_new: int = 0
    strict: bool = True
    failing: frozenset[str] = field(default=FAILING)

    @property
    def failures(self) -> list[Finding]:
        """The findings that fail the replay."""
        return [f for f in self.findings if f.what in self.failing] if self.strict else []

    @property
    def ok(self) -> bool:
        return not self.failures

    def of(self, what: str) -> list[Finding]:
        """The findings of one sort."""
        return [f for f in self.findings if f.what == what]

    @property
    def text(self) -> str:
        """The report in words."""
        names = ", ".join(self.cassettes) or "no cassette"
        lines = [
            f"replay of {names} (mode {self.mode}): {self.used} of {self.operations} operations used, "
            f"{self.played} answers"
            + (f", {self.recorded_new} operations recorded" if self.recorded_new else "")
        ]
        for finding in self.findings:
            lines += [f"  {line}" for line in finding.lines()]
        lines.append("ok" if self.ok else f"failed: {len(self.failures)} findings")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        members = asdict(self)
        members["failing"] = sorted(self.failing)
        return {"ok": self.ok, **members}

    @property
    def junit(self) -> str:
        """The report as JUnit XML: a case for each finding, and one for what was used."""
        from bqsim.reports import junit

        cases = [junit.Case(f"{self.used} of {self.operations} operations used", "replay")]
        failing = self.failing if self.strict else frozenset()
        for finding in self.findings:
            head, *rest = finding.lines()
            name = f"{finding.what} {finding.operation or finding.title}".strip()
            failure = head if finding.what in failing else ""
            skipped = "" if failure else head
            cases.append(junit.Case(name, "replay", 0, failure, "\n".join([head, *rest]), skipped))
        return junit.document("bqsim replay", cases)

    @property
    def json(self) -> str:
        return json.dumps(self.to_json(), indent=1, ensure_ascii=False)


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in their order, equal ones as one with their count."""
    counts: dict[tuple[str, str, str, str], list[Any]] = {}
    for finding in findings:
        key = (finding.what, finding.operation, finding.title, finding.detail)
        kept = counts.setdefault(key, [finding, 0])
        kept[1] += finding.count
    return tuple(
        Finding(f.what, f.operation, f.title, f.detail, count, f.near) for f, count in counts.values()
    )
