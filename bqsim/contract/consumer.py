"""Consumer contracts: what an application needs of the API, as a file.

::

    consumer: shop
    revision: "20260901"
    methods:
      bigquery.jobs.getQueryResults:
        fields:
          jobComplete: boolean
          rows[].f[].v: any
        errors: [notFound]
        tests: [tests/test_shop.py::test_orders]

Fields have the types that the API's schema had for them; ``errors`` are reasons of failures that the
application was told of; ``optional`` are fields that it asked for and never found. The check asks whether a
schema (bqsim's, another revision's) or a cassette still has all of it; a cassette needs no optional fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .api_schema import ApiSchema, default
from .errors import ContractError
from .usage import Usage

ANY = "any"


@dataclass(slots=True)
class Needs:
    """What is needed of one method: types by field."""

    fields: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Contract:
    """A consumer's needs by method."""

    consumer: str
    methods: dict[str, Needs] = field(default_factory=dict)
    revision: str = ""

    @classmethod
    def of(cls, usage: Usage, consumer: str, schema: ApiSchema | None = None) -> Contract:
        """The contract of what was read; fields that the schema does not have are asked for in vain, and left
        out."""
        known = schema or default()
        contract = cls(consumer, {}, known.revision)
        for method in sorted({*usage.fields, *usage.errors}):
            read = usage.fields.get(method, {})
            failed = usage.errors.get(method, {})
            types = {path: type_at(known, method, path) for path in sorted(read)}
            there = usage.found.get(method, set())
            needs = Needs(errors=sorted(failed))
            for path, type_ in types.items():
                if type_:
                    (needs.fields if path in there else needs.optional)[path] = type_
            tests = {test for places in (read, failed) for names in places.values() for test in names}
            needs.tests = sorted(tests)
            contract.methods[method] = needs
        return contract

    @classmethod
    def load(cls, path: str | Path) -> Contract:
        """The contract of a file. :class:`ContractError` tells what is wrong with it."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except OSError as error:
            raise ContractError(f"{path}: {error.strerror}") from None
        return cls.read(text, str(path), Path(path).stem)

    @classmethod
    def read(cls, text: str, path: str, consumer: str = "") -> Contract:
        """The contract of a file's text; ``path`` names it in errors, ``consumer`` it without a name of its
        own."""
        import yaml

        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ContractError(f"{path}: not YAML: {error}") from None
        if not isinstance(content, Mapping) or not isinstance(content.get("methods"), Mapping):
            raise ContractError(f"{path}: this is no consumer's contract; it has no methods")
        contract = cls(str(content.get("consumer") or consumer), {}, str(content.get("revision") or ""))
        for method, told in content["methods"].items():
            if not isinstance(told, Mapping):
                raise ContractError(f"{path}: {method}: a mapping is expected")
            contract.methods[str(method)] = Needs(
                _types(told.get("fields")),
                _types(told.get("optional")),
                [str(reason) for reason in told.get("errors") or ()],
                [str(test) for test in told.get("tests") or ()],
            )
        return contract

    def joined(self, other: Contract) -> Contract:
        """What both need: what one of them has found is not optional."""
        methods = {}
        for method in sorted({*self.methods, *other.methods}):
            parts = [c.methods[method] for c in (self, other) if method in c.methods]
            fields = {path: type_ for part in parts for path, type_ in part.fields.items()}
            optional = {path: type_ for part in parts for path, type_ in part.optional.items()}
            methods[method] = Needs(
                dict(sorted(fields.items())),
                {path: type_ for path, type_ in sorted(optional.items()) if path not in fields},
                sorted({reason for part in parts for reason in part.errors}),
                sorted({test for part in parts for test in part.tests}),
            )
        return Contract(self.consumer, methods, self.revision or other.revision)

    def text(self) -> str:
        """The file."""
        import yaml

        names = ("fields", "optional", "errors", "tests")
        methods = {
            method: {name: value for name in names if (value := getattr(needs, name))}
            for method, needs in self.methods.items()
        }
        content = {"consumer": self.consumer, "revision": self.revision, "methods": methods}
        told: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=110)
        return told

    def broken_by(self, schema: ApiSchema) -> list[str]:
        """What of the contract a schema does not have, in words."""
        out = []
        for method, needs in self.methods.items():
            if method not in schema.methods:
                out.append(f"{method}: the API has no such method")
                continue
            for path, type_ in (needs.fields | needs.optional).items():
                found = type_at(schema, method, path)
                if found is None:
                    out.append(f"{method}: {path} is gone")
                elif ANY not in (type_, found) and found != type_:
                    out.append(f"{method}: {path} is {found}, not {type_}")
        return out

    def broken_by_answers(
        self, answers: Mapping[str, list[Any]], reasons: Mapping[str, set[str]]
    ) -> list[str]:
        """What of the contract no answer has: bodies and reasons of failures by method."""
        out = []
        for method, needs in self.methods.items():
            bodies = answers.get(method, [])
            if not bodies and needs.fields:
                out.append(f"{method}: there is no answer of it")
                continue
            out += [f"{method}: no answer has {path}" for path in needs.fields if not _any_has(bodies, path)]
            told = reasons.get(method, set())
            out += [f"{method}: nothing failed for {reason}" for reason in needs.errors if reason not in told]
        return out


def _types(told: Any) -> dict[str, str]:
    """Fields with their types; of a list, with any."""
    if isinstance(told, Mapping):
        return {str(name): str(type_) for name, type_ in told.items()}
    return {str(name): ANY for name in told or ()}


_PART = re.compile(r"([^.\[\]]+)|(\[\])")


def parts_of(path: str) -> list[str]:
    """The members of a path; ``[]`` for the items of a list."""
    return [name or items for name, items in _PART.findall(path)]


def type_at(schema: ApiSchema, method: str, path: str) -> str | None:
    """The type of a field of a method's answers; None when there is none."""
    steps = [shape for _, shape in walk(schema, method, path)]
    found = steps[-1] if steps else None
    if found is None:
        return None
    if found is _FREE:
        return ANY
    kind = str(found.get("type", "object"))
    return f"{kind} ({found['format']})" if found.get("format") else kind


_FREE: Mapping[str, Any] = {"type": ANY}


def walk(schema: ApiSchema, method: str, path: str) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """The properties on the way to a field, as ``Schema.property`` with its shape; None at the end when there
    is none."""
    known = schema.methods.get(method, {}).get("response", {}).get("$ref")
    shape: Mapping[str, Any] | None = schema.schemas.get(known) if known else None
    owner = known or ""
    for part in parts_of(path):
        if shape is None or shape is _FREE:
            break
        if part == "[]":
            shape = shape.get("items") if shape.get("type") == "array" else None
            place = ""
        else:
            place = f"{owner}.{part}"
            shape = shape.get("properties", {}).get(part) or shape.get("additionalProperties")
        if shape is not None and "$ref" in shape:
            owner = shape["$ref"]
            shape = schema.schemas.get(owner)
        if shape is not None and shape.get("type") == ANY:
            shape = _FREE
        yield place, shape
    else:
        return
    if shape is None:
        yield "", None


def _any_has(bodies: list[Any], path: str) -> bool:
    parts = parts_of(path)
    return any(_has(body, parts) for body in bodies)


def _has(value: Any, parts: list[str]) -> bool:
    if not parts:
        return True
    # A symbol stands for any value of its place.
    if isinstance(value, str) and "${" in value:
        return True
    if parts[0] == "[]":
        return isinstance(value, list) and any(_has(item, parts[1:]) for item in value)
    return isinstance(value, Mapping) and parts[0] in value and _has(value[parts[0]], parts[1:])
