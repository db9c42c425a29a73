"""Several cassettes as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bqsim.record.model import Operation

from .cassette import Cassette
from .editing import changes_of, move, renamed
from .errors import CassetteError
from .header import FILE, Header
from .text import operation_text
from .writer import CassetteWriter

FAIL, FIRST, LAST, BOTH = "fail", "first", "last", "both"
CONFLICTS = (FAIL, FIRST, LAST, BOTH)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two cassettes tell different things: of ``what`` (an operation, or a member of the header)."""

    what: str
    first: str
    second: str
    detail: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = "".join(f"\n    {line}" for line in self.detail)
        return f"{self.what}: {self.first} and {self.second} differ{lines}"


class MergeError(ValueError):
    """Cassettes that cannot be merged; ``conflicts`` are all that stand against it."""

    def __init__(self, conflicts: Sequence[Conflict]) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__("\n".join(map(str, conflicts)))


def merge(cassettes: Sequence[Cassette], target: str | Path, *, conflicts: str = FAIL) -> Cassette:
    """One cassette of many: the same operation is kept once, others follow in the order of the cassettes.

    Two operations of one name that differ are a conflict: ``fail`` raises :class:`MergeError` with all of
    them, ``first`` and ``last`` keep those of the first or last cassette, ``both`` keeps both, the later one
    as a further occurrence. Changes of a later cassette count as done after those of the earlier ones.
    """
    place = Path(target)
    if (place / FILE).exists():
        raise CassetteError(place, "there is a cassette already", "Choose another folder")
    header, wrong = _headers(cassettes)
    if wrong:
        raise MergeError(wrong)
    merged = _Merged(conflicts)
    for cassette in cassettes:
        merged.add(cassette)
    if conflicts == FAIL and merged.conflicts:
        raise MergeError(merged.conflicts)
    writer = CassetteWriter(place)
    for operation, cassette in merged.operations.values():
        move(operation, cassette.blobs, writer.blobs)
    writer.write(header, [operation for operation, _ in merged.operations.values()])
    return Cassette.open(place)


class _Merged:
    def __init__(self, conflicts: str) -> None:
        self.mode = conflicts
        self.conflicts: list[Conflict] = []
        self.operations: dict[str, tuple[Operation, Cassette]] = {}
        self._last: Counter[str] = Counter()

    def add(self, cassette: Cassette) -> None:
        operations = list(cassette.operations())
        before = changes_of(operation for operation, _ in self.operations.values())
        same = [o for o in operations if o.name in self.operations and _same(o, self.operations[o.name][0])]
        shared = changes_of(same)
        names: dict[str, str] = {}
        added = []
        known = {one.name for one in same}
        for operation in operations:
            if operation.name in known:
                continue
            if operation.name in self.operations and self.mode != BOTH:
                self._conflict(operation, cassette)
                continue
            added.append(operation)
        for operation in sorted(added, key=lambda o: o.occurrence):
            self._last[operation.key] += 1
            names[operation.name] = f"{operation.key}.{self._last[operation.key]}"
        for operation in added:
            occurrence = int(names[operation.name].rpartition(".")[2])
            order = {r: n + before[r] - shared[r] for r, n in operation.order.items()}
            made = replace(renamed(operation, occurrence, names), order=order)
            self.operations[made.name] = made, cassette

    def _conflict(self, operation: Operation, cassette: Cassette) -> None:
        from .differing import operation_lines

        there, first = self.operations[operation.name]
        if self.mode == LAST:
            # In its place: what others have of it stays right.
            self.operations[operation.name] = replace(operation, order=there.order), cassette
        elif self.mode == FAIL:
            detail = tuple(operation_lines(there, operation, first, cassette)[:8])
            title = f"operation {operation.kind} {operation.name}"
            self.conflicts.append(Conflict(title, str(first.folder), str(cassette.folder), detail))


def _same(a: Operation, b: Operation) -> bool:
    """Whether two operations tell the same; their place among changes does not count."""
    return operation_text(replace(a, order={})) == operation_text(replace(b, order={}))


def _headers(cassettes: Sequence[Cassette]) -> tuple[Header, list[Conflict]]:
    """One header: the oldest day, all clients, all names; and what stands against it."""
    wrong: list[Conflict] = []
    first = cassettes[0]
    made = replace(first.header)
    for other in cassettes[1:]:
        header = other.header
        for name in sorted(made.names.keys() & header.names.keys()):
            if made.names[name] != header.names[name]:
                told = (f"{made.names[name]!r} and {header.names[name]!r}",)
                wrong.append(Conflict(f"name {name}", str(first.folder), str(other.folder), told))
        if made.redaction != header.redaction and made.redaction and header.redaction:
            told = ("rows that one has hashed or dropped may be whole in the other",)
            wrong.append(Conflict("rules of redaction", str(first.folder), str(other.folder), told))
        days = [day for day in (made.recorded, header.recorded) if day]
        made.recorded = min(days, default="")
        made.clients = sorted({*made.clients, *header.clients})
        made.names = {**header.names, **made.names}
        made.redaction = made.redaction or header.redaction
        revisions = [r for r in (made.api_revision, header.api_revision) if r]
        made.api_revision = min(revisions, default="")
    return made, wrong
