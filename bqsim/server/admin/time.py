"""The clock and the seed over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bqsim.errors import BigQueryError, invalid
from bqsim.sim.clock import SimulationClock
from bqsim.sim.scenario.kinds import TIME

from .asking import Ask
from .routes import Route

# What may be told to a clock, each with its value. It may wait for what is released.
MOVES: Mapping[str, tuple[Any, Callable[[SimulationClock, Any], object]]] = {
    "advance": ((str, int, float), lambda clock, value: clock.advance(value)),
    "set": (str, lambda clock, value: clock.set_time(value)),
    "freeze": (bool, lambda clock, value: clock.freeze() if value else clock.resume()),
    "resume": (bool, lambda clock, value: clock.resume() if value else clock.freeze()),
    "scale": ((int, float), lambda clock, value: clock.scale(value)),
}


def clock_json(clock: SimulationClock) -> dict[str, Any]:
    """The time, and how it passes: ``rate`` simulated seconds in a second."""
    now = clock.now_us()
    return {"now": TIME.write(now), "nowMicros": now, "mode": clock.mode, "rate": clock.rate}


def _show(ask: Ask) -> dict[str, Any]:
    return clock_json(ask.core.clock)


def _move(ask: Ask) -> dict[str, Any]:
    given = ask.fields(**{name: kind for name, (kind, _) in MOVES.items()})
    if not given:
        raise BigQueryError("required", f"The body needs one of the fields {', '.join(MOVES)}.")
    clock = ask.core.clock
    for name, value in given.items():
        try:
            MOVES[name][1](clock, value)
        except ValueError as error:
            raise invalid(f"Invalid value for {name}: {error}", name) from None
        ask.core.simulation.control(f"clock.{name}", source="rest", details={"value": value})
    return clock_json(clock)


def _seed(ask: Ask) -> dict[str, Any]:
    return {"seed": ask.control.seed}


def _reseed(ask: Ask) -> dict[str, Any]:
    seed = ask.needed("seed", seed=int)
    ask.control.reseed(seed)
    return _seed(ask)


def _reset(ask: Ask) -> dict[str, Any]:
    ask.control.reset()
    return {}


ROUTES = (
    Route("GET", "clock", _show, "The time, and how it passes."),
    Route("POST", "clock", _move, "Move or set the clock: {advance: 90m}, {set: time}, {freeze: true}, "
          "{resume: true}, {scale: 60}."),
    Route("GET", "seed", _seed, "The seed of all draws."),
    Route("PUT", "seed", _reseed, "Begin the draws anew with a seed: {seed}."),
    Route("POST", "reset", _reset, "Begin anew: no rules, latencies, limits or plans, an empty journal, a "
          "running clock. Data and jobs stay."),
)  # fmt: skip
