"""The JSON Schema (draft 2020-12) of scenario files, for editors; made of the same tables that read them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING
from typing import Any

from .dump import written
from .model import Scenario
from .shapes import Choice, Free, Many, Plain, Record, Shape, Table, record_of

Schema = dict[str, Any]


def json_schema(model: type = Scenario, title: str = "bqsim scenario") -> Schema:
    """The schema of a scenario file, or of another kind of file that is read as a ``model``."""
    publisher = _Publisher()
    root = publisher.schema(record_of(model))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **root,
        "$defs": dict(sorted(publisher.definitions.items())),
    }


class _Publisher:
    """Each record and each union becomes one definition, so that nested ones can refer to themselves."""

    def __init__(self) -> None:
        self.definitions: dict[str, Schema] = {}

    def schema(self, shape: Shape) -> Schema:
        return _PUBLISHERS[type(shape)](self, shape)

    def plain(self, shape: Plain) -> Schema:
        return shape.kind.schema

    def free(self, shape: Free) -> Schema:
        return dict(shape.schema)

    def many(self, shape: Many) -> Schema:
        one = self.schema(shape.of)
        listed: Schema = {"type": "array", "items": one}
        return _any_of([one, listed]) if isinstance(shape.of, Plain) else listed

    def table(self, shape: Table) -> Schema:
        return {"type": "object", "additionalProperties": self.schema(shape.of)}

    def record(self, shape: Record) -> Schema:
        name = shape.type.__name__
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._record(shape)
        return {"$ref": f"#/$defs/{name}"}

    def choice(self, shape: Choice) -> Schema:
        if shape.noun not in self.definitions:
            self.definitions[shape.noun] = {}
            self.definitions[shape.noun] = self._choice(shape)
        return {"$ref": f"#/$defs/{shape.noun}"}

    def _record(self, shape: Record) -> Schema:
        keys: Schema = {"type": "object", "description": _first_sentence(shape.type)}
        keys["properties"] = {slot.key: self._slot(slot.shape, slot.default) for slot in shape.slots.values()}
        keys["additionalProperties"] = False
        needed = [slot.key for slot in shape.slots.values() if slot.default is MISSING]
        if needed:
            keys["required"] = needed
        if shape.principal is None:
            return keys
        return _any_of([self.schema(shape.slots[shape.principal].shape), keys])

    def _slot(self, shape: Shape, default: Any) -> Schema:
        found = self.schema(shape)
        if default is None:
            return _any_of([found, {"type": "null"}])
        if isinstance(shape, Plain) and default is not MISSING and default != "":
            return {**found, "default": written(shape, default)}
        return found

    def _choice(self, shape: Choice) -> Schema:
        properties = {kind: self._member(one) for kind, one in shape.members.items()}
        single: Schema = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        bare = [kind for kind, one in shape.members.items() if one.bare]
        found = [single, *([{"enum": bare}] if bare else [])]
        if shape.plain:
            member = shape.members[shape.plain]
            found.append(self.schema(member.slots[member.principal or ""].shape))
        return _any_of(found)

    def _member(self, member: Record) -> Schema:
        found = self.schema(member)
        return _any_of([found, {"type": "null"}]) if member.bare else found


def _any_of(schemas: list[Schema]) -> Schema:
    """The schemas as alternatives, those of a nested ``anyOf`` among them."""
    flat: list[Schema] = []
    for one in schemas:
        flat += one["anyOf"] if one.keys() == {"anyOf"} else [one]
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def _first_sentence(model: type) -> str:
    text = " ".join((inspect.getdoc(model) or "").split("\n\n")[0].split())
    return "" if text.startswith(f"{model.__name__}(") else text.replace("``", "'")


_PUBLISHERS: Mapping[type, Callable[[_Publisher, Any], Schema]] = {
    Plain: _Publisher.plain,
    Many: _Publisher.many,
    Table: _Publisher.table,
    Record: _Publisher.record,
    Choice: _Publisher.choice,
    Free: _Publisher.free,
}
