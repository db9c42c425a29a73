"""Secrets of people."""

from __future__ import annotations

from bqsim.history import JobRecord
from bqsim.history.redaction import redacted

JOB = JobRecord(
    "j",
    user="ann@example.com",
    sql="SELECT 'ann@example.com'",
    error_message="ann@example.com may not",
    labels={"owner": "ann@example.com"},
    fingerprint="f",
)


def test_all_that_may_name_somebody_is_changed() -> None:
    def text(value: str) -> str:
        return value.replace("ann@example.com", "X")

    found = redacted(JOB, text)
    assert (found.user, found.sql, found.error_message) == ("X", "SELECT 'X'", "X may not")
    assert (found.labels, found.job_id, found.fingerprint) == ({"owner": "X"}, "j", "f")
    assert redacted(JobRecord("ann@example.com-1"), text).job_id == "X-1"
    assert redacted(JobRecord("k"), str.upper) == JobRecord("k")
