"""Checks of schema files: every mistake, with its file and path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bqclient.models.schema import ALIASES, MODES, TYPES, Field, Schema
from bqclient.models.table import RangePartitioning, TimePartitioning

_TABLE = re.compile(r"[\w\- ]{1,1024}\Z")
_COLUMN = re.compile(r"\w[\w \-&%=+:'<>#|]{0,299}\Z")
_KEYS = frozenset({"table_name", "schema", "clustering", "partitioning", "description", "labels"})
_FIELD_KEYS = frozenset(
    {
        *("name", "type", "mode", "fields", "description", "precision", "scale", "maxLength"),
        *("defaultValueExpression", "rangeElementType", "policyTags", "collation", "roundingMode"),
    }
)
_PARTITION_KEYS = frozenset({"type", "field", "expiration_days", "expiration_ms", "require_filter", "range"})
_TIME_TYPES: Mapping[str, frozenset[str]] = {
    "HOUR": frozenset({"TIMESTAMP", "DATETIME"}),
    "DAY": frozenset({"TIMESTAMP", "DATETIME", "DATE"}),
    "MONTH": frozenset({"TIMESTAMP", "DATETIME", "DATE"}),
    "YEAR": frozenset({"TIMESTAMP", "DATETIME", "DATE"}),
}
_CLUSTERED = frozenset(
    {
        *("BIGNUMERIC", "BOOL", "DATE", "DATETIME", "GEOGRAPHY", "INT64", "NUMERIC", "RANGE", "STRING"),
        "TIMESTAMP",
    }
)
_MAX_CLUSTERING = 4
_DEEPEST = 15


def read_table(data: Any, where: str, problems: list[str]) -> dict[str, Any] | None:
    """The attributes of a table file; ``None`` after adding to ``problems``."""
    check = _Check(where, problems)
    before = len(problems)
    if not isinstance(data, Mapping):
        check.wrong("", "a table is an object with table_name and schema")
        return None
    check.keys("", data, _KEYS)
    name = data.get("table_name")
    if not isinstance(name, str) or _TABLE.match(name) is None:
        check.wrong("table_name", f"{name!r} is no name of a table")
    fields = check.fields("schema", data.get("schema"), 1)
    found: dict[str, Any] = {"name": name, "schema": Schema(fields)}
    columns = {f.name.casefold(): f for f in fields}
    found["clustering"] = check.clustering(data.get("clustering"), columns)
    found |= check.partitioning(data.get("partitioning"), columns)
    if (text := data.get("description")) is not None:
        found["description"] = check.text("description", text)
    if (labels := data.get("labels")) is not None:
        if not isinstance(labels, Mapping) or not all(isinstance(v, str) for v in labels.values()):
            check.wrong("labels", "labels are an object of texts")
        found["labels"] = labels
    return found if len(problems) == before else None


class _Check:
    def __init__(self, where: str, problems: list[str]) -> None:
        self._where, self._problems = where, problems

    def wrong(self, path: str, text: str) -> None:
        self._problems.append(
            f"{self._where}{path}: {text}" if path else f"{self._where.rstrip('.: ')}: {text}"
        )

    def keys(self, path: str, data: Mapping[str, Any], known: frozenset[str]) -> None:
        for name in data:
            if name not in known:
                place = f"{path}.{name}" if path else name
                self.wrong(place, f"not known; there are {', '.join(sorted(known))}")

    def text(self, path: str, value: Any) -> str | None:
        if isinstance(value, str):
            return value
        self.wrong(path, f"a text is wanted, not {value!r}")
        return None

    # --- columns ---

    def fields(self, path: str, data: Any, level: int) -> tuple[Field, ...]:
        if not isinstance(data, list) or not data:
            self.wrong(path, "a list of at least one field is wanted")
            return ()
        if level > _DEEPEST:
            self.wrong(path, f"fields may be nested {_DEEPEST} levels deep")
            return ()
        found: list[Field] = []
        seen: set[str] = set()
        for index, item in enumerate(data):
            made = self._field(f"{path}[{index}]", item, level)
            if made is None:
                continue
            if made.name.casefold() in seen:
                self.wrong(f"{path}[{index}].name", f"{made.name} is there twice")
            seen.add(made.name.casefold())
            found.append(made)
        return tuple(found)

    def _field(self, path: str, data: Any, level: int) -> Field | None:
        if not isinstance(data, Mapping):
            self.wrong(path, "a field is an object with name and type")
            return None
        before = len(self._problems)
        self.keys(path, data, _FIELD_KEYS)
        name, type_, mode = data.get("name"), data.get("type"), data.get("mode", "NULLABLE")
        if not isinstance(name, str) or _COLUMN.match(name) is None:
            self.wrong(f"{path}.name", f"{name!r} is no name of a column")
        plain = ALIASES.get(str(type_).upper(), str(type_).upper())
        if not isinstance(type_, str) or plain not in TYPES:
            self.wrong(f"{path}.type", f"{type_!r} is no type; there are {', '.join(sorted(TYPES))}")
        if not isinstance(mode, str) or mode.upper() not in MODES:
            self.wrong(f"{path}.mode", f"{mode!r} is no mode; there are {', '.join(MODES)}")
        inner: tuple[Field, ...] = ()
        if plain == "STRUCT":
            inner = self.fields(f"{path}.fields", data.get("fields"), level + 1)
        elif data.get("fields"):
            self.wrong(f"{path}.fields", f"{plain} has no fields")
        element = data.get("rangeElementType")
        known = isinstance(element, Mapping) and element.get("type") in ("DATE", "DATETIME", "TIMESTAMP")
        if (plain == "RANGE") != known:
            self.wrong(f"{path}.rangeElementType", '{"type": "DATE"}, DATETIME or TIMESTAMP, is for RANGE')
        for key in ("precision", "scale", "maxLength"):
            if key in data and not str(data[key]).isdecimal():
                self.wrong(f"{path}.{key}", f"a number is wanted, not {data[key]!r}")
        if len(self._problems) > before:
            return None
        return Field.from_api({**data, "fields": [f.to_api() for f in inner]})

    # --- layout ---

    def clustering(self, data: Any, columns: Mapping[str, Field]) -> tuple[str, ...]:
        if data is None:
            return ()
        if not isinstance(data, list) or not all(isinstance(name, str) for name in data):
            self.wrong("clustering", "a list of names of columns is wanted")
            return ()
        if len(data) > _MAX_CLUSTERING:
            self.wrong("clustering", f"{len(data)} columns are given, {_MAX_CLUSTERING} are allowed")
        for index, name in enumerate(data):
            found = columns.get(name.casefold())
            if found is None:
                self.wrong(f"clustering[{index}]", f"there is no column {name}")
            elif found.repeated or found.type not in _CLUSTERED:
                self.wrong(f"clustering[{index}]", f"{name} of type {_shown(found)} cannot be clustered by")
        return tuple(data)

    def partitioning(self, data: Any, columns: Mapping[str, Field]) -> dict[str, Any]:
        if data is None:
            return {}
        given = {"field": data} if isinstance(data, str) else data
        if not isinstance(given, Mapping):
            self.wrong("partitioning", "the name of a column is wanted, or an object")
            return {}
        self.keys("partitioning", given, _PARTITION_KEYS)
        required = given.get("require_filter", False)
        if not isinstance(required, bool):
            self.wrong("partitioning.require_filter", f"true or false is wanted, not {required!r}")
        found: dict[str, Any] = {"require_partition_filter": required}
        if "range" in given:
            found["range_partitioning"] = self._by_range(given, columns)
        else:
            found["time_partitioning"] = self._by_time(given, columns)
        return found

    def _by_time(self, given: Mapping[str, Any], columns: Mapping[str, Field]) -> TimePartitioning | None:
        type_ = str(given.get("type", "DAY")).upper()
        if type_ not in _TIME_TYPES:
            self.wrong("partitioning.type", f"{type_!r} is none of {', '.join(_TIME_TYPES)}")
            return None
        name = given.get("field")
        if name is not None:
            self._column("partitioning.field", name, columns, _TIME_TYPES[type_])
        days, ms = given.get("expiration_days"), given.get("expiration_ms")
        for key, value in (("expiration_days", days), ("expiration_ms", ms)):
            if value is not None and (
                isinstance(value, bool) or not isinstance(value, int | float) or value <= 0
            ):
                self.wrong(f"partitioning.{key}", f"a number above 0 is wanted, not {value!r}")
                return None
        if days is not None and ms is not None:
            self.wrong("partitioning.expiration_ms", "is given beside expiration_days")
            return None
        expiration = int(days * 86_400_000) if days is not None else ms
        return TimePartitioning(type_, name, int(expiration) if expiration is not None else None)

    def _by_range(self, given: Mapping[str, Any], columns: Mapping[str, Field]) -> RangePartitioning | None:
        self._column("partitioning.field", given.get("field"), columns, frozenset({"INT64"}))
        span = given["range"]
        names = ("start", "end", "interval")
        if not isinstance(span, Mapping) or not all(type(span.get(n)) is int for n in names):
            self.wrong("partitioning.range", "integers start, end and interval are wanted")
            return None
        if span["start"] >= span["end"] or span["interval"] < 1:
            self.wrong("partitioning.range", "start must be below end, and interval above 0")
            return None
        return RangePartitioning(str(given.get("field")), span["start"], span["end"], span["interval"])

    def _column(self, path: str, name: Any, columns: Mapping[str, Field], types: frozenset[str]) -> None:
        found = columns.get(str(name).casefold())
        if not isinstance(name, str) or found is None:
            self.wrong(path, f"there is no column {name}")
        elif found.repeated or found.type not in types:
            wanted = ", ".join(sorted(types))
            self.wrong(path, f"{name} of type {_shown(found)} is none of {wanted}")


def _shown(field: Field) -> str:
    return f"ARRAY<{field.type}>" if field.repeated else field.type
