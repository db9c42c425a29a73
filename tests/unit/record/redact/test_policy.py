"""Policies from YAML: what they say, and what is wrong with them, line by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bqsim.record.redact.policy import Policy, PolicyError
from bqsim.record.redact.redactor import Redactor

GOOD = """\
key: {file: key.txt}
keep: [phone, iban]
deny:
  - {name: customer, pattern: 'CUST-[0-9]+', as: pseudonym}
  - {name: codename, text: Project Falcon}
allow:
  - help@corp.com
  - pattern: '[a-z]+@example[.]com'
headers: [X-Internal]
fields: [Salary]
entropy: {length: 30, bits: 4.2}
rows:
  default: drop
  rules:
    - {table: '*.crm.people', column: 'name.*', action: synthesise}
    - {column: email, type: STRING, action: hash}
    - {column: id, action: keep}
"""


def _load(tmp_path: Path, text: str) -> Policy:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    return Policy.load(path)


def test_everything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BQSIM_REDACT_KEY", raising=False)
    (tmp_path / "key.txt").write_text("the key\n")
    policy = _load(tmp_path, GOOD)
    assert policy.key() == b"the key" and policy.keyed and not policy.keeps_rows
    redactor = Redactor(policy)
    assert redactor.text("help@corp.com, ann@example.com") == "help@corp.com, ann@example.com"
    made = redactor.text("CUST-77 of PROJECT falcon")
    assert made.startswith("redacted-customer-") and made.endswith(" of redacted-codename")
    assert redactor.header("x-internal", "1") == "redacted-header"
    assert redactor.value({"salary": "9"}) == {"salary": "redacted-secret-field"}
    assert policy.action("p.crm.people", "name.first", "STRING") == "synthesise"
    assert policy.action("p.crm.people", "email", "STRING") == "hash"
    assert policy.action("p.crm.people", "other", "STRING") == "drop"
    assert policy.action("", "id", "INTEGER") == "keep"


def test_a_description_tells_the_rules_and_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("the key\n")
    policy = _load(tmp_path, GOOD)
    told = policy.described()
    assert "the key" not in str(told) and "Falcon" not in str(told)
    again = Policy.of(told)
    assert again.described()["rows"] == told["rows"] and again.keep == policy.keep
    assert again.action("p.crm.people", "name.first", "STRING") == "synthesise"
    assert Policy.of(Policy.default().described()) == Policy.default()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("keeps: [a]", ["1:1: a policy has no member 'keeps'; did you mean keep?"]),
        ("keep: [phones]", ["1:8: there is no kind 'phones'; did you mean phone?"]),
        ("deny:\n  - {name: a, pattern: '('}", ["2:24: the pattern is no regular expression"]),
        ("deny:\n  - {name: a, pattern: 'x*'}", ["2:24: the pattern fits the empty text"]),
        ("deny:\n  - {pattern: 'x'}", ["2:5: a rule of deny needs a name"]),
        ("deny:\n  - {name: Bad Name, text: x}", ["2:12: a name has lower-case letters"]),
        ("deny:\n  - {name: a}", ["2:5: a rule has either text or pattern"]),
        ("rows:\n  rules:\n    - {action: hide}", ["3:16: action is one of keep, drop, hash, synthesise"]),
        ("rows:\n  rules:\n    - {column: a}", ["3:7: a rule of rows needs an action"]),
        ("rows: 3", ["1:7: rows is a mapping"]),
        ("entropy: {length: 3}", ["1:19: length is a number from 16 to 256"]),
        ("entropy: maybe", ["1:10: entropy is on, off"]),
        ("key: hunter2", ["1:6: a key does not stand in a policy"]),
        ("allow: x", ["1:8: allow is a list"]),
        ("keep: [nope]\nfoo: 1\n", ["1:8: there is no kind 'nope'", "2:1: a policy has no member 'foo'"]),
        ("a: [", ["2:1: this is not valid YAML"]),
    ],
)
def test_problems_tell_their_lines(tmp_path: Path, text: str, problems: list[str]) -> None:
    with pytest.raises(PolicyError) as raised:
        _load(tmp_path, text)
    lines = str(raised.value).split("\n")
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(f"{tmp_path / 'policy.yaml'}:{problem}"), line


def test_hashes_need_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BQSIM_REDACT_KEY", raising=False)
    policy = _load(tmp_path, "rows: {default: hash}")
    with pytest.raises(PolicyError, match="set BQSIM_REDACT_KEY"):
        Redactor(policy)
    monkeypatch.setenv("BQSIM_REDACT_KEY", "k")
    assert Redactor(policy).dicts([{"a": "x"}]) == Redactor(policy, key="k").dicts([{"a": "x"}])
    with pytest.raises(PolicyError, match="cannot be read"):
        Redactor(_load(tmp_path, "key: {file: nowhere}\n").__class__(key_env="NO_SUCH", key_file="/nowhere"))


def test_a_missing_policy(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="the policy cannot be read"):
        Policy.load(tmp_path / "none.yaml")
