from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from bqsim.engine.external.runtime import RUNTIME
from bqsim.engine.external.workers import Died, TimedOut, Workers

SPEC = {
    "parameters": ["x"],
    "arguments": [["INT64"]],
    "aggregated": [True],
    "returns": ["INT64"],
    "aggregate": False,
}


@pytest.fixture
def workers() -> Iterator[Workers]:
    pool = Workers(1)
    yield pool
    pool.close()


def definition(key: str, code: str) -> bytes:
    head = {"key": key, "spec": json.dumps(SPEC | {"code": code}), "runtime": RUNTIME, "setup": []}
    return json.dumps(head | {"memory": 1 << 26}).encode()


def test_a_worker_keeps_what_it_was_told(workers: Workers) -> None:
    worker = workers.take()
    batch = json.dumps([[[1, 2, None]], 3, 0]).encode()
    assert worker.call(json.dumps({"key": "a"}).encode(), batch, 30) == ("unknown", "")
    assert worker.call(definition("a", "return x + 1"), batch, 30) == ("ok", "[2,3,1]")
    assert worker.call(json.dumps({"key": "a"}).encode(), batch, 30) == ("ok", "[2,3,1]")
    workers.give_back(worker)
    assert workers.take() is worker
    workers.give_back(worker)


def test_isolates_know_nothing_of_each_other(workers: Workers) -> None:
    worker = workers.take()
    batch = json.dumps([[[1]], 1, 0]).encode()
    worker.call(definition("a", "globalThis.seen = 1; return 1"), batch, 30)
    assert worker.call(definition("b", "return typeof seen === 'undefined' ? 0 : 1"), batch, 30) == (
        "ok",
        "[0]",
    )
    workers.give_back(worker)


def test_a_worker_that_hangs_or_dies_is_replaced(workers: Workers) -> None:
    batch = json.dumps([[[1]], 1, 0]).encode()
    worker = workers.take()
    with pytest.raises(TimedOut):
        worker.call(definition("a", "while (true);"), batch, 1.5)
    workers.drop(worker)
    worker = workers.take()
    with pytest.raises((Died, TimedOut)):
        worker.call(definition("a", "new Array(1e9).fill(1); return 1"), batch, 60)
    workers.drop(worker)
    worker = workers.take()
    assert worker.call(definition("a", "return 5"), batch, 30) == ("ok", "[5]")
    workers.give_back(worker)
