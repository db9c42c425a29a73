"""The limits that a scenario asks for."""

from __future__ import annotations

from collections.abc import Mapping

from bqsim.sim.scenario.model import LimitSetup

from .limits import Limits
from .profile import PROFILES
from .tiers import Setup, Tier, unknown


def limits_of(wanted: LimitSetup) -> Limits:
    """Limits as ``wanted``; ValueError for a profile or a limit that is not there."""
    if wanted.profile not in PROFILES:
        raise ValueError(f"There is no limits profile named {wanted.profile}")
    return Limits(setup_of(wanted), PROFILES[wanted.profile])


def setup_of(wanted: LimitSetup) -> Setup:
    """Scale, amounts and tenants of a scenario; the first tenant that matches a project counts."""
    rows = PROFILES.get(wanted.profile, ())
    names = [limit.name for limit in rows]
    return Setup(
        scale=wanted.scale,
        amounts=_amounts(wanted.values, names),
        tiers=tuple(
            Tier(glob, projects=(glob,), amounts=_amounts(values, names))
            for glob, values in wanted.tenants.items()
        ),
    )


def _amounts(values: Mapping[str, float], names: list[str]) -> dict[str, int | None]:
    """Whole amounts: a limit of less than one lets nothing through, so 1 is the least."""
    for name in values:
        if names and name not in names:
            raise ValueError(unknown(name, names))
    return {name: max(1, int(value)) for name, value in values.items() if names}
