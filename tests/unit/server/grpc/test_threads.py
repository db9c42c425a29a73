from __future__ import annotations

import threading

import pytest

from bqsim.server.grpc import threads as module
from bqsim.server.grpc.threads import CallThreads
from tests.waiting import until


def test_everything_runs_at_once() -> None:
    threads = CallThreads()
    together = threading.Barrier(50)
    futures = [threads.submit(together.wait, 10) for _ in range(50)]
    assert sorted(f.result(10) for f in futures) == list(range(50))
    threads.shutdown()


def test_threads_are_used_again_and_end_with_the_shutdown() -> None:
    before = set(threading.enumerate())
    threads = CallThreads()
    for _ in range(20):
        threads.submit(lambda: None).result(10)
        until(lambda: threads._free == 1)
    [thread] = set(threading.enumerate()) - before
    assert thread.daemon
    threads.shutdown()
    thread.join(10)
    assert not thread.is_alive()
    with pytest.raises(RuntimeError):
        threads.submit(lambda: None)


def test_idle_threads_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.05)
    before = set(threading.enumerate())
    threads = CallThreads()
    for _ in range(3):
        threads.submit(lambda: None).result(10)
        until(lambda: not set(threading.enumerate()) - before)
    assert (threads._free, threads._threads) == (0, 0)
    threads.shutdown()


def test_errors_are_those_of_the_future() -> None:
    threads = CallThreads()

    def fail() -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        threads.submit(fail).result(10)
    assert threads.submit(lambda a, b: a + b, 1, b=2).result(10) == 3
    threads.shutdown()
