"""Writing the model back: the plain form that reading it gives again, short where it can be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from . import model
from .shapes import Choice, Many, Plain, Record, Shape, Table, record_of


def to_dict(record: Any) -> dict[str, Any]:
    """A scenario, a rule or any other record of the model as a JSON object."""
    return _keys(record_of(type(record)), record)


def written(shape: Shape, value: Any) -> Any:
    """A value of ``shape`` as JSON."""
    return _WRITERS[type(shape)](shape, value)


def rule_id(rule: model.Rule) -> str:
    """An id made of what the rule says, so that other rules before it do not change it."""
    said = {key: value for key, value in to_dict(rule).items() if key != "id"}
    digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=4).hexdigest()
    return f"{rule.effect.kind}-{digest}"


def _keys(shape: Record, record: Any) -> dict[str, Any]:
    values = {slot.key: (slot, getattr(record, slot.name)) for slot in shape.slots.values()}
    return {
        key: written(slot.shape, value)
        for key, (slot, value) in values.items()
        if value is not None and value != slot.default
    }


def _record(shape: Record, record: Any) -> Any:
    keys = _keys(shape, record)
    return keys[shape.principal] if shape.principal and [*keys] == [shape.principal] else keys


def _choice(shape: Choice, value: Any) -> Any:
    return {value.kind: _record(shape.members[value.kind], value)}


_WRITERS: Mapping[type, Callable[[Any, Any], Any]] = {
    Plain: lambda shape, value: shape.kind.write(value),
    Many: lambda shape, value: [written(shape.of, one) for one in value],
    Table: lambda shape, value: {key: written(shape.of, one) for key, one in value.items()},
    Record: _record,
    Choice: _choice,
}
