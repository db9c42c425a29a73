from __future__ import annotations

import threading
import timeit

import pytest

from bqsim.sim.draws import Draws, Stream, Turn, begin_turn, end_turn


def test_a_key_gives_the_same_uniforms_in_any_order_and_run():
    keys = [(rule, fingerprint, n) for rule in "ab" for fingerprint in ("", "f") for n in range(20)]
    forward = {key: [u.take() for _ in range(20)] for key in keys for u in [Draws(7).keyed(*key)]}
    draws = Draws(7)
    backward = {key: [u.take() for _ in range(20)] for key in reversed(keys) for u in [draws.keyed(*key)]}
    assert forward == backward
    flat = [value for values in forward.values() for value in values]
    assert len(set(flat)) == len(flat)
    assert all(0.0 < value < 1.0 for value in flat)


def test_keyed_draws_and_counted_draws_do_not_shift_each_other():
    alone = Draws(3)
    expected = [alone.uniform("p") for _ in range(3)]
    mixed = Draws(3)
    got = []
    for n in range(3):
        mixed.keyed("p", "", n).take()
        got.append(mixed.uniform("p"))
    assert got == expected


def test_every_part_of_the_key_counts():
    # Neighbours that a careless joining of the parts would confuse.
    keys = [("a", "b/1", 0), ("a/b", "1", 0), ("a", "b", 10), ("a", "b", 1), ("a", "0/b", 1), ("1/a", "b", 1)]
    firsts = [Draws(1).keyed(*key).take() for key in keys] + [Draws(11).keyed("/a", "b", 1).take()]
    assert len(set(firsts)) == len(firsts)


def test_threads_see_the_same_draws():
    draws = Draws(5)
    expected = [draws.keyed("rule", f"{n % 7}", n).take() for n in range(500)]
    seen: list[list[float]] = []

    def work() -> None:
        seen.append([draws.keyed("rule", f"{n % 7}", n).take() for n in range(500)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [expected] * 8


def test_the_uniforms_of_one_key_and_of_neighbours_are_uncorrelated():
    stream = Stream(9, "rule")
    pairs = []
    for n in range(10_000):
        u = stream.uniforms("f", n)
        pairs.append((u.take(), u.take()))
    n = len(pairs)
    within = sum((a - 0.5) * (b - 0.5) for a, b in pairs) * 12 / n
    along = sum((pairs[i][0] - 0.5) * (pairs[i + 1][0] - 0.5) for i in range(n - 1)) * 12 / n
    assert abs(within) < 0.03
    assert abs(along) < 0.03
    assert sum(a for a, _ in pairs) / n == pytest.approx(0.5, abs=0.01)


def test_streams_are_equal_by_seed_and_rule():
    assert Stream(1, "a") == Stream(1, "a")
    assert hash(Stream(1, "a")) == hash(Stream(1, "a"))
    assert Stream(1, "a") != Stream(2, "a")
    assert Stream(1, "a") != Stream(1, "b")


def test_a_keyed_draw_is_cheap():
    draws = Draws(1)
    fingerprint = "0" * 32
    best = (
        min(timeit.repeat(lambda: draws.keyed("rule", fingerprint, 12).take(), number=2000, repeat=7)) / 2000
    )
    # Measured at about 1 µs; the bound leaves room for a busy machine.
    assert best < 10e-6


def test_ids_stay_unique_when_draws_begin_anew() -> None:
    draws, other = Draws(7), Draws(7)
    first = [draws.hex_id("job"), draws.uuid("stream"), draws.uniform("chance")]
    draws.reseed(7)
    again = [draws.hex_id("job"), draws.uuid("stream"), draws.uniform("chance")]
    assert again[2] == first[2] and not {*again[:2]} & {*first[:2]}
    other.reseed(7)
    assert other.hex_id("job") == again[0]


def test_a_turn_is_for_the_draws_of_its_simulation_alone() -> None:
    mine, other = Draws(1), Draws(2)
    expected = Draws(2).hex_id("a")
    token = begin_turn(Turn(mine, "k"))
    try:
        first = mine.hex_id("a")
        assert other.hex_id("a") == expected
    finally:
        end_turn(token)
    assert mine.hex_id("a") != first
    token = begin_turn(Turn(mine, "k"))
    assert mine.hex_id("a") == first
    end_turn(token)


def test_a_scope_has_a_seed_of_its_own() -> None:
    draws, alone = Draws(1), Draws(7)
    draws.reseed_scope("a", 7)
    assert draws.keyed("down@a/effect", "f", 2).take() == alone.keyed("down/effect", "f", 2).take()
    for rule in ("down", "down@b", "@a"):
        assert draws.keyed(rule).take() == Draws(1).keyed(rule).take()
    draws.reseed(2)
    assert draws.keyed("down@a").take() == alone.keyed("down").take()
    for _ in range(2):
        draws.reseed_scope("a", None)
        assert draws.keyed("down@a").take() == Draws(2).keyed("down@a").take()
