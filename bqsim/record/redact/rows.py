"""Row data: secrets in it by their form, and what the policy says of its columns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import cells
from .cells import Cells
from .policy import DROP, HASH, KEEP, SYNTHESISE, Policy
from .texts import COULD, Texts

_TEXTS = frozenset(("STRING", "JSON", "GEOGRAPHY", ""))
# Of what is known of a column to be secret, nothing is kept, least of all by accident.
_STRICTEST = (DROP, HASH, SYNTHESISE, KEEP)
Schema = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def fields_of(schema: Schema) -> list[Mapping[str, Any]]:
    """The columns of a JSON table schema: ``{"fields": […]}`` or the list itself."""
    if schema is None:
        return []
    found = schema.get("fields", []) if isinstance(schema, Mapping) else schema
    return list(found)


class Rows:
    """Redacts rows by a policy."""

    def __init__(self, policy: Policy, texts: Texts, key: bytes) -> None:
        self.policy, self.texts, self.cells = policy, texts, Cells(key)

    def rows(self, rows: Sequence[Any], schema: Schema, table: str = "") -> list[Any]:
        """Rows in the REST API's form, ``{"f": [{"v": …}, …]}``."""
        columns = fields_of(schema)
        return [self._record(row, columns, table, "") for row in rows]

    def _record(self, row: Any, columns: Sequence[Mapping[str, Any]], table: str, path: str) -> Any:
        if not isinstance(row, dict) or not isinstance(row.get("f"), list):
            return row
        found = row["f"]
        if len(columns) != len(found):
            columns = [{}] * len(found)
        made = []
        for column, cell in zip(columns, found, strict=True):
            value = cell.get("v") if isinstance(cell, dict) else cell
            made.append(
                {**(cell if isinstance(cell, dict) else {}), "v": self._cell(value, column, table, path)}
            )
        return {**row, "f": made}

    def _cell(self, value: Any, column: Mapping[str, Any], table: str, path: str) -> Any:
        name = str(column.get("name", ""))
        type_ = cells.type_name(str(column.get("type", "")))
        place = f"{path}.{name}" if path else name
        if isinstance(value, list):
            if self._action(column, table, place) == DROP:
                return []
            one = {**column, "mode": "NULLABLE"}
            return [
                {**item, "v": self._cell(item.get("v"), one, table, path)} if isinstance(item, dict) else item
                for item in value
            ]
        if isinstance(value, dict) and "f" in value:
            if self._action(column, table, place) == DROP and not _required(column):
                return None
            return self._record(value, fields_of(column), table, place)
        return self._value(value, column, type_, table, place, name)

    def dicts(self, rows: Sequence[Any], schema: Schema = None, table: str = "") -> list[Any]:
        """Rows as objects, name by name, as they are loaded and inserted."""
        columns = {str(c.get("name", "")).lower(): c for c in fields_of(schema)}
        return [self._dict(row, columns, table, "") for row in rows]

    def _dict(self, row: Any, columns: Mapping[str, Mapping[str, Any]], table: str, path: str) -> Any:
        if not isinstance(row, dict):
            return self.texts.value(row, entropy=False)
        made = {}
        for name, value in row.items():
            column = columns.get(name.lower(), {"name": name})
            key = self.texts.redact(name, entropy=False)
            made[key] = self._item(value, column, table, path, name)
        return made

    def _item(self, value: Any, column: Mapping[str, Any], table: str, path: str, name: str) -> Any:
        place = f"{path}.{name}" if path else name
        type_ = cells.type_name(str(column.get("type", "")))
        if isinstance(value, list):
            if self._action(column, table, place) == DROP:
                return []
            return [self._item(item, {**column, "mode": "NULLABLE"}, table, path, name) for item in value]
        if isinstance(value, dict) and type_ != "JSON":
            if self._action(column, table, place) == DROP and not _required(column):
                return None
            if self.policy.secret_name(name):
                return self.texts.value(value, name, entropy=False)
            below = {str(c.get("name", "")).lower(): c for c in fields_of(column)}
            return self._dict(value, below, table, place)
        return self._value(value, column, type_, table, place, name)

    def _value(
        self, value: Any, column: Mapping[str, Any], type_: str, table: str, place: str, name: str
    ) -> Any:
        if value is None:
            return None
        action = self._action(column, table, place)
        if action == DROP:
            return cells.empty(type_) if _required(column) else None
        if action != KEEP:
            return self.cells.told(value, type_, action)
        return self._kept(value, type_, name)

    def _kept(self, value: Any, type_: str, name: str) -> Any:
        if isinstance(value, str):
            secret = bool(name) and self.policy.secret_name(name)
            if type_ in _TEXTS or type_ == "BYTES":
                return self.texts.named(value, name if secret else "", entropy=False)
            if secret and type_ not in ("RECORD", "BOOLEAN"):
                return value if value == (none := cells.empty(type_)) else self._hidden(value, none)
            return value
        if isinstance(value, (dict, list)):
            return self.texts.value(value, name, entropy=False)
        return self.texts.value(value, name) if name and self.policy.secret_name(name) else value

    def _hidden(self, value: str, instead: Any) -> Any:
        if self.texts.seen:
            self.texts.seen("secret-field", value)
        return instead

    def _action(self, column: Mapping[str, Any], table: str, place: str) -> str:
        if not place:
            # Which column it is was not told: what holds for any of them holds for it.
            held = {self.policy.rows_default, *(rule.action for rule in self.policy.rows)}
            return next(action for action in _STRICTEST if action in held)
        return self.policy.action(table, place, cells.type_name(str(column.get("type", ""))))

    # --- Arrow

    def batch(self, batch: Any, table: str = "") -> Any:
        """An Arrow record batch, its schema kept."""
        import pyarrow as pa

        columns = []
        for field, column in zip(batch.schema, batch.columns, strict=True):
            columns.append(self._array(column, field, table, field.name))
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)

    def _array(self, column: Any, field: Any, table: str, place: str) -> Any:
        import pyarrow as pa

        kept = self._untouched(field, table, place)
        if kept:
            return column
        if self._clean(column, field, table, place):
            return column
        values = column.to_pylist()
        made = [self._arrow(value, field, field.type, table, place) for value in values]
        if made == values:
            return column
        return pa.array(made, type=field.type)

    def _clean(self, column: Any, field: Any, table: str, place: str) -> bool:
        """Whether no text of a column may hold a secret: told of all at once."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not (pa.types.is_string(field.type) or pa.types.is_large_string(field.type)):
            return False
        policy = self.policy
        if policy.deny or policy.secret_name(field.name) or policy.action(table, place, "STRING") != KEEP:
            return False
        if _bigquery_type(field) != "STRING":
            return policy.keeps_rows and not pc.any(pc.match_substring_regex(column, COULD)).as_py()
        return not pc.any(pc.match_substring_regex(column, COULD)).as_py()

    def _untouched(self, field: Any, table: str, place: str) -> bool:
        """Whether nothing can be secret in a column of this type."""
        import pyarrow as pa

        type_ = field.type
        if pa.types.is_nested(type_):
            return False
        if self.policy.action(table, place, _bigquery_type(field)) != KEEP:
            return False
        textual = (
            pa.types.is_string(type_)
            or pa.types.is_large_string(type_)
            or pa.types.is_binary(type_)
            or pa.types.is_large_binary(type_)
            or pa.types.is_fixed_size_binary(type_)
            or pa.types.is_dictionary(type_)
        )
        return not textual and not self.policy.secret_name(field.name)

    def _arrow(self, value: Any, field: Any, type_: Any, table: str, place: str) -> Any:
        import pyarrow as pa

        if value is None:
            return None
        if pa.types.is_map(type_):
            return [
                (
                    self._arrow(k, type_.key_field, type_.key_type, table, place),
                    self._arrow(v, type_.item_field, type_.item_type, table, place),
                )
                for k, v in value
            ]
        if isinstance(value, list):
            if self.policy.action(table, place, _bigquery_type(field)) == DROP:
                return []
            item = pa.field(field.name, type_.value_type, metadata=field.metadata)
            return [self._arrow(v, item, type_.value_type, table, place) for v in value]
        if isinstance(value, dict):
            if field.nullable and self.policy.action(table, place, "RECORD") == DROP:
                return None
            return {f.name: self._arrow(value[f.name], f, f.type, table, f"{place}.{f.name}") for f in type_}
        return self._leaf(value, field, table, place)

    def _leaf(self, value: Any, field: Any, table: str, place: str) -> Any:
        told = _bigquery_type(field)
        action = self.policy.action(table, place, told)
        if action == DROP:
            return None if field.nullable else _nothing(value)
        if action != KEEP:
            return _fitting(self.cells.python(value, told, action), value, field)
        return self._python_kept(value, field.name)

    def python(self, value: Any, name: str, place: str, optional: bool, table: str = "") -> Any:
        """A Python value of a record (Avro's): by its own type."""
        import datetime as dt
        from decimal import Decimal

        types = (
            (bool, "BOOLEAN"),
            (int, "INTEGER"),
            (float, "FLOAT"),
            (str, "STRING"),
            (bytes, "BYTES"),
            (Decimal, "NUMERIC"),
            (dt.datetime, "TIMESTAMP"),
            (dt.date, "DATE"),
            (dt.time, "TIME"),
        )
        told = next((type_ for python, type_ in types if isinstance(value, python)), "STRING")
        action = self.policy.action(table, place, told)
        if action == DROP:
            return None if optional else _nothing(value)
        if action != KEEP:
            return self.cells.python(value, told, action)
        return self._python_kept(value, name)

    def _python_kept(self, value: Any, name: str) -> Any:
        secret = self.policy.secret_name(name)
        if isinstance(value, str):
            return self.texts.named(value, name if secret else "", entropy=False)
        if isinstance(value, bytes):
            return self._hidden_bytes(value) if secret and value else self.texts.binary(value)
        if secret and not isinstance(value, bool) and value != (none := _nothing(value)):
            return self._hidden(str(value), none)
        return value

    def _hidden_bytes(self, value: bytes) -> bytes:
        if value.strip(b"x"):
            self._hidden(value.decode("latin-1"), "")
        return b"x" * len(value)


def _required(column: Mapping[str, Any]) -> bool:
    return str(column.get("mode", "")).upper() == "REQUIRED"


def _nothing(value: Any) -> Any:
    """The empty value of a Python value's type."""
    import datetime as dt

    if isinstance(value, dt.datetime):
        return dt.datetime(1970, 1, 1, tzinfo=value.tzinfo)
    if isinstance(value, dt.date):
        return dt.date(1970, 1, 1)
    if isinstance(value, dt.time):
        return dt.time(0)
    return type(value)()


def _fitting(made: Any, value: Any, field: Any) -> Any:
    """``made`` so that it fits the column, whose numbers may be narrow and whose bytes may be of one size."""
    import pyarrow as pa

    if pa.types.is_integer(field.type) and field.type.bit_width < 64 and isinstance(made, int):
        span = 1 << field.type.bit_width
        low = 0 if pa.types.is_unsigned_integer(field.type) else -(span >> 1)
        return low + (made - low) % span
    if isinstance(made, bytes) and pa.types.is_fixed_size_binary(field.type):
        return made[: field.type.byte_width].ljust(field.type.byte_width, b"\0")
    return made


def _bigquery_type(field: Any) -> str:
    """The column type that an Arrow field of the Storage API stands for."""
    import pyarrow as pa

    type_ = field.type
    named = (field.metadata or {}).get(b"ARROW:extension:name", b"")
    if b"json" in named:
        return "JSON"
    if b"geography" in named:
        return "GEOGRAPHY"
    if b"datetime" in named:
        return "DATETIME"
    while pa.types.is_list(type_) or pa.types.is_large_list(type_):
        type_ = type_.value_type
    for told, checks in (
        ("STRING", (pa.types.is_string, pa.types.is_large_string)),
        ("BYTES", (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)),
        ("INTEGER", (pa.types.is_integer,)),
        ("FLOAT", (pa.types.is_floating,)),
        ("BOOLEAN", (pa.types.is_boolean,)),
        ("DATE", (pa.types.is_date,)),
        ("TIME", (pa.types.is_time,)),
        ("NUMERIC", (pa.types.is_decimal,)),
        ("RECORD", (pa.types.is_struct,)),
    ):
        if any(check(type_) for check in checks):
            return told
    if pa.types.is_timestamp(type_):
        return "TIMESTAMP" if type_.tz else "DATETIME"
    return "STRING"


def ndjson(rows: Sequence[Any]) -> bytes:
    """Rows as objects, one a line."""
    return "".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows).encode()
