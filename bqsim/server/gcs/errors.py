"""Failures of Cloud Storage, in the envelopes of its two APIs."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from bqsim.errors import BigQueryError
from bqsim.sim.iam.unauthenticated import Unauthenticated

# The reason of BigQuery's table that stands for a status where one is needed: in the journal.
_REASONS = {
    304: "notModified",
    401: "authError",
    403: "accessDenied",
    404: "notFound",
    409: "duplicate",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
    501: "notImplemented",
    503: "backendError",
}
# Code and message of the XML API by status (page "HTTP status and error codes for XML").
_CODES = {
    400: ("InvalidArgument", "Invalid argument."),
    401: ("AuthenticationRequired", "Authentication required."),
    403: ("AccessDenied", "Access denied."),
    404: ("NoSuchKey", "The specified key does not exist."),
    405: ("MethodNotAllowed", "The specified method is not allowed against this resource."),
    409: ("Conflict", "The request conflicts with the state of the resource."),
    412: ("PreconditionFailed", "At least one of the pre-conditions you specified did not hold."),
    413: ("EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size."),
    416: ("InvalidRange", "The requested range cannot be satisfied."),
    429: ("SlowDown", "Please reduce your request rate."),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    501: ("NotImplemented", "A header or query you provided implies functionality that is not implemented."),
    503: ("ServiceUnavailable", "Service unavailable. Please retry."),
}


class StorageError(BigQueryError):
    """A failed call of Cloud Storage.

    ``why`` is the reason in the JSON API, ``code`` (with its ``text``) that of the XML API; ``extra`` are
    further elements there.
    """

    def __init__(
        self,
        status: int,
        why: str,
        message: str,
        *,
        location: str | None = None,
        code: str = "",
        text: str = "",
        extra: dict[str, str] | None = None,
    ) -> None:
        super().__init__(_REASONS.get(status, "invalid"), message, location=location, http=status)
        self.why = why
        self.code = code
        self.text = text
        self.extra = extra or {}


def no_bucket(name: str) -> StorageError:
    """404 for a bucket."""
    text = "The specified bucket does not exist."
    return StorageError(404, "notFound", text, code="NoSuchBucket", text=text)


def no_object(bucket: str, name: str) -> StorageError:
    """404 for an object."""
    return StorageError(404, "notFound", f"No such object: {bucket}/{name}")


def condition_not_met() -> StorageError:
    """412."""
    return StorageError(412, "conditionNotMet", _CODES[412][1], location="If-Match")


def not_modified() -> StorageError:
    """304: what the caller has is still so."""
    return StorageError(304, "notModified", "Not Modified", location="If-None-Match")


def bad_value(message: str, location: str | None = None, why: str = "invalid") -> StorageError:
    """400."""
    return StorageError(400, why, message, location=location)


def required(parameter: str) -> StorageError:
    """400 for a parameter that is not there."""
    return StorageError(400, "required", f"Required parameter: {parameter}", location=parameter)


def not_offered(what: str) -> StorageError:
    """501 for what bqsim does not have."""
    return StorageError(501, "notImplemented", f"{what} is not implemented by bqsim")


def json_body(error: BigQueryError) -> dict[str, Any]:
    """The envelope of the JSON API: that of Google's older APIs, without a canonical status."""
    if isinstance(error, Unauthenticated):
        found = error.body("storage.googleapis.com")["error"]
        return {"error": {name: found[name] for name in ("code", "message", "errors")}}
    why = error.why if isinstance(error, StorageError) else error.reason.name
    item = {"message": error.message, "domain": "global", "reason": why}
    if error.location:
        item["locationType"] = "header" if error.location[0].isupper() else "parameter"
        item["location"] = error.location
    return {"error": {"code": error.http, "message": error.message, "errors": [item]}}


def xml_body(error: BigQueryError) -> bytes:
    """The envelope of the XML API."""
    code, message = _CODES.get(error.http, _CODES[500 if error.http >= 500 else 400])
    extra = {"Details": error.message}
    if isinstance(error, StorageError):
        code, message = error.code or code, error.text or message
        extra = error.extra or ({} if error.message == message else extra)
    inside = {"Code": code, "Message": message, **extra}
    elements = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in inside.items())
    return f"<?xml version='1.0' encoding='UTF-8'?><Error>{elements}</Error>".encode("utf-8", "replace")
