"""A writer's schema against a table's: which converter takes which raw column to which field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from bqsim.sql.statements.checks import out_of_range
from bqsim.storage.errors import StorageFailure, invalid_argument
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.api_schema import api_type
from bqsim.types.arrow import arrow_type

from .decimals import digits_check
from .nested import Part, range_of, record, repeated, then
from .scope import Converter
from .strings import length_check

EXTRA_FIELDS = "SCHEMA_MISMATCH_EXTRA_FIELDS"


@dataclass(frozen=True, slots=True)
class Source:
    """A field of a writer's schema.

    ``index`` is its place among the raw columns, or the raw children of its record. ``place`` and ``shown``
    are its full name and its type for messages. ``scalar`` gives what converts one value to a kind; None when
    nothing does. ``children`` are the fields of a record.
    """

    name: str
    index: int
    place: str
    shown: str
    repeated: bool
    scalar: Callable[[TypeKind], Converter | None]
    children: tuple[Source, ...] | None = None


@dataclass(slots=True)
class Matcher:
    """Matches sources to fields; ``label`` is what the writer's schema is made of: ``proto`` or ``arrow``."""

    label: str
    extra: list[str] = field(default_factory=list)
    wrong: list[StorageFailure] = field(default_factory=list)

    def parts(self, fields: Sequence[Field], sources: Sequence[Source], prefix: str = "") -> list[Part]:
        """A part for each of ``fields``; what does not fit goes to ``extra`` and ``wrong``."""
        given = self._by_name(sources, prefix)
        parts = []
        for target in fields:
            path = prefix + target.name
            source = given.pop(target.name.casefold(), None)
            if source is not None:
                parts.append(Part(target, path, source.index, self._column(target, source, path)))
                continue
            if prefix and target.mode is Mode.REQUIRED:
                self.wrong.append(
                    invalid_argument(f"The required field {path} is missing in the {self.label} schema")
                )
            parts.append(Part(target, path, None, None))
        self.extra.extend(f"{prefix}{name}".lower() for name in given)
        return parts

    def failure(self, entity: str) -> StorageFailure | None:
        """What is wrong with the writer's schema as a whole."""
        if self.extra:
            names = ",".join(self.extra)
            return invalid_argument(
                f"Input schema has more fields than BigQuery schema, extra fields: '{names}'",
                code=EXTRA_FIELDS,
                entity=entity,
            )
        return self.wrong[0] if self.wrong else None

    def _by_name(self, sources: Sequence[Source], prefix: str) -> dict[str, Source]:
        given: dict[str, Source] = {}
        for source in sources:
            if given.setdefault(source.name.casefold(), source) is not source:
                text = f"The {self.label} schema has more than one field named {prefix}{source.name}"
                self.wrong.append(invalid_argument(text))
        return given

    def _column(self, target: Field, source: Source, path: str) -> Converter | None:
        if source.repeated != (target.mode is Mode.REPEATED):
            return self._mismatch(target, source)
        value = self._value(target, source, path)
        if value is None:
            return None
        checks: list[Converter] = []
        if target.max_length is not None:
            checks.append(length_check(target, path))
        if target.precision is not None:
            checks.append(digits_check(target, path, out_of_range))
        value = then(value, *checks)
        return repeated(value, path) if source.repeated else value

    def _value(self, target: Field, source: Source, path: str) -> Converter | None:
        if target.kind is TypeKind.STRUCT:
            if source.children is None:
                return self._mismatch(target, source)
            return record(self.parts(target.fields, source.children, f"{path}."))
        if target.kind is TypeKind.RANGE:
            return self._range(target, source, path)
        return source.scalar(target.kind) or self._mismatch(target, source)

    def _range(self, target: Field, source: Source, path: str) -> Converter | None:
        if source.children is None:
            return self._mismatch(target, source)
        element = target.range_element or TypeKind.DATE
        given = self._by_name(source.children, f"{path}.")
        bounds: list[tuple[int, Converter] | None] = []
        for name in ("start", "end"):
            child = given.pop(name, None)
            if child is None:
                bounds.append(None)
                continue
            scalar = None if child.repeated else child.scalar(element)
            if scalar is None:
                return self._mismatch(Field(name, element), child)
            bounds.append((child.index, scalar))
        self.extra.extend(f"{path}.{name}".lower() for name in given)
        type_: pa.DataType = arrow_type(target.value_type)
        return range_of(type_, bounds[0], bounds[1])

    def _mismatch(self, target: Field, source: Source) -> Converter | None:
        """Note that values of ``source`` are not values of ``target``."""
        shown = f"repeated {source.shown}" if source.repeated else source.shown
        type_name = api_type(target.kind)
        wanted = f"REPEATED {type_name}" if target.mode is Mode.REPEATED else type_name
        self.wrong.append(
            invalid_argument(
                f"The {self.label} field mismatched with BigQuery field at {source.place}, "
                f"the {self.label} field type {shown}, BigQuery field type {wanted}"
            )
        )
        return None
