from __future__ import annotations

import pytest
import yaml

from bqsim.server.known import api_methods, limit_names
from bqsim.sim.scenario.load import Known, parse
from bqsim.sim.scenario.tree import ScenarioError

from .wrong_files import WRONG_FILES, Wrong

KNOWN = Known(api_methods(), limit_names())


def refusal(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f.yaml", KNOWN)
    return str(caught.value)


@pytest.mark.parametrize("wrong", WRONG_FILES, ids=lambda wrong: wrong.name)
def test_wrong_file_is_refused_at_its_place(wrong: Wrong) -> None:
    assert refusal(wrong.text) == "\n".join(f"f.yaml:{line}" for line in wrong.said.split("\n"))


def test_the_parser_without_c_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    said = {wrong.name: refusal(wrong.text).replace("f.yaml:", "") for wrong in WRONG_FILES}
    assert said == {wrong.name: wrong.said for wrong in WRONG_FILES}


def test_there_are_many_and_no_name_twice() -> None:
    assert len(WRONG_FILES) >= 60
    assert len({wrong.name for wrong in WRONG_FILES}) == len(WRONG_FILES)
