from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.errors import StorageFailure
from bqsim.storage.read.blocks import Blocks
from bqsim.storage.read.streams import MAX_STREAMS, Tokens, partition, split, stream_count
from bqsim.storage.v1 import read_pb2

from .conftest import Reader

pytestmark = pytest.mark.fidelity(
    "read:streams and splits",
    "approximated",
    "Streams hold the same rows in all; how many there are and where they end is bqsim's own.",
)

LIVE = st.lists(st.integers(0, 5), max_size=30)


def blocks_of(live: list[int]) -> Blocks:
    return Blocks(5, 5 * len(live), np.cumsum(live, dtype=np.int64), all(n == 5 for n in live))


# How many


@pytest.mark.parametrize(
    ("nbytes", "maximum", "preferred", "count"),
    [
        (0, 0, 0, 1),
        (199_000_000, 0, 0, 1),
        (264_000_000, 0, 0, 4),
        (1 << 40, 0, 0, MAX_STREAMS),
        (1 << 40, 7, 0, 7),
        (1 << 40, 5000, 0, MAX_STREAMS),
        (1000, 0, 3, 3),
        (1000, 8, 3, 8),
    ],
)
def test_stream_counts(nbytes: int, maximum: int, preferred: int, count: int) -> None:
    assert stream_count(nbytes, maximum, preferred) == count


# Ranges


@given(LIVE, st.integers(1, 8))
def test_partitions_hold_every_live_row_once(live: list[int], count: int) -> None:
    blocks = blocks_of(live)
    ranges = partition(blocks, count)
    assert len(ranges) <= count
    assert bool(ranges) is bool(sum(live))
    assert all(blocks.live(*r) for r in ranges)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(ranges))
    assert sum(blocks.live(*r) for r in ranges) == blocks.rows


def test_partitions_are_balanced_over_live_rows() -> None:
    live = [0] * 40 + [5] * 40 + [1] * 100
    blocks = blocks_of(live)
    sizes = [blocks.live(*r) for r in partition(blocks, 3)]
    assert len(sizes) == 3
    assert max(sizes) - min(sizes) <= 10


@given(LIVE, st.floats(0.001, 0.999))
def test_splits(live: list[int], fraction: float) -> None:
    blocks = blocks_of(live)
    whole = (0, len(live))
    parts = split(blocks, whole, fraction)
    if parts is None:
        assert sum(1 for n in live if n) < 2
    else:
        (low, at), (again, high) = parts
        assert (low, high, again) == (0, len(live), at)
        assert blocks.live(low, at) and blocks.live(at, high)
        assert abs(blocks.live(low, at) - fraction * blocks.rows) <= 5


# Names


def test_ids_say_what_they_stand_for() -> None:
    tokens = Tokens(7)
    session = tokens.session_id(1_795_000_000_123_456, "0badcafe")
    assert tokens.expires_us(session) == 1_795_000_000_123_456
    assert tokens.expires_us(session[:-1] + "x") is None
    assert Tokens(8).expires_us(session) is None
    stream = tokens.stream_id(session, (3, 70_000))
    assert tokens.blocks(session, stream) == (3, 70_000)
    assert tokens.stream_id(session, (3, 70_000)) == stream
    assert tokens.blocks(tokens.session_id(1, "00000000"), stream) is None
    assert tokens.blocks(session, session) is None
    assert tokens.expires_us(stream) is None


@given(st.text(max_size=40))
def test_no_text_is_an_id(text: str) -> None:
    tokens = Tokens(7)
    assert tokens.expires_us(text) is None
    assert tokens.blocks("s", text) is None


# Through the service


@pytest.fixture
def table(reader: Reader) -> str:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 29999)) AS x")
    return "t"


def halves(reader: Reader, name: str, fraction: float) -> list[str]:
    answer = reader.service.split_stream(read_pb2.SplitReadStreamRequest(name=name, fraction=fraction))
    parts = [answer.primary_stream.name, answer.remainder_stream.name]
    return parts if all(parts) else []


@pytest.mark.parametrize("count", [1, 2, 3, 8, 100])
def test_streams_of_a_session(reader: Reader, table: str, count: int) -> None:
    session = reader.session(table, streams=count)
    parts = [reader.values(session, s.name) for s in session.streams]
    assert len(parts) == min(count, 15)
    assert list(itertools.chain(*parts)) == list(range(30_000))
    assert max(map(len, parts)) - min(map(len, parts)) <= 2 * 2048


def test_preferred_streams(reader: Reader, table: str) -> None:
    assert len(reader.session(table, preferred=4).streams) == 4


def test_balance_over_live_rows(reader: Reader, table: str) -> None:
    reader.warehouse.run("DELETE FROM d.t WHERE x < 20000")
    session = reader.session(table, streams=2)
    sizes = [len(reader.values(session, s.name)) for s in session.streams]
    assert sum(sizes) == 10_000
    assert max(sizes) - min(sizes) <= 2048


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 1.5, float("nan")])
def test_fractions_out_of_range(reader: Reader, table: str, fraction: float) -> None:
    name = reader.session(table).streams[0].name
    with pytest.raises(StorageFailure, match="fraction must be in the range") as caught:
        halves(reader, name, fraction)
    assert caught.value.status == "INVALID_ARGUMENT"


@pytest.mark.parametrize("options", [{}, {"row_restriction": "MOD(x, 7) = 3"}, {"sample_percentage": 50.0}])
@pytest.mark.parametrize("deleted", ["FALSE", "MOD(x, 2) = 0", "x > 4000"])
def test_any_splits_join_to_the_original(
    reader: Reader, table: str, deleted: str, options: dict[str, Any]
) -> None:
    reader.warehouse.run(f"DELETE FROM d.t WHERE {deleted}")
    session = reader.session(table, **options)
    original = session.streams[0].name
    whole = reader.values(session, original)
    streams = [original]
    for step, fraction in enumerate((0.5, 0.001, 0.9, 0.3, 0.999, 0.5, 0.7)):
        at = step % len(streams)
        parts = halves(reader, streams[at], fraction)
        streams[at : at + 1] = parts or [streams[at]]
        assert [v for name in streams for v in reader.values(session, name)] == whole
    assert reader.values(session, original) == whole
    assert len(streams) > 1
    assert halves(reader, original, 0.5) == halves(reader, original, 0.5)


def test_a_stream_of_one_block_cannot_be_split(reader: Reader, table: str) -> None:
    reader.warehouse.run("CREATE TABLE d.small AS SELECT 1 AS x")
    assert halves(reader, reader.session("small").streams[0].name, 0.5) == []
    session = reader.session(table)
    name = session.streams[0].name
    while parts := halves(reader, name, 0.5):
        name = parts[0]
    assert 0 < len(reader.values(session, name)) <= 2048


def test_a_result_is_split(reader: Reader) -> None:
    session = reader.session(reader.result("SELECT x FROM UNNEST(GENERATE_ARRAY(1, 9000)) AS x ORDER BY x"))
    parts = halves(reader, session.streams[0].name, 0.25)
    rows = [reader.values(session, name) for name in parts]
    assert rows[0] + rows[1] == list(range(1, 9001))
    assert len(rows[0]) < len(rows[1])
