"""Exports of a real project through the API: resources, and the queries that tell of partitions.

Nothing but metadata is read. Each query of PARTITIONS is billed 10 MiB; dry runs, which tell the bytes of
columns, and all else is free.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any
from urllib.parse import quote

from .api import Api, ApiError
from .exports import Exports
from .queries import query

GOOGLE = "https://bigquery.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/bigquery.readonly"
# Calls at once.
AT_ONCE = 8


def google_api(project: str) -> Api:
    """Google's API with the credentials of this environment (``gcloud auth application-default login``).

    Raises ``ModuleNotFoundError`` without ``bqsim[client]`` and :class:`ApiError` without credentials.
    """
    try:
        auth = import_module("google.auth")
        errors = import_module("google.auth.exceptions")
        transport = import_module("google.auth.transport.requests")
    except ImportError:
        text = "Google's credentials need the extra bqsim[client]: pip install 'bqsim[client]'"
        raise ModuleNotFoundError(text) from None
    try:
        credentials, _ = auth.default(scopes=[SCOPE])
        credentials.refresh(transport.Request())
    except errors.GoogleAuthError as error:
        hint = "run `gcloud auth application-default login`"
        raise ApiError(401, "authError", f"there are no credentials of Google ({error}): {hint}") from None
    return Api(GOOGLE, project, str(credentials.token))


def export(
    api: Api,
    *,
    only: Collection[str] = (),
    partitions: bool = True,
    column_bytes: bool = False,
    say: Callable[[str], object] = lambda text: None,
) -> Exports:
    """What :func:`bqsim.seeding.exports.read_exports` gives, of the API's project.

    ``only`` as of imports; ``column_bytes`` asks for the size of each column of each table by a dry run.
    Raises :class:`ApiError`.
    """
    found: Exports = {name: [] for name in ("dataset", "table", "PARTITIONS", "ROUTINES", "COLUMN_BYTES")}
    with ThreadPoolExecutor(AT_ONCE, "bqsim-import") as threads:
        for dataset in _listed(api, "datasets", "datasets"):
            id_ = dataset["datasetReference"]["datasetId"]
            if only and not any(fnmatchcase(id_, one.partition(".")[0]) for one in only):
                continue
            path = f"datasets/{quote(id_)}"
            found["dataset"].append(api.call("GET", path))
            names = [t["tableReference"]["tableId"] for t in _listed(api, f"{path}/tables", "tables")]
            paths = [f"{path}/tables/{quote(name, safe='')}" for name in names]
            tables = list(threads.map(lambda one: api.call("GET", one), paths))
            found["table"] += tables
            found["ROUTINES"] += _rows(api, query("ROUTINES", id_, api.project))
            partitioned = [t for t in tables if "timePartitioning" in t or "rangePartitioning" in t]
            if partitions and partitioned:
                found["PARTITIONS"] += _rows(api, query("PARTITIONS", id_, api.project))
            if column_bytes:
                stored = [t for t in tables if t.get("type") == "TABLE" and int(t.get("numBytes") or 0)]
                found["COLUMN_BYTES"] += [row for some in threads.map(_measured(api), stored) for row in some]
            say(f"read {id_}: {len(tables)} tables")
    return found


def _listed(api: Api, path: str, member: str) -> Iterator[dict[str, Any]]:
    token = ""
    while True:
        page = api.call("GET", f"{path}?maxResults=1000" + (f"&pageToken={quote(token)}" if token else ""))
        yield from page.get(member, ())
        token = page.get("nextPageToken", "")
        if not token:
            return


def _rows(api: Api, sql: str) -> list[dict[str, Any]]:
    """The rows of a query as objects of texts."""
    job = api.query(sql)
    reference = job["jobReference"]
    base = f"queries/{quote(reference['jobId'])}?location={quote(reference.get('location') or '')}"
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        page = api.call("GET", base + (f"&pageToken={quote(token)}" if token else ""))
        names = [f["name"] for f in page["schema"]["fields"]]
        for row in page.get("rows", ()):
            found.append({name: cell["v"] for name, cell in zip(names, row["f"], strict=True)})
        token = page.get("pageToken", "")
        if not token:
            return found


def _measured(api: Api) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    """Measures the columns of a table: each by a dry run of a query that reads it alone."""

    def measure(table: dict[str, Any]) -> list[dict[str, Any]]:
        reference = table["tableReference"]
        name = f"`{reference['projectId']}.{reference['datasetId']}.{reference['tableId']}`"
        rows: list[dict[str, Any]] = []
        for field in table["schema"]["fields"]:
            body = {"configuration": {"dryRun": True, "query": {"useLegacySql": False}}}
            body["configuration"]["query"] = {
                "query": f"SELECT `{field['name']}` FROM {name}",
                "useLegacySql": False,
            }
            try:
                job = api.call("POST", "jobs", body)
            except ApiError:
                # A table that requires a partition filter cannot be read whole.
                return rows
            rows.append(
                {
                    "table_catalog": reference["projectId"],
                    "table_schema": reference["datasetId"],
                    "table_name": reference["tableId"],
                    "column_name": field["name"],
                    "logical_bytes": job["statistics"]["totalBytesProcessed"],
                }
            )
        return rows

    return measure
