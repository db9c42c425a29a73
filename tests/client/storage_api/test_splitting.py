"""Streams split into more."""

from __future__ import annotations

from typing import Any

import pytest

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.storage_api.splitting import shares, split_streams
from tests.client.running import run

from .reads import numbers, seen

ROWS = 50_000
SPLIT = "google.cloud.bigquery.storage.v1.BigQueryRead.SplitReadStream"


@pytest.mark.parametrize(
    ("streams", "wanted", "expected"),
    [(1, 4, [4]), (3, 8, [3, 3, 2]), (4, 4, [1] * 4), (5, 2, [1] * 5), (0, 4, [])],
)
def test_streams_are_split_evenly(streams: int, wanted: int, expected: list[int]) -> None:
    assert shares(streams, wanted) == expected


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("given", [1, 2])
def test_parts_have_all_rows_in_order(bqsim: Any, given: int, wanted: int) -> None:
    numbers(bqsim, ROWS)

    async def work(client: BigQueryClient) -> list[list[int]]:
        session = await client.storage_read.create_session("d.numbers", max_streams=given)
        names = await split_streams(session, wanted, split_bytes=0)
        assert names == await split_streams(session, wanted, split_bytes=0)
        return [seen([r.batch async for r in session.read_stream(name)]) for name in names]

    parts = run(bqsim, work)
    assert [n for part in parts for n in part] == list(range(ROWS))
    # Streams end at blocks of 2,048 rows: there are no more parts than those.
    assert len(parts) == min(max(wanted, given), -(-ROWS // 2048))
    if wanted % given == 0:
        sizes = [len(part) for part in parts]
        assert max(sizes) - min(sizes) <= 3 * 2048


def test_small_streams_stay_whole(bqsim: Any) -> None:
    numbers(bqsim, ROWS)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=1)
        assert await split_streams(session, 8) == list(session.streams)
        half = session.estimated_bytes // 2
        assert len(await split_streams(session, 8, split_bytes=half)) == 2

    run(bqsim, work)


def test_a_read_splits_where_it_gets_fewer_streams(bqsim: Any, monkeypatch: Any) -> None:
    from bqclient.storage_api.read_session import SessionOptions

    numbers(bqsim, ROWS)
    plain = SessionOptions.request

    def one_stream(self: SessionOptions, project: str) -> Any:
        return plain(self.but(max_streams=1), project)

    monkeypatch.setattr(SessionOptions, "request", one_stream)

    async def work(client: BigQueryClient) -> None:
        reading = client.storage_read.read_all("d.numbers", streams=6, split_bytes=0)
        assert (await reading.to_arrow()).column("n").to_pylist() == list(range(ROWS))
        assert reading.session is not None
        assert (len(reading.session.streams), reading.streams) == (1, 6)

    run(bqsim, work)


def test_splits_are_tried_again_when_the_service_is_away(bqsim: Any) -> None:
    numbers(bqsim, ROWS)
    bqsim.faults.add("UNAVAILABLE", method=SPLIT, times=2)

    async def work(client: BigQueryClient) -> None:
        session = await client.storage_read.create_session("d.numbers", max_streams=1)
        assert len(await session.split(session.streams[0], 0.25)) == 2

    run(bqsim, work)
    assert len(bqsim.journal.calls(SPLIT)) == 3


@pytest.mark.parametrize("fraction", [0, 1, -1, 1.5])
def test_fractions_are_checked(bqsim: Any, fraction: float) -> None:
    with pytest.raises(e.UsageError, match="fraction"):
        run(bqsim, lambda client: client.storage_read.split("s", fraction))
