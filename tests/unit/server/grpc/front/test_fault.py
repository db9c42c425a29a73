from __future__ import annotations

import pytest

from bqsim.server.grpc.front.fault import Fault
from bqsim.sim.scenario.model import Network


@pytest.mark.parametrize(
    ("effect", "sent", "answered", "position"),
    [
        (Network("reset"), 0, True, None),
        (Network("reset"), 0, False, None),
        # What has been handed over goes before the fault.
        (Network("reset"), 40, False, 40),
        (Network("reset", at="after_headers"), 0, True, 0),
        (Network("reset", at="body", byte=7), 0, True, 7),
        (Network("reset", at="body", byte=7), 40, True, 47),
        (Network("reset", at="body"), 0, True, 0),
        # There is no body where there is no answer.
        (Network("reset", at="body", byte=7), 0, False, 0),
        (Network("truncate"), 0, True, 6),
        (Network("truncate", byte=3), 10, True, 13),
        (Network("corrupt"), 0, True, 5),
        (Network("corrupt", byte=100), 0, True, 100),
        (Network("wrong_length"), 0, True, 4),
        (Network("wrong_length", at="body", byte=100), 50, True, 54),
        (Network("drip", bytes_per_s=1), 0, True, 0),
    ],
)
def test_where_a_fault_begins(effect: Network, sent: int, answered: bool, position: int | None) -> None:
    assert Fault.of(effect, sent, answered=answered) == Fault(effect, position, answered)
