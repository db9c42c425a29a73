"""Quotas and limits of a server: of its calls and of its jobs, under one control."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bqsim.jobs.places import Places
from bqsim.sim.limits.control import LimitControl
from bqsim.sim.limits.gate import Enforcement

if TYPE_CHECKING:
    from bqsim.server.core import Core


def limit_control(core: Core) -> LimitControl:
    """The control of the limits that a server holds calls and jobs to; they are off at first."""
    simulation, jobs = core.simulation, core.jobs

    def attach(enforcement: Enforcement | None) -> None:
        simulation.quotas = enforcement
        jobs.limits.enforcement = enforcement
        simulation.control("limits.off" if enforcement is None else "limits.use")
        simulation.changed()

    control = LimitControl(core.clock, Places(core.catalog, core.settings.location), attach)
    simulation.spare_quotas = control.spare
    return control
