from __future__ import annotations

import math
from dataclasses import MISSING
from functools import cache
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bqsim.sim.scenario import kinds, model
from bqsim.sim.scenario.checks import CHECKS
from bqsim.sim.scenario.dump import to_dict, written
from bqsim.sim.scenario.kinds import Kind
from bqsim.sim.scenario.read import Reader
from bqsim.sim.scenario.shapes import Choice, Many, Plain, Record, Shape, Table, record_of, shape_of
from bqsim.sim.scenario.tree import from_object

NAMES = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(str.strip)
SPANS = st.one_of(st.integers(0, 10**6).map(float), st.floats(0, 10**6))

VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    kinds.SQL_TYPE: st.sampled_from(["INT64", "ARRAY<STRING>", "STRUCT<a INT64, b DATE>"]),
    kinds.JSON_ROWS: st.sampled_from(["[]", "[[1]]", '[{"a": 1}]']),
    kinds.JSON_VALUE: st.sampled_from(["1", '"a"', '{"a": null}']),
    kinds.SPAN: SPANS,
    kinds.SHIFT: st.floats(-(10**6), 10**6),
    kinds.TIME: st.integers(0, 4 * 10**15),
    kinds.SHARE: st.floats(0, 1),
    kinds.PERCENT: st.floats(0, 100),
    kinds.POSITIVE: st.floats(1e-9, 1e9),
    kinds.AMOUNT: st.floats(0, 1e9),
    kinds.COUNT: st.integers(0, 10**9),
    kinds.ORDINAL: st.integers(1, 10**9),
    kinds.SEED: st.integers(0, 2**63 - 1),
    kinds.HTTP_CODE: st.integers(200, 599),
    kinds.TEXT: st.text(max_size=8),
    kinds.NAME: NAMES,
    kinds.FLAG: st.booleans(),
    kinds.GLOB: NAMES.filter(lambda text: "[" not in text),
    kinds.REGEX: st.sampled_from(["a+", "(?i)select", r"\bfrom\b"]),
}


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    return MAKERS[type(shape)](shape, depth)


def plain(shape: Plain, _depth: int) -> st.SearchStrategy[Any]:
    if choices := shape.kind.schema.get("enum"):
        return st.sampled_from(choices)
    return VALUES[shape.kind]


def record(shape: Record, depth: int) -> st.SearchStrategy[Any]:
    made = {
        slot.name: st.one_of(st.just(slot.default), values(slot.shape, depth + 1))
        if slot.optional or (depth > 4 and slot.default is not MISSING)
        else values(slot.shape, depth + 1)
        for slot in shape.slots.values()
    }
    return st.builds(shape.type, **made)


def choice(shape: Choice, depth: int) -> st.SearchStrategy[Any]:
    members = [
        one for kind, one in shape.members.items() if depth < 3 or kind not in ("mixture", "job_state")
    ]
    return st.one_of([st.deferred(lambda one=one: record_values(one, depth)) for one in members])


@cache
def _records(model_type: Any, depth: int) -> st.SearchStrategy[Any]:
    return record(record_of(model_type), depth)


def record_values(shape: Record, depth: int) -> st.SearchStrategy[Any]:
    return _records(shape.type, depth)


MAKERS: dict[type, Any] = {
    Plain: plain,
    Many: lambda shape, depth: st.lists(values(shape.of, depth + 1), max_size=2).map(tuple),
    Table: lambda shape, depth: st.dictionaries(VALUES[shape.key], values(shape.of, depth + 1), max_size=2),
    Record: record_values,
    Choice: choice,
}

EFFECT = shape_of(model.Effect)
MATCH = record_of(model.Match)


def sound(shape: Shape, value: Any) -> bool:
    """Whether no part of a value contradicts itself."""
    if isinstance(shape, Many):
        return all(sound(shape.of, one) for one in value)
    if isinstance(shape, Choice):
        return sound(shape.members[value.kind], value)
    if not isinstance(shape, Record):
        return True
    parts = ((slot.shape, getattr(value, slot.name)) for slot in shape.slots.values())
    return not any(check.broken(value) for check in CHECKS.get(shape.type, ())) and all(
        sound(inner, one) for inner, one in parts if one is not None
    )


def read_back(shape: Shape, value: Any) -> Any:
    reader = Reader()
    found = reader.read(shape, from_object(written(shape, value), "s"))
    assert reader.problems == []
    return found


FEW = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@FEW
@given(values(EFFECT))
def test_effects_read_back_as_they_were(effect: Any) -> None:
    assume(sound(EFFECT, effect))
    assert read_back(EFFECT, effect) == effect


@FEW
@given(values(MATCH))
def test_matches_read_back_as_they_were(match: Any) -> None:
    assume(sound(MATCH, match))
    assert read_back(MATCH, match) == match


def test_every_kind_that_is_not_a_word_has_values() -> None:
    plain_kinds = {one for one in vars(kinds).values() if isinstance(one, Kind) and "enum" not in one.schema}
    assert plain_kinds == set(VALUES)


def test_whole_numbers_are_written_whole() -> None:
    assert to_dict(model.Throttle(50.0)) == {"percent": 50}
    assert to_dict(model.Stale(math.pi)) == {"lag": math.pi}
    assert to_dict(model.Window(0.0, 5400.0)) == {"until": "1h30m"}
