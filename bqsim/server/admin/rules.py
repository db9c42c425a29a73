"""Rules, machines, latencies and scenarios over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.control.loading import put_in_force
from bqsim.sim.rules.book import RuleStatus
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import parse
from bqsim.sim.scenario.schema import json_schema
from bqsim.sim.scenario.tree import Listing, Mapped, Node, from_yaml

from .asking import Ask, flag
from .routes import Route

SOURCE = "body"


def status_json(status: RuleStatus) -> dict[str, Any]:
    """A rule and how far it is; ``left`` is null for a rule without end."""
    return {
        "rule": {**to_dict(status.rule), "id": status.rule.id},
        "source": status.rule.source,
        "seen": status.seen,
        "fired": status.fired,
        "left": status.left,
        "expired": status.expired,
    }


def _list(ask: Ask) -> dict[str, Any]:
    return {"faults": [status_json(status) for status in ask.control.faults]}


def _add(ask: Ask) -> dict[str, Any]:
    tree = from_yaml(ask.text, SOURCE)
    trees: list[Node] = tree.items if isinstance(tree, Listing) else [tree]
    faults = ask.control.faults
    added = []
    try:
        for one in trees:
            ttl = None if _has(one, "ttl") else ask.ttl_s
            first = bool(ask.parameter("first", flag))
            added.append(faults.add(one, ttl=ttl, first=first))
    except ValueError:
        # All or none.
        for fault in added:
            fault.remove()
        raise
    found = [status_json(fault.status) for fault in added]
    return {"faults": found} if isinstance(tree, Listing) else found[0]


def _has(tree: Node, name: str) -> bool:
    return isinstance(tree, Mapped) and any(key.value == name for key, _ in tree.entries)


def _get(ask: Ask) -> dict[str, Any]:
    return status_json(_found(ask))


def _found(ask: Ask) -> RuleStatus:
    try:
        return ask.control.faults.get(ask.path["id"])
    except ValueError as error:
        raise BigQueryError("notFound", f"Not found: {error}") from None


def _remove(ask: Ask) -> dict[str, Any]:
    status = _found(ask)
    ask.control.faults.discard(status.rule)
    return status_json(status)


def _clear(ask: Ask) -> dict[str, Any]:
    return {"removed": ask.control.faults.clear()}


def _explain(ask: Ask) -> dict[str, Any]:
    found = ask.control.faults.explain(ask.text)
    return {
        "fires": found.fires,
        "verdicts": [
            {"rule": v.rule.id, "matches": v.matches, "condition": v.condition, "why": v.why} for v in found
        ],
        "text": str(found),
    }


def _scenario(ask: Ask) -> dict[str, Any]:
    scenario = ask.control.scenario
    return {"scenario": None if scenario is None else to_dict(scenario)}


def _load(ask: Ask) -> dict[str, Any]:
    control = ask.control
    scenario = parse(ask.text, ask.parameter("source") or SOURCE, ask.core.parts.known())
    put_in_force(ask.core.parts, scenario, control.scope_name)

    def clear() -> None:
        # Another one may have taken its place.
        if control.scope_name or control.scenario is scenario:
            control.clear()

    ask.later("scenario", clear)
    # Of a scope's rules the seed is the scenario's own, where it has one.
    return {"scenario": to_dict(scenario), "seed": control.seed if scenario.seed is None else scenario.seed}


def _check(ask: Ask) -> dict[str, Any]:
    return {"ok": True, "scenario": to_dict(parse(ask.text, SOURCE, ask.core.parts.known()))}


def _unload(ask: Ask) -> dict[str, Any]:
    ask.lasting("scenario")
    ask.control.clear()
    return {}


def _schema(ask: Ask) -> dict[str, Any]:
    return json_schema()


def _machines(ask: Ask) -> dict[str, Any]:
    return {"machines": dict(ask.control.machines)}


def _move(ask: Ask) -> dict[str, Any]:
    ask.control.machines[ask.path["name"]] = ask.needed("state", state=str)
    return _machines(ask)


def _latency(ask: Ask) -> dict[str, Any]:
    setup = ask.control.latency.setup
    return {"latency": None if setup is None else to_dict(setup)}


def _set_latency(ask: Ask) -> dict[str, Any]:
    _latencies(ask).set(_given(ask))
    return _latency(ask)


def _add_latency(ask: Ask) -> dict[str, Any]:
    _latencies(ask).add(_given(ask))
    return _latency(ask)


def _latencies(ask: Ask) -> Any:
    latency = ask.control.latency
    ask.later("latency", latency.clear)
    return latency


def _given(ask: Ask) -> str:
    if not ask.text.strip():
        raise invalid("The body must say which latency: a duration, a distribution, a rule or a preset.")
    return ask.text


def _clear_latency(ask: Ask) -> dict[str, Any]:
    ask.lasting("latency")
    ask.control.latency.clear()
    return {}


ROUTES = (
    Route("GET", "faults", _list, "The rules in force, with how often each fired."),
    Route(
        "POST", "faults", _add, "Add a rule, or a list of them; ?ttl=5m ends it, ?first=true: before others."
    ),
    Route("DELETE", "faults", _clear, "Remove all rules, or those of the scope."),
    Route("POST", "faults/explain", _explain, "What every rule would say to a call that the body describes."),
    Route("GET", "faults/{id}", _get, "One rule, with how often it fired."),
    Route("DELETE", "faults/{id}", _remove, "Remove one rule."),
    Route("GET", "scenario", _scenario, "The scenario that was loaded last."),
    Route(
        "PUT",
        "scenario",
        _load,
        "Load a scenario (YAML or JSON) in place of what is in force; ?source=FILE is told in explanations.",
    ),
    Route("POST", "scenario", _load, "As PUT."),
    Route("DELETE", "scenario", _unload, "Forget the scenario, all rules, latencies and plans of jobs."),
    Route("POST", "scenario/check", _check, "Say what is wrong with a scenario, and load nothing."),
    Route("GET", "schema", _schema, "The JSON Schema of scenarios."),
    Route("GET", "machines", _machines, "The state that each state machine is in."),
    Route("PUT", "machines/{name}", _move, "Move a state machine: {state}."),
    Route("GET", "latency", _latency, "The latencies in force."),
    Route("PUT", "latency", _set_latency, "Put latencies in place of the former; ?ttl=5m ends them."),
    Route("POST", "latency", _add_latency, "Put one more latency before the former."),
    Route("DELETE", "latency", _clear_latency, "Let everything take as long as its work does."),
)
