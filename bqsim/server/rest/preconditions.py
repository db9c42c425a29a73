"""What the write methods of resources share: etag preconditions and merge patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.errors import BigQueryError, invalid

from .request import Request


def check_if_match(request: Request, etag: str) -> None:
    """412 ``conditionNotMet`` when the request's ``If-Match`` names another etag."""
    given = request.headers.get("if-match")
    if not given or given.strip() == "*":
        return
    if etag not in (t.strip().removeprefix("W/").strip('"') for t in given.split(",")):
        raise BigQueryError("conditionNotMet", "Precondition check failed.", location="If-Match")


def merge_patch(current: Any, patch: Mapping[str, Any]) -> dict[str, Any]:
    """``current`` with the members of ``patch``: null removes a member, objects merge, lists replace.

    Null members of objects in lists count as not given.
    """
    out = dict(current) if isinstance(current, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            out.pop(name, None)
        elif isinstance(value, Mapping):
            out[name] = merge_patch(out.get(name), value)
        elif isinstance(value, list):
            out[name] = [without_nulls(one) if isinstance(one, Mapping) else one for one in value]
        else:
            out[name] = value
    return out


def without_nulls(body: Mapping[str, Any]) -> dict[str, Any]:
    """A body whose null members count as not given."""
    return merge_patch({}, body)


def same_reference(given: Mapping[str, Any] | None, expected: Mapping[str, str], kind: str) -> None:
    """400 when a body's reference names another resource than the path does."""
    for name, value in expected.items():
        if given and given.get(name) not in (None, "", value):
            raise invalid(f"The {kind} reference in the request body does not match the request path: {name}")
