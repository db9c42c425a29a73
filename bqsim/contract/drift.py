"""Two revisions of the API compared: what went, what became something else, and whom it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .api_schema import ApiSchema
from .consumer import Contract, walk

REMOVED, CHANGED, ADDED, DEPRECATED = "removed", "changed", "added", "deprecated"
BREAKING = (REMOVED, CHANGED)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of ``what``: a method (``bigquery.jobs.get``), a parameter of one (``bigquery.jobs.get?view``)
    or a property (``Job.status``)."""

    kind: str
    what: str
    old: str = ""
    new: str = ""

    @property
    def breaking(self) -> bool:
        """Whether applications that rely on it break."""
        return self.kind in BREAKING

    def __str__(self) -> str:
        told = f": {self.old} became {self.new}" if self.kind == CHANGED else f": {self.new or self.old}"
        return f"{self.kind} {self.what}{told if self.old or self.new else ''}"


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change means for a consumer: ``need`` is the method and field that it reads."""

    consumer: str
    need: str
    change: Change
    tests: tuple[str, ...] = ()


def changes(old: ApiSchema, new: ApiSchema) -> list[Change]:
    """All changes from one revision to another."""
    found = [*_methods(old, new), *_schemas(old, new)]
    return sorted(found, key=lambda change: (not change.breaking, change.what, change.kind))


def touched(found: Sequence[Change], contracts: Sequence[Contract], old: ApiSchema) -> list[Touched]:
    """Whom changes touch: the needs of contracts that name what changed."""
    by_what: dict[str, list[Change]] = {}
    for change in found:
        if change.kind != ADDED:
            by_what.setdefault(change.what.partition("?")[0], []).append(change)
    out = []
    for contract in contracts:
        for method, needs in contract.methods.items():
            tests = tuple(needs.tests)
            for change in by_what.get(method, ()):
                out.append(Touched(contract.consumer, method, change, tests))
            for path in (*needs.fields, *needs.optional):
                for place, _ in walk(old, method, path):
                    for change in by_what.get(place, ()):
                        out.append(Touched(contract.consumer, f"{method} {path}", change, tests))
    return out


def _methods(old: ApiSchema, new: ApiSchema) -> Iterator[Change]:
    for name, method in old.methods.items():
        other = new.methods.get(name)
        if other is None:
            yield Change(REMOVED, name)
            continue
        for member in ("httpMethod", "flatPath", "request", "response"):
            one, two = _told(method.get(member)), _told(other.get(member))
            if one != two:
                yield Change(CHANGED, name, f"{member} {one or 'none'}", two or "none")
        yield from _parameters(name, method.get("parameters", {}), other.get("parameters", {}))
    for name in new.methods:
        if name not in old.methods:
            yield Change(ADDED, name)


def _parameters(method: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name, one in old.items():
        what = f"{method}?{name}"
        if name not in new:
            yield Change(REMOVED, what)
        else:
            yield from _shape(what, one, new[name])
            if new[name].get("required") and not one.get("required"):
                yield Change(CHANGED, what, "optional", "required")
    for name, two in new.items():
        if name not in old:
            # What must be told now was not told by those who knew nothing of it.
            kind = CHANGED if two.get("required") else ADDED
            yield Change(kind, f"{method}?{name}", "absent" if kind == CHANGED else "", _type(two))


def _schemas(old: ApiSchema, new: ApiSchema) -> Iterator[Change]:
    for name, schema in old.schemas.items():
        other = new.schemas.get(name)
        if other is None:
            yield Change(REMOVED, name)
            for member in schema.get("properties", {}):
                yield Change(REMOVED, f"{name}.{member}")
            continue
        properties, others = schema.get("properties", {}), other.get("properties", {})
        for member, one in properties.items():
            what = f"{name}.{member}"
            if member not in others:
                yield Change(REMOVED, what, _type(one))
            else:
                yield from _shape(what, one, others[member])
        for member, two in others.items():
            if member not in properties:
                yield Change(ADDED, f"{name}.{member}", "", _type(two))
    for name in new.schemas:
        if name not in old.schemas:
            yield Change(ADDED, name)


def _shape(what: str, one: Mapping[str, Any], two: Mapping[str, Any]) -> Iterator[Change]:
    if _type(one) != _type(two):
        yield Change(CHANGED, what, _type(one), _type(two))
    before, after = set(one.get("enum", ())), set(two.get("enum", ()))
    if before - after and after:
        yield Change(CHANGED, what, f"values {', '.join(sorted(before))}", ", ".join(sorted(after)))
    elif after - before and before:
        yield Change(ADDED, what, "", f"values {', '.join(sorted(after - before))}")
    if two.get("deprecated") and not one.get("deprecated"):
        yield Change(DEPRECATED, what)


def _type(shape: Mapping[str, Any]) -> str:
    if "$ref" in shape:
        return str(shape["$ref"])
    kind = str(shape.get("type", "any"))
    if kind == "array":
        return f"list of {_type(shape.get('items', {}))}"
    if kind == "object" and "additionalProperties" in shape:
        return f"map of {_type(shape['additionalProperties'])}"
    return f"{kind} ({shape['format']})" if shape.get("format") else kind


def _told(value: Any) -> str:
    return str(value.get("$ref", "")) if isinstance(value, Mapping) else str(value or "")
