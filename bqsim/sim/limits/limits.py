"""Quotas and limits, enforced on the clock that the caller reads."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .buckets import Bucket, DayCount
from .matching import Index
from .model import Exceeded, Facts, Kind, Limit, Moment, Over
from .profile import BIGQUERY
from .store import Key, Store
from .texts import exceeded
from .tiers import Amounts, Setup, unknown

Charge = tuple[Key, Bucket | DayCount, int, bool]


@dataclass(slots=True)
class Held:
    """What :meth:`Limits.enter` holds until :meth:`Limits.leave`.

    ``spared`` names the limits that let the job pass outside the count: flags of its next facts.
    """

    keys: tuple[Key, ...]
    spared: frozenset[str] = frozenset()


class Limits:
    """The counters of one server. Thread-safe; every answer depends on what was charged and the times given.

    A job is charged when it is queued and when it runs, and enters at both; a call is charged and enters.
    """

    def __init__(self, setup: Setup | None = None, limits: Iterable[Limit] = BIGQUERY) -> None:
        self.limits = tuple(limits)
        self._by_name = {limit.name: limit for limit in self.limits}
        self._order = {name: n for n, name in enumerate(self._by_name)}
        self._lock = threading.RLock()
        self._store = Store()
        self._held: dict[Key, int] = {}
        self._refused: dict[str, int] = {}
        self.configure(setup or Setup())

    def configure(self, setup: Setup) -> None:
        """Use other amounts from now on; what is used stays used. ValueError names an unknown limit."""
        amounts = Amounts(setup, self.limits)
        index = Index(
            limit for limit in self.limits if any(fnmatchcase(limit.name, glob) for glob in setup.only)
        )
        with self._lock:
            self.setup, self._amounts, self._index = setup, amounts, index

    def charge(self, facts: Facts, now_us: int) -> Exceeded | None:
        """Charge every limit that applies, or none of them and say which one is exceeded."""
        with self._lock:
            charges: list[Charge] = []
            for limit in self._index.of(facts):
                if limit.kind is Kind.CONCURRENT or limit.over is Over.COUNT:
                    continue
                failure = self._check(limit, facts, now_us, charges)
                if failure:
                    return self._refuse(failure)
            for key, counter, cost, fill in charges:
                if fill and isinstance(counter, Bucket):
                    counter.fill(cost)
                else:
                    counter.take(cost)
                self._store.keep(key, counter)
            self._store.sweep(now_us)
        return None

    def _check(self, limit: Limit, facts: Facts, now_us: int, charges: list[Charge]) -> Exceeded | None:
        amount = self._amounts.of(limit, facts)
        ahead = limit.postpaid and facts.moment is not Moment.ANSWER
        cost = 1 if ahead or not limit.measure else facts.sizes.get(limit.measure, 0)
        if amount is None or cost <= 0:
            return None
        if limit.kind is Kind.CAP:
            return exceeded(limit, facts, amount, cost) if cost > amount else None
        key = limit.key(facts)
        counter = self._store.get(limit, key, amount, now_us)
        unrefused = facts.statement_type in limit.unrefused
        if not unrefused and (ahead or not limit.postpaid):
            if isinstance(counter, Bucket):
                fits, wait_us = counter.fits(cost, limit.debt), counter.wait_us(cost, limit.debt)
            else:
                fits, wait_us = counter.fits(cost), counter.wait_us(cost, now_us)
            if not fits:
                return exceeded(limit, facts, amount, cost, wait_us)
        if not ahead:
            charges.append((key, counter, cost, unrefused))
        return None

    def enter(self, facts: Facts, now_us: int) -> Held | Exceeded:
        """Hold a place in every concurrency limit that applies, or none of them and say which one is full."""
        with self._lock:
            keys: list[Key] = []
            spares: dict[str, tuple[Key, Bucket | DayCount]] = {}
            for limit in self._index.of(facts):
                amount = self._amounts.of(limit, facts)
                if limit.kind is not Kind.CONCURRENT or amount is None:
                    continue
                if limit.spare and self._spare(limit.spare, facts, now_us, spares):
                    continue
                key = limit.key(facts)
                held = self._held.get(key, 0)
                if held >= amount:
                    return self._refuse(exceeded(limit, facts, amount, held + 1))
                keys.append(key)
            for key in keys:
                self._held[key] = self._held.get(key, 0) + 1
            for key, counter in spares.values():
                counter.take(1)
                self._store.keep(key, counter)
            self._store.sweep(now_us)
            return Held(tuple(keys), frozenset(spares))

    def _spare(
        self, name: str, facts: Facts, now_us: int, spares: dict[str, tuple[Key, Bucket | DayCount]]
    ) -> bool:
        """Whether the COUNT limit ``name`` still covers this one; notes what it takes."""
        limit = self._by_name[name]
        amount = self._amounts.of(limit, facts)
        if amount is None:
            return True
        key = limit.key(facts)
        counter = self._store.get(limit, key, amount, now_us)
        if counter.fits(1):
            spares[name] = (key, counter)
            return True
        return False

    def limit(self, name: str) -> Limit:
        """The limit of that name; ValueError: not there."""
        if name not in self._by_name:
            raise ValueError(unknown(name, self._by_name))
        return self._by_name[name]

    def cap(self, measure: str, facts: Facts) -> int | None:
        """The least of the caps of a size that apply; None when there is none."""
        with self._lock:
            caps = [
                self._amounts.of(limit, facts)
                for limit in self._index.of(facts)
                if limit.kind is Kind.CAP and limit.measure == measure
            ]
        return min((amount for amount in caps if amount is not None), default=None)

    def used_up(self, name: str, facts: Facts, now_us: int) -> Exceeded:
        """What the limit ``name`` answers when it is exceeded, whatever is used; ValueError: not there."""
        limit = self.limit(name)
        with self._lock:
            amount = self._amounts.of(limit, facts) or limit.amount or 1
            wait_us = None
            if limit.kind in (Kind.RATE, Kind.DAY):
                counter = self._store.get(limit, limit.key(facts), amount, now_us)
                wait_us = counter.full_us(now_us)
            return self._refuse(exceeded(limit, facts, amount, amount + 1, wait_us))

    def leave(self, held: Held) -> None:
        """Give back what was entered; a second time does nothing."""
        with self._lock:
            keys, held.keys = held.keys, ()
            for key in keys:
                left = self._held.get(key, 0) - 1
                if left > 0:
                    self._held[key] = left
                else:
                    self._held.pop(key, None)

    def _refuse(self, failure: Exceeded) -> Exceeded:
        if not failure.waits:
            self._refused[failure.limit] = self._refused.get(failure.limit, 0) + 1
        return failure

    def reset(self) -> None:
        """Forget what was charged and refused; what is held stays held."""
        with self._lock:
            self._store.clear()
            self._refused.clear()

    def usage(self, now_us: int, limit: str = "*") -> list[dict[str, Any]]:
        """What is used now of the limits whose name matches a glob: JSON objects, in the profile's order.

        ``used`` and ``amount`` are in ``unit``; ``freeAtMicros`` is when nothing is used any more.
        """
        with self._lock:
            found = []
            for key, counter in self._store.items(now_us):
                if not fnmatchcase(key[0], limit):
                    continue
                if isinstance(counter, Bucket):
                    counter.settle(counter.amount, now_us)
                    found.append((key, counter.tokens, counter.amount, counter.idle_us))
                else:
                    found.append((key, counter.used, counter.amount, counter.end_us))
            held = [(key, count) for key, count in self._held.items() if fnmatchcase(key[0], limit)]
            report = [self._row(key, used) | {"amount": a, "freeAtMicros": t} for key, used, a, t in found]
            report += [self._row(key, count) for key, count in held]
        return sorted(report, key=lambda row: (self._order[row["limit"]], sorted(row["scope"].items())))

    def _row(self, key: Key, used: int) -> dict[str, Any]:
        limit = self._by_name[key[0]]
        scope = dict(zip(limit.scope, key[1:], strict=True))
        project = scope.get("project") or scope.get("table", "").partition(":")[0]
        caller, region = scope.get("caller", ""), scope.get("region", "")
        facts = Facts(limit.at[0], caller=caller, project=project, region=region)
        return {
            "limit": limit.name,
            "title": limit.title,
            "kind": limit.kind.value,
            "scope": scope,
            "used": used,
            "amount": self._amounts.of(limit, facts),
            "unit": limit.unit,
        }

    def refusals(self) -> dict[str, int]:
        """How often each limit refused something, by name."""
        with self._lock:
            return dict(sorted(self._refused.items(), key=lambda item: self._order[item[0]]))

    def describe(self, facts: Facts) -> list[dict[str, Any]]:
        """Every limit with its amount for the project, caller and region of ``facts``."""
        with self._lock:
            return [
                {
                    "limit": limit.name,
                    "title": limit.title,
                    "kind": limit.kind.value,
                    "scope": list(limit.scope),
                    "amount": self._amounts.of(limit, facts),
                    "unit": limit.unit,
                    "periodSeconds": limit.period_s if limit.kind is Kind.RATE else None,
                    "reason": limit.reason,
                    "knownText": limit.known_text,
                }
                for limit in self.limits
            ]
