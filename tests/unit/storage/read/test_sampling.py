from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.storage.read.blocks import Blocks, _whole
from bqsim.storage.read.sampling import Sample, sample_of

from .conftest import Reader


def blocks(rows: int) -> Blocks:
    return _whole(rows, 2048)


def taken(sample: Sample | None, rows: int) -> int:
    return rows if sample is None else sum(b - a for a, b in sample.runs(0, rows))


@pytest.mark.parametrize("rows", [1000, 50_000, 4_000_000])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_is_met(rows: int, share: float) -> None:
    """Within five standard deviations of a binomial draw of the blocks, over several seeds."""
    sizes = [taken(sample_of(share * 100, seed * 7919, blocks(rows)), rows) for seed in range(10)]
    count = min(rows, 1000)
    deviation = (count * share * (1 - share)) ** 0.5 / count
    assert all(abs(size / rows - share) < 5 * deviation + 0.001 for size in sizes)
    assert len(set(sizes)) > 1


def test_nothing_and_all() -> None:
    assert sample_of(100.0, 1, blocks(5000)) is None
    assert taken(sample_of(0.0, 1, blocks(5000)), 5000) == 0


def test_blocks_of_small_tables_are_single_rows() -> None:
    small, large = sample_of(50.0, 1, blocks(10)), sample_of(50.0, 1, blocks(10_000_000))
    assert small is not None and large is not None
    assert (small.size, large.size) == (1, 2048)


@given(st.integers(0, 2**64 - 1), st.integers(0, 10_000), st.integers(0, 3000), st.integers(1, 500))
def test_parts_join(seed: int, start: int, length: int, size: int) -> None:
    sample, middle, end = Sample(seed, 0.4, size), start + length // 3, start + length
    rows = [r for a, b in sample.runs(start, end) for r in range(a, b)]
    parts = [*sample.runs(start, middle), *sample.runs(middle, end)]
    assert rows == [r for a, b in parts for r in range(a, b)]
    assert {r // size for r in rows} == set(sample.blocks(start, end))


def test_samples_of_a_table(reader: Reader) -> None:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(0, 49999)) AS x")
    session = reader.session("t", sample_percentage=10.0, streams=3)
    rows = reader.all(session)
    assert 2500 < len(rows) < 7500
    assert rows == sorted(set(rows)) == reader.all(session)
    assert session.estimated_row_count == 50_000
    assert reader.all(reader.session("t", sample_percentage=10.0)) != rows
    both = reader.session("t", sample_percentage=50.0, row_restriction="x < 1000")
    assert 300 < len(reader.all(both)) < 700
    reader.warehouse.run("DELETE FROM d.t WHERE MOD(x, 2) = 0")
    assert 7500 < len(reader.all(reader.session("t", sample_percentage=50.0))) < 17_500
    assert reader.all(reader.session("t", sample_percentage=0.0)) == []
    assert len(reader.all(reader.session("t", sample_percentage=100.0))) == 25_000
