"""The report as JSON: the same bytes for the same results, wherever and however fast they were made."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bqsim.rehearse.results import (
    PERCENTILES,
    Advice,
    GroupResult,
    Report,
    SettingResult,
    Spread,
)
from bqsim.sim.slots.jobs import Usage

from . import streams
from .timelines import MEANS, PEAKS, timelines

VERSION = 1
# Timelines are for charts: few buckets, few digits. Of many settings they are shorter.
MOST_BUCKETS, LEAST_BUCKETS = 120, 12
_ALL_BUCKETS = 6_000
_DIGITS, _TIMELINE_DIGITS = 9, 6


def document(report: Report) -> str:
    """The canonical JSON: keys sorted, numbers of nine significant digits, null for those that are not known
    or have no end. Names end in their unit (``_s``, ``_hours``)."""
    buckets = max(LEAST_BUCKETS, min(MOST_BUCKETS, _ALL_BUCKETS // max(1, len(report.settings))))
    told = {
        "kind": "bqsim rehearsal",
        "version": VERSION,
        "name": report.name,
        "seed": report.seed,
        "currency": report.currency,
        "calibrated": report.calibration is not None,
        "calibration": report.calibration and asdict(report.calibration),
        "advice": _advice(report.advice),
        "broken": [asdict(one) for one in report.broken],
        "pareto": list(report.pareto),
        "settings": [_setting(one, buckets) for one in report.settings],
        "notes": list(report.notes),
    }
    if report.assumed is not None:
        told["uncertainty"] = asdict(report.assumed)
    return "".join(_written(told, 0)) + "\n"


def _advice(one: Advice | None) -> dict[str, Any] | None:
    if one is None:
        return None
    told = {"setting": one.setting, "reasons": list(one.reasons), "error": one.error}
    return told if one.headroom is None else {**told, "headroom": asdict(one.headroom)}


def _setting(one: SettingResult, buckets: int) -> dict[str, Any]:
    told = {
        "name": one.name,
        "values": dict(one.values),
        "days": one.days,
        "simulated_jobs": one.simulated_jobs,
        "cost_per_day": one.cost_per_day,
        "misses": one.misses,
        "failures": one.failures,
        "bounds": {name: list(pair) for name, pair in one.bounds.items()},
        "bounds_by": one.bounds_by or None,
        "groups": [_group(group) for group in one.groups],
        "places": [asdict(place) for place in one.places],
        "charges": [asdict(charge) for charge in one.charges],
        "objectives": [{**asdict(missed), "share": missed.share} for missed in one.objectives],
        "timeline": _timeline(one.usage, buckets),
    }
    if one.streaming is not None:
        told["streaming"] = {**asdict(one.streaming), **streams.document(one.streaming)}
    if one.samples:
        told["samples"] = [asdict(each) for each in one.samples]
    if not one.envelope:
        return told
    pairs = {
        name: {cause: list(pair) for cause, pair in found.items()} for name, found in one.envelope.items()
    }
    return {**told, "envelope": pairs, "fragile": list(one.fragile)}


def _group(one: GroupResult) -> dict[str, Any]:
    return {
        "group": one.group,
        "jobs": one.jobs,
        "states": dict(one.states),
        "attempts": one.attempts,
        "duration_s": _spread(one.duration),
        "wait_s": _spread(one.wait),
        "slot_hours": one.slot_hours,
        "bytes_billed": one.bytes_billed,
        "cost": one.cost,
    }


def _spread(one: Spread) -> dict[str, Any]:
    told: dict[str, Any] = {"count": one.count, "mean": one.mean, "largest": one.largest}
    named = zip(PERCENTILES, one.percentiles, strict=True)
    return told | {f"p{percentile:g}": value for percentile, value in named}


def _timeline(usage: Usage, most: int) -> dict[str, Any]:
    """Columns that are nothing but zero are left out."""
    places = []
    bucket_s = usage.bucket_ms / 1000
    for one in timelines(usage, most):
        bucket_s = one.bucket_s
        columns = {
            name: [_rounded(value, _TIMELINE_DIGITS) for value in getattr(one, name).tolist()]
            for name in (*MEANS, *PEAKS)
            if getattr(one, name).any()
        }
        places.append({"place": one.place.name, "baseline": one.place.baseline, **columns})
    return {"bucket_s": bucket_s, "end_s": usage.end_ms / 1000, "places": places}


def _rounded(value: float, digits: int) -> float | int | None:
    if not math.isfinite(value):
        return None
    near = float(f"{value:.{digits}g}")
    # Whole numbers are written as such, and there is no zero below zero.
    return int(near) if near.is_integer() and abs(near) < 1e15 else near


def _written(value: Any, depth: int) -> Sequence[str]:
    """Members of objects on lines of their own; a list of plain values is one line."""
    inner, outer = "\n" + " " * (depth + 1), "\n" + " " * depth
    if isinstance(value, Mapping) and value:
        each = [
            f"{json.dumps(str(key))}: {''.join(_written(value[key], depth + 1))}"
            for key in sorted(value, key=str)
        ]
        return ["{", inner, f",{inner}".join(each), outer, "}"]
    if isinstance(value, (list, tuple)) and any(isinstance(one, (Mapping, list, tuple)) for one in value):
        each = ["".join(_written(one, depth + 1)) for one in value]
        return ["[", inner, f",{inner}".join(each), outer, "]"]
    if isinstance(value, (list, tuple)):
        return ["[", ", ".join(_plain(one) for one in value), "]"]
    return ["{}" if isinstance(value, Mapping) else _plain(value)]


def _plain(value: Any) -> str:
    # Numbers of numpy are told as those of Python.
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float):
        value = _rounded(value, _DIGITS)
    return json.dumps(value)
