"""SARIF 2.1.0, as code hosts read findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = ("none", "note", "warning", "error")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for: ``id`` (``cost/lost-partition-filter``), its name in words, what to do."""

    id: str
    name: str
    help: str = ""
    level: str = "warning"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a rule. ``path`` is relative to the repository ('' when there is none), ``line`` from 1
    (0: the file); ``key`` tells findings apart from run to run, by default rule, path and message."""

    rule: str
    message: str
    path: str = ""
    line: int = 0
    level: str = ""
    key: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)


def log(tool: str, rules: Sequence[Rule], results: Sequence[Found], version: str = "") -> str:
    """The log of one run as JSON. KeyError for a result whose rule is none of ``rules``."""
    known = {rule.id: at for at, rule in enumerate(rules)}
    driver: dict[str, Any] = {"name": tool, "rules": [_rule(rule) for rule in rules]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(found, known[found.rule], rules[known[found.rule]]) for found in results],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    words = {
        "id": rule.id,
        "shortDescription": {"text": rule.name},
        "defaultConfiguration": {"level": rule.level},
    }
    return words | ({"help": {"text": rule.help}} if rule.help else {})


def _result(found: Found, index: int, rule: Rule) -> dict[str, Any]:
    key = found.key or f"{found.rule}\n{found.path}\n{found.message}"
    result: dict[str, Any] = {
        "ruleId": found.rule,
        "ruleIndex": index,
        "level": found.level or rule.level,
        "message": {"text": found.message},
        "partialFingerprints": {"bqsim/v1": hashlib.sha256(key.encode()).hexdigest()[:32]},
    }
    if found.path:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(found.path)}}
        if found.line:
            place["region"] = {"startLine": found.line}
        result["locations"] = [{"physicalLocation": place}]
    if found.properties:
        result["properties"] = dict(found.properties)
    return result
