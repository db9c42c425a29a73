"""Which gRPC servers are armed: those whose connections a rule in force may break."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .methods import METHODS

if TYPE_CHECKING:
    from bqsim.sim.simulation import Simulation

    from .server import GrpcServer

_METHODS = tuple(method.id for method in METHODS)


def keep_armed(server: GrpcServer, simulation: Simulation) -> Callable[[], None]:
    """Arm a started server while a rule needs that, from now on; what this returns ends it."""

    def follow() -> None:
        if simulation.breaks_connections("grpc", _METHODS):
            server.arm()
        else:
            server.disarm()

    simulation.listeners.append(follow)
    follow()
    return lambda: simulation.listeners.remove(follow)
