"""``selected_fields``: columns and nested fields, in the order of the table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.jobs.select import Selection, select_columns
from bqsim.sql.lower import nodes
from bqsim.sql.lower.scans import partition_value
from bqsim.storage.errors import invalid_argument
from bqsim.types import Field, Mode, TypeKind

from .sources import FAILED, Source, StoredRows

if TYPE_CHECKING:
    import pyarrow as pa

# The label of the relation that rows are read from.
LABEL = "t"


@dataclass(frozen=True, slots=True)
class Projection:
    """``fields`` are what is read; ``places`` say where each is among the columns and pseudo columns of the
    source, and which of its nested fields are read (None: all)."""

    fields: tuple[Field, ...]
    places: tuple[tuple[int, Selection], ...]

    def expressions(self, source: StoredRows) -> list[str]:
        """The engine expression of each field."""
        return [
            _expression(source, index, nested, field)
            for field, (index, nested) in zip(self.fields, self.places, strict=True)
        ]

    def take(self, rows: pa.Table) -> pa.Table:
        """The fields of canonical rows of the whole source."""
        return select_columns(rows, self.places, self.fields)


def project(source: Source, selected: Sequence[str]) -> Projection:
    """The projection of a list of paths, all columns when it is empty; INVALID_ARGUMENT for unknown ones."""
    if not selected:
        return Projection(source.fields, tuple((i, None) for i in range(len(source.fields))))
    tree: dict[str, Any] = {}
    known = (*source.fields, *source.pseudo)
    unknown = [path for path in selected if not _grow(tree, known, path.split("."))]
    if unknown:
        names = ", ".join(unknown)
        raise invalid_argument(
            f"{FAILED}The following selected fields do not exist in the table schema: {names}"
        )
    fields, places = _chosen(known, tree)
    return Projection(fields, places or ())


def _grow(tree: dict[str, Any], fields: Sequence[Field], path: Sequence[str]) -> bool:
    """Add a path to a tree of folded names, ``None`` for whole values; whether the path exists."""
    name = path[0].casefold()
    field = next((f for f in fields if f.name.casefold() == name), None)
    if field is None:
        return False
    if len(path) == 1:
        tree[name] = None
        return True
    if field.kind is not TypeKind.STRUCT:
        return False
    below = tree.get(name, {})
    if below is None:
        return _grow({}, field.fields, path[1:])
    if not _grow(below, field.fields, path[1:]):
        return False
    tree[name] = below
    return True


def _chosen(fields: Sequence[Field], tree: dict[str, Any]) -> tuple[tuple[Field, ...], Any]:
    chosen: list[Field] = []
    places: list[tuple[int, Selection]] = []
    for index, field in enumerate(fields):
        name = field.name.casefold()
        if name not in tree:
            continue
        if tree[name] is None:
            chosen.append(field)
            places.append((index, None))
        else:
            below, nested = _chosen(field.fields, tree[name])
            chosen.append(replace(field, fields=below))
            places.append((index, nested))
    return tuple(chosen), tuple(places)


def _expression(source: StoredRows, index: int, selection: Selection, field: Field) -> str:
    if index >= len(source.fields):
        return nodes.render(partition_value(source.table, field.kind, LABEL, source.buffer))
    column = f"{LABEL}.{source.storage.columns[index]}"
    return _narrowed(column, selection, field, 0)


def _narrowed(value: str, selection: Selection, field: Field, depth: int) -> str:
    """The engine expression of a value with the selected ones of its nested fields."""
    if selection is None:
        return value
    if field.mode is Mode.REPEATED:
        element = f"e{depth}"
        inner = _packed(element, selection, field, depth + 1)
        return f"list_transform({value}, lambda {element}: {inner})"
    return _packed(value, selection, field, depth)


def _packed(value: str, selection: Any, field: Field, depth: int) -> str:
    parts = []
    for i, ((index, nested), inner) in enumerate(zip(selection, field.fields, strict=True), 1):
        part = f"struct_extract({value}, '_{index + 1}')"
        parts.append(f'"_{i}" := {_narrowed(part, nested, inner, depth)}')
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"
