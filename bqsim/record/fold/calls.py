"""Operations that are no jobs: rows read and inserted, metadata, objects, what is of no API known here."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from bqsim.record.routes import READ

from .grouping import Group
from .jobs import uploaded
from .made import Made, table_name
from .reading import Readings
from .rows import NDJSON, Keep, Pages, format_options, kept
from .views import View

# Parameters of URLs that say nothing of what is asked for.
_UNSAID = frozenset(
    [
        "pageToken",
        "maxResults",
        "pageSize",
        "key",
        "alt",
        "prettyPrint",
        "quotaUser",
        "userIp",
        "access_token",
        "oauth_token",
        "callback",
        "upload_id",
        "uploadType",
        "upload_protocol",
        "uploadId",
        "$.xgafv",
        "xgafv",
        "userProject",
    ]
)
# Headers of answers that matter to clients.
_TOLD = frozenset(
    [
        "content-type",
        "content-range",
        "content-disposition",
        "content-language",
        "cache-control",
        "content-encoding",
        "etag",
        "last-modified",
        "location",
        "range",
        "x-goog-generation",
        "x-goog-metageneration",
        "x-goog-hash",
        "x-goog-storage-class",
        "x-goog-stored-content-encoding",
        "x-goog-stored-content-length",
        "x-http-status-code-override",
    ]
)
# Headers of requests that are part of what is asked for.
_ASKED = ("if-match", "if-none-match", "range", "x-goog-if-generation-match", "x-goog-copy-source")
_LISTS = (
    "datasets",
    "tables",
    "jobs",
    "models",
    "routines",
    "rowAccessPolicies",
    "projects",
    "items",
    "prefixes",
)
_READS = frozenset(
    ("get", "list", "getIamPolicy", "testIamPermissions", "getStorageLayout", "getServiceAccount")
)


def made_call(group: Group, views: list[View], keep: Keep) -> Made:
    """The operation of calls that are of no job: one that counts, its pages, and those that failed before."""
    makers = {
        "rows": made_rows,
        "insert": made_insert,
        "object": made_object,
        "other": made_other,
        "metadata": made_metadata,
    }
    return makers[group.kind](group, views, keep)


def _split(views: list[View]) -> tuple[list[View], list[View]]:
    """The calls that count (all that were answered well, or else the last) and the failures before."""
    good = [view for view in views if view.ok]
    if not good:
        return views[-1:], views[:-1]
    return good, [view for view in views if not view.ok]


def _failures(result: dict[str, Any], failed: list[View]) -> None:
    if failed:
        result["failures"] = [view.failure for view in failed]


def made_metadata(group: Group, views: list[View], keep: Keep) -> Made:
    """A call of a method, or the pages of a list."""
    good, failed = _split(views)
    first = views[0]
    request = _call(first)
    if first.body is not None:
        request["body"] = first.body
    told = good[0]
    result = _status(told)
    body = _pages(good)
    if body is not None:
        result["body"] = body
    elif told.exchange.response.data:
        data = told.exchange.response.data
        result["content"] = kept(keep, data, told.exchange.response.media)
    _failures(result, failed)
    made = Made("metadata", request, result, done_s=told.ended_s)
    verb = first.method.rpartition(".")[2]
    _touch(made, first, told, changes=verb not in _READS and told.ok and first.exchange.verb != "GET")
    made.repeatable = verb in _READS or first.exchange.verb in ("GET", "HEAD")
    return made


def _call(view: View) -> dict[str, Any]:
    request: dict[str, Any] = {"method": view.method, "resource": unquote(view.resource)}
    query = {name: value for name, value in sorted(view.query.items()) if name not in _UNSAID}
    if query:
        request["query"] = query
    headers = {name: view.sent_header(name) for name in _ASKED if view.sent_header(name)}
    if headers:
        request["headers"] = headers
    return request


def _status(view: View) -> dict[str, Any]:
    exchange = view.exchange
    out: dict[str, Any] = {"status": exchange.status}
    headers = {
        name: value
        for name, value in sorted(exchange.response_headers)
        if name in _TOLD and not (name == "content-type" and "json" in value.lower())
    }
    if headers:
        out["headers"] = headers
    if exchange.broken:
        out["broken"] = exchange.broken
    return out


def _pages(views: list[View]) -> Any:
    """The JSON of an answer; of several pages all that they list together."""
    body = views[0].answer
    if not isinstance(body, dict):
        return body
    seen = {views[0].query.get("pageToken", "")}
    out = dict(body)
    last = body
    for view in views[1:]:
        page, token = view.answer, view.query.get("pageToken", "")
        if not isinstance(page, dict) or token in seen:
            continue
        seen.add(token)
        last = page
        for name in _LISTS:
            if isinstance(page.get(name), list):
                out[name] = [*(out.get(name) or []), *page[name]]
    out.pop("nextPageToken", None)
    if last.get("nextPageToken"):
        # The client did not ask for what follows.
        out["more"] = True
    return out


def _touch(made: Made, view: View, told: View, *, changes: bool) -> None:
    parts = unquote(view.resource).split("/")
    names = dict(zip(parts[::2], parts[1::2], strict=False))
    project, dataset, table = (names.get(n) for n in ("projects", "datasets", "tables"))
    collection, verb = ("", *view.method.split("."))[-2:]
    body = view.body if isinstance(view.body, dict) else {}
    if verb == "insert":
        reference = body.get(collection.removesuffix("s") + "Reference")
        reference = reference if isinstance(reference, dict) else {}
        if collection == "datasets":
            dataset = reference.get("datasetId")
        elif collection == "tables":
            table = reference.get("tableId")
    if table:
        name = table_name(project, dataset, table)
        (made.changes if changes else made.reads).add(name)
        if changes and verb in ("insert", "delete"):
            made.adds.add(f"dataset:{project}.{dataset}")
    elif dataset:
        name = f"dataset:{project}.{dataset}"
        if not changes:
            made.reads.add(name)
        elif collection == "datasets":
            made.changes.add(name)
            made.adds.add(f"project:{project}")
        else:
            made.adds.add(name)
    elif project and collection == "datasets":
        made.reads.add(f"project:{project}")


def made_object(group: Group, views: list[View], keep: Keep) -> Made:
    """A call to Cloud Storage; of an upload all calls that it took."""
    good, failed = _split(views)
    first, told = views[0], good[-1]
    listing = first.method.endswith(".list")
    if listing:
        told = good[0]
    request = _call(first)
    uploading = "upload" in first.exchange.target
    if first.body is not None:
        request["body"] = first.body
    if uploading:
        media = str((first.body or {}).get("contentType", "")) if isinstance(first.body, dict) else ""
        content = uploaded(views, keep, media or first.sent_header("x-upload-content-type"))
        if content is not None:
            request["content"] = content
    elif first.body is None and first.exchange.request.size:
        request["content"] = _content(first.exchange.request, keep)
    result = _status(told)
    body = _pages(good) if listing else told.answer
    media_asked = first.query.get("alt") == "media" or "/download/" in first.exchange.target
    if body is not None and not media_asked:
        result["body"] = body
    elif told.exchange.response.size:
        result["content"] = _content(told.exchange.response, keep)
    _failures(result, failed)
    made = Made("object", request, result, done_s=told.ended_s)
    reading = first.exchange.verb in ("GET", "HEAD") or "testPermissions" in first.resource
    _touch_object(made, first, reading or not told.ok)
    made.repeatable = reading
    return made


def _touch_object(made: Made, view: View, reading: bool) -> None:
    path = unquote(view.resource).removeprefix("b/")
    if view.method.startswith("storage.xml."):
        bucket, _, name = path.partition("/")
    else:
        bucket, _, rest = path.partition("/o")
        name = rest.removeprefix("/")
        for ending in ("/compose", "/rewriteTo/", "/copyTo/", "/moveTo/", "/acl", "/iam"):
            name = name.partition(ending)[0]
    body = view.body if isinstance(view.body, dict) else {}
    if view.method == "storage.objects.insert":
        name = str(body.get("name") or view.query.get("name") or "")
    elif view.method == "storage.buckets.insert":
        bucket = str(body.get("name") or "")
    if not bucket:
        return
    if name:
        resource = f"object:gs://{bucket}/{name}"
        (made.reads if reading else made.changes).add(resource)
        if not reading:
            made.adds.add(f"bucket:{bucket}")
    else:
        (made.reads if reading else made.changes).add(f"bucket:{bucket}")


def _content(content: Any, keep: Keep) -> dict[str, Any]:
    if not content.kept:
        out: dict[str, Any] = {"size": content.size, "digest": content.digest, "media": content.media}
        if content.preview:
            out["preview"] = list(content.preview)
        return out
    return kept(keep, content.data, content.media or "application/octet-stream")


def made_other(group: Group, views: list[View], keep: Keep) -> Made:
    """A call of no API known here."""
    good, failed = _split(views)
    first, told = views[0], good[0]
    exchange = first.exchange
    request: dict[str, Any] = {"verb": exchange.verb, "target": exchange.target}
    if exchange.request.size:
        request["content"] = _content(exchange.request, keep)
    result: dict[str, Any] = {"status": told.exchange.status, **_status(told)}
    if told.exchange.code:
        result["code"] = told.exchange.code
        if told.exchange.message:
            result["message"] = told.exchange.message
    if told.exchange.response.size:
        result["content"] = _content(told.exchange.response, keep)
    _failures(result, failed)
    made = Made("other", request, result, done_s=told.ended_s)
    made.repeatable = exchange.verb in ("GET", "HEAD")
    return made


def made_insert(group: Group, views: list[View], keep: Keep) -> Made:
    """Rows by ``tabledata.insertAll``."""
    good, failed = _split(views)
    first, told = views[0], good[0]
    body = first.body if isinstance(first.body, dict) else {}
    table = unquote(first.resource).removesuffix("/insertAll")
    request: dict[str, Any] = {"table": table}
    options = {
        name: body[name]
        for name in ("skipInvalidRows", "ignoreUnknownValues", "templateSuffix")
        if body.get(name)
    }
    if options:
        request["options"] = options
    rows = body.get("rows")
    rows = rows if isinstance(rows, list) else []
    request["count"] = len(rows)
    values = [row.get("json") if isinstance(row, dict) else row for row in rows]
    if values:
        data = b"".join(_line(value) for value in values)
        reference = kept(keep, data, NDJSON)
        request["rows"] = [{"start": 0, "count": len(values), "format": "ndjson", "data": reference}]
    if any(isinstance(row, dict) and row.get("insertId") is not None for row in rows):
        request["ids"] = True
    if not first.exchange.request.kept:
        request["rows"] = [_content(first.exchange.request, keep)]
    result: dict[str, Any] = {}
    if told.ok:
        answer = told.answer if isinstance(told.answer, dict) else {}
        if answer.get("insertErrors"):
            result["insertErrors"] = answer["insertErrors"]
    else:
        result["error"] = told.error
    _failures(result, failed)
    made = Made("insert", request, result, done_s=told.ended_s)
    parts = table.split("/")
    if len(parts) >= 6:
        suffix = str(options.get("templateSuffix") or "")
        name = table_name(parts[1], parts[3], parts[5] + suffix)
        (made.adds if told.ok else made.reads).add(name)
    return made


def _line(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def made_rows(group: Group, views: list[View], keep: Keep) -> Made:
    """Rows of a table, by pages or a read session."""
    readings, pages = Readings(keep), Pages(keep)
    request: dict[str, Any] = {}
    result: dict[str, Any] = {}
    failed: list[View] = []
    error: dict[str, Any] | None = None
    for view in views:
        if view.method.startswith(READ):
            readings.take(view)
            continue
        request.setdefault("table", unquote(view.resource).removesuffix("/data"))
        if selected := view.query.get("selectedFields"):
            request.setdefault("fields", [name.strip() for name in selected.split(",")])
        if not view.ok:
            failed.append(view)
            error = view.error
            continue
        error = None
        answer = view.answer if isinstance(view.answer, dict) else {}
        pages.add(answer.get("rows"), view.query, answer.get("pageToken"), format_options(view.query))
        total = str(answer.get("totalRows", ""))
        if total.isdigit() and len(total) < 20:
            result.setdefault("totalRows", int(total))
    if readings.asked is not None:
        request.update(_session_request(readings.asked))
    error = error or (readings.error if not readings.session else None)
    if readings.session:
        result["session"] = readings.session
        estimated = str(readings.session.get("estimatedRowCount", ""))
        whole = all(stream["whole"] for stream in readings.session["read"])
        if whole and readings.session["read"]:
            result["totalRows"] = sum(stream["rows"] for stream in readings.session["read"])
        elif estimated.isdigit():
            result.setdefault("estimatedRows", int(estimated))
    rows = readings.best(pages)
    if rows:
        result["rows"] = rows
    if error is not None:
        result["error"] = error
        failed = failed[:-1]
    failures = [view.failure for view in failed] + [f for f in readings.failures if f.get("method")]
    if error is not None and failures and not readings.session and readings.error is not None:
        failures = failures[:-1] if readings.failures else failures
    if failures:
        result["failures"] = failures
    request.setdefault("table", "")
    made = Made("rows", request, result, done_s=views[-1].ended_s)
    parts = request["table"].split("/")
    if len(parts) >= 6:
        made.reads.add(table_name(parts[1], parts[3], parts[5]))
    made.repeatable = True
    return made


def _session_request(asked: Any) -> dict[str, Any]:
    session = asked.read_session
    out: dict[str, Any] = {"table": session.table}
    options = session.read_options
    if options.selected_fields:
        out["fields"] = list(options.selected_fields)
    if options.row_restriction:
        out["restriction"] = options.row_restriction
    if session.table_modifiers.HasField("snapshot_time"):
        out["snapshot"] = session.table_modifiers.snapshot_time.ToJsonString()
    if options.HasField("sample_percentage"):
        out["sample"] = options.sample_percentage
    return out
