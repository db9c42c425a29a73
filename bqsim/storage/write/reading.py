"""Raw Arrow columns of a request as canonical rows: what readers of protocol buffers and of Arrow share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from bqsim.catalog.resources import Table
from bqsim.storage.errors import invalid_argument
from bqsim.storage.names import table_path
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import table_of, to_numpy

from .convert.matching import Matcher, Source
from .convert.nested import required
from .convert.scope import Converter, Scope

CHANGE_TYPE = Field("_CHANGE_TYPE", TypeKind.STRING)
SEQUENCE_NUMBER = Field("_CHANGE_SEQUENCE_NUMBER", TypeKind.STRING)
_PSEUDO = (CHANGE_TYPE, SEQUENCE_NUMBER)
_DELETE = "DELETE"

# Which rows have no value in a raw column; None when all have one.
MissingOf = Callable[[pa.Array, bool], Any]


@dataclass(frozen=True, slots=True)
class ReadRows:
    """The rows of a request.

    ``columns`` are canonical, one for each of ``fields``: the top-level fields of the table that the writer's
    schema has, in the table's order. ``missing`` has booleans by field name for fields that some rows have
    no value for. ``errors`` are (row, message), by row: with any, ``columns`` are of no use. ``change_types``
    and ``sequence_numbers`` are the values of ``_CHANGE_TYPE`` and ``_CHANGE_SEQUENCE_NUMBER`` when the
    writer's schema has them.
    """

    columns: pa.Table
    fields: tuple[Field, ...]
    missing: Mapping[str, Any]
    errors: tuple[tuple[int, str], ...]
    change_types: list[str | None] | None
    sequence_numbers: list[str | None] | None
    num_rows: int

    def required_errors(self, defaulted: Collection[str] = ()) -> tuple[tuple[int, str], ...]:
        """``errors`` with those of REQUIRED fields that have a default expression but are not ``defaulted``.

        Rows without a value for such a field are no errors in ``errors``: they are good when the request says
        that missing values of the field (by its name in the table) become its default.
        """
        found = dict(self.errors)
        for field in self.fields:
            if field.name in defaulted or not _may_default(field) or field.name not in self.missing:
                continue
            for row in np.flatnonzero(self.missing[field.name]):
                found.setdefault(int(row), f"{required(field.name)} on field {field.name}.")
        return tuple(sorted(found.items()))


class RowReader(Protocol):
    """Reads the rows of a writer's requests; ``fields`` are those of its rows. Thread-safe."""

    @property
    def fields(self) -> tuple[Field, ...]: ...

    def read(self, payload: Any) -> ReadRows:
        """The rows of a request; ``StorageFailure`` INVALID_ARGUMENT when they are none at all."""
        ...


def _may_default(field: Field) -> bool:
    return field.mode is Mode.REQUIRED and field.default is not None


@dataclass(frozen=True, slots=True)
class _Column:
    field: Field
    index: int
    convert: Converter
    repeated: bool


class Plan:
    """How the raw columns of a writer become rows of a table."""

    def __init__(self, table: Table, sources: Sequence[Source], label: str, missing_of: MissingOf) -> None:
        """Raises INVALID_ARGUMENT when the writer's schema does not fit the table."""
        matcher = Matcher(label)
        parts = matcher.parts((*table.fields, *_PSEUDO), sources)
        failure = matcher.failure(table_path(table.ref))
        if failure is not None:
            raise failure
        columns = [
            _Column(p.field, p.index, p.convert, p.field.mode is Mode.REPEATED)
            for p in parts
            if p.index is not None and p.convert is not None
        ]
        if not columns:
            raise invalid_argument(f"The {label} schema has no fields")
        self._pseudo = {c.field.name: c for c in columns if c.field in _PSEUDO}
        self._columns = [c for c in columns if c.field.name not in self._pseudo]
        self._missing_of = missing_of
        self._key = frozenset(name.casefold() for name in table.primary_key)
        self.fields = tuple(c.field for c in self._columns)

    def rows(self, raws: Sequence[pa.Array], num_rows: int, found: dict[int, str]) -> ReadRows:
        """The rows of raw columns; ``found`` has what is wrong with rows already."""
        scope = Scope(found)
        change_types = self._pseudo_values(CHANGE_TYPE, raws, scope)
        sequence_numbers = self._pseudo_values(SEQUENCE_NUMBER, raws, scope)
        missing: dict[str, Any] = {}
        columns = []
        for column in self._columns:
            raw = raws[column.index]
            converted = column.convert(raw, scope.at(column.field.name))
            columns.append(converted)
            absent = self._missing_of(raw, column.repeated)
            if absent is not None and absent.any():
                missing[column.field.name] = absent
            if column.field.mode is Mode.REQUIRED and converted.null_count:
                self._check_required(column.field, converted, change_types, scope)
        return ReadRows(
            columns=table_of(columns),
            fields=self.fields,
            missing=missing,
            errors=tuple(sorted(found.items())),
            change_types=change_types,
            sequence_numbers=sequence_numbers,
            num_rows=num_rows,
        )

    def _pseudo_values(self, field: Field, raws: Sequence[pa.Array], scope: Scope) -> list[str | None] | None:
        column = self._pseudo.get(field.name)
        if column is None:
            return None
        values: list[str | None] = column.convert(raws[column.index], scope.at(field.name)).to_pylist()
        return values

    def _check_required(
        self, field: Field, column: pa.Array, change_types: list[str | None] | None, scope: Scope
    ) -> None:
        """Tell the rows without a value; a deleted row needs no more than its key."""
        if _may_default(field):
            return
        bad = to_numpy(column.is_null(), True)
        if change_types is not None and field.name.casefold() not in self._key:
            bad = bad & np.array([c is None or c.upper() != _DELETE for c in change_types], bool)
        scope.at(field.name).fail(bad, lambda _: required(field.name))
