"""All mutants can be made, and a run of them tells what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from .run import CLIENT, ROOT, Outcome, StaleMutantError, copy, judge, mutated
from .table import MUTANTS, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_mutant_can_be_made(mutant: Mutant) -> None:
    compile(mutated(mutant), str(CLIENT / mutant.file), "exec")
    for name in mutant.tests:
        file, _, function = name.partition("::")
        source = (ROOT / "tests/client" / file).read_text()
        assert f"def {function.partition('[')[0]}(" in source or not function


def test_names_tell_mutants_apart() -> None:
    assert len(MUTANTS) >= 25
    assert [name for name, count in Counter(m.name for m in MUTANTS).items() if count > 1] == []


def test_texts_that_are_gone_are_an_error() -> None:
    gone = replace(MUTANTS[0], old="no such text")
    with pytest.raises(StaleMutantError, match="0 times"):
        mutated(gone)
    assert judge(gone).verdict == "error"


def test_the_copy_has_the_fault() -> None:
    with copy(MUTANTS[0]) as environment:
        made = Path(environment["PYTHONPATH"]) / "bqclient" / MUTANTS[0].file
        assert made.read_text() == mutated(MUTANTS[0]) != (CLIENT / MUTANTS[0].file).read_text()


def test_survivors_are_not_noticed() -> None:
    verdicts = {v: Outcome(MUTANTS[0], v, 0.0).noticed for v in ("killed", "timeout", "survived", "error")}
    assert verdicts == {"killed": True, "timeout": True, "survived": False, "error": False}
