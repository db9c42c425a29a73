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
        if effect is not None and self._suffer(effect, answered=True) is None:
            raise socket_closed()

    def sent(self, message: bytes) -> bytes:
        """Count an answer, and give it back."""
        self._sent += len(message) + PREFIX_BYTES
        return message

    def lost(self, error: NetworkFault, context: Any) -> StorageFailure:
        """What the call ends with for a fault in place of an answer; the client may never see it."""
        fault = self._suffer(error.effect, answered=False)
        if fault is not None and fault.position == 0:
            # It waits for headers.
            context.send_initial_metadata(())
        return socket_closed()

    def _suffer(self, effect: Network, *, answered: bool) -> Fault | None:
        """The fault as the front has taken it; None without one."""
        if self._front is None:
            return None
        fault = Fault.of(effect, self._sent, answered=answered)
        return fault if self._front.suffer(self._key, fault) else None


def socket_closed() -> StorageFailure:
    """What clients see of a connection that is gone."""
    return StorageFailure("UNAVAILABLE", "Socket closed")
