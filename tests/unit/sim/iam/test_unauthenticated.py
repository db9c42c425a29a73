from __future__ import annotations

import pickle

import pytest

from bqsim.sim.iam import Cause, Unauthenticated

pytestmark = pytest.mark.fidelity("iam:expired and bad tokens", "exact")

MISSING = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or "
    "other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)


def test_no_credentials() -> None:
    error = Unauthenticated(Cause.MISSING)
    assert (error.http, error.reason.name, error.reason.grpc) == (401, "authError", "UNAUTHENTICATED")
    assert error.www_authenticate == 'Bearer realm="https://accounts.google.com/"'
    assert error.body()["error"] == {
        "code": 401,
        "message": MISSING,
        "errors": [
            {
                "message": "Login Required.",
                "domain": "global",
                "reason": "required",
                "location": "Authorization",
                "locationType": "header",
            }
        ],
        "status": "UNAUTHENTICATED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "CREDENTIALS_MISSING",
                "domain": "googleapis.com",
                "metadata": {"service": "bigquery.googleapis.com"},
            }
        ],
    }


@pytest.mark.parametrize(
    ("cause", "info"),
    [(Cause.INVALID, "ACCESS_TOKEN_TYPE_UNSUPPORTED"), (Cause.EXPIRED, "ACCESS_TOKEN_EXPIRED")],
)
def test_credentials_that_do_not_count(cause: Cause, info: str) -> None:
    error = Unauthenticated(cause, "why")
    assert error.message.startswith("Request had invalid authentication credentials. Expected OAuth 2")
    assert error.www_authenticate == 'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    body = error.body()["error"]
    assert (body["errors"][0]["message"], body["errors"][0]["reason"]) == ("Invalid Credentials", "authError")
    assert body["details"][0]["reason"] == info


def test_pickles() -> None:
    error = pickle.loads(pickle.dumps(Unauthenticated(Cause.EXPIRED, "late", message="Over.")))
    assert (error.cause, error.why, error.message) == (Cause.EXPIRED, "late", "Over.")
    assert error.body()["error"]["message"] == "Over."
