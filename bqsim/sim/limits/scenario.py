"""The limits that a scenario asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bqsim.sim.scenario.model import LimitSetup

from .limits import Limits
from .profile import PROFILES
from .tiers import Number, Setup, Tier, unknown

Amount = float | None


def limits_of(wanted: LimitSetup) -> Limits:
    """Limits as ``wanted``; ValueError for a profile or a limit that is not there."""
    if wanted.profile not in PROFILES:
        raise ValueError(f"There is no limits profile named {wanted.profile}")
    return Limits(setup_of(wanted), PROFILES[wanted.profile])


def setup_of(wanted: LimitSetup) -> Setup:
    """Scale, amounts and tenants of a scenario; the first tenant that matches a project counts."""
    return setup(wanted.profile, wanted.scale, values=wanted.values, tenants=wanted.tenants)


def setup(
    profile: str,
    scale: Number = 1,
    *,
    cap_scale: Number = 1,
    values: Mapping[str, Amount] | None = None,
    tenants: Mapping[str, Mapping[str, Amount]] | None = None,
    only: Iterable[str] = ("*",),
) -> Setup:
    """A setup of a profile. ``ValueError`` for a limit that it does not have."""
    names = [limit.name for limit in PROFILES.get(profile, ())]
    return Setup(
        scale=scale,
        cap_scale=cap_scale,
        amounts=_amounts(values or {}, names),
        tiers=tuple(
            Tier(glob, projects=(glob,), amounts=_amounts(given, names))
            for glob, given in (tenants or {}).items()
        ),
        only=tuple(only),
    )


def _amounts(values: Mapping[str, Amount], names: list[str]) -> dict[str, int | None]:
    """Whole amounts: a limit of less than one lets nothing through, so 1 is the least. None is no limit."""
    for name in values:
        if names and name not in names:
            raise ValueError(unknown(name, names))
    return {name: None if value is None else max(1, int(value)) for name, value in values.items() if names}
