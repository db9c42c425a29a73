"""Latencies that are set while calls go on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bqsim.sim.scenario.durations import parse_duration
from bqsim.sim.scenario.load import record_from_tree
from bqsim.sim.scenario.model import LatencyRule, LatencySetup
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.tree import Place, Problem, ScenarioError, from_object, from_yaml
from bqsim.sim.scenario.words import LATENCY_PRESETS

from .given import plain
from .loading import configure
from .parts import Parts

SET, ADD = "latency.set", "latency.add"
_RULE_KEYS = frozenset(record_of(LatencyRule).slots)
_SETUP_KEYS = frozenset(record_of(LatencySetup).slots)


class Latencies:
    """``sim.latency``: how long calls and jobs take, besides their work."""

    def __init__(self, parts: Parts, scope: str = "") -> None:
        self._parts = parts
        self._scope = scope

    @property
    def setup(self) -> LatencySetup | None:
        """What is in force."""
        return self._parts.latencies.get(self._scope)

    def set(
        self,
        latency: Any,
        *,
        scale: float | None = None,
        phase: str | None = None,
        match: Any = None,
        **conditions: Any,
    ) -> None:
        """Put latencies in place of the former.

        ``latency`` is a preset's name, a duration (``"200ms"``), a distribution or a rule or a list of rules
        as scenarios have them, or a ``LatencySetup``. ``scale`` multiplies all; ``phase``, ``match`` and
        ``conditions`` are for a single latency. Raises :class:`ScenarioError`.

        >>> sim.latency.set("200ms", method="bigquery.jobs.*")                    # doctest: +SKIP
        >>> sim.latency.set("bigquery-2026-08", scale=0.1)                        # doctest: +SKIP
        """
        setup = self._setup(latency, SET, phase, match, conditions)
        if scale is not None:
            setup = replace(setup, scale=_scale(scale))
        self._put(setup, SET)

    def add(
        self,
        latency: Any,
        *,
        phase: str | None = None,
        match: Any = None,
        **conditions: Any,
    ) -> None:
        """Put one more latency, or several, before the former; the first that matches counts, by phase."""
        more = self._setup(latency, ADD, phase, match, conditions)
        before = self.setup or LatencySetup()
        preset = more.preset or before.preset
        self._put(replace(before, preset=preset, rules=(*more.rules, *before.rules)), ADD)

    def clear(self) -> None:
        """Let calls and jobs take as long as their work does."""
        if self._parts.latencies.pop(self._scope, None) is not None:
            configure(self._parts)
        self._parts.simulation.control("latency.clear", scope=self._scope)

    def _put(self, setup: LatencySetup, called: str) -> None:
        if self._scope and setup.preset is not None:
            text = "a preset is for the whole simulator; plan the jobs of a scope: jobs.plan('sampled')"
            raise ScenarioError([Problem(Place(called, path="preset"), text)])
        self._parts.latencies[self._scope] = setup
        configure(self._parts)
        details = {"rules": len(setup.rules), "preset": setup.preset or "", "scale": setup.scale}
        self._parts.simulation.control(called, scope=self._scope, details=details)

    def _setup(
        self, latency: Any, called: str, phase: str | None, match: Any, conditions: Mapping[str, Any]
    ) -> LatencySetup:
        given = _written(latency, called)
        single = {"phase": phase, "match": _match(match, conditions)}
        told = {key: value for key, value in single.items() if value is not None}
        if isinstance(given, list):
            given = {"rules": given}
        elif not (isinstance(given, Mapping) and given.keys() & (_SETUP_KEYS | _RULE_KEYS)):
            given = {"latency": given}
        if "latency" in given:
            given, told = {"rules": [{**given, **told}]}, {}
        if told:
            text = f"'{next(iter(told))}' is for a single latency; write it in each rule"
            raise ScenarioError([Problem(Place(called), text)])
        return record_from_tree(LatencySetup, from_object(given, called), self._parts.known())


def _match(match: Any, conditions: Mapping[str, Any]) -> Any:
    if match is None and not conditions:
        return None
    written = plain(match) if match is not None else {}
    return {**written, **plain(conditions)} if isinstance(written, Mapping) else written


def _written(latency: Any, called: str) -> Any:
    """What is meant, as a scenario has it."""
    if isinstance(latency, str):
        return _of_text(latency.strip(), called)
    if isinstance(latency, timedelta):
        return latency.total_seconds()
    if isinstance(latency, Iterable) and not isinstance(latency, Mapping):
        return [plain(one) for one in latency]
    kind = getattr(latency, "kind", None)
    return {kind: plain(latency)} if kind else plain(latency)


def _of_text(text: str, called: str) -> Any:
    from .described import value_of

    if text in LATENCY_PRESETS:
        return {"preset": text}
    try:
        parse_duration(text)
    except ValueError:
        return value_of(from_yaml(text, called))
    return text


def _scale(scale: float) -> float:
    if not scale > 0:
        raise ScenarioError([Problem(Place(SET, path="scale"), f"expected a number above 0, not {scale}")])
    return scale
