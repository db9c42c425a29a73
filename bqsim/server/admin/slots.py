"""Slots over HTTP: the capacity in force, and what its places do now."""

from __future__ import annotations

from typing import Any

from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import parse

from .asking import Ask
from .routes import Route


def _show(ask: Ask) -> dict[str, Any]:
    slots = ask.control.capacity
    described = slots.described
    if described is None:
        return {"enforced": False, "places": []}
    return {
        "enforced": True,
        "capacity": to_dict(described),
        "slotWork": [to_dict(rule) for rule in slots.work],
        "places": [
            {
                "name": place.name,
                "slots": {
                    "demand": place.demand,
                    "used": place.used,
                    "borrowed": place.borrowed,
                    "scaled": place.scaled,
                },
                "jobs": {"running": place.running, "queued": place.queued},
            }
            for place in slots.places()
        ],
    }


def _use(ask: Ask) -> dict[str, Any]:
    ask.control.capacity.load(parse(ask.text, "body", ask.core.parts.known()))
    ask.later("capacity", ask.control.capacity.off)
    return _show(ask)


def _off(ask: Ask) -> dict[str, Any]:
    ask.lasting("capacity")
    ask.control.capacity.off()
    return {}


ROUTES = (
    Route("GET", "capacity", _show, "The capacity in force, and what each of its places does now."),
    Route("PUT", "capacity", _use, "Let jobs share a scenario's {capacity, slot_work}; ?ttl=5m ends that."),
    Route("DELETE", "capacity", _off, "Let jobs run as fast as they can."),
)  # fmt: skip
