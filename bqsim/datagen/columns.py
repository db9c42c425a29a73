"""A column of a table as a stream of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.errors import BigQueryError
from bqsim.sim.scenario.spelling import unknown
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.arrow import arrow_type, compute, from_numpy
from bqsim.types.values import array_of_values, parse_cell

from .chance import MAX_SKEWED, Choice, check_size, draw_lengths, stream
from .checks import check, sources
from .guesses import guess
from .numbers import number_source, step_source, time_source
from .providers import provided
from .render import alphabets_of, boolean, document, fixed_text, interval, octets, point
from .sources import Pool, Shuffled, Source, pick
from .spec import ColumnSpec, Lengths, SpecError

_SKEWED = 1000


class Column(Protocol):
    """Values of a field, from the first row on."""

    def take(self, count: int) -> Any:
        """The values of the next ``count`` rows."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What a column is generated in: ``parent`` gives the values of a ``table.column``, ``key`` is its place
    in the table."""

    seed: int
    table: str
    rows: int | None
    locale: str
    null_share: float
    parent: Callable[[str, str, str, Field, bool], Any]
    key: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return ".".join((self.table, *self.key) if self.table else self.key)

    def chance(self, purpose: str) -> np.random.Generator:
        return stream(self.seed, self.table, *(k.casefold() for k in self.key), purpose)


def column_of(field: Field, spec: ColumnSpec | None, setting: Setting) -> Column:
    """The stream of a field. Raises :class:`SpecError` when ``spec`` cannot be followed."""
    setting = replace(setting, key=(*setting.key, field.name))
    if spec is not None:
        check(field, spec, setting.path)
    if field.mode is Mode.REPEATED:
        return _Lists(field, spec, setting)
    if field.kind is TypeKind.STRUCT:
        return _Structs(field, spec or ColumnSpec(), setting)
    return _Values(field, spec, setting)


def fields_by_spec(
    fields: tuple[Field, ...], specs: Mapping[str, ColumnSpec], path: str
) -> list[tuple[Field, ColumnSpec | None]]:
    """Each field with what is said of it; a name that is not of the schema raises :class:`SpecError`."""
    known = {f.name.casefold(): f for f in fields}
    for name in specs:
        if name.casefold() not in known:
            raise SpecError(path, unknown("column", name, [f.name for f in fields]))
    given = {name.casefold(): spec for name, spec in specs.items()}
    return [(f, given.get(f.name.casefold())) for f in fields]


class _Nulls:
    """Which values are NULL."""

    def __init__(self, field: Field, share: float | None, setting: Setting, key: bool) -> None:
        plain = field.mode is Mode.NULLABLE and not key
        self._share = share if share is not None else setting.null_share if plain else 0.0
        self._rng = setting.chance("null")

    def draw(self, count: int) -> Any:
        """Whether each value is there; None when all are."""
        valid = self._rng.random(count) >= self._share if self._share else None
        return None if valid is None or valid.all() else valid


class _Values:
    """A scalar field."""

    def __init__(self, field: Field, spec: ColumnSpec | None, setting: Setting) -> None:
        given = spec or ColumnSpec()
        if not sources(given):
            given = _with_guess(field, given)
        self._required = field.mode is Mode.REQUIRED
        self._path, self._type = setting.path, arrow_type(field.value_type)
        self._source = source_of(field, given, setting)
        shared = replace(setting, key=("relation", given.relation)) if given.relation else setting
        self._rng = shared.chance("value")
        by_row = given.unique or given.sequence is not None
        self._next: int | None = 0 if by_row else None
        self._choice = None if by_row else _choice(given, self._source, setting.path)
        if by_row and setting.rows is not None:
            check_size(setting.path, setting.rows, self._source.size)
        self._nulls = _Nulls(field, given.null_share, shared, by_row)

    def take(self, count: int) -> Any:
        array = self._some(count)
        valid = self._nulls.draw(count)
        return array if valid is None else with_nulls(array, valid)

    def _some(self, count: int) -> Any:
        if self._next is not None:
            ordinals = np.arange(self._next, self._next + count)
            self._next += count
            return pick(self._source, self._path, ordinals)
        if self._choice is not None:
            return pick(self._source, self._path, self._choice.draw(self._rng, count))
        if self._source.size == 0:
            if count and self._required:
                raise SpecError(self._path, "refers to a column without values")
            return pa.nulls(count, self._type)
        return self._source.draw(self._rng, count)


class _Structs:
    """A STRUCT field."""

    def __init__(self, field: Field, spec: ColumnSpec, setting: Setting) -> None:
        self._target = arrow_type(field.value_type)
        self._parts = [
            column_of(f, s, setting) for f, s in fields_by_spec(field.fields, spec.fields, setting.path)
        ]
        self._nulls = _Nulls(field, spec.null_share, setting, False)

    def take(self, count: int) -> Any:
        children = [part.take(count) for part in self._parts]
        valid = self._nulls.draw(count)
        mask = None if valid is None else from_numpy(~valid)
        return pa.StructArray.from_arrays(children, fields=list(self._target), mask=mask)


class _Lists:
    """A REPEATED field."""

    def __init__(self, field: Field, spec: ColumnSpec | None, setting: Setting) -> None:
        self._target = arrow_type(field.type)
        self._lengths = (spec and spec.length) or Lengths()
        self._rng = setting.chance("length")
        element = replace(field, mode=Mode.REQUIRED)
        spec = replace(spec, length=None) if spec else None
        inner = replace(setting, key=setting.key[:-1], rows=None)
        self._items = column_of(element, spec, inner)

    def take(self, count: int) -> Any:
        offsets = np.zeros(count + 1, np.int32)
        np.cumsum(draw_lengths(self._rng, self._lengths, count), out=offsets[1:])
        items = self._items.take(int(offsets[-1]))
        return pa.Array.from_buffers(self._target, count, [None, pa.py_buffer(offsets)], 0, 0, [items])


def with_nulls(array: Any, valid: Any) -> Any:
    """The array with NULL where ``valid`` is False."""
    if pa.types.is_struct(array.type):
        children = [array.field(i) for i in range(array.type.num_fields)]
        return pa.StructArray.from_arrays(children, fields=list(array.type), mask=from_numpy(~valid))
    if array.null_count or array.offset or pa.types.is_string(array.type) or pa.types.is_binary(array.type):
        return compute(pc.if_else, from_numpy(valid), array, pa.nulls(1, array.type)[0])
    bits = pa.py_buffer(np.packbits(valid, bitorder="little"))
    missing = int(len(valid) - np.count_nonzero(valid))
    return pa.Array.from_buffers(array.type, len(array), [bits, *array.buffers()[1:]], missing)


def _with_guess(field: Field, spec: ColumnSpec) -> ColumnSpec:
    """What is not said of a source of values, guessed from the column's name."""
    guessed = guess(field)
    sequence = guessed.sequence if not (spec.distinct or spec.skew or spec.unique) else None
    return replace(
        spec,
        provider=guessed.provider,
        sequence=sequence,
        distribution=guessed.distribution,
        low=guessed.low,
        high=guessed.high,
        decimals=guessed.decimals,
    )


def _choice(spec: ColumnSpec, source: Source, path: str) -> Choice | None:
    """How values are repeated, when that is said."""
    if spec.distinct is None and not spec.skew:
        return None
    distinct = spec.distinct
    if distinct is None:
        whole = spec.references or spec.values
        distinct = source.size if whole else min(source.size, _SKEWED)
    check_size(path, distinct, source.size)
    if spec.skew and distinct > MAX_SKEWED:
        raise SpecError(path, f"a skew is over at most {MAX_SKEWED} different values, not {distinct}")
    return Choice(distinct, spec.skew) if distinct else None


def source_of(field: Field, spec: ColumnSpec, setting: Setting) -> Source:
    """Where the values of a scalar field come from."""
    path, order = setting.path, setting.chance("pool")
    if spec.references:
        table, _, column = spec.references.partition(".")
        shared = replace(setting, key=("relation", spec.relation)) if spec.relation else setting
        return Pool(
            setting.parent(path, table, column, field, bool(spec.relation)), order=shared.chance("pool")
        )
    if spec.values:
        return _listed(field, spec, path)
    if spec.pattern is not None:
        alphabets = alphabets_of(spec.pattern)
        if field.max_length is not None and len(alphabets) > field.max_length:
            raise SpecError(path, f"pattern '{spec.pattern}' is longer than {field.max_length} characters")
        return Shuffled(fixed_text(alphabets), order)
    if spec.sequence:
        return step_source(path, field, spec.sequence)
    if spec.provider:
        return provided(path, field, spec, setting.locale, order)
    return _SOURCES[field.kind](path, field, spec, order)


def _listed(field: Field, spec: ColumnSpec, path: str) -> Source:
    """The values of a list."""
    try:
        cells = [parse_cell(v, replace(field, mode=Mode.REQUIRED)) for v in spec.values]
    except BigQueryError as error:
        raise SpecError(path, error.message) from None
    shown = [repr(cell) for cell in cells]
    for place, text in enumerate(shown):
        if text in shown[:place]:
            raise SpecError(path, f"value {spec.values[place]!r} is listed twice")
    return Pool(array_of_values(field.value_type, cells), spec.weights)


Build = Callable[[str, Field, ColumnSpec, np.random.Generator], Source]
_SOURCES: dict[TypeKind, Build] = {
    **dict.fromkeys((TypeKind.INT64, TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC), number_source),
    **dict.fromkeys(
        (TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME, TypeKind.TIMESTAMP, TypeKind.RANGE), time_source
    ),
    TypeKind.BOOL: lambda path, field, spec, rng: Shuffled(boolean(), rng),
    TypeKind.BYTES: lambda path, field, spec, rng: Shuffled(octets(field.max_length), rng),
    TypeKind.INTERVAL: lambda path, field, spec, rng: Shuffled(interval(), rng),
    TypeKind.JSON: lambda path, field, spec, rng: Shuffled(document(), rng),
    TypeKind.GEOGRAPHY: lambda path, field, spec, rng: Shuffled(point(), rng),
}
