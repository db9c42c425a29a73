from __future__ import annotations

import threading
from typing import Any

import pytest

from bqsim.storage.errors import StorageFailure
from bqsim.storage.services import Storage


class Service:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


def storage(made: list[str]) -> Storage:
    def make(name: str) -> Any:
        made.append(name)
        return Service()

    return Storage(lambda: make("read"), lambda: make("write"))


def test_each_service_is_made_once_when_it_is_asked_for() -> None:
    made: list[str] = []
    services = storage(made)
    assert made == []
    assert services.read is services.read
    assert made == ["read"]
    assert services.write is not services.read
    assert made == ["read", "write"]


def test_threads_that_ask_at_once_get_the_same() -> None:
    made: list[str] = []
    services = storage(made)
    together = threading.Barrier(8)
    found: list[Any] = []

    def ask() -> None:
        together.wait(10)
        found.append(services.write)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert (len(set(map(id, found))), made) == (1, ["write"])


def test_close_ends_what_was_made_and_refuses_the_rest() -> None:
    made: list[str] = []
    services = storage(made)
    write: Any = services.write
    services.close()
    assert write.closed == 1
    with pytest.raises(StorageFailure) as caught:
        services.read  # noqa: B018
    assert caught.value.status == "UNAVAILABLE"
    assert made == ["write"]
