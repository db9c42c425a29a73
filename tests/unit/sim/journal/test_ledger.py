"""Acknowledged against applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import LedgerError, reconcile, verify_exactly_once
from bqsim.sim.journal.ledger import VERDICTS

from .making import entry, journal


@pytest.mark.parametrize(
    ("attempts", "verdict"),
    [
        ([(True, True)], "once"),
        ([(False, False)], "failed"),
        ([(False, False), (True, True)], "once"),
        ([(True, False)], "in_doubt"),
        ([(True, False), (True, True)], "duplicate"),
        ([(True, False), (True, False)], "duplicate"),
        ([(True, False), (False, False), (True, True)], "duplicate"),
        ([(False, True)], "lost"),
        ([(False, False), (False, True)], "lost"),
    ],
)
def test_verdicts(attempts, verdict):
    report = reconcile(entry(i, *did) for i, did in enumerate(attempts))
    assert [write.verdict for write in report.writes] == [verdict]


def test_a_write_that_was_found_done_before_is_not_lost():
    made = [entry(0, True, False), entry(1, False, True, deduplicated=True)]
    assert reconcile(made).counts() == {**dict.fromkeys(VERDICTS, 0), "once": 1}
    again = entry(2, False, True, deduplicated=True)
    assert reconcile([*made, again]).counts()["once"] == 2
    assert [w.verdict for w in reconcile([entry(0, False, False, deduplicated=True)]).writes] == ["in_doubt"]


def test_the_same_rows_again_after_an_answer_are_meant():
    assert reconcile([entry(0, True, True), entry(1, True, True)]).counts()["once"] == 2


@pytest.mark.parametrize(
    "other", [{"write": "x"}, {"resource": "r"}, {"method": "m"}, {"scope": "s"}], ids=str
)
def test_other_writes_are_apart(other):
    assert reconcile([entry(0, True, False), entry(1, True, True, **other)]).duplicates == ()


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=20))
def test_every_attempt_is_judged_once(made):
    entries = [entry(i, applied, told, write=name) for i, (name, applied, told) in enumerate(made)]
    report = reconcile(entries)
    assert sum(report.counts().values()) == len(report.writes)
    assert sorted(e.time_us for w in report.writes for e in w.attempts) == [e.time_us for e in entries]
    assert sum(w.applied for w in report.writes) == sum(e.applied for e in entries)
    assert sum(w.acknowledged for w in report.writes) == sum(e.acknowledged for e in entries)


def test_rows_that_are_there_too_often():
    made = [entry(0, True, False, rows=3), entry(1, True, False, rows=3), entry(2, True, True, rows=3)]
    assert reconcile(made).extra_rows == 6


def test_an_unknown_verdict_is_refused():
    with pytest.raises(KeyError):
        reconcile([]).of("doubled")


def test_duplicates_and_losses_fail_a_test():
    kept = journal(
        entry(0, True, False, call_id="a"),
        entry(1, True, True, call_id="b"),
        entry(2, False, True, write="x", call_id="c"),
        entry(3, True, False, write="y", call_id="d"),
        entry(4, True, True, write="z"),
    )
    with pytest.raises(LedgerError) as caught:
        verify_exactly_once(kept)
    table = "bigquery.tabledata.insertAll projects/p/datasets/d/tables/t"
    assert str(caught.value).splitlines() == [
        "2 writes not done exactly once:",
        f"  {table}: acknowledged, but never done (#c not applied, acknowledged)",
        f"  {table}: done more than once (#a applied, answered with a failure, #b applied, acknowledged)",
    ]
    assert len(caught.value.report.in_doubt) == 1 and len(caught.value.report.lost) == 1
    with pytest.raises(LedgerError, match="3 writes"):
        verify_exactly_once(kept, in_doubt=True)


def test_exactly_once_passes():
    kept = journal(entry(0, False, False), entry(1, True, True), entry(2, True, False, scope="other"))
    assert verify_exactly_once(kept).counts()["once"] == 1
    assert verify_exactly_once(kept, scope="other").counts()["in_doubt"] == 1
    assert verify_exactly_once(kept, since=kept.position).writes == ()
