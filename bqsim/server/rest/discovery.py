"""The discovery document of the API, made from the tables of methods and messages."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError

from .methods import METHODS, Method
from .reply import Reply
from .request import base_url
from .schemas import MESSAGES, SCALARS, MessageField, field_of, message

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.http import Response

    from .app import RestApp

REVISION = "20260901"
PATHS = ("discovery/v1/apis/bigquery/v2/rest", "$discovery/rest")
# Parameters that every method takes.
_COMMON = (
    "$.xgafv",
    "access_token",
    "alt",
    "callback",
    "fields",
    "key",
    "oauth_token",
    "prettyPrint:bool",
    "quotaUser",
    "upload_protocol",
    "uploadType",
)
_SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform")


class Discovery:
    """The service behind ``/discovery/v1`` and ``/$discovery``."""

    def __init__(self, app: RestApp) -> None:
        self._app = app

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer the document; 404 for other services and versions."""
        if path.strip("/") not in PATHS or query.get("version", "v2") != "v2":
            raise BigQueryError("notFound", "Not Found")
        host = base_url(http.head.headers, self._app.core.settings)
        return await self._app.answer(Reply(document(host)), query, http)


@lru_cache(maxsize=8)
def document(url: str) -> dict[str, Any]:
    """The document of an API served at ``url``."""
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "bigquery:v2",
        "name": "bigquery",
        "version": "v2",
        "revision": REVISION,
        "title": "BigQuery API",
        "description": "The BigQuery API as served by bqsim.",
        "protocol": "rest",
        "rootUrl": f"{url}/",
        "servicePath": "bigquery/v2/",
        "basePath": "/bigquery/v2/",
        "baseUrl": f"{url}/bigquery/v2/",
        "batchPath": "batch/bigquery/v2",
        "auth": {"oauth2": {"scopes": {scope: {"description": scope} for scope in _SCOPES}}},
        "parameters": {f.name: _parameter(f, "query") for f in map(field_of, _COMMON)},
        "schemas": {name: _schema(name) for name in MESSAGES},
        "resources": _resources(),
    }


def _resources() -> dict[str, Any]:
    resources: dict[str, Any] = {}
    for method in METHODS:
        _, resource, name = method.id.split(".")
        resources.setdefault(resource, {"methods": {}})["methods"][name] = _method(method)
    return resources


def _method(method: Method) -> dict[str, Any]:
    variables = [part.partition("}")[0] for part in method.path.split("{")[1:]]
    path = method.path.replace("{", "{+")
    out: dict[str, Any] = {
        "id": method.id,
        "path": path,
        "flatPath": method.path,
        "httpMethod": method.verb,
        "parameterOrder": variables,
        "parameters": {v: {"type": "string", "location": "path", "required": True} for v in variables},
        "scopes": list(_SCOPES),
    }
    for field in map(field_of, method.query.split()):
        out["parameters"][field.name] = _parameter(field, "query")
    if method.request is not None:
        out["request"] = {"$ref": method.request}
    if method.response is not None:
        out["response"] = {"$ref": method.response}
    if method.media:
        out["supportsMediaUpload"] = True
        out["mediaUpload"] = {
            "accept": ["*/*"],
            "protocols": {
                "simple": {"multipart": True, "path": f"/upload/bigquery/v2/{path}"},
                "resumable": {"multipart": True, "path": f"/resumable/upload/bigquery/v2/{path}"},
            },
        }
    return out


def _parameter(field: MessageField, location: str) -> dict[str, Any]:
    out = {**_type(field.type), "location": location}
    if field.shape == "[]":
        out["repeated"] = True
    return out


def _schema(name: str) -> dict[str, Any]:
    properties = {f.name: _property(f) for f in message(name).values()}
    return {"id": name, "type": "object", "properties": properties}


def _property(field: MessageField) -> dict[str, Any]:
    value = _type(field.type)
    if field.shape == "[]":
        return {"type": "array", "items": value}
    if field.shape == "{}":
        return {"type": "object", "additionalProperties": value}
    return value


def _type(name: str) -> dict[str, Any]:
    if name not in SCALARS:
        return {"$ref": name}
    type_, format_ = SCALARS[name]
    return {"type": type_, "format": format_} if format_ else {"type": type_}
