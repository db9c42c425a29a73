"""The hash of a run: what it depends on, and what it does not."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import ControlEvent, Decision, JobEvent, Journal, Outcome, canonical_hash

from .making import GET, INSERT, QUERY, call, entry, journal

OUTCOMES = st.sampled_from(["ok", "backendError", "rateLimitExceeded", "reset"])


@st.composite
def runs(draw):
    """Calls of several clients, each with its own requests."""
    made = []
    for fingerprint in "abc":
        for occurrence, ends in enumerate(draw(st.lists(OUTCOMES, max_size=6)), 1):
            draws = draw(st.sampled_from([None, 0.25, 0.5]))
            decisions = () if draws is None else (Decision("rule", "error", draw=draws),)
            members = {"fingerprint": fingerprint, "occurrence": occurrence, "decisions": decisions}
            made.append(call(QUERY, ends=ends, **members))
    return made


@given(runs(), st.randoms(use_true_random=False))
def test_timing_of_threads_does_not_count(events, chance):
    mixed = list(events)
    chance.shuffle(mixed)
    later = [replace(e, time_us=i * 1000, duration_us=i, id=f"x{i}") for i, e in enumerate(mixed)]
    assert canonical_hash(later) == canonical_hash(events)


@given(runs(), st.data())
def test_every_outcome_counts(events, data):
    if not events:
        return
    at = data.draw(st.integers(0, len(events) - 1))
    other = replace(events[at], outcome=Outcome("quotaExceeded", http=403))
    assert canonical_hash([*events[:at], other, *events[at + 1 :]]) != canonical_hash(events)
    assert canonical_hash(events[:at] + events[at + 1 :]) != canonical_hash(events)


@given(runs(), st.data())
def test_repeated_events_count(events, data):
    if events:
        again = data.draw(st.sampled_from(events))
        assert canonical_hash([*events, again]) != canonical_hash(events)


@pytest.mark.parametrize(
    "change",
    [
        {"time_us": 9},
        {"duration_us": 9},
        {"id": "other"},
        {"request_id": "other"},
        {"job_id": "other"},
        {"client": "other"},
        {"outcome": Outcome("backendError", http=503, message="Job p:US.other failed")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_differs_between_equal_runs_does_not_count(change):
    one = call(ends="backendError")
    assert canonical_hash([replace(one, **change)]) == canonical_hash([one])


@pytest.mark.parametrize(
    "change",
    [
        {"method": GET},
        {"resource": "projects/q"},
        {"caller": "bob@example.com"},
        {"transport": "grpc"},
        {"fingerprint": "g"},
        {"attempt": 2},
        {"occurrence": 2},
        {"scope": "two"},
        {"labels": {"team": "x"}},
        {"decisions": (Decision("rule"),)},
        {"outcome": Outcome("backendError", http=500)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_clients_ask_and_get_counts(change):
    one = call(ends="backendError")
    assert canonical_hash([replace(one, **change)]) != canonical_hash([one])


def jobs_run(ids):
    for job, states in zip(ids, (["PENDING", "RUNNING", "DONE"], ["RUNNING", "DONE"]), strict=True):
        yield call(INSERT, job_id=job)
        for before, after in zip(["", *states], states, strict=False):
            yield JobEvent(1, job, "p", "US", before, after)
            yield call(GET, resource=f"projects/p/jobs/{job}", job_id=job)


def test_generated_ids_do_not_count():
    assert canonical_hash(jobs_run(["x", "y"])) == canonical_hash(jobs_run(["b", "a"]))


def test_ids_tell_which_events_belong_together():
    apart = [JobEvent(1, "a", after="DONE"), JobEvent(2, "b", after="PENDING")]
    same = [JobEvent(1, "a", after="DONE"), JobEvent(2, "a", after="PENDING")]
    assert canonical_hash(apart) != canonical_hash(same)


def test_what_counters_say_in_words_does_not_count():
    one, other = (call(decisions=(Decision("rule", why=f"call {n}"),)) for n in (1, 2))
    assert canonical_hash([one]) == canonical_hash([other])


def test_order_within_a_job_counts():
    moves = [JobEvent(1, "j", after="PENDING"), JobEvent(2, "j", after="DONE")]
    assert canonical_hash(moves) != canonical_hash(moves[::-1])


def test_control_and_ledger_count():
    added = ControlEvent(1, "rule added", "python", details={"rule": "a"})
    wrote = entry(1, True, False)
    assert canonical_hash([replace(added, time_us=2)]) == canonical_hash([added])
    assert canonical_hash([replace(added, details={"rule": "b"})]) != canonical_hash([added])
    assert canonical_hash([replace(wrote, time_us=2, call_id="x")]) == canonical_hash([wrote])
    assert canonical_hash([replace(wrote, applied=False)]) != canonical_hash([wrote])


def test_a_run_of_threads_has_one_hash():
    def run(seed: int) -> str:
        kept, chance, lock, counts = Journal(), random.Random(seed), threading.Lock(), {}

        def client(name: int) -> None:
            for _ in range(20):
                with lock:
                    counts["shared"] = occurrence = counts.get("shared", 0) + 1
                ends = "backendError" if occurrence % 3 == 0 else "ok"
                kept.append(call(ends=ends, fingerprint="shared", occurrence=occurrence))
                kept.append(call(fingerprint=f"own{name}", occurrence=1))

        threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
        chance.shuffle(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return kept.hash()

    assert len({run(seed) for seed in range(5)}) == 1


def test_the_hash_is_the_same_in_every_release():
    kept = journal(
        call(
            ends="backendError", labels={"team": "x"}, decisions=(Decision("brownout", "error", draw=0.25),)
        ),
        call(INSERT, job_id="a", at=1),
        JobEvent(2, "a", "p", "US", "RUNNING", "DONE", decisions=(Decision("late", latency_s=1.5),)),
        ControlEvent(3, "clock advanced", "python", details={"seconds": 5400}),
        entry(4, True, False, rows=2),
    )
    assert kept.hash() == "9c84bbfee684210ec51516998c9d78aea35252447b13d35d4905b72eda92153d"
