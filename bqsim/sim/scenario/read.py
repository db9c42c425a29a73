"""Reading a tree as a shape of the model: all that is wrong is collected, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any, TypeVar

from . import capacity_checks
from .checks import CHECKS
from .kinds import said
from .shapes import Choice, Free, Many, Plain, Record, Shape, Slot, Table
from .spelling import clip, nearest, unknown
from .tree import Leaf, Listing, Mapped, Node, Place, Problem, below

R = TypeVar("R")


class Wrong:
    """What stands for a value that could not be read."""


WRONG = Wrong()


class Reader:
    """Reads trees; ``problems`` grows, ``places`` are those of the records read and of their keys.

    ``finders`` look for what is wrong with records of classes that this package does not know.
    """

    def __init__(self, finders: Mapping[type, capacity_checks.Finder] | None = None) -> None:
        self.problems: list[Problem] = []
        self._finders = (finders,) if finders else ()
        self._places: dict[int, tuple[object, Place, dict[str, Node]]] = {}

    def place(self, record: object, *path: str) -> Place:
        """Where a record stands that was read, or its value of the first key of ``path`` that is written."""
        if id(record) not in self._places:
            return Place("")
        _, place, written = self._places[id(record)]
        return next((written[key].place for key in path if key in written), place)

    def records(self, model: type[R]) -> list[R]:
        """All records of a class that were read."""
        return [one for one, _, _ in self._places.values() if isinstance(one, model)]

    def read(self, shape: Shape, node: Node, outer: tuple[Record, ...] = ()) -> Any:
        """The value of ``node``, or :data:`WRONG`."""
        return _READERS[type(shape)](self, shape, node, outer)

    def wrong(self, place: Place, message: str) -> Wrong:
        self.problems.append(Problem(place, message))
        return WRONG

    def _plain(self, shape: Plain, node: Node, _outer: tuple[Record, ...]) -> Any:
        if not isinstance(node, Leaf):
            written = "a list" if isinstance(node, Listing) else "a mapping"
            return self.wrong(node.place, f"expected one {shape.kind.name}, not {written}")
        try:
            return shape.kind.read(node.value)
        except ValueError as error:
            return self.wrong(node.place, str(error))

    def _many(self, shape: Many, node: Node, outer: tuple[Record, ...]) -> Any:
        if isinstance(node, Listing):
            items = [self.read(shape.of, one, outer) for one in node.items]
        elif isinstance(shape.of, Plain) and isinstance(node, Leaf) and node.value is not None:
            items = [self.read(shape.of, node, outer)]
        else:
            hint = " whose entries begin with '-'" if not isinstance(shape.of, Plain) else ""
            return self.wrong(node.place, f"expected a list{hint}, not {_written(node)}")
        return WRONG if WRONG in items else tuple(items)

    def _table(self, shape: Table, node: Node, outer: tuple[Record, ...]) -> Any:
        if not isinstance(node, Mapped):
            return self.wrong(node.place, f"expected a mapping, not {_written(node)}")
        entries = self._entries(node)
        keys = [self.read(Plain(shape.key), _as_text(key), outer) for key, _ in entries]
        values = [self.read(shape.of, value, outer) for _, value in entries]
        return WRONG if WRONG in keys or WRONG in values else dict(zip(keys, values, strict=True))

    def _record(self, shape: Record, node: Node, outer: tuple[Record, ...]) -> Any:
        principal = shape.slots[shape.principal] if shape.principal else None
        if principal and _stands_for(shape, principal, node):
            values, written = {principal.name: self.read(principal.shape, node, outer)}, {principal.key: node}
            meant: set[str] = set()
        elif isinstance(node, Mapped):
            values, written, meant = self._values(shape, node, outer)
        else:
            return self.wrong(node.place, f"expected {_a(shape.noun)} as a mapping, not {_written(node)}")
        for slot in shape.slots.values():
            if slot.key not in written and slot.default is MISSING:
                values[slot.name] = WRONG
                if slot.key not in meant:
                    self.wrong(node.place, f"{_a(shape.noun)} needs '{slot.key}'")
        if WRONG in values.values():
            return WRONG
        return self._made(shape, values, node, written)

    def _made(self, shape: Record, values: dict[str, Any], node: Node, written: dict[str, Node]) -> Any:
        if "id" in shape.slots:
            values.setdefault("id", "")
            values["source"] = node.place.origin
        record = shape.type(**values)
        self._places[id(record)] = (record, node.place, written)
        for check in CHECKS.get(shape.type, ()):
            if check.broken(record):
                self.wrong(self.place(record, *check.keys), check.message)
        for path, message in capacity_checks.found(record, written, self._finders):
            self.wrong(below(node, path), message)
        return record

    def _values(
        self, shape: Record, node: Mapped, outer: tuple[Record, ...]
    ) -> tuple[dict[str, Any], dict[str, Node], set[str]]:
        """The values by field, what is written by key, and the keys that unknown ones seem to mean."""
        values: dict[str, Any] = {}
        meant: set[str] = set()
        written: dict[str, Node] = {}
        for key, value in self._entries(node):
            slot = shape.slots.get(str(key.value))
            if slot is None:
                message, instead = _unknown_key(shape, str(key.value), outer)
                values[f" {key.value}"] = self.wrong(key.place, message)
                meant.add(instead)
            elif slot.optional and isinstance(value, Leaf) and value.value is None:
                continue
            else:
                written[slot.key] = value
                values[slot.name] = self.read(slot.shape, value, (*outer, shape))
        return values, written, meant

    def _free(self, _shape: Free, node: Node, _outer: tuple[Record, ...]) -> Any:
        return node

    def _choice(self, shape: Choice, node: Node, outer: tuple[Record, ...]) -> Any:
        if isinstance(node, Leaf):
            return self._word(shape, node, outer)
        if not isinstance(node, Mapped):
            return self.wrong(node.place, f"expected {_a(shape.noun)}, not {_written(node)}")
        entries = self._entries(node)
        found = [(key, value) for key, value in entries if key.value in shape.members]
        if len(found) == 1 == len(entries):
            (key, value) = found[0]
            member = shape.members[str(key.value)]
            if isinstance(value, Leaf) and value.value is None and member.bare:
                value = Mapped(key.place)
            return self.read(member, value, outer)
        return self.wrong(*_wrong_choice(shape, node, entries, found))

    def _word(self, shape: Choice, node: Leaf, outer: tuple[Record, ...]) -> Any:
        member = shape.members.get(str(node.value))
        if member and member.bare:
            return self.read(member, Mapped(node.place), outer)
        if member:
            needed = next(slot.key for slot in member.slots.values() if slot.default is MISSING)
            return self.wrong(node.place, f"{_a(member.noun)} needs '{needed}'")
        near = isinstance(node.value, str) and nearest(node.value, shape.members)
        if shape.plain and not near:
            return self.read(shape.members[shape.plain], node, outer)
        if node.value is None:
            return self.wrong(node.place, f"expected {_a(shape.noun)}, not nothing")
        return self.wrong(node.place, unknown(shape.noun, node.value, tuple(shape.members)))

    def _entries(self, node: Mapped) -> list[tuple[Leaf, Node]]:
        first: dict[object, tuple[Leaf, Node]] = {}
        for key, value in node.entries:
            if key.value in first:
                line = first[key.value][0].place.line
                again = f"; it is on line {line} already" if line else ""
                self.wrong(key.place, f"the key '{clip(key.value)}' is written twice{again}")
            elif key.value == "<<":
                self.wrong(key.place, "merge keys '<<' are not used here; write the keys out")
            else:
                first[key.value] = (key, value)
        return list(first.values())


_READERS: dict[type, Callable[[Reader, Any, Node, tuple[Record, ...]], Any]] = {
    Plain: Reader._plain,
    Many: Reader._many,
    Table: Reader._table,
    Record: Reader._record,
    Choice: Reader._choice,
    Free: Reader._free,
}


def _stands_for(shape: Record, principal: Slot, node: Node) -> bool:
    """Whether ``node`` is written as the principal's value instead of as a mapping of keys."""
    if not isinstance(node, Mapped):
        many = isinstance(principal.shape, Many)
        return isinstance(node, Leaf) or many
    if any(key.value in shape.slots for key, _ in node.entries):
        return False
    inner = _kinds(principal.shape)
    if isinstance(principal.shape, Record):
        inner += tuple(principal.shape.slots)
    return any(nearest(str(key.value), [*shape.slots, *inner]) in inner for key, _ in node.entries)


def _kinds(shape: Shape) -> tuple[str, ...]:
    """The kinds that a value of this shape may be written by."""
    if isinstance(shape, Record) and shape.principal:
        return _kinds(shape.slots[shape.principal].shape)
    return tuple(shape.members) if isinstance(shape, Choice) else ()


def _unknown_key(shape: Record, name: str, outer: tuple[Record, ...]) -> tuple[str, str]:
    """What to say of a key, and the key that seems to be meant."""
    message = f"unknown key '{clip(name)}' of {_a(shape.noun)}"
    for slot in shape.slots.values():
        inner = slot.shape
        if (isinstance(inner, Record) and name in inner.slots) or name in _kinds(inner):
            return f"{message}; it belongs in '{slot.key}'", slot.key
    for around in reversed(outer):
        if name in around.slots:
            return f"{message}; it belongs to the {around.noun} around it", ""
    keys = tuple(shape.slots)
    return unknown("key", name, keys, _a(shape.noun)), nearest(name, keys) or ""


def _wrong_choice(
    shape: Choice, node: Mapped, entries: list[tuple[Leaf, Node]], found: list[tuple[Leaf, Node]]
) -> tuple[Place, str]:
    kinds = tuple(shape.members)
    if not entries:
        return node.place, f"expected {_a(shape.noun)}, not an empty mapping"
    if len(found) > 1:
        names = " and ".join(f"'{key.value}'" for key, _ in found)
        return found[1][0].place, f"{_a(shape.noun)} is of one kind, not of {names}"
    if not found:
        key = entries[0][0]
        return key.place, unknown(shape.noun, key.value, kinds)
    kind = found[0][0].value
    other = next(key for key, _ in entries if key.value != kind)
    member = shape.members[str(kind)]
    if other.value in member.slots:
        first = f"{member.principal}: …, " if member.principal else ""
        inside = f"{kind}: {{{first}{other.value}: …}}"
        return other.place, f"'{other.value}' belongs inside '{kind}': write {inside}"
    return other.place, unknown("key", other.value, tuple(member.slots), _a(member.noun))


def _as_text(key: Leaf) -> Leaf:
    """A key of the user's own: ``1`` and ``true`` are names as well."""
    return key if isinstance(key.value, str) or key.value is None else Leaf(key.place, said(key.value))


def _written(node: Node) -> str:
    if isinstance(node, Leaf):
        return said(node.value)
    return "a list" if isinstance(node, Listing) else "a mapping"


def _a(noun: str) -> str:
    if noun.endswith("s") and noun in ("limits", "quantiles", "insert_errors", "polls", "quotas"):
        return noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
