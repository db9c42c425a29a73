from __future__ import annotations

import math

import numpy as np
import pytest

from bqsim.rehearse.streams.flows import Block, Flow, connections, least_connections
from bqsim.sim.slots.jobs import Floats

from .plans import plan


def blocks(text: str, seconds: int, size: int) -> list[Block]:
    return [*Flow(plan(text), 0, seconds, size).blocks()]


def created(text: str, seconds: int, size: int) -> Floats:
    found = [one.created for one in blocks(text, seconds, size)]
    assert all(one is not None for one in found)
    return np.concatenate(found)  # type: ignore[arg-type]


def commits(text: str, seconds: int, size: int) -> list[tuple[float, float, float]]:
    found = [one.commits for one in blocks(text, seconds, size)]
    return [
        row
        for one in found
        if one is not None
        for row in zip(one.at.tolist(), one.bytes.tolist(), one.streams.tolist(), strict=True)
    ]


def test_connections_are_as_many_as_each_second_needs() -> None:
    shared = plan("row_bytes: 100, rows: {constant: 1}").streams[0]
    assert connections(shared, np.array([0.0, 0.5, 1.0, 1.0 + 1e-12, 2.1])).tolist() == [1, 1, 1, 1, 3]
    each = plan("row_bytes: 100, rows: {constant: 1}, method: committed, tables: 4").streams[0]
    assert connections(each, np.array([0.0, 4.0, 4.1, 9.0])).tolist() == [4, 4, 8, 12]
    fixed = plan("row_bytes: 100, rows: {constant: 1}, connections: 9").streams[0]
    assert connections(fixed, np.array([0.0, 50.0])).tolist() == [9, 9]
    assert [least_connections(one) for one in (shared, each, fixed)] == [1, 4, 9]


BURSTS = "bytes: {bursts: {size: 1800000000, every: 10m, first: 2m, spread: 3m}}, row_bytes: 100"


@pytest.mark.parametrize("size", [7, 100, 5000])
def test_write_streams_are_kept_once_they_are_created(size: int) -> None:
    found = created(f"method: committed, {BURSTS}", 2000, size)
    assert found.sum() == 10
    assert (found[0], found[120], found[720]) == (1, 9, 0)
    fixed = created("method: buffered, connections: 5, row_bytes: 1, rows: {constant: 1}", 2000, size)
    assert (fixed[0], fixed.sum()) == (5, 5)


@pytest.mark.parametrize("size", [7, 100, 5000])
def test_pending_streams_are_created_anew_after_each_commit(size: int) -> None:
    found = created(f"method: pending, commit_every: 4m, {BURSTS}", 1200, size)
    windows = found.reshape(5, 240).sum(axis=1)
    assert windows.tolist() == [10, 10, 1, 10, 1]
    assert np.flatnonzero(found).tolist() == [0, 120, 240, 480, 720, 960]
    assert found[240] == 10


@pytest.mark.parametrize("size", [7, 100, 5000])
def test_a_commit_has_the_bytes_since_the_one_before(size: int) -> None:
    found = commits(f"method: pending, commit_every: 4m, {BURSTS}, tables: 2", 1100, size)
    # Of each table: half of the bytes, and the streams that were created for it.
    assert [at for at, _, _ in found] == [240, 480, 720, 960, 1100]
    assert [size for _, size, _ in found] == pytest.approx([6e8, 3e8, 0, 9e8, 0], abs=1.0)
    assert [streams for _, _, streams in found] == [5, 5, 1, 5, 1]


def test_commits_may_come_between_seconds() -> None:
    text = "method: pending, commit_every: 2.5s, row_bytes: 10, rows: {constant: 1}"
    found = commits(text, 10, 3)
    assert [at for at, _, _ in found] == [2.5, 5.0, 7.5, 10.0]
    assert math.fsum(size for _, size, _ in found) == 100.0


def test_rest_has_no_connections() -> None:
    (one,) = blocks("method: insertAll, row_bytes: 10, rows: {constant: 3}", 10, 50)
    assert (len(one.open), one.created, one.commits) == (0, None, None)
    assert one.bytes.tolist() == [30.0] * 10
