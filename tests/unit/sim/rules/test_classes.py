from __future__ import annotations

import pytest

from bqsim.sim.rules import CALL, CANCEL, JOB, STREAM, events_of, group_of, states_of
from bqsim.sim.scenario import words
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.scenario.model import (
    BreakStream,
    Delay,
    Deny,
    Effect,
    Error,
    ExpireToken,
    GrpcStatus,
    InsertErrors,
    JobState,
    Match,
    Network,
    Quota,
    Rule,
    Stale,
    Throttle,
)

SECOND = Fixed(1.0)

CASES: list[tuple[Effect, str | None, tuple[str, ...], tuple[str, ...]]] = [
    (Error("backendError"), "failure", (CALL,), ()),
    (Error("backendError", level="job"), "job", (JOB,), ("RUNNING",)),
    (Error("backendError", level="job", applied=True), "job", (JOB,), ("DONE",)),
    (GrpcStatus("UNAVAILABLE"), "failure", (CALL,), ()),
    (Network("reset"), "failure", (CALL,), ()),
    (Deny("bigquery.tables.getData"), "failure", (CALL,), ()),
    (ExpireToken(), "failure", (CALL,), ()),
    (InsertErrors(0.5), "failure", (CALL,), ()),
    (BreakStream(10), "failure", (CALL,), ()),
    (Quota("x"), "failure", (CALL,), ()),
    (Throttle(50), "throttle", (CALL,), ()),
    (Delay(SECOND), None, (CALL,), ()),
    (Delay(SECOND, "queue"), None, (JOB,), ("RUNNING",)),
    (Delay(SECOND, "run"), None, (JOB,), ("DONE",)),
    (Stale(1.0, "rows"), "stale rows", (CALL,), ()),
    (JobState("hold"), None, (JOB,), ("DONE",)),
    (JobState("stuck", state="RUNNING"), "job", (JOB,), ("RUNNING",)),
    (JobState("fail"), "job", (JOB,), ("RUNNING",)),
    (JobState("progress"), "progression", (JOB,), ("PENDING",)),
    (JobState("cancel_loses"), "cancel", (CANCEL,), ()),
]


@pytest.mark.parametrize(("effect", "group", "events", "states"), CASES, ids=[repr(c[0])[:60] for c in CASES])
def test_group_events_and_states(
    effect: Effect, group: str | None, events: tuple[str, ...], states: tuple[str, ...]
) -> None:
    rule = Rule("r", effect)
    assert (group_of(effect), events_of(rule), states_of(rule)) == (group, events, states)


def test_a_state_of_the_match_counts_first() -> None:
    assert states_of(Rule("r", JobState("stuck", state="DONE"), Match(state=("PENDING",)))) == ("PENDING",)


def test_offsets_are_asked_along_the_stream() -> None:
    assert events_of(Rule("r", GrpcStatus("UNAVAILABLE"), Match(offset_rows=5))) == (CALL, STREAM)


@pytest.mark.parametrize("outcome", words.JOB_OUTCOMES)
def test_every_outcome_of_a_job_has_its_event(outcome: str) -> None:
    effect = JobState(outcome)
    assert events_of(Rule("r", effect)) in ((JOB,), (CANCEL,))
    group_of(effect)
