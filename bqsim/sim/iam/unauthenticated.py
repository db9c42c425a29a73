"""401: what a caller whose credentials do not count is told."""

from __future__ import annotations

from enum import Enum
from typing import Any

from bqsim.errors import BigQueryError

_KINDS_ACCEPTED = (
    "Expected OAuth 2 access token, login cookie or other valid authentication credential. "
    "See https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_REALM = 'Bearer realm="https://accounts.google.com/"'


class Cause(Enum):
    """Why: text, reason and message of the error item, reason of ``google.rpc.ErrorInfo``, header's end."""

    MISSING = (
        f"Request is missing required authentication credential. {_KINDS_ACCEPTED}",
        "required",
        "Login Required.",
        "CREDENTIALS_MISSING",
        "",
    )
    INVALID = (
        f"Request had invalid authentication credentials. {_KINDS_ACCEPTED}",
        "authError",
        "Invalid Credentials",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        ', error="invalid_token"',
    )
    EXPIRED = (
        f"Request had invalid authentication credentials. {_KINDS_ACCEPTED}",
        "authError",
        "Invalid Credentials",
        "ACCESS_TOKEN_EXPIRED",
        ', error="invalid_token"',
    )


class Unauthenticated(BigQueryError):
    """401 ``authError``, gRPC UNAUTHENTICATED; ``why`` says in our words what is wrong with the token.

    ``message`` replaces the text that follows from the cause.
    """

    def __init__(self, cause: Cause, why: str = "", *, message: str | None = None) -> None:
        text, self.item_reason, self.item_message, self.info, ending = cause.value
        super().__init__("authError", message or text, location="Authorization")
        self.cause = cause
        self.why = why
        self.www_authenticate = _REALM + ending

    def body(self, service: str = "bigquery.googleapis.com") -> dict[str, Any]:
        """The answer's JSON object, whose item has a text and a reason of its own."""
        item = {
            "message": self.item_message,
            "domain": "global",
            "reason": self.item_reason,
            "location": "Authorization",
            "locationType": "header",
        }
        info = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": self.info,
            "domain": "googleapis.com",
            "metadata": {"service": service},
        }
        error = {"code": self.http, "message": self.message, "errors": [item], "status": self.reason.grpc}
        return {"error": {**error, "details": [info]}}

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self.cause, self.why, self.message)


def _rebuild(cause: Cause, why: str, message: str) -> Unauthenticated:
    return Unauthenticated(cause, why, message=message)
