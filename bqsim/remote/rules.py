"""Faults and latencies over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bqsim.server.known import known
from bqsim.sim.control.faults import ADD, Fault, id_of
from bqsim.sim.control.given import Given, owned, rule_of, within
from bqsim.sim.control.latencies import Latencies
from bqsim.sim.rules.book import RuleStatus
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import record_from_tree, rule_from_dict
from bqsim.sim.scenario.model import LatencySetup, Rule
from bqsim.sim.scenario.tree import from_object

from .wire import RemoteError, Wire

NOT_FOUND = 404


class RemoteFaults:
    """``sim.faults`` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

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
        """As :meth:`bqsim.sim.control.faults.Faults.add`."""
        options = {"id": id, "times": times, "ttl": ttl, "set": set}
        found = rule_of(effect, match=match, options=options, fields=conditions, called=ADD, known=known())
        rule = within(found.rule, self._wire.scope, ADD)
        body = to_dict(rule if found.named else found.rule)
        if not found.named:
            body.pop("id", None)
        added = self._wire.call("POST", "faults", body, first="true" if first else None)
        return Fault(self, _rule(added))

    def remove(self, *faults: Fault | Rule | str) -> None:
        """Take rules away, by what :meth:`add` gave or by id. ``ValueError`` for one that is not there."""
        for fault in faults:
            if not self.discard(fault):
                raise ValueError(f"there is no rule '{id_of(fault)}'")

    def discard(self, fault: Fault | Rule | str) -> bool:
        """As :meth:`remove`; whether it was there."""
        return self._one("DELETE", id_of(fault)) is not None

    def clear(self) -> int:
        """Take all rules away; how many there were."""
        return int(self._wire.call("DELETE", "faults")["removed"])

    def list(self) -> list[RuleStatus]:
        """How far each rule is, in order."""
        return [_status(one) for one in self._wire.get("faults")["faults"]]

    def get(self, id: str) -> RuleStatus:
        """How far one rule is. ``ValueError`` when there is none."""
        found = self._one("GET", id)
        if found is None:
            raise ValueError(f"there is no rule '{id}'")
        return _status(found)

    def _one(self, verb: str, id: str) -> Any:
        try:
            return self._wire.call(verb, f"faults/{owned(id, self._wire.scope)}")
        except RemoteError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    def explain(self, call: Mapping[str, Any] | str) -> str:
        """What every rule says to a call that is described, in words."""
        body = call if isinstance(call, str) else dict(call)
        return str(self._wire.call("POST", "faults/explain", body)["text"])

    def __iter__(self) -> Iterator[RuleStatus]:
        return iter(self.list())

    def __len__(self) -> int:
        return len(self.list())


def _rule(found: Mapping[str, Any]) -> Rule:
    return rule_from_dict(found["rule"], found["source"])


def _status(found: Mapping[str, Any]) -> RuleStatus:
    return RuleStatus(_rule(found), found["seen"], found["fired"], found["left"], found["expired"])


class _Names:
    """What reading latencies needs of a simulation."""

    known = staticmethod(known)


class RemoteLatencies(Latencies):
    """``sim.latency`` over HTTP."""

    def __init__(self, wire: Wire) -> None:
        parts: Any = _Names()
        super().__init__(parts, wire.scope)
        self._wire = wire

    @property
    def setup(self) -> LatencySetup | None:
        found = self._wire.get("latency")["latency"]
        if found is None:
            return None
        return record_from_tree(LatencySetup, from_object(found, "latency"), known())

    def clear(self) -> None:
        self._wire.call("DELETE", "latency")

    def _put(self, setup: LatencySetup, called: str) -> None:
        self._wire.call("PUT", "latency", to_dict(setup))
