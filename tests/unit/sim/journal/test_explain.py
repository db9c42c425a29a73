"""Why a call was answered as it was."""

from __future__ import annotations

from bqsim.sim.journal import Decision, Outcome, describe, explain

from .making import call


def test_one_line():
    event = call(id="c1", at=3661.5, ends="backendError", attempt=2)
    assert (
        describe(event) == "#c1 01:01:01.500000 bigquery.jobs.query projects/p → 503 backendError (attempt 2)"
    )


def test_nothing_took_part():
    lines = explain(call(id="c1", duration_us=1500)).splitlines()
    assert lines[1:] == ["  took 0.0015 s", "  no rule, limit, latency model or recording took part"]


def test_every_decision_is_told():
    event = call(
        ends=Outcome("backendError", http=503, message="Try again"),
        decisions=(
            Decision("brownout", "error", "slow.yaml:12", 0.03125),
            Decision(effect="lognormal", latency_s=1.5),
            Decision(quota="jobs.get", why="call 301 at once"),
            Decision(recording="monday/7"),
        ),
    )
    assert explain(event).splitlines()[1:] == [
        "  message: Try again",
        "  took 0 s",
        "  rule 'brownout' (slow.yaml:12): error, drew 0.031250",
        "  latency model: lognormal, added 1.5 s",
        "  quota 'jobs.get': call 301 at once",
        "  recording 'monday/7'",
    ]
