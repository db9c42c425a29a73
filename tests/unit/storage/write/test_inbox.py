from __future__ import annotations

import threading

from bqsim.storage.errors import StorageFailure
from bqsim.storage.write.inbox import Inbox
from tests.waiting import PATIENCE_S


def test_requests_come_out_in_order() -> None:
    inbox = Inbox(100)
    for i in range(5):
        assert inbox.put(bytes([i]) * 10)
    assert inbox.size == 50
    assert inbox.take(25, 10) == [bytes([0]) * 10, bytes([1]) * 10]
    assert inbox.take(1000, 2) == [bytes([2]) * 10, bytes([3]) * 10]
    assert inbox.take(1, 1) == [bytes([4]) * 10]
    assert inbox.take(1, 1) == []
    assert inbox.size == 0


def test_writer_waits_for_room() -> None:
    inbox = Inbox(10)
    assert inbox.put(b"x" * 50)
    done = threading.Event()

    def put() -> None:
        inbox.put(b"y")
        done.set()

    thread = threading.Thread(target=put)
    thread.start()
    assert not done.wait(0.05)
    assert inbox.take(100, 1) == [b"x" * 50]
    assert done.wait(PATIENCE_S)
    thread.join()
    assert inbox.take(100, 1) == [b"y"]


def test_close_lets_the_writer_go() -> None:
    inbox = Inbox(1)
    inbox.put(b"xx")
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(inbox.put(b"yy")))
    thread.start()
    inbox.close()
    thread.join(PATIENCE_S)
    assert results == [False]
    assert inbox.take(100, 10) == []


def test_waiting() -> None:
    inbox = Inbox(10)
    assert not inbox.wait(lambda waiting: waiting, 0.01)
    threading.Timer(0.02, inbox.put, [b"x"]).start()
    assert inbox.wait(lambda waiting: waiting, 5)
    threading.Timer(0.02, inbox.end).start()
    assert inbox.wait(lambda _: inbox.ended, 5)


def test_first_failure_counts() -> None:
    inbox = Inbox(10)
    first, second = StorageFailure("ABORTED", "one"), StorageFailure("ABORTED", "two")
    inbox.abort(first)
    inbox.abort(second)
    assert inbox.failure is first
