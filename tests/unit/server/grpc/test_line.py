from __future__ import annotations

from typing import Any

import pytest

from bqsim.server.grpc.front.fault import Fault
from bqsim.server.grpc.line import Line
from bqsim.sim.effects.failures import NetworkFault
from bqsim.sim.scenario.model import Network
from bqsim.storage.errors import StorageFailure

RESET = Network("reset")


class Front:
    """Takes note of faults; ``knows`` whether it has the stream."""

    def __init__(self, knows: bool = True) -> None:
        self.knows = knows
        self.told: list[tuple[str, Fault]] = []

    def suffer(self, key: str, fault: Fault) -> bool:
        self.told.append((key, fault))
        return self.knows


class Context:
    def __init__(self) -> None:
        self.headers = 0

    def send_initial_metadata(self, metadata: Any) -> None:
        self.headers += 1


def line(front: Any) -> Line:
    return Line(front, "1/3")


@pytest.mark.parametrize("front", [None, Front(knows=False)])
def test_without_a_front_the_call_ends_as_if_its_connection_had(front: Any) -> None:
    context = Context()
    with pytest.raises(StorageFailure, match="Socket closed") as caught:
        line(front).sending(RESET)
    lost = line(front).lost(NetworkFault(RESET, applied=False), context)
    assert caught.value.status == lost.status == "UNAVAILABLE"
    assert context.headers == 0


def test_nothing_is_told_without_a_fault() -> None:
    front = Front()
    line(front).sending(None)
    line(None).sending(None)
    assert front.told == []


def test_faults_count_from_the_answer_that_they_are_for() -> None:
    front = Front()
    made = line(front)
    assert made.sent(b"x" * 10) == b"x" * 10
    made.sent(b"")
    made.sending(Network("reset", "body", 7))
    assert front.told == [("1/3", Fault(Network("reset", "body", 7), 27, True))]


@pytest.mark.parametrize(
    ("effect", "headers"), [(RESET, 0), (Network("reset", "after_headers"), 1), (Network("truncate"), 1)]
)
def test_a_fault_behind_the_headers_gets_them(effect: Network, headers: int) -> None:
    front, context = Front(), Context()
    assert line(front).lost(NetworkFault(effect, applied=False), context).status == "UNAVAILABLE"
    assert context.headers == headers
    [(_, fault)] = front.told
    assert not fault.answered
