"""Whose limits are what: a scale for all, tables per tenant, single limits by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from fractions import Fraction

from .model import Facts, Kind, Limit

Number = int | float | str | Fraction


def exact(value: Number) -> Fraction:
    """A factor as written: 0.01 is one hundredth. ValueError when it is not above zero."""
    factor = Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    if factor <= 0:
        raise ValueError(f"A factor of limits must be above zero, not {value}")
    return factor


@dataclass(frozen=True, slots=True)
class Tier:
    """The limits of some tenants.

    ``projects`` and ``callers`` are globs. ``scale`` multiplies every quota, ``factors`` the limits whose
    name matches a glob (on top of it); ``amounts`` sets limits by name (None: without limit).
    """

    name: str
    projects: tuple[str, ...] = ("*",)
    callers: tuple[str, ...] = ("*",)
    scale: Number = 1
    factors: Mapping[str, Number] = field(default_factory=dict)
    amounts: Mapping[str, int | None] = field(default_factory=dict)

    def matches(self, project: str, caller: str) -> bool:
        return any(fnmatchcase(project, glob) for glob in self.projects) and any(
            fnmatchcase(caller, glob) for glob in self.callers
        )


@dataclass(frozen=True, slots=True)
class Setup:
    """How a profile is used.

    ``scale`` multiplies the quotas (0.01: one hundredth of each, at least 1), ``cap_scale`` the size caps.
    ``amounts`` sets limits by name. The first of ``tiers`` that matches a call goes on top; the amounts
    that a tier or ``amounts`` names are taken as they are. ``only`` are globs of the limits in force.
    """

    scale: Number = 1
    cap_scale: Number = 1
    amounts: Mapping[str, int | None] = field(default_factory=dict)
    tiers: tuple[Tier, ...] = ()
    only: tuple[str, ...] = ("*",)


class Amounts:
    """The amount of each limit for each call. ValueError for a setup that names what is not there."""

    MAX_KEPT = 4096

    def __init__(self, setup: Setup, limits: Iterable[Limit]) -> None:
        names = [limit.name for limit in limits]
        self._setup = setup
        self._scales = {kind: exact(setup.scale) for kind in Kind} | {Kind.CAP: exact(setup.cap_scale)}
        self._check(setup.amounts, names)
        for tier in setup.tiers:
            exact(tier.scale)
            self._check(tier.amounts, names)
            for glob, factor in tier.factors.items():
                exact(factor)
                if not any(fnmatchcase(name, glob) for name in names):
                    raise ValueError(unknown(glob, names))
        for glob in setup.only:
            if glob != "*" and not any(fnmatchcase(name, glob) for name in names):
                raise ValueError(unknown(glob, names))
        self._tiers: dict[tuple[str, str], Tier | None] = {}
        self._kept: dict[tuple[str, int, int | None], int | None] = {}

    @staticmethod
    def _check(amounts: Mapping[str, int | None], names: list[str]) -> None:
        for name, amount in amounts.items():
            if name not in names:
                raise ValueError(unknown(name, names))
            if amount is not None and amount < 1:
                raise ValueError(f"Limit {name} must be at least 1, not {amount}")

    def tier(self, project: str, caller: str) -> Tier | None:
        """The tier of a tenant: the first that matches."""
        if not self._setup.tiers:
            return None
        tenant = (project, caller)
        if tenant not in self._tiers:
            if len(self._tiers) >= self.MAX_KEPT:
                self._tiers.clear()
            found = (tier for tier in self._setup.tiers if tier.matches(project, caller))
            self._tiers[tenant] = next(found, None)
        return self._tiers[tenant]

    def of(self, limit: Limit, facts: Facts) -> int | None:
        """The amount of ``limit`` for ``facts``; None when it has none."""
        tier = self.tier(facts.project, facts.caller)
        base = limit.base(facts.region)
        key = (limit.name, id(tier), base)
        if key not in self._kept:
            self._kept[key] = self._find(limit, tier, base)
        return self._kept[key]

    def _find(self, limit: Limit, tier: Tier | None, base: int | None) -> int | None:
        if tier and limit.name in tier.amounts:
            return tier.amounts[limit.name]
        if limit.name in self._setup.amounts:
            base = self._setup.amounts[limit.name]
            factor = Fraction(1)
        else:
            factor = self._scales[limit.kind]
        if base is None:
            return None
        if tier:
            if limit.kind is not Kind.CAP:
                factor *= exact(tier.scale)
            for glob, more in tier.factors.items():
                if fnmatchcase(limit.name, glob):
                    factor *= exact(more)
        return max(1, int(base * factor))


def unknown(name: str, names: Iterable[str]) -> str:
    near = get_close_matches(name, list(names), 1, 0.4)
    return f"There is no limit named {name}" + (f"; did you mean {near[0]}?" if near else "")
