"""What is raised for each effect."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import REASONS, BigQueryError, StorageFailure
from bqsim.sim.effects.failures import STATUS_REASONS, NetworkFault, about, failure
from bqsim.sim.effects.texts import job_text, request_text, status_text
from bqsim.sim.gate import Call
from bqsim.sim.iam import Cause, Unauthenticated
from bqsim.sim.scenario import model as m
from bqsim.sim.scenario.latency import Fixed, Latency
from bqsim.sim.scenario.words import GRPC_STATUSES

TABLE = "projects/p/datasets/d/tables/t"
APPEND = "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows"
GET = Call("rest", "bigquery.tables.get", TABLE, "ann@example.com")


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"authError", "accessDenied"}))
def test_every_reason_has_its_text(reason: str) -> None:
    error = failure(m.Error(reason), GET)
    assert isinstance(error, BigQueryError)
    assert error.reason.name == reason
    assert error.http == REASONS[reason].http
    assert error.message == request_text(reason, resource=TABLE)


def test_what_the_effect_says_counts() -> None:
    error = failure(m.Error("backendError", "gone", http=500, location="here", retry_after_s=3), GET)
    assert isinstance(error, BigQueryError)
    found = (error.message, error.http, error.location, error.retry_after_s)
    assert found == ("gone", 500, "here", 3)


def test_failed_queries_tell_where() -> None:
    error = failure(m.Error("invalidQuery"), GET)
    assert isinstance(error, BigQueryError)
    assert error.location == "query"


def test_job_level_texts() -> None:
    error = failure(m.Error("internalError", level="job"), GET)
    assert str(error) == job_text("internalError", resource=TABLE)


def test_access_denied_names_what_the_method_needs() -> None:
    assert str(failure(m.Error("accessDenied"), GET)) == (
        "Access Denied: Table p:d.t: Permission bigquery.tables.get denied on table p:d.t "
        "(or it may not exist)."
    )
    unknown = Call("rest", "bigquery.projects.list", "", "ann@example.com")
    assert str(failure(m.Error("accessDenied"), unknown)).startswith("Access Denied: Project project: ")


def test_bad_credentials_have_a_body_of_their_own() -> None:
    error = failure(m.Error("authError"), GET)
    assert isinstance(error, Unauthenticated)
    assert error.cause is Cause.INVALID
    plain = failure(m.Error("authError", http=403), GET)
    assert type(plain) is BigQueryError


@pytest.mark.parametrize("status", GRPC_STATUSES)
def test_statuses_on_both_transports(status: str) -> None:
    effect = m.GrpcStatus(status, storage_code="STREAM_FINALIZED", entity="e", retry_delay_s=2)
    error = failure(effect, Call("grpc", APPEND, TABLE, ""))
    assert isinstance(error, StorageFailure)
    found = (error.status, error.message, error.code, error.entity, error.retry_delay_s)
    assert found == (status, status_text(status), "STREAM_FINALIZED", "e", 2)
    reason, _ = STATUS_REASONS[status]
    rest = failure(effect, GET)
    assert isinstance(rest, BigQueryError)
    assert rest.reason.name == reason
    assert rest.http >= 400
    if status not in ("ABORTED", "DATA_LOSS", "UNKNOWN"):
        assert rest.reason.grpc == status


def test_broken_streams_end_with_a_status() -> None:
    error = failure(m.BreakStream(7, "ABORTED", retry_delay_s=1), Call("grpc", APPEND, TABLE, ""))
    assert isinstance(error, StorageFailure)
    assert (error.status, error.retry_delay_s) == ("ABORTED", 1)
    assert str(failure(m.BreakStream(message="gone"), GET)) == "gone"


def test_a_status_may_be_worded() -> None:
    effect = m.GrpcStatus("UNAVAILABLE", "")
    assert str(failure(effect, Call("grpc", APPEND, TABLE, ""))) == ""
    assert str(failure(m.GrpcStatus("UNAVAILABLE", "down"), GET)) == "down"


@pytest.mark.parametrize("applied", [True, False])
def test_faults_of_the_network(applied: bool) -> None:
    effect = m.Network("reset", applied=applied)
    error = failure(effect, GET)
    assert isinstance(error, NetworkFault)
    assert error.effect is effect
    assert error.applied is applied


def test_expired_tokens() -> None:
    error = failure(m.ExpireToken(), GET)
    assert isinstance(error, Unauthenticated)
    assert error.cause is Cause.EXPIRED
    assert str(failure(m.ExpireToken("too late"), GET)) == "too late"


def test_denials() -> None:
    error = failure(m.Deny("bigquery.tables.getData"), GET)
    assert isinstance(error, BigQueryError)
    assert error.reason.name == "accessDenied"
    assert "bigquery.tables.getData" in error.message
    assert str(failure(m.Deny("bigquery.tables.getData", "no"), GET)) == "no"


@pytest.mark.parametrize(
    "effect",
    [
        m.Delay(Latency(Fixed(1))),
        m.InsertErrors(share=0.5),
        m.JobState("stuck"),
        m.Stale(1),
        m.Throttle(5),
        m.Quota("x"),
    ],
    ids=lambda effect: effect.kind,
)
def test_other_effects_fail_no_call(effect: Any) -> None:
    with pytest.raises(TypeError, match=type(effect).__name__):
        failure(effect, GET)


@pytest.mark.parametrize(
    ("method", "resource", "body", "path"),
    [
        ("bigquery.tables.get", TABLE, None, TABLE),
        (
            "bigquery.tables.insert",
            "projects/p/datasets/d",
            {"tableReference": {"tableId": "new"}},
            "projects/p/datasets/d/tables/new",
        ),
        (
            "bigquery.datasets.insert",
            "projects/p/datasets",
            {"datasetReference": {"datasetId": "d"}},
            "projects/p/datasets/d",
        ),
        (
            "bigquery.jobs.insert",
            "projects/p",
            {"jobReference": {"jobId": "j"}},
            "projects/p/jobs/j",
        ),
        ("bigquery.jobs.insert", "projects/p", {}, "projects/p"),
        ("bigquery.jobs.insert", "projects/p", {"jobReference": {"jobId": 1}}, "projects/p"),
    ],
)
def test_what_a_call_is_about(method: str, resource: str, body: Any, path: str) -> None:
    assert about(Call("rest", method, resource, "", body)) == path
