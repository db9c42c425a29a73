from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse.workloads.merging import before, cut, merged
from bqsim.sim.slots.jobs import Jobs

from .given import ascends, same, together

# Few moments, so that many jobs come at the same one.
TIMES = st.lists(st.integers(0, 12), max_size=40).map(sorted)
STREAMS = st.lists(TIMES, max_size=5)


def jobs(times: list[int], stream: int = 0) -> Jobs:
    return Jobs.of(len(times), at_ms=np.array(times, float), source=stream, slot_ms=np.arange(len(times)))


def pieces(whole: Jobs, sizes: list[int]) -> Iterator[Jobs]:
    """The jobs in pieces of these sizes, over and over; empty ones too."""
    at = turn = 0
    while at < len(whole):
        size = sizes[turn % len(sizes)]
        yield whole.take(slice(at, at + size))
        at += size
        turn += 1


SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any)


@given(STREAMS, st.data())
def test_merging_is_a_stable_sort_however_streams_are_cut(
    times: list[list[int]], data: st.DataObject
) -> None:
    streams = [jobs(one, at) for at, one in enumerate(times)]
    wanted = together(streams)
    wanted = wanted.take(np.argsort(wanted.at_ms, kind="stable"))
    cut_streams = [pieces(one, data.draw(SIZES)) for one in streams]
    found = together(merged(cut_streams, together=data.draw(st.integers(1, 100))))

    assert same(found, wanted)


@given(TIMES, SIZES, st.integers(1, 15))
def test_cutting_keeps_all_jobs(times: list[int], sizes: list[int], size: int) -> None:
    whole = jobs(times)
    chunks = list(cut(pieces(whole, sizes), size))

    assert same(together(chunks), whole)
    assert all(len(one) == size for one in chunks[:-1])
    assert all(0 < len(one) <= size for one in chunks)


@given(TIMES, SIZES, st.integers(0, 13))
def test_before_a_moment(times: list[int], sizes: list[int], until: int) -> None:
    whole = jobs(times)

    assert same(together(before(pieces(whole, sizes), until)), whole.take(whole.at_ms < until))


def test_nothing_to_merge() -> None:
    assert list(merged([])) == []
    assert list(merged([iter(()), iter([Jobs.of(0)])])) == []
    assert list(cut(iter(()))) == []


def test_one_stream_is_passed_on_as_it_is() -> None:
    chunks = [jobs([1, 2]), jobs([2, 3])]

    assert all(one is other for one, other in zip(merged([iter(chunks)]), chunks, strict=True))


def test_a_stream_is_not_read_ahead() -> None:
    read: list[int] = []

    def endless(stream: int, step: int) -> Iterator[Jobs]:
        for at in range(10**9):
            read.append(stream)
            yield jobs([at * step, at * step + step - 1], stream)

    found = merged([endless(0, 1), endless(1, 100)])
    for _ in range(50):
        next(found)

    # The slow stream is read once, however far the fast one goes.
    assert read.count(1) == 1
    assert read.count(0) <= 52


def test_what_comes_after_the_moment_is_not_asked_for() -> None:
    def chunks() -> Iterator[Jobs]:
        yield jobs([1, 2])
        yield jobs([3, 8])
        pytest.fail("asked for more")

    assert together(before(chunks(), 5)).at_ms.tolist() == [1.0, 2.0, 3.0]


def test_many_streams_of_many_jobs() -> None:
    chance = np.random.default_rng(1)
    streams = [
        Jobs.of(20_000, at_ms=np.sort(chance.random(20_000)) * (at + 1), source=at) for at in range(20)
    ]
    found = together(cut(merged([one.chunks(1_000) for one in streams])))

    assert len(found) == 400_000
    assert ascends(found.at_ms)
    assert np.bincount(found.source).tolist() == [20_000] * 20
