"""What Google's client makes of requests that fail: every reason of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.credentials import Credentials
from google.cloud import bigquery

from bqsim.errors import REASONS
from bqsim.sim.effects.texts import request_text
from bqsim.sim.scenario.model import Deny, Error, ExpireToken, GrpcStatus
from bqsim.simulator import Simulator
from tests.conftest import Http
from tests.gates import befalling

pytestmark = [
    pytest.mark.fidelity(
        "reason:{reason}/request", "exact", tests="test_every_reason test_every_reason_of_a_query"
    ),
    pytest.mark.fidelity("reason:notModified/request", "exact", tests="test_not_modified_*"),
    pytest.mark.fidelity("effect:error", "exact", tests="test_what_an_error_*"),
    pytest.mark.fidelity(
        "effect:expire_token, iam:expired and bad tokens", "exact", tests="test_an_expired_*"
    ),
    pytest.mark.fidelity("effect:deny", "exact", tests="test_a_denied_*"),
    pytest.mark.fidelity("effect:grpc", "exact", tests="test_a_grpc_*"),
]


class Tokens(Credentials):  # type: ignore[misc]
    """Credentials that can be refreshed at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.token = "token-0"
        self.refreshed = 0

    @property
    def expired(self) -> bool:
        return False

    def refresh(self, request: Any) -> None:
        self.refreshed += 1
        self.token = f"token-{self.refreshed}"


@pytest.fixture
def table(rest: Http) -> str:
    rest.dataset()
    rest.table()
    return f"{rest.project}.d.t"


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


@pytest.fixture
def client(bqsim_server: Simulator, rest: Http, tokens: Tokens) -> Iterator[bigquery.Client]:
    made = bigquery.Client(
        project=rest.project,
        credentials=tokens,
        client_options=ClientOptions(api_endpoint=bqsim_server.url),
    )
    yield made
    made.close()


CLASSES = {
    400: exceptions.BadRequest,
    401: exceptions.Unauthorized,
    403: exceptions.Forbidden,
    404: exceptions.NotFound,
    407: exceptions.GoogleAPICallError,
    409: exceptions.Conflict,
    412: exceptions.PreconditionFailed,
    413: exceptions.GoogleAPICallError,
    500: exceptions.InternalServerError,
    501: exceptions.MethodNotImplemented,
    502: exceptions.BadGateway,
    503: exceptions.ServiceUnavailable,
}
# 304 has no body; the client takes it for a failure without words.
WORDLESS = {"notModified"}
# Success of a job that was cancelled is no status of a failed request.
HTTP = {reason.name: reason.http if reason.http != 200 else 400 for reason in REASONS.values()}


def message_of(reason: str, table: str) -> str:
    project, dataset, name = table.split(".")
    if reason == "accessDenied":
        full = f"{project}:{dataset}.{name}"
        return (
            f"Access Denied: Table {full}: Permission bigquery.tables.get denied on table {full} "
            "(or it may not exist)."
        )
    return request_text(reason, resource=f"projects/{project}/datasets/{dataset}/tables/{name}")


@pytest.mark.parametrize("reason", sorted(set(REASONS) - WORDLESS))
def test_every_reason(bqsim_server: Simulator, client: bigquery.Client, table: str, reason: str) -> None:
    # The library itself tries a 401 twice more, with fresh tokens.
    tries = 3 if reason == "authError" else 1
    with (
        befalling(bqsim_server, Error(reason), times=tries) as hook,
        pytest.raises(exceptions.GoogleAPICallError) as raised,
    ):
        client.get_table(table, retry=None)
    error = raised.value
    assert type(error) is CLASSES[HTTP[reason]]
    assert error.code == HTTP[reason]
    assert error.errors[0]["reason"] == reason
    assert message_of(reason, table) in error.message
    assert hook.calls == tries


@pytest.mark.parametrize("reason", sorted(set(REASONS) - WORDLESS))
def test_every_reason_of_a_query(bqsim_server: Simulator, client: bigquery.Client, reason: str) -> None:
    with (
        befalling(bqsim_server, Error(reason), "bigquery.jobs.query", times=3),
        pytest.raises(exceptions.GoogleAPICallError) as raised,
    ):
        client.query("SELECT 1", api_method="QUERY", retry=None, job_retry=None)
    assert type(raised.value) is CLASSES[HTTP[reason]]
    assert raised.value.errors[0]["reason"] == reason


def test_not_modified_has_no_body(
    bqsim_server: Simulator, client: bigquery.Client, rest: Http, table: str
) -> None:
    with befalling(bqsim_server, Error("notModified"), times=2):
        answer = rest.call("GET", "/datasets/d/tables/t")
        assert (answer.status, answer.data) == (304, b"")
        with pytest.raises(exceptions.NotModified):
            client.get_table(table, retry=None)


@pytest.mark.parametrize("reason", ["backendError", "internalError", "badGateway", "rateLimitExceeded"])
def test_reasons_that_the_client_retries(
    bqsim_server: Simulator, client: bigquery.Client, table: str, reason: str
) -> None:
    with befalling(bqsim_server, Error(reason)) as hook:
        client.get_table(table)
    assert hook.calls == 2


def test_what_an_error_says_itself(bqsim_server: Simulator, rest: Http, table: str) -> None:
    effect = Error("quotaExceeded", "enough", http=429, location="there", retry_after_s=2.5)
    with befalling(bqsim_server, effect):
        answer = rest.call("GET", "/datasets/d/tables/t")
    assert (answer.status, answer.message, answer.headers["retry-after"]) == (429, "enough", "3")
    assert answer.json["error"]["errors"][0]["location"] == "there"


def test_an_expired_token_as_it_is_sent(bqsim_server: Simulator, rest: Http, table: str) -> None:
    with befalling(bqsim_server, ExpireToken()):
        answer = rest.call("GET", "/datasets/d/tables/t")
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == (
        'Bearer realm="https://accounts.google.com/", error="invalid_token"'
    )
    assert answer.json["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_expired_token_is_refreshed_twice(
    bqsim_server: Simulator, client: bigquery.Client, tokens: Tokens, table: str, times: int
) -> None:
    with befalling(bqsim_server, ExpireToken(), times=times):
        if times < 3:
            client.get_table(table, retry=None)
        else:
            with pytest.raises(exceptions.Unauthorized, match="invalid authentication credentials"):
                client.get_table(table, retry=None)
    assert tokens.refreshed == min(times, 2)


def test_a_denied_permission(bqsim_server: Simulator, client: bigquery.Client, table: str) -> None:
    with (
        befalling(bqsim_server, Deny("bigquery.tables.getData")),
        pytest.raises(exceptions.Forbidden, match=r"bigquery\.tables\.getData"),
    ):
        client.get_table(table, retry=None)


def test_a_grpc_status_on_rest(bqsim_server: Simulator, client: bigquery.Client, table: str) -> None:
    with (
        befalling(bqsim_server, GrpcStatus("UNAVAILABLE")),
        pytest.raises(exceptions.ServiceUnavailable) as raised,
    ):
        client.get_table(table, retry=None)
    assert raised.value.errors[0]["reason"] == "backendError"
