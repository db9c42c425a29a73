"""Logical requests."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal.attempts import logical_requests

from .making import GET, INSERT, QUERY, attempts, call


def chains(*events):
    return [[e.id for e in request.attempts] for request in logical_requests(events)]


def test_attempts_end_with_a_success():
    made = attempts([1, 2], id="x"), attempts([1], start=10, id="y")
    assert chains(*made[0], *made[1]) == [["x", "x", "x"], ["y", "y"]]


def test_waits_run_from_the_end_of_an_attempt():
    (request,) = logical_requests(attempts([1.5, 2.5], duration_us=500_000))
    assert request.waits_s == (1.0, 2.0)


def test_polls_that_succeed_are_requests_of_their_own():
    assert chains(*(call(GET, at=i, job_id="j", id=f"p{i}") for i in range(3))) == [["p0"], ["p1"], ["p2"]]


def test_threads_that_ask_the_same_are_apart_by_request_id():
    one = attempts([1.0, 2.0], request_id="r1", id="one")
    two = attempts([1.1, 2.1], request_id="r2", id="two", start=0.05)
    assert sorted(chains(*one, *two)) == [["one"] * 3, ["two"] * 3]


def test_a_changed_request_id_is_still_a_retry():
    made = [call(ends="backendError", request_id="a", id="1"), call(at=1, request_id="b", id="2")]
    assert chains(*made) == [["1", "2"]]


def test_a_new_job_id_is_still_a_retry():
    made = [call(INSERT, ends="reset", job_id="a", id="1"), call(INSERT, at=1, job_id="b", id="2")]
    assert chains(*made) == [["1", "2"]]


def test_other_callers_scopes_resources_and_requests_are_apart():
    for members in ({"caller": "b"}, {"scope": "b"}, {"resource": "projects/b"}, {"fingerprint": "g"}):
        made = [call(ends="backendError", id="1"), call(at=1, id="2", **members)]
        assert chains(*made) == [["1"], ["2"]], members


def test_after_an_hour_it_is_a_new_request():
    assert chains(call(ends="backendError", id="1"), call(at=3602, id="2")) == [["1"], ["2"]]


def test_calls_at_the_same_time_are_not_retries():
    made = [call(ends="backendError", id="1", duration_us=2_000_000), call(at=1, id="2")]
    assert chains(*made) == [["1"], ["2"]]


def test_that_a_job_exists_ends_the_request():
    made = [
        call(INSERT, ends="backendError", job_id="a", id="1"),
        call(INSERT, at=1, ends="duplicate", job_id="a", id="2"),
        call(INSERT, at=2, job_id="b", id="3"),
    ]
    assert chains(*made) == [["1", "2"], ["3"]]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([QUERY, INSERT]),
            st.sampled_from(["ok", "backendError", "invalid"]),
            st.sampled_from(["", "r1", "r2"]),
            st.sampled_from(["", "j1"]),
            st.sampled_from(["", "f"]),
        ),
        max_size=25,
    )
)
def test_every_call_is_one_attempt_and_only_failures_are_followed(made):
    events = [
        call(m, at=i, ends=e, request_id=r, job_id=j, fingerprint=f) for i, (m, e, r, j, f) in enumerate(made)
    ]
    found = logical_requests(events)
    assert sorted(e.id for request in found for e in request.attempts) == sorted(e.id for e in events)
    for request in found:
        assert not any(e.outcome.ok for e in request.attempts[:-1])
        assert all(wait >= 0 for wait in request.waits_s)
