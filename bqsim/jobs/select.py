"""``selectedFields``: columns and nested fields of a table, in the table's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

# A nested selection: the whole value (None), or positions of nested fields with their own selections.
Selection = tuple[tuple[int, "Selection"], ...] | None


def select_fields(
    fields: Sequence[Field], selected: str | None
) -> tuple[tuple[Field, ...], list[tuple[int, Selection]]]:
    """The chosen fields and where they are: (position, nested selection). 400 ``invalid`` for an unknown
    path."""
    if not selected:
        return tuple(fields), [(i, None) for i in range(len(fields))]
    tree: dict[str, Any] = {}
    for path in selected.split(","):
        node = tree
        for part in path.strip().split("."):
            node = node.setdefault(part.casefold(), {})
        node["*"] = {}
    chosen, names = _choose(fields, tree, "")
    return names, list(chosen or ())


def _choose(
    fields: Sequence[Field], tree: dict[str, Any], prefix: str
) -> tuple[Selection, tuple[Field, ...]]:
    known = {f.name.casefold(): i for i, f in enumerate(fields)}
    wanted = {name: sub for name, sub in tree.items() if name != "*"}
    for name in wanted:
        if name not in known:
            raise invalid(f"No such field: {prefix}{name}", "selectedFields")
    places: list[tuple[int, Selection]] = []
    names: list[Field] = []
    for name, sub in sorted(wanted.items(), key=lambda item: known[item[0]]):
        index = known[name]
        field = fields[index]
        deeper = [key for key in sub if key != "*"]
        if not deeper or "*" in sub:
            places.append((index, None))
            names.append(field)
            continue
        if field.kind is not TypeKind.STRUCT:
            raise invalid(f"No such field: {prefix}{field.name}.{deeper[0]}", "selectedFields")
        nested, nested_fields = _choose(field.fields, sub, f"{prefix}{field.name}.")
        places.append((index, nested))
        names.append(replace(field, fields=nested_fields))
    return tuple(places), tuple(names)


def select_columns(
    rows: pa.Table, places: Sequence[tuple[int, Selection]], fields: Sequence[Field]
) -> pa.Table:
    """The columns at ``places`` of canonical rows, as canonical rows of ``fields``."""
    from bqsim.types.arrow import table_of

    columns = [
        rows.column(index) if nested is None else _narrowed(rows.column(index), nested, field)
        for (index, nested), field in zip(places, fields, strict=True)
    ]
    return table_of(columns)


def _narrowed(column: pa.ChunkedArray, selection: Selection, field: Field) -> pa.ChunkedArray:
    import pyarrow as pa

    from bqsim.types.arrow import arrow_type

    chunks = [_narrow(chunk, selection, field) for chunk in column.chunks]
    return pa.chunked_array(chunks, type=arrow_type(field.type))


def _narrow(array: pa.Array, selection: Selection, field: Field) -> pa.Array:
    import pyarrow as pa

    if selection is None:
        return array
    if field.mode is Mode.REPEATED:
        inner = _narrow(array.values, selection, replace(field, mode=Mode.NULLABLE))
        validity, offsets = array.buffers()[:2]
        return pa.Array.from_buffers(
            pa.list_(pa.field("item", inner.type)),
            len(array),
            [validity, offsets],
            array.null_count,
            array.offset,
            [inner],
        )
    children = [
        _narrow(array.field(index), nested, nested_field)
        for (index, nested), nested_field in zip(selection, field.fields, strict=True)
    ]
    names = [f"_{i}" for i in range(1, len(children) + 1)]
    return pa.StructArray.from_arrays(children, names=names, mask=array.is_null())
