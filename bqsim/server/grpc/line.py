"""The connection of one call, as faults reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim.sim.effects.failures import NetworkFault
from bqsim.storage.errors import StorageFailure

from .front.fault import HEADER, PREFIX_BYTES, Fault

if TYPE_CHECKING:
    from bqsim.sim.scenario.model import Network

    from .front.front import Front

__all__ = ["HEADER", "Line"]


class Line:
    """One stream of one connection: of the front's, or directly of the server's (``front`` None).

    Counts what its handler hands over, so that a fault hits the answer that it is meant for.
    """

    __slots__ = ("_front", "_key", "_sent")

    def __init__(self, front: Front | None = None, key: str = "") -> None:
        self._front = front
        self._key = key
        self._sent = 0

    def sending(self, effect: Network | None) -> None:
        """The answer that is handed over next suffers ``effect``. Raises what ends the call without a
        front."""
        if effect is not None and not self._suffer(effect, answered=True):
            raise socket_closed()

    def sent(self, message: bytes) -> bytes:
        """Count an answer, and give it back."""
        self._sent += len(message) + PREFIX_BYTES
        return message

    def lost(self, fault: NetworkFault, context: Any) -> StorageFailure:
        """What the call ends with for a fault in place of an answer; the client may never see it."""
        if self._suffer(fault.effect, answered=False) and not self._sent:
            # A fault behind the headers waits for them.
            context.send_initial_metadata(())
        return socket_closed()

    def _suffer(self, effect: Network, *, answered: bool) -> bool:
        if self._front is None:
            return False
        return self._front.suffer(self._key, Fault.of(effect, self._sent, answered=answered))


def socket_closed() -> StorageFailure:
    """What clients see of a connection that is gone."""
    return StorageFailure("UNAVAILABLE", "Socket closed")
