"""What was seen, counted and put together."""

from __future__ import annotations

import json

import pytest

from bqsim.rehearse.live.tally import LATE, PHASES, TOTAL, Second, Tally

GROUPS = ("a", "b")


def tally(seed: int) -> Tally:
    made = Tally(GROUPS)
    for number, group in enumerate(made.groups):
        group.sent, group.done, group.retried = 10 + seed, 9, seed
        group.errors["quotaExceeded"] += seed
        group.slot_ms = 1.5 * seed
        for n in range(5000):
            group.record(TOTAL, (n * (seed + 1) % 997) / 100 + number)
    made.second(seed).add(Second(3, 2, 1, 1, 0, 7, 0.5))
    made.second(5).add(Second(sent=1, in_flight=seed, late_s=seed / 10))
    made.shed, made.capped, made.requests, made.spent_bytes = 1, 2, 30, 400
    made.seconds_taken = float(seed)
    made.messages[f"r{seed}"] = "why"
    return made


def test_it_goes_through_json_and_back() -> None:
    one = tally(3)
    written = json.loads(json.dumps(one.to_dict()))
    again = Tally.from_dict(written)
    assert again.to_dict() == one.to_dict()
    assert again.groups[0].phases[TOTAL].count == 5000


def test_several_become_one_in_any_order() -> None:
    parts = [tally(n) for n in range(1, 4)]
    forth = Tally.merged(GROUPS, parts)
    back = Tally.merged(GROUPS, reversed([tally(n) for n in range(1, 4)]))
    assert forth.to_dict() == back.to_dict()
    assert forth.groups[0].phases[TOTAL].count == 15_000
    assert forth.groups[1].errors["quotaExceeded"] == 6
    assert (forth.shed, forth.requests, forth.seconds_taken) == (3, 90, 3.0)
    assert forth.seconds[5] == Second(sent=3, in_flight=6, late_s=0.3)
    assert forth.sent == 2 * (11 + 12 + 13)


def test_the_whole_is_all_groups() -> None:
    whole = tally(1).whole()
    assert whole.phases[TOTAL].count == 10_000
    assert (whole.sent, whole.retried) == (22, 2)
    assert set(whole.phases) == set(PHASES)


def test_times_before_none_count_as_none() -> None:
    one = Tally(GROUPS)
    one.groups[0].record(LATE, -0.003)
    assert one.groups[0].settled().phases[LATE].largest == 0


def test_recent_totals_are_taken_once() -> None:
    one = Tally(GROUPS)
    one.recent(1.0)
    one.recent(2.0)
    assert one.take_recent() == [1.0, 2.0]
    assert one.take_recent() == []


def test_groups_that_differ_cannot_become_one() -> None:
    with pytest.raises(ValueError, match="zip"):
        Tally(GROUPS).add(Tally(("a",)))
