from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.rehearse.plan.reading import parse
from bqsim.sim.scenario.tree import ScenarioError

from .wrong_plans import WRONG_PLANS, Wrong


def _refusals() -> dict[str, list[str]]:
    """The lines of ``refusals.txt`` by plan: ``name: line:column: message``."""
    found: dict[str, list[str]] = {}
    text = (Path(__file__).parent / "refusals.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        name, said = line.split(": ", 1)
        found.setdefault(name, []).append(f"plan.yaml:{said}")
    return found


REFUSALS = _refusals()


@pytest.mark.parametrize("wrong", WRONG_PLANS, ids=lambda one: one.name)
def test_wrong_plan_is_refused_at_its_place(wrong: Wrong, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as refused:
        parse(wrong.text, "plan.yaml", tmp_path)
    assert str(refused.value).splitlines() == REFUSALS[wrong.name]


def test_every_refusal_has_a_plan_and_there_are_many() -> None:
    assert [*REFUSALS] == [one.name for one in WRONG_PLANS]
    assert len(REFUSALS) >= 100
