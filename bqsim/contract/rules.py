"""Rules for what may differ: those that hold for any two endpoints, and those of a user's file.

A rule of a file::

    rules:
      - id: no-slot-time              # told in reports
        path: job.statistics.totalSlotMs   # glob; * is one member, ** any number of them
        kind: [value, missing]        # which differences; all without it
        operation: query              # kind or name of operations; all without it (globs)
        endpoint: "emulator*"         # glob; all without it
        tolerance: 5%                 # numbers may differ so much (5%, or a number); else anything may
        reason: the emulator has no slots
        since: 2026-11-22
        until: 2027-03-01             # from then on the rule allows nothing, and the check fails for it
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from bqsim.record.model import Operation

from .comparing import MISSING, TYPE, VALUE, Difference, number
from .errors import ContractError

_MEMBERS = frozenset(
    (
        "id",
        "path",
        "kind",
        "operation",
        "endpoint",
        "tolerance",
        "reason",
        "since",
        "until",
        "expected",
        "found",
    )
)
KINDS = ("missing", "extra", "type", "value", "order", "count", "form")


@dataclass(slots=True)
class Rule:
    """One rule; ``used`` counts the differences that it allowed. ``rows``: whether it is for rows of results,
    whose columns may have any name, too."""

    id: str
    path: str
    reason: str
    kinds: frozenset[str] = frozenset()
    operation: str = "*"
    endpoint: str = "*"
    tolerance: float | None = None
    relative: bool = False
    expected: str | None = None
    found: str | None = None
    since: dt.date | None = None
    until: dt.date | None = None
    builtin: bool = False
    rows: bool = True
    used: int = field(default=0, compare=False)

    def allows(self, difference: Difference, operation: Operation, endpoint: str) -> bool:
        """Whether it is this difference that the rule allows."""
        if self.kinds and difference.kind not in self.kinds:
            return False
        if not self.rows and difference.path.startswith("rows"):
            return False
        if not fnmatchcase(endpoint, self.endpoint):
            return False
        if not any(fnmatchcase(text, self.operation) for text in (operation.kind, operation.name)):
            return False
        if not path_pattern(self.path).fullmatch(difference.path):
            return False
        if self.expected is not None and not fnmatchcase(str(difference.expected), self.expected):
            return False
        if self.found is not None and not fnmatchcase(str(difference.found), self.found):
            return False
        return self.tolerance is None or self._near(difference)

    def _near(self, difference: Difference) -> bool:
        one, other = number(difference.expected), number(difference.found)
        if one is None or other is None or self.tolerance is None:
            return False
        return abs(one - other) <= self.tolerance * (abs(one) if self.relative else 1)

    def expired(self, today: dt.date) -> bool:
        """Whether its time is over."""
        return self.until is not None and today >= self.until


@lru_cache(maxsize=512)
def path_pattern(glob: str) -> re.Pattern[str]:
    """The pattern of a path: ``*`` is (part of) one member, ``**`` any members, ``[*]`` any place."""
    out = ""
    for part in re.split(r"(\*\*\.|\.\*\*|\*\*|\[\*\]|\*)", glob):
        out += {
            "**.": r"(?:.*\.)?",
            ".**": r"(?:[.\[].*)?",
            "**": r".*",
            "[*]": r"\[[^\]]*\]",
            "*": r"[^.\[\]]*",
        }.get(part, re.escape(part))
    return re.compile(out)


def _builtin(id: str, paths: str, reason: str, kinds: Sequence[str] = ()) -> list[Rule]:
    return [Rule(id, path, reason, frozenset(kinds), builtin=True, rows=False) for path in paths.split()]


# Identities and figures that every run has anew: their types are compared, and whether they are there.
BUILTIN: tuple[Rule, ...] = tuple(
    _builtin(
        "identity",
        "**.etag **.id **.selfLink **.jobId **.queryId **.user_email **.principal_subject **.numericId "
        "**.projectNumber **.sessionId **.transactionId **.parentJobId **.nextPageToken **.pageToken "
        "**.debugInfo **.destinationTable.datasetId **.destinationTable.tableId answer.kind",
        "a name that every run has anew",
        [VALUE],
    )
    + _builtin(
        "time",
        "**.creationTime **.startTime **.endTime **.lastModifiedTime **.oldestEntryTime **.snapshotTime "
        "**.cloneTime **.refreshWatermark **.lastRefreshTime **.expirationTime **.undeleteTime",
        "a time of the run",
        [VALUE],
    )
    + _builtin(
        "measure",
        "**.totalSlotMs **.finalExecutionDurationMs **.completionRatio **.estimatedBytesProcessed",
        "a figure of the run",
        [VALUE],
    )
    + _builtin(
        "execution",
        "**.queryPlan **.queryPlan.** **.timeline **.timeline.** **.reservationUsage "
        "**.reservationUsage.** **.performanceInsights **.performanceInsights.** **.reservation_id "
        "**.edition **.quotaDeferments **.jobCreationReason **.jobCreationReason.** "
        "job.statistics.bqsim job.statistics.bqsim.** **.totalPartitionsProcessed **.billingTier "
        "**.queryInfo **.queryInfo.** **.transferredBytes",
        "how it was run, not what came of it",
    )
    + [
        Rule(
            "redacted",
            "**",
            "removed when it was recorded",
            frozenset((VALUE,)),
            expected="*@redacted.*",
            builtin=True,
        )
    ]
    + _builtin("optional", "**.location **.state **.jobComplete", "told by some answers only", [MISSING])
)


@dataclass(slots=True)
class RuleBook:
    """Rules in force on a day. ``apply`` counts what they are used for."""

    rules: list[Rule]
    today: dt.date

    @property
    def own(self) -> list[Rule]:
        """The user's rules."""
        return [rule for rule in self.rules if not rule.builtin]

    @property
    def expired(self) -> list[Rule]:
        """Those whose time is over."""
        return [rule for rule in self.own if rule.expired(self.today)]

    @property
    def unused(self) -> list[Rule]:
        """The user's rules that allowed nothing, and could have."""
        return [rule for rule in self.own if not rule.used and not rule.expired(self.today)]

    def apply(self, difference: Difference, operation: Operation, endpoint: str) -> Difference:
        """The difference, with the rule that allows it."""
        for rule in self.rules:
            if not rule.expired(self.today) and rule.allows(difference, operation, endpoint):
                rule.used += 1
                return difference.by(rule.id)
        return difference


def rule_book(source: str | Path | Mapping[str, Any] | None = None, today: dt.date | None = None) -> RuleBook:
    """The built-in rules with those of a YAML file, or of its content. :class:`ContractError` names what is
    wrong with it."""
    own: list[Rule] = []
    if source is not None:
        content = source if isinstance(source, Mapping) else _read(Path(source))
        where = "the rules" if isinstance(source, Mapping) else str(source)
        listed = content.get("rules")
        if not isinstance(listed, list):
            raise ContractError(f"{where}: there is no list of rules")
        own = [_rule(item, f"{where}: rule {at}") for at, item in enumerate(listed, 1)]
        ids = [rule.id for rule in own]
        twice = next((id for id in ids if ids.count(id) > 1), None)
        if twice:
            raise ContractError(f"{where}: two rules have the id {twice!r}")
    return RuleBook([*own, *(_copy(rule) for rule in BUILTIN)], today or _today())


def _copy(rule: Rule) -> Rule:
    from dataclasses import replace

    return replace(rule, used=0)


def _today() -> dt.date:
    from bqsim.sim.clock import SimulationClock

    clock = SimulationClock()
    try:
        return dt.datetime.fromtimestamp(clock.now_us() / 1e6, dt.UTC).date()
    finally:
        clock.close()


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ContractError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise ContractError(f"{path}: not YAML: {error}") from None
    if not isinstance(content, Mapping):
        raise ContractError(f"{path}: a mapping is expected")
    return content


def _rule(item: Any, where: str) -> Rule:
    if not isinstance(item, Mapping):
        raise ContractError(f"{where}: a mapping is expected")
    unknown = set(item) - _MEMBERS
    if unknown:
        raise ContractError(f"{where}: there is no {', '.join(sorted(map(str, unknown)))} in rules")
    for needed in ("id", "path", "reason"):
        if not isinstance(item.get(needed), str) or not item[needed].strip():
            raise ContractError(f"{where}: {needed} is missing")
    kinds = item.get("kind", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong:
        raise ContractError(f"{where}: {wrong[0]!r} is no kind; kinds are {', '.join(KINDS)}")
    tolerance, relative = _tolerance(item.get("tolerance"), where)
    return Rule(
        item["id"],
        item["path"],
        item["reason"],
        frozenset(kinds) or (frozenset((VALUE, TYPE)) if tolerance is not None else frozenset()),
        str(item.get("operation", "*")),
        str(item.get("endpoint", "*")),
        tolerance,
        relative,
        _text(item.get("expected")),
        _text(item.get("found")),
        _date(item.get("since"), f"{where}: since"),
        _date(item.get("until"), f"{where}: until"),
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _tolerance(value: Any, where: str) -> tuple[float | None, bool]:
    if value is None:
        return None, False
    text = str(value).strip()
    relative = text.endswith("%")
    found = number(text.rstrip("% "))
    if found is None or found < 0:
        raise ContractError(f"{where}: tolerance {value!r} is neither a number nor a percentage")
    return (found / 100 if relative else found), relative


def _date(value: Any, where: str) -> dt.date | None:
    if value is None or type(value) is dt.date:
        return value
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise ContractError(f"{where} {value!r} is no date (2026-12-31)") from None
