"""Every incident: its file is right, a good client comes through it, a bad one does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from bqsim.cli import main
from bqsim.sim.scenario.load import load
from bqsim.simulator import Simulator
from tests.scenarios.harness import SCENARIOS, Runbook, World, under_way
from tests.scenarios.runbooks import RUNBOOKS

# What the comment at the head of a file tells.
STORY = ("What users saw:", "Which calls fail:", "How long:", "A good client:")

every = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda runbook: runbook.name)


def test_every_file_has_a_runbook() -> None:
    assert sorted(r.file for r in RUNBOOKS) == sorted(SCENARIOS.glob("*.yaml"))
    index = (SCENARIOS / "README.md").read_text()
    assert [r.file.name for r in RUNBOOKS if f"[{r.file.name}]({r.file.name})" not in index] == []


@every
def test_the_file_is_right_and_tells_its_story(runbook: Runbook, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "check", str(runbook.file)]) == 0
    assert f"ok: scenario '{runbook.name}'" in capsys.readouterr().out
    scenario = load(runbook.file)
    assert scenario.name == runbook.name
    assert scenario.description
    assert scenario.seed is not None
    assert main(["scenario", "explain", str(runbook.file)]) == 0
    told = capsys.readouterr().out
    assert scenario.description in told
    assert [rule.id for rule in scenario.rules if f". {rule.id} (" not in told] == []
    head = re.match(r"(#.*\n)+", runbook.file.read_text())
    assert head is not None
    assert [part for part in STORY if f"# {part}" not in head[0]] == []


@every
def test_its_rules_say_whom_they_concern(runbook: Runbook, simulator: Simulator) -> None:
    with under_way(simulator, f"{runbook.name}-asked", runbook) as world:
        for call, said in runbook.asks:
            text = str(world.sim.faults.explain(call))
            assert [part for part in said if not re.search(part, text)] == [], text
        if load(runbook.file).rules:
            assert runbook.asks


def _come(simulator: Simulator, runbook: Runbook, kind: str, run: Callable[[World], None]) -> None:
    with under_way(simulator, f"{runbook.name}-{kind}", runbook) as world:
        run(world)


@every
def test_a_good_client_comes_through(runbook: Runbook, simulator: Simulator) -> None:
    _come(simulator, runbook, "good", runbook.good)


@every
def test_a_bad_client_does_not(runbook: Runbook, simulator: Simulator) -> None:
    _come(simulator, runbook, "bad", runbook.bad)
