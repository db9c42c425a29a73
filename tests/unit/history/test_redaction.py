"""Addresses of people."""

from __future__ import annotations

from bqsim.history import JobRecord
from bqsim.history.redaction import Names, redacted

JOB = JobRecord(
    "j",
    user="Ann.Lee@example.com",
    sql="SELECT 'ann.lee@example.com', 'bob@x.org', @p FROM t",
    error_message="User bob@x.org does not exist",
    labels={"owner": "ann.lee@example.com"},
)


def test_names_tell_people_apart() -> None:
    found = redacted(JOB, Names().text)
    assert found.user == found.labels["owner"] == "user-1@redacted.invalid"
    assert found.sql == "SELECT 'user-1@redacted.invalid', 'user-2@redacted.invalid', @p FROM t"
    assert "user-2@redacted.invalid" in found.error_message
    assert redacted(found, Names().text) == found


def test_names_by_a_key_are_the_same_everywhere() -> None:
    first, second, other = Names("k"), Names("k"), Names("l")
    second.text("someone@else.org")
    assert first.of("a@b.org") == second.of("A@B.org") != other.of("a@b.org")
