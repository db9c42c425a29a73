from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow.parquet as pq
import pytest

from bqsim.engine.formats.shards import Shards, numbered
from bqsim.engine.formats.writing import WriteOptions
from bqsim.objects import Uri
from bqsim.types import Field, TypeKind
from bqsim.types.values import table_from_rows

FIELDS = (Field("n", TypeKind.INT64),)


class Bucket:
    """Objects in memory; ``fails`` is the one that cannot be made."""

    def __init__(self, fails: str = "") -> None:
        self.objects: dict[str, bytes] = {}
        self.streams: list[Stream] = []
        self.fails = fails

    def create(self, uri: str, attributes: Mapping[str, Any]) -> Stream:
        self.streams.append(Stream(self, uri))
        return self.streams[-1]


class Stream(io.BytesIO):
    def __init__(self, bucket: Bucket, uri: str) -> None:
        super().__init__()
        self.bucket = bucket
        self.uri = uri
        self.settled = self.discarded = False

    def settle(self) -> None:
        self.settled = True

    def close(self) -> None:
        if self.uri == self.bucket.fails:
            raise OSError("full")
        self.bucket.objects[self.uri] = self.getvalue()

    def discard(self) -> None:
        self.discarded = True


def rows(count: int) -> Any:
    return table_from_rows(FIELDS, [[n] for n in range(count)])


def written(bucket: Bucket, *names: str, count: int, shard_bytes: int = 80, format_: str = "CSV") -> Shards:
    uris = [Uri("b", name) for name in names]
    options = WriteOptions(header=False)
    with Shards(bucket.create, uris, format_, FIELDS, options, shard_bytes=shard_bytes) as files:
        for _ in range(2):
            files.write(rows(count))
        assert not bucket.objects
    return files


def test_one_file_takes_all() -> None:
    bucket = Bucket()
    files = written(bucket, "x.csv", count=100)
    assert (files.counts, files.rows) == ((1,), 200)
    assert bucket.objects == {"gs://b/x.csv": b"".join(b"%d\n" % n for n in range(100)) * 2}


def test_files_are_numbered_as_data_grow() -> None:
    counts = []
    for count in (0, 1, 50, 500):
        bucket = Bucket()
        files = written(bucket, "x-*.csv", count=count)
        counts.append(files.counts)
        names = [f"gs://b/x-{n:012d}.csv" for n in range(files.counts[0])]
        assert list(bucket.objects) == names
        assert b"".join(bucket.objects.values()) == b"".join(b"%d\n" % n for n in range(count)) * 2
        assert all(s.settled for s in bucket.streams)
    assert counts[:2] == [(1,), (1,)]
    assert counts[1] < counts[2] < counts[3]


def test_several_uris_take_turns_and_end_with_a_file_without_rows() -> None:
    bucket = Bucket()
    files = written(bucket, "a-*", "b-*", "c-*", count=20)
    assert sum(files.counts) == len(bucket.objects)
    for name, count in zip("abc", files.counts, strict=True):
        assert bucket.objects[f"gs://b/{name}-{count - 1:012d}"] == b""
    lines = b"".join(bucket.objects.values()).split()
    assert sorted(map(int, lines)) == sorted([*range(20)] * 2)
    bucket = Bucket()
    assert written(bucket, "a-*", "b-*", count=0).counts == (2, 1)


def test_a_file_without_rows_is_a_whole_file() -> None:
    bucket = Bucket()
    written(bucket, "a-*", "b-*", count=3, format_="PARQUET")
    tables = [pq.read_table(io.BytesIO(data)) for data in bucket.objects.values()]
    assert sum(t.num_rows for t in tables) == 6
    assert min(t.num_rows for t in tables) == 0


def test_a_failure_leaves_nothing() -> None:
    bucket = Bucket()
    with (
        pytest.raises(ValueError, match="stop"),
        Shards(bucket.create, [Uri("b", "x*")], "CSV", FIELDS, WriteOptions(), shard_bytes=8) as files,
    ):
        files.write(rows(10))
        raise ValueError("stop")
    assert not bucket.objects
    assert all(s.discarded for s in bucket.streams)


def test_what_cannot_be_made_is_given_up() -> None:
    bucket = Bucket(fails="gs://b/x000000000001")
    with (
        pytest.raises(OSError, match="full"),
        Shards(bucket.create, [Uri("b", "x*")], "CSV", FIELDS, WriteOptions(), shard_bytes=8) as files,
    ):
        files.write(rows(10))
    assert all(s.discarded for s in bucket.streams)


def test_numbers_have_twelve_digits() -> None:
    assert str(numbered(Uri("b", "a-*.csv"), 17)) == "gs://b/a-000000000017.csv"
