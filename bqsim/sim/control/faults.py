"""Faults: rules that are added, looked at and removed while calls go on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from bqsim.sim.rules.book import RuleStatus, Verdict
from bqsim.sim.scenario.model import Rule
from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.scenario.tree import Place, Problem, ScenarioError

from .described import facts_of
from .given import Given, Named, owned, rule_of, within
from .parts import Parts
from .telling import Explanation

ADD = "faults.add"


class Keeper(Protocol):
    """Where rules are kept: in this process or in another."""

    def get(self, id: str) -> RuleStatus:
        """How far one rule is. ``ValueError`` when there is none."""
        ...

    def discard(self, fault: Fault | Rule | str) -> bool:
        """Take a rule away; whether it was there."""
        ...


class Fault:
    """A rule that was added. ``with`` removes it at the end."""

    def __init__(self, faults: Keeper, rule: Rule) -> None:
        self._faults = faults
        self.rule = rule

    @property
    def id(self) -> str:
        return self.rule.id

    @property
    def status(self) -> RuleStatus:
        """How far it is: ``seen``, ``fired``, ``left``, ``expired``. ``ValueError`` once it is removed."""
        return self._faults.get(self.id)

    @property
    def fired(self) -> int:
        """How often it had its effect."""
        return self.status.fired

    def remove(self) -> None:
        """Take it away; nothing happens when it is gone."""
        self._faults.discard(self)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"Fault({self.id!r})"


class Faults:
    """``sim.faults``: the rules in force; those of a scope are added and seen apart from others'."""

    def __init__(self, parts: Parts, scope: str = "", source: str = "python") -> None:
        self._parts = parts
        self._simulation = parts.simulation
        self._scope = scope
        self._source = source

    def add(
        self,
        effect: Given,
        *,
        match: Any = None,
        times: int | None = None,
        ttl: Any = None,
        id: str | None = None,
        set: Mapping[str, str] | None = None,
        first: bool = False,
        **conditions: Any,
    ) -> Fault:
        """Add a rule behind the others, or before them (``first``).

        ``effect`` is an effect or a whole rule: an object of :mod:`bqsim.sim.scenario.model`, a mapping or
        YAML text as scenarios have it, or one word: a reason, a gRPC status, a network fault. ``match`` and
        ``conditions`` (``method=``, ``resource=``, ``labels=``, ``nth=``, …) tell which calls it is about;
        ``ttl`` is a duration after which it is gone.

        Raises :class:`ScenarioError`, a ``ValueError``, that names the nearest valid spelling.

        >>> sim.faults.add("backendError", method="bigquery.jobs.insert", times=2)     # doctest: +SKIP
        """
        options = {"id": id, "times": times, "ttl": ttl, "set": set}
        found = rule_of(
            effect,
            match=match,
            options=options,
            fields=conditions,
            source=self._source,
            called=ADD,
            known=self._parts.known(),
        )
        return Fault(self, self.put(found, first=first))

    def put(self, found: Named, *, first: bool = False) -> Rule:
        """Add a rule; one without an id of the user's gets another when its own is taken."""
        rule = within(found.rule, self._scope, ADD)
        ids = {rule.id for rule in self._simulation.rules.rules}
        again = 1
        while True:
            made = rule if again == 1 else replace(rule, id=owned(f"{found.rule.id}-{again}", self._scope))
            # An id that is taken may be that of an expired rule, which is no more.
            if found.named or made.id not in ids:
                try:
                    self._simulation.add([made], first=first)
                    return made
                except ValueError as error:
                    if found.named:
                        raise ScenarioError([Problem(Place(ADD, path="id"), str(error))]) from None
            again += 1

    def remove(self, *faults: Fault | Rule | str) -> None:
        """Take rules away, by what :meth:`add` gave or by id. ``ValueError`` for one that is not there."""
        for fault in faults:
            if not self.discard(fault):
                raise self._missing(id_of(fault))

    def discard(self, fault: Fault | Rule | str) -> bool:
        """As :meth:`remove`; whether it was there."""
        return bool(self._simulation.remove([owned(id_of(fault), self._scope)]))

    def clear(self) -> int:
        """Take all rules away; how many there were."""
        return len(self._simulation.remove([status.rule.id for status in self.list()]))

    def list(self) -> list[RuleStatus]:
        """How far each rule is, in order: ``seen``, ``fired``, ``left``, ``expired``."""
        found = self._simulation.rules.status()
        return found if not self._scope else [s for s in found if s.rule.match.scope == (self._scope,)]

    def get(self, id: str) -> RuleStatus:
        """How far one rule is. ``ValueError`` when there is none."""
        wanted = owned(id, self._scope)
        found = next((status for status in self.list() if status.rule.id == wanted), None)
        if found is None:
            raise self._missing(id)
        return found

    def explain(self, call: Mapping[str, Any] | str) -> Explanation:
        """What every rule says to a call that is described, if it came now: nothing is counted.

        ``call`` has ``method``, and what else is known: ``resource``, ``project``, ``caller``, ``client``,
        ``headers``, ``labels``, ``sql``, ``job_type``, ``body``, ``state`` and ``event`` of jobs.
        """
        facts = facts_of(call, self._parts.known(), self._scope)
        verdicts = self._simulation.rules.explain(facts)
        if self._scope:
            verdicts = [v for v in verdicts if v.rule.match.scope in ((), (self._scope,))]
        return Explanation(verdicts)

    def __iter__(self) -> Iterator[RuleStatus]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())

    def _missing(self, id: str) -> ValueError:
        ids = tuple(status.rule.id for status in self.list())
        return ValueError(unknown("rule", id, ids) if ids else f"there is no rule '{id}'; there are none")


def id_of(fault: Fault | Rule | str) -> str:
    """The id of a rule, by what :meth:`Faults.add` gave, the rule itself or its id."""
    return fault if isinstance(fault, str) else fault.id


__all__ = ["Fault", "Faults", "Verdict"]
