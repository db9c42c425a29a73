"""Plans with pieces taken out, doubled or replaced are read or refused, never an error of ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.rehearse.plan.reading import from_dict
from bqsim.sim.scenario.tree import ScenarioError

from .test_reading import PLANS

TREES = [(path.parent, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in PLANS]
VALUES = [
    None,
    0,
    1,
    -1,
    0.5,
    1e9,
    1e18,
    "x",
    "",
    "none",
    "1s",
    "-5m",
    "*",
    True,
    [],
    {},
    [1],
    {"a": 1},
    "etl",
]


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from _paths(one, (*path, key))


def _mutated(data: st.DataObject, tree: Any) -> None:
    path = data.draw(st.sampled_from([*_paths(tree)]))
    around = tree
    for key in path[:-1]:
        around = around[key]
    how = data.draw(st.sampled_from(["drop", "double", "replace"]))
    if how == "drop":
        del around[path[-1]]
    elif how == "double" and isinstance(around, list):
        around.append(copy.deepcopy(around[path[-1]]))
    else:
        around[path[-1]] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_mutated_plan_is_read_or_refused(data: st.DataObject) -> None:
    folder, original = data.draw(st.sampled_from(TREES))
    tree = copy.deepcopy(original)
    for _ in range(data.draw(st.integers(1, 3))):
        if any(_paths(tree)):
            _mutated(data, tree)
    try:
        loaded = from_dict(tree, folder=folder)
    except ScenarioError as refused:
        assert refused.problems
        assert all(problem.message and "None" not in problem.message for problem in refused.problems)
    else:
        assert loaded.settings
