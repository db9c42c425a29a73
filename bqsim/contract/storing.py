"""Calls of Cloud Storage, as recorded operations ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bqsim.record.model import BLOB, Operation

from .observed import Observed, digest_of
from .targets import Answer

if TYPE_CHECKING:
    from bqsim.server.gcs.methods import Method

    from .sending import Sender

_XML = "storage.xml."
_INSERT = "storage.objects.insert"
_ROOT = "/storage/v1/"
_LISTED = ("items", "prefixes")
# Parameters that say how a call is made, not what is asked for.
_HOW = ("uploadType", "upload_protocol", "upload_id", "alt")


def call_storage(sender: Sender, operation: Operation, out: Observed) -> None:
    """Send a call of the JSON API or of the XML API, and gather what is answered."""
    request = operation.request
    content = request.get("content")
    if content is not None and BLOB not in content:
        out.skipped = "what was uploaded was too large to be kept"
        return
    given = sender.bound.rendered({k: v for k, v in request.items() if k != "content"}, operation.name)
    data = sender.blob(content) if content is not None else None
    method, path = str(given["method"]), str(given["resource"])
    query = {k: v for k, v in (given.get("query") or {}).items() if k not in _HOW}
    headers = {str(k): str(v) for k, v in (given.get("headers") or {}).items()}
    if method.startswith(_XML):
        target = "/" + quote(path.removeprefix("b/"), safe="/~")
        verb = method.removeprefix(_XML).upper()
        answer = sender.target.call(verb, target, query, content=data, headers=headers, storage=True)
    else:
        known = _methods().get(method)
        quoted = path_of(known, path) if known is not None else None
        if known is None or quoted is None:
            out.skipped = f"{method} of {path} is no call of Cloud Storage known here"
            return
        if method == _INSERT and data is not None and content is not None:
            upload = f"/upload{_ROOT}{quoted}"
            media = str(content.get("media") or "")
            answer = sender.uploaded(upload, query, given.get("body") or {}, data, media, headers, True)
        else:
            media_asked = "content" in operation.result
            asked = {**query, "alt": "media"} if media_asked else query
            answer = sender.target.call(
                known.verb,
                _ROOT + quoted,
                asked,
                given.get("body"),
                content=data,
                headers=headers,
                storage=True,
            )
            if method.endswith(".list"):
                answer = _whole(sender, answer, _ROOT + quoted, asked, operation, out)
                return
    _told(answer, operation, out)


def _told(answer: Answer, operation: Operation, out: Observed) -> None:
    out.result["status"] = answer.status
    if "content" in operation.result and answer.ok:
        out.result["content"] = digest_of(answer.data)
    elif answer.body is not None:
        out.result["body"] = answer.body


def _whole(
    sender: Sender,
    answer: Answer,
    path: str,
    query: Mapping[str, Any],
    operation: Operation,
    out: Observed,
) -> Answer:
    """The pages of a list that were recorded as one."""
    _told(answer, operation, out)
    recorded = operation.result.get("body")
    body = answer.body
    while isinstance(body, dict) and isinstance(recorded, dict) and answer.ok:
        token = body.get("nextPageToken")
        if not token or recorded.get("nextPageToken"):
            break
        answer = sender.target.call("GET", path, {**query, "pageToken": token}, storage=True)
        more = answer.body or {}
        body = {k: v for k, v in body.items() if k != "nextPageToken"}
        for name in _LISTED:
            if more.get(name):
                body[name] = [*body.get(name, []), *more[name]]
        if more.get("nextPageToken"):
            body["nextPageToken"] = more["nextPageToken"]
        out.result["body"] = body
    return answer


@cache
def _methods() -> dict[str, Method]:
    from bqsim.server.gcs.methods import METHODS

    return {method.id: method for method in METHODS}


def path_of(method: Method, resource: str) -> str | None:
    """The path of a resource, whose names stand in it as they are; None when it is none of the method's."""
    # Names of objects may hold anything; all others are single words.
    pattern = re.sub(
        r"\\\{(\w+)\\\}",
        lambda m: r"(.+)" if "bject" in m[1] else r"([^/]+)",
        re.escape(method.path),
    )
    found = re.fullmatch(pattern, resource, re.DOTALL)
    if found is None:
        return None
    parts = re.split(r"\{\w+\}", method.path)
    names = [quote(name, safe="") for name in found.groups()]
    return "".join(part + name for part, name in zip(parts, [*names, ""], strict=True))
