"""Why a request was not found: the recorded ones that are nearest, and how they differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .matching import paths_of

# So many recorded requests are looked at, and so many told of.
LOOKED_AT, TOLD = 2000, 3
_LONG = 160
_ABSENT = object()
# How much a member counts for how near requests are.
_WEIGHTS: Mapping[str, float] = {"sql": 6.0, "method": 4.0, "resource": 4.0, "table": 4.0, "body": 2.0}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field: what was recorded and what was asked, as texts; '' where it is not there."""

    path: str
    recorded: str
    asked: str

    def __str__(self) -> str:
        if not self.recorded:
            return f"{self.path}: asked {self.asked}, not in the recording"
        if not self.asked:
            return f"{self.path}: recorded {self.recorded}, not asked"
        return f"{self.path}: recorded {self.recorded}, asked {self.asked}"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A recorded operation that is like the request, from 0 (not at all) to 1."""

    name: str
    likeness: float
    title: str
    differences: tuple[Difference, ...]
    sql_diff: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """It in words."""
        shown = [f"{self.name} ({self.likeness:.0%} alike): {self.title}"]
        shown += [f"  {difference}" for difference in self.differences]
        return shown + [f"  {line}" for line in self.sql_diff]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What near misses need of a recorded operation: its name, its meaning and its request."""

    name: str
    meaning: Mapping[str, Any]
    request: Mapping[str, Any]


def near_misses(
    meaning: Mapping[str, Any], request: Mapping[str, Any], recorded: Iterable[Recorded]
) -> list[NearMiss]:
    """The nearest of the recorded operations, the nearest first; alike ones in their order."""
    ranked = [(_likeness(meaning, one.meaning), -number, one) for number, one in enumerate(recorded)]
    ranked.sort(key=lambda entry: entry[:2], reverse=True)
    found = []
    for likeness, _, one in ranked[:TOLD]:
        if likeness < 0.2:
            break
        found.append(
            NearMiss(
                one.name,
                likeness,
                title_of(one.request),
                tuple(_differences(one.meaning, meaning)),
                tuple(_sql_diff(str(one.request.get("sql") or ""), str(request.get("sql") or ""))),
            )
        )
    return found


def title_of(request: Mapping[str, Any]) -> str:
    """A request in a few words."""
    for name in ("sql", "resource", "table", "target"):
        if request.get(name):
            method = f"{request['method']} " if name == "resource" and request.get("method") else ""
            return method + short(" ".join(str(request[name]).split()))
    configuration = request.get("configuration")
    if isinstance(configuration, Mapping):
        for kind in ("load", "extract", "copy"):
            part = configuration.get(kind)
            if isinstance(part, Mapping):
                table = part.get("destinationTable") or part.get("sourceTable") or {}
                names = (
                    (table.get(n, "") for n in ("datasetId", "tableId")) if isinstance(table, Mapping) else ()
                )
                return f"{kind} {'.'.join(names)}"
    return short(str(dict(request)))


def short(text: str) -> str:
    """``text``, cut when it is long."""
    return text if len(text) <= _LONG else text[: _LONG - 1] + "…"


def _likeness(asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> float:
    names = asked.keys() | recorded.keys()
    whole = same = 0.0
    for name in names:
        weight = _WEIGHTS.get(name, 1.0)
        whole += weight
        a, b = asked.get(name, _ABSENT), recorded.get(name, _ABSENT)
        if a == b:
            same += weight
        elif isinstance(a, str) and isinstance(b, str):
            same += weight * _alike(a, b)
        elif isinstance(a, Mapping) and isinstance(b, Mapping):
            same += weight * _likeness(a, b)
        elif a is not _ABSENT and b is not _ABSENT:
            same += weight * 0.3
    return same / whole if whole else 1.0


def _alike(a: str, b: str) -> float:
    matcher = difflib.SequenceMatcher(None, a.split(" "), b.split(" "), autojunk=False)
    if len(a) + len(b) > 20_000:
        return matcher.quick_ratio()
    # Words alone tell little of paths: their letters count for the rest.
    words = matcher.ratio()
    letters = difflib.SequenceMatcher(None, a[:500], b[:500], autojunk=False).quick_ratio()
    return 0.8 * words + 0.2 * letters if " " in a else letters


def _differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterable[Difference]:
    was, now = dict(_leaves(recorded)), dict(_leaves(asked))
    for path in sorted(was.keys() | now.keys()):
        if was.get(path, _ABSENT) == now.get(path, _ABSENT):
            continue
        if path == "sql":
            continue
        yield Difference(path, _shown(was.get(path, _ABSENT)), _shown(now.get(path, _ABSENT)))


def _leaves(value: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    return ((path, item) for path, item in paths_of(value) if not isinstance(item, (dict, list)) or not item)


def _shown(value: Any) -> str:
    return "" if value is _ABSENT else short(repr(value))


def _sql_diff(recorded: str, asked: str) -> Iterable[str]:
    if recorded == asked or not (recorded and asked):
        return []
    was, now = recorded.splitlines(), asked.splitlines()
    if len(was) > 1 or len(now) > 1:
        found = list(difflib.unified_diff(was, now, "recorded", "asked", n=1, lineterm=""))
        return found if len(found) <= 40 else [*found[:40], "…"]
    return [f"sql: {_words_diff(recorded, asked)}"]


def _words_diff(recorded: str, asked: str) -> str:
    """One line: ``SELECT [-name-] {+nome+} FROM t``."""
    was, now = recorded.split(), asked.split()
    shown: list[str] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        if what == "equal":
            kept = was[a:b]
            shown += kept if len(kept) <= 12 else [*kept[:5], "…", *kept[-5:]]
            continue
        if b > a:
            shown.append(f"[-{' '.join(was[a:b])}-]")
        if d > c:
            shown.append(f"{{+{' '.join(now[c:d])}+}}")
    return " ".join(shown)
