"""Rows held against a table's schema before they are sent, so that wrong ones do not hold up the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema

from .report import RefusedRow

if TYPE_CHECKING:
    import pyarrow as pa


def unknown_field(row: Mapping[str, Any], fields: Iterable[Field], path: str = "") -> str | None:
    """The path of a field that the schema does not have; ``None`` when all are known."""
    known = {f.name.casefold(): f for f in fields}
    for name, value in row.items():
        field = known.get(str(name).casefold())
        where = f"{path}{name}"
        if field is None:
            return where
        if field.type != "STRUCT" or value is None:
            continue
        for item in value if field.repeated and isinstance(value, list | tuple) else [value]:
            if isinstance(item, Mapping) and (found := unknown_field(item, field.fields, f"{where}.")):
                return found
    return None


def check_known(row: Mapping[str, Any], schema: Schema) -> None:
    """Raise UsageError for a row with a column that the schema does not have."""
    if found := unknown_field(row, schema):
        raise UsageError(f"The table has no column {found}.")


def json_row(row: Mapping[str, Any], schema: Schema, *, load: bool = False) -> dict[str, Any]:
    """A row in JSON's form. Raises UsageError for one that does not fit."""
    from bqclient.values.json_rows import row_to_json

    check_known(row, schema)
    return row_to_json(row, schema, load=load)


def named_fields(schema: Schema, rows: Iterable[Mapping[str, Any]]) -> Schema:
    """The fields that any of the rows has, and those that they ought to have."""
    given: set[Any] = set()
    for row in rows:
        given.update(row)
    named = {str(name).casefold() for name in given}
    return Schema(
        tuple(f for f in schema if f.name.casefold() in named or (f.required and f.default is None))
    )


class Pieces:
    """Makes record batches of what fits; ``refused`` gathers the rest."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.refused: list[RefusedRow] = []

    def batches(self, piece: Any, first: int) -> list[tuple[pa.RecordBatch, Sequence[int]]]:
        """The batches of a piece of which ``first`` is the index of the first row, each with the indices of
        its rows. Raises UsageError for Arrow data with columns that the table does not have."""
        if isinstance(piece, list):
            return self._of_rows(piece, range(first, first + len(piece)))
        from bqclient.values.conform import conform

        check_columns(piece.schema.names, self.schema)
        try:
            table = conform(piece, _columns(piece.schema.names, self.schema))
        except UsageError:
            return self._of_rows(piece.to_pylist(), range(first, first + piece.num_rows))
        found: list[tuple[pa.RecordBatch, Sequence[int]]] = []
        for batch in table.to_batches():
            found.append((batch, range(first, first + batch.num_rows)))
            first += batch.num_rows
        return found

    def _of_rows(
        self, rows: Sequence[Mapping[str, Any]], indices: Sequence[int]
    ) -> list[tuple[pa.RecordBatch, Sequence[int]]]:
        from bqclient.values.arrow import batch_of_dicts

        try:
            return [(batch_of_dicts(rows, named_fields(self.schema, rows)), indices)] if rows else []
        except UsageError:
            pass
        # One after another tells which ones do not fit.
        good: list[Mapping[str, Any]] = []
        kept: list[int] = []
        for row, index in zip(rows, indices, strict=True):
            try:
                json_row(row, self.schema)
                batch_of_dicts([row], named_fields(self.schema, [row]))
            except UsageError as wrong:
                self.refused.append(RefusedRow.of(index, row, wrong.message.removeprefix("Row 0: ")))
            else:
                good.append(row)
                kept.append(index)
        return [(batch_of_dicts(good, named_fields(self.schema, good)), kept)] if good else []


def check_columns(names: Iterable[str], schema: Schema) -> None:
    """Raise UsageError for columns of Arrow data that the table does not have."""
    known = {f.name.casefold() for f in schema}
    unknown = sorted(name for name in names if name.casefold() not in known)
    if unknown:
        raise UsageError(
            f"The table has no column {unknown[0]}: rename it or leave it out. Nothing was written."
        )


def _columns(names: Iterable[str], schema: Schema) -> Schema:
    given = {name.casefold() for name in names}
    return Schema(
        tuple(f for f in schema if f.name.casefold() in given or (f.required and f.default is None))
    )
