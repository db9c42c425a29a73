"""Which API method a call is: by its verb, path and host, or its gRPC path."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import parse_qsl, unquote

from .model import GRPC

STORAGE_PACKAGE = "google.cloud.bigquery.storage."
READ = "google.cloud.bigquery.storage.v1.BigQueryRead."
WRITE = "google.cloud.bigquery.storage.v1.BigQueryWrite."
BATCH = "batch"
DISCOVERY = "discovery"

_BIGQUERY = ("/bigquery/v2/", "/upload/bigquery/v2/", "/resumable/upload/bigquery/v2/")
_OBJECTS = (
    "/storage/v1/",
    "/upload/storage/v1/",
    "/resumable/upload/storage/v1/",
    "/download/storage/v1/",
)


def identify(transport: str, verb: str, target: str, host: str = "") -> tuple[str, str]:
    """The API method id of a call and its resource path; both '' for what is of no API known here."""
    if transport == GRPC:
        return _grpc(target)
    path = target.partition("?")[0]
    return _rest(verb, path, "storage" in host.partition(":")[0])


def query_of(target: str) -> dict[str, str]:
    """The parameters of a target's query; of those given twice the lists, comma separated."""
    out: dict[str, str] = {}
    for name, value in parse_qsl(target.partition("?")[2], keep_blank_values=True):
        out[name] = f"{out[name]},{value}" if name in out else value
    return out


def _grpc(target: str) -> tuple[str, str]:
    service, _, name = target.strip("/").rpartition("/")
    if service.startswith(STORAGE_PACKAGE):
        version, _, interface = service.removeprefix(STORAGE_PACKAGE).partition(".")
        if version and interface:
            return f"{STORAGE_PACKAGE}v1.{interface}.{name}", ""
    return "", ""


@lru_cache(maxsize=4096)
def _rest(verb: str, path: str, objects: bool) -> tuple[str, str]:
    if path.startswith("/batch"):
        return BATCH, ""
    if path.startswith(("/discovery/", "/$discovery/")):
        return DISCOVERY, ""
    for root in _BIGQUERY:
        if path.startswith(root):
            return _bigquery(verb, path.removeprefix(root))
    for root in _OBJECTS:
        if path.startswith(root):
            return _objects(verb, path.removeprefix(root))
    if objects:
        return f"storage.xml.{verb.lower()}", "b" + unquote(path).rstrip("/")
    return "", ""


def _bigquery(verb: str, path: str) -> tuple[str, str]:
    from bqsim.server.rest.methods import NoMethod, match

    try:
        found = match(verb, path)
    except (NoMethod, ValueError):
        # Chunks of a resumable upload are put to where the upload began.
        if verb == "PUT":
            return _bigquery("POST", path)
        return "", unquote(path)
    return found.method.id, unquote(found.resource)


def _objects(verb: str, path: str) -> tuple[str, str]:
    from bqsim.server.gcs.methods import NoMethod, match

    try:
        return match(verb, path).method.id, unquote(path)
    except (NoMethod, ValueError):
        if verb == "PUT":
            return _objects("POST", path)
        return "storage.", unquote(path)
