from __future__ import annotations

import io
import json

from bqsim.sim.control.control import Scope
from bqsim.sim.control.journals import JournalView
from bqsim.sim.journal import CallEvent, ControlEvent, JobEvent, Journal, LedgerEntry


def call(id: str, scope: str, method: str = "bigquery.jobs.get") -> CallEvent:
    return CallEvent(id, 1, "rest", method, scope=scope)


def filled() -> Journal:
    journal = Journal()
    for event in (
        call("1", "a"),
        call("2", "b"),
        JobEvent(2, "j", "p", after="DONE", scope="a"),
        JobEvent(2, "k", "p", after="DONE", scope="b"),
        ControlEvent(3, "rules.add"),
        LedgerEntry(4, "1", "m", "r", "w", True, True, scope="a"),
        call("3", "a", "bigquery.jobs.list"),
    ):
        journal.append(event)
    return journal


def test_a_view_of_one_scope() -> None:
    view = JournalView(filled(), "a")
    assert [e.id for e in view.calls()] == ["1", "3"] and [e.id for e in view.calls("*.list")] == ["3"]
    assert [e.job_id for e in view.jobs()] == ["j"] and view.jobs("k") == []
    assert len(view.ledger()) == 1 and view.controls() == [] and len(view) == len(list(view)) == 4
    assert view.methods() == {"bigquery.jobs.get": 1, "bigquery.jobs.list": 1}
    assert view.call("2") is None and view.call("1") is not None
    events, position = view.read(0, 2)
    assert (len(events), position) == (2, 3)
    assert len(view.read(position)[0]) == 2 and view.read(7) == ([], 7)


def test_a_view_of_everything() -> None:
    journal = filled()
    view = JournalView(journal)
    assert len(view) == 7 and len(view.calls()) == 3 and len(view.controls()) == 1
    assert view.read(5, 1) == ([journal.events()[5]], 6)
    assert view.hash() == journal.hash() != JournalView(journal, "a").hash()
    out = io.StringIO()
    assert view.export(out) == 7 and json.loads(out.getvalue().splitlines()[0])["kind"] == "call"
    view.clear()
    assert len(journal) == 0 and view.position == 7 and view.dropped == 0


def test_a_scope_forgets_its_own_view_only() -> None:
    journal = filled()
    view = JournalView(journal, "a")
    view.clear()
    assert len(view) == 0 and len(journal) == 7
    journal.append(call("4", "a"))
    assert [e.id for e in view.calls()] == ["4"]


def test_a_scope_is_followed() -> None:
    journal = Journal()
    view = JournalView(journal, "a")
    with view.follow() as follower:
        journal.append(call("1", "b"))
        journal.append(call("2", "a"))
    journal.append(call("3", "a"))
    assert [e.id for e in follower if isinstance(e, CallEvent)] == ["2"]


def test_expectations_are_kept_until_the_journal_is_cleared(sim: Scope) -> None:
    scope = sim.scope("a")
    sim.journal.journal.append(call("1", "a"))
    scope.verify("*", times=1)
    scope.verification.strict()
    assert scope.verification is scope.verification
    before = scope.verification
    scope.journal.clear()
    assert scope.verification is not before and scope.verification.calls() == []
    scope.verify("*", times=0)
    sim.verify("*", times=1)
    scope.verify_backoff()
    assert scope.verify_exactly_once().writes == ()
