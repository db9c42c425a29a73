from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.objects import ObjectStore
from bqsim.sim.clock import SimulationClock

POLICY = {"softDeletePolicy": {"retentionDurationSeconds": "100"}}


@pytest.fixture
def clock() -> SimulationClock:
    clock = SimulationClock()
    clock.freeze()
    return clock


@pytest.fixture
def store(tmp_path: Path, clock: SimulationClock) -> ObjectStore:
    return ObjectStore(clock, tmp_path)


def test_what_is_deleted_or_overwritten_is_kept_for_its_time(
    store: ObjectStore, clock: SimulationClock, tmp_path: Path
) -> None:
    store.create_bucket("bucket", POLICY)
    first = store.put("gs://bucket/a", "1")
    store.put("gs://bucket/a", "22")
    store.delete("gs://bucket/a")
    kept = store.soft_deleted.listed("bucket")
    assert [(k.name, k.size) for k in kept] == [("a", 1), ("a", 2)]
    target = tmp_path / "copied"
    assert store.soft_deleted.copy(kept[0], target)
    assert target.read_bytes() == b"1"
    clock.advance("2m")
    assert store.soft_deleted.find("bucket", "a", first.generation) is None
    assert not store.soft_deleted.copy(kept[0], target)


def test_versions_that_are_deleted_for_good_are_kept(store: ObjectStore) -> None:
    store.create_bucket("bucket", {**POLICY, "versioning": {"enabled": True}})
    info = store.put("gs://bucket/a", "1")
    store.delete("gs://bucket/a")
    assert store.soft_deleted.listed("bucket") == []
    store.delete("gs://bucket/a", generation=info.generation)
    assert [k.generation for k in store.soft_deleted.listed("bucket", "a")] == [info.generation]


def test_buckets_that_are_made_by_hand_keep_nothing(store: ObjectStore) -> None:
    store.put("gs://bucket/a", "1")
    store.delete("gs://bucket/a")
    assert store.soft_deleted.listed("bucket") == []
