"""PLAN.md has every key of plan files, and its plans are right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from bqsim.rehearse.plan import grid, model
from bqsim.rehearse.plan.reading import from_dict
from bqsim.sim.scenario import capacity_checks
from bqsim.sim.scenario.latency import Distribution
from bqsim.sim.scenario.shapes import Choice, Many, Record, Shape, Table, record_of, shape_of

ROOT = Path(model.__file__).parents[3]
TEXT = (ROOT / "bqsim" / "rehearse" / "PLAN.md").read_text(encoding="utf-8")


def _keys(shape: Shape, seen: set[str]) -> Iterator[str]:
    """All keys below a shape; those of distributions are documented with scenarios."""
    if isinstance(shape, Choice):
        if shape.noun == "distribution":
            return
        for kind, record in shape.members.items():
            yield kind
            yield from _keys(record, seen)
    elif isinstance(shape, Many | Table):
        yield from _keys(shape.of, seen)
    elif isinstance(shape, Record) and shape.noun not in seen:
        seen.add(shape.noun)
        for slot in shape.slots.values():
            yield slot.key
            yield from _keys(slot.shape, seen)


def test_every_key_is_documented() -> None:
    keys = sorted(set(_keys(record_of(model.Plan), set())))
    assert len(keys) > 90
    assert [key for key in keys if not re.search(rf"`{key}\b", TEXT)] == []


def test_every_distribution_is_named() -> None:
    shape = shape_of(Distribution)
    assert isinstance(shape, Choice)
    assert [kind for kind in shape.members if f"`{kind}`" not in TEXT] == []


def test_the_plans_in_the_text_are_right() -> None:
    texts = (yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
    smallest, varied, uncertain, cheaper = texts
    assert from_dict({**smallest, **uncertain}).plan.uncertainty == model.Uncertainty(0.2, 5)
    assert len(from_dict(smallest).settings) == 1
    paid = from_dict({**smallest, **cheaper}).plan.money
    assert paid.free == 1.0
    assert paid.spend_commitments[1] == model.SpendCommitment(5.0, "THREE_YEAR", "EU")
    part = smallest["workload"][0]
    clicks = {"name": "clicks", **part}
    nightly = {"name": "nightly", **part, "changes": [{}]}
    capacity = {
        "reservations": {"etl": {"slot_capacity": 100}},
        "assignments": [{"reservation": "etl"}],
    }
    found = from_dict({"workload": [clicks, nightly], "capacity": capacity, **varied}).settings
    assert len(found) == 2**7 + 2


def test_links_and_limits_are_right() -> None:
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert [link for link in links if not (ROOT / "bqsim" / "rehearse" / link).exists()] == []
    assert f"at most {grid.MOST_SETTINGS:,} settings" in TEXT
    assert f"at most {capacity_checks.STANDARD_SLOTS:,} slots a reservation and ten" in " ".join(TEXT.split())
