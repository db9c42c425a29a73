"""OPTIONS(…) of tables, views and schemas: one table of names, both to set and to show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from bqsim.catalog.resources import Dataset, Table, TimePartitioning
from bqsim.errors import invalid_query

R = TypeVar("R", Table, Dataset)

MS_PER_DAY = 86_400_000


@dataclass(frozen=True, slots=True)
class Option:
    """An option: its SQL type as INFORMATION_SCHEMA shows it, how it is set (None clears) and read back."""

    name: str
    type: str
    put: Callable[[Any, Any], Any]
    show: Callable[[Any], Any]


def _attribute(name: str, type_: str, attribute: str) -> Option:
    return Option(name, type_, lambda r, v: replace(r, **{attribute: v}), lambda r: getattr(r, attribute))


def _metadata(name: str, type_: str, *path: str, to_api: Callable[[Any], Any] = lambda v: v) -> Option:
    """An option kept in ``metadata`` under the API's names."""

    def put(resource: Any, value: Any) -> Any:
        return replace(
            resource, metadata=_with(resource.metadata, path, None if value is None else to_api(value))
        )

    first, *deeper = path

    def show(resource: Any) -> Any:
        value: Any = resource.metadata.get(first)
        for key in deeper:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    return Option(name, type_, put, show)


def _with(tree: Mapping[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """A copy of ``tree`` with a value at ``path``; None takes it away."""
    copy = dict(tree)
    if len(path) > 1:
        value = _with(copy.get(path[0]) or {}, path[1:], value) or None
    if value is None:
        copy.pop(path[0], None)
    else:
        copy[path[0]] = value
    return copy


def _pairs(value: Any) -> list[tuple[str, str]]:
    """The (key, value) pairs of an array of two-field structs."""
    return [tuple(p.values()) if isinstance(p, Mapping) else tuple(p) for p in value or ()]


def _put_labels(resource: Any, pairs: Any) -> Any:
    labels: dict[str, str] = {}
    for key, value in _pairs(pairs):
        if key in labels:
            raise invalid_query(f'Duplicate label key: "{key}"')
        labels[key] = value or ""
    return replace(resource, labels=labels)


_LABELS = Option(
    "labels", "ARRAY<STRUCT<STRING, STRING>>", _put_labels, lambda r: list(r.labels.items()) or None
)


def _put_expiration(table: Table, value: datetime | None) -> Table:
    return replace(table, expiration_ms=None if value is None else _epoch_ms(value))


def _epoch_ms(value: datetime) -> int:
    return round(value.timestamp() * 1000)


def _show_expiration(table: Table) -> datetime | None:
    return None if table.expiration_ms is None else datetime.fromtimestamp(table.expiration_ms / 1000, UTC)


def _put_partition_expiration(table: Table, days: float | None) -> Table:
    partitioning = table.time_partitioning
    if partitioning is None:
        if days is None:
            return table
        raise invalid_query("partition_expiration_days can only be set on a table partitioned by time")
    return replace(table, time_partitioning=replace(partitioning, expiration_ms=_ms(days)))


def _show_partition_expiration(table: Table) -> float | None:
    partitioning: TimePartitioning | None = table.time_partitioning
    return _days(partitioning.expiration_ms) if partitioning else None


def _ms(days: float | None) -> int | None:
    return None if days is None else round(float(days) * MS_PER_DAY)


def _days(ms: int | None) -> float | None:
    return None if ms is None else ms / MS_PER_DAY


def _duration(name: str, attribute: str) -> Option:
    return Option(
        name,
        "FLOAT64",
        lambda r, v: replace(r, **{attribute: _ms(v)}),
        lambda r: _days(getattr(r, attribute)),
    )


_COMMON = (
    _attribute("description", "STRING", "description"),
    _attribute("friendly_name", "STRING", "friendly_name"),
)

TABLE_OPTIONS: tuple[Option, ...] = (
    *_COMMON,
    _LABELS,
    Option("expiration_timestamp", "TIMESTAMP", _put_expiration, _show_expiration),
    Option("partition_expiration_days", "FLOAT64", _put_partition_expiration, _show_partition_expiration),
    Option(
        "require_partition_filter",
        "BOOL",
        lambda t, v: replace(t, require_partition_filter=bool(v)),
        lambda t: t.require_partition_filter or None,
    ),
    _metadata("kms_key_name", "STRING", "encryptionConfiguration", "kmsKeyName"),
    _metadata("default_rounding_mode", "STRING", "defaultRoundingMode"),
    _metadata("max_staleness", "INTERVAL", "maxStaleness", to_api=lambda v: interval_text(v)),
    _metadata("enable_change_history", "BOOL", "enableChangeHistory"),
    _metadata("enable_fine_grained_mutations", "BOOL", "enableFineGrainedMutations"),
    _metadata("tags", "ARRAY<STRUCT<STRING, STRING>>", "resourceTags", to_api=lambda v: dict(_pairs(v))),
    _metadata("enable_refresh", "BOOL", "materializedView", "enableRefresh"),
    _metadata(
        "refresh_interval_minutes",
        "FLOAT64",
        "materializedView",
        "refreshIntervalMs",
        to_api=lambda m: str(int(m * 60_000)),
    ),
    _metadata(
        "allow_non_incremental_definition", "BOOL", "materializedView", "allowNonIncrementalDefinition"
    ),
    _metadata("privacy_policy", "STRING", "privacyPolicy"),
)

SCHEMA_OPTIONS: tuple[Option, ...] = (
    *_COMMON,
    _LABELS,
    _duration("default_table_expiration_days", "default_table_expiration_ms"),
    _duration("default_partition_expiration_days", "default_partition_expiration_ms"),
    _attribute("location", "STRING", "location"),
    _metadata("default_kms_key_name", "STRING", "defaultEncryptionConfiguration", "kmsKeyName"),
    _metadata("default_rounding_mode", "STRING", "defaultRoundingMode"),
    _metadata("max_time_travel_hours", "INT64", "maxTimeTravelHours", to_api=str),
    _metadata("storage_billing_model", "STRING", "storageBillingModel", to_api=str.upper),
    _metadata("is_case_insensitive", "BOOL", "isCaseInsensitive"),
    _metadata("tags", "ARRAY<STRUCT<STRING, STRING>>", "resourceTags", to_api=lambda v: dict(_pairs(v))),
)

_BY_NAME: dict[type, dict[str, Option]] = {
    Table: {o.name: o for o in TABLE_OPTIONS},
    Dataset: {o.name: o for o in SCHEMA_OPTIONS},
}

_SORTED = {kind: sorted(options.values(), key=lambda o: o.name) for kind, options in _BY_NAME.items()}


def with_options(resource: R, values: Mapping[str, Any]) -> R:
    """``resource`` with the options set; NULL clears one. Unknown names are refused."""
    options = _BY_NAME[type(resource)]
    for name, value in values.items():
        option = options.get(name)
        if option is None:
            raise invalid_query(f"Unknown option: {name}")
        resource = option.put(resource, option_value(name, option.type, value))
    return resource


def _timestamp(value: Any) -> Any:
    """A TIMESTAMP given as a string literal."""
    try:
        moment = datetime.fromisoformat(value.removesuffix(" UTC"))
    except ValueError:
        raise invalid_query(f"Could not cast literal {sql_literal(value)} to type TIMESTAMP") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# The Python forms that an option's type takes, and how a value in another one is coerced.
_FORMS: dict[str, tuple[tuple[type, ...], dict[type, Callable[[Any], Any]]]] = {
    "STRING": ((str,), {}),
    "BOOL": ((bool,), {}),
    "INT64": ((int,), {}),
    "FLOAT64": ((float,), {int: float, Decimal: float}),
    "TIMESTAMP": ((datetime,), {str: _timestamp}),
    "ARRAY<STRUCT<STRING, STRING>>": ((list,), {}),
    "ARRAY<STRING>": ((list,), {}),
}


def _is_pair(element: Any) -> bool:
    parts = tuple(element.values()) if isinstance(element, Mapping) else element
    return isinstance(parts, tuple | list) and len(parts) == 2 and all(isinstance(p, str) for p in parts)


# What the elements of an option's array are.
_ELEMENTS: dict[str, Callable[[Any], bool]] = {
    "ARRAY<STRUCT<STRING, STRING>>": _is_pair,
    "ARRAY<STRING>": lambda element: isinstance(element, str),
}
_NAMES: dict[type, str] = {
    str: "STRING",
    bool: "BOOL",
    int: "INT64",
    float: "FLOAT64",
    Decimal: "NUMERIC",
    datetime: "TIMESTAMP",
    bytes: "BYTES",
    date: "DATE",
    list: "ARRAY",
}


def option_value(name: str, type_: str, value: Any) -> Any:
    """The value of an option as its type; NULL stays NULL."""
    forms = _FORMS.get(type_)
    if value is None or forms is None:
        return value
    fits = _ELEMENTS.get(type_)
    wrong = value.__class__ is list and fits is not None and not all(map(fits, value))
    if value.__class__ in forms[0] and not wrong:
        return value
    coerce = forms[1].get(value.__class__)
    if coerce is None:
        given = _NAMES.get(value.__class__, "STRUCT")
        if wrong:
            element = next(e for e in value if fits is not None and not fits(e)).__class__
            given = f"ARRAY<{'STRUCT' if element is list else _NAMES.get(element, 'STRUCT')}>"
        raise invalid_query(
            f"Option {name} value has type {given} which cannot be coerced to expected type {type_}"
        )
    return coerce(value)


def shown_options(resource: Table | Dataset) -> list[tuple[str, str, str]]:
    """The options that are set: (name, type, value as a SQL literal), as TABLE_OPTIONS lists them."""
    found = []
    for option in _SORTED[type(resource)]:
        value = option.show(resource)
        if value is not None:
            text = f'INTERVAL "{value}" YEAR TO SECOND' if option.type == "INTERVAL" else sql_literal(value)
            found.append((option.name, option.type, text))
    return found


def interval_text(value: Any) -> str:
    """An INTERVAL in the canonical form ``Y-M D H:M:S[.F]``."""
    months, days, nanos = value.months, value.days, value.nanoseconds
    second, fraction = divmod(abs(nanos) // 1000, 1_000_000)
    date = f"{'-' if months < 0 else ''}{abs(months) // 12}-{abs(months) % 12} {days}"
    time = f"{'-' if nanos < 0 else ''}{second // 3600}:{second // 60 % 60}:{second % 60}"
    return f"{date} {time}.{fraction:06d}".rstrip("0") if fraction else f"{date} {time}"


def sql_literal(value: Any) -> str:
    """An option value as GoogleSQL text: ``"text"``, ``TIMESTAMP "…"``, ``[STRUCT("k", "v")]``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    if isinstance(value, datetime):
        return f'TIMESTAMP "{value.strftime("%Y-%m-%dT%H:%M:%S.")}{value.microsecond // 1000:03d}Z"'
    if isinstance(value, Mapping):
        value = list(value.items())
    if isinstance(value, list):
        return f"[{', '.join(sql_literal(v) for v in value)}]"
    if isinstance(value, tuple):
        return f"STRUCT({', '.join(sql_literal(v) for v in value)})"
    return str(value)
