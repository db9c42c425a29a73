from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bqsim.objects import ObjectStore, scratch
from bqsim.sim.clock import RealClock


def test_paths_are_those_of_one_process(tmp_path: Path) -> None:
    paths = [scratch.new_path(tmp_path) for _ in range(3)]
    assert len({p.name for p in paths}) == 3
    assert all(p.name.startswith(f"{os.getpid()}-") for p in paths)


@pytest.mark.skipif(os.name == "nt", reason="there is no asking whether a process runs")
def test_what_a_process_left_is_swept_when_the_folder_is_opened(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    writing = tmp_path / ".bqsim" / "writing"
    writing.mkdir(parents=True)
    own = scratch.new_path(writing)
    later = writing / f"{os.getpid()}-{10**9}"
    left = [writing / f"{ended.pid}-1", writing / f"{ended.pid}-2", later]
    kept = [own, writing / "1-1", writing / "notes.txt"]
    for path in (*left, *kept):
        path.write_text("x")
    store = ObjectStore(RealClock(), tmp_path)
    assert store.folder == tmp_path
    assert sorted(writing.iterdir()) == sorted(kept)


def test_two_stores_on_one_folder_write_at_once(tmp_path: Path) -> None:
    first = ObjectStore(RealClock(), tmp_path)
    first.create_bucket("bucket")
    with first.create("gs://bucket/a") as writer:
        writer.write(b"a")
        second = ObjectStore(RealClock(), tmp_path)
        second.put("gs://bucket/b", "b")
    assert (second.read("gs://bucket/a"), first.read("gs://bucket/b")) == (b"a", b"b")
