"""Failures of jobs, told by the answers to calls that follow them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Failures of the call: its caller, its rate, the way to the service.
_OF_CALL = frozenset((401, 429, 502, 503, 504))
# A 404 is the failure of a job that did not find something, or says that there is no such job.
_NO_JOB = "not found: job "


def job_failure_of(error: Mapping[str, Any]) -> dict[str, Any] | None:
    """The ``errorResult`` of the job that a failed answer (``status``, ``body``) told; None when that was of
    the call."""
    body = error.get("body")
    told = body.get("error") if isinstance(body, Mapping) else None
    errors = told.get("errors") if isinstance(told, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], Mapping) else None
    if first is None or error.get("status") in _OF_CALL:
        return None
    message = str(first.get("message", ""))
    if error.get("status") == 404 and message.casefold().startswith(_NO_JOB):
        return None
    out = {"reason": first.get("reason", ""), "message": message}
    location = first.get("location")
    if location:
        out["location"] = "query" if location == "q" else location
    return out
