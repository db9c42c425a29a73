import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from bqsim.contract.comparing import Difference
from bqsim.contract.errors import ContractError
from bqsim.contract.rules import path_pattern, rule_book
from bqsim.record.model import Operation

DAY = dt.date(2026, 11, 22)
QUERY = Operation("query", "0" * 16, 1, {}, {})


def applied(rule: dict[str, Any], difference: Difference, endpoint: str = "emulator") -> str:
    book = rule_book({"rules": [{"id": "r", "reason": "why", **rule}]}, DAY)
    return book.apply(difference, QUERY, endpoint).rule


@pytest.mark.parametrize(
    ("rule", "difference", "allowed"),
    [
        ({"path": "a.b"}, Difference("a.b", "value", 1, 2), True),
        ({"path": "a.*"}, Difference("a.b", "value", 1, 2), True),
        ({"path": "a.*"}, Difference("a.b.c", "value", 1, 2), False),
        ({"path": "a.**"}, Difference("a.b.c[2].d", "value", 1, 2), True),
        ({"path": "**.d"}, Difference("d", "value", 1, 2), True),
        ({"path": "a[*].b"}, Difference("a[17].b", "value", 1, 2), True),
        ({"path": "rows[*].f"}, Difference("rows[*].f", "value", 1, 2), True),
        ({"path": "a", "kind": "missing"}, Difference("a", "value", 1, 2), False),
        ({"path": "a", "kind": ["missing", "value"]}, Difference("a", "value", 1, 2), True),
        ({"path": "a", "operation": "load"}, Difference("a", "value", 1, 2), False),
        ({"path": "a", "operation": "0000*"}, Difference("a", "value", 1, 2), True),
        ({"path": "a", "endpoint": "emu*"}, Difference("a", "value", 1, 2), True),
        ({"path": "a", "endpoint": "bqsim"}, Difference("a", "value", 1, 2), False),
        ({"path": "a", "tolerance": "5%"}, Difference("a", "value", 100, 105), True),
        ({"path": "a", "tolerance": "5%"}, Difference("a", "value", 100, 106), False),
        ({"path": "a", "tolerance": "5%"}, Difference("a", "value", "100", "96"), True),
        ({"path": "a", "tolerance": 3}, Difference("a", "value", 100, 103), True),
        ({"path": "a", "tolerance": 3}, Difference("a", "value", "x", "y"), False),
        ({"path": "a", "expected": "x*", "found": "y*"}, Difference("a", "value", "xa", "yb"), True),
        ({"path": "a", "expected": "x*", "found": "y*"}, Difference("a", "value", "xa", "zb"), False),
        ({"path": "a", "until": "2026-11-22"}, Difference("a", "value", 1, 2), False),
        ({"path": "a", "until": dt.date(2026, 11, 23)}, Difference("a", "value", 1, 2), True),
    ],
)
def test_what_a_rule_allows(rule: dict[str, Any], difference: Difference, allowed: bool) -> None:
    assert applied(rule, difference) == ("r" if allowed else "")


@pytest.mark.parametrize(
    ("path", "kind", "rule"),
    [
        ("job.etag", "value", "identity"),
        ("job.etag", "missing", ""),
        ("body.creationTime", "value", "time"),
        ("body.creationTime", "type", ""),
        ("job.statistics.totalSlotMs", "value", "measure"),
        ("job.statistics.query.queryPlan[0].steps", "extra", "execution"),
        ("job.statistics.query.cacheHit", "value", ""),
        ("rows[*].id", "value", ""),
        ("rows[3].creationTime", "value", ""),
    ],
)
def test_what_holds_without_rules(path: str, kind: str, rule: str) -> None:
    assert rule_book(None, DAY).apply(Difference(path, kind, "1", "2"), QUERY, "x").rule == rule


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1", "no list of rules"),
        ("rules: [3]", "rule 1: a mapping is expected"),
        ("rules: [{id: a, path: b}]", "rule 1: reason is missing"),
        ("rules: [{id: a, path: b, reason: c, colour: d}]", "there is no colour in rules"),
        ("rules: [{id: a, path: b, reason: c, kind: wrong}]", "'wrong' is no kind"),
        ("rules: [{id: a, path: b, reason: c, tolerance: many}]", "tolerance 'many' is neither"),
        ("rules: [{id: a, path: b, reason: c, until: soon}]", "until 'soon' is no date"),
        ("rules: [{id: a, path: b, reason: c}, {id: a, path: d, reason: e}]", "two rules have the id 'a'"),
        ("rules: [", "not YAML"),
    ],
)
def test_a_file_that_is_wrong_is_named(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(content)
    with pytest.raises(ContractError, match=message) as error:
        rule_book(path)
    assert str(path) in str(error.value)


def test_a_path_is_taken_by_its_letters() -> None:
    assert path_pattern("a.b").fullmatch("a.b")
    assert not path_pattern("a.b").fullmatch("axb")
