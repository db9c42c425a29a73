"""The configuration of a query job: parsed and checked once, before the job exists."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RangePartitioning, RowAccessPolicy, TimePartitioning
from bqsim.errors import invalid
from bqsim.jobs.reading import (
    bad_value,
    boolean,
    dataset_ref,
    enum,
    int64,
    items,
    mapping,
    required,
    table_ref,
    text,
    texts,
)

if TYPE_CHECKING:
    from bqsim.sql.plan import TypedValue

CREATE_DISPOSITIONS = frozenset({"CREATE_IF_NEEDED", "CREATE_NEVER"})
WRITE_DISPOSITIONS = frozenset({"WRITE_TRUNCATE", "WRITE_TRUNCATE_DATA", "WRITE_APPEND", "WRITE_EMPTY"})
SCHEMA_UPDATES = frozenset({"ALLOW_FIELD_ADDITION", "ALLOW_FIELD_RELAXATION"})
PRIORITIES = frozenset({"INTERACTIVE", "BATCH"})
PARTITION_TYPES = frozenset({"HOUR", "DAY", "MONTH", "YEAR"})
PARAMETER_MODES = frozenset({"", "NAMED", "POSITIONAL"})

# Page "Introduction to labels": international letters are allowed, capitals are not.
MAX_LABELS = 64
_LABEL_KEY = re.compile(r"[^\W\d_][\w-]{0,62}\Z")
_LABEL_VALUE = re.compile(r"[\w-]{0,63}\Z")
_DIALECT = re.compile(r"\s*#(standardsql|legacysql)\b", re.IGNORECASE)
# Page "Quotas and limits": query parameters in a query.
MAX_PARAMETERS = 10_000


@dataclass(frozen=True, slots=True)
class Target:
    """Where a job writes: a table, how it may be created and changed, and its shape when it is created.

    ``policies`` are row access policies that come with the rows.
    """

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
    policies: tuple[RowAccessPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryConfig:
    """``JobConfigurationQuery`` with what belongs to it of ``JobConfiguration``.

    ``parameters_text`` identifies the parameters in cache and request keys. ``properties`` are the connection
    properties by key, ``definitions`` the external tables of this query. ``legacy`` is whether the text is in
    legacy SQL.
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
    statement_byte_budget: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    job_timeout_ms: int | None = None
    definitions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    legacy: bool = False


def parse_query(configuration: Mapping[str, Any], project: str) -> QueryConfig:
    """Read ``configuration`` (a ``JobConfiguration`` with member ``query``); 400 for what is wrong with
    it."""
    body = mapping(configuration, "query")
    sql = text(body, "query")
    if sql is None or not sql.strip():
        raise required("query")
    definitions = {
        name: mapping(body["tableDefinitions"], name) for name in mapping(body, "tableDefinitions")
    }
    enum(body, "priority", PRIORITIES, "INTERACTIVE")
    named, positional, parameters_text = parse_parameters(body)
    check_labels(configuration.get("labels"))
    target = (
        parse_target(body, project, default_write="WRITE_EMPTY") if body.get("destinationTable") else None
    )
    return QueryConfig(
        sql=sql,
        default_dataset=dataset_ref(body, "defaultDataset", project),
        target=target,
        named=named,
        positional=positional,
        parameters_text=parameters_text,
        use_cache=boolean(body, "useQueryCache", True) and not definitions,
        dry_run=boolean(configuration, "dryRun", False),
        create_session=boolean(body, "createSession", False),
        create_never=body.get("createDisposition") == "CREATE_NEVER",
        maximum_bytes_billed=int64(body, "maximumBytesBilled"),
        statement_byte_budget=int64(mapping(body, "scriptOptions"), "statementByteBudget"),
        properties=parse_properties(body),
        job_timeout_ms=int64(configuration, "jobTimeoutMs"),
        definitions=definitions,
        legacy=_is_legacy(sql, body),
    )


def _is_legacy(sql: str, body: Mapping[str, Any]) -> bool:
    """Whether a text is in legacy SQL: a prefix decides, then ``useLegacySql``, which is true by default."""
    prefix = _DIALECT.match(sql)
    return prefix.group(1).lower() == "legacysql" if prefix else boolean(body, "useLegacySql", True)


def parse_parameters(
    body: Mapping[str, Any],
) -> tuple[dict[str, TypedValue], tuple[TypedValue, ...], str]:
    """Query parameters: named (lower-case keys), positional, and a text that identifies them."""
    given = items(body, "queryParameters")
    mode = enum(body, "parameterMode", PARAMETER_MODES, "")
    if not given:
        return {}, (), ""
    if len(given) > MAX_PARAMETERS:
        raise invalid(
            f"Too many query parameters: {len(given)}, limit is {MAX_PARAMETERS}", "queryParameters"
        )
    from bqsim.types.values import parameter

    for item in given:
        if not isinstance(item, Mapping):
            raise bad_value("queryParameters", item)
    names = [text(p, "name") for p in given]
    is_named = mode == "NAMED" if mode else any(names)
    if is_named and not all(names):
        raise invalid("Named query parameters must have a name", "queryParameters")
    if not is_named and any(names):
        raise invalid("Positional query parameters must not have a name", "queryParameters")
    values = tuple(_typed(parameter(p)) for p in given)
    shown = json.dumps(given, sort_keys=True, separators=(",", ":"))
    if not is_named:
        return {}, values, shown
    named: dict[str, TypedValue] = {}
    for name, value in zip(names, values, strict=True):
        key = str(name).lower()
        if key in named:
            raise invalid(f"Duplicate parameter name: {name}", "queryParameters")
        named[key] = value
    return named, (), shown


def _typed(value: Any) -> TypedValue:
    from bqsim.sql.plan import TypedValue

    return value if isinstance(value, TypedValue) else TypedValue(*value)


def parse_properties(body: Mapping[str, Any]) -> dict[str, str]:
    """Connection properties by key; a repeated key is 400 ``invalid``."""
    found: dict[str, str] = {}
    for item in items(body, "connectionProperties"):
        if not isinstance(item, Mapping):
            raise bad_value("connectionProperties", item)
        key = text(item, "key") or ""
        if key in found:
            raise invalid(f"Duplicate connection property: {key}", "connectionProperties")
        found[key] = text(item, "value") or ""
    return found


def parse_target(body: Mapping[str, Any], project: str, *, default_write: str) -> Target:
    """The destination of a query, load or copy configuration."""
    ref = table_ref(body, "destinationTable", project)
    table, _, partition = ref.table.partition("$")
    # All partitions: the table as a whole.
    partition = "" if partition == "*" else partition
    properties = mapping(body, "destinationTableProperties")
    updates = frozenset(texts(body, "schemaUpdateOptions"))
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
    labels = mapping(properties, "labels")
    check_labels(labels)
    encryption = mapping(body, "destinationEncryptionConfiguration")
    return Target(
        table=TableRef(ref.project, ref.dataset, table),
        create=create,
        write=write,
        partition=partition or None,
        schema_updates=updates,
        time_partitioning=time_partitioning(mapping(body, "timePartitioning")),
        range_partitioning=range_partitioning(mapping(body, "rangePartitioning")),
        require_partition_filter=boolean(mapping(body, "timePartitioning"), "requirePartitionFilter", False),
        clustering=texts(mapping(body, "clustering"), "fields"),
        description=text(properties, "description"),
        friendly_name=text(properties, "friendlyName"),
        labels=labels,
        expiration_ms=int64(properties, "expirationTime"),
        metadata={"encryptionConfiguration": encryption} if encryption else {},
    )


def time_partitioning(given: Mapping[str, Any] | None) -> TimePartitioning | None:
    """A ``TimePartitioning`` object; None for none."""
    if not given:
        return None
    kind = (text(given, "type") or "DAY").upper()
    if kind not in PARTITION_TYPES:
        raise bad_value("timePartitioning.type", kind)
    return TimePartitioning(kind, text(given, "field"), int64(given, "expirationMs"))


def range_partitioning(given: Mapping[str, Any] | None) -> RangePartitioning | None:
    """A ``RangePartitioning`` object; None for none."""
    if not given:
        return None
    bounds, field_name = mapping(given, "range"), text(given, "field")
    values = [int64(bounds, name) for name in ("start", "end", "interval")]
    if field_name is None or any(v is None for v in values):
        raise required("rangePartitioning")
    start, end, interval = (v or 0 for v in values)
    return RangePartitioning(field_name, start, end, interval)


def check_labels(labels: Any) -> None:
    """400 ``invalid`` unless ``labels`` follow the page *Introduction to labels*."""
    if not labels:
        return
    if not isinstance(labels, Mapping):
        raise bad_value("labels", labels)
    if len(labels) > MAX_LABELS:
        raise invalid(f"A resource can have at most {MAX_LABELS} labels, found {len(labels)}", "labels")
    for key, value in labels.items():
        if not isinstance(key, str) or not _LABEL_KEY.match(key) or key != key.lower():
            raise invalid(f'Label key "{key}" has invalid characters or is too long', "labels")
        if not isinstance(value, str) or not _LABEL_VALUE.match(value) or value != value.lower():
            raise invalid(f'Label value "{value}" has invalid characters or is too long', "labels")
