"""Reading plan files: a plan that can be rehearsed, or all that is wrong with it and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bqsim.sim.scenario.load import text_of
from bqsim.sim.scenario.read import WRONG, Reader
from bqsim.sim.scenario.schema import json_schema as schema_of
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.tree import Node, Problem, ScenarioError, below, from_object, from_yaml

from .checks import FINDERS
from .grid import Setting, expanded
from .model import Plan
from .whole import files, notes, of_plan, of_settings, prices


@dataclass(frozen=True)
class LoadedPlan:
    """A plan and where it comes from. Paths in it are relative to ``folder``."""

    plan: Plan
    folder: Path
    tree: Node
    notes: tuple[str, ...] = ()

    @cached_property
    def settings(self) -> tuple[Setting, ...]:
        """All settings, in the order of the plan."""
        return expanded(self.plan)[0]

    def place(self, *path: str | int) -> str:
        """Where the plan says something, ``file:line``: ``place("thresholds", 0, "cost_per_day")``."""
        return below(self.tree, path).origin

    def with_seed(self, seed: int) -> LoadedPlan:
        """The same with another seed."""
        return replace(self, plan=replace(self.plan, seed=seed))


def load(path: str | Path) -> LoadedPlan:
    """The plan of a YAML file. Raises :class:`ScenarioError`, also when the file cannot be read."""
    return parse(text_of(path), str(path), Path(path).parent)


def parse(text: str, source: str = "plan", folder: Path = Path()) -> LoadedPlan:
    """The plan of a YAML text; ``source`` names it in messages. Raises :class:`ScenarioError`."""
    return _loaded(from_yaml(text, source), folder)


def from_dict(value: Any, source: str = "plan", folder: Path = Path()) -> LoadedPlan:
    """The plan of a JSON object. Raises :class:`ScenarioError`."""
    return _loaded(from_object(value, source), folder)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of plan files, for editors."""
    return schema_of(Plan, "bqsim rehearsal plan")


def _loaded(tree: Node, folder: Path) -> LoadedPlan:
    reader = Reader(FINDERS)
    plan: Any = reader.read(record_of(Plan), tree)
    problems = reader.problems
    found: tuple[Setting, ...] = ()
    if plan is not WRONG:
        told = [*files(plan, folder)]
        if not problems:
            told += of_plan(plan)
        if not problems and not told:
            found, wrong = expanded(plan)
            told += wrong or (*of_settings(plan, found), *prices(plan, found, folder))
        problems += [Problem(below(tree, keys), message) for keys, message in told]
    if problems:
        raise ScenarioError(sorted(dict.fromkeys(problems), key=lambda p: (p.place.line, p.place.column)))
    return LoadedPlan(plan, folder, tree, tuple(notes(plan, found)))
