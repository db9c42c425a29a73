"""What reports say of what else could be: between what figures lie, and which promises are fragile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from bqsim.cost.units import shown_money
from bqsim.rehearse.results import CAUSES, CHANCE, DAYS, TOGETHER, WORK, Assumed, Report, SettingResult

from . import words

NO_END = "no end"
FRAGILE = "breaks a promise with other slot time or seeds"
TITLE = "Between what figures lie"
MEANING = (
    "Together is the worst case: how far each cause leads away from the figure as planned, one on top of the "
    "other. Days are 90 % of what other days of the same kind would change."
)

# The measures of an envelope by their names: what they are called, and how they are told.
_MEASURES: Mapping[str, tuple[str, Callable[[float, str], str]]] = {
    "cost_per_day": ("cost a day", shown_money),
    "p50_duration_s": ("p50", lambda value, _: words.seconds(value)),
    "p95_duration_s": ("p95", lambda value, _: words.seconds(value)),
    "p99_duration_s": ("p99", lambda value, _: words.seconds(value)),
    "p95_wait_s": ("p95 wait", lambda value, _: words.seconds(value)),
    "p99_wait_s": ("p99 wait", lambda value, _: words.seconds(value)),
    "misses": ("missed", lambda value, _: words.share(value)),
    "failures": ("failed", lambda value, _: words.share(value)),
    "utilisation": ("utilised", lambda value, _: words.share(value)),
    "billed_hours_per_day": ("slot-hours a day", lambda value, _: words.number(value)),
}


_WORST = tuple(
    (name, _MEASURES[name][1]) for name in ("cost_per_day", "p95_duration_s", "misses", "failures")
)


def together(setting: SettingResult, name: str) -> tuple[float, float] | None:
    """Between what a measure lies in the worst case; None where nothing is known."""
    return setting.envelope.get(name, {}).get(TOGETHER)


def causes(setting: SettingResult) -> list[str]:
    """The causes that are known of any measure, in the order in which they are told."""
    return [one for one in CAUSES if any(one in pairs for pairs in setting.envelope.values())]


def heads(report: Report, setting: SettingResult) -> list[str]:
    """The headings of :func:`rows`."""
    one = report.assumed or Assumed(0.0, 0)
    told = {
        WORK: f"slot time ±{one.work * 100:.3g} %",
        CHANCE: f"{one.seeds} other seed{'s' if one.seeds != 1 else ''}",
        DAYS: "other days",
        TOGETHER: "together",
    }
    return ["", *(told[cause] for cause in causes(setting))]


def rows(setting: SettingResult, currency: str) -> list[list[str]]:
    """A row for each measure that is known, a cell for each cause."""
    return [
        [called, *(_pair(setting.envelope[name].get(cause), told, currency) for cause in causes(setting))]
        for name, (called, told) in _MEASURES.items()
        if name in setting.envelope
    ]


WORST_HEADS = ("#", "setting", "cost a day", "p95", "missed", "failed")


def worst_rows(report: Report) -> list[list[str]]:
    """The worst case of every setting that has one, in the order of the plan."""
    return [
        [str(at), one.name, *(_pair(together(one, name), told, report.currency) for name, told in _WORST)]
        for at, one in enumerate(report.settings, 1)
        if one.envelope
    ]


def fragile(report: Report) -> list[str]:
    """The settings that keep their promises as planned only, with what they break."""
    return [
        f"#{at} {one.name}: {'; '.join(one.fragile)}"
        for at, one in enumerate(report.settings, 1)
        if one.fragile
    ]


def worst_case(report: Report) -> str:
    """The envelope of the setting that is looked at closely in a sentence; ``''`` where it has none."""
    one, currency = words.subject(report), report.currency
    if report.assumed is None or not {WORK, CHANCE} & set(causes(one)):
        return ""
    by = {
        WORK: f"slot time {report.assumed.work * 100:.3g} % off"
        + (" (the error that the validation found)" if report.assumed.validated else ""),
        CHANCE: "other seeds",
        DAYS: "other days",
    }
    named = [text for cause, text in by.items() if cause in causes(one)]
    told = [
        f"{called} {_pair(pair, tell, currency)}"
        for name, (called, tell) in _MEASURES.items()
        if name in ("cost_per_day", "p95_duration_s") and (pair := together(one, name)) is not None
    ]
    return f"In the worst case of {words.listed(named)}: {', '.join(told)}."


def errors(report: Report) -> list[str]:
    """How far off the advice may be, in sentences."""
    told = worst_case(report)
    if not told:
        return [words.error_of(report)]
    unknown = "The error of the model is not known: how far slot time may be off is what the plan says."
    return [told, unknown if report.calibration is None else words.error_of(report)]


def _pair(pair: tuple[float, float] | None, told: Callable[[float, str], str], currency: str) -> str:
    if pair is None:
        return words.NONE
    low, high = (told(value, currency) if math.isfinite(value) else NO_END for value in pair)
    return low if low == high else f"{low} to {high}"
