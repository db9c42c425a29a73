"""The configuration of a query job: parsed and checked once, before the job exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RangePartitioning, TimePartitioning
from bqsim.errors import BigQueryError, invalid, invalid_query, unsupported

if TYPE_CHECKING:
    from bqsim.sql.plan import TypedValue

CREATE_DISPOSITIONS = frozenset({"CREATE_IF_NEEDED", "CREATE_NEVER"})
WRITE_DISPOSITIONS = frozenset({"WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"})
SCHEMA_UPDATES = frozenset({"ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"})
PRIORITIES = frozenset({"INTERACTIVE", "BATCH"})
PARTITION_TYPES = frozenset({"HOUR", "DAY", "MONTH", "YEAR"})
PARAMETER_MODES = frozenset({"NAMED", "POSITIONAL"})

# Page "Introduction to labels": international letters are allowed, capitals are not.
MAX_LABELS = 64
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}\Z")
_DIALECT = re.compile(r"\s*#(standardsql|legacysql)\b", re.IGNORECASE)
# Page "Quotas and limits": query parameters in a query.
MAX_PARAMETERS = 10_000

LEGACY_SQL_REFUSAL = (
    "Legacy SQL is not supported by bqsim: set useLegacySql to false (the API's default is true) "
    "or begin the query with #standardSQL"
)


@dataclass(frozen=True, slots=True)
class Target:
    """Where a job writes: a table, how it may be created and changed, and its shape when it is created."""

    table: TableRef
    create: str = "CREATE_IF_NEEDED"
    write: str = "WRITE_EMPTY"
    partition: str | None = None
    schema_updates: frozenset[str] = frozenset()
    time_partitioning: TimePartitioning | None = None
    range_partitioning: RangePartitioning | None = None
    require_partition_filter: bool = False
    clustering: tuple[str, ...] = ()
    description: str | None = None
    friendly_name: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    expiration_ms: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QueryConfig:
    """``JobConfigurationQuery`` with what belongs to it of ``JobConfiguration``.

    ``parameters_text`` identifies the parameters in cache and request keys. ``properties`` are the connection
    properties by key.
    """

    sql: str
    default_dataset: DatasetRef | None
    target: Target | None
    named: Mapping[str, TypedValue]
    positional: tuple[TypedValue, ...]
    parameters_text: str
    use_cache: bool = True
    dry_run: bool = False
    create_session: bool = False
    create_never: bool = False
    maximum_bytes_billed: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    job_timeout_ms: int | None = None


def parse_query(configuration: Mapping[str, Any], project: str) -> QueryConfig:
    """Read ``configuration`` (a ``JobConfiguration`` with member ``query``); 400 for what is wrong with
    it."""
    body = configuration.get("query")
    if not isinstance(body, Mapping):
        raise required("configuration.query")
    sql = body.get("query")
    if not isinstance(sql, str) or not sql.strip():
        raise required("query")
    sql = _standard_sql(sql, body)
    if body.get("tableDefinitions"):
        raise unsupported("A query over external table definitions (tableDefinitions)")
    if body.get("priority", "INTERACTIVE") not in PRIORITIES:
        raise bad_value("priority", body["priority"])
    named, positional, text = parse_parameters(body)
    check_labels(configuration.get("labels"))
    target = (
        parse_target(body, project, default_write="WRITE_EMPTY") if body.get("destinationTable") else None
    )
    return QueryConfig(
        sql=sql,
        default_dataset=_dataset(body.get("defaultDataset"), project),
        target=target,
        named=named,
        positional=positional,
        parameters_text=text,
        use_cache=boolean(body, "useQueryCache", True),
        dry_run=boolean(configuration, "dryRun", False),
        create_session=boolean(body, "createSession", False),
        create_never=body.get("createDisposition") == "CREATE_NEVER",
        maximum_bytes_billed=int64(body, "maximumBytesBilled"),
        properties=parse_properties(body.get("connectionProperties")),
        job_timeout_ms=int64(configuration, "jobTimeoutMs"),
    )


def _standard_sql(sql: str, body: Mapping[str, Any]) -> str:
    prefix = _DIALECT.match(sql)
    legacy = prefix.group(1).lower() == "legacysql" if prefix else boolean(body, "useLegacySql", True)
    if legacy:
        raise invalid_query(LEGACY_SQL_REFUSAL)
    return sql


def parse_parameters(
    body: Mapping[str, Any],
) -> tuple[dict[str, TypedValue], tuple[TypedValue, ...], str]:
    """Query parameters: named (lower-case keys), positional, and a text that identifies them."""
    given = body.get("queryParameters") or []
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise bad_value("queryParameters", given)
    mode = body.get("parameterMode")
    if mode is not None and str(mode).upper() not in PARAMETER_MODES:
        raise bad_value("parameterMode", mode)
    if not given:
        return {}, (), ""
    if len(given) > MAX_PARAMETERS:
        raise invalid(
            f"Too many query parameters: {len(given)}, limit is {MAX_PARAMETERS}", "queryParameters"
        )
    from bqsim.types.values import parameter

    names = [p.get("name") if isinstance(p, Mapping) else None for p in given]
    is_named = str(mode).upper() == "NAMED" if mode else any(names)
    if is_named and not all(names):
        raise invalid("Named query parameters must have a name", "queryParameters")
    if not is_named and any(names):
        raise invalid("Positional query parameters must not have a name", "queryParameters")
    values = tuple(_typed(parameter(p)) for p in given)
    text = json.dumps(given, sort_keys=True, separators=(",", ":"))
    if not is_named:
        return {}, values, text
    named: dict[str, TypedValue] = {}
    for name, value in zip(names, values, strict=True):
        key = str(name).lower()
        if key in named:
            raise invalid(f"Duplicate parameter name: {name}", "queryParameters")
        named[key] = value
    return named, (), text


def _typed(value: Any) -> TypedValue:
    from bqsim.sql.plan import TypedValue

    return value if isinstance(value, TypedValue) else TypedValue(*value)


def parse_properties(given: Any) -> dict[str, str]:
    """Connection properties by key; a repeated key is 400 ``invalid``."""
    found: dict[str, str] = {}
    for item in given or []:
        key = str(item.get("key") or "")
        if key in found:
            raise invalid(f"Duplicate connection property: {key}", "connectionProperties")
        found[key] = str(item.get("value") or "")
    return found


def parse_target(body: Mapping[str, Any], project: str, *, default_write: str) -> Target:
    """The destination of a query, load or copy configuration."""
    given = body["destinationTable"]
    if not isinstance(given, Mapping):
        raise bad_value("destinationTable", given)
    ref = TableRef.from_json(dict(given), project)
    for name, value in (("datasetId", ref.dataset), ("tableId", ref.table)):
        if not value:
            raise required(f"destinationTable.{name}")
    table, _, partition = ref.table.partition("$")
    properties = body.get("destinationTableProperties") or {}
    updates = frozenset(str(u) for u in body.get("schemaUpdateOptions") or ())
    for update in sorted(updates - SCHEMA_UPDATES):
        raise bad_value("schemaUpdateOptions", update)
    create = enum(body, "createDisposition", CREATE_DISPOSITIONS, "CREATE_IF_NEEDED")
    write = enum(body, "writeDisposition", WRITE_DISPOSITIONS, default_write)
    if (
        updates
        and write in ("WRITE_TRUNCATE", "WRITE_EMPTY")
        and not (partition and write == "WRITE_TRUNCATE")
    ):
        raise invalid(
            "Schema update options should only be specified with WRITE_APPEND disposition, or with "
            "WRITE_TRUNCATE disposition on a table partition."
        )
    labels = properties.get("labels") or {}
    check_labels(labels)
    encryption = body.get("destinationEncryptionConfiguration")
    return Target(
        table=TableRef(ref.project, ref.dataset, table),
        create=create,
        write=write,
        partition=partition or None,
        schema_updates=updates,
        time_partitioning=time_partitioning(body.get("timePartitioning")),
        range_partitioning=range_partitioning(body.get("rangePartitioning")),
        require_partition_filter=bool((body.get("timePartitioning") or {}).get("requirePartitionFilter")),
        clustering=tuple((body.get("clustering") or {}).get("fields") or ()),
        description=properties.get("description"),
        friendly_name=properties.get("friendlyName"),
        labels=labels,
        expiration_ms=int64(properties, "expirationTime"),
        metadata={"encryptionConfiguration": encryption} if encryption else {},
    )


def time_partitioning(given: Any) -> TimePartitioning | None:
    if not given:
        return None
    kind = str(given.get("type") or "DAY").upper()
    if kind not in PARTITION_TYPES:
        raise bad_value("timePartitioning.type", kind)
    return TimePartitioning(kind, given.get("field") or None, int64(given, "expirationMs"))


def range_partitioning(given: Any) -> RangePartitioning | None:
    if not given:
        return None
    bounds = given.get("range") or {}
    values = [int64(bounds, name) for name in ("start", "end", "interval")]
    if not given.get("field") or any(v is None for v in values):
        raise required("rangePartitioning")
    start, end, interval = (v or 0 for v in values)
    return RangePartitioning(str(given["field"]), start, end, interval)


def check_labels(labels: Any) -> None:
    """400 ``invalid`` unless ``labels`` follow the page *Introduction to labels*."""
    if not labels:
        return
    if not isinstance(labels, Mapping):
        raise bad_value("labels", labels)
    if len(labels) > MAX_LABELS:
        raise invalid(f"A resource can have at most {MAX_LABELS} labels, found {len(labels)}", "labels")
    for key, value in labels.items():
        if not _LABEL_KEY.match(key) or key != key.lower():
            raise invalid(f'Label key "{key}" has invalid characters or is too long', "labels")
        if not isinstance(value, str) or not _LABEL_VALUE.match(value) or value != value.lower():
            raise invalid(f'Label value "{value}" has invalid characters or is too long', "labels")


def _dataset(given: Any, project: str) -> DatasetRef | None:
    if not given:
        return None
    ref = DatasetRef.from_json(dict(given), project)
    if not ref.dataset:
        raise required("defaultDataset.datasetId")
    return ref


# -- reading JSON values


def required(name: str) -> BigQueryError:
    return BigQueryError("required", f"Required parameter is missing: {name}", location=name)


def bad_value(name: str, value: object) -> BigQueryError:
    return invalid(f"Invalid value for {name}: {str(value)[:200]} is not a valid value", name)


def enum(body: Mapping[str, Any], name: str, allowed: frozenset[str], default: str) -> str:
    value = body.get(name) or default
    if value not in allowed:
        raise bad_value(name, value)
    return str(value)


def int64(body: Mapping[str, Any], name: str) -> int | None:
    """An int64 of the API: a number or its text; None when absent."""
    value = body.get(name)
    if value is None or value == "":
        return None
    try:
        number = int(value)
    except (TypeError, ValueError) as exc:
        raise bad_value(name, value) from exc
    if not -(2**63) <= number < 2**63:
        raise bad_value(name, value)
    return number


def boolean(body: Mapping[str, Any], name: str, default: bool) -> bool:
    """A boolean of the API: ``true``, ``"true"`` … ; null is the default."""
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise bad_value(name, value)
