"""What all forms of a report say alike: figures, names, tables of text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from bqsim.cost.units import shown_money
from bqsim.rehearse.results import Calibration, Report, SettingResult
from bqsim.reports.units import shown

NONE = "–"
UNCALIBRATED = "uncalibrated"
NOT_CALIBRATED = (
    "Uncalibrated: the model of slots was not compared with a history of jobs, so figures may be far off. "
    "Compare settings with each other, and validate with a history before money is spent."
)


# Durations of at least the first are told in units of the second.
_UNITS = ((7200.0, 3600.0, "h"), (120.0, 60.0, "min"), (1.0, 1.0, "s"), (0.0, 1e-3, "ms"))


def seconds(value: float) -> str:
    """A duration to three digits: ``12.0 s``, ``1.50 h``."""
    if not math.isfinite(value):
        return NONE
    if value == 0:
        return "0 s"
    # What rounds up to a second is a second.
    near = float(f"{value:.3g}")
    size, unit = next((size, unit) for least, size, unit in _UNITS if abs(near) >= least)
    places = max(0, 2 - math.floor(math.log10(abs(near) / size)))
    return f"{near / size:,.{places}f} {unit}"


def share(value: float) -> str:
    """A part of 1 as a percentage, with a digit more where it is little."""
    if not math.isfinite(value):
        return NONE
    if 0 < value < 0.0005:
        return "< 0.05 %"
    return f"{value * 100:,.1f} %"


def number(value: float) -> str:
    """A figure without unit, to three digits or whole."""
    if not math.isfinite(value):
        return NONE
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else shown(value)


def factor(value: float) -> str:
    """A factor that may just be, to three digits, rounded down; ``any`` without bounds."""
    if not math.isfinite(value):
        return NONE if math.isnan(value) else "any"
    if value <= 0:
        return "0"
    digits = max(0, 2 - math.floor(math.log10(value)))
    near = math.floor(value * 10**digits + 1e-6) / 10**digits
    return f"{near:,.{digits}f}".rstrip("0").rstrip(".") if digits else f"{near:,.0f}"


_MOST_COLUMNS = 3
_VALUES = {None: "none", True: "true", False: "false"}


# What neither XML nor a terminal should get.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    """``text`` without characters that documents and terminals cannot hold or would obey."""
    return _FORBIDDEN.sub("\ufffd", text)


def given(values: Mapping[str, object], path: str) -> str:
    """A value of the grid, an empty text in quotes; ``''`` where a setting has none."""
    if path not in values:
        return ""
    value = values[path]
    return _VALUES[value] if value is None or isinstance(value, bool) else str(value) or "''"


def named(report: Report) -> bool:
    """Whether settings have names that say more than their values do."""
    return not all(_of_values(one) for one in report.settings)


def _of_values(setting: SettingResult) -> bool:
    ends = [f"={given(setting.values, path)}" for path in setting.values]
    said = setting.name.split(", ")
    return bool(ends) and len(ends) == len(said) and all(map(str.endswith, said, ends))


def figures(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> set[int]:
    """The columns that are figures: all cells begin with a digit, or know nothing."""
    columns = {at: [row[at] for row in rows if row[at]] for at in range(len(heads))}
    return {
        at for at, cells in columns.items() if cells and all(cell[0] in "0123456789-–<" for cell in cells)
    }


@dataclass(frozen=True, slots=True)
class Measure:
    """A column of the table of settings; ``bound`` names the measure in a setting's bounds."""

    heading: str
    meaning: str
    of: Callable[[SettingResult], float]
    told: Callable[[float, str], str]
    bound: str = ""

    def shown(self, setting: SettingResult, currency: str) -> str:
        """The figure of a setting."""
        return self.told(self.of(setting), currency)

    def bounds(self, setting: SettingResult, currency: str) -> str:
        """``low to high`` where they are known, else ``''``."""
        pair = setting.bounds.get(self.bound)
        if not pair:
            return ""
        low, high = (self.told(value, currency) for value in pair)
        return low if low == high else f"{low} to {high}"


def billed_hours(setting: SettingResult) -> float:
    """Slot-hours paid for in a day, of commitments, baselines and autoscaling."""
    hours = sum(one.quantity for one in setting.charges if one.unit == "slot-h")
    return hours / setting.days if setting.days else 0.0


def utilisation(setting: SettingResult) -> float:
    """The share of all slots paid for that was used, idle commitments among them; NaN where none are."""
    reserved = [one for one in setting.places if one.edition]
    held = sum(one.baseline_hours + one.scaled_hours for one in reserved)
    paid = max(held, sum(one.quantity for one in setting.charges if one.unit == "slot-h"))
    if not paid:
        return math.nan
    own = sum(
        (one.baseline_hours + one.scaled_hours) * one.utilisation
        for one in reserved
        if math.isfinite(one.utilisation)
    )
    # What one borrows is paid for where it is idle.
    return min((own + sum(one.borrowed_hours for one in reserved)) / paid, 1.0)


def without_currency(told: Callable[[float], str]) -> Callable[[float, str], str]:
    """How a measure that is no money is told, whatever the currency."""
    return lambda value, _currency: told(value)


in_seconds, as_share, as_number = map(without_currency, (seconds, share, number))


def as_delay(value: float, _currency: str) -> str:
    """A delay; what is not taken at all is never."""
    return "never" if math.isinf(value) else seconds(value)


def duration_at(percentile: float) -> Callable[[SettingResult], float]:
    """The duration of all jobs at a percentile."""
    return lambda setting: setting.whole.duration.at(percentile)


P50, P95, P99 = (
    Measure(
        f"p{p}", f"{p} % of the jobs that end well take no longer", duration_at(float(p)), in_seconds,
        f"p{p}_duration_s",
    )
    for p in (50, 95, 99)
)  # fmt: skip
WAIT = Measure(
    "p95 wait",
    "95 % of them begin within that time of their submission",
    lambda setting: setting.whole.wait.at(95.0),
    in_seconds,
)
MISSED = Measure(
    "missed",
    "jobs that miss an objective, the worst of all objectives",
    lambda setting: setting.misses if setting.objectives else math.nan,
    as_share,
)
FAILED = Measure("failed", "jobs that did not end well", lambda setting: setting.failures, as_share)
UTILISED = Measure("utilised", "of the slots paid for", utilisation, as_share)
BILLED = Measure("slot-hours a day", "paid for", billed_hours, as_number)
COST = Measure(
    "cost a day", "of all charges", lambda setting: setting.cost_per_day, shown_money, "cost_per_day"
)
MEASURES = (COST, P50, P95, P99, WAIT, MISSED, FAILED, UTILISED, BILLED)
# Of streams.
USE = Measure(
    "most of a quota",
    "the largest share of a quota that streams use",
    lambda setting: setting.streaming.use if setting.streaming else math.nan,
    as_share,
)
DELAY = Measure(
    "p99 delay",
    "99 % of the bytes of each stream are taken within that time of their coming",
    lambda setting: setting.streaming.delay_p99_s if setting.streaming else math.nan,
    as_delay,
)
LOAD = Measure(
    "load ×",
    "so many times as much may come until the first quota of the streams is passed",
    lambda setting: setting.streaming.factor if setting.streaming else math.nan,
    without_currency(factor),
)


def has_jobs(report: Report) -> bool:
    """Whether there are jobs, not streams alone."""
    return any(one.whole.jobs or one.streaming is None for one in report.settings)


def measures(report: Report) -> tuple[Measure, ...]:
    """The columns of the table of settings."""
    streams = (USE, DELAY, LOAD) if any(one.streaming for one in report.settings) else ()
    return (*(MEASURES if has_jobs(report) else (COST,)), *streams)


def headings(report: Report) -> Mapping[str, str]:
    """The paths of the grid whose values differ, each with its shortest clear name."""
    every = dict.fromkeys(path for one in report.settings for path in one.values)
    varied = [
        path
        for path in every
        if len(report.settings) == 1 or len({repr(s.values.get(path)) for s in report.settings}) > 1
    ]
    parts = {path: path.split(".") for path in varied}
    return {path: _shortest(path, parts) for path in varied}


def columns(report: Report) -> Mapping[str, str]:
    """The headings that have a column in the table of settings: none where settings have names, and too many
    values to stand beside them."""
    found = headings(report)
    return {} if len(found) > _MOST_COLUMNS and named(report) else found


def changes(report: Report) -> list[tuple[str, str]]:
    """What each setting changes, where the table has no columns for that: its name, and its values."""
    if columns(report) or not headings(report):
        return []
    told = [
        ", ".join(f"{path} = {given(one.values, path)}" for path in one.values) for one in report.settings
    ]
    return [
        (f"#{at} {one.name}", changed or "nothing")
        for at, (one, changed) in enumerate(zip(report.settings, told, strict=True), 1)
    ]


def _shortest(path: str, parts: Mapping[str, Sequence[str]]) -> str:
    """The last parts of a path, two or more, as many as tell it apart. A number does not stand first."""
    own = parts[path]
    for count in range(2, len(own)):
        tail = own[-count:]
        others = (p[-count:] for other, p in parts.items() if other != path)
        if not tail[0].isdigit() and tail not in others:
            return ".".join(tail)
    return path


def fixed(report: Report) -> Mapping[str, object]:
    """The values of the grid that are the same in all settings."""
    varied = headings(report)
    return {path: value for path, value in report.settings[0].values.items() if path not in varied}


def subject(report: Report) -> SettingResult:
    """The setting that is looked at closely: the one advised, else the first of the Pareto front."""
    names = [report.advice.setting] if report.advice else []
    wanted = next(iter([*names, *report.pareto]), "")
    return next((one for one in report.settings if one.name == wanted), report.settings[0])


def order(report: Report) -> list[int]:
    """The places of all settings: the one advised, the Pareto front by cost, the others as planned."""
    advised = report.advice.setting if report.advice else ""

    def key(at: int) -> tuple[int, float]:
        one = report.settings[at]
        if one.name == advised:
            return (0, 0.0)
        return (1, one.cost_per_day) if one.name in report.pareto else (2, at)

    return sorted(range(len(report.settings)), key=key)


def headline(report: Report) -> str:
    """All of it in a line."""
    settings = report.settings
    many = f"{len(settings)} setting{'s' if len(settings) != 1 else ''}"
    jobs = f"{max(one.whole.jobs for one in settings):,} jobs"
    if len({one.whole.jobs for one in settings}) > 1:
        jobs = f"up to {jobs}"
    streams = max(len(one.streaming.streams) if one.streaming else 0 for one in settings)
    if streams:
        said = f"{streams:,} stream{'s' if streams != 1 else ''}"
        jobs = f"{jobs}, {said}" if has_jobs(report) else said
    days = max(one.days for one in settings)
    told = f"{many}, {jobs}, {number(days)} day{'s' if days != 1 else ''}"
    if report.broken:
        told += f", {len(report.broken)} threshold{'s' if len(report.broken) != 1 else ''} broken"
    return told


def not_calibrated(report: Report) -> str:
    """What a report says that was compared with no history."""
    if has_jobs(report):
        return NOT_CALIBRATED
    return f"{UNCALIBRATED.capitalize()}: streams were compared with published quotas, with no history."


def calibration(found: Calibration) -> str:
    """How far off the model was."""
    source = f" of {found.source}" if found.source else ""
    errors = [f"slots by {share(found.slots_error)}"]
    if found.scaled_error is not None:
        errors.append(f"billed autoscaled slots by {share(found.scaled_error)}")
    errors.append(f"durations by {share(found.duration_error)}")
    return (
        f"Calibrated: {found.jobs:,} jobs{source} were replayed; the model was off for "
        f"{', '.join(errors[:-1])} and {errors[-1]} (bias {found.duration_bias * 100:+.1f} %)."
    )


def error_of(report: Report) -> str:
    """The error bar of the advice."""
    if report.advice is None or report.advice.error is None:
        return "Its error is not known."
    if report.calibration is None:
        by = share(report.advice.error)
        return f"By days alone, duration and cost may be off by {by}; the error of the model is not known."
    return f"Duration and cost may be off by {share(report.advice.error)}."


# How days were drawn for bounds.
_DRAWN = {"weekday": "with other days, each of its weekday", "day": "with other days"}


def other_days(setting: SettingResult) -> str:
    """What bounds are of: ``with other days, 90 % of the time``."""
    return f"{_DRAWN.get(setting.bounds_by, _DRAWN['day'])}, 90 % of the time"


def bounded(setting: SettingResult, currency: str) -> str:
    """The bounds that are known: ``p95 30.1 s to 40.2 s, cost a day …``; ``''`` where none are."""
    told = ((one.heading, one.bounds(setting, currency)) for one in MEASURES)
    return ", ".join(f"{heading} {pair}" for heading, pair in told if pair)


STATES = {
    "DONE": "ended well",
    "QUEUE_FULL": "queue full",
    "QUEUE_TIMEOUT": "waited too long",
    "ADMISSION_DENIED": "not admitted",
    "TIMED_OUT": "ran too long",
    "FAILED": "failed",
    "STOPPED": "stopped",
}


def failures(setting: SettingResult) -> str:
    """How jobs failed: ``500 waited too long, 3 failed``; ``''`` when none did."""
    counts = {name: n for name, n in setting.whole.states.items() if name != "DONE" and n}
    return ", ".join(f"{n:,} {STATES.get(name, name)}" for name, n in counts.items())


def listed(texts: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([*([", ".join(texts[:-1])] if texts[1:] else []), *texts[-1:]])


_STRETCHES = ((86_400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def stretch(value: float) -> str:
    """A stretch of time: ``a minute``, ``15 minutes``, ``6 hours``."""
    for size, name in _STRETCHES:
        count = value / size
        if count >= 1 and count.is_integer():
            return f"{count:,.0f} {name}s" if count > 1 else f"{'an' if name == 'hour' else 'a'} {name}"
    return seconds(value)
