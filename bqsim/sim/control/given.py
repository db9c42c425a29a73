"""What users give for a rule, read as the scenario's own spelling: model objects, mappings, text, words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass, replace
from datetime import timedelta
from typing import Any

from bqsim.errors import REASONS
from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import NOTHING, Known, rule_from_tree
from bqsim.sim.scenario.model import Effect, Match, Rule
from bqsim.sim.scenario.shapes import Choice, record_of
from bqsim.sim.scenario.spelling import unknown
from bqsim.sim.scenario.tree import (
    Leaf,
    Listing,
    Mapped,
    Node,
    Place,
    Problem,
    ScenarioError,
    from_object,
    from_yaml,
)
from bqsim.sim.scenario.words import GRPC_STATUSES, NETWORK_FAULTS

# An effect or a rule: of the model, in a scenario's spelling, as its text, or one word that stands for it.
Given = Rule | Effect | Mapping[str, Any] | str | Node


@dataclass(frozen=True, slots=True)
class Named:
    """A rule, and whether its id is the user's."""

    rule: Rule
    named: bool


def _effects() -> Mapping[str, Any]:
    shape = record_of(Rule).slots["effect"].shape
    assert isinstance(shape, Choice)
    return shape.members


def words() -> dict[str, Any]:
    """The words that stand for an effect: reasons, gRPC statuses, network faults, effects without options."""
    return {
        **{kind: kind for kind, member in _effects().items() if member.bare},
        **{word: {"network": word} for word in NETWORK_FAULTS},
        **{word: {"grpc": word} for word in GRPC_STATUSES},
        **{word: {"error": word} for word in REASONS},
    }


def rule_of(
    given: Given,
    *,
    match: Any = None,
    options: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    source: str = "python",
    called: str = "faults.add",
    known: Known = NOTHING,
) -> Named:
    """The rule that is meant.

    ``match`` is a match, ``fields`` single conditions of it, ``options`` further keys of the rule; None is
    not given. ``called`` names the place in messages. Raises :class:`ScenarioError`.
    """
    tree = _rule_tree(given, called)
    _add(tree, options or {}, called)
    conditions = _match_tree(match, called)
    _add(conditions, fields or {}, called, "match.")
    _merge_match(tree, conditions)
    named = any(key.value == "id" for key, _ in tree.entries)
    # A rule that was read from a file is still known by its line.
    place = given.source if isinstance(given, Rule) and ":" in given.source else source
    return Named(replace(rule_from_tree(tree, known), source=place), named)


def _rule_tree(given: Any, called: str) -> Mapped:
    if isinstance(given, str):
        return _text_tree(given, called)
    if isinstance(given, Leaf | Listing | Mapped):
        return _node_tree(given, called)
    if not (isinstance(given, Mapping) or _is_record(given)):
        message = f"expected an effect or a rule, not a {type(given).__name__}"
        raise ScenarioError([Problem(Place(called), message)])
    if _is_record(given) and not isinstance(given, Rule):
        kind = getattr(given, "kind", "")
        if kind not in _effects():
            message = f"a {type(given).__name__} is neither an effect nor a rule"
            raise ScenarioError([Problem(Place(called), message)])
        given = {kind: given}
    return _as_rule(from_object(plain(given), called))


def _node_tree(tree: Node, called: str) -> Mapped:
    if isinstance(tree, Mapped):
        return _as_rule(tree)
    if isinstance(tree, Leaf) and isinstance(tree.value, str):
        return _text_tree(tree.value, called)
    text = "expected an effect or a rule, as a mapping or a word"
    raise ScenarioError([Problem(tree.place, text)])


def _text_tree(text: str, called: str) -> Mapped:
    word = text.strip()
    known = words()
    if word in known:
        return _as_rule(from_object({"effect": known[word]}, called))
    if re.fullmatch(r"[\w.-]*", word):
        raise ScenarioError([Problem(Place(called), unknown("effect", word, tuple(known)))])
    return _as_rule(from_yaml(text, called))


def _as_rule(tree: Node) -> Mapped:
    """The tree as that of a rule: a single effect is the whole of it."""
    if isinstance(tree, Mapped) and any(key.value in _RULE_KEYS for key, _ in tree.entries):
        return tree
    return Mapped(tree.place, [(Leaf(tree.place, "effect"), tree)])


_RULE_KEYS = frozenset(record_of(Rule).slots)


def _match_tree(match: Any, called: str) -> Mapped:
    if isinstance(match, str):
        found = from_yaml(match, f"{called}(match=)")
    else:
        found = from_object(plain(match or {}), called, "match")
    if not isinstance(found, Mapped):
        raise ScenarioError([Problem(found.place, "expected a match as a mapping")])
    return found


def _add(tree: Mapped, more: Mapping[str, Any], called: str, path: str = "") -> None:
    for name, value in more.items():
        if value is not None:
            node = from_object(plain(value), called, f"{path}{name}")
            tree.entries.append((Leaf(Place(called, path=f"{path}{name}"), name), node))


def _merge_match(tree: Mapped, conditions: Mapped) -> None:
    if not conditions.entries:
        return
    for key, node in tree.entries:
        if key.value == "match" and isinstance(node, Mapped):
            node.entries += conditions.entries
            return
    tree.entries.append((Leaf(conditions.place, "match"), conditions))


def _is_record(value: Any) -> bool:
    return is_dataclass(value) and not isinstance(value, type)


def plain(value: Any) -> Any:
    """A value of Python as JSON has it, records of the model in their written form."""
    if _is_record(value):
        return to_dict(value)
    for kind, write in _PLAIN:
        if isinstance(value, kind):
            return write(value)
    return value


_PLAIN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Mapping, lambda value: {key: plain(one) for key, one in value.items()}),
    ((set, frozenset), lambda value: sorted(map(plain, value))),
    ((list, tuple, range), lambda value: [plain(one) for one in value]),
    (timedelta, timedelta.total_seconds),
    (re.Pattern, lambda value: value.pattern),
)


def within(rule: Rule, scope: str, called: str = "faults.add") -> Rule:
    """The rule for one scope only: with ids and machines of its own.

    Raises :class:`ScenarioError` when it is for another one.
    """
    if not scope:
        return rule
    if rule.match.scope not in ((), (scope,)):
        message = f"the rule is for the scope {' or '.join(rule.match.scope)}, added within '{scope}'"
        raise ScenarioError([Problem(Place(called, path="match.scope"), message)])
    return replace(
        rule,
        id=owned(rule.id, scope),
        match=match_within(rule.match, scope),
        set={owned(name, scope): state for name, state in rule.set.items()},
    )


def match_within(match: Match, scope: str) -> Match:
    """The match for one scope only, by that scope's machines."""
    if not scope:
        return match
    machines = {owned(name, scope): state for name, state in match.machine.items()}
    return replace(match, scope=(scope,), machine=machines)


def owned(name: str, scope: str) -> str:
    """The name of a rule or a machine of a scope: other scopes may have one of the same name."""
    return name if not scope or name.endswith(f"@{scope}") else f"{name}@{scope}"
