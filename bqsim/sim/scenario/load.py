"""Loading scenarios: YAML or JSON in, the model out, or a :class:`ScenarioError` with all that is wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from . import model
from .dump import rule_id
from .read import WRONG, Reader
from .shapes import record_of
from .spelling import nearest, unknown
from .tree import Node, Place, Problem, ScenarioError, from_object, from_yaml

R = TypeVar("R")

LARGEST_FILE = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """Names that scenarios may use besides those of the model; an empty collection is not checked."""

    methods: Collection[str] = ()
    limits: Collection[str] = ()


NOTHING = Known()


def load(path: str | Path, known: Known = NOTHING) -> model.Scenario:
    """The scenario of a YAML file.

    Raises :class:`ScenarioError`, also when the file cannot be read.
    """
    text = text_of(path)
    return parse(text, str(path), known)


def text_of(path: str | Path) -> str:
    """The text of a file. Raises :class:`ScenarioError` when it cannot be read."""
    name = str(path)
    try:
        with open(path, "rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise ScenarioError([Problem(Place(name), f"cannot be read: {error.strerror}")]) from None
    if len(content) > LARGEST_FILE:
        message = f"the file is larger than {LARGEST_FILE // 1024 // 1024} MiB"
        raise ScenarioError([Problem(Place(name), message)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise ScenarioError([Problem(Place(name, line, column), "the file is not UTF-8 text")]) from None
    return text


def parse(text: str, source: str = "scenario", known: Known = NOTHING) -> model.Scenario:
    """The scenario of a YAML text; ``source`` names it in messages."""
    return _scenario(from_yaml(text, source), known)


def from_dict(value: Any, source: str = "scenario", known: Known = NOTHING) -> model.Scenario:
    """The scenario of a JSON object, as :func:`to_dict` gives it."""
    return _scenario(from_object(value, source), known)


def rule_from_dict(value: Any, source: str = "rest", known: Known = NOTHING) -> model.Rule:
    """One rule of a JSON object; its machines are not checked, its id is made up when it has none."""
    return rule_from_tree(from_object(value, source), known)


def rule_from_text(text: str, source: str = "header", known: Known = NOTHING) -> model.Rule:
    """One rule of a YAML or JSON text, such as a header or a word of a command line."""
    return replace(rule_from_tree(from_yaml(text, source), known), source=source)


def rule_from_tree(tree: Node, known: Known = NOTHING) -> model.Rule:
    """One rule of a tree, as :func:`rule_from_dict`."""
    rule = record_from_tree(model.Rule, tree, known)
    return replace(rule, id=rule.id or rule_id(rule))


def record_from_tree(kind: type[R], tree: Node, known: Known = NOTHING) -> R:
    """One record of the model, such as a ``LatencyRule``. Raises :class:`ScenarioError`."""
    reader = Reader()
    found = reader.read(record_of(kind), tree)
    _check_names(reader, known)
    if reader.problems:
        raise ScenarioError(reader.problems)
    record: R = found
    return record


def _scenario(tree: Node, known: Known) -> model.Scenario:
    reader = Reader()
    found: Any = reader.read(record_of(model.Scenario), tree)
    if found is not WRONG:
        _check_machines(reader, found)
        _check_ids(reader, found)
    _check_names(reader, known)
    if reader.problems:
        raise ScenarioError(sorted(dict.fromkeys(reader.problems), key=_order))
    return _with_ids(found)


def _order(problem: Problem) -> tuple[int, int]:
    return (problem.place.line, problem.place.column)


def _check_ids(reader: Reader, scenario: model.Scenario) -> None:
    first: dict[str, model.Rule] = {}
    for rule in scenario.rules:
        if rule.id and rule.id in first:
            line = reader.place(first[rule.id], "id").line
            other = f" on line {line}" if line else ""
            reader.wrong(reader.place(rule, "id"), f"another rule{other} has the id '{rule.id}'")
        first.setdefault(rule.id, rule)


def _check_machines(reader: Reader, scenario: model.Scenario) -> None:
    """Machines must be declared, and a state that is asked for must be a first state or be set by a rule."""
    states: dict[str, set[str]] = {name: {first} for name, first in scenario.machines.items()}
    for rule in scenario.rules:
        for name, state in rule.set.items():
            states.setdefault(name, set()).add(state)
    asked: list[tuple[object, str, Mapping[str, str]]] = [(one, "set", one.set) for one in scenario.rules]
    asked += [(one, "machine", one.machine) for one in reader.records(model.Match)]
    for record, key, wanted in asked:
        place = reader.place(record, key)
        for name, state in wanted.items():
            if name not in scenario.machines:
                message = unknown("machine", name, tuple(scenario.machines))
                hint = "" if scenario.machines else "; declare it under 'machines'"
                reader.wrong(place, message + hint)
            elif state not in states[name]:
                near = nearest(state, states[name])
                hint = f"; did you mean '{near}'?" if near else ""
                reader.wrong(place, f"no rule sets the machine '{name}' to '{state}'{hint}")


def _check_names(reader: Reader, known: Known) -> None:
    for match in reader.records(model.Match) if known.methods else ():
        for glob in match.method:
            if not any(fnmatchcase(one, glob) for one in known.methods):
                near = nearest(glob, known.methods)
                hint = f"; did you mean '{near}'?" if near else ""
                reader.wrong(reader.place(match, "method"), f"no API method matches '{glob}'{hint}")
    named: list[tuple[object, str, str]] = [(one, "limit", one.limit) for one in reader.records(model.Quota)]
    setups = reader.records(model.LimitSetup)
    named += [(one, "values", name) for one in setups for name in one.values]
    named += [(one, "tenants", name) for one in setups for tenant in one.tenants.values() for name in tenant]
    for record, key, name in named if known.limits else ():
        if name not in known.limits:
            reader.wrong(reader.place(record, key), unknown("limit", name, tuple(known.limits)))


def _with_ids(scenario: model.Scenario) -> model.Scenario:
    taken = {rule.id for rule in scenario.rules}
    rules = []
    for rule in scenario.rules:
        if not rule.id:
            base = made = rule_id(rule)
            again = 2
            while made in taken:
                made, again = f"{base}-{again}", again + 1
            taken.add(made)
            rule = replace(rule, id=made)
        rules.append(rule)
    return replace(scenario, rules=tuple(rules))
