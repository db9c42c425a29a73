from __future__ import annotations

import pytest

from bqsim.sim.draws import Draws
from bqsim.sim.rules import Facts, counters
from bqsim.sim.rules.counters import Counter
from bqsim.sim.scenario.latency import Fixed
from bqsim.sim.scenario.model import Delay, Match, Rule

from .samples import BACKEND_ERROR, query

DRAWS = Draws(7)


def passed(match: Match, events: list[Facts]) -> list[int]:
    """Which of ``events`` pass, from 1."""
    rule, counter = Rule("r", BACKEND_ERROR, match), Counter()
    outcomes = [counter.weigh(rule, facts, DRAWS, keep=True).missed for facts in events]
    return [i for i, missed in enumerate(outcomes, 1) if not missed]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match(), [1, 2, 3, 4, 5, 6]),
        (Match(nth=(2, 5)), [2, 5]),
        (Match(every=3), [3, 6]),
        (Match(max_calls=2), [1, 2]),
        (Match(every=2, max_calls=4), [2, 4]),
        (Match(attempt=(2,)), [2]),
        (Match(probability=0.0), []),
        (Match(probability=1.0), [1, 2, 3, 4, 5, 6]),
    ],
)
def test_the_same_request_six_times(match: Match, expected: list[int]) -> None:
    assert passed(match, [query() for _ in range(6)]) == expected


def test_tries_are_counted_by_request() -> None:
    events = [query("SELECT 1"), query("SELECT 2"), query("SELECT 1"), query("SELECT 2")]
    assert passed(Match(attempt=(2,)), events) == [3, 4]


def test_requests_with_ids_are_counted_by_them() -> None:
    events = [query(requestId="a"), query(requestId="b"), query(requestId="a")]
    assert passed(Match(attempt=(1,)), events) == [1, 2]


def test_nth_counts_the_tries_that_hold() -> None:
    events = [query("SELECT 1"), query("SELECT 2"), query("SELECT 1"), query("SELECT 2")]
    assert passed(Match(attempt=(2,), nth=(2,)), events) == [4]


def test_a_try_that_the_event_tells_is_taken() -> None:
    facts = Facts(method="m", attempt=3)
    weighed = Counter().weigh(Rule("r", BACKEND_ERROR, Match(attempt=(3,))), facts, DRAWS, keep=True)
    assert (weighed.missed, weighed.attempt) == ("", 3)


def test_looking_counts_nothing() -> None:
    rule, counter = Rule("r", BACKEND_ERROR, Match(nth=(1,), attempt=(1,), probability=1.0)), Counter()
    for _ in range(3):
        assert counter.weigh(rule, query(), DRAWS, keep=False).missed == ""
    assert counter == Counter()


def test_draws_follow_the_request_and_its_occurrence() -> None:
    rule = Rule("r", BACKEND_ERROR, Match(probability=0.5))

    def drawn(order: list[str]) -> dict[str, list[float | None]]:
        counter, found = Counter(), {sql: [] for sql in order}  # type: tuple[Counter, dict[str, list[float | None]]]
        for sql in order:
            found[sql].append(counter.weigh(rule, query(sql), DRAWS, keep=True).draw)
        return found

    assert drawn(["a", "a", "b", "b"]) == drawn(["b", "a", "b", "a"])
    assert len({draw for draws in drawn(["a", "a", "b", "b"]).values() for draw in draws}) == 4


def test_effects_that_draw_are_numbered_by_request() -> None:
    rule, counter = Rule("r", Delay(Fixed(1.0))), Counter()
    found = [counter.weigh(rule, query(sql), DRAWS, keep=True).occurrence for sql in ("a", "b", "a")]
    assert found == [0, 0, 1]


def test_requests_that_were_not_seen_for_long_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MAX_REQUESTS", 2)
    events = [query(sql) for sql in ("a", "b", "a", "c", "b", "a")]
    assert passed(Match(attempt=(2,)), events) == [3]


@pytest.mark.parametrize(
    ("match", "why"),
    [
        (Match(nth=(2, 3)), "this is call 1, not 2 or 3"),
        (Match(every=2), "this is call 1, not a multiple of 2"),
        (Match(attempt=(2,)), "this is try 1, not 2"),
        (Match(probability=0.0), "the draw 0.000000 is not below 0"),
        (Match(attempt=(1,)), "call 1, try 1"),
    ],
)
def test_reasons(match: Match, why: str) -> None:
    weighed = Counter().weigh(Rule("r", BACKEND_ERROR, match), query(), DRAWS, keep=True)
    if weighed.draw is not None:
        weighed.draw = 0.0
    assert weighed.why(match) == why
