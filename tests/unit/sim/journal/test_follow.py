"""Following a journal live."""

from __future__ import annotations

import threading

from bqsim.sim.journal import Journal

from .making import call


def test_a_follower_gives_what_happens_until_closed():
    kept = Journal()
    kept.append(call(id="before"))
    follower = kept.follow()
    found = []
    reader = threading.Thread(target=lambda: found.extend(e.id for e in follower))
    reader.start()
    for i in range(100):
        kept.append(call(id=f"c{i}"))
    follower.close()
    reader.join(10)
    assert not reader.is_alive()
    assert found == [f"c{i}" for i in range(100)]
    kept.append(call())
    assert follower.take() == []


def test_a_slow_reader_loses_the_oldest():
    kept = Journal()
    with kept.follow(limit=3) as follower:
        for i in range(5):
            kept.append(call(id=f"c{i}"))
        assert follower.lost == 2
        assert [e.id for e in follower.take()] == ["c2", "c3", "c4"]
        assert follower.take() == []
