from __future__ import annotations

import json
import re
from typing import Any

import pytest

from bqsim.sim.scenario.dump import to_dict
from bqsim.sim.scenario.load import parse
from bqsim.sim.scenario.schema import json_schema

from .right_files import RIGHT_FILES

SCHEMA = json_schema()

TYPES: dict[str, Any] = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, int | float) and not isinstance(v, bool),
}
# Each keyword by the page *JSON Schema Validation* of draft 2020-12; those of other types do not apply.
KEYWORDS: dict[str, Any] = {
    "$ref": lambda ref, v, _: valid(SCHEMA["$defs"][ref.removeprefix("#/$defs/")], v),
    "type": lambda name, v, _: TYPES[name](v),
    "enum": lambda choices, v, _: v in choices,
    "anyOf": lambda schemas, v, _: any(valid(one, v) for one in schemas),
    "pattern": lambda pattern, v, _: not isinstance(v, str) or re.search(pattern, v),
    "minLength": lambda least, v, _: not isinstance(v, str) or len(v) >= least,
    "minimum": lambda least, v, _: not TYPES["number"](v) or v >= least,
    "maximum": lambda most, v, _: not TYPES["number"](v) or v <= most,
    "exclusiveMinimum": lambda least, v, _: not TYPES["number"](v) or v > least,
    "items": lambda one, v, _: not isinstance(v, list) or all(valid(one, item) for item in v),
    "required": lambda names, v, _: not isinstance(v, dict) or set(names) <= v.keys(),
    "minProperties": lambda least, v, _: not isinstance(v, dict) or len(v) >= least,
    "maxProperties": lambda most, v, _: not isinstance(v, dict) or len(v) <= most,
    "properties": lambda named, v, _: (
        not isinstance(v, dict) or all(valid(named[key], one) for key, one in v.items() if key in named)
    ),
    "additionalProperties": lambda one, v, schema: (
        not isinstance(v, dict)
        or all(one and valid(one, rest) for key, rest in v.items() if key not in schema.get("properties", {}))
    ),
}
SAID = {"$schema", "$defs", "title", "description", "default", "format"}


def valid(schema: dict[str, Any], value: Any) -> bool:
    assert schema.keys() <= KEYWORDS.keys() | SAID
    return all(KEYWORDS[word](told, value, schema) for word, told in schema.items() if word in KEYWORDS)


@pytest.mark.parametrize("text", RIGHT_FILES.values(), ids=RIGHT_FILES)
def test_what_is_read_fits_the_schema(text: str) -> None:
    assert valid(SCHEMA, to_dict(parse(text)))


@pytest.mark.parametrize(
    "value",
    [
        {"clock": "manual"},
        {"rules": [{"effect": "expire_token"}]},
        {
            "rules": [
                {"effect": {"delay": "1s"}},
                {"effect": {"delay": 2.5}},
                {"effect": {"expire_token": None}},
            ]
        },
        {"rules": [{"effect": {"error": "backendError"}, "match": {"nth": 1, "method": ["a", "b"]}}]},
        {"jobs": [{"progression": "manual"}], "seed": None},
        {"latency": {"rules": [{"latency": {"mixture": [{"weight": 1, "of": {"mixture": []}}]}}]}},
    ],
)
def test_short_forms_fit_the_schema(value: Any) -> None:
    assert valid(SCHEMA, value)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"rule": []},
        {"clock": "slow"},
        {"seed": -1},
        {"rules": [{}]},
        {"rules": [{"effect": "error"}]},
        {"rules": [{"effect": {}}]},
        {"rules": [{"effect": {"error": "backendEror"}}]},
        {"rules": [{"effect": {"error": "backendError", "delay": "1s"}}]},
        {"rules": [{"effect": {"error": {"reason": "backendError", "applied": "yes"}}}]},
        {"rules": [{"effect": {"delay": "-5s"}}]},
        {"rules": [{"effect": {"delay": "soon"}}]},
        {"rules": [{"effect": "expire_token", "match": {"probability": 2}}]},
        {"rules": [{"effect": "expire_token", "match": {"nth": [0]}}]},
        {"limits": {"tenants": {"p": {"a": "x"}}}},
    ],
)
def test_wrong_values_do_not_fit_the_schema(value: Any) -> None:
    assert not valid(SCHEMA, value)


def test_the_schema_is_json_of_the_stated_draft() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    described = [one for one in SCHEMA["$defs"].values() if "description" in json.dumps(one)]
    assert len(described) > 20
