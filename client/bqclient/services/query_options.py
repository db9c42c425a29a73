"""What a query may be given, and the two forms in which the API takes it: a request, or a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from bqclient.errors import LimitError, UsageError
from bqclient.models.references import DatasetReference, TableReference

if TYPE_CHECKING:
    from bqclient.config import ClientConfig

# The longest text of a query, in bytes, and the most parameters.
MAX_QUERY_BYTES = 1 << 20
MAX_PARAMETERS = 10_000

Parameters = Mapping[str, Any] | Sequence[Any] | None


class QueryOptions(TypedDict, total=False):
    """Options of every way to run a query. SQL is GoogleSQL; legacy SQL is not offered.

    ``destination``: a table for the result, with ``write_disposition`` (WRITE_EMPTY, WRITE_APPEND,
    WRITE_TRUNCATE, WRITE_TRUNCATE_DATA), ``create_disposition``, ``schema_update_options``,
    ``time_partitioning``, ``range_partitioning``, ``clustering``, ``kms_key``. ``priority``: INTERACTIVE, or
    BATCH, which holds none of the client's places for interactive queries. ``job_id``, or ``job_id_prefix``
    of an id that is made. ``labels`` go with those of the client. ``connection_properties``: ``time_zone``,
    ``service_account``, …; ``session_id`` is one of them; ``create_session`` begins one. ``job_timeout``:
    seconds after which the service stops the job by itself.
    """

    destination: TableReference | str
    write_disposition: str
    create_disposition: str
    schema_update_options: Sequence[str]
    time_partitioning: Mapping[str, Any]
    range_partitioning: Mapping[str, Any]
    clustering: Sequence[str]
    kms_key: str
    priority: str
    job_id: str
    job_id_prefix: str
    labels: Mapping[str, str]
    use_cache: bool
    default_dataset: DatasetReference | str
    location: str
    create_session: bool
    session_id: str
    connection_properties: Mapping[str, str]
    maximum_bytes_billed: int
    job_timeout: float
    reservation: str


def _same(value: Any, _: ClientConfig) -> Any:
    return value


def _text(value: Any, _: ClientConfig) -> str:
    return str(int(value))


def _milliseconds(value: float, _: ClientConfig) -> str:
    return str(int(value * 1000))


def _dataset(value: DatasetReference | str, config: ClientConfig) -> dict[str, str]:
    return DatasetReference.of(value, config.project).to_api()


def _table(value: TableReference | str, config: ClientConfig) -> dict[str, str]:
    return TableReference.of(value, config.project, config.default_dataset).to_api()


def _priority(value: str, _: ClientConfig) -> str:
    if value.upper() not in ("INTERACTIVE", "BATCH"):
        raise UsageError(f"priority is INTERACTIVE or BATCH, not {value!r}.")
    return value.upper()


Write = Callable[[Any, "ClientConfig"], Any]

# Options that both forms have: the request's key; where a job has it, below "query" or not; and how.
_BOTH: Mapping[str, tuple[str, bool, Write]] = {
    "use_cache": ("useQueryCache", True, _same),
    "default_dataset": ("defaultDataset", True, _dataset),
    "create_session": ("createSession", True, _same),
    "maximum_bytes_billed": ("maximumBytesBilled", True, _text),
    "job_timeout": ("jobTimeoutMs", False, _milliseconds),
    "reservation": ("reservation", False, _same),
    "labels": ("labels", False, lambda value, _: dict(value)),
}
# Options that only jobs have: the key below "query", and how.
_OF_JOBS: Mapping[str, tuple[str, Write]] = {
    "destination": ("destinationTable", _table),
    "write_disposition": ("writeDisposition", _same),
    "create_disposition": ("createDisposition", _same),
    "schema_update_options": ("schemaUpdateOptions", lambda value, _: list(value)),
    "time_partitioning": ("timePartitioning", _same),
    "range_partitioning": ("rangePartitioning", _same),
    "clustering": ("clustering", lambda value, _: {"fields": list(value)}),
    "kms_key": ("destinationEncryptionConfiguration", lambda value, _: {"kmsKeyName": value}),
    "priority": ("priority", _priority),
}
_NEED_JOB = frozenset(_OF_JOBS) | {"job_id", "job_id_prefix"}
_ELSEWHERE = frozenset({"job_id", "job_id_prefix", "location", "session_id", "connection_properties"})


def needs_job(options: Mapping[str, Any]) -> bool:
    """Whether a query with these options has to be a job from the start."""
    return not _NEED_JOB.isdisjoint(options)


def is_batch(options: Mapping[str, Any]) -> bool:
    """Whether it is of BATCH priority."""
    return str(options.get("priority", "")).upper() == "BATCH"


def request_of(
    config: ClientConfig, sql: str, parameters: Parameters, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The API's ``QueryRequest``. Raises UsageError, or LimitError."""
    body: dict[str, Any] = {
        "query": checked(sql),
        "useLegacySql": False,
        "location": options.get("location") or config.location,
        "formatOptions": {"useInt64Timestamp": True},
    }
    if parameters:
        _add_parameters(body, parameters)
    if config.labels:
        body["labels"] = dict(config.labels)
    if config.default_dataset is not None and "default_dataset" not in options:
        body["defaultDataset"] = _dataset(config.default_dataset, config)
    if config.maximum_bytes_billed is not None and "maximum_bytes_billed" not in options:
        body["maximumBytesBilled"] = str(config.maximum_bytes_billed)
    if options:
        _add_options(config, options, body, body)
    return body


def configuration_of(
    config: ClientConfig, sql: str, parameters: Parameters, options: Mapping[str, Any]
) -> dict[str, Any]:
    """The API's ``JobConfiguration``. Raises UsageError, or LimitError."""
    query: dict[str, Any] = {"query": checked(sql), "useLegacySql": False}
    whole: dict[str, Any] = {"query": query}
    if parameters:
        _add_parameters(query, parameters)
    if config.labels:
        whole["labels"] = dict(config.labels)
    if config.default_dataset is not None and "default_dataset" not in options:
        query["defaultDataset"] = _dataset(config.default_dataset, config)
    if config.maximum_bytes_billed is not None and "maximum_bytes_billed" not in options:
        query["maximumBytesBilled"] = str(config.maximum_bytes_billed)
    _add_options(config, options, query, whole)
    for name, (key, write) in _OF_JOBS.items():
        if options.get(name) is not None:
            query[key] = write(options[name], config)
    return whole


def checked(sql: str) -> str:
    """The text, if it is one and not too long for the service."""
    if not sql or sql.isspace():
        raise UsageError("There is no SQL in the query.")
    if len(sql) > MAX_QUERY_BYTES // 4 and (found := len(sql.encode())) > MAX_QUERY_BYTES:
        raise LimitError(
            f"The query's text has {found:,} bytes, {MAX_QUERY_BYTES:,} are allowed: give values as "
            "parameters, or put them into a table and join it.",
            limit=MAX_QUERY_BYTES,
            found=found,
        )
    return sql


def _add_parameters(query: dict[str, Any], parameters: Mapping[str, Any] | Sequence[Any]) -> None:
    from bqclient.values.parameters import query_parameters

    if len(parameters) > MAX_PARAMETERS:
        raise LimitError(
            f"The query has {len(parameters):,} parameters, {MAX_PARAMETERS:,} are allowed: "
            "give an ARRAY as one parameter.",
            limit=MAX_PARAMETERS,
            found=len(parameters),
        )
    mode, made = query_parameters(parameters)
    if mode:
        query["parameterMode"], query["queryParameters"] = mode, made


def _add_options(
    config: ClientConfig, options: Mapping[str, Any], query: dict[str, Any], whole: dict[str, Any]
) -> None:
    for name, value in options.items():
        if value is None or name in _OF_JOBS or name in _ELSEWHERE:
            continue
        if name not in _BOTH:
            raise UsageError(f"A query has no option {name!r}; it has {', '.join(sorted(_ALL))}.")
        key, below, write = _BOTH[name]
        made = write(value, config)
        target = query if below else whole
        target[key] = {**target.get(key, {}), **made} if name == "labels" else made
    properties = dict(options.get("connection_properties") or {})
    if session := options.get("session_id"):
        properties["session_id"] = session
    if properties:
        query["connectionProperties"] = [{"key": k, "value": v} for k, v in properties.items()]


_ALL = frozenset(QueryOptions.__annotations__)
