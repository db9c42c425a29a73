"""Verification of calls, and the explanations of what was not as expected."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.journal import Step, UnexpectedCalls, Verification, VerificationError, verify

from .making import GET, INSERT, QUERY, RESULTS, call, journal


def failing(kept, *args, **members) -> str:
    with pytest.raises(VerificationError) as caught:
        verify(kept, *args, **members)
    return str(caught.value)


METHODS = st.sampled_from([QUERY, GET, INSERT])
ENDS = st.sampled_from(["ok", "backendError", "quotaExceeded"])


@given(st.lists(st.tuples(METHODS, ENDS), max_size=20), METHODS, ENDS, st.integers(0, 8), st.integers(0, 8))
def test_counts_decide(made, method, ends, least, more):
    kept = journal(*(call(m, at=i, ends=e) for i, (m, e) in enumerate(made)))
    where = {"ok": True} if ends == "ok" else {"reason": ends}
    count = made.count((method, ends))

    def passes(times) -> bool:
        try:
            return len(verify(kept, method, where, times)) == count
        except VerificationError:
            return False

    assert passes((least, least + more)) == (least <= count <= least + more)
    assert passes((least, None)) == (least <= count)
    assert passes(least) == (least == count)
    assert passes(count)


@given(st.lists(METHODS, max_size=12), st.lists(METHODS, min_size=1, max_size=4))
def test_order_is_that_of_a_subsequence(made, order):
    kept = journal(*(call(m, at=i) for i, m in enumerate(made)))
    left = iter(made)
    expected = all(method in left for method in order)
    try:
        verify(kept, "*", times=(0, None), order=order)
    except VerificationError:
        assert not expected
    else:
        assert expected


def test_the_calls_found_are_returned():
    kept = journal(call(id="a"), call(GET), call(id="b", ends="backendError"))
    assert [e.id for e in verify(kept, QUERY)] == ["a", "b"]
    assert [e.id for e in verify(kept, QUERY, {"reason": "backendError"}, 1)] == ["b"]


@pytest.mark.parametrize(
    ("times", "text"),
    [
        (3, "Expected exactly 3 calls of bigquery.jobs.query, but 2 were made."),
        (1, "Expected exactly 1 call of bigquery.jobs.query, but 2 were made."),
        (0, "Expected no calls of bigquery.jobs.query, but 2 were made."),
        ((3, None), "Expected at least 3 calls of bigquery.jobs.query, but 2 were made."),
        ((0, 1), "Expected at most 1 call of bigquery.jobs.query, but 2 were made."),
        ((3, 5), "Expected from 3 to 5 calls of bigquery.jobs.query, but 2 were made."),
    ],
)
def test_counts_are_worded(times, text):
    lines = failing(journal(call(id="a"), call(id="b", at=1)), QUERY, times=times).splitlines()
    assert lines[0] == text
    assert (
        lines[1] == "These matched:" and "#a 00:00:00.000000 bigquery.jobs.query projects/p → ok" in lines[2]
    )


@pytest.mark.parametrize("times", [-1, (2, 1), (-1, None)])
def test_wrong_counts_are_refused(times):
    with pytest.raises(ValueError, match="times is a number"):
        verify(journal(), QUERY, times=times)


def test_a_name_that_calls_do_not_have_is_refused_even_for_never():
    with pytest.raises(ValueError, match="did you mean 'reason'"):
        verify(journal(), QUERY, {"reson": "x"}, 0)


def test_an_empty_journal_says_so():
    assert failing(journal(), QUERY).splitlines() == [
        "Expected at least 1 call of bigquery.jobs.query, but none was made.",
        "No other calls were made.",
    ]


def test_the_closest_call_comes_first_with_what_failed():
    kept = journal(
        call(GET, id="other", ends="internalError", resource="projects/x/jobs/j"),
        call(QUERY, id="far", caller="bob@example.com", resource="projects/q"),
        call(QUERY, id="near", caller="ada@example.com", ends="backendErorr"),
        call(QUERY, id="right but for the project", resource="projects/q", caller="ada@example.com"),
    )
    where = {"caller": "ada@*", "reason": "backendError", "resource": "projects/p"}
    lines = failing(kept, QUERY, where).splitlines()
    assert lines[0] == (
        "Expected at least 1 call of bigquery.jobs.query where caller is 'ada@*' and reason is "
        "'backendError' and resource is 'projects/p', but none was made."
    )
    assert lines[1] == "Closest calls that did not match:"
    assert "#near" in lines[2] and lines[3].strip() == "3 of 4 conditions hold"
    assert lines[4].strip() == "reason: expected 'backendError', was 'backendErorr'"
    assert "#right but" in lines[5] and lines[6].strip() == "2 of 4 conditions hold"
    assert [line for line in lines if line.startswith("  #")][2].startswith("  #far")
    assert not any("#other" in line for line in lines)


def test_another_method_is_a_near_miss_too():
    text = failing(journal(call("bigquery.jobs.insert", id="a")), QUERY)
    assert "method: expected 'bigquery.jobs.query', was 'bigquery.jobs.insert'" in text


def test_matched_calls_are_no_near_misses():
    text = failing(journal(call(id="a"), call(GET, id="b")), QUERY, times=2)
    assert text.index("#a") < text.index("Closest") < text.index("#b") and text.count("#a") == 1


def test_order_tells_how_far_it_came():
    kept = journal(call(GET, id="early", at=0), call(INSERT, id="i", at=1), call(QUERY, id="q", at=2))
    order = [INSERT, Step(GET, {"ok": True})]
    lines = failing(kept, INSERT, order=order).splitlines()
    assert lines[0].startswith(
        "Expected the order bigquery.jobs.insert → bigquery.jobs.get, but step 2, bigquery.jobs.get where ok "
        "is True, was not made after #i "
    )
    assert lines[1].startswith("  step 1: #i ")
    assert lines[2] == "It was made before step 1:" and "#early" in lines[3]


def test_order_shows_near_misses_of_what_came_after():
    kept = journal(call(INSERT, id="i", at=1), call(GET, id="g", at=2, ends="backendError"))
    text = failing(kept, INSERT, order=[INSERT, Step(GET, {"ok": True})])
    assert "Closest calls" in text and "ok: expected True, was False" in text
    assert "No calls were made after that." in failing(kept, INSERT, order=[INSERT, GET, GET])


def test_order_goes_by_when_calls_came():
    kept = journal(call(RESULTS, at=2), call(INSERT, at=1))
    verify(kept, INSERT, order=[INSERT, RESULTS])


def test_unexpected_calls_are_those_that_nothing_covered():
    kept = journal(call(QUERY, id="q"), call(GET, id="g"), call(INSERT, id="i"), call(RESULTS, id="r"))
    checks = Verification(kept)
    checks.verify(QUERY, order=[QUERY, INSERT])
    assert [e.id for e in checks.unexpected()] == ["g", "r"]
    assert [e.id for e in checks.unexpected(ignore=["*.get"])] == ["r"]
    with pytest.raises(UnexpectedCalls, match=r"2 calls made that nothing expected:\n  #g .*\n  #r "):
        checks.strict()
    checks.expect("bigquery.jobs.get*")
    checks.strict()


def test_a_failed_expectation_covers_nothing():
    checks = Verification(journal(call(QUERY)))
    with pytest.raises(VerificationError):
        checks.verify(QUERY, times=2)
    assert len(checks.unexpected()) == 1


def test_never():
    checks = Verification(journal(call(QUERY, ends="backendError")))
    checks.never(QUERY, {"ok": True})
    with pytest.raises(VerificationError, match="Expected no calls"):
        checks.never(QUERY)


def test_scopes_and_marks_leave_other_calls_out():
    kept = journal(call(id="a", scope="one"), call(id="b", scope="two"))
    assert [e.id for e in verify(kept, QUERY, times=1, scope="two")] == ["b"]
    checks = Verification(kept, since=kept.position)
    checks.never(QUERY)
    kept.append(call(id="c"))
    assert [e.id for e in checks.verify(QUERY)] == ["c"]


def test_counts_of_dropped_calls_are_not_known():
    kept = journal(*(call(QUERY, at=i) for i in range(4)), call(GET, at=5), capacity=3)
    verify(kept, GET, times=1)
    verify(kept, QUERY)
    text = failing(kept, QUERY, times=2)
    assert "2 found, but the journal has dropped 2 calls of it: it keeps 3 events" in text
    assert "dropped its 2 oldest events" in failing(kept, QUERY, times=7)
    assert len(Verification(kept, since=kept.first).verify(QUERY, times=2)) == 2


def test_very_many_calls_are_explained_soon():
    kept = journal(*(call(QUERY, at=i, facts={"sql": f"SELECT {i}"}) for i in range(20_000)), capacity=20_000)
    text = failing(kept, QUERY, {"sql": "SELECT 19999 FROM t"})
    assert "sql: expected 'SELECT 19999 FROM t', was 'SELECT 19999'" in text


def test_functions_of_calls_need_not_know_other_calls():
    kept = journal(call(GET), call(QUERY, facts={"rows": 1}))
    text = failing(kept, QUERY, lambda event: event.facts["rows"] > 3)
    assert "expected what the given function accepts, was a call for which it is false" in text
    with pytest.raises(KeyError):
        verify(kept, "*", lambda event: event.facts["rows"] > 3)
