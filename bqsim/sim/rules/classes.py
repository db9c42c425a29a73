"""Which events a rule listens to, and which effects exclude each other.

Of the effects of one group, the first rule in order fires for an event and the rest do not: a call fails at
most once. Effects without a group add up: delays, and holds of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bqsim.sim.scenario.model import Delay, Effect, Error, JobState, Rule, Stale

from .facts import CALL, CANCEL, JOB, STREAM

_FAILURE = "failure"

# By kind of effect. Groups of the kinds that are missing here depend on their fields.
_GROUPS: Mapping[str, str | None] = {
    "grpc": _FAILURE,
    "network": _FAILURE,
    "insert_errors": _FAILURE,
    "deny": _FAILURE,
    "expire_token": _FAILURE,
    "break_stream": _FAILURE,
    "quota": _FAILURE,
    "throttle": "throttle",
    "delay": None,
}
_OUTCOME_GROUPS: Mapping[str, str | None] = {
    "hold": None,
    "stuck": "job",
    "fail": "job",
    "cancel_wins": "cancel",
    "cancel_loses": "cancel",
    "cancel_too_late": "cancel",
    "progress": "progression",
}
# The state that a job is about to enter, for rules that do not say it: a job that hangs does so in RUNNING.
_OUTCOME_STATES: Mapping[str, tuple[str, ...]] = {
    "hold": ("DONE",),
    "stuck": ("DONE",),
    "fail": ("RUNNING",),
    "progress": ("PENDING",),
}
_PHASE_STATES: Mapping[str, tuple[str, ...]] = {"queue": ("RUNNING",), "run": ("DONE",)}

# Effects that draw more than whether their rule fires.
_DRAWING = frozenset({"delay", "insert_errors", "job_state", "network", "stale"})

Group = Callable[[Effect], str | None]


def group_of(effect: Effect) -> str | None:
    """The group of ``effect``: one effect of it per event; None adds up."""
    if isinstance(effect, Error):
        return "job" if effect.level == "job" else _FAILURE
    if isinstance(effect, JobState):
        return _OUTCOME_GROUPS[effect.outcome]
    if isinstance(effect, Stale):
        return f"stale {effect.what}"
    return _GROUPS[effect.kind]


def events_of(rule: Rule) -> tuple[str, ...]:
    """The events that can fire ``rule``."""
    effect = rule.effect
    if isinstance(effect, JobState) and effect.outcome.startswith("cancel"):
        return (CANCEL,)
    if isinstance(effect, JobState) or group_of(effect) == "job":
        return (JOB,)
    if isinstance(effect, Delay) and effect.phase in _PHASE_STATES:
        return (JOB,)
    if rule.match.offset_rows is not None or rule.match.offset_bytes is not None:
        return (CALL, STREAM)
    return (CALL,)


def states_of(rule: Rule) -> tuple[str, ...]:
    """The states that a job must be about to enter; any when empty."""
    effect = rule.effect
    if rule.match.state:
        return rule.match.state
    if isinstance(effect, JobState):
        return (effect.state,) if effect.state else _OUTCOME_STATES.get(effect.outcome, ())
    if isinstance(effect, Error) and effect.level == "job":
        # What fails after its work is done has run.
        return ("DONE",) if effect.applied else ("RUNNING",)
    return _PHASE_STATES.get(effect.phase, ()) if isinstance(effect, Delay) else ()


def draws_more(effect: Effect) -> bool:
    """Whether ``effect`` draws when it is done, so that its firings are numbered by request."""
    return effect.kind in _DRAWING
