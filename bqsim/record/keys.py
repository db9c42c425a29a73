"""What requests mean, as keys: two requests with one key are answered by the same recorded operation.

What clients make anew for every call (ids, labels, timeouts, sizes of pages) and what does not change what is
asked for (whitespace and comments of SQL, the way in which a number or a time is written, the order of
members, defaults that are sent or left out) does not count. Contents of uploads, of inserted and of appended
rows are no part of keys: operations of one key that differ by them are told apart when they are replayed.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from .parameters import parameters_form
from .sql_forms import FINGERPRINT, NORMALISED, sql_form

# Members of a query's configuration that do not tell queries apart.
_QUERY_IGNORED = frozenset(
    {
        "query",
        "queryParameters",
        "parameterMode",
        "useLegacySql",
        "useQueryCache",
        "priority",
        "allowLargeResults",
        "flattenResults",
        "continuous",
        "preserveNulls",
    }
)
_JOB_KINDS = ("query", "load", "extract", "copy")
# Members of jobs.query's body that are of the query itself, and those that are of the job.
_OF_QUERY = (
    "defaultDataset",
    "useLegacySql",
    "useQueryCache",
    "maximumBytesBilled",
    "createSession",
    "connectionProperties",
    "continuous",
    "destinationEncryptionConfiguration",
    "preserveNulls",
    "writeIncrementalResults",
)
_OF_JOB = ("dryRun", "reservation", "maxSlots")
# Members of jobs' configurations beside their kind's that count.
_JOB_COUNTED = ("dryRun",)
_REFERENCES = frozenset(
    {"destinationTable", "sourceTable", "sourceTables", "defaultDataset", "sourceModel", "destinationDataset"}
)
# What members have that are not sent.
_DEFAULTS: Mapping[str, Any] = {
    "createDisposition": "CREATE_IF_NEEDED",
    "encoding": "UTF-8",
    "fieldDelimiter": ",",
    "sourceFormat": "CSV",
    "destinationFormat": "CSV",
    "compression": "NONE",
    "maxBadRecords": "0",
    "skipLeadingRows": "0",
    "quote": '"',
    "operationType": "COPY",
    "maximumBytesBilled": "0",
    "printHeader": True,
}
# Names of types that mean the same.
_TYPE_NAMES: Mapping[Any, str] = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_WRITE_DEFAULTS = {"query": "WRITE_EMPTY", "load": "WRITE_APPEND", "copy": "WRITE_EMPTY"}
# Parameters of URLs that do not tell what is asked for.
_QUERY_PARAMETERS_IGNORED = frozenset(
    {
        "alt",
        "callback",
        "fields",
        "key",
        "maxResults",
        "oauth_token",
        "access_token",
        "pageSize",
        "pageToken",
        "prettyPrint",
        "quotaUser",
        "userIp",
        "$.xgafv",
        "xgafv",
        "upload_id",
        "uploadType",
        "upload_protocol",
    }
)
# Members of resources that clients send back as they got them.
_RESOURCE_IGNORED = frozenset(
    {
        "kind",
        "etag",
        "id",
        "selfLink",
        "creationTime",
        "lastModifiedTime",
        "numBytes",
        "numLongTermBytes",
        "numRows",
        "numActiveLogicalBytes",
        "numTotalLogicalBytes",
        "location",
        "requestId",
        "traceId",
    }
)
_HEADERS_COUNTED = frozenset({"if-none-match", "range", "x-goog-copy-source"})
_MADE_BY = re.compile(r"@[#0-9a-f.]+\}")
_LEGACY_PREFIX = re.compile(
    r"(?:\s|/\*.*?\*/|--[^\n]*\n)*#\s*(legacy|standard)SQL\b", re.IGNORECASE | re.DOTALL
)

Request = Mapping[str, Any]


def operation_key(kind: str, request: Request) -> str:
    """16 hex digits of what an operation's ``request`` means (:mod:`bqsim.record.shapes`)."""
    return key_of(kind, identity(kind, request))


def key_of(kind: str, meaning: Any) -> str:
    """The key of a meaning that :func:`identity` gave."""
    text = json.dumps([kind, meaning], sort_keys=True, separators=(",", ":"))
    # Which operation made what a symbol stands for does not count: keys would follow from keys.
    text = _MADE_BY.sub("}", text)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def identity(kind: str, request: Request, sql_level: str = NORMALISED) -> Any:
    """The part of a request that tells it from others, in its normal form, as JSON.

    ``sql_level`` is how texts of queries are compared (:mod:`bqsim.record.sql_forms`).
    """
    if kind == "query":
        return _query(request, sql_level)
    if kind in ("load", "extract", "copy"):
        return _job(kind, request)
    if kind == "insert":
        return {"table": request.get("table"), "options": _plain(request.get("options") or {})}
    if kind == "rows":
        return _rows(request, sql_level)
    if kind == "append":
        return {"table": request.get("table"), "type": request.get("type") or "DEFAULT"}
    if kind in ("metadata", "object"):
        return _call(request)
    return {"verb": request.get("verb"), "target": _target(str(request.get("target") or ""))}


# Requests of jobs


def query_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """The request of a query operation that a body of ``jobs.query`` makes."""
    query = {name: body[name] for name in _OF_QUERY if name in body}
    configuration: dict[str, Any] = {"query": query}
    configuration.update({name: body[name] for name in _OF_JOB if name in body})
    return _query_request(body, configuration, body.get("location"))


def job_request(body: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The kind and request of the operation that a body of ``jobs.insert`` makes; ``("", {})`` for none."""
    configuration = body.get("configuration")
    if not isinstance(configuration, Mapping):
        return "", {}
    kind = next((k for k in _JOB_KINDS if isinstance(configuration.get(k), Mapping)), "")
    if not kind:
        return "", {}
    reference = body.get("jobReference")
    location = reference.get("location") if isinstance(reference, Mapping) else None
    kept = {name: value for name, value in configuration.items() if name not in ("labels", "jobType")}
    if kind == "query":
        query = dict(configuration["query"])
        inner = {k: v for k, v in query.items() if k not in ("query", "queryParameters", "parameterMode")}
        return kind, _query_request(query, {**kept, "query": inner}, location)
    request: dict[str, Any] = {"configuration": kept}
    if location:
        request["location"] = location
    return kind, request


def _query_request(texts: Mapping[str, Any], configuration: dict[str, Any], location: Any) -> dict[str, Any]:
    request: dict[str, Any] = {"sql": texts.get("query", "")}
    if texts.get("queryParameters"):
        request["parameters"] = texts["queryParameters"]
    if texts.get("parameterMode"):
        request["parameterMode"] = texts["parameterMode"]
    request["configuration"] = configuration
    if location:
        request["location"] = location
    return request


def is_legacy(sql: str, query: Mapping[str, Any]) -> bool:
    """Whether a query is in legacy SQL: a prefix of the text decides, then ``useLegacySql``, which is true by
    default."""
    prefix = _LEGACY_PREFIX.match(sql)
    if prefix is not None:
        return prefix[1].lower() == "legacy"
    given = query.get("useLegacySql")
    return given is None or given is True or str(given).lower() == "true"


# Meanings


def _query(request: Request, sql_level: str) -> dict[str, Any]:
    configuration = request.get("configuration") or {}
    query = configuration.get("query") or {}
    sql = str(request.get("sql") or query.get("query") or "")
    parameters = request.get("parameters") or query.get("queryParameters") or []
    meaning: dict[str, Any] = {"sql": sql_form(sql, sql_level)}
    if parameters:
        form = parameters_form(parameters)
        meaning["parameters"] = [p[0] for p in form] if sql_level == FINGERPRINT else form
    if is_legacy(sql, query):
        meaning["legacy"] = True
    rest = {k: v for k, v in query.items() if k not in _QUERY_IGNORED}
    rest = _configuration("query", rest)
    if rest:
        meaning["query"] = rest
    return meaning | _of_job(configuration)


def _job(kind: str, request: Request) -> dict[str, Any]:
    configuration = request.get("configuration") or {}
    return {kind: _configuration(kind, configuration.get(kind) or {})} | _of_job(configuration)


def _of_job(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {name: True for name in _JOB_COUNTED if str(configuration.get(name, "")).lower() == "true"}


def _configuration(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in given.items():
        if name in _REFERENCES:
            value = _reference(value)
        if name == "schema":
            value = _schema(value)
        value = _plain(value)
        if _is_empty(value) or value == _plain(_DEFAULTS.get(name)):
            continue
        kept[name] = value
    if kept.get("writeDisposition") == _WRITE_DEFAULTS.get(kind):
        kept.pop("writeDisposition", None)
    if kind == "query" and "destinationTable" not in kept:
        kept.pop("writeDisposition", None)
    if kind == "copy" and "sourceTable" in kept:
        kept.setdefault("sourceTables", [kept.pop("sourceTable")])
    return kept


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", [], {})


def _reference(value: Any) -> Any:
    """A reference to a table or dataset; it is of the project of the call when it names none."""
    if isinstance(value, list):
        return [_reference(item) for item in value]
    if isinstance(value, Mapping):
        return {"projectId": "${project}", **{k: v for k, v in value.items() if v not in (None, "")}}
    return value


def _schema(value: Any) -> Any:
    """A table's schema: types have several names, and columns are NULLABLE when they do not tell."""
    if isinstance(value, list):
        return [_schema(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    kept = {name: _schema(item) if name == "fields" else item for name, item in value.items()}
    for name in ("mode", "type"):
        if isinstance(kept.get(name), str):
            kept[name] = kept[name].upper()
    kept["type"] = _TYPE_NAMES.get(kept.get("type"), kept.get("type"))
    if kept.get("mode") in ("NULLABLE", ""):
        del kept["mode"]
    return {name: item for name, item in kept.items() if item not in (None, [])}


def _rows(request: Request, sql_level: str) -> dict[str, Any]:
    meaning: dict[str, Any] = {"table": request.get("table")}
    if request.get("fields"):
        meaning["fields"] = sorted(map(str, request["fields"]))
    if request.get("restriction"):
        meaning["restriction"] = sql_form(str(request["restriction"]), sql_level)
    for name in ("snapshot", "sample"):
        if request.get(name):
            meaning[name] = _plain(request[name])
    return meaning


def _call(request: Request) -> dict[str, Any]:
    meaning: dict[str, Any] = {"method": request.get("method"), "resource": request.get("resource")}
    query = {k: v for k, v in (request.get("query") or {}).items() if k not in _QUERY_PARAMETERS_IGNORED}
    if query:
        meaning["query"] = _plain(query)
    told = request.get("headers") or {}
    # What the etag is does not count, nor that one is asked to match.
    headers = {n: n == "if-none-match" or v for n, v in told.items() if n in _HEADERS_COUNTED}
    if headers:
        meaning["headers"] = headers
    body = request.get("body")
    if isinstance(body, Mapping):
        body = {k: _reference(v) if k.endswith("Reference") else v for k, v in body.items()}
        if "schema" in body:
            body["schema"] = _schema(body["schema"])
        kept = {k: _plain(v) for k, v in body.items() if k not in _RESOURCE_IGNORED}
        kept = {k: v for k, v in kept.items() if v not in ({}, [])}
        if kept:
            meaning["body"] = kept
    elif body not in (None, ""):
        meaning["body"] = _plain(body)
    return meaning


def _target(target: str) -> str:
    path, mark, query = target.partition("?")
    if not mark:
        return path
    pairs = [p for p in query.split("&") if p.partition("=")[0] not in _QUERY_PARAMETERS_IGNORED]
    return "?".join(part for part in (path, "&".join(sorted(pairs))) if part)


def _plain(value: Any) -> Any:
    """JSON whose numbers are texts, as the API writes integers of 64 bits, without members that are null."""
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, int):
        return str(value)
    text = str(value)
    # Booleans of clients that write them as texts.
    return {"true": True, "false": False}.get(text, text)
