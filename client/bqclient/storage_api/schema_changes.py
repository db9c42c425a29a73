"""What became of a table's schema between two moments, and whether work that began with the one can go on."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bqclient.models.schema import Field, Schema


class Compatibility(enum.IntEnum):
    """How two schemas go together; the larger, the worse."""

    IDENTICAL = 0
    COMPATIBLE = 1
    INCOMPATIBLE = 2


class Kind(enum.Enum):
    """What can happen to a column or a field of a STRUCT."""

    ADDED = "added"
    RENAMED = "renamed"
    MOVED = "moved"
    RELAXED = "relaxed"
    WIDENED = "widened"
    REMOVED = "removed"
    RETYPED = "retyped"
    REQUIRED = "required"
    REPEATED = "repeated"
    NARROWED = "narrowed"


# Who reads the columns that there were gets the same values after the first five; those of a renamed column
# are found by a name that differs in upper and lower case alone.
COMPATIBILITY: Mapping[Kind, Compatibility] = {
    Kind.ADDED: Compatibility.COMPATIBLE,
    Kind.RENAMED: Compatibility.COMPATIBLE,
    Kind.MOVED: Compatibility.COMPATIBLE,
    Kind.RELAXED: Compatibility.COMPATIBLE,
    Kind.WIDENED: Compatibility.COMPATIBLE,
    Kind.REMOVED: Compatibility.INCOMPATIBLE,
    Kind.RETYPED: Compatibility.INCOMPATIBLE,
    Kind.REQUIRED: Compatibility.INCOMPATIBLE,
    Kind.REPEATED: Compatibility.INCOMPATIBLE,
    Kind.NARROWED: Compatibility.INCOMPATIBLE,
}

# By the modes then and now; modes that are not here are the same.
_MODES: Mapping[tuple[str, str], Kind] = {
    ("REQUIRED", "NULLABLE"): Kind.RELAXED,
    ("NULLABLE", "REQUIRED"): Kind.REQUIRED,
    ("NULLABLE", "REPEATED"): Kind.REPEATED,
    ("REPEATED", "NULLABLE"): Kind.REPEATED,
    ("REQUIRED", "REPEATED"): Kind.REPEATED,
    ("REPEATED", "REQUIRED"): Kind.REPEATED,
}
# Digits of NUMERIC and BIGNUMERIC without parameters: before and behind the point.
_DIGITS: Mapping[str, tuple[int, int]] = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
_UNLIMITED = 1 << 62


@dataclass(frozen=True, slots=True)
class Change:
    """One change. ``path`` is ``a.b`` for a field of a STRUCT; ``then`` and ``now``: what it was and is."""

    path: str
    kind: Kind
    then: str = ""
    now: str = ""

    @property
    def compatibility(self) -> Compatibility:
        """What it means for work that goes on."""
        return COMPATIBILITY[self.kind]

    def __str__(self) -> str:
        told = " ".join(
            part for part in (self.then, "->" if self.then and self.now else "", self.now) if part
        )
        return f"{self.path} {self.kind.value}" + (f" ({told})" if told else "")


@dataclass(frozen=True)
class SchemaComparison:
    """All changes between two schemas."""

    changes: tuple[Change, ...]

    @cached_property
    def compatibility(self) -> Compatibility:
        """That of the worst change."""
        return max((change.compatibility for change in self.changes), default=Compatibility.IDENTICAL)

    @property
    def identical(self) -> bool:
        """Whether nothing that reading is about has changed."""
        return self.compatibility is Compatibility.IDENTICAL

    @property
    def breaking(self) -> tuple[Change, ...]:
        """The changes after which work cannot go on."""
        return tuple(c for c in self.changes if c.compatibility is Compatibility.INCOMPATIBLE)

    def __str__(self) -> str:
        return "; ".join(map(str, self.changes)) or "no changes"


def compare_schemas(then: Schema, now: Schema) -> SchemaComparison:
    """What changed from one schema to another. Descriptions, defaults and tags do not count."""
    return SchemaComparison(tuple(_fields(then, now, "")))


def _fields(then: Iterable[Field], now: Iterable[Field], path: str) -> Iterator[Change]:
    before = {field.name.casefold(): field for field in then}
    after = {field.name.casefold(): field for field in now}
    for key, old in before.items():
        where = path + old.name
        new = after.get(key)
        if new is None:
            yield Change(where, Kind.REMOVED, then=_type(old))
        else:
            yield from _field(old, new, where)
    kept = [key for key in after if key in before]
    if kept != [key for key in before if key in after]:
        yield Change(path.rstrip(".") or "columns", Kind.MOVED)
    for key, new in after.items():
        if key not in before:
            yield Change(path + new.name, Kind.ADDED, now=f"{new.mode} {_type(new)}")


def _field(old: Field, new: Field, where: str) -> Iterator[Change]:
    if old.name != new.name:
        yield Change(where, Kind.RENAMED, old.name, new.name)
    if (old.type, old.element) != (new.type, new.element):
        yield Change(where, Kind.RETYPED, _type(old), _type(new))
        return
    if (kind := _MODES.get((old.mode, new.mode))) is not None:
        yield Change(where, kind, old.mode, new.mode)
    room, more = _room(old), _room(new)
    if room != more:
        wider = all(b >= a for a, b in zip(room, more, strict=True))
        yield Change(where, Kind.WIDENED if wider else Kind.NARROWED, _type(old), _type(new))
    yield from _fields(old.fields, new.fields, f"{where}.")


def _room(field: Field) -> tuple[int, int, int]:
    """How long values may be, and their digits before and behind the point."""
    longest = _UNLIMITED if field.max_length is None else field.max_length
    if field.precision is None:
        return longest, *_DIGITS.get(field.type, (0, 0))
    scale = field.scale or 0
    return longest, field.precision - scale, scale


def _type(field: Field) -> str:
    if field.type == "RANGE" and field.element:
        return f"RANGE<{field.element}>"
    if field.precision is not None:
        scale = f", {field.scale}" if field.scale else ""
        return f"{field.type}({field.precision}{scale})"
    return field.type if field.max_length is None else f"{field.type}({field.max_length})"
