"""Limits at run time: switched on, changed, off, and looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bqsim.sim.clock import Clock
from bqsim.sim.scenario.model import LimitSetup

from .calls import World
from .gate import Enforcement
from .limits import Limits
from .model import Facts, Moment
from .profile import PROFILES
from .scenario import Amount, setup
from .tiers import Number


class LimitControl:
    """``sim.limits``: which quotas and limits hold. They are off until :meth:`use`.

    >>> sim.limits.use(values={"concurrent_queries": 2})      # doctest: +SKIP
    >>> sim.limits.use("bigquery", scale=0.01)                # doctest: +SKIP
    """

    def __init__(
        self,
        clock: Clock,
        world: World | None = None,
        attach: Callable[[Enforcement | None], object] = lambda enforcement: None,
    ) -> None:
        """``attach`` is told what enforces the limits from now on, None when nothing does."""
        self._clock = clock
        self._world = world
        self._attach = attach
        self._kept: dict[str, Enforcement] = {}
        self.profile = "off"
        self.enforcement: Enforcement | None = None

    def use(
        self,
        profile: str = "bigquery",
        *,
        scale: Number = 1,
        values: Mapping[str, Amount] | None = None,
        tenants: Mapping[str, Mapping[str, Amount]] | None = None,
        only: Iterable[str] = ("*",),
        cap_scale: Number = 1,
        sandboxes: Iterable[str] = (),
    ) -> None:
        """Enforce the limits of a profile from now on; what is used stays used.

        ``scale`` multiplies every quota (0.01: a hundredth, at least 1), ``cap_scale`` the largest sizes.
        ``values`` sets single limits by name (None: without limit); ``tenants`` does so, on top of that, for
        the projects that a glob matches, of which the first counts. ``only`` are globs of the limits in
        force, ``sandboxes`` of the projects without billing. ``ValueError`` names what is unknown or wrong.
        """
        if profile not in PROFILES:
            raise ValueError(f"There is no limits profile named {profile}; there are {', '.join(PROFILES)}")
        if profile == "off":
            self.off()
            return
        wanted = setup(profile, scale, cap_scale=cap_scale, values=values, tenants=tenants, only=only)
        enforcement = self._kept.get(profile)
        if enforcement is None:
            enforcement = Enforcement(Limits(wanted, PROFILES[profile]), self._clock, self._world)
            self._kept[profile] = enforcement
        else:
            enforcement.limits.configure(wanted)
        enforcement.sandboxes = tuple(sandboxes)
        self._set(profile, enforcement)

    def load(self, wanted: LimitSetup) -> None:
        """Enforce what a scenario asks for."""
        self.use(wanted.profile, scale=wanted.scale, values=wanted.values, tenants=wanted.tenants)

    def off(self) -> None:
        """Enforce nothing; who waits goes on."""
        self._set("off", None)

    def reset(self) -> None:
        """Forget what is used and refused; what is held stays held."""
        for enforcement in self._kept.values():
            enforcement.limits.reset()
            enforcement.changed()

    def usage(self, limit: str = "*") -> list[dict[str, Any]]:
        """What is used now of the limits whose name matches a glob: see :meth:`Limits.usage`."""
        return [] if self.enforcement is None else self._limits.usage(self._clock.now_us(), limit)

    def refusals(self) -> dict[str, int]:
        """How often each limit refused something, by name."""
        return {} if self.enforcement is None else self._limits.refusals()

    def describe(self, project: str = "", caller: str = "", region: str = "us") -> list[dict[str, Any]]:
        """Every limit of the profile, with its amount for a project, caller and region."""
        facts = Facts(Moment.CALL, project=project, caller=caller, region=region.lower())
        return [] if self.enforcement is None else self._limits.describe(facts)

    def spare(self) -> Enforcement:
        """What words the refusals of rules, also while no limits hold."""
        if self.enforcement is not None:
            return self.enforcement
        return Enforcement(Limits(), self._clock, self._world)

    @property
    def _limits(self) -> Limits:
        assert self.enforcement is not None
        return self.enforcement.limits

    def _set(self, profile: str, enforcement: Enforcement | None) -> None:
        self.profile, self.enforcement = profile, enforcement
        self._attach(enforcement)
        for kept in self._kept.values():
            kept.changed()
