"""Who may do what, as it changes while the server runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .identity import authenticator_of

if TYPE_CHECKING:
    from bqsim.sim.scenario.access import IamSetup

    from .core import Core


def follow_policy(core: Core) -> None:
    """Let the gate enforce the policy of ``core.iam`` and of the scenario in force, as they change."""
    simulation, iam, settings = core.simulation, core.iam, core.settings
    followed: list[IamSetup | None] = [None]

    def enforce(action: str, what: str) -> None:
        simulation.enforcement = iam.enforcement
        simulation.control(action, details={"of": what})
        simulation.changed()

    def follow() -> None:
        setup = None if simulation.scenario is None else simulation.scenario.iam
        if setup is followed[0]:
            return
        auth = settings.auth if setup is None or setup.auth is None else setup.auth
        found = authenticator_of(replace(settings, auth=auth), core.clock)
        followed[0] = setup
        iam.follow(setup)
        core.authenticator = found

    iam.listeners.append(enforce)
    simulation.listeners.append(follow)
    simulation.enforcement = iam.enforcement
    simulation.changed()
