"""What two cassettes tell differently: requests, results, rows, statistics; times do not count."""

from __future__ import annotations

import difflib
import json
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bqsim.record.model import BLOB, Operation

from .cassette import Cassette
from .preview import compact
from .scanning import Entry
from .stretches import plain_rows

_MOST_ROWS = 10_000
_MOST_SHOWN = 5
# Operations whose requests are this much alike are one that has changed.
_ALIKE = 0.6
# A figure that differs by less than this is told as the same, however sure.
_LEAST_CHANGE = 0.10
_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Change:
    """An operation that differs: ``what`` is ``added``, ``removed`` or ``changed``; ``lines`` tell how."""

    what: str
    kind: str
    name: str
    title: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of one request in both cassettes: medians, their ratio, over how many samples, and whether
    that is a change: ``faster``, ``slower``, ``same``, or ``unsure`` with too few samples."""

    title: str
    figure: str
    before: float
    after: float
    samples: tuple[int, int]
    verdict: str

    @property
    def ratio(self) -> float:
        return self.after / self.before if self.before else math.inf


@dataclass(slots=True)
class Difference:
    """All that differs; ``measures`` are told and make no difference."""

    changes: list[Change] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    measures: list[Measured] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes or self.header)


def diff(first: Cassette, second: Cassette, *, measures: bool = False) -> Difference:
    """What differs from ``first`` to ``second``."""
    made = Difference(header=_header_lines(first, second))
    before = {entry.name: entry for entry in first.entries}
    after = {entry.name: entry for entry in second.entries}
    for name, entry in before.items():
        if name in after:
            old, new = first.operation(entry), second.operation(after[name])
            lines = operation_lines(old, new, first, second)
            if lines:
                made.changes.append(Change("changed", old.kind, name, title(old), tuple(lines)))
    gone = [first.operation(e) for name, e in before.items() if name not in after]
    come = [second.operation(e) for name, e in after.items() if name not in before]
    for old, new in _alike(gone, come):
        gone.remove(old)
        come.remove(new)
        lines = [f"is {new.name} now", *operation_lines(old, new, first, second)]
        made.changes.append(Change("changed", old.kind, old.name, title(old), tuple(lines)))
    made.changes += [Change("removed", o.kind, o.name, title(o)) for o in gone]
    made.changes += [Change("added", o.kind, o.name, title(o)) for o in come]
    if measures:
        made.measures = list(_measures(first, second))
    return made


def title(operation: Operation) -> str:
    """What an operation is about, in a few words."""
    request = operation.request
    if operation.kind == "query":
        return _short(" ".join(str(request.get("sql", "")).split()))
    if operation.kind in ("metadata", "object"):
        return _short(
            f"{str(request.get('method', '')).rpartition('bigquery.')[2]} {request.get('resource', '')}"
        )
    if "table" in request:
        return _short(str(request["table"]))
    if "verb" in request:
        return _short(f"{request['verb']} {request.get('target', '')}")
    configuration = request.get("configuration") or {}
    told = configuration.get(operation.kind, configuration) if isinstance(configuration, dict) else {}
    return _short(json.dumps(told, ensure_ascii=False))


def _short(text: str, size: int = 90) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


# --- one operation


def operation_lines(old: Operation, new: Operation, first: Cassette, second: Cassette) -> list[str]:
    """How an operation differs, in lines."""
    lines: list[str] = []
    if old.request.get("sql") != new.request.get("sql"):
        lines += _text_lines("sql", str(old.request.get("sql", "")), str(new.request.get("sql", "")))
    for part, a, b in (("request", old.request, new.request), ("result", old.result, new.result)):
        leave = {"rows", "sql"} if part == "request" else {"rows", "failures"}
        one = {name: item for name, item in a.items() if name not in leave}
        two = {name: item for name, item in b.items() if name not in leave}
        lines += [f"{part}.{line}" for line in json_lines(one, two)]
        lines += _row_lines(part, a.get("rows"), b.get("rows"), first, second)
    failed = len(old.result.get("failures") or ()), len(new.result.get("failures") or ())
    if failed[0] != failed[1]:
        lines.append(f"failures before the answer: {failed[0]} → {failed[1]}")
    if set(old.changes) != set(new.changes):
        lines.append(f"changes: {', '.join(old.changes) or 'none'} → {', '.join(new.changes) or 'none'}")
    return lines


def _text_lines(name: str, old: str, new: str) -> list[str]:
    told = difflib.unified_diff(old.split("\n"), new.split("\n"), lineterm="", n=1)
    return [f"{name}: {line}" for line in list(told)[2:] if not line.startswith("@@")]


def json_lines(old: Any, new: Any, path: str = "") -> list[str]:
    """How JSON differs, a line for each place."""
    if old == new:
        return []
    if isinstance(old, dict) and isinstance(new, dict) and BLOB not in old and BLOB not in new:
        lines = []
        for name in [*old, *(n for n in new if n not in old)]:
            below = f"{path}.{name}" if path else name
            if name not in new:
                lines.append(f"{below}: {_value(old[name])} → nothing")
            elif name not in old:
                lines.append(f"{below}: nothing → {_value(new[name])}")
            else:
                lines += json_lines(old[name], new[name], below)
        return lines
    if isinstance(old, list) and isinstance(new, list):
        if _named(old) and _named(new):
            return json_lines({i["name"]: i for i in old}, {i["name"]: i for i in new}, path)
        if len(old) == len(new):
            return [
                line
                for n, (a, b) in enumerate(zip(old, new, strict=True))
                for line in json_lines(a, b, f"{path}[{n}]")
            ]
        return [f"{path}: {len(old)} items → {len(new)}"]
    return [f"{path}: {_value(old)} → {_value(new)}{_by(old, new)}"]


def _named(items: list[Any]) -> bool:
    """Whether items are told apart by their names, as columns are."""
    names = [item.get("name") for item in items if isinstance(item, dict)]
    return bool(items) and len(names) == len(items) == len(set(map(str, names))) and None not in names


def _value(value: Any) -> str:
    if isinstance(value, dict) and BLOB in value:
        media = value.get("media") or "unknown media"
        return f"{value.get('size', '?')} bytes of {media} {str(value[BLOB])[:12]}"
    return _short(json.dumps(value, ensure_ascii=False), 120)


def _by(old: Any, new: Any) -> str:
    """How much a number has grown."""
    try:
        a, b = float(old), float(new)
    except (TypeError, ValueError):
        return ""
    if not a or isinstance(old, bool):
        return ""
    return f" ({(b - a) / abs(a):+.1%})"


def _row_lines(part: str, old: Any, new: Any, first: Cassette, second: Cassette) -> list[str]:
    if old == new or not isinstance(old or [], list) or not isinstance(new or [], list):
        return []
    counts = [sum(int(s.get("count", 0)) for s in rows or []) for rows in (old, new)]
    lines = []
    if counts[0] != counts[1]:
        lines.append(f"{part}.rows: {counts[0]:,} → {counts[1]:,}")
    formats = [sorted({str(s.get("format")) for s in rows or []}) for rows in (old, new)]
    if formats[0] != formats[1] and all(counts):
        return [*lines, f"{part}.rows: as {', '.join(formats[0])} → as {', '.join(formats[1])}"]
    a, b = (plain_rows(rows or [], c, _MOST_ROWS) for rows, c in ((old, first), (new, second)))
    differing = [n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y]
    if not differing:
        return lines
    if _bag(a) == _bag(b):
        return [*lines, f"{part}.rows: the same rows in another order"]
    lines.append(f"{part}.rows: {len(differing):,} of {max(len(a), len(b)):,} differ")
    for n in differing[:_MOST_SHOWN]:
        lines += [f"{part}.rows[{n}]: {_row(a[n])} → {_row(b[n])}"]
    return lines


def _bag(rows: list[Any]) -> list[str]:
    return sorted(map(_row, rows))


def _row(row: Any) -> str:
    return _short(compact(row), 100)


# --- operations whose requests have changed


def _alike(gone: list[Operation], come: list[Operation]) -> list[tuple[Operation, Operation]]:
    """Pairs of operations that are likely one, the most alike first."""
    pairs: list[tuple[float, int, Operation, Operation]] = []
    for old in gone[:200]:
        for new in come[:200]:
            if old.kind == new.kind and (ratio := _likeness(old, new)) >= _ALIKE:
                pairs.append((-ratio, len(pairs), old, new))
    made: list[tuple[Operation, Operation]] = []
    taken: set[str] = set()
    for _, _, old, new in sorted(pairs, key=lambda pair: pair[:2]):
        if not {f"-{old.name}", f"+{new.name}"} & taken:
            taken |= {f"-{old.name}", f"+{new.name}"}
            made.append((old, new))
    return made


def _likeness(old: Operation, new: Operation) -> float:
    a, b = _told(old), _told(new)
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.quick_ratio() >= _ALIKE else 0.0


def _told(operation: Operation) -> str:
    if operation.kind == "query":
        return str(operation.request.get("sql", ""))[:2000]
    return json.dumps({k: v for k, v in operation.request.items() if k != "rows"}, sort_keys=True)[:2000]


# --- the header, the measures


def _header_lines(first: Cassette, second: Cassette) -> list[str]:
    a, b = first.header, second.header
    lines = []
    for name in ("names", "redaction"):
        lines += [
            f"{name}{'.' if line[:1] not in ':' else ''}{line}"
            for line in json_lines(getattr(a, name), getattr(b, name))
        ]
    return lines


def _measures(first: Cassette, second: Cassette) -> Iterator[Measured]:
    """The figures of requests that both have, over all occurrences of a key."""
    keys = {entry.key: entry for entry in first.entries}
    others = {entry.key for entry in second.entries}
    for key, entry in keys.items():
        if key not in others:
            continue
        a, b = _samples(first, key), _samples(second, key)
        for figure in [name for name in a if name in b]:
            verdict = robust_verdict(a[figure], b[figure])
            yield Measured(
                title(first.operation(entry)),
                figure,
                statistics.median(a[figure]),
                statistics.median(b[figure]),
                (len(a[figure]), len(b[figure])),
                verdict,
            )


def _samples(cassette: Cassette, key: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for entry in _of(cassette, key):
        told = cassette.measures.get(entry.name, {})
        figures = dict(told.get("at") or {})
        figures.update({n: v for n, v in (told.get("values") or {}).items() if n.endswith(("Ms", "_ms"))})
        for name, value in figures.items():
            try:
                number = float(value)
            except (TypeError, ValueError):
                continue
            found.setdefault(name, []).append(number)
    return found


def _of(cassette: Cassette, key: str) -> list[Entry]:
    return [entry for entry in cassette.entries if entry.key == key]


def robust_verdict(before: list[float], after: list[float]) -> str:
    """Whether figures have changed: medians at least three deviations (MAD, as of a normal distribution) and
    a tenth apart; ``unsure`` with fewer than three samples of either."""
    if min(len(before), len(after)) < _SAMPLES:
        return "unsure"
    a, b = statistics.median(before), statistics.median(after)
    spread = [1.4826 * statistics.median(abs(x - m) for x in xs) for xs, m in ((before, a), (after, b))]
    apart = abs(b - a)
    if apart <= _LEAST_CHANGE * abs(a) or apart <= 3 * math.hypot(*spread):
        return "same"
    return "slower" if b > a else "faster"
