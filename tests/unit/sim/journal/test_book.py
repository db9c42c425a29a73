"""The journal: order, room, indexes, listeners, export."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import ControlEvent, JobEvent, Journal

from .making import GET, INSERT, QUERY, call, entry, journal


def test_events_are_indexed_by_id_and_method():
    one, two, three = call(QUERY, id="a"), call(GET, id="b"), call(QUERY, id="c")
    kept = journal(one, JobEvent(1, "j"), two, ControlEvent(2, "freeze"), entry(3, True, True), three)
    assert kept.call("b") is two and kept.call("x") is None
    assert kept.calls(QUERY) == [one, three]
    assert kept.calls("bigquery.jobs.*") == [one, two, three]
    assert kept.calls("bigquery.tables.get") == []
    assert kept.methods() == {GET: 1, QUERY: 2}
    assert [e.job_id for e in kept.jobs()] == ["j"] and kept.jobs("other") == []
    assert [e.action for e in kept.controls()] == ["freeze"]
    assert len(kept.ledger()) == 1 and len(kept) == 6


def test_scopes_are_apart():
    kept = journal(call(id="a", scope="one"), call(id="b", scope="two"), entry(1, True, True, scope="two"))
    assert [e.id for e in kept.calls(QUERY, scope="two")] == ["b"]
    assert len(kept.ledger(scope="one")) == 0 and len(kept.ledger(scope="two")) == 1


def test_the_oldest_are_dropped_and_counted():
    kept = journal(*(call(QUERY if i % 3 else GET, id=f"c{i}", at=i) for i in range(10)), capacity=4)
    assert [e.id for e in kept.calls()] == ["c6", "c7", "c8", "c9"]
    assert kept.dropped == 6 and kept.first == 6 and kept.position == 10
    assert kept.call("c5") is None and kept.call("c6") is not None
    assert kept.dropped_calls(GET) == 2 and kept.dropped_calls() == 6
    assert kept.methods() == {GET: 2, QUERY: 2}


def test_an_id_that_was_used_again_stays_known():
    kept = journal(call(id="a"), call(id="a", at=1), call(id="b"), capacity=2)
    assert kept.call("a").time_us == 1_000_000


def test_a_journal_has_room():
    with pytest.raises(ValueError, match="at least one event"):
        Journal(0)


def test_reading_on_from_a_position():
    kept = journal(*(call(id=f"c{i}") for i in range(5)), capacity=3)
    first, position = kept.read(0, limit=2)
    assert [e.id for e in first] == ["c2", "c3"]
    rest, position = kept.read(position)
    assert [e.id for e in rest] == ["c4"]
    assert kept.read(position) == ([], position)
    mark = kept.position
    kept.append(call(id="new"))
    assert [e.id for e in kept.calls(QUERY, since=mark)] == ["new"]


def test_positions_stay_right_when_cleared():
    kept = journal(call(), call())
    mark = kept.position
    kept.clear()
    kept.append(call(id="new"))
    assert [e.id for e in kept.events(mark)] == ["new"]
    assert kept.dropped == 0 and kept.methods() == {QUERY: 1}


@given(st.lists(st.sampled_from([GET, QUERY, INSERT, "job"]), max_size=60), st.integers(1, 20))
def test_indexes_agree_with_the_events(methods, capacity):
    kept = Journal(capacity)
    for i, method in enumerate(methods):
        kept.append(JobEvent(i, "j") if method == "job" else call(method, at=i, id=f"c{i}"))
    left = kept.events()
    assert len(left) == min(capacity, len(methods)) and kept.position == len(methods)
    for method in (GET, QUERY, INSERT):
        here = [e for e in left if getattr(e, "method", "") == method]
        assert kept.calls(method) == here == kept.calls(method + "*")
        assert kept.dropped_calls(method) + len(here) == methods.count(method)
    assert all(
        (kept.call(f"c{i}") is not None) == (i >= kept.first)
        for i in range(len(methods))
        if methods[i] != "job"
    )


def test_many_threads_lose_nothing():
    kept = Journal(10_000)

    def write(name: int) -> None:
        for i in range(500):
            kept.append(call(id=f"{name}-{i}", at=i))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept) == 4000 and len({e.id for e in kept.calls()}) == 4000
    for name in range(8):
        mine = [e.id for e in kept.calls() if e.id.startswith(f"{name}-")]
        assert mine == [f"{name}-{i}" for i in range(500)]


def test_listeners_hear_every_event_until_they_end():
    kept, heard = Journal(), []
    end = kept.subscribe(heard.append)
    kept.append(call(id="a"))
    end()
    kept.append(call(id="b"))
    assert [e.id for e in heard] == ["a"]


def test_a_listener_may_read_the_journal():
    kept, seen = Journal(), []
    kept.subscribe(lambda event: seen.append(len(kept.events())))
    kept.append(call())
    assert seen == [1]


def test_a_listener_that_fails_is_told_no_more():
    kept, heard = Journal(), []

    def fails(event):
        heard.append(event)
        raise RuntimeError

    kept.subscribe(fails)
    kept.append(call())
    kept.append(call())
    assert len(heard) == 1 and len(kept) == 2


def test_lines_are_a_journal_again():
    kept = journal(
        call(id="a", facts={"sql": "SELECT 'é'"}), JobEvent(1, "j", after="DONE"), entry(2, True, False)
    )
    file = io.StringIO()
    assert kept.export(file) == 3
    again = Journal.load(io.StringIO(file.getvalue() + "\n"))
    assert again.events() == kept.events() and again.hash() == kept.hash()
    assert "é" in file.getvalue()


@pytest.mark.parametrize("line", ["{", "[]", '{"kind": "cal"}', '{"kind": "call"}'])
def test_a_wrong_line_is_named(line):
    good = next(journal(call()).lines())
    with pytest.raises(ValueError, match=r"^line 2: "):
        Journal.load([good, line])
