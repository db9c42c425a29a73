"""Markers: what a test wants of its simulator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bqsim.sim.scenario.model import Scenario

    from .handle import TestSimulator

# As pytest lists them.
MARKERS = (
    "bqsim_scenario(*scenarios): put scenarios in force for the test: files (beside the test or below the "
    "root directory), YAML texts or mappings.",
    "bqsim_fault(effect, *, times=None, ttl=None, id=None, **conditions): as "
    'bqsim.faults.add("backendError", method="bigquery.jobs.insert", times=2).',
    "bqsim_latency(latency, *, phase=None, **conditions): as "
    'bqsim.latency.add("200ms", method="bigquery.jobs.*").',
    'bqsim_clock(start=None, mode="manual", *, scale=None, offset=None): a simulator of the test\'s own, '
    "whose clock begins at a time and stands still, or runs.",
    "bqsim_seed(seed): a simulator of the test's own with this seed.",
    "bqsim_own(**settings): a simulator of the test's own, with these settings.",
    "bqsim_strict(*expected): fail the test for calls that no bqsim.verify covered; expected methods "
    "(globs) are no surprise.",
    "bqsim_data(tables, *, seed=0, existing='refuse'): fill tables before the test, as bqsim.data: rows, "
    "generated ones, or a seed: a YAML file or text, an SQL script or a folder, beside the test or below the "
    "root directory.",
)
NAMES = frozenset(text.partition("(")[0] for text in MARKERS)
OWN = frozenset({"bqsim_clock", "bqsim_seed", "bqsim_own"})
# What a scenario for one project cannot say.
_WHOLE = ("seed", "clock", "capacity", "slot_work", "limits", "answers", "iam")


def marked(node: Any) -> bool:
    """Whether a test has any of the markers."""
    return any(mark.name in NAMES for mark in node.iter_markers())


@dataclass(slots=True)
class Wanted:
    """What the markers of a test ask for."""

    own: bool
    scenario: Scenario | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    faults: list[pytest.Mark] = field(default_factory=list)
    latencies: list[pytest.Mark] = field(default_factory=list)
    data: list[pytest.Mark] = field(default_factory=list)
    # Where files of seeds are looked for.
    places: tuple[Path, ...] = ()

    def begin(self, handle: TestSimulator) -> None:
        """Put it in force; a simulator of the test's own has the scenario from its start."""
        if self.scenario is not None and not self.own:
            handle.load(self.scenario)
        for mark in self.data:
            handle.data(*(_beside(given, self.places) for given in mark.args), **mark.kwargs)
        # The latency that was added last comes first.
        for mark in reversed(self.latencies):
            handle.latency.add(*mark.args, **mark.kwargs)
        for mark in self.faults:
            handle.faults.add(*mark.args, **mark.kwargs)


def wanted(node: Any, base: Path | None = None) -> Wanted:
    """What the markers of a test ask for, on top of the scenario ``base`` of the whole run.

    Raises ``ScenarioError`` for a wrong scenario, ``pytest.UsageError`` for a marker used wrongly.
    """
    from bqsim.sim.control.loading import together

    scenarios = [_scenario(given, node) for mark in _marks(node, "bqsim_scenario") for given in mark.args]
    clock = node.get_closest_marker("bqsim_clock")
    seed = node.get_closest_marker("bqsim_seed")
    if clock is not None:
        scenarios.append(_clock(clock))
    if seed is not None:
        scenarios.append(_of({"seed": _only(seed, "a seed")}, "bqsim_seed"))
    whole = any(getattr(one, key) not in (None, ()) for one in scenarios for key in _WHOLE)
    whole = whole or any(one.latency is not None and one.latency.preset is not None for one in scenarios)
    own = whole or "bqsim_own" in node.fixturenames or any(m.name in OWN for m in node.iter_markers())
    if own and base is not None:
        scenarios.insert(0, _of(base, str(base)))
    found = Wanted(own, together(scenarios) if scenarios else None)
    for mark in reversed(list(node.iter_markers("bqsim_own"))):
        found.settings.update(mark.kwargs)
    found.faults = list(_marks(node, "bqsim_fault"))
    found.latencies = list(_marks(node, "bqsim_latency"))
    found.data = list(_marks(node, "bqsim_data"))
    found.places = (node.path.parent, node.config.rootpath)
    return found


def strict(node: Any) -> tuple[bool, list[str]]:
    """Whether calls that nothing expected fail the test, and the methods that are no surprise."""
    marks = list(node.iter_markers("bqsim_strict"))
    return bool(marks), [method for mark in marks for method in mark.args]


def _marks(node: Any, name: str) -> Iterator[pytest.Mark]:
    """The markers of a name: the closest first, of one place from top to bottom."""
    by_place: dict[Any, list[pytest.Mark]] = {}
    for place, mark in node.iter_markers_with_node(name):
        by_place.setdefault(place, []).append(mark)
    for found in by_place.values():
        yield from reversed(found)


def _only(mark: pytest.Mark, what: str) -> Any:
    if len(mark.args) != 1 or mark.kwargs:
        raise pytest.UsageError(f"the marker {mark.name} takes {what}, and nothing else")
    return mark.args[0]


def _clock(mark: pytest.Mark) -> Scenario:
    names = ("start", "mode")
    if len(mark.args) > len(names) or not mark.kwargs.keys() <= {*names, "scale", "offset"}:
        raise pytest.UsageError(f"the marker {mark.name} takes start, mode, scale and offset")
    given = {**dict(zip(names, mark.args, strict=False)), **mark.kwargs}
    mode = "scaled" if given.get("scale") is not None else "manual"
    told = {"mode": mode, **{name: value for name, value in given.items() if value is not None}}
    return _of({"clock": told}, mark.name)


def _scenario(given: Any, node: Any) -> Scenario:
    if isinstance(given, str) and "\n" not in given and ": " not in given:
        for directory in (node.path.parent, node.config.rootpath):
            if (directory / given).is_file():
                return _of(directory / given, given)
    return _of(given, "bqsim_scenario")


def _beside(given: Any, places: Sequence[Path]) -> Any:
    """A file or folder of a seed, as the path that it has beside the test or below the root directory."""
    if isinstance(given, str | Path) and "\n" not in str(given):
        return next((place / given for place in places if (place / given).exists()), given)
    return given


def _of(given: Any, name: str) -> Scenario:
    from bqsim.server.known import known
    from bqsim.sim.control.loading import scenario_of

    found = scenario_of(given, known())
    return replace(found, name=name) if isinstance(given, Mapping) and not found.name else found
