"""The written form of the model, taken from its fields: reading, writing and the schema follow from here."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Any

from .kinds import Kind


@dataclass(frozen=True, slots=True)
class Plain:
    """One plain value."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Many:
    """A list; ``[x]`` may be written ``x`` when x is a plain value."""

    of: Shape


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping whose keys are the user's."""

    key: Kind
    of: Shape


@dataclass(frozen=True, slots=True)
class Slot:
    """A field of a record: ``key`` is how it is written, ``name`` its field; ``default`` MISSING: needed."""

    key: str
    name: str
    shape: Shape
    default: Any
    optional: bool


@dataclass(frozen=True, slots=True)
class Record:
    """A class of the model; ``principal`` is the key whose value may stand for the whole."""

    type: type
    noun: str
    slots: Mapping[str, Slot]
    principal: str | None

    @property
    def bare(self) -> bool:
        """Whether nothing needs to be written."""
        return not any(slot.default is MISSING for slot in self.slots.values())


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several records by their kinds; ``plain`` names the one that a plain value means."""

    noun: str
    members: Mapping[str, Record]
    plain: str | None


@dataclass(frozen=True, slots=True)
class Free:
    """Anything: the tree itself is the value. ``schema`` is its JSON Schema."""

    schema: Mapping[str, Any]


Shape = Plain | Many | Table | Record | Choice | Free

# What the unions of the model are called in messages, by a member; others say it themselves (``union``).
_UNIONS = {"error": "effect", "fixed": "distribution", "immediate": "progression"}
_NOUNS = {
    "clock setup": "clock",
    "iam binding": "binding",
    "iam deny": "deny rule",
    "iam setup": "iam",
    "latency setup": "latency",
    "limit setup": "limits",
    "part": "part of a mixture",
    "quantile": "row of quantiles",
}


def record_of(model: type) -> Record:
    """The shape of a class of the model."""
    return _records(model)


@cache
def _records(model: Hashable) -> Record:
    assert isinstance(model, type)
    hints = typing.get_type_hints(model, include_extras=True)
    slots = [_slot(one, hints[one.name]) for one in fields(model) if one.name not in _unwritten(model)]
    # A class may have a field of that name, which is not its kind.
    kind = one if isinstance(one := getattr(model, "kind", None), str) else None
    words = re.sub(r"(?<=.)([A-Z])", r" \1", model.__name__).lower()
    by_name = {slot.name: slot.key for slot in slots}
    return Record(
        model,
        kind or _NOUNS.get(words, words),
        {slot.key: slot for slot in slots},
        by_name.get(getattr(model, "principal", "")),
    )


def _unwritten(model: type) -> set[str]:
    return {one.name for one in fields(model) if one.metadata.get("place")}


def _slot(one: Field[Any], hint: Any) -> Slot:
    shape = shape_of(hint)
    default = one.default
    if one.default_factory is not MISSING:
        default = one.default_factory()
    generated = one.metadata.get("generated")
    return Slot(_key(one.name, shape), one.name, shape, "" if generated else default, default is None)


def _key(name: str, shape: Shape) -> str:
    inner = shape.of if isinstance(shape, Many) else shape
    return name.removesuffix(inner.kind.suffix) if isinstance(inner, Plain) else name


def shape_of(hint: Any) -> Shape:
    """The shape of a field's annotation."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        kind = hint.__metadata__[0]
        return kind if isinstance(kind, Free) else Plain(kind)
    if origin in (types.UnionType, typing.Union):
        members = [one for one in arguments if one is not type(None)]
        return shape_of(members[0]) if len(members) == 1 else _choice(members)
    if origin is tuple:
        return Many(shape_of(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key = shape_of(arguments[0])
        assert isinstance(key, Plain)
        return Table(key.kind, shape_of(arguments[1]))
    return record_of(hint)


def _choice(members: list[Any]) -> Choice:
    # The parts of a mixture are distributions themselves, so members are found when they are used.
    found = _Members({one.kind: one for one in members})
    plain = [one.kind for one in members if getattr(one, "plain", False)]
    noun = next(filter(None, map(_union, members)))
    return Choice(noun, found, plain[0] if plain else None)


def _union(member: Any) -> str:
    named: str = getattr(member, "union", "")
    return _UNIONS.get(member.kind, named)


class _Members(Mapping[str, Record]):
    def __init__(self, types_by_kind: dict[str, type]) -> None:
        self._types = types_by_kind

    def __getitem__(self, kind: str) -> Record:
        return record_of(self._types[kind])

    def __iter__(self) -> typing.Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)
