"""The work of a job in its labels, written by drivers and read by the simulator.

Values of labels hold lower case letters, digits, ``_`` and ``-``, 63 of them at most; a job has 64 labels at
most.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .jobs import Stage

SLOT_MS, UNITS, FLOOR_MS, FAILS_MS = "bqsim_slot_ms", "bqsim_units", "bqsim_floor_ms", "bqsim_fails_ms"
# A stage each, by number from 1: ``share_units`` or ``share_units_1-2``, where 1 and 2 are the stages that it
# waits for (0: none; by default the one before). Shares count as parts of their sum.
STAGE = "bqsim_stage_"
MOST_STAGES = 48
_LONGEST = 63
# In how many parts a driver cuts the slot time of a job.
_PARTS = 1_000_000_000


def stages_written(stages: Sequence[Stage]) -> dict[str, str] | None:
    """The labels of a plan whose units are whole; None for one that labels cannot hold."""
    if len(stages) > MOST_STAGES:
        return None
    made = {}
    for at, stage in enumerate(stages):
        text = f"{round(stage.share * _PARTS)}_{max(round(stage.units), 1)}"
        if stage.inputs != usual_inputs(at):
            text += "_" + ("-".join(str(one + 1) for one in stage.inputs) or "0")
        if len(text) > _LONGEST:
            return None
        made[f"{STAGE}{at + 1}"] = text
    return made


def stages_read(labels: Mapping[str, Any]) -> tuple[Stage, ...]:
    """The plan that labels tell; () when they tell none, or what is no plan."""
    found: list[tuple[float, float, tuple[int, ...]]] = []
    while (text := labels.get(f"{STAGE}{len(found) + 1}")) is not None:
        stage = _stage(str(text), len(found))
        if stage is None or len(found) == MOST_STAGES:
            return ()
        found.append(stage)
    total = math.fsum(share for share, _, _ in found)
    return tuple(Stage(share / total if total else 0.0, units, inputs) for share, units, inputs in found)


def usual_inputs(at: int) -> tuple[int, ...]:
    """What a stage waits for when nothing else is said: the one before it."""
    return (at - 1,) if at else ()


def _stage(text: str, at: int) -> tuple[float, float, tuple[int, ...]] | None:
    parts = text.split("_")
    if len(parts) not in (2, 3) or not all(one.isdecimal() for one in parts[:2]) or not int(parts[1]):
        return None
    inputs = usual_inputs(at) if len(parts) == 2 else _inputs(parts[2], at)
    return None if inputs is None else (float(parts[0]), float(parts[1]), inputs)


def _inputs(text: str, at: int) -> tuple[int, ...] | None:
    """The places of the stages that are waited for; None for what is not before the stage."""
    if text == "0":
        return ()
    numbers = text.split("-")
    if not all(one.isdecimal() and 1 <= int(one) <= at for one in numbers):
        return None
    return tuple(sorted({int(one) - 1 for one in numbers}))
