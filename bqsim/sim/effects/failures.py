"""The failures that effects stand for, as they are raised at the gate."""

from __future__ import annotations

from bqsim.sim.scenario.model import Network


class NetworkFault(Exception):
    """The connection suffers instead of an answer; whoever serves the connection carries it out.

    ``applied`` tells whether the work of the request has been done.
    """

    def __init__(self, effect: Network, *, applied: bool) -> None:
        super().__init__(f"network fault {effect.what}")
        self.effect = effect
        self.applied = applied
