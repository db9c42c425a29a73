"""Histories in short."""

from __future__ import annotations

from dataclasses import replace

from bqsim.history import JobRecord
from bqsim.history.summary import Summary, size

HOUR_US = 3_600_000_000
JOBS = [
    JobRecord("a", "", "", "ann", fingerprint="f", sql="SELECT\n 1", created_us=HOUR_US, slot_ms=5),
    JobRecord("b", "", "", "bob", fingerprint="f", created_us=HOUR_US + 1, error_reason="stopped"),
    JobRecord("c", "", "", "ann", fingerprint="g", created_us=3 * HOUR_US, slot_ms=9, cache_hit=True),
]
JOBS[0] = replace(JOBS[0], labels={"team": "x"})
JOBS[1] = replace(JOBS[1], bytes_billed=2**20)


def test_groups() -> None:
    found = Summary().add_all(JOBS).json(limit=1)
    assert found["total"]["jobs"] == 3
    assert (found["first"], found["last"]) == ("1970-01-01T01:00:00Z", "1970-01-01T03:00:00Z")
    assert [one["name"] for one in found["groups"]["user"]] == ["ann"]
    assert found["groups"]["user"][0]["slotMs"] == 14
    assert [one["name"] for one in found["groups"]["hour"]] == ["1970-01-01T01:00Z"]
    assert found["groups"]["fingerprint"][0] | {"name": "g", "jobs": 1} == found["groups"]["fingerprint"][0]


def test_text() -> None:
    text = Summary(("label", "fingerprint")).add_all(JOBS).text(limit=9)
    assert text.startswith("3 jobs from 1970-01-01T01:00:00Z to 1970-01-01T03:00:00Z: 1 failed")
    assert "team:x: 1 jobs" in text and "(none): 2 jobs" in text
    assert "f: 2 jobs, 1 failed, 0 B processed, 1.0 MiB billed, 0.0 slot-s  SELECT 1" in text


def test_sizes() -> None:
    assert [size(0), size(1536), size(5 * 2**40)] == ["0 B", "1.5 KiB", "5.0 TiB"]
