"""How much work a job is: as its labels say, by the rules of a scenario, else by the bytes it processes."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bqsim.sim.clock import Clock
from bqsim.sim.draws import Draws
from bqsim.sim.effects.delays import model_of, uniforms_of
from bqsim.sim.latency.base import Load
from bqsim.sim.progression.effects import needs_load
from bqsim.sim.rules.book import Hit, RuleBook
from bqsim.sim.rules.facts import Facts
from bqsim.sim.scenario import latency as described
from bqsim.sim.scenario.model import JobState, Match, Rule, SlotWork

from .labels import FAILS_MS, FLOOR_MS, SLOT_MS, UNITS, stages_read
from .live import Work

LABELS = (SLOT_MS, UNITS, FLOOR_MS, FAILS_MS)
SOURCE = "slot_work"

# Of queries that nothing else is said of. Slot time and bytes of the queries in
# :mod:`bqsim.sim.latency.figures`: 15 slot-milliseconds for a literal, about ten more for each MiB.
USUAL = SlotWork(
    described.Latency(described.Fixed(0.015), per_mib_s=0.01),
    floor=described.Latency(described.Fixed(0.15)),
    match=Match(job_type=("QUERY",)),
)

# Asks for the size of a job, when that is needed.
Loads = Callable[[], Awaitable[Load]]


def labelled(configuration: Mapping[str, Any]) -> Work | None:
    """The work that a job says by its labels; None when it says none. Labels that are no numbers count as
    not given."""
    labels = configuration.get("labels")
    if not isinstance(labels, Mapping):
        return None
    given = {name: _number(labels[name]) for name in LABELS if name in labels}
    slot_ms, units, floor_ms, fails_ms = (given.get(name) for name in LABELS)
    if slot_ms is None and floor_ms is None:
        return None
    slot_ms = slot_ms or 0.0
    fails_at = math.inf
    if fails_ms is not None:
        fails_at = fails_ms / slot_ms if slot_ms else 0.0
    stages = stages_read(labels)
    widest = max((one.units for one in stages), default=0.0)
    return Work(
        slot_ms,
        widest or units or _units(slot_ms, 1.0),
        floor_ms or 0.0,
        fails_at=fails_at,
        stages=stages,
    )


def _number(text: object) -> float | None:
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _units(slot_ms: float, unit_s: float) -> float:
    return float(max(1, math.ceil(slot_ms / 1000 / unit_s)))


class Amounts:
    """The rules of a scenario, and the usual one behind them: the first that matches a job counts."""

    def __init__(self, clock: Clock, draws: Draws, rules: Sequence[SlotWork]) -> None:
        self._draws = draws
        self._by_rule = {f"slot_work-{n}": rule for n, rule in enumerate((*rules, USUAL), 1)}
        self._usual = f"slot_work-{len(self._by_rule)}"
        self._book = RuleBook(clock, draws)
        self._book.add(
            Rule(id_, JobState("progress"), rule.match, source=SOURCE) for id_, rule in self._by_rule.items()
        )

    async def of(self, facts: Facts, load: Loads) -> tuple[Work | None, str]:
        """The work of a job that is PENDING, and the rule that tells it; None when it needs no slots."""
        for hit in self._book.match(facts):
            rule = self._by_rule[hit.rule.id]
            known = Load()
            if hit.rule.id == self._usual or needs_load(rule.slot_time) or _sized(rule.floor):
                known = await load()
                if hit.rule.id == self._usual and not known.statement_type:
                    # It is wrong, and fails before it needs any.
                    return None, ""
            return self._drawn(hit, rule, known), hit.rule.id
        return None, ""

    def _drawn(self, hit: Hit, rule: SlotWork, load: Load) -> Work:
        model = model_of(rule.slot_time)
        slot_ms = 1000 * model.draw(uniforms_of(hit, model, self._draws), load)
        floor_ms = 0.0
        if rule.floor is not None:
            uniforms = self._draws.keyed(f"{hit.rule.id}/floor", hit.fingerprint, hit.occurrence)
            floor_ms = 1000 * model_of(rule.floor).draw(uniforms, load)
        units = float(rule.units) if rule.units is not None else _units(slot_ms, rule.unit_s)
        return Work(slot_ms, units, floor_ms)


def _sized(latency: described.Latency | None) -> bool:
    return latency is not None and needs_load(latency)
